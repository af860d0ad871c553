//! From a captured frame to the payload of the UDP datagram in it.
//!
//! Fragments are left out: no agent sends datagrams that need them, and their parts alone cannot be decoded.

use std::net::{IpAddr, SocketAddr};

/// Link types of pcap (the tcpdump group's list) that are known here.
mod link_type {
    pub(super) const NULL: u32 = 0;
    pub(super) const ETHERNET: u32 = 1;
    pub(super) const RAW_BSD: [u32; 2] = [12, 14];
    pub(super) const RAW: u32 = 101;
    pub(super) const LOOP: u32 = 108;
    pub(super) const LINUX_SLL: u32 = 113;
    pub(super) const IPV4: u32 = 228;
    pub(super) const IPV6: u32 = 229;
    pub(super) const LINUX_SLL2: u32 = 276;
}

const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;
/// 802.1Q, 802.1ad, and what some switches use for the outer of two.
const ETHERTYPES_VLAN: [u16; 3] = [0x8100, 0x88a8, 0x9100];
const MAX_VLAN_TAGS: usize = 4;
const MAX_IPV6_EXTENSIONS: usize = 8;
const PROTOCOL_UDP: u8 = 17;

/// A UDP datagram in a captured frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Udp<'a> {
    pub(super) source: SocketAddr,
    pub(super) destination_port: u16,
    /// Shorter than was sent, if the capture cut the frame.
    pub(super) payload: &'a [u8],
}

/// Finds the UDP datagram in a frame; `None` for whatever else it holds.
pub(super) fn udp(link_type: u32, frame: &[u8]) -> Option<Udp<'_>> {
    match link_type {
        link_type::ETHERNET => ethernet(frame),
        link_type::LINUX_SLL => {
            let (header, packet) = frame.split_at_checked(16)?;
            network(ethertype(header, 14)?, packet)
        }
        link_type::LINUX_SLL2 => {
            let (header, packet) = frame.split_at_checked(20)?;
            network(ethertype(header, 0)?, packet)
        }
        // The address family has other numbers on other systems; the packet itself says which it is.
        link_type::NULL | link_type::LOOP => ip(frame.get(4..)?),
        link_type::RAW | link_type::IPV4 | link_type::IPV6 => ip(frame),
        other if link_type::RAW_BSD.contains(&other) => ip(frame),
        _ => None,
    }
}

fn ethertype(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn ethernet(frame: &[u8]) -> Option<Udp<'_>> {
    let (_, mut rest) = frame.split_at_checked(12)?;
    for _ in 0..=MAX_VLAN_TAGS {
        let kind = ethertype(rest, 0)?;
        if !ETHERTYPES_VLAN.contains(&kind) {
            return network(kind, rest.get(2..)?);
        }
        rest = rest.get(4..)?;
    }
    None
}

/// Reads what follows an ethertype; behind a cooked header it may be a VLAN tag too.
fn network(kind: u16, packet: &[u8]) -> Option<Udp<'_>> {
    match kind {
        ETHERTYPE_IPV4 | ETHERTYPE_IPV6 => ip(packet),
        kind if ETHERTYPES_VLAN.contains(&kind) => network(ethertype(packet, 2)?, packet.get(4..)?),
        _ => None,
    }
}

fn ip(packet: &[u8]) -> Option<Udp<'_>> {
    match packet.first()? >> 4 {
        4 => ipv4(packet),
        6 => ipv6(packet),
        _ => None,
    }
}

fn ipv4(packet: &[u8]) -> Option<Udp<'_>> {
    const MORE_FRAGMENTS_AND_OFFSET: u16 = 0x3fff;
    let header: &[u8; 20] = packet.first_chunk()?;
    let header_length = usize::from(header[0] & 0xf) * 4;
    let total_length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    let fragment = u16::from_be_bytes([header[6], header[7]]) & MORE_FRAGMENTS_AND_OFFSET;
    if header[9] != PROTOCOL_UDP || fragment != 0 {
        return None;
    }
    // Zero where the network card was to fill it in.
    let end = if total_length == 0 {
        packet.len()
    } else {
        total_length.min(packet.len())
    };
    let [a, b, c, d] = [header[12], header[13], header[14], header[15]];
    transport([a, b, c, d].into(), packet.get(header_length..end)?)
}

fn ipv6(packet: &[u8]) -> Option<Udp<'_>> {
    const HOP_BY_HOP: u8 = 0;
    const ROUTING: u8 = 43;
    const DESTINATION_OPTIONS: u8 = 60;
    let (header, mut rest) = packet.split_first_chunk::<40>()?;
    let length = usize::from(u16::from_be_bytes([header[4], header[5]]));
    rest = rest.get(..length).unwrap_or(rest);
    let source: [u8; 16] = *header.get(8..)?.first_chunk()?;
    let mut next = header[6];
    for _ in 0..MAX_IPV6_EXTENSIONS {
        match next {
            PROTOCOL_UDP => return transport(source.into(), rest),
            HOP_BY_HOP | ROUTING | DESTINATION_OPTIONS => {
                let [following, eights, ..] = *rest.first_chunk::<8>()?;
                next = following;
                rest = rest.get((usize::from(eights) + 1) * 8..)?;
            }
            _ => return None,
        }
    }
    None
}

fn transport(source: IpAddr, segment: &[u8]) -> Option<Udp<'_>> {
    let (header, payload) = segment.split_first_chunk::<8>()?;
    let length = usize::from(u16::from_be_bytes([header[4], header[5]])).checked_sub(8)?;
    Some(Udp {
        source: SocketAddr::new(source, u16::from_be_bytes([header[0], header[1]])),
        destination_port: u16::from_be_bytes([header[2], header[3]]),
        payload: payload.get(..length).unwrap_or(payload),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const UDP: [u8; 11] = [0x9f, 0x28, 0x18, 0xc7, 0, 11, 0, 0, 1, 2, 3];

    fn expected(source: &str) -> Option<Udp<'static>> {
        Some(Udp {
            source: source.parse().unwrap(),
            destination_port: 6343,
            payload: &[1, 2, 3],
        })
    }

    fn ipv4_packet() -> Vec<u8> {
        let header = [
            0x45, 0, 0, 31, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
        ];
        [&header[..], &UDP].concat()
    }

    fn ipv6_packet(next: u8, extensions: &[u8]) -> Vec<u8> {
        let length = u8::try_from(extensions.len() + UDP.len()).unwrap();
        [
            &[0x60, 0, 0, 0, 0, length, next, 64][..],
            &[0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
            &[0; 16],
            extensions,
            &UDP,
        ]
        .concat()
    }

    #[track_caller]
    fn check(link: u32, prefix: &[u8], packet: &[u8]) {
        let source = if packet[0] >> 4 == 4 {
            "10.0.0.1:40744"
        } else {
            "[fd00::1]:40744"
        };
        assert_eq!(udp(link, &[prefix, packet].concat()), expected(source));
    }

    #[test]
    fn every_link_type() {
        let macs = [7; 12];
        let v4 = ipv4_packet();
        let v6 = ipv6_packet(17, &[]);
        check(1, &[&macs[..], &[8, 0]].concat(), &v4);
        check(1, &[&macs[..], &[0x86, 0xdd]].concat(), &v6);
        check(1, &[&macs[..], &[0x81, 0, 0, 5, 8, 0]].concat(), &v4);
        check(
            1,
            &[&macs[..], &[0x88, 0xa8, 0, 5, 0x81, 0, 0, 6, 8, 0]].concat(),
            &v4,
        );
        check(113, &[&[0; 14][..], &[8, 0]].concat(), &v4);
        check(276, &[&[0x86, 0xdd][..], &[0; 18]].concat(), &v6);
        check(101, &[], &v4);
        check(12, &[], &v6);
        check(229, &[], &v6);
        check(0, &[2, 0, 0, 0], &v4);
        // A frame's own padding is not payload.
        check(
            1,
            &[&macs[..], &[8, 0]].concat(),
            &[&v4[..], &[0; 20]].concat(),
        );
    }

    #[test]
    fn ipv6_extensions_are_passed() {
        check(101, &[], &ipv6_packet(0, &[17, 0, 0, 0, 0, 0, 0, 0]));
        assert_eq!(
            udp(101, &ipv6_packet(44, &[17, 0, 0, 1, 0, 0, 0, 0])),
            None,
            "a fragment"
        );
    }

    #[test]
    fn what_is_cut_or_no_udp_does_not_panic() {
        let frame = [&[7; 12][..], &[8, 0], &ipv4_packet()].concat();
        for length in 0..frame.len() {
            for link in [0, 1, 12, 101, 108, 113, 228, 229, 276, 999] {
                let _ = udp(link, &frame[..length]);
            }
        }
        let mut tcp = ipv4_packet();
        tcp[9] = 6;
        assert_eq!(udp(101, &tcp), None);
    }
}
