//! Bytes of others: what ipvsadm 1.31 sends, and what Linux 6.1 answers, as strace saw them in the guest; statistics are
//! written by hand after linux/ip_vs.h. Little-endian machines only.
#![cfg(target_endian = "little")]

use std::net::SocketAddr;

use crate::codec::*;

/// Reads hexadecimal digits; white space does not count, and `#` begins a comment.
fn hex(text: &str) -> Vec<u8> {
    let digits: String = text
        .lines()
        .map(|line| line.split('#').next().unwrap())
        .flat_map(str::chars)
        .filter(|c| !c.is_whitespace())
        .collect();
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

#[track_caller]
fn sends(request: &Request, expected: &str) {
    let mut bytes = Vec::new();
    request.encode(&mut bytes);
    assert_eq!(bytes, hex(expected), "{request}");
}

#[track_caller]
fn reads(bytes: &str, expected: &Reply) {
    assert_eq!(Reply::decode(&hex(bytes), None).as_ref(), Ok(expected));
}

fn at(address: &str) -> SocketAddr {
    address.parse().unwrap()
}

fn service() -> ServiceKey {
    ServiceKey::tcp(at("10.9.0.1:80"))
}

/// `-s mh -p 300 -M 255.255.255.0 -b mh-port`.
fn persistent() -> ServiceConfig {
    ServiceConfig {
        flags: ServiceFlags::PORT,
        persistence: Some(Persistence {
            timeout: 300,
            netmask: Netmask::prefix(Family::V4, 24),
        }),
        ..ServiceConfig::new(Scheduler::MH)
    }
}

/// `-r 10.0.0.2:80 -i -w 5 -x 100 -y 50 --tun-type gue --tun-port 6080 --tun-csum`.
fn tunnelled() -> (DestinationKey, DestinationConfig) {
    let tunnel = Tunnel {
        kind: TunnelType::GUE,
        port: 6080,
        flags: TunnelFlags::CHECKSUM,
    };
    let config = DestinationConfig {
        upper_threshold: 100,
        lower_threshold: 50,
        ..DestinationConfig::new(Forwarding::Tunnel(tunnel), 5)
    };
    (at("10.0.0.2:80").into(), config)
}

#[test]
fn services_are_added_as_ipvsadm_adds_them() {
    sends(
        &Request::NewService(service(), persistent()),
        "01 01 0000
         5400 0180 # service
         0600 0100 0200 0000 # AF_INET
         0600 0200 0600 0000 # TCP
         1400 0300 0a090001 00000000 00000000 00000000
         0600 0400 0050 0000 # port 80
         0700 0600 6d6800 00 # mh
         0c00 0700 11000000 ffffffff # persistent, second flag of the scheduler
         0800 0800 2c010000 # 300 s
         0800 0900 ffffff00",
    );
    sends(
        &Request::NewService(
            ServiceKey::tcp(at("[fd09::1]:80")),
            ServiceConfig::new(Scheduler::WRR),
        ),
        "01 01 0000
         5400 0180
         0600 0100 0a00 0000 # AF_INET6
         0600 0200 0600 0000
         1400 0300 fd090000 00000000 00000000 00000001
         0600 0400 0050 0000
         0800 0600 77727200 # wrr
         0c00 0700 00000000 ffffffff
         0800 0800 00000000
         0800 0900 80000000 # prefix of 128",
    );
    let mark = ServiceKey::Fwmark {
        mark: 256.try_into().unwrap(),
        family: Family::V4,
    };
    sends(
        &Request::NewService(mark, ServiceConfig::new(Scheduler::RR)),
        "01 01 0000
         3800 0180
         0600 0100 0200 0000
         0800 0500 00010000 # mark 256
         0700 0600 727200 00 # rr
         0c00 0700 00000000 ffffffff
         0800 0800 00000000
         0800 0900 ffffffff",
    );
}

/// ipvsadm names a service by all of its attributes; the kernel looks at the first four only.
#[test]
fn services_and_destinations_are_named_by_what_identifies_them() {
    let key = "3000 0180
         0600 0100 0200 0000
         0600 0200 0600 0000
         1400 0300 0a090001 00000000 00000000 00000000
         0600 0400 0050 0000\n";
    sends(
        &Request::DeleteService(service()),
        &format!("03 01 0000 {key}"),
    );
    sends(
        &Request::Destinations(service()),
        &format!("08 01 0000 {key}"),
    );
    let (destination, config) = tunnelled();
    // The second part is ipvsadm's.
    sends(
        &Request::NewDestination(service(), destination, config),
        &format!(
            "05 01 0000 {key}
             6000 0280 # destination
             0600 0b00 0200 0000 # AF_INET
             1400 0100 0a000002 00000000 00000000 00000000
             0600 0200 0050 0000
             0800 0300 02000000 # tunnel
             0800 0400 05000000 # weight
             0500 0d00 01 000000 # GUE
             0600 0e00 17c0 0000 # port 6080
             0600 0f00 0100 0000 # checksum
             0800 0500 64000000 # upper threshold
             0800 0600 32000000 # lower threshold"
        ),
    );
    sends(
        &Request::DeleteDestination(service(), destination),
        &format!(
            "07 01 0000 {key}
             2800 0280
             0600 0b00 0200 0000
             1400 0100 0a000002 00000000 00000000 00000000
             0600 0200 0050 0000"
        ),
    );
}

#[test]
fn settings_are_sent_as_ipvsadm_sends_them() {
    let timeouts = Timeouts {
        tcp: Some(900),
        tcp_fin: Some(120),
        udp: Some(300),
    };
    let bytes = "0c 01 0000  0800 0400 84030000  0800 0500 78000000  0800 0600 2c010000";
    sends(&Request::SetTimeouts(timeouts), bytes);
    reads(bytes, &Reply::Timeouts(timeouts));
    sends(&Request::Zero(None), "10 01 0000");
    sends(&Request::Services, "04 01 0000");
    sends(&Request::Info, "0f 01 0000");
}

/// The order of a daemon's attributes is ours; ipvsadm puts the group last.
#[test]
fn daemons_are_started_and_listed() {
    let daemon = Daemon {
        length_max: Some(1400),
        group: Some("224.0.0.82".parse().unwrap()),
        port: Some(8849),
        ttl: Some(2),
        ..Daemon::new(DaemonState::MASTER, "lo".parse().unwrap(), 5)
    };
    let ipvsadms = "09 01 0000
         3c00 0380
         0800 0100 01000000 # master
         0700 0200 6c6f00 00 # lo
         0800 0300 05000000 # sync id
         0600 0400 7805 0000 # 1400 bytes
         0600 0700 9122 0000 # port 8849
         0500 0800 02 000000 # TTL
         0800 0500 e0000052 # 224.0.0.82";
    reads(ipvsadms, &Reply::Daemon(daemon.clone()));
    sends(
        &Request::NewDaemon(daemon),
        "09 01 0000
         3c00 0380
         0800 0100 01000000
         0700 0200 6c6f00 00
         0800 0300 05000000
         0600 0400 7805 0000
         0800 0500 e0000052
         0600 0700 9122 0000
         0500 0800 02 000000",
    );
    sends(
        &Request::DeleteDaemon(DaemonState::BACKUP),
        "0a 01 0000  0c00 0380  0800 0100 02000000",
    );
    let listed = Daemon {
        length_max: Some(1472),
        group: Some("224.0.0.81".parse().unwrap()),
        port: Some(8848),
        ttl: Some(1),
        ..Daemon::new(DaemonState::MASTER, "lo".parse().unwrap(), 5)
    };
    reads(
        "09010000 3c000300 0800010001000000 070002006c6f0000 0800030005000000 06000400c0050000
         0600070090220000 0500080001000000 08000500e0000051",
        &Reply::Daemon(listed),
    );
}

#[test]
fn facts_are_read() {
    let info = Info {
        version: Version(0x01_02_01),
        connection_table_size: 4096,
        unknown: Vec::new(),
    };
    assert_eq!(info.version.to_string(), "1.2.1");
    reads(
        "0e010000 0800010001020100 0800020000100000",
        &Reply::Info(info),
    );
}

#[test]
fn a_service_is_read_as_the_kernel_lists_it() {
    let mut config = persistent();
    config.flags = config.flags.with(ServiceFlags::HASHED);
    reads(
        "01010000 54010100 0600010002000000 0600020006000000 140003000a090001000000000000000000000000
         0600040000500000 070006006d680000 0c00070013000000ffffffff 080008002c010000 08000900ffffff00
         60000a00 0800010000000000 0800020000000000 0800030000000000 0c0004000000000000000000
         04000b00 0c0005000000000000000000 0800060000000000 0800070000000000 0800080000000000
         0800090000000000 08000a0000000000
         a0000c00 0c0001000000000000000000 04000b00 0c0002000000000000000000 04000b00
         0c0003000000000000000000 04000b00 0c0004000000000000000000 04000b00
         0c0005000000000000000000 04000b00 0c0006000000000000000000 04000b00
         0c0007000000000000000000 04000b00 0c0008000000000000000000 04000b00
         0c0009000000000000000000 04000b00 0c000a000000000000000000",
        &Reply::Service(Service {
            key: service(),
            config,
            stats: Some(Stats::default()),
            unknown: Vec::new(),
        }),
    );
}

/// As the kernel lists it, with numbers of our own in place of its zeros.
#[test]
fn a_destination_is_read_with_its_connections_and_64_bit_statistics() {
    let (key, config) = tunnelled();
    reads(
        "05010000 7c010200 140001000a000002000000000000000000000000 0600020000500000
         0800030002000000 0800040005000000 05000d0001000000 06000e0017c00000 06000f0001000000
         0800050064000000 0800060032000000 0800070007000000 0800080008000000 0800090009000000
         06000b0002000000
         64000a00 08000100 ffffffff 08000200 ffffffff 0800030000000000 04000b00 0c0004000000000000000000
         04000b00 0c0005000000000000000000 0800060000000000 0800070000000000 0800080000000000
         0800090000000000 08000a0000000000
         a0000c00 0c000100 0000000001000000 04000b00 0c000200 0200000000000000 04000b00
         0c000300 0300000000000000 04000b00 0c000400 0400000000000000 04000b00
         0c000500 0500000000000000 04000b00 0c000600 0600000000000000 04000b00
         0c000700 0700000000000000 04000b00 0c000800 0800000000000000 04000b00
         0c000900 0900000000000000 04000b00 0c000a00 0a00000000000000",
        &Reply::Destination(Destination {
            key,
            config,
            connections: Connections {
                active: 7,
                inactive: 8,
                persistent: 9,
            },
            stats: Some(Stats {
                connections: 1 << 32,
                packets_in: 2,
                packets_out: 3,
                bytes_in: 4,
                bytes_out: 5,
                connection_rate: 6,
                packet_rate_in: 7,
                packet_rate_out: 8,
                byte_rate_in: 9,
                byte_rate_out: 10,
            }),
            unknown: Vec::new(),
        }),
    );
}

/// Kernels before 4.1 have the 32-bit ones only, in which bytes have 64 bits all the same.
#[test]
fn statistics_of_old_kernels_are_read() {
    let bytes = hex(
        "05010000 64000200 140001000a000002000000000000000000000000 0600020000500000
         0800030000000000 0800040001000000
         34000a00 0800010007000000 0800020008000000 0800030009000000
         0c000400 0000000001000000 0c000500 0000000002000000 ",
    );
    let Ok(Reply::Destination(read)) = Reply::decode(&bytes, Some(Family::V4)) else {
        panic!("not a destination");
    };
    let expected = Stats {
        connections: 7,
        packets_in: 8,
        packets_out: 9,
        bytes_in: 1 << 32,
        bytes_out: 2 << 32,
        ..Stats::default()
    };
    assert_eq!(read.stats, Some(expected));
}
