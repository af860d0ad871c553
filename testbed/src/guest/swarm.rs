//! A simulated swarm whose containers are real processes: a task on worker `wN` is a server in the namespace `rsN`.
//!
//! The simulation says what swarm says and when; this follows it with processes in the order that the engine keeps: the
//! container of a fixed port starts well before its task is running, is told to end 1.15 s after its task is no longer wanted, and is gone when the
//! simulation says so.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Result, ensure};
use serde_json::json;
use simulation::{
    Demand, Fault, Load, ServiceConfig, Simulation, SimulationConfig, TaskState, World, WorldConfig,
};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::{Network, program::Server};
use crate::wait_for;

/// From the wish to stop a task to the signal that its container gets, as the engine does it.
const SIGNAL_AFTER: Duration = Duration::from_millis(1150);

/// How a service publishes its port 8080 on the nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// On a port that each node chooses.
    Anywhere,
    /// On this port, so one task a node at most.
    At(u16),
}

/// The running swarm: one manager `m1` that runs no tasks, and a worker for each real server.
#[derive(Debug)]
pub struct Swarm {
    runtime: Runtime,
    simulation: Option<Arc<Simulation>>,
    folder: TempDir,
    containers: Arc<Mutex<Containers>>,
    ended: Arc<AtomicBool>,
    follower: Option<JoinHandle<()>>,
}

/// The processes by task.
#[derive(Debug, Default)]
struct Containers {
    running: BTreeMap<String, Container>,
    failures: Vec<String>,
}

#[derive(Debug)]
struct Container {
    server: Server,
    unwanted_since: Option<Duration>,
    told: bool,
}

/// What the follower needs to know of a task.
struct Seen {
    id: String,
    name: String,
    server: u8,
    port: u16,
    wanted: bool,
}

impl Swarm {
    /// A service of that name with one replica, labels under `swarmtide.lb.` for that VIP, and a grace period of 5 s.
    #[must_use]
    pub fn service(name: &str, vip: IpAddr, port: u16, published: Published) -> ServiceConfig {
        let load = Load::Constant(Demand::new(0.1, 1000.0));
        let mut service = ServiceConfig::replicated(name, 1, Some(0.5), load)
            .label("swarmtide.lb.vip", &vip.to_string())
            .label("swarmtide.lb.port", &port.to_string());
        let template = &mut service.spec["TaskTemplate"];
        template["ContainerSpec"]["StopGracePeriod"] = json!(5_000_000_000_u64);
        template["Resources"]["Reservations"] = json!({});
        if let Published::At(port) = published {
            template["Placement"]["MaxReplicas"] = json!(1);
            service.spec["EndpointSpec"]["Ports"][0]["PublishedPort"] = json!(port);
        }
        service
    }

    /// Starts a swarm of as many workers as the network has real servers.
    ///
    /// # Errors
    ///
    /// When the engine's socket cannot be made or a service is refused.
    pub fn start(network: &Network, services: Vec<ServiceConfig>) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut world = WorldConfig::new(1, network.servers());
        for (number, node) in (1..).zip(
            world
                .nodes
                .iter_mut()
                .filter(|node| node.name.starts_with('w')),
        ) {
            node.address = Network::server_v4(number);
        }
        world.services = services;
        world.timing.start_delay = Duration::from_millis(600);
        world.timing.stop_delay_min = Duration::from_secs(4);
        world.timing.stop_delay_max = Duration::from_secs(5);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let config = SimulationConfig::new(folder.path(), None, world);
        let simulation = Arc::new(runtime.block_on(Simulation::start(config))?);
        simulation.with(|world| world.engine_mut().set_availability("m1", "drain"));
        let containers = Arc::new(Mutex::new(Containers::default()));
        let ended = Arc::new(AtomicBool::new(false));
        let follower = {
            let (simulation, containers, ended) = (
                Arc::clone(&simulation),
                Arc::clone(&containers),
                Arc::clone(&ended),
            );
            thread::spawn(move || {
                while !ended.load(Ordering::SeqCst) {
                    follow(&simulation, &containers);
                    thread::sleep(Duration::from_millis(10));
                }
            })
        };
        Ok(Self {
            runtime,
            simulation: Some(simulation),
            folder,
            containers,
            ended,
            follower: Some(follower),
        })
    }

    /// The value for `engine.host`.
    #[must_use]
    pub fn docker_host(&self) -> String {
        format!(
            "unix://{}",
            self.folder.path().join("docker.sock").display()
        )
    }

    /// A folder that goes with the swarm.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Looks at the world, or changes it.
    ///
    /// # Panics
    ///
    /// Never while the swarm runs.
    pub fn with<R>(&self, f: impl FnOnce(&mut World) -> R) -> R {
        self.simulation.as_ref().expect("the swarm runs").with(f)
    }

    /// Sets the number of replicas, as an operator does.
    pub fn scale(&self, service: &str, replicas: u64) {
        self.with(|world| {
            let path = "/Mode/Replicated/Replicas";
            world
                .engine_mut()
                .edit_service(service, path, json!(replicas))
        });
    }

    /// Waits until that many tasks serve and no other task's container is left.
    ///
    /// # Errors
    ///
    /// When it takes more than 30 s, or a container did not start.
    pub fn settle(&self, service: &str, replicas: usize) -> Result<()> {
        wait_for("the swarm settles", Duration::from_secs(30), || {
            let (serving, own, all) = self.with(|world| {
                let engine = world.engine();
                let own = engine.tasks_of(service).filter(|task| task.is_alive());
                let all = engine.tasks().filter(|task| task.is_alive());
                (
                    engine.serving_tasks(service).count(),
                    own.count(),
                    all.count(),
                )
            });
            let containers = self.containers.lock();
            let running = containers
                .unwrap_or_else(PoisonError::into_inner)
                .running
                .len();
            (serving == replicas && own == replicas && running == all).then_some(())
        })?;
        let containers = self
            .containers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        ensure!(containers.failures.is_empty(), "{:?}", containers.failures);
        Ok(())
    }

    /// The real servers that run a task of the service that serves, and the port of each.
    #[must_use]
    pub fn serving(&self, service: &str) -> Vec<(u8, u16)> {
        self.with(|world| {
            let engine = world.engine();
            let tasks = engine.serving_tasks(service);
            let mut serving: Vec<_> = tasks
                .filter_map(|task| Some((server_of(world, task)?, task.ports.first()?.published)))
                .collect();
            serving.sort_unstable();
            serving
        })
    }

    /// Makes the Engine API fail in these ways; an empty list heals it.
    pub fn set_faults(&self, faults: Vec<Fault>) {
        self.with(|world| world.set_faults(faults));
    }

    /// Kills the process of every task of a service on a real server, without swarm's knowledge.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn kill_containers_on(&self, server: u8) -> Result<()> {
        let tasks = self.with(|world| seen(world));
        let mut containers = self
            .containers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let here = tasks.iter().filter(|task| task.server == server);
        let killed =
            here.filter_map(|task| containers.running.get_mut(&task.id)?.server.kill().ok());
        ensure!(killed.count() > 0, "no container runs on server {server}");
        Ok(())
    }

    /// The path of a file in the swarm's folder.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for Swarm {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        if let Some(follower) = self.follower.take() {
            follower.join().ok();
        }
        if let Some(simulation) = self.simulation.take().and_then(Arc::into_inner) {
            self.runtime.block_on(simulation.shutdown());
        }
    }
}

fn server_of(world: &World, task: &simulation::Task) -> Option<u8> {
    let node = world.engine().node(task.node.as_deref()?)?;
    node.config.name.strip_prefix('w')?.parse().ok()
}

/// The tasks that have, or are about to have, a container.
fn seen(world: &World) -> Vec<Seen> {
    let engine = world.engine();
    let tasks = engine.tasks().filter_map(|task| {
        let service = engine.service(&task.service)?;
        let fixed = service.spec["EndpointSpec"]["Ports"][0]["PublishedPort"].as_u64();
        let begins = (TaskState::Assigned..=TaskState::Starting).contains(&task.state);
        let fixed = fixed.filter(|port| *port > 0 && begins);
        let port = match task.ports.first() {
            Some(port) => port.published,
            None => u16::try_from(fixed?).ok()?,
        };
        Some(Seen {
            id: task.id.clone(),
            name: format!("{}.{}", service.name(), task.slot.unwrap_or(0)),
            server: server_of(world, task)?,
            port,
            wanted: task.is_wanted(),
        })
    });
    tasks.collect()
}

fn follow(simulation: &Simulation, containers: &Mutex<Containers>) {
    let now = simulation.elapsed();
    let tasks = simulation.with(|world| seen(world));
    let mut containers = containers.lock().unwrap_or_else(PoisonError::into_inner);
    let Containers { running, failures } = &mut *containers;
    running.retain(|id, _| tasks.iter().any(|task| task.id == *id));
    for task in tasks {
        match running.get_mut(&task.id) {
            Some(container) if !task.wanted => {
                let since = *container.unwanted_since.get_or_insert(now);
                if !container.told && now.saturating_sub(since) >= SIGNAL_AFTER {
                    container.told = true;
                    container.server.leave();
                }
            }
            Some(_) => {}
            None if task.wanted => {
                let namespace = Network::server(task.server);
                match Server::start_soon(&namespace, task.port, &task.name) {
                    Ok(server) => {
                        let container = Container {
                            server,
                            unwanted_since: None,
                            told: false,
                        };
                        running.insert(task.id, container);
                    }
                    Err(error) => failures.push(format!("{error:#}")),
                }
            }
            None => {}
        }
    }
}
