//! What the scaler is told about a service and about the swarm at one tick.
//!
//! Plain data that the shell fills in from its swarm view and its collector; nothing here is checked, [`crate::decide()`] is.

use std::{borrow::Borrow, fmt, sync::Arc, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::metric::Readings;

macro_rules! shared_text {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The text itself.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map(|text| Self(text.into()))
            }
        }
    };
}

shared_text! {
    /// A service's name, unique within a swarm: the key of history and administrative state. Cheap to clone.
    ServiceName
}

shared_text! {
    /// A service's ID as the Engine API gives it. A service removed and created anew keeps its name but not its ID.
    ServiceId
}

/// How a service is scheduled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// So many replicas: the only mode that can be scaled.
    Replicated {
        /// Replicas in the service's spec.
        replicas: u32,
    },
    /// One task on each node.
    Global,
    /// A job that runs a number of tasks to their end.
    ReplicatedJob,
    /// A job that runs once on each node.
    GlobalJob,
    /// A mode that the shell does not know.
    Unknown,
}

impl Mode {
    /// Replicas in the spec; 0 in the modes that have none.
    #[must_use]
    pub const fn replicas(self) -> u32 {
        match self {
            Self::Replicated { replicas } => replicas,
            Self::Global | Self::ReplicatedJob | Self::GlobalJob | Self::Unknown => 0,
        }
    }

    /// The mode's name as Docker writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Replicated { .. } => "replicated",
            Self::Global => "global",
            Self::ReplicatedJob => "replicated-job",
            Self::GlobalJob => "global-job",
            Self::Unknown => "unknown",
        }
    }
}

/// Where a rollout of the service stands (the Engine API's `UpdateStatus.State`).
///
/// Changing replicas while a rollout is paused resumes it, while it runs restarts it: in all but `Idle` nothing is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rollout {
    /// None has run, or the last has completed: absent, `completed`, `rollback_completed`.
    #[default]
    Idle,
    /// `updating`.
    Updating,
    /// `paused`.
    Paused,
    /// `rollback_started`.
    RollbackStarted,
    /// `rollback_paused`.
    RollbackPaused,
    /// A state that the shell does not know.
    Unknown,
}

/// The last change of a service's specification, as far as the swarm tells; a change of replicas by the scaler is one too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpecChange {
    /// Replicas before it.
    pub before: u32,
    /// What it looks like.
    pub looks: ChangeLooks,
}

/// What a change of a specification looks like. The swarm does not say who made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeLooks {
    /// A stack was deployed: more than replicas changed, or other services of the stack were updated with it.
    Deployment,
    /// Only the replicas of a service of a stack changed: it was scaled, or a stack of one service was deployed as it was.
    StackReplicas,
    /// Anything else: a person's doing.
    Other,
}

/// One service at one tick.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observation {
    /// How it is scheduled, and its replicas in the spec.
    pub mode: Mode,
    /// Tasks that are running, desired running, on a ready node.
    pub serving: u32,
    /// Tasks that are desired running but do not run yet (pending, assigned, preparing, starting, …).
    pub starting: u32,
    /// Tasks that still run on a *ready* node though they are not desired running. Phantom tasks of a dead node do not count:
    /// they stay until the node returns.
    pub draining: u32,
    /// Tasks that ended by failing, as far as the swarm still lists them: only its rise says something.
    pub failed: u32,
    /// How long tasks of the service took lately from being wanted to running, by their own time stamps; `None`: not known. The
    /// scaler measures by what it sees serving in any case, and takes the longer.
    pub start_up: Option<Duration>,
    /// Where a rollout stands.
    pub rollout: Rollout,
    /// What the last change of its specification did to the replicas; `None`: there was none, or it is not known.
    pub change: Option<SpecChange>,
    /// What telemetry says about the containers of the serving tasks.
    pub metrics: Readings,
}

/// Whether this sidecar is the one that may act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leadership {
    /// This node leads the swarm.
    Leader,
    /// Another manager leads.
    Follower {
        /// Host name or ID of the leader, for the record.
        leader: Option<String>,
    },
    /// No leader can be seen, or this node is no manager.
    Unknown {
        /// What is known about why.
        reason: String,
    },
}

/// Whether the swarm knows the state of its nodes. After an election it does not, for up to 20 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nodes {
    /// Every node is ready, down or disconnected for certain.
    Known,
    /// So many nodes are in state `unknown`.
    Unknown {
        /// Nodes in that state.
        count: u32,
    },
}

/// The swarm as a whole at one tick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwarmCondition {
    /// Whether this sidecar may act.
    pub leadership: Leadership,
    /// Whether node states can be trusted.
    pub nodes: Nodes,
    /// Age of the view that the observations were taken from, counted from *before* it was requested; `None` when there is none yet.
    pub view_age: Option<Duration>,
}
