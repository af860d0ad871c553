//! The kernel alone, driven by `ipvsadm`: what the other tests rest on.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use testbed::{
    guest::{Clients, Network, Published, Server, Swarm, in_guest},
    load::Pace,
};

use crate::judge::{ipvsadm, table};

const PACE: Pace = Pace {
    fresh: 2,
    kept: 0,
    rest: Duration::ZERO,
};

/// Sends 60 requests to the VIP by each method and finds them spread evenly, with the client's own address.
fn carries(vip: &str, client: &str, client_address: &str, method: &str) {
    let vip: IpAddr = vip.parse().unwrap();
    let service = SocketAddr::from((vip, 80));
    Network::bind("lb", vip).unwrap();
    ipvsadm("lb", &format!("-A -t {service} -s rr"));
    for number in 1..=3 {
        let server = if vip.is_ipv4() {
            Network::server_v4(number)
        } else {
            Network::server_v6(number)
        };
        if method != "-m" {
            Network::accept_vip(number, vip).unwrap();
        }
        ipvsadm(
            "lb",
            &format!(
                "-a -t {service} -r {} {method}",
                SocketAddr::from((server, 80))
            ),
        );
    }
    let report = Clients::ask(client, service, PACE, 30).unwrap();
    assert_eq!(report.failed, 0, "{method} {vip}: {report:?}");
    let even = ["one", "two", "three"].map(|name| (name.to_owned(), 20));
    assert_eq!(report.servers, BTreeMap::from(even), "{method} {vip}");
    let seen_as = BTreeMap::from([(client_address.to_owned(), 60)]);
    assert_eq!(report.seen_as, seen_as, "{method} {vip}");
    ipvsadm("lb", &format!("-D -t {service}"));
}

#[test]
fn masquerading_direct_routing_and_tunnels_carry_http_over_both_families() {
    in_guest(|| {
        Network::new(3).unwrap();
        let _servers: Vec<_> = (1..)
            .zip(["one", "two", "three"])
            .map(|(number, name)| Server::start(&Network::server(number), 80, name).unwrap())
            .collect();
        carries("10.9.0.1", "client", "10.1.0.2", "-m");
        carries("fd09::1", "client", "fd01::2", "-m");
        carries("10.9.0.2", "near", "10.2.0.2", "-g");
        carries("fd09::2", "near", "fd02::2", "-g");
        carries("10.9.0.3", "near", "10.2.0.2", "-i");
        carries("fd09::3", "near", "fd02::2", "-i");
        assert_eq!(table("lb"), Vec::<String>::new());
    });
}

#[test]
fn a_task_of_the_simulated_swarm_is_a_process_that_answers_and_leaves() {
    in_guest(|| {
        let network = Network::new(3).unwrap();
        let service = Swarm::service("web", [10, 9, 0, 1].into(), 80, Published::Anywhere);
        let fixed = Swarm::service("fixed", [10, 9, 0, 2].into(), 80, Published::At(80));
        let swarm = Swarm::start(&network, vec![service, fixed]).unwrap();
        swarm.scale("web", 4);
        swarm.scale("fixed", 3);
        swarm.settle("web", 4).unwrap();
        swarm.settle("fixed", 3).unwrap();
        let answers = |(server, port): (u8, u16)| {
            let address = SocketAddr::from((Network::server_v4(server), port));
            let report = Clients::ask("near", address, PACE, 2).unwrap();
            (report.failed == 0).then(|| report.servers.into_keys().next().unwrap())
        };
        let mut names: Vec<_> = swarm.serving("web").into_iter().map(answers).collect();
        names.sort();
        assert_eq!(
            names,
            ["web.1", "web.2", "web.3", "web.4"].map(|name| Some(name.to_owned()))
        );
        let fixed = swarm.serving("fixed");
        assert_eq!(fixed, [(1, 80), (2, 80), (3, 80)]);
        assert!(fixed.into_iter().all(|place| answers(place).is_some()));

        let before = swarm.serving("web");
        swarm.scale("web", 1);
        swarm.settle("web", 1).unwrap();
        let after = swarm.serving("web");
        assert_eq!(after.len(), 1);
        let gone = before.into_iter().filter(|place| !after.contains(place));
        assert!(gone.into_iter().all(|place| answers(place).is_none()));
    });
}
