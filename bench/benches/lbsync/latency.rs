//! From a task's change in the swarm to the kernel's table, with the real binary.

use std::{
    net::{IpAddr, SocketAddr},
    thread,
    time::Duration,
};

use ipvs::{Ipvs, NetNs, codec::ServiceKey};
use serde_json::json;
use simulation::{Random, Simulation, SimulationConfig, WorldConfig};
use testbed::guest::{Network, Published, Swarm, Swarmtide, run};

use crate::measure::{cost, median, ms, quantile};

/// Changes measured: half of them a task that begins to run, half one that is no longer wanted.
const CHANGES: u32 = 200;

/// Time between two lists of the swarm; the engine tells nobody that a task begins to run.
const INTERVAL: Duration = Duration::from_millis(500);

/// The service that changes, and the port at which nobody else changes anything.
const SERVICE: &str = "10.9.0.1:80";

/// How long changes took.
#[derive(Debug)]
pub(crate) struct Latency {
    /// A task runs, to its destination having a weight.
    up: Vec<Duration>,
    /// A task is not wanted, to its destination having none.
    down: Vec<Duration>,
    /// One call of `ipvsadm`, in between.
    bare: Vec<Duration>,
}

/// Makes the changes, each at a moment of its own, with nobody else on the guest.
pub(crate) fn measure(network: &Network) -> Latency {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let simulation = runtime
        .block_on(Simulation::start(world(network, folder.path())))
        .unwrap();
    simulation.with(|world| world.engine_mut().set_availability("m1", "drain"));
    let engine = format!(
        "[engine]\nhost = {:?}\ninterval = \"{}ms\"\n",
        simulation.docker_host(),
        INTERVAL.as_millis()
    );
    let mut balancer = Swarmtide::balancer(folder.path(), 9100, "", &engine).unwrap();
    balancer.up().unwrap();
    let mut kernel = Kernel(Ipvs::open_in(&NetNs::named("lb").unwrap()).unwrap());
    let mut random = Random::new(1);
    kernel.until(1);
    run("lb", &["ipvsadm", "-A", "-t", "10.200.0.1:80"]).unwrap();
    let mut latency = Latency {
        up: Vec::new(),
        down: Vec::new(),
        bare: Vec::new(),
    };
    for change in 0..bench::rounds(CHANGES) {
        thread::sleep(random.between(
            Duration::from_millis(200),
            Duration::from_millis(200) + INTERVAL,
        ));
        let replicas = if change % 2 == 0 { 2 } else { 1 };
        let begin = simulation.elapsed();
        simulation.with(|world| {
            world
                .engine_mut()
                .edit_service("web", "/Mode/Replicated/Replicas", json!(replicas))
        });
        kernel.until(replicas);
        let end = simulation.elapsed();
        if replicas == 2 {
            let began = simulation.with(|world| {
                world
                    .engine()
                    .serving_tasks("web")
                    .filter_map(|task| task.running_since)
                    .max()
            });
            latency.up.push(end - began.unwrap());
        } else {
            latency.down.push(end - begin);
        }
        let operation = if change % 2 == 0 { "-a" } else { "-d" };
        let words = [
            "ipvsadm",
            operation,
            "-t",
            "10.200.0.1:80",
            "-r",
            "10.2.0.99:80",
        ];
        latency
            .bare
            .push(cost(|| run("lb", &words).unwrap()).1.wall);
    }
    runtime.block_on(simulation.shutdown());
    latency
}

fn world(network: &Network, folder: &std::path::Path) -> SimulationConfig {
    let mut world = WorldConfig::new(1, network.servers());
    let vip: SocketAddr = SERVICE.parse().unwrap();
    let vip: IpAddr = vip.ip();
    world.services = vec![Swarm::service("web", vip, 80, Published::Anywhere)];
    world.timing.start_delay = Duration::from_millis(100);
    world.timing.stop_delay_min = Duration::from_millis(1200);
    world.timing.stop_delay_max = Duration::from_millis(1300);
    let mut config = SimulationConfig::new(folder, None, world);
    config.step = Duration::from_millis(5);
    config
}

/// The table as the kernel lists it, watched closely.
struct Kernel(Ipvs);

impl Kernel {
    /// Waits until that many destinations get connections.
    fn until(&mut self, destinations: u32) {
        let service = ServiceKey::tcp(SERVICE.parse().unwrap());
        let mut left = 60_000;
        loop {
            let listed = self.0.destinations(&service).unwrap();
            let serving = listed
                .iter()
                .filter(|listed| listed.config.weight > 0)
                .count();
            if serving == destinations as usize {
                return;
            }
            left -= 1;
            assert!(left > 0, "never {destinations} destinations: {listed:?}");
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Latency {
    pub(crate) fn print(&self) {
        println!(
            "\n| from a task's change to the kernel's table | count | median ms | 99th percentile ms | worst ms |"
        );
        println!("|---|---|---|---|---|");
        let both = [&self.up[..], &self.down[..]].concat();
        for (what, values) in [
            ("a task runs -> it has a weight", &self.up),
            ("a task is not wanted -> it has none", &self.down),
            ("both", &both),
            ("beside it: a call of `ipvsadm`", &self.bare),
        ] {
            let mut values = values.clone();
            println!(
                "| {what} | {} | {:.1} | {:.1} | {:.1} |",
                values.len(),
                ms(median(&mut values)),
                ms(quantile(&mut values, 0.99)),
                ms(quantile(&mut values, 1.0)),
            );
        }
        println!(
            "(the swarm is listed every {INTERVAL:?}, and at once on an event; the engine has none for a task that begins to run)"
        );
    }

    /// The goals that are missed.
    pub(crate) fn missed(&self) -> Vec<String> {
        let bare = median(&mut self.bare.clone());
        let goals = [
            (
                "a task that is not wanted has no weight within one call of ipvsadm",
                median(&mut self.down.clone()) <= bare,
            ),
            (
                "a task that runs has one within an interval and two calls of ipvsadm",
                quantile(&mut self.up.clone(), 0.99) <= INTERVAL + bare * 2,
            ),
        ];
        let missed = goals.into_iter().filter(|(_, met)| !met);
        missed.map(|(goal, _)| goal.to_owned()).collect()
    }
}
