//! The kernel as `lbsync`'s data plane, and VIPs on an interface.

use std::{
    collections::BTreeMap, net::SocketAddr, os::unix::process::CommandExt as _, process::Command,
};

use lbsync::{
    Change, DataPlane as _, DestinationConfig, DestinationKey, Errno, ForwardingMethod,
    Persistence, Protocol, Scheduler, ServiceFlags, Table, Thresholds, Tunnel, TunnelFlags,
    TunnelKind, VirtualService, VirtualServiceConfig, VirtualServiceKey,
};
use swarmtide::balancer::kernel::{BoundVip, KernelPlane, KernelVips, Namespace};
use testbed::guest::{Network, in_guest, run};

use crate::{judge::ipvsadm, options::at};

fn plane() -> KernelPlane {
    KernelPlane::open(Namespace::of(Some("lb"))).unwrap()
}

fn service(address: &str, protocol: Protocol) -> VirtualServiceKey {
    let at = at(address);
    VirtualServiceKey {
        address: at.ip(),
        port: at.port(),
        protocol,
    }
}

fn destination(address: &str) -> DestinationKey {
    let at: SocketAddr = at(address);
    DestinationKey {
        address: at.ip(),
        port: at.port(),
    }
}

/// Virtual services and destinations of every kind.
fn wanted() -> Table {
    let persistent = VirtualServiceConfig {
        persistence: Some(Persistence {
            timeout_s: 300,
            prefix_length: 24,
        }),
        flags: ServiceFlags::FALLBACK.with(ServiceFlags::PORT),
        ..VirtualServiceConfig::new(Scheduler::Mh)
    };
    let one_packet = VirtualServiceConfig {
        one_packet: true,
        ..VirtualServiceConfig::new(Scheduler::Wrr)
    };
    let tunnel = |kind, port, flags| DestinationConfig {
        tunnel: Tunnel {
            kind,
            port,
            flags: TunnelFlags(flags),
        },
        thresholds: Thresholds {
            upper: 100,
            lower: 50,
        },
        ..DestinationConfig::new(ForwardingMethod::Tunnel, 3)
    };
    let plain = DestinationConfig::new;
    let v4 = BTreeMap::from([
        (destination("10.0.0.1:80"), plain(ForwardingMethod::Masq, 1)),
        (
            destination("10.0.0.2:80"),
            plain(ForwardingMethod::Droute, 0),
        ),
        (destination("10.0.0.3:80"), tunnel(TunnelKind::Gue, 6080, 1)),
        (destination("10.0.0.4:80"), tunnel(TunnelKind::Gre, 0, 1)),
        (destination("[fd00::5]:80"), tunnel(TunnelKind::Ipip, 0, 0)),
    ]);
    let v6 = BTreeMap::from([
        (
            destination("[fd00::1]:80"),
            plain(ForwardingMethod::Masq, 7),
        ),
        (destination("10.0.0.3:80"), tunnel(TunnelKind::Ipip, 0, 0)),
    ]);
    let entry = |address, protocol, config: &VirtualServiceConfig, destinations| {
        let config = config.clone();
        let value = VirtualService {
            config,
            destinations,
        };
        (service(address, protocol), value)
    };
    Table::from([
        entry("10.9.0.1:80", Protocol::Tcp, &persistent, v4.clone()),
        entry("[fd09::1]:80", Protocol::Tcp, &persistent, v6),
        entry("10.9.0.1:53", Protocol::Udp, &one_packet, BTreeMap::new()),
        entry(
            "10.9.0.1:80",
            Protocol::Sctp,
            &VirtualServiceConfig::default(),
            v4,
        ),
    ])
}

fn additions(table: &Table) -> (Vec<Change>, Vec<Change>) {
    let services = table.iter().map(|(key, value)| Change::AddService {
        service: *key,
        config: value.config.clone(),
    });
    let destinations = table.iter().flat_map(|(key, value)| {
        value
            .destinations
            .iter()
            .map(|(destination, config)| Change::AddDestination {
                service: *key,
                destination: *destination,
                config: *config,
            })
    });
    (services.collect(), destinations.collect())
}

#[test]
fn a_table_that_is_applied_is_listed() {
    in_guest(|| {
        Network::new(0).unwrap();
        let mut plane = plane();
        ipvsadm("lb", "-A -f 256 -s rr");
        let wanted = wanted();
        let (services, destinations) = additions(&wanted);
        for changes in [&services, &destinations] {
            for result in plane.apply_all(changes) {
                result.unwrap();
            }
        }
        let listing = plane.list().unwrap();
        assert_eq!(listing.table(), wanted);
        let foreign: Vec<_> = listing.foreign().collect();
        assert_eq!(foreign, ["fwmark 256 ipv4"]);
        // Once more: each is there already, which is success to a reconciler.
        for result in plane.apply_all(&destinations) {
            let error = result.unwrap_err();
            assert!(error.is_success(), "{error}");
        }
        let unknown = Change::UpdateService {
            service: service("10.9.0.1:53", Protocol::Udp),
            config: VirtualServiceConfig::new(Scheduler::from_name("twos")),
        };
        let error = plane.apply(&unknown).unwrap_err();
        assert_eq!(error.errno, Errno::ENOENT);
        assert!(error.to_string().contains("modprobe ip_vs_twos"), "{error}");
        assert_eq!(plane.list().unwrap().table(), wanted);
    });
}

#[test]
fn the_plane_follows_its_namespace_and_its_module_when_they_are_replaced() {
    in_guest(|| {
        Network::new(0).unwrap();
        let mut plane = plane();
        let (services, _) = additions(&wanted());
        assert!(plane.apply_all(&services).iter().all(Result::is_ok));
        let ip = |words: &str| {
            let status = Command::new("ip").args(words.split(' ')).status();
            assert!(status.unwrap().success(), "{words}");
        };
        ip("netns delete lb");
        let error = plane.list().unwrap_err();
        assert!(error.to_string().contains("/run/netns/lb"), "{error}");
        ip("netns add lb");
        assert_eq!(plane.list().unwrap().table(), Table::new());
        assert!(plane.apply_all(&services).iter().all(Result::is_ok));
        assert_eq!(plane.list().unwrap().services.len(), services.len());

        ipvsadm("lb", "-C");
        let modprobe = std::fs::read_to_string("/proc/sys/kernel/modprobe").unwrap();
        let busybox = |words: &[&str]| {
            let (name, rest) = words.split_first().unwrap();
            Command::new(modprobe.trim()).arg0(name).args(rest).status()
        };
        for module in ["ip_vs_mh", "ip_vs_wrr", "ip_vs"] {
            assert!(busybox(&["rmmod", module]).unwrap().success(), "{module}");
        }
        assert!(busybox(&["modprobe", "ip_vs"]).unwrap().success());
        // The family has another number now, which the first list finds out.
        let lists = [plane.list(), plane.list()];
        assert!(lists[1].is_ok(), "{lists:?}");
        assert!(plane.apply_all(&services).iter().all(Result::is_ok));
    });
}

#[test]
fn only_vips_of_ours_are_taken_away() {
    in_guest(|| {
        Network::new(0).unwrap();
        let lb = Namespace::of(Some("lb"));
        let mut vips = KernelVips::open(lb.clone(), "front").unwrap();
        let (ours, theirs) = ("10.9.0.1".parse().unwrap(), "10.9.0.2".parse().unwrap());
        run(
            "lb",
            &["ip", "address", "add", "10.9.0.2/32", "dev", "front"],
        )
        .unwrap();
        assert!(vips.bind(ours).unwrap());
        assert!(!vips.bind(ours).unwrap());
        assert!(!vips.bind(theirs).unwrap());
        // As after a restart.
        let mut vips = KernelVips::open(lb, "front").unwrap();
        let mut listed = vips.list().unwrap();
        listed.sort_by_key(|vip| vip.address);
        let bound = |address, is_ours| BoundVip { address, is_ours };
        assert_eq!(listed, [bound(ours, true), bound(theirs, false)]);
        assert!(!vips.unbind(theirs).unwrap());
        assert!(vips.unbind(ours).unwrap());
        assert!(!vips.unbind(ours).unwrap());
        assert_eq!(vips.list().unwrap(), [bound(theirs, false)]);
    });
}
