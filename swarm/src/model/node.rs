//! Nodes, and who leads them.

use std::{collections::BTreeMap, net::IpAddr};

use serde::{Deserialize, Serialize};

use super::words;
use crate::id::NodeId;

/// A machine of the swarm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// The identifier.
    pub id: NodeId,
    /// The host name; not necessarily unique.
    pub hostname: String,
    /// The address by which the swarm knows it, where host-mode ports answer.
    pub address: Option<IpAddr>,
    /// Whether it answers.
    pub state: NodeState,
    /// Whether it takes tasks.
    pub availability: Availability,
    /// Manager or worker.
    pub role: Role,
    /// True on the one manager that leads.
    pub leader: bool,
    /// Whether the other managers reach this one; false for workers.
    pub reachable_manager: bool,
    /// Cores.
    pub cpus: f64,
    /// Memory in bytes.
    pub memory_bytes: u64,
}

words! {
    /// Whether a node answers.
    NodeState {
        /// The managers do not know (yet): all nodes, for up to 20 s after a change of leader.
        Unknown = "unknown",
        /// It missed its heartbeats.
        Down = "down",
        /// It answers.
        Ready = "ready",
        /// It is not connected to any manager.
        Disconnected = "disconnected",
    }
}

words! {
    /// Whether a node takes tasks.
    Availability {
        /// Takes tasks.
        Active = "active",
        /// Keeps those it has, takes no new ones.
        Pause = "pause",
        /// Gives its tasks away.
        Drain = "drain",
    }
}

words! {
    /// What a node is for.
    Role {
        /// Holds the state of the swarm.
        Manager = "manager",
        /// Only runs tasks.
        Worker = "worker",
    }
}

/// Whether the engine that was asked leads the swarm. Only the leader's sidecar may act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leadership {
    /// It leads, and most managers are reachable.
    Leader,
    /// It is a manager, and another one leads.
    Follower {
        /// Who leads.
        leader: NodeId,
    },
    /// Nobody can tell: nobody leads, or the leader lacks a majority.
    Unknown {
        /// Why.
        reason: &'static str,
    },
    /// It is no manager.
    NotManager,
}

impl Leadership {
    /// Judges from the list of nodes that the engine `own_id` gave. `control`: `/info` says that it is a manager.
    #[must_use]
    pub fn judge(own_id: &NodeId, control: bool, nodes: &BTreeMap<NodeId, Node>) -> Self {
        if !control {
            return Self::NotManager;
        }
        if own_id.as_str().is_empty() {
            return Self::Unknown {
                reason: "the engine does not name its own node",
            };
        }
        let mut leaders = nodes.values().filter(|node| node.leader);
        let Some(leader) = leaders.next() else {
            return Self::Unknown {
                reason: "no node of the list is the leader",
            };
        };
        if leaders.next().is_some() {
            return Self::Unknown {
                reason: "the list names more than one leader",
            };
        }
        let managers = nodes
            .values()
            .filter(|node| node.role == Role::Manager)
            .count();
        let reachable = nodes.values().filter(|node| node.reachable_manager).count();
        if reachable * 2 <= managers {
            return Self::Unknown {
                reason: "most managers are not reachable",
            };
        }
        if leader.id == *own_id {
            Self::Leader
        } else {
            Self::Follower {
                leader: leader.id.clone(),
            }
        }
    }

    /// The word for it, as metrics and the API spell it.
    #[must_use]
    pub fn as_word(&self) -> &'static str {
        match self {
            Self::Leader => "leader",
            Self::Follower { .. } => "follower",
            Self::Unknown { .. } => "unknown",
            Self::NotManager => "not-manager",
        }
    }
}
