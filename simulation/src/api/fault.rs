//! Faults of the Engine API, switchable while it runs.

use std::time::Duration;

use crate::random::Random;

/// What goes wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The answer comes that much later.
    Latency(Duration),
    /// The answer never comes; the connection stays open.
    Hang,
    /// The connection is closed without an answer, and the request has no effect.
    Drop,
    /// The connection is closed without an answer, but the request has had its effect.
    DropAfterEffect,
    /// HTTP 500: the swarm does not have a leader.
    NoLeader,
    /// HTTP 503: this node is not a swarm manager.
    NotManager,
    /// HTTP 500 with some other text.
    ServerError,
    /// For a write: somebody else's write comes first, so that the version index is stale.
    Conflict,
    /// The body ends in the middle, and the connection with it.
    Truncate,
}

/// A fault, and which requests it strikes. The first that strikes counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// What goes wrong.
    pub kind: FaultKind,
    /// Beginning of the paths it strikes, without a version prefix: `/tasks`; empty strikes all.
    pub path: String,
    /// How often, `0.0..=1.0`.
    pub probability: f64,
}

impl Fault {
    /// A fault that strikes every request.
    #[must_use]
    pub fn always(kind: FaultKind) -> Self {
        Self {
            kind,
            path: String::new(),
            probability: 1.0,
        }
    }

    /// Restricts a fault to paths that begin so: a partial outage.
    #[must_use]
    pub fn on(self, path: &str) -> Self {
        Self {
            path: path.to_owned(),
            ..self
        }
    }

    /// Makes a fault strike now and then.
    #[must_use]
    pub fn sometimes(self, probability: f64) -> Self {
        Self {
            probability,
            ..self
        }
    }

    pub(crate) fn strikes(&self, path: &str, random: &mut Random) -> bool {
        let path = super::without_version(path).unwrap_or(path);
        path.starts_with(&self.path) && random.chance(self.probability)
    }
}
