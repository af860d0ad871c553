//! The swarm of a replay: services whose tasks are the captured containers, and what the engine does when replicas change.

use std::time::Duration;

use serde_json::{Value, json};

/// The container of a slot, as the capture knows it.
#[derive(Clone, Copy)]
pub(crate) struct Container {
    slot: u64,
    /// First half of its ID: what hsflowd sends.
    uuid: &'static str,
    /// When it began to run, in the capture's time.
    from: Duration,
}

pub(crate) struct Task {
    slot: u64,
    container: Option<String>,
    state: &'static str,
    desired: &'static str,
    since: Duration,
}

/// A write that came in.
#[derive(Debug)]
pub(crate) struct Post {
    pub(crate) at: Duration,
    pub(crate) service: String,
    pub(crate) from: u64,
    pub(crate) to: u64,
    /// Whether the version index was right, so that it was applied.
    pub(crate) applied: bool,
    /// Whether replicas are all that differs from the spec before.
    pub(crate) only_replicas: bool,
}

pub(crate) struct Service {
    pub(crate) name: String,
    spec: Value,
    index: u64,
    tasks: Vec<Task>,
    containers: Vec<Container>,
}

/// Services, tasks and one node.
pub(crate) struct Swarm {
    services: Vec<Service>,
    pub(crate) posts: Vec<Post>,
    now: Duration,
}

/// How long a task drains before it is gone, and the least it takes to start.
const STOPPING: Duration = Duration::from_secs(1);
const STARTING: Duration = Duration::from_secs(2);

impl Service {
    /// A service with labels (without their prefix) and, if given, a CPU limit in cores for each container.
    pub(crate) fn new(name: &str, limit_cores: Option<f64>, labels: &[(&str, &str)]) -> Self {
        let limits = limit_cores.map_or(json!({}), |cores| json!({"NanoCPUs": cores * 1e9}));
        let spec = json!({
            "Name": name,
            "Labels": {"swarmtide.enable": "true"},
            "TaskTemplate": {
                "ContainerSpec": {
                    "Image": "apache:1",
                    "StopGracePeriod": 1_000_000_000_u64,
                    "Healthcheck": {"Test": ["CMD", "/check"], "Interval": 4_000_000_000_u64},
                },
                "Resources": {"Limits": limits, "Reservations": {}},
                "ForceUpdate": 0,
                "Runtime": "container",
            },
            "Mode": {"Replicated": {"Replicas": 0}},
            "EndpointSpec": {"Mode": "vip"},
        });
        let mut service = Self {
            name: name.to_owned(),
            spec,
            index: 10,
            tasks: Vec::new(),
            containers: Vec::new(),
        };
        service.label(labels);
        service
    }

    /// Adds a task that runs from the beginning, in the next slot.
    pub(crate) fn running(mut self, uuid: &'static str) -> Self {
        self = self.later(uuid, Duration::ZERO);
        let slot = self.containers.len() as u64;
        self.tasks.push(Task {
            slot,
            container: Some(container_id(uuid)),
            state: "running",
            desired: "running",
            since: Duration::ZERO,
        });
        self.set_replicas(slot);
        self
    }

    /// Names the container that the capture has for the next slot, and when it began to run there.
    pub(crate) fn later(mut self, uuid: &'static str, from: Duration) -> Self {
        let slot = self.containers.len() as u64 + 1;
        self.containers.push(Container { slot, uuid, from });
        self
    }

    /// Sets labels, as `docker service update` does.
    pub(crate) fn label(&mut self, labels: &[(&str, &str)]) {
        for (name, value) in labels {
            self.spec["Labels"][format!("swarmtide.{name}")] = (*value).into();
        }
        self.index += 1;
    }

    pub(crate) fn replicas(&self) -> u64 {
        self.spec["Mode"]["Replicated"]["Replicas"]
            .as_u64()
            .unwrap()
    }

    fn set_replicas(&mut self, replicas: u64) {
        self.spec["Mode"]["Replicated"]["Replicas"] = replicas.into();
    }

    /// Starts tasks that are missing, the least slots first, and drains what is too many, the highest first.
    fn orchestrate(&mut self, now: Duration) {
        let wanted = self.replicas();
        for task in &mut self.tasks {
            if task.slot > wanted && task.desired == "running" {
                (task.desired, task.since) = ("remove", now);
            }
        }
        for slot in 1..=wanted {
            let taken = |task: &Task| task.slot == slot && task.desired == "running";
            if !self.tasks.iter().any(taken) {
                self.tasks.push(Task {
                    slot,
                    container: None,
                    state: "preparing",
                    desired: "running",
                    since: now,
                });
            }
        }
    }

    fn advance(&mut self, now: Duration) {
        self.tasks
            .retain(|task| task.desired == "running" || now < task.since + STOPPING);
        for task in &mut self.tasks {
            if task.state == "running" {
                continue;
            }
            let captured = self
                .containers
                .iter()
                .find(|container| container.slot == task.slot);
            let from = captured.map_or(task.since + STARTING, |container| container.from);
            if now >= from {
                task.state = "running";
                // The capture has no container for it: hsflowd has not found it.
                task.container = Some(captured.map_or_else(
                    || format!("{:064x}", 0xfade_u64 + task.slot),
                    |container| container_id(container.uuid),
                ));
            }
        }
    }
}

impl Swarm {
    pub(crate) fn new(services: impl IntoIterator<Item = Service>) -> Self {
        Self {
            services: services.into_iter().collect(),
            posts: Vec::new(),
            now: Duration::ZERO,
        }
    }

    pub(crate) fn service(&mut self, name: &str) -> &mut Service {
        self.services
            .iter_mut()
            .find(|service| service.name == name)
            .unwrap()
    }

    /// `docker service scale`, by a person.
    pub(crate) fn scale(&mut self, name: &str, replicas: u64) {
        let now = self.now;
        let service = self.service(name);
        service.set_replicas(replicas);
        service.index += 1;
        service.orchestrate(now);
    }

    /// Lets tasks start and end until `now`.
    pub(crate) fn advance(&mut self, now: Duration) {
        self.now = now;
        for service in &mut self.services {
            service.advance(now);
        }
    }

    /// `POST /services/{id}/update`.
    pub(crate) fn update(&mut self, name: &str, index: u64, spec: Value) -> Result<(), String> {
        let now = self.now;
        let service = self.service(name);
        let (from, before) = (service.replicas(), service.spec.clone());
        let applied = index == service.index;
        let mut restored = spec.clone();
        restored["Mode"]["Replicated"]["Replicas"] = from.into();
        let to = &spec["Mode"]["Replicated"]["Replicas"];
        let post = Post {
            at: now,
            service: name.to_owned(),
            from,
            to: to.as_u64().unwrap(),
            applied,
            only_replicas: restored == before,
        };
        if applied {
            service.spec = spec;
            service.index += 1;
            service.orchestrate(now);
        }
        self.posts.push(post);
        let refusal = "rpc error: code = Unknown desc = update out of sequence";
        applied.then_some(()).ok_or_else(|| refusal.to_owned())
    }

    pub(crate) fn services_json(&self) -> Value {
        self.services.iter().map(service_json).collect()
    }

    pub(crate) fn tasks_json(&self) -> Value {
        self.services
            .iter()
            .flat_map(|service| service.tasks.iter().map(|task| task_json(service, task)))
            .collect()
    }
}

pub(crate) fn service_json(service: &Service) -> Value {
    json!({
        "ID": service.name,
        "Version": {"Index": service.index},
        "CreatedAt": "2026-11-20T15:00:00.000000000Z",
        "UpdatedAt": "2026-11-20T15:00:00.000000000Z",
        "Spec": service.spec,
        "Endpoint": {"Spec": {"Mode": "vip"}},
    })
}

fn task_json(service: &Service, task: &Task) -> Value {
    let mut status = json!({
        "Timestamp": "2026-11-20T15:00:00.000000000Z",
        "State": task.state,
        "Message": task.state,
        "PortStatus": {},
    });
    if let Some(container) = &task.container {
        status["ContainerStatus"] = json!({"ContainerID": container, "PID": 4242, "ExitCode": 0});
    }
    json!({
        "ID": format!("{}.{}.{}", service.name, task.slot, task.since.as_millis()),
        "Version": {"Index": 12},
        "CreatedAt": "2026-11-20T15:00:00.000000000Z",
        "UpdatedAt": "2026-11-20T15:00:00.000000000Z",
        "Labels": {},
        "Spec": service.spec["TaskTemplate"],
        "ServiceID": service.name,
        "Slot": task.slot,
        "NodeID": NODE,
        "Status": status,
        "DesiredState": task.desired,
    })
}

const NODE: &str = "4i95kbdupj85kdjkyeofn0uv9";

pub(crate) fn info_json() -> Value {
    json!({
        "Name": "vm",
        "ServerVersion": "20.10.24+dfsg1",
        "Swarm": {"NodeID": NODE, "LocalNodeState": "active", "ControlAvailable": true, "Nodes": 1, "Managers": 1},
    })
}

pub(crate) fn nodes_json() -> Value {
    json!([{
        "ID": NODE,
        "Version": {"Index": 9},
        "Spec": {"Labels": {}, "Role": "manager", "Availability": "active"},
        "Description": {
            "Hostname": "vm",
            "Platform": {"Architecture": "x86_64", "OS": "linux"},
            "Resources": {"NanoCPUs": 2_000_000_000_u64, "MemoryBytes": 25_276_502_016_u64},
            "Engine": {"EngineVersion": "20.10.24+dfsg1"},
        },
        "Status": {"State": "ready", "Addr": "10.87.0.11"},
        "ManagerStatus": {"Leader": true, "Reachability": "reachable", "Addr": "10.87.0.11:2377"},
    }])
}

/// A container's whole ID; telemetry knows the first half.
fn container_id(uuid: &str) -> String {
    assert_eq!(uuid.len(), 32);
    format!("{uuid}{:0>32}", "c0ffee")
}
