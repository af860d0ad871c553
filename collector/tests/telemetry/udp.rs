//! The UDP shell on loopback.

use std::{
    net::{Ipv6Addr, SocketAddr, UdpSocket},
    sync::Arc,
    time::{Duration, Instant},
};

use collector::{
    Collector, Config,
    listener::{self, ListenConfig, ListenError},
};

use crate::support::{Agent, Guest};

#[expect(clippy::disallowed_methods, reason = "this test is a shell")]
fn clock() -> Instant {
    Instant::now()
}

fn config(addresses: &[&str]) -> ListenConfig {
    let addresses = addresses
        .iter()
        .map(|address| address.parse().unwrap())
        .collect();
    ListenConfig {
        addresses,
        receive_buffer_bytes: 256 << 10,
        max_datagram_bytes: 2_000,
        ..ListenConfig::default()
    }
}

fn wait_for(condition: impl Fn() -> bool) {
    let begin = clock();
    while !condition() {
        assert!(
            begin.elapsed() < Duration::from_secs(5),
            "nothing within 5 s"
        );
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn receives_ipv4_and_ipv6_and_stops_soon() {
    let bound = listener::bind(&config(&["[::]:0"])).unwrap();
    let addresses = bound.local_addresses();
    assert_eq!((addresses.len(), addresses[0]), (2, addresses[1]));
    let collector = Arc::new(Collector::new(Config::default()));
    let listener = bound.start(Arc::clone(&collector), clock()).unwrap();
    let port = addresses[0].port();
    for (from, to, number) in [
        ("127.0.0.1:0", SocketAddr::from(([127, 0, 0, 1], port)), 1),
        ("[::1]:0", (Ipv6Addr::LOCALHOST, port).into(), 2),
    ] {
        let Ok(socket) = UdpSocket::bind(from) else {
            assert!(to.is_ipv6(), "a host without IPv6 still has IPv4");
            continue;
        };
        socket
            .send_to(
                &Agent::new("192.0.2.1:1").datagram(1_000, &[Guest::new(100_001, number)]),
                to,
            )
            .unwrap();
        wait_for(|| collector.stats().data_sources == u64::from(number));
    }
    let stats = listener.stats();
    assert_eq!(stats.iter().map(|socket| socket.datagrams).sum::<u64>(), 2);
    assert!(
        stats
            .iter()
            .all(|socket| socket.kernel_drops == Some(0) && socket.receive_buffer_bytes > 0),
        "{stats:?}"
    );
    let begin = clock();
    listener.stop();
    assert!(
        begin.elapsed() < Duration::from_secs(10),
        "{:?}",
        begin.elapsed()
    );
}

#[test]
fn too_long_datagrams_are_counted_and_dropped() {
    let bound = listener::bind(&config(&["127.0.0.1:0"])).unwrap();
    let address = bound.local_addresses()[0];
    let collector = Arc::new(Collector::new(Config::default()));
    let listener = bound.start(Arc::clone(&collector), clock()).unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for length in [1_999, 2_000, 2_001, 9_000] {
        socket.send_to(&vec![0; length], address).unwrap();
    }
    let sum = |of: fn(&listener::SocketStats) -> u64| listener.stats().iter().map(of).sum::<u64>();
    wait_for(|| sum(|socket| socket.datagrams) == 4);
    assert_eq!(
        (
            sum(|socket| socket.datagrams_truncated),
            collector.stats().datagrams
        ),
        (2, 2)
    );
}

#[test]
fn kernel_drops_are_right_at_once() {
    // Bound and never started: nothing reads, so the buffer overflows.
    let small = ListenConfig {
        receive_buffer_bytes: 8_192,
        sockets_per_address: 1,
        ..config(&["127.0.0.1:0"])
    };
    let bound = listener::bind(&small).unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for _ in 0..100 {
        socket
            .send_to(&[0; 1_400], bound.local_addresses()[0])
            .unwrap();
    }
    let listener = bound.start_with(clock(), |_, _, _| {}).unwrap();
    wait_for(|| {
        let stats = listener.stats().remove(0);
        stats.datagrams + stats.kernel_drops.unwrap() == 100
    });
    assert!(listener.stats()[0].kernel_drops.unwrap() > 50);
}

#[test]
fn several_addresses_and_none() {
    let bound = listener::bind(&config(&["0.0.0.0:0", "127.0.0.1:0"])).unwrap();
    assert_eq!(bound.local_addresses().len(), 4);
    assert!(matches!(
        listener::bind(&config(&[])),
        Err(ListenError::NoAddress)
    ));
    assert!(matches!(
        listener::bind(&config(&["192.0.2.1:0"])),
        Err(ListenError::Bind { .. })
    ));
}

#[test]
fn a_port_that_somebody_else_receives_on_is_an_error_and_not_shared() {
    let bound = listener::bind(&config(&["127.0.0.1:0"])).unwrap();
    let taken = bound.local_addresses()[0].to_string();
    let error = listener::bind(&config(&[&taken])).unwrap_err();
    let ListenError::Bind { address, source } = error else {
        panic!("{error:?}")
    };
    assert_eq!(address.to_string(), taken);
    assert_eq!(source.kind(), std::io::ErrorKind::AddrInUse);
    drop(bound);
    listener::bind(&config(&[&taken])).unwrap();
}

#[test]
fn a_thread_that_ends_is_noticed() {
    let one = ListenConfig {
        sockets_per_address: 1,
        ..config(&["127.0.0.1:0"])
    };
    let bound = listener::bind(&one).unwrap();
    let listener = bound
        .start_with(clock(), |_, _, _| panic!("a bug in what takes datagrams"))
        .unwrap();
    let address = listener.local_addresses()[0];
    assert_eq!(listener.broken(), None);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(b"anything", address).unwrap();
    wait_for(|| listener.broken().is_some());
    assert_eq!(listener.broken(), Some(address));
}
