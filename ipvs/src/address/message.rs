//! What rtnetlink says about addresses and interfaces, after linux/if_addr.h and linux/if_link.h: bytes to types and back.

use std::net::IpAddr;

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};

use super::{BoundAddress, Interface};
use crate::codec::attribute::{Attributes, Writer, required};
use crate::codec::{DecodeError, Name, Reason};

pub(super) const NEW_ADDRESS: u16 = 20;
pub(super) const DELETE_ADDRESS: u16 = 21;
pub(super) const GET_ADDRESS: u16 = 22;
pub(super) const GET_LINK: u16 = 18;
pub(super) const CREATE_ONLY: u16 = NLM_F_CREATE | NLM_F_EXCL;

const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;

const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_CACHEINFO: u16 = 6;
const IFA_FLAGS: u16 = 8;
const IFA_PROTO: u16 = 11;

const IFA_F_NODAD: u8 = 0x02;
const IFA_F_DADFAILED: u32 = 0x08;
const IFA_F_TENTATIVE: u32 = 0x40;

const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;

const IFF_UP: u32 = 0x01;
const IFF_NOARP: u32 = 0x80;
const ARPHRD_ETHER: u16 = 1;

const TRUNCATED: DecodeError = DecodeError::new("rtnetlink header", Reason::Truncated);

/// Writes `struct ifaddrmsg` for a list of all.
pub(super) fn write_address_query(out: &mut Vec<u8>) {
    out.extend([0; 8]);
}

/// Writes `struct ifaddrmsg` and attributes: family, length of the prefix, flags and scope of a byte each, and the
/// interface's number.
pub(super) fn write_address(interface: u32, address: IpAddr, mark: Option<u8>, out: &mut Vec<u8>) {
    let (family, prefix_length, flags) = match address {
        IpAddr::V4(_) => (AF_INET, 32, 0),
        IpAddr::V6(_) => (AF_INET6, 128, IFA_F_NODAD),
    };
    out.extend([family, prefix_length, flags, 0]);
    out.extend(interface.to_ne_bytes());
    let mut out = Writer::new(out);
    match address {
        IpAddr::V4(address) => {
            out.bytes(IFA_LOCAL, &address.octets());
            out.bytes(IFA_ADDRESS, &address.octets());
        }
        IpAddr::V6(address) => {
            out.bytes(IFA_ADDRESS, &address.octets());
            // struct ifa_cacheinfo: preferred for no time at all, valid for ever.
            let mut lifetimes = [0; 16];
            if let Some(valid) = lifetimes.get_mut(4..8) {
                valid.fill(0xff);
            }
            out.bytes(IFA_CACHEINFO, &lifetimes);
        }
    }
    if let Some(mark) = mark {
        out.u8(IFA_PROTO, mark);
    }
}

/// Reads an address; `None` for another family.
pub(super) fn read_address(body: &[u8]) -> Result<Option<BoundAddress>, DecodeError> {
    let (&[family, prefix_length, flags, _, a, b, c, d], rest) =
        body.split_first_chunk::<8>().ok_or(TRUNCATED)?;
    if family != AF_INET && family != AF_INET6 {
        return Ok(None);
    }
    let (mut local, mut peer, mut mark, mut flags) = (None, None, None, u32::from(flags));
    for attribute in Attributes::new(rest) {
        let attribute = attribute?;
        let address = |name| attribute.address(family == AF_INET6, name);
        match attribute.kind() {
            IFA_LOCAL => local = Some(address("IFA_LOCAL")?),
            IFA_ADDRESS => peer = Some(address("IFA_ADDRESS")?),
            IFA_FLAGS => flags = attribute.u32("IFA_FLAGS")?,
            IFA_PROTO => mark = Some(attribute.u8("IFA_PROTO")?),
            _ => {}
        }
    }
    Ok(Some(BoundAddress {
        interface: u32::from_ne_bytes([a, b, c, d]),
        // On a point-to-point link the other attribute is the other end.
        address: required(local.or(peer), "IFA_ADDRESS")?,
        prefix_length,
        mark,
        is_usable: flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED) == 0,
    }))
}

/// Writes `struct ifinfomsg` and a name.
pub(super) fn write_link_query(name: Name, out: &mut Vec<u8>) {
    out.extend([0; 16]);
    Writer::new(out).string(IFLA_IFNAME, name.as_bytes());
}

/// Reads an interface: family and a pad of a byte each, type, number, flags and a mask, then attributes.
pub(super) fn read_link(body: &[u8]) -> Result<Interface, DecodeError> {
    let (&header, rest) = body.split_first_chunk::<16>().ok_or(TRUNCATED)?;
    let [_, _, t0, t1, i0, i1, i2, i3, f0, f1, f2, f3, ..] = header;
    let flags = u32::from_ne_bytes([f0, f1, f2, f3]);
    let asks = u16::from_ne_bytes([t0, t1]) == ARPHRD_ETHER && flags & IFF_NOARP == 0;
    let (mut name, mut mtu, mut hardware) = (None, None, None);
    for attribute in Attributes::new(rest) {
        let attribute = attribute?;
        match attribute.kind() {
            IFLA_IFNAME => name = Some(Name::decode(attribute.value, "IFLA_IFNAME")?),
            IFLA_MTU => mtu = Some(attribute.u32("IFLA_MTU")?),
            IFLA_ADDRESS => hardware = <[u8; 6]>::try_from(attribute.value).ok(),
            _ => {}
        }
    }
    Ok(Interface {
        index: u32::from_ne_bytes([i0, i1, i2, i3]),
        name: required(name, "IFLA_IFNAME")?,
        mtu: required(mtu, "IFLA_MTU")?,
        is_up: flags & IFF_UP != 0,
        hardware: hardware.filter(|_| asks),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn addresses_come_back(interface in any::<u32>(), address in any::<IpAddr>(), mark in any::<Option<u8>>()) {
            let mut bytes = Vec::new();
            write_address(interface, address, mark, &mut bytes);
            let prefix_length = if address.is_ipv4() { 32 } else { 128 };
            let expected = BoundAddress { interface, address, prefix_length, mark, is_usable: true };
            prop_assert_eq!(read_address(&bytes), Ok(Some(expected)));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            if bytes.len() < 8 {
                prop_assert_eq!(read_address(&bytes), Err(TRUNCATED));
            }
            prop_assert_eq!(read_link(&bytes), read_link(&bytes));
        }
    }

    #[test]
    fn only_interfaces_with_neighbours_have_a_hardware_address() {
        let link = |kind: u16, flags: u32| {
            let mut bytes = vec![0, 0];
            bytes.extend(kind.to_ne_bytes());
            bytes.extend(7_u32.to_ne_bytes());
            bytes.extend(flags.to_ne_bytes());
            bytes.extend([0; 4]);
            let mut out = Writer::new(&mut bytes);
            out.string(IFLA_IFNAME, b"eth0");
            out.u32(IFLA_MTU, 1500);
            out.bytes(IFLA_ADDRESS, &[2, 0, 0, 0, 0, 1]);
            read_link(&bytes).unwrap()
        };
        let ethernet = link(ARPHRD_ETHER, IFF_UP);
        assert_eq!(
            (ethernet.index, ethernet.mtu, ethernet.is_up),
            (7, 1500, true)
        );
        assert_eq!(ethernet.hardware, Some([2, 0, 0, 0, 0, 1]));
        assert_eq!(link(ARPHRD_ETHER, IFF_NOARP).hardware, None);
        assert_eq!(link(772, IFF_UP).hardware, None);
    }
}
