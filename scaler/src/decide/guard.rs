//! The preconditions of a decision.

use std::time::Duration;

use super::Situation;
use crate::{
    admin::AdminMode,
    hold::HoldReason,
    observation::{Leadership, Mode, Nodes, Rollout},
    policy::{Direction, Policy},
    record::{Outcome, bounded_text},
    time::{millis, remaining},
};

/// What forbids any change, even one back into the bounds.
pub(super) fn before_bounds(situation: &Situation<'_>, now: Duration) -> Option<HoldReason> {
    let observation = situation.observation;
    let Mode::Replicated { replicas } = observation.mode else {
        return Some(HoldReason::NotReplicated {
            mode: observation.mode.name().to_owned(),
        });
    };
    if situation.admin.mode == AdminMode::Disabled {
        return Some(HoldReason::Disabled {
            by: situation.admin.by,
        });
    }
    swarm(situation)
        .or_else(|| writes(situation, replicas, now))
        .or_else(|| {
            (observation.rollout != Rollout::Idle).then_some(HoldReason::Rollout {
                state: observation.rollout,
            })
        })
        .or_else(|| (replicas == 0).then_some(HoldReason::ScaledToZero))
}

/// What the state of the swarm forbids.
fn swarm(situation: &Situation<'_>) -> Option<HoldReason> {
    let swarm = situation.swarm;
    let age = swarm.view_age;
    if age.is_none_or(|age| age > situation.settings.view_max_age) {
        return Some(HoldReason::ViewStale {
            age_ms: age.map(millis),
        });
    }
    match &swarm.leadership {
        Leadership::Leader => {}
        Leadership::Follower { leader } => {
            return Some(HoldReason::NotLeader {
                leader: leader.as_deref().map(bounded_text),
            });
        }
        Leadership::Unknown { reason } => {
            return Some(HoldReason::LeadershipUnknown {
                why: bounded_text(reason),
            });
        }
    }
    match swarm.nodes {
        Nodes::Known => None,
        Nodes::Unknown { count } => Some(HoldReason::NodesUnknown { count }),
    }
}

/// What earlier writes forbid.
fn writes(situation: &Situation<'_>, replicas: u32, now: Duration) -> Option<HoldReason> {
    let state = situation.state;
    if let Some(write) = state.in_flight {
        return Some(HoldReason::WritePending {
            to: write.to,
            since_ms: millis(now.saturating_sub(write.since)),
        });
    }
    let last = state.last_write.as_ref()?;
    let view_taken = now.saturating_sub(situation.swarm.view_age.unwrap_or(now));
    let before_write = view_taken <= last.at;
    match &last.outcome {
        Outcome::Applied if before_write => return Some(HoldReason::AwaitingView { to: last.to }),
        Outcome::Conflict if before_write => return Some(HoldReason::Conflict),
        Outcome::Unknown { .. } if before_write || replicas != last.to => {
            let left = remaining(last.at, situation.settings.unknown_wait, now);
            if before_write || left.is_some() {
                let remaining_ms = left.map_or(0, millis);
                return Some(HoldReason::OutcomeUnknown {
                    to: last.to,
                    remaining_ms,
                });
            }
        }
        Outcome::Applied
        | Outcome::Conflict
        | Outcome::Unknown { .. }
        | Outcome::Refused { .. }
        | Outcome::Failed { .. } => {}
    }
    let left = state.back_off_until?.saturating_sub(now);
    (!left.is_zero()).then(|| HoldReason::BackOff {
        remaining_ms: millis(left),
        failures: state.failures,
        last: last.outcome.message().to_owned(),
    })
}

/// What forbids a change in one direction only.
pub(super) fn against(
    direction: Direction,
    policy: &Policy,
    situation: &Situation<'_>,
    now: Duration,
) -> Option<HoldReason> {
    if direction == Direction::Down {
        let observation = situation.observation;
        if observation.draining > 0 {
            return Some(HoldReason::Draining {
                serving: observation.serving,
                draining: observation.draining,
            });
        }
        let failing = situation.settings.failing_wait;
        if let Some(left) = situation
            .track
            .failed_at()
            .and_then(|at| remaining(at, failing, now))
        {
            return Some(HoldReason::Failing {
                remaining_ms: millis(left),
            });
        }
        let warm_up = situation.settings.warm_up;
        let left = situation
            .leader_since
            .map_or(Some(warm_up), |since| remaining(since, warm_up, now));
        if let Some(left) = left {
            return Some(HoldReason::WarmUp {
                remaining_ms: millis(left),
            });
        }
    }
    let left = remaining(situation.state.scaled_at?, policy.cooldown(direction), now)?;
    Some(HoldReason::Cooldown {
        direction,
        remaining_ms: millis(left),
    })
}
