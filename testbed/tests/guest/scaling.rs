//! Nobody is hurt when the swarm changes: scaling, rolling updates, and a node that dies.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use serde_json::json;
use testbed::{
    guest::{Clients, Network, in_guest},
    wait_for,
};

use crate::{
    judge::weights,
    rig::{PACE, PATIENCE, Rig, assert_unharmed, probed, vip},
};

#[test]
fn scaling_from_three_to_five_to_two_fails_no_request() {
    in_guest(|| {
        let network = Network::new(5).unwrap();
        let rig = Rig::start(&network, probed(), 3);
        let clients = Clients::start("client", vip(1), PACE).unwrap();
        thread::sleep(Duration::from_secs(2));
        for replicas in [5, 2] {
            rig.swarm.scale("web", u64::try_from(replicas).unwrap());
            rig.swarm.settle("web", replicas).unwrap();
            rig.in_step();
            thread::sleep(Duration::from_secs(1));
        }
        let report = clients.finish().unwrap();
        assert_unharmed("scaling 3 -> 5 -> 2", &report);
        assert!(
            report.closed_by_server > 0,
            "nobody was connected to a server that left: {report:?}"
        );
        assert!(report.servers.len() >= 5, "{report:?}");
    });
}

#[test]
fn a_rolling_update_fails_no_request() {
    in_guest(|| {
        let network = Network::new(4).unwrap();
        let rig = Rig::start(&network, probed(), 3);
        let before = rig.expected();
        let clients = Clients::start("client", vip(1), PACE).unwrap();
        thread::sleep(Duration::from_secs(1));
        rig.swarm.with(|world| {
            let image = "/TaskTemplate/ContainerSpec/Image";
            world
                .engine_mut()
                .edit_service("web", image, json!("example/web:2"))
        });
        let replaced = wait_for("every task is replaced", PATIENCE * 2, || {
            let now = rig.expected();
            (now.len() == 3 && now.keys().all(|address| !before.contains_key(address)))
                .then_some(())
        });
        replaced.unwrap();
        rig.swarm.settle("web", 3).unwrap();
        rig.in_step();
        assert_unharmed("a rolling update of 3", &clients.finish().unwrap());
    });
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a test against real components lives in real time"
)]
fn a_destination_that_dies_hard_is_out_within_the_probes_fall_time() {
    in_guest(|| {
        let network = Network::new(3).unwrap();
        let rig = Rig::start(&network, probed(), 3);
        let before = rig.expected();
        let dead = rig.swarm.serving("web")[0].0;
        let begin = Instant::now();
        Network::connect(dead, false).unwrap();
        let table = wait_for("it gets no new connections", PATIENCE, || {
            let mut table = weights("lb", vip(1));
            table.retain(|_, weight| *weight > 0);
            (table.len() < 3).then_some(table)
        });
        let took = begin.elapsed();
        let table: BTreeMap<_, _> = table.unwrap();
        assert_eq!(table.len(), 2, "{table:?}");
        assert!(table.keys().all(
            |address| before.contains_key(address) && address.ip() != Network::server_v4(dead)
        ));
        // The next probe is due within 300 ms; three must fail, each given 300 ms.
        let fall = Duration::from_millis(300 + 3 * 300);
        println!(
            "out after {took:.1?}; the probe's fall time is {fall:.1?}, a ratio of {:.2}",
            took.as_secs_f64() / fall.as_secs_f64()
        );
        assert!(took < fall * 2, "{took:?}");
        let report = Clients::ask("client", vip(1), PACE, 20).unwrap();
        assert_unharmed("with one destination dead", &report);

        Network::connect(dead, true).unwrap();
        rig.in_step();
    });
}
