//! New connections, as the kernel counts them, size a service.

use std::time::Duration;

use testbed::{
    guest::{Clients, Network, Swarmtide, in_guest},
    load::Pace,
    wait_for,
};

use crate::rig::{PATIENCE, Rig, assert_unharmed, probed, vip};

#[test]
fn a_service_follows_the_connections_that_the_kernel_counts() {
    in_guest(|| {
        let network = Network::new(5).unwrap();
        let service = probed()
            .label("swarmtide.enable", "true")
            .label("swarmtide.min", "2")
            .label("swarmtide.max", "5")
            .label("swarmtide.connections.target", "15")
            .label("swarmtide.predict", "off")
            .label("swarmtide.window.down", "4s");
        let rig = Rig::start(&network, service, 2);
        let sections = format!(
            "[scaler]\nbalancers = [{:?}]\ninterval = \"1s\"\nwarm_up = \"1s\"\n",
            rig.balancer.url()
        );
        let mut sidecar = Swarmtide::sidecar_with(
            rig.swarm.folder(),
            9201,
            &rig.swarm.docker_host(),
            &sections,
        )
        .unwrap();
        sidecar.up().unwrap();
        // Some 60 new connections a second: four replicas' worth.
        let pace = Pace {
            fresh: 2,
            kept: 0,
            rest: Duration::from_millis(30),
        };
        let replicas = |least: usize, most: usize| {
            let count = rig.swarm.serving("web").len();
            (least..=most).contains(&count).then_some(count)
        };
        let clients = Clients::start("client", vip(1), pace).unwrap();
        let grown = wait_for("it grows", PATIENCE, || replicas(3, 5));
        let why = sidecar.json("/v1/services/web").unwrap();
        grown.unwrap_or_else(|error| panic!("{error}: {why:#}\n{}", sidecar.log_end()));
        let reading = wait_for("the rate is read", PATIENCE, || {
            let service = sidecar.json("/v1/services/web").ok()?;
            let readings = service
                .pointer("/decisions/0/readings")?
                .as_array()?
                .clone();
            let connections = readings
                .iter()
                .find(|reading| reading["metric"] == "connections")?;
            let each = connections["average"].as_f64()?;
            Some(each * connections["reporting"].as_f64()?)
        })
        .unwrap();
        let report = clients.finish().unwrap();
        assert_unharmed("growing by connections", &report);
        println!("{reading:.0} new connections a second were read");
        assert!(reading > 10.0, "{reading}");
        let shrunk = wait_for("it shrinks without them", PATIENCE * 2, || replicas(2, 2));
        let why = sidecar.json("/v1/services/web").unwrap();
        shrunk.unwrap_or_else(|error| panic!("{error}: {why:#}\n{}", sidecar.log_end()));
    });
}
