//! Plain counters; publishing them is the shell's business.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::hold::HoldKind;

/// Counters over all services. Those that are not said to be of the last tick only grow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Ticks.
    pub ticks: u64,
    /// Services in the last tick's inputs, opted in or not.
    pub seen: usize,
    /// Services decided about in the last tick.
    pub decided: usize,
    /// Services with state after the last tick.
    pub tracked: usize,
    /// Services not looked at in the last tick because `services_max` was reached.
    pub over_limit: usize,
    /// Writes under way.
    pub in_flight: usize,
    /// Commands issued.
    pub commands: u64,
    /// Writes applied that added replicas.
    pub scale_ups: u64,
    /// Writes applied that took replicas away.
    pub scale_downs: u64,
    /// Holds by reason, one for each service and tick.
    pub holds: BTreeMap<HoldKind, u64>,
    /// Ends of writes by outcome.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// Ends of writes that were not under way.
    pub completed_unknown: u64,
}

impl Stats {
    /// Begins a tick.
    pub(super) const fn start_tick(&mut self, seen: usize) {
        self.ticks += 1;
        self.seen = seen;
        self.decided = 0;
        self.over_limit = 0;
    }
}

/// Counters of one service; they only grow while it has state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Writes applied that added replicas.
    pub scale_ups: u64,
    /// Writes applied that took replicas away.
    pub scale_downs: u64,
    /// Times that a redeployed stack took replicas away.
    pub resets: u64,
    /// Writes applied that put those back.
    pub reassertions: u64,
    /// Holds by reason, one for each tick.
    pub holds: BTreeMap<HoldKind, u64>,
}
