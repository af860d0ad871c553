//! The first bytes of simulated packets: TCP over IPv4 over Ethernet, on an overlay network inside VXLAN.

use std::net::{IpAddr, Ipv4Addr};

use crate::random::wrapping_u32;

/// Bytes of a packet that are taken, as the project's own agent does.
const HEADER_BYTES: usize = 128;
/// Bytes before the IP header.
const ETHERNET: u32 = 14;
/// What VXLAN puts before a frame: Ethernet, IPv4, UDP, and its own header.
const VXLAN_BYTES: u32 = 50;
/// UDP port of VXLAN in swarm.
const VXLAN_PORT: u16 = 4789;
/// Network identifier of a swarm's first overlay network.
const VXLAN_NETWORK: u32 = 4097;

/// A TCP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packet {
    pub(super) source: (Ipv4Addr, u16),
    pub(super) destination: (Ipv4Addr, u16),
    /// Of the whole frame without check sequence.
    pub(super) bytes: u32,
    /// The nodes that it goes between, on an overlay network.
    pub(super) between: Option<[IpAddr; 2]>,
}

impl Packet {
    /// Bytes of the frame as the interface counts them.
    pub(super) const fn length(&self) -> u32 {
        match self.between {
            Some(_) => self.bytes + VXLAN_BYTES,
            None => self.bytes,
        }
    }

    /// The first bytes of the frame.
    pub(super) fn header(&self) -> Vec<u8> {
        let mut frame = Vec::with_capacity(HEADER_BYTES);
        if let Some(nodes) = self.between {
            self.vxlan(&mut frame, nodes.map(v4));
        }
        ethernet(&mut frame, [self.source.0, self.destination.0]);
        self.ip(&mut frame);
        frame.truncate(HEADER_BYTES);
        frame
    }

    /// What carries the frame from one node to another.
    fn vxlan(&self, frame: &mut Vec<u8>, nodes: [Ipv4Addr; 2]) {
        ethernet(frame, nodes);
        let udp = self.length() - ETHERNET - 20;
        ipv4(frame, 17, nodes, udp);
        frame.extend(self.source.1.to_be_bytes());
        frame.extend(VXLAN_PORT.to_be_bytes());
        frame.extend(short(udp).to_be_bytes());
        frame.extend([0, 0]); // no check sum
        frame.extend([0x08, 0, 0, 0]);
        frame.extend((VXLAN_NETWORK << 8).to_be_bytes());
    }

    /// IPv4 and TCP headers. The check sum of TCP needs the whole packet, which nobody has.
    fn ip(&self, frame: &mut Vec<u8>) {
        let ends = [self.source.0, self.destination.0];
        ipv4(frame, 6, ends, self.bytes.saturating_sub(ETHERNET + 20));
        frame.extend(self.source.1.to_be_bytes());
        frame.extend(self.destination.1.to_be_bytes());
        frame.extend([0; 8]); // sequence numbers
        frame.extend([0x50, 0x10, 0xff, 0xff, 0, 0, 0, 0]); // ACK, window
    }
}

/// Addresses that Docker gives: 02:42 and those of the IP address.
fn ethernet(frame: &mut Vec<u8>, [source, destination]: [Ipv4Addr; 2]) {
    for address in [destination, source] {
        frame.extend([0x02, 0x42]);
        frame.extend(address.octets());
    }
    frame.extend([0x08, 0x00]);
}

fn ipv4(frame: &mut Vec<u8>, protocol: u8, [from, to]: [Ipv4Addr; 2], payload: u32) {
    let mut header = [0; 20];
    let [high, low] = short(payload + 20).to_be_bytes();
    header[..10].copy_from_slice(&[0x45, 0, high, low, 0, 0, 0x40, 0, 64, protocol]);
    header[12..16].copy_from_slice(&from.octets());
    header[16..].copy_from_slice(&to.octets());
    let words = header
        .chunks_exact(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1]));
    let sum: u32 = words.sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let folded = (folded & 0xffff) + (folded >> 16);
    header[10..12].copy_from_slice(&(!short(folded)).to_be_bytes());
    frame.extend(header);
}

/// The low 16 bits.
fn short(value: u32) -> u16 {
    let [.., high, low] = wrapping_u32(u64::from(value)).to_be_bytes();
    u16::from_be_bytes([high, low])
}

/// Nodes with an IPv6 address have none in the packets that are made here.
const fn v4(address: IpAddr) -> Ipv4Addr {
    match address {
        IpAddr::V4(address) => address,
        IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
    }
}

#[cfg(test)]
mod tests {
    use sflow::PacketHeader;

    use super::*;

    const PACKET: Packet = Packet {
        source: (Ipv4Addr::new(10, 0, 1, 2), 40_000),
        destination: (Ipv4Addr::new(10, 0, 1, 3), 8080),
        bytes: 700,
        between: None,
    };

    #[test]
    fn both_kinds_are_read_as_they_were_meant() {
        let plain = PACKET.header();
        let plain = PacketHeader::ethernet(&plain).ip.unwrap();
        let nodes = [[10, 20, 0, 11], [10, 20, 0, 21]].map(IpAddr::from);
        let outer = Packet {
            between: Some(nodes),
            ..PACKET
        };
        let outer = outer.header();
        let outer = PacketHeader::ethernet(&outer);
        let between = outer.ip.unwrap();
        assert_eq!([between.source, between.destination], nodes);
        let inner = outer.inside_vxlan().unwrap().ip.unwrap();
        for ip in [plain, inner] {
            assert_eq!(ip.source, IpAddr::from(PACKET.source.0));
            assert_eq!(ip.destination, IpAddr::from(PACKET.destination.0));
            assert_eq!((ip.protocol, ip.ports), (6, Some([40_000, 8080])));
        }
    }

    #[test]
    fn the_check_sum_of_the_ip_header_is_right() {
        let frame = PACKET.header();
        let sum: u32 = frame[14..34]
            .chunks_exact(2)
            .map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1]))
            .sum();
        assert_eq!((sum & 0xffff) + (sum >> 16), 0xffff);
    }
}
