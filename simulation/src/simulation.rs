//! The world on real time, with real sockets.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use thiserror::Error;
use tokio::net::{UdpSocket, UnixListener};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tracing::debug;

use crate::config::SimulationConfig;
use crate::engine::EngineError;
use crate::server::{Shared, serve, with};
use crate::world::World;

/// Why a simulation could not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// A service of the configuration was refused.
    #[error("the simulated engine refuses a service of the configuration")]
    Service(#[source] EngineError),
    /// The unix socket could not be made.
    #[error("cannot listen on {path}")]
    Listen {
        /// Path of the socket.
        path: PathBuf,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// The UDP sockets of the nodes could not be made.
    #[error("cannot open a UDP socket for the simulated nodes")]
    Udp(#[source] io::Error),
}

/// A running simulation. It ends when [`Simulation::shutdown`] is called or the handle is dropped.
#[derive(Debug)]
pub struct Simulation {
    world: Shared,
    socket: PathBuf,
    end: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    started: Instant,
}

impl Simulation {
    /// Serves the Engine API on `directory/docker.sock` and lets the nodes send. Needs a tokio runtime.
    ///
    /// # Errors
    ///
    /// Where a socket cannot be made or a service is refused.
    pub async fn start(config: SimulationConfig) -> Result<Self, StartError> {
        let world = World::new(config.world).map_err(StartError::Service)?;
        let socket = config.directory.join("docker.sock");
        let listener = UnixListener::bind(&socket).map_err(|source| StartError::Listen {
            path: socket.clone(),
            source,
        })?;
        let senders = match config.collector {
            Some(collector) => Some(
                Senders::open(&world, collector)
                    .await
                    .map_err(StartError::Udp)?,
            ),
            None => None,
        };
        let world = Arc::new(Mutex::new(world));
        let (end, ended) = watch::channel(false);
        let started = Instant::now();
        let driver = Driver {
            world: Arc::clone(&world),
            senders,
            end: end.clone(),
            started,
        };
        let tasks = vec![
            tokio::spawn(serve(listener, Arc::clone(&world), ended)),
            tokio::spawn(driver.run(config.step)),
        ];
        Ok(Self {
            world,
            socket,
            end,
            tasks,
            started,
        })
    }

    /// Returns the path of the engine's socket.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Returns the value for `DOCKER_HOST`.
    #[must_use]
    pub fn docker_host(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// Looks at the world, or changes it. Everything in it stands still meanwhile: keep it short.
    pub fn with<R>(&self, f: impl FnOnce(&mut World) -> R) -> R {
        with(&self.world, f)
    }

    /// Returns the simulated time: how long the simulation has been running.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Waits until `condition` holds. Returns false where it did not within `patience`.
    pub async fn wait_until(&self, patience: Duration, condition: impl Fn(&World) -> bool) -> bool {
        let deadline = Instant::now() + patience;
        while !self.with(|world| condition(world)) {
            if Instant::now() >= deadline {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        true
    }

    /// Ends the simulation and removes the socket.
    pub async fn shutdown(mut self) {
        self.end.send_replace(true);
        for task in std::mem::take(&mut self.tasks) {
            if let Err(error) = task.await {
                debug!(%error, "a task of the simulation failed");
            }
        }
    }
}

impl Drop for Simulation {
    fn drop(&mut self) {
        self.end.send_replace(true);
        for task in &self.tasks {
            task.abort();
        }
        if let Err(error) = std::fs::remove_file(&self.socket) {
            debug!(%error, "cannot remove the socket");
        }
    }
}

/// Moves the world on and sends what its agents have to say.
struct Driver {
    world: Shared,
    senders: Option<Senders>,
    end: watch::Sender<bool>,
    started: Instant,
}

impl Driver {
    async fn run(self, step: Duration) {
        let mut ticks = interval(step.max(Duration::from_millis(1)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last_event = 0;
        loop {
            ticks.tick().await;
            if *self.end.borrow() {
                return;
            }
            let now = self.started.elapsed();
            let (outgoing, event) = with(&self.world, |world| {
                (world.advance(now), world.engine().last_event())
            });
            if event != last_event {
                last_event = event;
                self.end.send_modify(|_| {}); // wakes the event streams
            }
            if let Some(senders) = &self.senders {
                for datagram in &outgoing {
                    senders.send(&datagram.node, &datagram.bytes).await;
                }
            }
        }
    }
}

/// One UDP socket for each node.
struct Senders {
    collector: SocketAddr,
    sockets: Vec<(String, UdpSocket)>,
}

impl Senders {
    async fn open(world: &World, collector: SocketAddr) -> io::Result<Self> {
        let local = match collector {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        };
        let mut sockets = Vec::new();
        for node in world.engine().nodes() {
            sockets.push((node.id.clone(), UdpSocket::bind((local, 0)).await?));
        }
        Ok(Self { collector, sockets })
    }

    async fn send(&self, node: &str, bytes: &[u8]) {
        let Some((_, socket)) = self.sockets.iter().find(|(id, _)| id == node) else {
            return;
        };
        // As for a real agent, nobody has to listen.
        if let Err(error) = socket.send_to(bytes, self.collector).await {
            debug!(%error, "a datagram was not sent");
        }
    }
}
