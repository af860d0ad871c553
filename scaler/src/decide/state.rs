//! What a decision has to remember of a service.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::record::Outcome;

/// What a person is told of a change that a redeployed stack made, and for how long it can be put back.
pub const REASSERT_WITHIN: Duration = Duration::from_secs(15 * 60);

/// Least time between two re-assertions of one service: whoever resets again at once is not fought.
pub const REASSERT_PAUSE: Duration = Duration::from_secs(60);

/// Replicas that a redeployed stack took away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reset {
    /// When it was seen; not part of records.
    #[serde(skip)]
    pub at: Duration,
    /// Wall-clock time at which it was seen.
    pub unix_ms: u64,
    /// Replicas before.
    pub was: u32,
    /// Replicas that it set.
    pub to: u32,
    /// How it is known.
    pub by: ResetBy,
}

/// How a reset of replicas by a redeployed stack is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResetBy {
    /// The deployment left traces beside the replicas.
    StackDeploy,
    /// Nothing but the replicas of a service of a stack changed, to the number that its file was seen to have.
    PresumedStackDeploy,
}

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
    /// Replicas that a redeployed stack took away, as long as nothing has come of it.
    pub reset: Option<Reset>,
    /// When a write of ours last put back what was reset, or may have.
    pub reasserted_at: Option<Duration>,
    /// When the number of serving replicas last changed, by whomever, or a write did: counters from before it say nothing about now.
    pub changed_at: Option<Duration>,
}
