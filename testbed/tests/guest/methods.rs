//! Each forwarding method, asked for by labels, and the judge's word that the table is what was asked for.

use std::net::{IpAddr, SocketAddr};

use testbed::guest::{Clients, Network, Published, Swarm, Swarmtide, in_guest};

use crate::{
    judge::{ipvsadm, table},
    rig::{PACE, PATIENCE, PORT, assert_unharmed, engine},
};

/// A service at port 80 of the VIP and of its nodes, forwarded by that method.
fn service(name: &str, vip: IpAddr, method: &str) -> simulation::ServiceConfig {
    Swarm::service(name, vip, 80, Published::At(80)).label("swarmtide.lb.forward", method)
}

#[test]
fn masquerading_direct_routing_and_tunnels_come_from_labels_and_carry_http() {
    in_guest(|| {
        let network = Network::new(3).unwrap();
        let methods = [
            ("masq", "-m -w 1", "client", "10.1.0.2"),
            ("droute", "-g -w 1", "near", "10.2.0.2"),
            ("tunnel", "-i -w 1 --tun-type ipip", "near", "10.2.0.2"),
        ];
        for (number, (method, words, client, client_address)) in (1..).zip(methods) {
            let vip = IpAddr::from([10, 9, 0, number]);
            Network::bind("lb", vip).unwrap();
            for server in 1..=network.servers() {
                if method != "masq" {
                    Network::accept_vip(server, vip).unwrap();
                }
            }
            let swarm = Swarm::start(&network, vec![service("web", vip, method)]).unwrap();
            swarm.scale("web", 3);
            swarm.settle("web", 3).unwrap();
            let mut balancer =
                Swarmtide::balancer(swarm.folder(), PORT, "", &engine(&swarm)).unwrap();
            balancer.up().unwrap();
            let mut expected = vec![format!("-A -t {vip}:80 -s wrr")];
            expected.extend((1..=3).map(|server| {
                let server = Network::server_v4(server);
                format!("-a -t {vip}:80 -r {server}:80 {words}")
            }));
            let found = testbed::wait_for("the table", PATIENCE, || {
                (table("lb") == expected).then_some(())
            });
            found.unwrap_or_else(|error| {
                panic!("{error}: {:#?}\n{}", table("lb"), balancer.log_end())
            });
            let report = Clients::ask(client, SocketAddr::from((vip, 80)), PACE, 60).unwrap();
            assert_unharmed(method, &report);
            assert_eq!(report.servers.len(), 3, "{report:?}");
            assert_eq!(report.seen_as.keys().collect::<Vec<_>>(), [client_address]);
            balancer.kill().unwrap();
            ipvsadm("lb", "-C");
        }
    });
}
