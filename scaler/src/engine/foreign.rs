//! Changes of replicas that nobody here decided: told apart, as far as the swarm lets them be.
//!
//! A person's word holds. What a redeployed stack does to the replicas is nobody's word: its file names the number that the service
//! began with. See [`ChangeLooks`] for what can be told apart; in doubt it was a person.

use std::time::Duration;

use super::Moment;
use crate::{
    decide::{REASSERT_PAUSE, REASSERT_WITHIN, Reset, ResetBy, ServiceState},
    observation::{ChangeLooks, Mode, Observation},
    record::Outcome,
};

/// What is remembered of a service's number of replicas.
#[derive(Clone, Debug, Default)]
pub(super) struct Foreign {
    /// As last seen.
    seen: Option<u32>,
    /// What a write of ours set or may have set, until that is seen.
    expected: Option<u32>,
    /// The number that the stack's file has, once it is known.
    declared: Option<u32>,
}

impl Foreign {
    /// A write of ours is about to set so many.
    pub(super) const fn issued(&mut self, to: u32) {
        self.expected = Some(to);
    }

    /// The write came to nothing for certain.
    pub(super) const fn not_written(&mut self) {
        self.expected = None;
    }

    /// Compares what a view shows with what was seen before, and notes a reset in `state`.
    ///
    /// `acts`: this sidecar leads and is not switched off for the service. Who does not act cannot tell what is its own.
    pub(super) fn look(
        &mut self,
        observation: &Observation,
        (view_taken, acts): (Option<Duration>, bool),
        state: &mut ServiceState,
        moment: Moment,
    ) {
        let Mode::Replicated { replicas } = observation.mode else {
            state.reset = None;
            return;
        };
        let first = self.seen.is_none();
        let written = self.written(view_taken, state);
        let before = written.or(self.seen);
        let ours = self.expected == Some(replicas);
        if ours || written.is_some() {
            self.expected = None;
        }
        self.seen = Some(replicas);
        let known = state.reset;
        if ours || !acts {
            state.reset = None;
        } else if let Some(before) = before.filter(|before| *before != replicas) {
            state.reset = self.reset(observation, (before, replicas), state, moment);
        } else if known.is_some_and(|reset| moment.now.saturating_sub(reset.at) >= REASSERT_WITHIN)
        {
            state.reset = None;
        }
        self.note_declared(observation, replicas, first);
    }

    /// What a write of ours set before this view was taken, if no view has shown it yet.
    fn written(&self, view_taken: Option<Duration>, state: &ServiceState) -> Option<u32> {
        let last = state.last_write.as_ref()?;
        let shown = view_taken.is_some_and(|taken| taken > last.at);
        let applied = last.outcome == Outcome::Applied && self.expected == Some(last.to);
        (applied && shown).then_some(last.to)
    }

    /// A change that is not ours: a reset, unless it may be a person's.
    fn reset(
        &self,
        observation: &Observation,
        (before, replicas): (u32, u32),
        state: &ServiceState,
        moment: Moment,
    ) -> Option<Reset> {
        let change = observation.change?;
        let by = match change.looks {
            ChangeLooks::Deployment => ResetBy::StackDeploy,
            ChangeLooks::StackReplicas if self.declared == Some(replicas) => {
                ResetBy::PresumedStackDeploy
            }
            ChangeLooks::StackReplicas | ChangeLooks::Other => return None,
        };
        // Who sets the same number again right after it was put back means it.
        let insists = by == ResetBy::PresumedStackDeploy
            && state
                .reasserted_at
                .is_some_and(|at| moment.now.saturating_sub(at) < REASSERT_PAUSE);
        let was = if change.before == replicas {
            before
        } else {
            change.before
        };
        let was = state.reset.map_or(was, |known| known.was.max(was));
        (!insists && replicas > 0 && replicas < was).then_some(Reset {
            at: moment.now,
            unix_ms: moment.unix_ms,
            was,
            to: replicas,
            by,
        })
    }

    /// A specification that was never changed, or was last changed by a deployment, has the file's number.
    fn note_declared(&mut self, observation: &Observation, replicas: u32, first: bool) {
        let looks = observation.change.map(|change| change.looks);
        if looks == Some(ChangeLooks::Deployment) || (first && looks.is_none()) {
            self.declared = Some(replicas);
        }
    }
}
