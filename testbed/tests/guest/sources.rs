//! A balancer outside the swarm: it follows the streams of two sidecars, the newest wins, and one of them may die.

use std::{thread, time::Duration};

use testbed::{
    guest::{Clients, Network, Swarm, Swarmtide, in_guest},
    wait_for,
};

use crate::{
    judge::weights,
    rig::{PACE, PATIENCE, PORT, assert_unharmed, vip, web},
};

/// The balancer's destinations that get connections are those of the tasks that serve.
fn in_step(swarm: &Swarm, balancer: &Swarmtide) {
    let mut expected: Vec<_> = swarm.serving("web").into_iter().collect();
    expected.sort_unstable();
    let found = wait_for("the kernel has what swarm has", PATIENCE, || {
        let table = weights("lb", vip(1));
        let serving = table.iter().filter(|(_, weight)| **weight > 0);
        let all = expected.iter().all(|(server, port)| {
            table
                .get(&(Network::server_v4(*server), *port).into())
                .is_some_and(|weight| *weight > 0)
        });
        (all && serving.count() == expected.len()).then_some(())
    });
    found.unwrap_or_else(|error| {
        panic!(
            "{error}: {expected:?}\n{:?}\n{}",
            weights("lb", vip(1)),
            balancer.log_end()
        )
    });
}

#[test]
fn two_sidecars_are_followed_and_either_may_die() {
    in_guest(|| {
        let network = Network::new(4).unwrap();
        Network::bind("lb", vip(1).ip()).unwrap();
        let swarm = Swarm::start(&network, vec![web()]).unwrap();
        swarm.scale("web", 2);
        swarm.settle("web", 2).unwrap();
        let mut sidecars = [9201, 9202]
            .map(|port| Swarmtide::sidecar(swarm.folder(), port, &swarm.docker_host()).unwrap());
        for sidecar in &mut sidecars {
            sidecar.up().unwrap();
        }
        let urls = sidecars.each_ref().map(Swarmtide::url);
        let mut balancer =
            Swarmtide::balancer(swarm.folder(), PORT, &format!("sources = {urls:?}"), "").unwrap();
        balancer.up().unwrap();
        in_step(&swarm, &balancer);
        let clients = Clients::start("client", vip(1), PACE).unwrap();
        for (dead, replicas) in [(0, 4), (1, 3)] {
            sidecars[dead].kill().unwrap();
            swarm.scale("web", replicas);
            swarm
                .settle("web", usize::try_from(replicas).unwrap())
                .unwrap();
            in_step(&swarm, &balancer);
            sidecars[dead].up().unwrap();
        }
        // Both away: the last table stays.
        for sidecar in &mut sidecars {
            sidecar.kill().unwrap();
        }
        let serving = || {
            let mut table = weights("lb", vip(1));
            // A drain that has begun may end meanwhile.
            table.retain(|_, weight| *weight > 0);
            table
        };
        let before = serving();
        swarm.scale("web", 4);
        thread::sleep(Duration::from_secs(4));
        assert_eq!(serving(), before);
        sidecars[1].up().unwrap();
        swarm.settle("web", 4).unwrap();
        in_step(&swarm, &balancer);
        assert_unharmed("two sidecars dying in turn", &clients.finish().unwrap());
    });
}
