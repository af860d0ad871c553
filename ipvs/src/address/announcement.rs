//! Frames that tell neighbours where an address is: an ARP announcement (RFC 5227) or an unsolicited neighbour
//! advertisement (RFC 4861, 7.2.6).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const BROADCAST: [u8; 6] = [0xff; 6];
/// The Ethernet address of ff02::1.
const ALL_NODES: [u8; 6] = [0x33, 0x33, 0, 0, 0, 1];
const ICMPV6: u8 = 58;

/// Returns an Ethernet frame.
pub(super) fn frame(hardware: [u8; 6], address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => arp(hardware, address),
        IpAddr::V6(address) => neighbour_advertisement(hardware, address),
    }
}

/// A request for one's own address: sender and target are the same.
fn arp(hardware: [u8; 6], address: Ipv4Addr) -> Vec<u8> {
    let mut frame = ethernet(BROADCAST, hardware, 0x0806);
    // Ethernet, IPv4, lengths of their addresses, request.
    frame.extend([0, 1, 8, 0, 6, 4, 0, 1]);
    frame.extend(hardware);
    frame.extend(address.octets());
    frame.extend([0; 6]);
    frame.extend(address.octets());
    frame
}

/// An advertisement to all nodes that overrides what they know.
fn neighbour_advertisement(hardware: [u8; 6], address: Ipv6Addr) -> Vec<u8> {
    let all_nodes = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
    let mut body = vec![136, 0, 0, 0, 0x20, 0, 0, 0];
    body.extend(address.octets());
    // Option: target link-layer address, of one unit of eight bytes.
    body.extend([2, 1]);
    body.extend(hardware);
    let checksum = checksum(address, all_nodes, &body);
    if let Some(place) = body.get_mut(2..4) {
        place.copy_from_slice(&checksum.to_be_bytes());
    }
    let mut frame = ethernet(ALL_NODES, hardware, 0x86dd);
    frame.extend([0x60, 0, 0, 0]);
    frame.extend(u16::try_from(body.len()).unwrap_or(0).to_be_bytes());
    // Hop limit 255, or receivers take it for forged.
    frame.extend([ICMPV6, 255]);
    frame.extend(address.octets());
    frame.extend(all_nodes.octets());
    frame.extend(body);
    frame
}

fn ethernet(to: [u8; 6], from: [u8; 6], kind: u16) -> Vec<u8> {
    let mut frame = to.to_vec();
    frame.extend(from);
    frame.extend(kind.to_be_bytes());
    frame
}

/// Internet checksum of an ICMPv6 message whose checksum field is 0, with the pseudo-header of RFC 8200, 8.1.
fn checksum(from: Ipv6Addr, to: Ipv6Addr, body: &[u8]) -> u16 {
    let length = u32::try_from(body.len()).unwrap_or(0);
    let words = |bytes: &[u8]| -> u32 {
        bytes
            .chunks(2)
            .map(|pair| match *pair {
                [high, low] => u32::from(u16::from_be_bytes([high, low])),
                _ => 0,
            })
            .fold(0, u32::saturating_add)
    };
    let parts = [
        words(&from.octets()),
        words(&to.octets()),
        length,
        ICMPV6.into(),
        words(body),
    ];
    let mut sum = parts.into_iter().fold(0, u32::saturating_add);
    while sum > 0xffff {
        sum = (sum & 0xffff).saturating_add(sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HARDWARE: [u8; 6] = [2, 0, 0, 0, 0, 0x17];

    #[test]
    fn an_arp_announcement_asks_for_its_own_address() {
        let frame = frame(HARDWARE, "10.9.0.1".parse().unwrap());
        let expected = [
            &[0xff; 6][..],
            &HARDWARE,
            &[8, 6, 0, 1, 8, 0, 6, 4, 0, 1],
            &HARDWARE,
            &[10, 9, 0, 1],
            &[0; 6],
            &[10, 9, 0, 1],
        ];
        assert_eq!(frame, expected.concat());
    }

    /// A receiver adds all up, checksum included, and gets all ones.
    #[test]
    fn a_neighbour_advertisement_adds_up() {
        let address: Ipv6Addr = "fd09::1".parse().unwrap();
        let frame = frame(HARDWARE, address.into());
        assert_eq!(frame.len(), 14 + 40 + 32);
        assert_eq!(frame[14 + 6], ICMPV6);
        assert_eq!(frame[14 + 7], 255);
        let body = &frame[54..];
        let all_nodes = "ff02::1".parse().unwrap();
        assert_eq!(checksum(address, all_nodes, body), 0);
        assert_ne!(body[2..4], [0, 0]);
        assert_eq!(&body[8..24], &address.octets());
    }
}
