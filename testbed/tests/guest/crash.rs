//! The balancer is killed at any moment, and nothing is lost by it.

use std::{thread, time::Duration};

use simulation::Random;
use testbed::guest::{Clients, Network, in_guest};

use crate::rig::{PACE, Rig, tell, vip, web};

/// How often it is killed.
const KILLS: u64 = 100;

#[test]
fn killed_a_hundred_times_in_mid_change_it_converges_each_time_and_no_connection_is_lost() {
    in_guest(|| {
        let network = Network::new(5).unwrap();
        let mut rig = Rig::start(&network, web(), 3);
        let clients = Clients::start("client", vip(1), PACE).unwrap();
        let mut random = Random::new(KILLS);
        for kill in 0..KILLS {
            rig.swarm.scale("web", [5, 3][usize::from(kill % 2 == 1)]);
            thread::sleep(random.between(Duration::ZERO, Duration::from_millis(500)));
            rig.balancer.kill().unwrap();
            rig.balancer.start().unwrap();
            rig.in_step_but_for_draining();
        }
        rig.swarm.settle("web", 3).unwrap();
        rig.in_step();
        // A new connection may meet a server that has left while nobody was there to take it out of the table.
        let report = clients.finish().unwrap();
        tell("killed 100 times", &report);
        assert_eq!(report.lost, 0, "{report:#?}");
    });
}
