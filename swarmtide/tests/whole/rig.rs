//! A simulated swarm and a sidecar on it, with everything quick.

use std::{net::SocketAddr, path::Path, time::Duration};

use simulation::{Demand, Load, ServiceConfig, Simulation, SimulationConfig, World, WorldConfig};
use swarmtide::{
    client,
    config::{Config, Listen, Span},
    sidecar::{Bound, DockerEnvironment, Sidecar},
};
use tempfile::TempDir;

/// Long enough for anything here on a slow machine; nothing waits for it when all is well.
pub(crate) const PATIENCE: Duration = Duration::from_secs(45);

pub(crate) struct Rig {
    pub(crate) simulation: Simulation,
    pub(crate) sidecar: Option<Sidecar>,
    pub(crate) folder: TempDir,
    pub(crate) url: String,
    sflow: Option<SocketAddr>,
}

/// A service that opted in, between 2 and 6 replicas of half a core each.
pub(crate) fn web(cores: f64) -> ServiceConfig {
    ServiceConfig::replicated("web", 2, Some(0.5), load(cores))
        .label("swarmtide.enable", "true")
        .label("swarmtide.min", "2")
        .label("swarmtide.max", "6")
        .label("swarmtide.cooldown", "1s")
}

pub(crate) fn load(cores: f64) -> Load {
    Load::Constant(Demand::new(cores, cores * 1e6))
}

/// A world of that one service whose agents poll twice a second.
pub(crate) fn world(service: ServiceConfig) -> WorldConfig {
    let mut world = WorldConfig::new(7, 2).service(service);
    world.agent.interval = Duration::from_millis(600);
    world.agent.first_sample_min = Duration::from_millis(300);
    world.agent.first_sample_max = Duration::from_millis(600);
    world.timing.start_delay = Duration::from_millis(300);
    world.timing.stop_delay_min = Duration::from_millis(200);
    world.timing.stop_delay_max = Duration::from_millis(400);
    world.timing.election = Duration::from_secs(1);
    world.timing.nodes_unknown_for = Duration::from_secs(2);
    world
}

pub(crate) fn config(folder: &Path) -> Config {
    let mut config = Config::default();
    let any: SocketAddr = ([127, 0, 0, 1], 0).into();
    config.http.listen = Listen(any);
    config.engine.host = Some(format!("unix://{}", folder.join("docker.sock").display()));
    config.engine.interval = Span::from_millis(100);
    config.engine.timeout = Span::from_millis(1000);
    config.collector.listen = vec![Listen(any)];
    config.collector.sockets = 2;
    config.collector.polling = Span::from_millis(600);
    config.scaler.interval = Span::from_millis(250);
    config.scaler.view_max_age = Span::from_millis(1500);
    config.scaler.warm_up = Span::from_millis(500);
    config.scaler.back_off_base = Span::from_millis(500);
    config.scaler.unknown_wait = Span::from_millis(1500);
    config.state.directory = folder.join("state");
    config
}

impl Rig {
    pub(crate) async fn start(world: WorldConfig) -> Self {
        Self::start_with(world, |_| {}).await
    }

    pub(crate) async fn start_with(world: WorldConfig, change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(folder.path());
        change(&mut config);
        let bound = Bound::bind(&config).await.unwrap();
        let sflow = bound.sflow_addresses().first().copied();
        let simulation = SimulationConfig::new(folder.path(), sflow, world);
        let simulation = Simulation::start(simulation).await.unwrap();
        let sidecar = Sidecar::start(config, &DockerEnvironment::default(), bound).unwrap();
        let url = format!("http://{}", sidecar.http_address());
        Self {
            simulation,
            sidecar: Some(sidecar),
            folder,
            url,
            sflow,
        }
    }

    /// Stops the sidecar and starts another on the same state folder and UDP port.
    pub(crate) async fn restart_sidecar(&mut self) {
        self.sidecar.take().unwrap().stop().await;
        let mut config = config(self.folder.path());
        config.collector.listen = self.sflow.map(Listen).into_iter().collect();
        let bound = Bound::bind(&config).await.unwrap();
        let sidecar = Sidecar::start(config, &DockerEnvironment::default(), bound).unwrap();
        self.url = format!("http://{}", sidecar.http_address());
        self.sidecar = Some(sidecar);
    }

    pub(crate) fn replicas(&self) -> u64 {
        self.simulation.with(|world| replicas(world))
    }

    pub(crate) async fn until(&self, what: &str, condition: impl Fn(&World) -> bool) {
        if !self.simulation.wait_until(PATIENCE, condition).await {
            let (_, why) = self.get("/v1/services/web").await;
            panic!(
                "never happened: {what}; replicas {}, {why:#}",
                self.replicas()
            );
        }
    }

    /// Waits until the service is held for that reason.
    pub(crate) async fn until_held(&self, reason: &str) {
        self.until_held_for_any(&[reason]).await;
    }

    /// Waits until the service is held for one of those reasons.
    pub(crate) async fn until_held_for_any(&self, reasons: &[&str]) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let (_, service) = self.get("/v1/services/web").await;
            if reasons.iter().any(|reason| service["hold"] == *reason) {
                return;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "never held for {reasons:?}: {service:#}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, serde_json::Value) {
        let (status, body) = client::get(&self.url, path).await.unwrap();
        (
            status,
            serde_json::from_slice(&body)
                .unwrap_or_else(|_| String::from_utf8_lossy(&body).into_owned().into()),
        )
    }

    pub(crate) async fn put(&self, path: &str, body: &str) -> (u16, serde_json::Value) {
        let (status, body) = client::put(&self.url, path, body.to_owned(), None)
            .await
            .unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    /// Posts so far, and proof that none of them did harm.
    pub(crate) fn posts(&self) -> usize {
        self.simulation.with(|world| {
            let harm = world.engine().harm();
            assert!(harm.is_none(), "{harm:?}");
            world.engine().posts().count()
        })
    }
}

pub(crate) fn replicas(world: &World) -> u64 {
    world
        .engine()
        .service("web")
        .and_then(simulation::Service::replicas)
        .unwrap_or_default()
}
