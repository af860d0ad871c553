//! Putting back the replicas that a redeployed stack took away (docker/cli#2235).
//!
//! Only upwards: a reset that adds replicas does no harm, and is taken away again when telemetry says so. It rests on what was decided
//! before the reset, so it needs no telemetry; whatever forbids any change forbids this too.

use std::time::Duration;

use super::{REASSERT_PAUSE, REASSERT_WITHIN, ScaleReason, Situation};
use crate::policy::Policy;

/// What to go back to, if that is asked for and there is anything.
pub(super) fn reassert(
    policy: &Policy,
    situation: &Situation<'_>,
    now: Duration,
) -> Option<(u32, ScaleReason)> {
    let state = situation.state;
    let reset = state.reset.filter(|_| policy.reassert())?;
    let within = |at: Duration, span: Duration| now.saturating_sub(at) < span;
    if !within(reset.at, REASSERT_WITHIN)
        || state
            .reasserted_at
            .is_some_and(|at| within(at, REASSERT_PAUSE))
    {
        return None;
    }
    let bounds = policy.bounds();
    let to = reset.was.clamp(bounds.min(), bounds.max());
    let reason = ScaleReason::Reasserted {
        was: reset.was,
        reset_to: reset.to,
        by: reset.by,
    };
    (to > situation.observation.mode.replicas()).then_some((to, reason))
}
