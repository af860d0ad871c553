//! What a simulation is made of, and presets.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use crate::agent::{AgentConfig, Sampling};
use crate::engine::{NodeConfig, Role, Timing};
use crate::load::{Demand, Load, Wave};
use crate::traffic::{Caller, Sickness};

/// Bytes in a gibibyte.
const GIB: u64 = 1 << 30;

/// A simulated service: its spec and its load.
#[derive(Clone, Debug)]
pub struct ServiceConfig {
    /// The spec as `POST /services/create` takes it.
    pub spec: Value,
    /// Work offered to it.
    pub load: Load,
    /// Which other services bring a part of its traffic; clients outside bring the rest.
    pub callers: Vec<Caller>,
    /// What is wrong with one of its replicas.
    pub sick: Option<Sickness>,
}

impl ServiceConfig {
    /// A replicated service with the options that real ones have (health check, update configuration, limits), one
    /// host-mode port 8080 without a fixed published port, and the given labels.
    ///
    /// `cpu_limit` is in cores; `None` leaves the container without a limit.
    #[must_use]
    pub fn replicated(name: &str, replicas: u64, cpu_limit: Option<f64>, load: Load) -> Self {
        let nano = cpu_limit.map_or(0, |cores| crate::random::whole(cores * 1e9));
        let limits = match nano {
            0 => json!({"MemoryBytes": 256 << 20}),
            _ => json!({"NanoCPUs": nano, "MemoryBytes": 256 << 20}),
        };
        let spec = json!({
            "Name": name,
            "Labels": {},
            "TaskTemplate": {
                "ContainerSpec": {
                    "Image": format!("example/{name}:1"),
                    "Init": true,
                    "StopGracePeriod": 10_000_000_000u64,
                    "Healthcheck": {
                        "Test": ["CMD", "/health"],
                        "Interval": 5_000_000_000u64,
                        "Timeout": 2_000_000_000u64,
                        "Retries": 3,
                    },
                    "DNSConfig": {},
                    "Isolation": "default",
                },
                "Resources": {"Limits": limits, "Reservations": {"MemoryBytes": 64 << 20}},
                "RestartPolicy": {"Condition": "any", "Delay": 5_000_000_000u64, "MaxAttempts": 0},
                "Placement": {"Platforms": [{"Architecture": "amd64", "OS": "linux"}]},
                "ForceUpdate": 0,
                "Runtime": "container",
            },
            "Mode": {"Replicated": {"Replicas": replicas}},
            "UpdateConfig": {
                "Parallelism": 1, "FailureAction": "pause", "Monitor": 5_000_000_000u64,
                "MaxFailureRatio": 0, "Order": "stop-first",
            },
            "RollbackConfig": {
                "Parallelism": 1, "FailureAction": "pause", "Monitor": 5_000_000_000u64,
                "MaxFailureRatio": 0, "Order": "stop-first",
            },
            "EndpointSpec": {
                "Mode": "dnsrr",
                "Ports": [{"Protocol": "tcp", "TargetPort": 8080, "PublishMode": "host"}],
            },
        });
        Self {
            spec,
            load,
            callers: Vec::new(),
            sick: None,
        }
    }

    /// A service with one task on every node, as [`ServiceConfig::replicated`] otherwise.
    #[must_use]
    pub fn global(name: &str, cpu_limit: Option<f64>, load: Load) -> Self {
        let mut service = Self::replicated(name, 1, cpu_limit, load);
        service.spec["Mode"] = json!({"Global": {}});
        service
    }

    /// Adds a service label.
    #[must_use]
    pub fn label(mut self, key: &str, value: &str) -> Self {
        self.spec["Labels"][key] = json!(value);
        self
    }

    /// Puts the tasks on an overlay network of that name, where each has an address.
    #[must_use]
    pub fn network(mut self, name: &str) -> Self {
        self.spec["TaskTemplate"]["Networks"] = json!([{"Target": name}]);
        self
    }

    /// Lets a share of its traffic (`0.0..=1.0`) come from another service, and so be that one's too.
    #[must_use]
    pub fn called_by(mut self, service: &str, share: f64) -> Self {
        let service = service.to_owned();
        self.callers.push(Caller { service, share });
        self
    }

    /// Makes one of its replicas sick.
    #[must_use]
    pub fn sick(mut self, sickness: Sickness) -> Self {
        self.sick = Some(sickness);
        self
    }

    /// Adds service labels.
    #[must_use]
    pub fn labels(self, labels: &BTreeMap<String, String>) -> Self {
        labels
            .iter()
            .fold(self, |service, (key, value)| service.label(key, value))
    }
}

/// What a [`crate::World`] is made of: everything but sockets.
#[derive(Clone, Debug)]
pub struct WorldConfig {
    /// Equal seeds and equal calls give equal histories.
    pub seed: u64,
    /// Unix time of simulated zero, milliseconds.
    pub epoch_unix_ms: u64,
    /// The nodes; the first manager leads.
    pub nodes: Vec<NodeConfig>,
    /// The services.
    pub services: Vec<ServiceConfig>,
    /// How long things take in the swarm.
    pub timing: Timing,
    /// How the nodes' sFlow agents behave.
    pub agent: AgentConfig,
    /// The longest step in which the world moves on: shorter is truer, longer is cheaper.
    pub longest_step: Duration,
}

impl WorldConfig {
    /// One manager and `workers` workers of eight cores each, no services, real timings.
    #[must_use]
    pub fn new(seed: u64, workers: u8) -> Self {
        Self {
            seed,
            epoch_unix_ms: 1_790_000_000_000,
            nodes: nodes(1, workers),
            services: Vec::new(),
            timing: Timing::default(),
            agent: AgentConfig::default(),
            longest_step: Duration::from_millis(50),
        }
    }

    /// Adds a service.
    #[must_use]
    pub fn service(mut self, service: ServiceConfig) -> Self {
        self.services.push(service);
        self
    }

    /// A swarm for a demonstration of thirty seconds: three nodes, three services that opt in to scaling and to
    /// load balancing, waves of different phase, a sampling interval of one second, and samples of packets.
    ///
    /// `web` starts with two replicas (`swarmtide.min` 2, `.max` 8) and needs more at once; with a tick of one second
    /// and a cooldown of two to three it goes up at least twice and down at least once in thirty seconds. `web` is
    /// called from outside, and calls `api`, which calls `worker`. The replica of `worker` in slot 2 needs four times
    /// the processor time for the same work once it has run for eight seconds, and is to be put in quarantine.
    #[must_use]
    pub fn demo(seed: u64) -> Self {
        let wave = |low: f64, high: f64, phase: u64| {
            let demand = |cores: f64| Demand::new(cores, cores * 2_000_000.0);
            Load::Wave(Wave::demo(
                demand(low),
                demand(high),
                Duration::from_secs(phase),
            ))
        };
        let scaled = |service: ServiceConfig, vip: &str, min: &str| {
            service
                .label("swarmtide.enable", "true")
                .label("swarmtide.min", min)
                .label("swarmtide.max", "8")
                .label("swarmtide.lb.vip", vip)
                .label("swarmtide.lb.port", "80")
                .network("shop")
        };
        let web = ServiceConfig::replicated("web", 2, Some(0.5), wave(0.25, 3.2, 0));
        let api = ServiceConfig::replicated("api", 2, Some(0.5), wave(0.2, 2.4, 20));
        let worker = ServiceConfig::replicated("worker", 4, Some(1.0), wave(1.9, 2.6, 10));
        // One by marks, with a candidate beside it; one sized by a target; one by marks alone.
        let web = scaled(web, "10.30.0.1", "2")
            .label("swarmtide.shadow.calmer", "cpu.high = 90%; cpu.low = 25%");
        let api = scaled(api, "10.30.0.2", "2")
            .label("swarmtide.cpu.target", "60%")
            .label("swarmtide.window.down", "5s")
            .called_by("web", 0.8);
        let worker = scaled(worker, "10.30.0.3", "3")
            .label("swarmtide.cpu.low", "25%")
            .label("swarmtide.outliers", "quarantine")
            .called_by("api", 0.7)
            .called_by("web", 0.3)
            .sick(Sickness {
                slot: 2,
                after: Duration::from_secs(8),
                cpu_factor: 4.0,
            });
        let mut config = Self::new(seed, 2).service(web).service(api).service(worker);
        config.agent.interval = Duration::from_secs(1);
        config.agent.first_sample_min = Duration::from_millis(1000);
        config.agent.first_sample_max = Duration::from_millis(2000);
        config.agent.sampling = Some(Sampling {
            rate: 50,
            samples_per_second_max: 500,
        });
        config
    }
}

/// `managers` managers `m1…` from 10.20.0.11 on and `workers` workers `w1…` from 10.20.0.21 on, eight cores each.
#[must_use]
pub fn nodes(managers: u8, workers: u8) -> Vec<NodeConfig> {
    let group = |role, letter: char, first: u8, count: u8| {
        (0..count).map(move |number| NodeConfig {
            name: format!("{letter}{}", u16::from(number) + 1),
            address: IpAddr::V4(Ipv4Addr::new(10, 20, 0, first.saturating_add(number))),
            role,
            cpus: 8,
            memory: 16 * GIB,
        })
    };
    let managers = group(Role::Manager, 'm', 11, managers);
    managers
        .chain(group(Role::Worker, 'w', 21, workers))
        .collect()
}

/// What a running [`crate::Simulation`] is made of.
#[derive(Clone, Debug)]
pub struct SimulationConfig {
    /// Folder in which `docker.sock` is made; must exist.
    pub directory: PathBuf,
    /// Where the nodes send their datagrams; `None` keeps them silent.
    pub collector: Option<SocketAddr>,
    /// Everything else.
    pub world: WorldConfig,
    /// How often the world moves on.
    pub step: Duration,
}

impl SimulationConfig {
    /// A simulation of that world with a step of 20 ms.
    #[must_use]
    pub fn new(
        directory: impl Into<PathBuf>,
        collector: Option<SocketAddr>,
        world: WorldConfig,
    ) -> Self {
        Self {
            directory: directory.into(),
            collector,
            world,
            step: Duration::from_millis(20),
        }
    }
}
