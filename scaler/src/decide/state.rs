//! What a decision has to remember of a service.

use std::time::Duration;

use crate::record::Outcome;

/// A write that has not been answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InFlight {
    /// When it was issued.
    pub since: Duration,
    /// Replicas asked for.
    pub to: u32,
}

/// The last write that has ended, in whatever way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastWrite {
    /// When it ended.
    pub at: Duration,
    /// Replicas asked for.
    pub to: u32,
    /// How it ended.
    pub outcome: Outcome,
}

/// What the engine remembers of a service between ticks, as far as decisions depend on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceState {
    /// The write under way.
    pub in_flight: Option<InFlight>,
    /// The write before.
    pub last_write: Option<LastWrite>,
    /// Writes in a row that were not applied.
    pub failures: u32,
    /// Until when no write is tried after failures.
    pub back_off_until: Option<Duration>,
    /// When a write of ours last changed replicas, or may have: cooldowns count from here.
    pub scaled_at: Option<Duration>,
    /// When the number of serving replicas last changed, by whomever, or a write did: counters from before it say nothing about now.
    pub changed_at: Option<Duration>,
}
