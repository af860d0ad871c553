//! The backend set: what the swarm offers to balance over, as plain input.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::key::Protocol;

/// Whether a backend set is all there is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Completeness {
    /// It is.
    Complete,
    /// Something may be missing: a node is unknown, a list failed half way. The last table is kept.
    Partial {
        /// What may be missing, in a person's words.
        reason: String,
    },
}

/// How far a swarm's history had come when it was listed: of two, the greater is the newer.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Generation {
    /// The highest `Version.Index` that the manager has listed so far, of services, tasks and nodes. It is an index into
    /// the swarm's raft log, so that all managers agree on it, and one that is cut off from the others stays behind.
    pub index: u64,
    /// When the list was made, Unix milliseconds by the manager's clock: it tells apart what the index cannot, since a
    /// removal moves no index.
    pub listed_unix_ms: u64,
}

/// All services of one look at the swarm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackendSet {
    /// The swarm's id (`Swarm.Cluster.ID` of `/info`); empty if unknown. Generations of two swarms cannot be compared.
    pub cluster: String,
    /// How far the swarm's own history had come.
    pub generation: Generation,
    /// Whether this is all there is.
    pub completeness: Completeness,
    /// The services, with and without labels of ours.
    pub services: Vec<Service>,
    /// IDs of tasks that serve and shall get no new connections for a while: they do much worse than their siblings.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub quarantined: BTreeSet<String>,
}

impl BackendSet {
    /// Makes those in quarantine drain, but never more than half of those that serve of a service.
    pub fn isolate(&mut self) {
        let Self {
            services,
            quarantined,
            ..
        } = self;
        if quarantined.is_empty() {
            return;
        }
        for service in services {
            let serves = |backend: &&mut Backend| backend.state == BackendState::Serving;
            let serving = service.backends.iter_mut().filter(serves).count();
            let those = service
                .backends
                .iter_mut()
                .filter(serves)
                .filter(|backend| quarantined.contains(&backend.task));
            for backend in those.take(serving / 2) {
                backend.state = BackendState::Draining;
            }
        }
    }
}

/// A service and its backends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// The service's id.
    pub id: String,
    /// The service's name.
    pub name: String,
    /// Its labels (`deploy.labels`).
    pub labels: BTreeMap<String, String>,
    /// When it was made, in whatever unit grows with time (Unix milliseconds, a version index); of two services that
    /// claim the same virtual service the older one has it. 0 if unknown; equal ones are told apart by their ids.
    pub created: u64,
    /// How long a container may take to end: connections of a destination that is gone are waited for no longer.
    #[serde(rename = "stop_grace_period_ms", with = "milliseconds")]
    pub stop_grace_period: Duration,
    /// Its tasks that run.
    pub backends: Vec<Backend>,
}

/// A task that connections can go to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backend {
    /// The task's id.
    pub task: String,
    /// The node's host name or id, for people.
    pub node: String,
    /// The node's address; `None` where the engine does not say.
    pub address: Option<IpAddr>,
    /// Ports that the task publishes on its node in host mode. Twins are allowed.
    pub ports: Vec<BackendPort>,
    /// Whether it takes new connections.
    pub state: BackendState,
}

/// A port of a task on its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BackendPort {
    /// Port inside the container.
    pub target: u16,
    /// Port on the node.
    pub published: u16,
    /// Protocol.
    pub protocol: Protocol,
}

/// Whether a backend takes new connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BackendState {
    /// It runs and is meant to. A task with a health check of Docker's is not said to run before that succeeds.
    Serving,
    /// It still runs, and is wanted gone or let alone: weight 0 as long as that lasts.
    Draining,
}

/// A duration as whole milliseconds.
pub(crate) mod milliseconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        duration: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}
