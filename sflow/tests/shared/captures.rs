//! What the tests share: the datagrams of the captures in `data`.
#![allow(dead_code, reason = "each test uses a part of this")]

use std::path::{Path, PathBuf};

/// The captures, without their extension.
pub(crate) const CAPTURES: [&str; 3] = [
    "hsflowd-docker-counters",
    "hsflowd-docker-app-hup-gap",
    "hsflowd-docker-pcap-entities-app-rtmetric",
];

/// Returns the path of a file in `data`.
pub(crate) fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name)
}

/// Returns the UDP payloads of a capture: little-endian pcap, Ethernet, IPv4 without options, UDP.
pub(crate) fn datagrams(capture: &str) -> Vec<Vec<u8>> {
    const FILE_HEADER: usize = 24;
    const PACKET_HEADER: usize = 16;
    const ETHERNET_IPV4_UDP: usize = 14 + 20 + 8;
    let pcap = std::fs::read(data(&format!("{capture}.pcap"))).unwrap();
    let mut rest = &pcap[FILE_HEADER..];
    let mut datagrams = Vec::new();
    while !rest.is_empty() {
        let length = u32::from_le_bytes(rest[8..12].try_into().unwrap()) as usize;
        let packet = &rest[PACKET_HEADER..PACKET_HEADER + length];
        datagrams.push(packet[ETHERNET_IPV4_UDP..].to_vec());
        rest = &rest[PACKET_HEADER + length..];
    }
    datagrams
}
