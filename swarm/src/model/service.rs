//! Services: what should run.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::{Protocol, Task, words};
use crate::id::ServiceId;

/// A service and its tasks, as of one snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Service {
    /// The identifier.
    pub id: ServiceId,
    /// The name, unique in the swarm.
    pub name: String,
    /// `CreatedAt` in milliseconds since 1970; `None` where it cannot be read.
    pub created_unix_ms: Option<u64>,
    /// `Version.Index`: moves with every change of the service, and with every change of its rollout's state.
    pub version_index: u64,
    /// The service's labels (`deploy.labels` of a stack file), not those of its containers.
    pub labels: BTreeMap<String, String>,
    /// How many tasks there should be.
    pub mode: Mode,
    /// What the last update of the specification changed; `None` when there was none, or the engine does not say.
    #[serde(default)]
    pub last_update: Option<LastUpdate>,
    /// The state of the last rollout.
    pub update: UpdateState,
    /// What the engine says about that state, in its own words; empty without a rollout.
    pub update_message: String,
    /// What one container of the service may use, as the specification has it now.
    pub resources: Resources,
    /// How long a container may take to end after SIGTERM; the engine's default of 10 s where none is set.
    pub stop_grace_period: Duration,
    /// Published ports, in the order of the specification.
    pub ports: Vec<ServicePort>,
    /// Networks, by identifier, on which swarm balances the service at a VIP.
    pub vip_networks: Vec<String>,
    /// The service's tasks, past ones that the engine still remembers included, by task identifier.
    pub tasks: Vec<Task>,
}

/// What the last update of a service's specification changed, as its previous one tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastUpdate {
    /// Replicas before it; `None` when the mode was another.
    pub replicas_before: Option<u32>,
    /// Whether anything besides the number of replicas changed.
    pub otherwise: bool,
    /// Whether another service of the same stack was updated at the same time, and not merely scaled: what `docker stack deploy`
    /// does, also with a file that has not changed.
    pub with_stack: bool,
}

/// How many tasks a service should have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// A fixed number of tasks: the only mode that can be scaled.
    Replicated {
        /// How many.
        replicas: u32,
    },
    /// One task on every node.
    Global,
    /// A number of tasks that run to completion.
    ReplicatedJob,
    /// One task on every node, run to completion.
    GlobalJob,
    /// A mode that this version does not know, or a number of replicas that it cannot read.
    Unknown,
}

/// The label that names the stack of a service that `docker stack deploy` made.
const STACK: &str = "com.docker.stack.namespace";

impl Service {
    /// The stack that it belongs to.
    #[must_use]
    pub fn stack(&self) -> Option<&str> {
        self.labels.get(STACK).map(String::as_str)
    }
}

impl Mode {
    /// The number of replicas, for a replicated service.
    #[must_use]
    pub fn replicas(self) -> Option<u32> {
        match self {
            Self::Replicated { replicas } => Some(replicas),
            _ => None,
        }
    }

    /// The word for it, as the command line prints it.
    #[must_use]
    pub fn as_word(self) -> &'static str {
        match self {
            Self::Replicated { .. } => "replicated",
            Self::Global => "global",
            Self::ReplicatedJob => "replicated-job",
            Self::GlobalJob => "global-job",
            Self::Unknown => "unknown",
        }
    }
}

words! {
    /// `UpdateStatus.State`: how the last rollout goes.
    UpdateState {
        /// Never updated, or the engine forgot.
        None = "none",
        /// Tasks are being replaced.
        Updating = "updating",
        /// A rollout failed and waits for a person. Any change of the service resumes it and kills good tasks.
        Paused = "paused",
        /// The rollout ended well.
        Completed = "completed",
        /// Going back to the previous specification.
        RollbackStarted = "rollback_started",
        /// Going back failed and waits for a person.
        RollbackPaused = "rollback_paused",
        /// Went back to the previous specification.
        RollbackCompleted = "rollback_completed",
    }
}

impl UpdateState {
    /// True where a change of the number of replicas would interfere with a rollout: in every state but "none",
    /// "completed" and "`rollback_completed`", states that are not known included.
    #[must_use]
    pub fn blocks_scaling(&self) -> bool {
        !matches!(self, Self::None | Self::Completed | Self::RollbackCompleted)
    }
}

/// What one container may use, and what the scheduler sets aside for it. `None`: no limit, or nothing set aside.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Resources {
    /// `Limits.NanoCPUs` in cores; above 0.
    pub cpu_limit_cores: Option<f64>,
    /// `Limits.MemoryBytes`; above 0.
    pub memory_limit_bytes: Option<u64>,
    /// `Reservations.NanoCPUs` in cores; above 0.
    pub cpu_reservation_cores: Option<f64>,
    /// `Reservations.MemoryBytes`; above 0.
    pub memory_reservation_bytes: Option<u64>,
}

/// A published port of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServicePort {
    /// The port inside the container; above 0.
    pub target: u16,
    /// The port outside, where it is the same for all tasks. `None` for host-mode ports that each node picks itself.
    pub published: Option<u16>,
    /// TCP, UDP or SCTP.
    pub protocol: Protocol,
    /// Where it is published.
    pub mode: PublishMode,
}

words! {
    /// Where a port is published.
    PublishMode {
        /// On every node, by the swarm's own mesh.
        Ingress = "ingress",
        /// On the node that runs the task.
        Host = "host",
    }
}
