//! Every option of services and destinations, as `ipvsadm -Sn` prints it and as we say it.

use std::net::SocketAddr;

use ipvs::codec::{
    DestinationConfig, DestinationKey, Family, Forwarding, Netmask, Persistence, Protocol,
    Scheduler, ServiceConfig, ServiceFlags, ServiceKey, Tunnel, TunnelFlags, TunnelType,
};

pub(crate) fn at(address: &str) -> SocketAddr {
    address.parse().unwrap()
}

fn mark(family: Family) -> ServiceKey {
    ServiceKey::Fwmark {
        mark: 256.try_into().unwrap(),
        family,
    }
}

fn plain(scheduler: Scheduler) -> ServiceConfig {
    ServiceConfig::new(scheduler)
}

fn persistent(timeout: u32, netmask: Netmask) -> ServiceConfig {
    ServiceConfig {
        persistence: Some(Persistence { timeout, netmask }),
        ..ServiceConfig::new(Scheduler::RR)
    }
}

fn flagged(scheduler: Scheduler, flags: ServiceFlags) -> ServiceConfig {
    ServiceConfig {
        flags,
        ..ServiceConfig::new(scheduler)
    }
}

/// A service: the words of `ipvsadm`, and ours.
pub(crate) type Service = (String, ServiceKey, ServiceConfig);

/// A destination: the words of `ipvsadm`, and ours.
pub(crate) type Destination = (String, ServiceKey, DestinationKey, DestinationConfig);

const FALLBACK_AND_PORT: ServiceFlags = ServiceFlags::FALLBACK.with(ServiceFlags::PORT);

/// Every option of a service.
pub(crate) fn services() -> Vec<Service> {
    let mut all = vec![
        (
            "-A -f 256 -s rr".to_owned(),
            mark(Family::V4),
            plain(Scheduler::RR),
        ),
        (
            "-A -f 256 -6 -s rr".to_owned(),
            mark(Family::V6),
            plain(Scheduler::RR),
        ),
    ];
    let addresses = schedulers()
        .into_iter()
        .chain(services_v4())
        .chain(services_v6());
    all.extend(addresses.map(|(kind, address, options, config)| {
        let key = match kind {
            "-t" => ServiceKey::tcp(at(&address)),
            "-u" => ServiceKey::udp(at(&address)),
            _ => ServiceKey::at(Protocol::SCTP, at(&address)),
        };
        (format!("-A {kind} {address} -s {options}"), key, config)
    }));
    all
}

type Options = (&'static str, String, &'static str, ServiceConfig);

fn schedulers() -> Vec<Options> {
    let names = [
        "rr", "wrr", "lc", "wlc", "sh", "dh", "sed", "nq", "mh", "lblc", "lblcr", "fo", "ovf",
    ];
    let options = |(port, name): (u16, &'static str)| {
        let config = plain(Scheduler(name.parse().unwrap()));
        ("-t", format!("10.9.0.1:{port}"), name, config)
    };
    (1..).zip(names).map(options).collect()
}

fn services_v4() -> Vec<Options> {
    let at = |port: u16| format!("10.9.0.2:{port}");
    let (whole, half) = (Netmask::host(Family::V4), Netmask::prefix(Family::V4, 24));
    let all_flags = FALLBACK_AND_PORT.with(ServiceFlags::SCHEDULER_3);
    let sip = ServiceConfig {
        persistence_engine: Some("sip".parse().unwrap()),
        ..persistent(360, whole)
    };
    let one_packet = flagged(Scheduler::RR, ServiceFlags::ONE_PACKET);
    let (sh, mh) = (Scheduler::SH, Scheduler::MH);
    vec![
        (
            "-t",
            at(80),
            "sh -b sh-fallback,sh-port",
            flagged(sh, FALLBACK_AND_PORT),
        ),
        (
            "-t",
            at(81),
            "mh -b mh-fallback,mh-port",
            flagged(mh, FALLBACK_AND_PORT),
        ),
        (
            "-t",
            at(82),
            "rr -b flag-1,flag-2,flag-3",
            flagged(Scheduler::RR, all_flags),
        ),
        ("-u", at(82), "rr -o", one_packet),
        ("--sctp-service", at(82), "rr", plain(Scheduler::RR)),
        ("-t", at(83), "rr -p 300", persistent(300, whole)),
        (
            "-t",
            at(84),
            "rr -p 360 -M 255.255.255.0",
            persistent(360, half),
        ),
        ("-t", at(0), "rr -p 360", persistent(360, whole)),
        ("-u", at(5060), "rr -p 360 --pe sip", sip),
    ]
}

fn services_v6() -> Vec<Options> {
    let at = |port: u16| format!("[fd09::1]:{port}");
    let (whole, half) = (Netmask::host(Family::V6), Netmask::prefix(Family::V6, 64));
    vec![
        ("-t", at(80), "rr -p 100 -M 64", persistent(100, half)),
        ("-t", at(82), "rr -p 100", persistent(100, whole)),
        (
            "-t",
            at(81),
            "mh -b mh-port",
            flagged(Scheduler::MH, ServiceFlags::PORT),
        ),
        ("-u", at(81), "wrr", plain(Scheduler::WRR)),
        ("--sctp-service", at(81), "wlc", plain(Scheduler::WLC)),
    ]
}

fn tunnel(kind: TunnelType, port: u16, flags: TunnelFlags) -> DestinationConfig {
    let tunnel = Tunnel { kind, port, flags };
    DestinationConfig::new(Forwarding::Tunnel(tunnel), 1)
}

/// Every option of a destination.
pub(crate) fn destinations() -> Vec<Destination> {
    let ipip = tunnel(TunnelType::IPIP, 0, TunnelFlags::NONE);
    let gue = |flags| tunnel(TunnelType::GUE, 6080, flags);
    let gre = |flags| tunnel(TunnelType::GRE, 0, flags);
    let masq = |weight| DestinationConfig::new(Forwarding::Masq, weight);
    let droute = DestinationConfig::new(Forwarding::DirectRoute, 0);
    let (v4, v6) = ("10.9.0.1:80", "[fd09::1]:80");
    let (none, sum, remote) = (
        TunnelFlags::NONE,
        TunnelFlags::CHECKSUM,
        TunnelFlags::REMOTE_CHECKSUM,
    );
    let options = [
        (v4, "10.0.0.1:80", "-m -w 5", masq(5)),
        (v4, "10.0.0.1:8080", "-m -w 65535", masq(65535)),
        (v4, "10.0.0.2:80", "-g -w 0", droute),
        (v4, "10.0.0.3:80", "-i -w 1 --tun-type ipip", ipip),
        (
            v4,
            "10.0.0.4:80",
            "-i -w 1 --tun-type gue --tun-port 6080 --tun-nocsum",
            gue(none),
        ),
        (
            v4,
            "10.0.0.5:80",
            "-i -w 1 --tun-type gue --tun-port 6080 --tun-csum",
            gue(sum),
        ),
        (
            v4,
            "10.0.0.6:80",
            "-i -w 1 --tun-type gue --tun-port 6080 --tun-remcsum",
            gue(remote),
        ),
        (
            v4,
            "10.0.0.7:80",
            "-i -w 1 --tun-type gre --tun-nocsum",
            gre(none),
        ),
        (
            v4,
            "10.0.0.8:80",
            "-i -w 1 --tun-type gre --tun-csum",
            gre(sum),
        ),
        (v4, "[fd00::9]:80", "-i -w 1 --tun-type ipip", ipip),
        (v6, "[fd00::1]:80", "-m -w 5", masq(5)),
        (v6, "[fd00::2]:80", "-g -w 0", droute),
        (v6, "[fd00::3]:80", "-i -w 1 --tun-type ipip", ipip),
        (
            v6,
            "[fd00::4]:80",
            "-i -w 1 --tun-type gue --tun-port 6080 --tun-csum",
            gue(sum),
        ),
        (v6, "10.0.0.9:80", "-i -w 1 --tun-type ipip", ipip),
    ];
    let all = options
        .into_iter()
        .map(|(service, address, words, config)| {
            let line = format!("-a -t {service} -r {address} {words}");
            (
                line,
                ServiceKey::tcp(at(service)),
                at(address).into(),
                config,
            )
        });
    all.collect()
}
