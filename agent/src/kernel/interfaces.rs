//! The host's interfaces: which lead off the host, and what addresses they have.

use std::{fs, io, net::IpAddr};

use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::{
    RouteNetlinkMessage,
    address::{AddressAttribute, AddressMessage},
};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

use super::Roots;
use crate::{counters::InterfaceAddress, parse::host};

/// An interface that leads off the host.
#[derive(Debug)]
pub(super) struct Interface {
    pub(super) name: String,
    pub(super) index: u32,
    pub(super) mac: [u8; 6],
}

/// Beginnings of the names of interfaces that lead to containers or nowhere, for hosts without a physical one.
const INWARD: [&str; 9] = [
    "lo", "veth", "docker", "br-", "virbr", "vxlan", "dummy", "tun", "ifb",
];

/// Interfaces with a device behind them; where there are none, as in a virtual network, those whose names do not lead inwards.
pub(super) fn outward(roots: &Roots) -> Vec<Interface> {
    let folder = roots.sys.join("class/net");
    let Ok(entries) = fs::read_dir(&folder) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| !INWARD.iter().any(|inward| name.starts_with(inward)))
        .collect();
    names.sort_unstable();
    let physical: Vec<_> = names
        .iter()
        .filter(|name| folder.join(name).join("device").exists())
        .cloned()
        .collect();
    let chosen = if physical.is_empty() { names } else { physical };
    let read = |name: &str, file: &str| fs::read(folder.join(name).join(file)).unwrap_or_default();
    chosen
        .into_iter()
        .map(|name| Interface {
            index: std::str::from_utf8(&read(&name, "ifindex"))
                .ok()
                .and_then(|text| text.trim().parse().ok())
                .unwrap_or(0),
            mac: host::mac(&read(&name, "address")).unwrap_or_default(),
            name,
        })
        .collect()
}

/// ifIndex of the interfaces that lead off the host.
#[must_use]
pub fn outward_indices(roots: &Roots) -> Vec<u32> {
    let all = outward(roots).into_iter().map(|interface| interface.index);
    all.filter(|index| *index > 0).collect()
}

/// Speed of an interface in bits a second, where its driver says one.
#[must_use]
pub fn speed(roots: &Roots, name: &str) -> Option<u64> {
    let text = fs::read_to_string(roots.sys.join("class/net").join(name).join("speed")).ok()?;
    // In millions of bits; -1 where nobody knows.
    let millions: u64 = text.trim().parse().ok()?;
    (millions > 0 && millions < u64::from(u32::MAX)).then(|| millions * 1_000_000)
}

/// Most bytes of one answer of the kernel.
const ANSWER: usize = 64 << 10;
/// Most answers to one question.
const ANSWERS_MAX: usize = 10_000;

/// The addresses of all interfaces in this network namespace.
///
/// # Errors
/// The kernel does not answer.
pub fn addresses() -> io::Result<Vec<InterfaceAddress>> {
    let socket = Socket::new(NETLINK_ROUTE)?;
    socket.connect(&SocketAddr::new(0, 0))?;
    let mut question = NetlinkMessage::new(
        NetlinkHeader::default(),
        NetlinkPayload::from(RouteNetlinkMessage::GetAddress(AddressMessage::default())),
    );
    question.header.flags = NLM_F_DUMP | NLM_F_REQUEST;
    question.finalize();
    let mut bytes = vec![0; question.buffer_len()];
    question.serialize(&mut bytes);
    socket.send(&bytes, 0)?;
    let mut found = Vec::new();
    let mut answer = vec![0; ANSWER];
    for _ in 0..ANSWERS_MAX {
        let size = socket.recv(&mut &mut answer[..], 0)?;
        let mut rest = answer.get(..size).unwrap_or_default();
        while !rest.is_empty() {
            let message = NetlinkMessage::<RouteNetlinkMessage>::deserialize(rest)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
            match message.payload {
                NetlinkPayload::Done(_) => return Ok(named(found)),
                NetlinkPayload::Error(error) => return Err(error.to_io()),
                NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewAddress(entry)) => {
                    found.extend(address(&entry));
                }
                _ => {}
            }
            let length = usize::try_from(message.header.length)
                .unwrap_or(0)
                .next_multiple_of(4);
            rest = match rest.get(length..) {
                Some(after) if length > 0 => after,
                _ => &[],
            };
        }
    }
    Err(io::Error::other("the kernel does not come to an end"))
}

/// An address as the kernel tells it.
struct Told {
    index: u32,
    /// The interface's name; not told with IPv6.
    label: Option<String>,
    address: IpAddr,
    prefix: u8,
}

fn address(entry: &AddressMessage) -> Option<Told> {
    let mut name = None;
    let (mut local, mut plain) = (None, None);
    for attribute in &entry.attributes {
        match attribute {
            AddressAttribute::Local(address) => local = Some(*address),
            AddressAttribute::Address(address) => plain = Some(*address),
            AddressAttribute::Label(label) => name = Some(label.clone()),
            _ => {}
        }
    }
    // `Address` is the other end's on a point-to-point link.
    Some(Told {
        index: entry.header.index,
        label: name,
        address: local.or(plain)?,
        prefix: entry.header.prefix_len,
    })
}

/// IPv6 addresses come without the interface's name; an IPv4 one's label may have `:1` after it.
fn named(found: Vec<Told>) -> Vec<InterfaceAddress> {
    let names: Vec<(u32, String)> = fs::read_dir("/sys/class/net")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let index = fs::read_to_string(entry.path().join("ifindex")).ok()?;
            Some((
                index.trim().parse().ok()?,
                entry.file_name().into_string().ok()?,
            ))
        })
        .collect();
    found
        .into_iter()
        .map(|told| {
            let name = names.iter().find(|(number, _)| *number == told.index);
            let label = told.label.unwrap_or_default();
            let interface = name.map_or_else(
                || label.split(':').next().unwrap_or_default().to_owned(),
                |(_, name)| name.clone(),
            );
            InterfaceAddress {
                interface,
                index: told.index,
                address: told.address,
                prefix: told.prefix,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_has_its_address() {
        let found = addresses().unwrap();
        let loopback = found
            .iter()
            .find(|entry| entry.address == IpAddr::from([127, 0, 0, 1]));
        assert_eq!(loopback.unwrap().interface, "lo", "{found:?}");
        assert!(
            outward(&Roots::default())
                .iter()
                .all(|interface| interface.name != "lo")
        );
    }
}
