//! A swarm in a few lines: services with labels, tasks that start, drain and end on nodes.

use std::collections::BTreeMap;
use std::time::Duration;

use lbsync::{
    Backend, BackendPort, BackendSet, BackendState, Completeness, DestinationKey, Generation,
    Protocol, Service, VirtualServiceKey,
};

use crate::dice::Dice;

const NODES: u64 = 5;

/// What a task is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TaskState {
    Serving,
    /// It is to end, and its container ends then.
    Draining(Duration),
    /// Its node is down, says the swarm; its container may well run.
    Unreachable,
}

pub(crate) struct Task {
    id: u64,
    node: u8,
    pub(crate) state: TaskState,
    /// Whether it answers.
    pub(crate) answers: bool,
}

pub(crate) struct SwarmService {
    number: u8,
    pub(crate) labels: BTreeMap<&'static str, String>,
    pub(crate) tasks: Vec<Task>,
}

pub(crate) struct Swarm {
    pub(crate) services: Vec<SwarmService>,
    pub(crate) grace: Duration,
    pub(crate) generation: u64,
    last_task: u64,
}

pub(crate) fn vip(last: u8) -> VirtualServiceKey {
    VirtualServiceKey {
        address: [10, 30, 0, last].into(),
        port: 80,
        protocol: Protocol::Tcp,
    }
}

pub(crate) fn destination(node: u8, service: u8) -> DestinationKey {
    DestinationKey {
        address: [10, 0, 0, node].into(),
        port: 8000 + u16::from(service),
    }
}

impl Swarm {
    pub(crate) fn new(dice: &mut Dice) -> Self {
        Self {
            services: Vec::new(),
            grace: Duration::from_secs(5 + dice.below(30)),
            generation: 1,
            last_task: 0,
        }
    }

    /// Something happens in the swarm.
    pub(crate) fn change(&mut self, dice: &mut Dice, now: Duration) -> &'static str {
        self.generation += 1;
        if self.services.is_empty() || self.services.len() < 4 && dice.chance(15) {
            self.create(dice);
            return "create a service";
        }
        let chosen = dice.index(self.services.len());
        match dice.below(20) {
            0 => {
                self.services.remove(chosen);
                "remove a service"
            }
            1..=4 => {
                relabel(&mut self.services[chosen], dice);
                "change labels"
            }
            5..=11 => {
                for _ in 0..=dice.below(3) {
                    self.start(chosen, dice);
                }
                "start tasks"
            }
            12..=16 => {
                self.stop(chosen, dice, now);
                "stop tasks"
            }
            17 => {
                let node = dice.byte(NODES);
                self.lose(node);
                "lose a node"
            }
            _ => {
                self.recover();
                "nodes come back"
            }
        }
    }

    fn create(&mut self, dice: &mut Dice) {
        let free = (0..=255).find(|number| self.services.iter().all(|one| one.number != *number));
        let mut service = SwarmService {
            number: free.unwrap(),
            labels: BTreeMap::new(),
            tasks: Vec::new(),
        };
        service.labels.insert("port", "80".to_owned());
        service.labels.insert("vip", vip_label(dice));
        for _ in 0..3 {
            relabel(&mut service, dice);
        }
        self.services.push(service);
        for _ in 0..dice.below(5) {
            self.start(self.services.len() - 1, dice);
        }
    }

    fn start(&mut self, service: usize, dice: &mut Dice) {
        self.last_task += 1;
        let task = Task {
            id: self.last_task,
            node: dice.byte(NODES),
            state: TaskState::Serving,
            answers: true,
        };
        self.services[service].tasks.push(task);
    }

    fn stop(&mut self, service: usize, dice: &mut Dice, now: Duration) {
        let grace = u64::try_from(self.grace.as_millis()).unwrap();
        let all = dice.chance(10);
        for task in &mut self.services[service].tasks {
            if task.state == TaskState::Serving && (all || dice.chance(40)) {
                let end = Duration::from_millis(1150 + dice.below(2850 + grace));
                task.state = TaskState::Draining(now + end);
            }
        }
    }

    fn lose(&mut self, node: u8) {
        for task in self
            .services
            .iter_mut()
            .flat_map(|service| &mut service.tasks)
        {
            if task.node == node && task.state == TaskState::Serving {
                task.state = TaskState::Unreachable;
            }
        }
    }

    fn recover(&mut self) {
        for task in self
            .services
            .iter_mut()
            .flat_map(|service| &mut service.tasks)
        {
            if task.state == TaskState::Unreachable {
                task.state = TaskState::Serving;
            }
        }
    }

    /// Containers end whose time has come.
    pub(crate) fn pass(&mut self, now: Duration) {
        for service in &mut self.services {
            let before = service.tasks.len();
            service.tasks.retain(|task| match task.state {
                TaskState::Draining(end) => end > now,
                TaskState::Serving | TaskState::Unreachable => true,
            });
            self.generation += u64::from(service.tasks.len() != before);
        }
    }

    /// Whether anything answers there.
    pub(crate) fn answers(&self, destination: &DestinationKey) -> bool {
        self.services.iter().any(|service| {
            let mut tasks = service.tasks.iter();
            tasks.any(|task| {
                task.answers && crate::swarm::destination(task.node, service.number) == *destination
            })
        })
    }

    /// What a manager would say.
    pub(crate) fn set(&self) -> BackendSet {
        let services = self.services.iter().map(|service| self.offered(service));
        BackendSet {
            cluster: "simulation".to_owned(),
            generation: Generation {
                index: self.generation,
                listed_unix_ms: 0,
            },
            completeness: Completeness::Complete,
            services: services.collect(),
            quarantined: [].into(),
        }
    }

    fn offered(&self, service: &SwarmService) -> Service {
        let labels = service.labels.iter();
        let labels = labels.map(|(name, value)| (format!("swarmtide.lb.{name}"), value.clone()));
        let backend = |task: &Task| {
            let destination = destination(task.node, service.number);
            let udp = service
                .labels
                .get("protocol")
                .is_some_and(|name| name == "udp");
            let port = BackendPort {
                target: 8080,
                published: destination.port,
                protocol: if udp { Protocol::Udp } else { Protocol::Tcp },
            };
            let state = match task.state {
                TaskState::Serving => BackendState::Serving,
                TaskState::Draining(_) => BackendState::Draining,
                TaskState::Unreachable => return None,
            };
            Some(Backend {
                task: format!("task{}", task.id),
                node: format!("node{}", task.node),
                address: Some(destination.address),
                ports: vec![port, port],
                state,
            })
        };
        Service {
            id: format!("id{}", service.number),
            name: format!("service{}", service.number),
            labels: labels.collect(),
            created: u64::from(service.number),
            stop_grace_period: self.grace,
            backends: service.tasks.iter().filter_map(backend).collect(),
        }
    }
}

fn vip_label(dice: &mut Dice) -> String {
    format!("10.30.0.{}", dice.byte(4))
}

/// Changes a label, keeping those together that need each other.
fn relabel(service: &mut SwarmService, dice: &mut Dice) {
    let labels = &mut service.labels;
    match dice.below(8) {
        0 => drop(labels.insert("vip", vip_label(dice))),
        1 | 2 => {
            let scheduler = dice.pick(&["wrr", "wlc", "mh", "sed"]).to_owned();
            labels.insert("scheduler", scheduler);
        }
        3 => {
            let persistence = dice.pick(&["5m", "1h"]).to_owned();
            labels.insert("persistence", persistence);
        }
        4 => {
            labels.remove("persistence");
            labels.insert("floor", dice.pick(&["0", "30", "50%", "100"]).to_owned());
        }
        5 => drop(labels.insert("warmup", dice.pick(&["0s", "5s", "40s"]).to_owned())),
        6 if labels.contains_key("protocol") => drop(labels.remove("protocol")),
        6 if !labels.contains_key("probe") => {
            labels.insert("protocol", dice.pick(&["udp", "tcp"]).to_owned());
        }
        _ if labels.get("protocol").is_some_and(|name| name == "udp") => {}
        _ if labels.contains_key("probe") && dice.chance(30) => {
            labels.retain(|name, _| !name.starts_with("probe"));
        }
        _ => {
            labels.insert("probe", dice.pick(&["tcp", "http"]).to_owned());
            labels.insert("probe.interval", dice.pick(&["500ms", "2s"]).to_owned());
            labels.insert("probe.timeout", "500ms".to_owned());
            labels.insert("probe.fall", dice.pick(&["1", "3"]).to_owned());
        }
    }
}
