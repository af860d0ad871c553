//! What will happen when, and which node gets a task.

use std::{collections::BTreeMap, time::Duration};

use super::node::NodeState;
use super::task::{Task, TaskState};
use super::{Engine, spec};

/// Something that will happen at a known moment; ids only, so that what is gone by then is simply not found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// A task takes its next step.
    Step(String),
    /// A task's container has ended after it was asked to.
    Stopped(String),
    /// A task's restart delay is over.
    Release(String),
    /// A rollout looks whether it can go on.
    Rollout(String),
    /// Heartbeats of a node have been missing for long enough.
    NodeDown(String),
    /// A node that had lost its power is back.
    NodeRejoined(String),
    /// A node's first heartbeat after an election.
    NodeHeard(String),
    /// The managers have elected a leader.
    Elected,
}

/// How long things take. Durations are those measured on real engines, or shorter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timing {
    /// From a task's creation to its container running, give or take a fifth.
    pub start_delay: Duration,
    /// Shortest time from the request to stop to the container's end.
    pub stop_delay_min: Duration,
    /// Longest time from the request to stop to the container's end.
    pub stop_delay_max: Duration,
    /// Wait before a failed task is replaced, where the spec does not say.
    pub restart_delay: Duration,
    /// From a node's loss of power to its state `down`.
    pub node_down_after: Duration,
    /// From a node's return of power to its state `ready`.
    pub node_ready_after: Duration,
    /// How long there is no leader after a change of leader.
    pub election: Duration,
    /// How long nodes may stay `unknown` after an election.
    pub nodes_unknown_for: Duration,
}

impl Default for Timing {
    /// As measured with a heartbeat of one second (elections: five).
    fn default() -> Self {
        Self {
            start_delay: Duration::from_secs(1),
            stop_delay_min: Duration::from_millis(1150),
            stop_delay_max: Duration::from_millis(1800),
            restart_delay: Duration::from_secs(5),
            node_down_after: Duration::from_millis(2600),
            node_ready_after: Duration::from_millis(2200),
            election: Duration::from_secs(10),
            nodes_unknown_for: Duration::from_secs(20),
        }
    }
}

impl Engine {
    pub(super) fn schedule(&mut self, after: Duration, what: Due) {
        self.schedule_counter += 1;
        self.due
            .insert((self.now + after, self.schedule_counter), what);
    }

    pub(super) fn happen(&mut self, what: &Due) {
        match what {
            Due::Step(task) => self.step(task),
            Due::Stopped(task) => self.task_has_stopped(task),
            Due::Release(task) => self.release(task),
            Due::Rollout(service) => self.continue_rollout(service),
            Due::NodeDown(node) => self.node_is_down(node),
            Due::NodeRejoined(node) => self.node_has_rejoined(node),
            Due::NodeHeard(node) => self.node_is_heard(node),
            Due::Elected => self.leader_is_elected(),
        }
    }

    /// Chooses a node: one that is ready and active and has room, with the fewest tasks of the service, then the
    /// fewest of all; or says why none fits.
    pub(super) fn choose_node(&self, task: &Task) -> Result<String, String> {
        let ready = self
            .nodes
            .values()
            .filter(|node| node.state == NodeState::Ready && node.availability == "active");
        let mut here = self.occupants_by_node();
        let mut nodes: Vec<(usize, usize, &str, Vec<&Task>)> = ready
            .map(|node| {
                let mut here = here.remove(node.id.as_str()).unwrap_or_default();
                here.retain(|other| other.id != task.id);
                let of_service = |other: &&&Task| other.service == task.service;
                let same = here.iter().filter(of_service).count();
                (same, here.len(), node.id.as_str(), here)
            })
            .collect();
        nodes.sort_unstable_by_key(|(same, all, id, _)| (*same, *all, *id));
        let mut first_refusal = None;
        for (_, _, id, here) in &nodes {
            match self.refusal(task, id, here) {
                None => return Ok((*id).to_owned()),
                Some(refusal) => first_refusal = first_refusal.or(Some(refusal)),
            }
        }
        Err(match first_refusal {
            Some(reason) => format!("no suitable node ({reason} on {} node(s))", nodes.len()),
            None => "no suitable node".to_owned(),
        })
    }

    fn refusal(&self, task: &Task, node: &str, here: &[&Task]) -> Option<&'static str> {
        let config = &self.nodes.get(node)?.config;
        let (mut cpu, mut memory) = spec::reservation(&task.template);
        for other in here {
            let (other_cpu, other_memory) = spec::reservation(&other.template);
            cpu = cpu.saturating_add(other_cpu);
            memory = memory.saturating_add(other_memory);
        }
        if cpu > u64::from(config.cpus) * 1_000_000_000 || memory > config.memory {
            return Some("insufficient resources");
        }
        let most = spec::max_per_node(&task.template);
        let same = here
            .iter()
            .filter(|other| other.service == task.service)
            .count();
        if most > 0 && u64::try_from(same).unwrap_or(u64::MAX) >= most {
            return Some("max replicas per node limit exceed");
        }
        let fixed = |id: &str| {
            let ports = self
                .services
                .get(id)
                .map(|service| spec::ports(&service.spec))
                .unwrap_or_default();
            ports
                .into_iter()
                .filter(|port| port.host_mode)
                .filter_map(|port| Some((port.published?, port.protocol)))
        };
        let taken = |wanted: &(u16, String)| {
            here.iter()
                .any(|other| fixed(&other.service).any(|port| port == *wanted))
        };
        fixed(&task.service)
            .any(|port| taken(&port))
            .then_some("host-mode port already in use")
    }

    /// Tasks that hold resources, by node: alive there and not on their way out by death of the node.
    fn occupants_by_node(&self) -> BTreeMap<&str, Vec<&Task>> {
        let mut occupants: BTreeMap<&str, Vec<&Task>> = BTreeMap::new();
        for task in self.tasks.values().filter(|task| task.is_alive()) {
            let Some(node) = task.node.as_deref() else {
                continue;
            };
            let powered = self.nodes.get(node).is_some_and(|node| node.powered);
            if powered || task.is_wanted() {
                occupants.entry(node).or_default().push(task);
            }
        }
        occupants
    }

    /// The lowest free port from 32768 on, as the kernel's ephemeral range begins there.
    pub(super) fn free_port(&mut self, node: &str) -> u16 {
        let next = self.next_port.entry(node.to_owned()).or_insert(32_768);
        let port = *next;
        *next = if port >= 60_998 { 32_768 } else { port + 1 };
        port
    }

    /// Tries again to place every task that waits for a node.
    pub(super) fn place_pending(&mut self) {
        let pending: Vec<_> = self
            .tasks
            .values()
            .filter(|task| task.state == TaskState::Pending && task.is_wanted())
            .map(|task| task.id.clone())
            .collect();
        for task in pending {
            self.place(&task);
        }
    }
}
