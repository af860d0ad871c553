//! A simulated swarm: the Engine API on a unix socket, and nodes that send sFlow.
//!
//! [`World`] is the pure part: [`Engine`] (services, tasks, nodes and the quirks of the real engine), load that meets
//! containers, and an sFlow [`Agent`] on every node. Time is an argument, chance comes from a seed, so a history can be
//! replayed. [`Simulation`] puts a world on real time and real sockets, for the demonstration and for tests:
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//! use simulation::{Simulation, SimulationConfig, WorldConfig};
//!
//! let config = SimulationConfig::new("/tmp/demo", Some("127.0.0.1:6343".parse()?), WorldConfig::demo(1));
//! let simulation = Simulation::start(config).await?;
//! println!("DOCKER_HOST={}", simulation.docker_host());
//! let grown = |world: &simulation::World| world.engine().serving_tasks("web").count() > 2;
//! assert!(simulation.wait_until(Duration::from_secs(30), grown).await);
//! assert!(simulation.with(|world| world.engine().harm().is_none()));
//! simulation.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! It deliberately does not run containers, keep networks, or imitate what no client of ours reads.

mod agent;
mod api;
mod config;
mod engine;
mod fleet;
mod load;
mod random;
mod server;
mod simulation;
mod timestamp;
mod traffic;
mod workload;
mod world;

pub use agent::{Agent, AgentConfig, Outgoing, Sampling, Traps};
pub use api::{
    API_VERSION, Body, ENGINE_VERSION, EventFilter, Fault, FaultKind, MIN_API_VERSION, Reply,
    Request, answer,
};
pub use config::{ServiceConfig, SimulationConfig, WorldConfig, nodes};
pub use engine::{
    Engine, EngineConfig, EngineError, Event, EventKind, Harm, Mode, Node, NodeConfig, NodeState,
    Outcome, PortSpec, Post, Role, Service, Task, TaskPort, TaskState, Timing, UpdateState,
    UpdateStatus, changes_besides_replicas,
};
pub use load::{Demand, Load, Wave};
pub use random::Random;
pub use simulation::{Simulation, StartError};
pub use traffic::{Caller, Sickness};
pub use workload::ServiceLoad;
pub use world::World;
