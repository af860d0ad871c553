//! The swarm as one engine saw it at one moment.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    id::{NodeId, ServiceId},
    model::{Leadership, Node, NodeState, Phase, Service, Task, TaskState},
};

/// A complete list of services, tasks and nodes. There is no such thing as a partial one: see [`crate::RawSwarm::view`].
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// Counts the snapshots of one client, from 1.
    pub generation: u64,
    /// The highest `Version.Index` of all that is listed: swarm's raft index, so that views of different managers can be
    /// compared. Removing the newest object lowers it.
    pub index: u64,
    /// When the snapshot was begun, on the caller's clock: nothing in it is older.
    pub taken: Duration,
    /// The engine that was asked.
    pub engine: EngineInfo,
    /// Whether that engine leads.
    pub leadership: Leadership,
    /// All services.
    pub services: BTreeMap<ServiceId, Service>,
    /// All nodes.
    pub nodes: BTreeMap<NodeId, Node>,
}

/// What the engine says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineInfo {
    /// The node it runs on.
    pub node_id: NodeId,
    /// The host's name.
    pub hostname: String,
    /// The swarm's identifier; empty if the engine does not say.
    pub cluster_id: String,
    /// The engine's version, such as "20.10.24".
    pub version: String,
    /// The newest version of the API that it speaks, such as "1.41"; empty if it did not say.
    pub api_version: String,
}

impl View {
    /// What `task` is good for.
    #[must_use]
    pub fn phase(&self, task: &Task) -> Phase {
        task.phase(task.node_id.as_ref().and_then(|id| self.nodes.get(id)))
    }

    /// The tasks of `service` that are in `phase`.
    pub fn in_phase<'a>(
        &'a self,
        service: &'a Service,
        phase: Phase,
    ) -> impl Iterator<Item = &'a Task> {
        service
            .tasks
            .iter()
            .filter(move |task| self.phase(task) == phase)
    }

    /// The tasks that can serve: running, meant to run, on a node that is ready.
    pub fn serving<'a>(&'a self, service: &'a Service) -> impl Iterator<Item = &'a Task> {
        self.in_phase(service, Phase::Serving)
    }

    /// The tasks that still run on a ready node and are meant to end.
    pub fn draining<'a>(&'a self, service: &'a Service) -> impl Iterator<Item = &'a Task> {
        self.in_phase(service, Phase::Draining)
    }

    /// How many tasks of `service` are in `phase`.
    #[must_use]
    pub fn count(&self, service: &Service, phase: Phase) -> usize {
        self.in_phase(service, phase).count()
    }

    /// The service of that name.
    #[must_use]
    pub fn service_named(&self, name: &str) -> Option<&Service> {
        self.services.values().find(|service| service.name == name)
    }

    /// Gives tasks that still run, and whose ports the engine has stopped listing, the ports that they had in `previous`.
    ///
    /// The engine forgets the ports of a task about 0.15 s after it is told to go, and the container answers on them until it
    /// gets SIGTERM, one to four seconds later (measured with 20.10). Without its port a destination cannot be drained.
    pub fn remember_ports(&mut self, previous: &Self) {
        for service in self.services.values_mut() {
            let Some(before) = previous.services.get(&service.id) else {
                continue;
            };
            for task in service
                .tasks
                .iter_mut()
                .filter(|task| task.state == TaskState::Running && task.ports.is_empty())
            {
                let Ok(index) = before
                    .tasks
                    .binary_search_by(|known| known.id.cmp(&task.id))
                else {
                    continue;
                };
                let known = &before.tasks[index];
                if known.node_id == task.node_id && known.container_id == task.container_id {
                    task.ports.clone_from(&known.ports);
                }
            }
        }
    }

    /// How many nodes the managers cannot judge (yet). Above 0: do not act, and do not believe what is missing.
    #[must_use]
    pub fn nodes_unknown(&self) -> usize {
        self.nodes
            .values()
            .filter(|node| matches!(node.state, NodeState::Unknown | NodeState::Other(_)))
            .count()
    }

    /// How many nodes are ready.
    #[must_use]
    pub fn nodes_ready(&self) -> usize {
        self.nodes
            .values()
            .filter(|node| node.state == NodeState::Ready)
            .count()
    }
}
