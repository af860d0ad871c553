//! The closed loop, all real: wrk loads a service, `swarmtide agent` on every node tells what its containers do, the sidecar
//! scales them, and the table of virtual services follows. Then the load ends, and all of it goes back.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    process::{Child, Command, Stdio},
    time::Duration,
};

use testbed::{Agent, Swarm};
use tokio::time::Instant;

use crate::{
    process::{PATIENCE, Sidecar},
    scaling::{create_web, replicas, until_replicas},
};

/// Five replicas need no more than a core.
const LIMIT: [&str; 2] = ["--limit-cpu", "0.2"];

/// Load on the service; it ends when this is dropped.
struct Load(BTreeMap<SocketAddr, Child>);

impl Load {
    /// wrk against each of these addresses.
    fn start(addresses: &[SocketAddr]) -> Self {
        let mut load = Self(BTreeMap::new());
        load.follow(addresses);
        load
    }

    /// The same for addresses that are new: requests of 20 ms of computing each, four at a time. This is a load balancer's part.
    fn follow(&mut self, addresses: &[SocketAddr]) {
        for address in addresses {
            self.0.entry(*address).or_insert_with(|| {
                Command::new("wrk")
                    .args(["-t1", "-c4", "-d300", "--timeout", "10s"])
                    .arg(format!("http://{address}/burn/20"))
                    .stdin(Stdio::null())
                    .stdout(Stdio::null())
                    .spawn()
                    .expect("wrk is missing: testbed/setup")
            });
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        for child in self.0.values_mut() {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

/// A sidecar that hears agents on all nodes.
fn start(swarm: &Swarm, more: &[(&str, &str)]) -> (Sidecar, Vec<Agent>) {
    start_with(swarm, more, &[])
}

/// The same, with more arguments for the agents.
pub(crate) fn start_with(
    swarm: &Swarm,
    more: &[(&str, &str)],
    arguments: &[&str],
) -> (Sidecar, Vec<Agent>) {
    let address = (swarm.host_ip(), free_udp_port(swarm.host_ip()));
    let collector = SocketAddr::from(address);
    let host = format!("unix://{}", swarm.socket("m1").display());
    let listen = collector.to_string();
    let mut environment = vec![
        ("DOCKER_HOST", host.as_str()),
        ("SWARMTIDE_COLLECTOR_LISTEN", &listen),
    ];
    environment.extend(more);
    let sidecar = Sidecar::start_with(&environment);
    let agents = swarm
        .nodes()
        .iter()
        .map(|node| Agent::on_node(swarm, node, &[collector], arguments).unwrap());
    (sidecar, agents.collect())
}

pub(crate) fn free_udp_port(address: Ipv4Addr) -> u16 {
    let socket = UdpSocket::bind((address, 0)).unwrap();
    socket.local_addr().unwrap().port()
}

/// The destinations in the table of virtual services.
fn destinations(sidecar: &Sidecar) -> Vec<SocketAddr> {
    let table = sidecar.get("/v1/backends");
    let Some(list) = table["virtual_services"][0]["destinations"].as_array() else {
        return Vec::new();
    };
    let serving = list
        .iter()
        .filter(|entry| entry["weight"].as_u64() != Some(0));
    serving
        .filter_map(|entry| {
            let address: Ipv4Addr = entry["address"].as_str()?.parse().ok()?;
            let port = u16::try_from(entry["port"].as_u64()?).ok()?;
            Some(SocketAddr::from((address, port)))
        })
        .collect()
}

fn until_destinations(sidecar: &Sidecar, count: usize) -> Vec<SocketAddr> {
    let found = testbed::wait_for(&format!("{count} destinations"), PATIENCE, || {
        let found = destinations(sidecar);
        (found.len() == count).then_some(found)
    });
    found.unwrap_or_else(|error| panic!("{error}\n{:#}", sidecar.get("/v1/backends")))
}

#[test]
fn replicas_and_the_table_follow_a_real_load_up_and_down() {
    let swarm = Swarm::shared().unwrap();
    swarm.remove_services().unwrap();
    swarm.favour_containers().unwrap();
    create_web(&swarm, &LIMIT);
    let (sidecar, agents) = start(&swarm, &[]);
    sidecar.until_held("web", &["at_minimum"]);
    let two = until_destinations(&sidecar, 2);

    let mut load = Load::start(&two);
    let grown = testbed::wait_for("five replicas under load", PATIENCE, || {
        load.follow(&destinations(&sidecar));
        (replicas(&swarm, "m1", "web") == 5).then_some(())
    });
    grown.unwrap_or_else(|error| panic!("{error}\n{:#}", sidecar.service("web")));
    let five = until_destinations(&sidecar, 5);
    assert!(
        two.iter().all(|destination| five.contains(destination)),
        "{two:?} {five:?}"
    );

    drop(load);
    until_replicas(&swarm, &sidecar, 2);
    until_destinations(&sidecar, 2);
    sidecar.until_held("web", &["at_minimum"]);
    let agents: Vec<_> = agents.iter().map(Agent::log).collect();
    assert!(
        agents.iter().all(|log| log.contains("the agent polls")),
        "{agents:?}"
    );
}

const STEPS: usize = 4;

#[test]
fn a_real_step_of_the_load_is_answered_in_seconds() {
    let swarm = Swarm::shared().unwrap();
    swarm.remove_services().unwrap();
    swarm.favour_containers().unwrap();
    create_web(&swarm, &LIMIT);
    let (sidecar, _agents) = start(&swarm, &[]);
    let steps = std::env::var_os("TESTBED_STEPS").and_then(|steps| steps.to_str()?.parse().ok());
    let steps: usize = steps.unwrap_or(STEPS);
    let mut answers = Vec::new();
    for step in 0..steps {
        until_replicas(&swarm, &sidecar, 2);
        sidecar.until_held("web", &["at_minimum"]);
        let two = until_destinations(&sidecar, 2);
        // Steps fall on different moments of the polling interval.
        std::thread::sleep(Duration::from_secs(1).mul_f64(0.37 * step as f64 % 1.0));
        let begin = Instant::now();
        let load = Load::start(&two);
        testbed::wait_for("the answer", Duration::from_secs(60), || {
            (replicas(&swarm, "m1", "web") > 2).then_some(())
        })
        .unwrap();
        answers.push(begin.elapsed());
        drop(load);
    }
    answers.sort();
    let (median, worst) = (answers[steps / 2], answers[steps - 1]);
    println!(
        "from a step of a real load to the Engine API, polling every second, {steps} runs: median {median:.2?}, worst {worst:.2?}; all {answers:.2?}"
    );
}
