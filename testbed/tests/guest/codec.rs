//! Everything that IPVS can be told, written by us and read by `ipvsadm`, and the other way round.

use std::{thread, time::Duration};

use ipvs::{
    Ipvs, NetNs,
    codec::{
        Daemon, DaemonState, Destination, DestinationConfig, Forwarding, Scheduler, ServiceConfig,
        ServiceFlags, ServiceKey, Stats, Timeouts,
    },
};
use testbed::{
    guest::{Clients, Network, Server, in_guest},
    load::Pace,
};

use crate::{
    judge::{ipvsadm, table},
    options::{at, destinations, services},
};

/// IPVS of the balancer, in a network without servers.
fn balancer() -> Ipvs {
    Network::new(0).unwrap();
    open("lb")
}

fn open(namespace: &str) -> Ipvs {
    Ipvs::open_in(&NetNs::named(namespace).unwrap()).unwrap()
}

#[test]
fn services_read_back_the_same_whoever_wrote_them() {
    in_guest(|| {
        let mut ipvs = balancer();
        for (line, key, config) in services() {
            ipvs.add_service(key, config).unwrap();
            assert_eq!(table("lb"), [line.as_str()]);
            let by_us = ipvs.service(&key).unwrap();
            ipvs.delete_service(key).unwrap();
            ipvsadm("lb", &line);
            let by_ipvsadm = ipvs.service(&key).unwrap();
            for read in [by_us, by_ipvsadm] {
                let flags = config.flags.with(ServiceFlags::HASHED);
                assert_eq!(read.key, key, "{line}");
                assert_eq!(read.config, ServiceConfig { flags, ..config }, "{line}");
                assert_eq!(read.unknown, [], "{line}");
                assert!(read.stats.is_some(), "{line}");
            }
            ipvs.delete_service(key).unwrap();
        }
        assert_eq!(ipvs.list().unwrap(), []);
    });
}

#[test]
fn a_service_can_be_made_any_other_in_place() {
    in_guest(|| {
        let mut ipvs = balancer();
        let key = ServiceKey::tcp(at("10.9.0.9:80"));
        ipvs.add_service(key, ServiceConfig::new(Scheduler::RR))
            .unwrap();
        let destination = at("10.0.0.1:80").into();
        let masq = DestinationConfig::new(Forwarding::Masq, 1);
        ipvs.add_destination(key, destination, masq).unwrap();
        for (line, other, config) in services() {
            // A firewall mark cannot be had by an address, and the SIP engine takes UDP.
            if other.family() != key.family() || config.persistence_engine.is_some() {
                continue;
            }
            ipvs.set_service(key, config).unwrap();
            let options = line.split_once(" -s ").unwrap().1;
            let expected = [
                format!("-A -t 10.9.0.9:80 -s {options}"),
                "-a -t 10.9.0.9:80 -r 10.0.0.1:80 -m -w 1".to_owned(),
            ];
            assert_eq!(table("lb"), expected);
        }
    });
}

#[test]
fn destinations_read_back_the_same_whoever_wrote_them() {
    in_guest(|| {
        let mut ipvs = balancer();
        let mut expected = Vec::new();
        for service in ["10.9.0.1:80", "[fd09::1]:80"] {
            let key = ServiceKey::tcp(at(service));
            ipvs.add_service(key, ServiceConfig::new(Scheduler::WRR))
                .unwrap();
            expected.push(format!("-A -t {service} -s wrr"));
        }
        let services = expected.clone();
        for (line, service, key, config) in destinations() {
            ipvs.add_destination(service, key, config).unwrap();
            expected.push(line);
        }
        expected.sort();
        assert_eq!(table("lb"), expected);
        let by_us = ipvs.list().unwrap();
        for (_, service, key, _) in destinations() {
            ipvs.delete_destination(service, key).unwrap();
        }
        assert_eq!(table("lb").len(), services.len());
        for (line, ..) in destinations() {
            ipvsadm("lb", &line);
        }
        assert_eq!(ipvs.list().unwrap(), by_us);
        let read = |service, key| {
            let listed = by_us.iter().find(|listed| listed.service.key == service);
            let mut destinations = listed.unwrap().destinations.iter();
            destinations.find(|read| read.key == key).unwrap().clone()
        };
        for (line, service, key, config) in destinations() {
            let read = read(service, key);
            assert_eq!(read.config, config, "{line}");
            assert_eq!(read.unknown, [], "{line}");
        }
    });
}

#[test]
fn a_destination_can_be_made_any_other_in_place() {
    in_guest(|| {
        let mut ipvs = balancer();
        let service = ServiceKey::tcp(at("10.9.0.1:80"));
        let key = at("10.0.0.1:80").into();
        ipvs.add_service(service, ServiceConfig::new(Scheduler::WRR))
            .unwrap();
        let first = DestinationConfig::new(Forwarding::Masq, 1);
        ipvs.add_destination(service, key, first).unwrap();
        for (line, .., config) in destinations() {
            // Thresholds are printed by `ipvsadm -Ln --thresholds` only.
            let config = DestinationConfig {
                upper_threshold: 100,
                lower_threshold: config.weight % 100,
                ..config
            };
            ipvs.set_destination(service, key, config).unwrap();
            let listed = ipvs.destinations(&service).unwrap();
            assert_eq!(listed.len(), 1);
            assert_eq!(listed[0].config, config, "{line}");
            let thresholds = ipvsadm("lb", "-Ln --thresholds");
            let words: Vec<_> = thresholds
                .lines()
                .last()
                .unwrap()
                .split_whitespace()
                .collect();
            let lower = config.lower_threshold.to_string();
            assert_eq!(words[2..4], ["100", lower.as_str()], "{thresholds}");
        }
    });
}

#[test]
fn settings_are_what_ipvsadm_says() {
    in_guest(|| {
        let mut ipvs = balancer();
        let timeouts = Timeouts {
            tcp: Some(901),
            tcp_fin: None,
            udp: Some(301),
        };
        let before = ipvs.timeouts().unwrap();
        ipvs.set_timeouts(timeouts).unwrap();
        let tcp_fin = before.tcp_fin;
        assert!(tcp_fin.is_some());
        assert_eq!(
            ipvs.timeouts().unwrap(),
            Timeouts {
                tcp_fin,
                ..timeouts
            }
        );
        ipvsadm("lb", "--set 902 122 302");
        let expected = [Some(902), Some(122), Some(302)];
        let read = ipvs.timeouts().unwrap();
        assert_eq!([read.tcp, read.tcp_fin, read.udp], expected);
        let info = ipvs.info().unwrap();
        let banner = ipvsadm("lb", "-Ln");
        let expected = format!(
            "version {} (size={})",
            info.version, info.connection_table_size
        );
        assert!(banner.contains(&expected), "{banner} {expected}");
    });
}

#[test]
fn daemons_are_what_ipvsadm_says() {
    in_guest(|| {
        let mut ipvs = balancer();
        let daemon = |state, sync_id| Daemon::new(state, "back".parse().unwrap(), sync_id);
        let master = Daemon {
            length_max: Some(1400),
            group: Some("224.0.0.82".parse().unwrap()),
            port: Some(8849),
            ttl: Some(2),
            ..daemon(DaemonState::MASTER, 5)
        };
        let backup = Daemon {
            group: Some("ff02::5".parse().unwrap()),
            ..daemon(DaemonState::BACKUP, 6)
        };
        ipvs.start_daemon(master.clone()).unwrap();
        ipvs.start_daemon(backup.clone()).unwrap();
        let listed = ipvs.daemons().unwrap();
        assert_eq!(listed[0], master);
        let defaults = Daemon {
            length_max: listed[1].length_max,
            port: Some(8848),
            ttl: Some(1),
            ..backup
        };
        assert_eq!(listed[1], defaults);
        let said = ipvsadm("lb", "-Ln --daemon");
        for words in [
            "master sync daemon (mcast=back, syncid=5, maxlen=1400, group=224.0.0.82, port=8849, ttl=2)",
            "backup sync daemon (mcast=back, syncid=6, maxlen=",
            "group=ff02::5, port=8848, ttl=1)",
        ] {
            assert!(said.contains(words), "{said}");
        }
        ipvs.stop_daemon(DaemonState::MASTER).unwrap();
        ipvs.stop_daemon(DaemonState::BACKUP).unwrap();
        assert_eq!(ipvs.daemons().unwrap(), []);
        ipvsadm(
            "lb",
            "--start-daemon backup --mcast-interface front --syncid 7",
        );
        let listed = ipvs.daemons().unwrap();
        let expected = ("front".parse().unwrap(), 7, DaemonState::BACKUP);
        assert_eq!(
            (listed[0].interface, listed[0].sync_id, listed[0].state),
            expected
        );
    });
}

/// Waits until the service has counted as many connections: the kernel adds up its processors' counters every two
/// seconds only.
fn counted(ipvs: &mut Ipvs, service: &ServiceKey, connections: u64) -> (Stats, Destination) {
    loop {
        let stats = ipvs.service(service).unwrap().stats.unwrap();
        if stats.connections >= connections {
            return (stats, ipvs.destinations(service).unwrap().remove(0));
        }
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn statistics_count_what_the_clients_did_until_they_are_zeroed() {
    in_guest(|| {
        Network::new(1).unwrap();
        let _server = Server::start(&Network::server(1), 80, "one").unwrap();
        let mut ipvs = open("lb");
        for (vip, server) in [
            ("10.9.0.1:80", Network::server_v4(1)),
            ("[fd09::1]:80", Network::server_v6(1)),
        ] {
            let service = ServiceKey::tcp(at(vip));
            let destination = std::net::SocketAddr::from((server, 80)).into();
            let masq = DestinationConfig::new(Forwarding::Masq, 1);
            Network::bind("lb", at(vip).ip()).unwrap();
            ipvs.add_service(service, ServiceConfig::new(Scheduler::RR))
                .unwrap();
            ipvs.add_destination(service, destination, masq).unwrap();
            let pace = Pace {
                fresh: 1,
                kept: 0,
                rest: Duration::ZERO,
            };
            let report = Clients::ask("client", at(vip), pace, 10).unwrap();
            assert_eq!(report.failed, 0, "{report:?}");
            let (whole, listed) = counted(&mut ipvs, &service, 10);
            let part = listed.stats.unwrap();
            for stats in [whole, part] {
                assert_eq!(stats.connections, 10, "{vip} {stats:?}");
                assert!(stats.packets_in >= 40 && stats.packets_out >= 30);
                assert!(stats.bytes_in > 40 * stats.packets_in && stats.bytes_out > 0);
            }
            let connections = listed.connections;
            assert_eq!(connections.active + connections.inactive, 10, "{listed:?}");
            ipvs.zero(Some(service)).unwrap();
            let zeroed = ipvs.service(&service).unwrap().stats.unwrap();
            assert_eq!((zeroed.connections, zeroed.bytes_in), (0, 0));
        }
        ipvs.zero(None).unwrap();
    });
}
