//! Tasks: what does run, or did.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{Node, NodeState, Resources, words};
use crate::id::{ContainerId, NodeId, TaskId};

/// One task of a service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// The identifier.
    pub id: TaskId,
    /// The replica number, from 1; `None` in global services.
    pub slot: Option<u64>,
    /// Where it runs; `None` until the scheduler has placed it.
    pub node_id: Option<NodeId>,
    /// `Status.State`: what the node last said. A node that died says nothing more, so this stays "running".
    pub state: TaskState,
    /// `DesiredState`: what the swarm wants. It becomes "remove" or "shutdown" before the container gets SIGTERM.
    pub desired: TaskState,
    /// `Status.Err`; empty when all is well.
    pub error: String,
    /// The container; `None` before there is one.
    pub container_id: Option<ContainerId>,
    /// What this container may use. It differs from the service's during a rollout.
    pub resources: Resources,
    /// Host-mode ports of this task, each once.
    pub ports: Vec<TaskPort>,
    /// Addresses on networks of the swarm.
    pub addresses: Vec<TaskAddress>,
}

impl Task {
    /// Judges what the task is good for, given the node it is placed on (`None`: not in the list of nodes).
    #[must_use]
    pub fn phase(&self, node: Option<&Node>) -> Phase {
        match (&self.state, &self.desired) {
            (TaskState::Running, _) if node.is_none_or(|node| node.state != NodeState::Ready) => {
                Phase::Unreachable
            }
            (TaskState::Running, TaskState::Running) => Phase::Serving,
            (TaskState::Running, _) => Phase::Draining,
            (state, desired) if state.is_before_running() && desired.is_wanted() => Phase::Starting,
            _ => Phase::Stopped,
        }
    }
}

/// What a task is good for at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// On its way: wanted, and not running yet (pending ones included, which may never start).
    Starting,
    /// Running, meant to run, on a node that is ready.
    Serving,
    /// Still running on a ready node, and meant to end: finish what it has, give it nothing new.
    Draining,
    /// Said to be running, on a node that is not ready. After a node died this is a phantom; after a change of leader
    /// it may well be alive. The node's state tells which is likelier.
    Unreachable,
    /// Ended, failed, or about to be forgotten.
    Stopped,
}

words! {
    /// A task's state, in the order in which a task goes through them.
    TaskState {
        /// Created.
        New = "new",
        /// Networks are being allotted.
        Allocated = "allocated",
        /// Waiting for a node.
        Pending = "pending",
        /// A node was chosen.
        Assigned = "assigned",
        /// The node took it.
        Accepted = "accepted",
        /// The image is being fetched, the container made.
        Preparing = "preparing",
        /// Could start.
        Ready = "ready",
        /// The container is starting.
        Starting = "starting",
        /// Running; with a health check: and healthy.
        Running = "running",
        /// Ended by itself with code 0.
        Complete = "complete",
        /// Ended because it was told to.
        Shutdown = "shutdown",
        /// Ended with an error.
        Failed = "failed",
        /// The node would not have it.
        Rejected = "rejected",
        /// To be removed: what a scale-down sets as the desired state.
        Remove = "remove",
        /// On a node that was gone for too long.
        Orphaned = "orphaned",
    }
}

impl TaskState {
    fn is_before_running(&self) -> bool {
        matches!(
            self,
            Self::New
                | Self::Allocated
                | Self::Pending
                | Self::Assigned
                | Self::Accepted
                | Self::Preparing
                | Self::Ready
                | Self::Starting
        )
    }

    /// "ready" is what swarm desires during a restart delay: the task will be wanted in a moment.
    fn is_wanted(&self) -> bool {
        matches!(self, Self::Running | Self::Ready)
    }
}

/// A port that a node publishes for one task.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TaskPort {
    /// The port inside the container; above 0.
    pub target: u16,
    /// The port on the node; above 0.
    pub published: u16,
    /// TCP, UDP or SCTP.
    pub protocol: Protocol,
}

/// The protocol of a port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Protocol {
    /// TCP, also where the engine says nothing.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
    /// A protocol that this version does not know.
    Other(Box<str>),
}

impl Protocol {
    /// Reads the engine's word for it. Never fails.
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        match word {
            "" | "tcp" => Self::Tcp,
            "udp" => Self::Udp,
            "sctp" => Self::Sctp,
            other => Self::Other(other.into()),
        }
    }

    /// The engine's word for it.
    #[must_use]
    pub fn as_word(&self) -> &str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
            Self::Other(word) => word,
        }
    }
}

/// An address of a task on a network of the swarm, reachable from inside that network only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskAddress {
    /// The network's identifier; empty if the engine does not say.
    pub network_id: String,
    /// The network's name.
    pub network: String,
    /// The address.
    pub address: IpAddr,
    /// The length of the network's prefix in bits.
    pub prefix_len: u8,
}
