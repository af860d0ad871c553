//! What the first bytes of a sampled packet say: addresses, protocol, ports. Cut anywhere, it says less and never fails harder.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::address::Mac;
use crate::code_point::HeaderProtocol;

const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;
/// 802.1Q, 802.1ad, and what some switches use for the outer of two.
const ETHERTYPES_VLAN: [u16; 3] = [0x8100, 0x88a8, 0x9100];
const VLAN_TAGS_MAX: usize = 4;
const IPV6_EXTENSIONS_MAX: usize = 8;
/// Protocols whose header begins with two ports: TCP, UDP, DCCP, SCTP, UDP-Lite.
const WITH_PORTS: [u8; 5] = [6, 17, 33, 132, 136];
const UDP: u8 = 17;
const UDP_HEADER: usize = 8;
/// UDP port of VXLAN (RFC 7348), which swarm's overlay networks use unless told otherwise.
pub const VXLAN_PORT: u16 = 4789;
const VXLAN_HEADER: usize = 8;
/// The flag that says that there is a network identifier.
const VXLAN_FLAG: u8 = 0x08;

/// What a sampled packet's first bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PacketHeader<'a> {
    /// Sender's and receiver's MAC address, of an Ethernet frame.
    pub macs: Option<[Mac; 2]>,
    /// The outermost VLAN, 0 to 4095.
    pub vlan: Option<u16>,
    /// The IP header; `None` where the packet is none, or is cut before its end.
    pub ip: Option<IpHeader<'a>>,
}

/// The IP header of a sampled packet, and the ports behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IpHeader<'a> {
    /// Sender.
    pub source: IpAddr,
    /// Receiver.
    pub destination: IpAddr,
    /// IP protocol: 1 ICMP, 6 TCP, 17 UDP, 58 ICMPv6.
    pub protocol: u8,
    /// Sender's and receiver's port, where the protocol has them; later fragments do not.
    pub ports: Option<[u16; 2]>,
    /// What follows the IP header, as far as it was sampled.
    pub payload: &'a [u8],
}

impl<'a> PacketHeader<'a> {
    /// Reads a header of a `sampled_header` record. A protocol other than Ethernet, IPv4 and IPv6 says nothing.
    #[must_use]
    pub fn read(protocol: HeaderProtocol, bytes: &'a [u8]) -> Self {
        match protocol {
            HeaderProtocol::ETHERNET => Self::ethernet(bytes),
            HeaderProtocol::IPV4 | HeaderProtocol::IPV6 => Self {
                ip: ip(bytes),
                ..Self::default()
            },
            _ => Self::default(),
        }
    }

    /// Reads an Ethernet frame, without preamble.
    #[must_use]
    pub fn ethernet(frame: &'a [u8]) -> Self {
        let Some((macs, mut rest)) = macs(frame) else {
            return Self::default();
        };
        let mut header = Self {
            macs: Some(macs),
            ..Self::default()
        };
        for _ in 0..=VLAN_TAGS_MAX {
            let Some((kind, after)) = word(rest) else {
                break;
            };
            if !ETHERTYPES_VLAN.contains(&kind) {
                let is_ip = matches!(kind, ETHERTYPE_IPV4 | ETHERTYPE_IPV6);
                header.ip = is_ip.then(|| ip(after)).flatten();
                break;
            }
            let Some((tag, after)) = word(after) else {
                break;
            };
            header.vlan = header.vlan.or(Some(tag & 0x0fff));
            rest = after;
        }
        header
    }

    /// The frame inside, where this is a VXLAN packet: an overlay network's, between two nodes.
    #[must_use]
    pub fn inside_vxlan(&self) -> Option<Self> {
        let ip = self.ip?;
        if ip.protocol != UDP || ip.ports?.get(1) != Some(&VXLAN_PORT) {
            return None;
        }
        let vxlan = ip.payload.get(UDP_HEADER..)?;
        let (flags, _) = vxlan.split_first()?;
        if flags & VXLAN_FLAG == 0 {
            return None;
        }
        Some(Self::ethernet(vxlan.get(VXLAN_HEADER..)?))
    }
}

fn macs(frame: &[u8]) -> Option<([Mac; 2], &[u8])> {
    let (destination, rest) = frame.split_first_chunk()?;
    let (source, rest) = rest.split_first_chunk()?;
    Some(([Mac(*source), Mac(*destination)], rest))
}

fn word(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (word, rest) = bytes.split_first_chunk()?;
    Some((u16::from_be_bytes(*word), rest))
}

/// The packet's own first digit says which version it is.
fn ip(packet: &[u8]) -> Option<IpHeader<'_>> {
    match packet.first()? >> 4 {
        4 => ipv4(packet),
        6 => ipv6(packet),
        _ => None,
    }
}

fn ipv4(packet: &[u8]) -> Option<IpHeader<'_>> {
    const SHORTEST: usize = 20;
    const OFFSET: u16 = 0x1fff;
    let header: &[u8; SHORTEST] = packet.first_chunk()?;
    let [
        first,
        _,
        _,
        _,
        _,
        _,
        f1,
        f2,
        _,
        protocol,
        _,
        _,
        addresses @ ..,
    ] = header;
    let [s1, s2, s3, s4, d1, d2, d3, d4] = *addresses;
    let length = usize::from(first & 0xf).checked_mul(4)?;
    if length < SHORTEST {
        return None;
    }
    let payload = packet.get(length..).unwrap_or_default();
    let is_first = u16::from_be_bytes([*f1, *f2]) & OFFSET == 0;
    Some(IpHeader {
        source: Ipv4Addr::new(s1, s2, s3, s4).into(),
        destination: Ipv4Addr::new(d1, d2, d3, d4).into(),
        protocol: *protocol,
        ports: is_first.then(|| ports(*protocol, payload)).flatten(),
        payload,
    })
}

fn ipv6(packet: &[u8]) -> Option<IpHeader<'_>> {
    const HOP_BY_HOP: u8 = 0;
    const ROUTING: u8 = 43;
    const FRAGMENT: u8 = 44;
    const AUTHENTICATION: u8 = 51;
    const DESTINATION_OPTIONS: u8 = 60;
    let (fixed, rest) = packet.split_first_chunk::<8>()?;
    let (source, rest) = rest.split_first_chunk::<16>()?;
    let (destination, mut payload) = rest.split_first_chunk::<16>()?;
    let [_, _, _, _, _, _, mut protocol, _] = *fixed;
    let mut is_first = true;
    for _ in 0..IPV6_EXTENSIONS_MAX {
        let Some(extension) = payload.first_chunk::<8>() else {
            break;
        };
        let [next, eights, f1, f2, ..] = *extension;
        let length = match protocol {
            HOP_BY_HOP | ROUTING | DESTINATION_OPTIONS => {
                usize::from(eights).checked_add(1)?.checked_mul(8)?
            }
            AUTHENTICATION => usize::from(eights).checked_add(2)?.checked_mul(4)?,
            FRAGMENT => {
                is_first = is_first && u16::from_be_bytes([f1, f2]) >> 3 == 0;
                8
            }
            _ => break,
        };
        protocol = next;
        payload = payload.get(length..).unwrap_or_default();
    }
    Some(IpHeader {
        source: Ipv6Addr::from(*source).into(),
        destination: Ipv6Addr::from(*destination).into(),
        protocol,
        ports: is_first.then(|| ports(protocol, payload)).flatten(),
        payload,
    })
}

fn ports(protocol: u8, payload: &[u8]) -> Option<[u16; 2]> {
    if !WITH_PORTS.contains(&protocol) {
        return None;
    }
    let (source, rest) = word(payload)?;
    let (destination, _) = word(rest)?;
    Some([source, destination])
}

#[cfg(test)]
mod tests;
