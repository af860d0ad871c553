//! The simulated swarm itself: services, tasks, nodes, and the quirks of the real engine. Pure: time is an argument.
//!
//! It does not run containers and knows nothing of load; those are [`crate::World`]'s.

mod event;
mod lifecycle;
mod node;
mod post;
mod rollout;
mod schedule;
mod service;
mod spec;
mod task;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde_json::Value;
use thiserror::Error;

pub use event::{Event, EventKind};
pub use node::{Node, NodeConfig, NodeState, Role};
pub use post::{Harm, Outcome, Post};
pub(crate) use schedule::Due;
pub use schedule::Timing;
pub use service::{Service, UpdateState, UpdateStatus};
pub use spec::{Mode, PortSpec, changes_besides_replicas};
pub(crate) use spec::{cpu_limit_nano, memory_limit, ports, template};
pub use task::{Task, TaskPort, TaskState};

use crate::random::Random;
use crate::timestamp::WallClock;

/// An answer other than success, in the engine's own words.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{status}: {message}")]
pub struct EngineError {
    /// HTTP status.
    pub status: u16,
    /// The text that the API puts under `message`.
    pub message: String,
}

impl EngineError {
    pub(crate) fn new(status: u16, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
        }
    }

    pub(crate) fn out_of_sequence() -> Self {
        Self::new(
            500,
            "rpc error: code = Unknown desc = update out of sequence",
        )
    }

    pub(crate) fn no_leader() -> Self {
        let text = "rpc error: code = Unknown desc = The swarm does not have a leader. It's possible that too few \
                    managers are online. Make sure more than half of the managers are online.";
        Self::new(500, text)
    }

    pub(crate) fn not_a_manager() -> Self {
        let text = "This node is not a swarm manager. Worker nodes can't be used to view or modify cluster state. \
                    Please run this command on a manager node or promote the current node to a manager.";
        Self::new(503, text)
    }

    fn no_service(name: &str) -> Self {
        Self::new(404, format!("service {name} not found"))
    }

    fn name_taken(name: &str) -> Self {
        let text = "rpc error: code = AlreadyExists desc = name conflicts with an existing object: service";
        Self::new(409, format!("{text} {name} already exists"))
    }

    fn invalid(reason: &str) -> Self {
        Self::new(
            400,
            format!("rpc error: code = InvalidArgument desc = {reason}"),
        )
    }

    fn unimplemented(reason: &str) -> Self {
        Self::new(
            501,
            format!("rpc error: code = Unimplemented desc = {reason}"),
        )
    }
}

/// What a simulated swarm is made of.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Equal seeds and equal calls give equal histories.
    pub seed: u64,
    /// Unix time of simulated zero, milliseconds.
    pub epoch_unix_ms: u64,
    /// The nodes; the first manager leads.
    pub nodes: Vec<NodeConfig>,
    /// How long things take.
    pub timing: Timing,
}

/// A simulated swarm.
#[derive(Clone, Debug)]
pub struct Engine {
    random: Random,
    timing: Timing,
    clock: WallClock,
    now: Duration,
    cluster_id: String,
    index: u64,
    services: BTreeMap<String, Service>,
    tasks: BTreeMap<String, Task>,
    nodes: BTreeMap<String, Node>,
    leaderless: bool,
    due: BTreeMap<(Duration, u64), Due>,
    schedule_counter: u64,
    next_port: BTreeMap<String, u16>,
    next_address: u16,
    next_virtual_address: u16,
    events: VecDeque<Event>,
    event_counter: u64,
    posts: VecDeque<Post>,
    harm: Harm,
}

/// Tasks whose containers truly run.
#[derive(Debug, Default)]
pub(crate) struct Running<'a> {
    by_node: BTreeMap<&'a str, Vec<&'a Task>>,
    by_service: BTreeMap<&'a str, Vec<&'a Task>>,
}

impl<'a> Running<'a> {
    /// Returns those on a node, by the node's id.
    pub(crate) fn on(&self, node: &str) -> &[&'a Task] {
        self.by_node.get(node).map_or(&[], Vec::as_slice)
    }

    /// Returns those of a service, by the service's id.
    pub(crate) fn of(&self, service: &str) -> &[&'a Task] {
        self.by_service.get(service).map_or(&[], Vec::as_slice)
    }
}

impl Engine {
    /// Makes a swarm of ready nodes without services, at simulated zero.
    #[must_use]
    pub fn new(config: EngineConfig) -> Self {
        let mut random = Random::new(config.seed);
        let cluster_id = random.object_id();
        let mut engine = Self {
            random,
            timing: config.timing,
            clock: WallClock {
                epoch_unix_ms: config.epoch_unix_ms,
            },
            now: Duration::ZERO,
            cluster_id,
            index: 10,
            services: BTreeMap::new(),
            tasks: BTreeMap::new(),
            nodes: BTreeMap::new(),
            leaderless: false,
            due: BTreeMap::new(),
            schedule_counter: 0,
            next_port: BTreeMap::new(),
            next_address: 0x0102,
            next_virtual_address: 1,
            events: VecDeque::new(),
            event_counter: 0,
            posts: VecDeque::new(),
            harm: Harm::default(),
        };
        for node in config.nodes {
            engine.add_node(node);
        }
        engine
    }

    fn add_node(&mut self, config: NodeConfig) {
        let leader = config.role == Role::Manager && !self.nodes.values().any(|node| node.leader);
        let node = Node {
            id: self.random.object_id(),
            config,
            state: NodeState::Ready,
            availability: "active".to_owned(),
            leader,
            powered: true,
            powered_since: self.now,
            message: String::new(),
            created: self.now,
            updated: self.now,
            index: self.next_index(),
        };
        self.nodes.insert(node.id.clone(), node);
    }

    /// Lets everything happen that is due until `now`, in order. Time never goes back.
    pub fn advance(&mut self, now: Duration) {
        while let Some(entry) = self.due.first_entry().filter(|entry| entry.key().0 <= now) {
            let ((at, _), what) = entry.remove_entry();
            self.now = self.now.max(at);
            self.happen(&what);
        }
        self.now = self.now.max(now);
        self.place_pending();
    }

    /// Returns the simulated time of the last [`Engine::advance`].
    #[must_use]
    pub fn now(&self) -> Duration {
        self.now
    }

    /// Returns the services in the order of their ids.
    pub fn services(&self) -> impl Iterator<Item = &Service> {
        self.services.values()
    }

    /// Finds a service by id, name, or the beginning of its id.
    #[must_use]
    pub fn service(&self, name: &str) -> Option<&Service> {
        let named = || {
            self.services
                .values()
                .find(|service| service.name() == name)
        };
        let prefixed = || {
            self.services
                .values()
                .find(|service| !name.is_empty() && service.id.starts_with(name))
        };
        self.services.get(name).or_else(named).or_else(prefixed)
    }

    /// Returns the tasks in the order of their ids, ended ones and phantoms among them.
    pub fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.tasks.values()
    }

    /// Returns the tasks of a service (by name or id).
    pub fn tasks_of<'a>(&'a self, service: &str) -> impl Iterator<Item = &'a Task> {
        let id = self.service(service).map(|service| service.id.as_str());
        self.tasks
            .values()
            .filter(move |task| Some(task.service.as_str()) == id)
    }

    /// Returns the tasks that truly serve: running, wanted, on a node with power.
    pub fn serving_tasks<'a>(&'a self, service: &str) -> impl Iterator<Item = &'a Task> {
        self.tasks_of(service)
            .filter(|task| task.desired == TaskState::Running && self.container_runs(task))
    }

    /// True while the task's container truly runs, whatever the managers believe.
    #[must_use]
    pub fn container_runs(&self, task: &Task) -> bool {
        let node = task.node.as_ref().and_then(|node| self.nodes.get(node));
        let since = node
            .filter(|node| node.powered)
            .map(|node| node.powered_since);
        task.state == TaskState::Running
            && since.is_some_and(|since| task.running_since >= Some(since))
    }

    /// Sorts the containers that truly run by node and by service, in one pass.
    pub(crate) fn running(&self) -> Running<'_> {
        let mut running = Running::default();
        for task in self.tasks.values().filter(|task| self.container_runs(task)) {
            let node = task.node.as_deref().unwrap_or_default();
            running.by_node.entry(node).or_default().push(task);
            running
                .by_service
                .entry(&task.service)
                .or_default()
                .push(task);
        }
        running
    }

    /// Returns the nodes in the order of their ids.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.values()
    }

    /// Finds a node by id or host name.
    #[must_use]
    pub fn node(&self, name: &str) -> Option<&Node> {
        self.nodes
            .get(name)
            .or_else(|| self.nodes.values().find(|node| node.config.name == name))
    }

    /// True while the managers have no leader.
    #[must_use]
    pub fn is_leaderless(&self) -> bool {
        self.leaderless
    }

    /// Lets a running task of a service fail by itself. Returns false where none runs.
    pub fn crash_task(&mut self, service: &str) -> bool {
        let Some(id) = self
            .serving_tasks(service)
            .next()
            .map(|task| task.id.clone())
        else {
            return false;
        };
        self.fail_task(&id);
        true
    }

    /// Moves a service's version index, as somebody else's write would. Returns false where there is no such service.
    pub fn touch_service(&mut self, name: &str) -> bool {
        let Some(id) = self.service(name).map(|service| service.id.clone()) else {
            return false;
        };
        let (index, now) = (self.next_index(), self.now);
        let Some(service) = self.services.get_mut(&id) else {
            return false;
        };
        (service.index, service.updated) = (index, now);
        self.record_event(EventKind::Service, "update", &id, &[]);
        true
    }

    /// Changes one value in a service's spec behind the clients' backs, as an operator would: `pointer` is a JSON
    /// pointer. Returns false where there is no such service or place.
    pub fn edit_service(&mut self, name: &str, pointer: &str, value: Value) -> bool {
        let Some(id) = self.service(name).map(|service| service.id.clone()) else {
            return false;
        };
        let Some(mut spec) = self.services.get(&id).map(|service| service.spec.clone()) else {
            return false;
        };
        let Some(place) = spec.pointer_mut(pointer) else {
            return false;
        };
        *place = value;
        self.apply_update(&id, spec);
        true
    }

    pub(crate) fn clock(&self) -> WallClock {
        self.clock
    }

    pub(crate) fn cluster_id(&self) -> &str {
        &self.cluster_id
    }

    fn node_id(&self, name: &str) -> Option<String> {
        self.node(name).map(|node| node.id.clone())
    }

    fn next_index(&mut self) -> u64 {
        self.index += 1;
        self.index
    }
}

#[cfg(test)]
mod tests;
