//! Nodes, and what happens to the swarm when they come and go.

use std::net::IpAddr;
use std::time::Duration;

use super::schedule::Due;
use super::task::TaskState;
use super::{Engine, EventKind};

/// A node's role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Takes part in the raft group.
    Manager,
    /// Runs tasks only.
    Worker,
}

/// State of a node as the managers see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeState {
    /// Not heard of since the last change of leader.
    Unknown,
    /// Heartbeats are missing.
    Down,
    /// Fine.
    Ready,
}

impl NodeState {
    /// Returns the name as the API writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Down => "down",
            Self::Ready => "ready",
        }
    }
}

/// What a simulated node is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeConfig {
    /// Host name, unique in the swarm.
    pub name: String,
    /// Address in the node object and in the datagrams' agent field.
    pub address: IpAddr,
    /// Manager or worker; the first manager is the leader.
    pub role: Role,
    /// Cores.
    pub cpus: u32,
    /// Bytes of memory.
    pub memory: u64,
}

/// One node, as the simulation knows it.
#[derive(Clone, Debug)]
pub struct Node {
    /// 25 characters.
    pub id: String,
    /// What it is made of.
    pub config: NodeConfig,
    /// State as the managers see it.
    pub state: NodeState,
    /// `active`, `pause` or `drain`.
    pub availability: String,
    /// True for the leader.
    pub leader: bool,
    /// True while the machine has power: its containers run and its agent sends.
    pub powered: bool,
    /// When the machine last got power.
    pub powered_since: Duration,
    pub(crate) message: String,
    pub(crate) created: Duration,
    pub(crate) updated: Duration,
    pub(crate) index: u64,
}

impl Engine {
    /// Takes the power away from a node: its containers end at once, its agent is silent, and the managers notice
    /// when heartbeats are missing. Returns false where no such node has power.
    ///
    /// Killing the leader also starts an election.
    pub fn kill_node(&mut self, name: &str) -> bool {
        let Some(id) = self.node_id(name) else {
            return false;
        };
        let Some(node) = self.nodes.get_mut(&id).filter(|node| node.powered) else {
            return false;
        };
        node.powered = false;
        let was_leader = node.leader;
        self.schedule(self.timing.node_down_after, Due::NodeDown(id));
        if was_leader {
            self.change_leader();
        }
        true
    }

    /// Gives a killed node its power back; it rejoins by itself. Returns false where no such node was without.
    pub fn start_node(&mut self, name: &str) -> bool {
        let Some(id) = self.node_id(name) else {
            return false;
        };
        let Some(node) = self.nodes.get_mut(&id).filter(|node| !node.powered) else {
            return false;
        };
        node.powered = true;
        node.powered_since = self.now;
        self.schedule(self.timing.node_ready_after, Due::NodeRejoined(id));
        true
    }

    /// Makes another manager the leader: no leader during the election, then every node is unknown for a while.
    ///
    /// With only one manager it is elected anew.
    pub fn change_leader(&mut self) {
        self.leaderless = true;
        self.schedule(self.timing.election, Due::Elected);
    }

    /// Sets a node's availability (`active`, `pause` or `drain`). Returns false where there is no such node.
    pub fn set_availability(&mut self, name: &str, availability: &str) -> bool {
        let Some(id) = self.node_id(name) else {
            return false;
        };
        let (index, now) = (self.next_index(), self.now);
        let Some(node) = self.nodes.get_mut(&id) else {
            return false;
        };
        let old = std::mem::replace(&mut node.availability, availability.to_owned());
        (node.index, node.updated) = (index, now);
        let attributes = [
            ("availability.old", old),
            ("availability.new", availability.to_owned()),
        ];
        self.record_event(EventKind::Node, "update", &id, &attributes);
        if availability == "drain" {
            let tasks = self.wanted_on(&id);
            for task in tasks {
                self.replace(&task, Duration::ZERO);
            }
        }
        self.orchestrate_all();
        true
    }

    pub(super) fn node_is_down(&mut self, id: &str) {
        if self
            .nodes
            .get(id)
            .is_none_or(|node| node.powered || node.state == NodeState::Down)
        {
            return;
        }
        self.set_node_state(id, NodeState::Down, "heartbeat failure");
        for task in self.wanted_on(id) {
            self.replace(&task, self.restart_delay(&task));
        }
        self.orchestrate_all();
    }

    /// The containers of a machine that lost its power are gone, whatever their tasks said until now.
    pub(super) fn node_has_rejoined(&mut self, id: &str) {
        let Some(node) = self.nodes.get(id).filter(|node| node.powered) else {
            return;
        };
        let since = node.powered_since;
        let here: Vec<_> = self
            .tasks
            .values()
            .filter(|task| task.node.as_deref() == Some(id) && task.is_alive())
            .filter(|task| task.state_since < since)
            .map(|task| (task.id.clone(), task.state, task.desired))
            .collect();
        for (task, state, desired) in here {
            match desired {
                TaskState::Remove => drop(self.tasks.remove(&task)),
                TaskState::Running | TaskState::Ready if state < TaskState::Starting => {
                    self.schedule(Duration::ZERO, Due::Step(task));
                    continue;
                }
                TaskState::Running | TaskState::Ready => {
                    let delay = self.restart_delay(&task);
                    self.replace(&task, delay);
                    self.end_task(&task, TaskState::Failed, Some("task: non-zero exit (255)"));
                }
                _ => self.end_task(&task, TaskState::Shutdown, None),
            }
            self.start_those_waiting_for(&task);
        }
        self.set_node_state(id, NodeState::Ready, "");
        self.orchestrate_all();
    }

    pub(super) fn leader_is_elected(&mut self) {
        self.leaderless = false;
        let old = self
            .nodes
            .values()
            .find(|node| node.leader)
            .map(|node| node.id.clone());
        let candidates: Vec<_> = self
            .nodes
            .values()
            .filter(|node| node.config.role == Role::Manager && node.powered)
            .map(|node| node.id.clone())
            .collect();
        let Some(new) = candidates
            .iter()
            .find(|id| Some(*id) != old.as_ref())
            .or(candidates.first())
            .cloned()
        else {
            self.leaderless = true;
            return self.schedule(self.timing.election, Due::Elected);
        };
        for node in self.nodes.values_mut() {
            node.leader = node.id == new;
        }
        let ids: Vec<_> = self.nodes.keys().cloned().collect();
        for id in ids {
            if self
                .nodes
                .get(&id)
                .is_some_and(|node| node.state == NodeState::Ready)
            {
                let message = "Node moved to \"unknown\" state due to leadership change in cluster";
                self.set_node_state(&id, NodeState::Unknown, message);
            }
            let wait = self.random.between(
                self.timing.nodes_unknown_for / 3,
                self.timing.nodes_unknown_for,
            );
            self.schedule(wait, Due::NodeHeard(id));
        }
    }

    pub(super) fn node_is_heard(&mut self, id: &str) {
        let Some(node) = self
            .nodes
            .get(id)
            .filter(|node| node.state == NodeState::Unknown)
        else {
            return;
        };
        if node.powered {
            self.set_node_state(id, NodeState::Ready, "");
            self.orchestrate_all();
        } else {
            self.node_is_down(id);
        }
    }

    fn set_node_state(&mut self, id: &str, state: NodeState, message: &str) {
        let (index, now) = (self.next_index(), self.now);
        let Some(node) = self.nodes.get_mut(id) else {
            return;
        };
        let old = std::mem::replace(&mut node.state, state);
        (node.index, node.updated, node.message) = (index, now, message.to_owned());
        if old != state {
            let attributes = [
                ("state.old", old.name().to_owned()),
                ("state.new", state.name().to_owned()),
            ];
            self.record_event(EventKind::Node, "update", id, &attributes);
        }
    }

    fn wanted_on(&self, node: &str) -> Vec<String> {
        let here = self
            .tasks
            .values()
            .filter(|task| task.node.as_deref() == Some(node) && task.is_wanted());
        here.map(|task| task.id.clone()).collect()
    }
}
