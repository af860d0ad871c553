//! Step response in the simulation: time from a step of the load to the Engine API call, against the polling interval.
//!
//! `cargo bench -p bench --bench step`. The real sidecar, real datagrams and sockets; only the swarm is simulated. The same on a
//! real swarm is `testbed/tests/sidecar/step.rs`. With `-- --check` it ends with 1 when a median misses the goal, interval + 2 s.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark talks, and ends on what it did not expect"
)]

use std::{net::SocketAddr, process::ExitCode, time::Duration};

use simulation::{Demand, Load, ServiceConfig, Simulation, SimulationConfig, WorldConfig};
use swarmtide::{
    config::{Config, Listen, Span},
    sidecar::{Bound, DockerEnvironment, Sidecar},
};

/// Services that step, each at moments of its own.
const SERVICES: u32 = 10;
/// Steps of each.
const ROUNDS: u32 = 2;
const IDLE: f64 = 0.02;
const BUSY: f64 = 2.0;

fn name(service: u32) -> String {
    format!("web{service}")
}

fn load(cores: f64) -> Load {
    Load::Constant(Demand::new(cores, 0.0))
}

fn world(interval: Duration) -> WorldConfig {
    let mut world = WorldConfig::new(3, 3);
    for service in 0..SERVICES {
        let config = ServiceConfig::replicated(&name(service), 2, Some(0.5), load(IDLE))
            .label("swarmtide.enable", "true")
            .label("swarmtide.min", "2")
            .label("swarmtide.max", "3")
            .label("swarmtide.cooldown", "1s");
        world = world.service(config);
    }
    world.agent.interval = interval;
    world
}

/// Runs one simulation and returns how long each step waited for its write.
async fn steps(interval: Duration) -> Vec<Duration> {
    let folder = tempfile::tempdir().unwrap();
    let any: SocketAddr = ([127, 0, 0, 1], 0).into();
    let mut config = Config::default();
    config.http.listen = Listen(any);
    config.engine.host = Some(format!("unix://{}/docker.sock", folder.path().display()));
    config.collector.listen = vec![Listen(any)];
    config.collector.polling = Span::from_millis(u64::try_from(interval.as_millis()).unwrap());
    config.scaler.warm_up = Span::from_millis(1000);
    config.state.directory = folder.path().join("state");
    let bound = Bound::bind(&config).await.unwrap();
    let collector = bound.sflow_addresses().first().copied();
    let simulation = SimulationConfig::new(folder.path(), collector, world(interval));
    let simulation = Simulation::start(simulation).await.unwrap();
    let sidecar = Sidecar::start(config, &DockerEnvironment::default(), bound).unwrap();
    let mut waits = Vec::new();
    let rounds = if bench::is_trial() { 1 } else { ROUNDS };
    for round in 0..rounds {
        settle(&sidecar).await;
        let mut begun = Vec::new();
        for service in 0..SERVICES {
            // Spread over the interval, and each round elsewhere in it.
            tokio::time::sleep(interval / SERVICES + interval * round / 37).await;
            simulation.with(|world| world.set_load(&name(service), load(BUSY)));
            begun.push(simulation.elapsed());
        }
        for (service, begun) in (0..).zip(begun) {
            waits.push(answer(&simulation, &name(service), begun).await);
        }
        for service in 0..SERVICES {
            simulation.with(|world| world.set_load(&name(service), load(IDLE)));
        }
    }
    sidecar.stop().await;
    waits
}

/// Waits until every service is at its minimum and has nothing to do.
async fn settle(sidecar: &Sidecar) {
    let at_rest = || {
        let engine = sidecar.shared().engine();
        let resting = engine
            .services()
            .filter(|status| {
                status
                    .held()
                    .is_some_and(|(reason, _)| reason.kind() == scaler::HoldKind::AtMinimum)
            })
            .count();
        resting == SERVICES as usize
    };
    while !at_rest() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The time from `begun` to the first write that adds a replica to the service.
async fn answer(simulation: &Simulation, service: &str, begun: Duration) -> Duration {
    loop {
        let written = simulation.with(|world| {
            let mut posts = world.engine().posts();
            let post =
                posts.find(|post| post.name == service && post.at > begun && post.to > post.from);
            post.map(|post| post.at)
        });
        if let Some(at) = written {
            return at - begun;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let mut missed = false;
    println!(
        "time from a step of the load to the Engine API call; {} steps for each interval",
        SERVICES * ROUNDS
    );
    println!(
        "{:>9} {:>9} {:>9} {:>16} {:>14}",
        "interval", "median", "worst", "median/interval", "within goal"
    );
    let intervals: &[u64] = if bench::is_trial() { &[1] } else { &[1, 2, 5] };
    for &seconds in intervals {
        let interval = Duration::from_secs(seconds);
        let mut waits = steps(interval).await;
        waits.sort();
        let (median, worst) = (waits[waits.len() / 2], waits[waits.len() - 1]);
        let goal = interval + Duration::from_secs(2);
        let within = waits.iter().filter(|wait| **wait <= goal).count();
        missed |= median > goal;
        println!(
            "{:>8}s {:>8.2}s {:>8.2}s {:>16.2} {:>11}/{}",
            seconds,
            median.as_secs_f64(),
            worst.as_secs_f64(),
            median.div_duration_f64(interval),
            within,
            waits.len()
        );
    }
    println!("goal: interval + 2 s");
    if bench::checks() && missed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}
