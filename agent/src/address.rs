//! The address that the agent gives itself. Pure: the interfaces are an argument.

use std::net::IpAddr;

use crate::counters::InterfaceAddress;

/// How the address is chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddressRule {
    /// The one that datagrams to the first collector leave from.
    Route,
    /// This one.
    Fixed(IpAddr),
    /// The first of that interface, as [`outward`] ranks them.
    Interface(String),
    /// The first in that network, as [`outward`] ranks them: address and length of the prefix.
    Network(IpAddr, u8),
}

/// Why there is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// No such interface, or it has no address.
    #[error("interface {0:?} has no address")]
    Interface(String),
    /// No interface is in that network.
    #[error("no interface has an address in {0}/{1}")]
    Network(IpAddr, u8),
}

/// Chooses. `route`: the address that datagrams to the first collector leave from.
///
/// # Errors
/// When the interface or network that was asked for is not there.
pub fn choose(
    rule: &AddressRule,
    route: IpAddr,
    addresses: &[InterfaceAddress],
) -> Result<IpAddr, AddressError> {
    let first = |wanted: &dyn Fn(&InterfaceAddress) -> bool| {
        best(addresses.iter().filter(|entry| wanted(entry)))
    };
    match rule {
        AddressRule::Route => Ok(route),
        AddressRule::Fixed(address) => Ok(*address),
        AddressRule::Interface(name) => first(&|entry| entry.interface == *name)
            .ok_or_else(|| AddressError::Interface(name.clone())),
        AddressRule::Network(network, prefix) => {
            first(&|entry| contains(*network, *prefix, entry.address))
                .ok_or(AddressError::Network(*network, *prefix))
        }
    }
}

/// The address that others know this host by, where no route tells: not that of an interface to containers; one that can be reached
/// before one that cannot, one with a network of its own before one that may be a VIP, IPv4 before IPv6, then in the kernel's order.
#[must_use]
pub fn outward(addresses: &[InterfaceAddress]) -> Option<IpAddr> {
    best(addresses.iter().filter(|entry| !entry.is_inward()))
}

fn best<'a>(addresses: impl Iterator<Item = &'a InterfaceAddress>) -> Option<IpAddr> {
    let rank = |entry: &&InterfaceAddress| {
        (
            entry.is_local(),
            entry.vip_likeness(),
            entry.address.is_ipv6(),
            entry.index,
        )
    };
    addresses.min_by_key(rank).map(|entry| entry.address)
}

fn contains(network: IpAddr, prefix: u8, address: IpAddr) -> bool {
    let (network, address, bits) = match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => (
            u128::from(network.to_bits()),
            u128::from(address.to_bits()),
            32,
        ),
        (IpAddr::V6(network), IpAddr::V6(address)) => (network.to_bits(), address.to_bits(), 128),
        _ => return false,
    };
    let shift = u32::from(bits - prefix.min(bits));
    network.checked_shr(shift).unwrap_or(0) == address.checked_shr(shift).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(interface: &str, index: u32, address: &str) -> InterfaceAddress {
        let (address, prefix) = address.split_once('/').unwrap();
        InterfaceAddress {
            interface: interface.to_owned(),
            index,
            address: address.parse().unwrap(),
            prefix: prefix.parse().unwrap(),
        }
    }

    /// A balancer or a node of direct routing has the VIP too: as the agent's address it would be that of several hosts.
    #[test]
    fn no_vip_is_taken_for_the_hosts_own_address() {
        for (entries, expected) in [
            (
                &[("lo", 1, "10.0.0.9/32"), ("eth0", 2, "10.1.2.3/16")][..],
                Some("10.1.2.3"),
            ),
            (
                &[("eth0", 2, "10.0.0.9/32"), ("eth0", 2, "10.1.2.3/16")],
                Some("10.1.2.3"),
            ),
            (
                &[("eth1", 3, "10.0.0.1/24"), ("eth0", 2, "10.1.2.3/16")],
                Some("10.1.2.3"),
            ),
            (
                &[("docker0", 3, "172.17.0.1/16"), ("eth0", 2, "fe80::1/64")],
                None,
            ),
            (
                &[("eth0", 2, "2001:db8::5/64"), ("eth0", 2, "10.1.2.3/16")],
                Some("10.1.2.3"),
            ),
            (
                &[("lo", 1, "10.0.0.9/32"), ("eth0", 2, "10.1.2.3/32")],
                Some("10.1.2.3"),
            ),
            // Some clouds give a host nothing else.
            (&[("eth0", 2, "10.1.2.3/32")], Some("10.1.2.3")),
        ] {
            let addresses: Vec<_> = entries
                .iter()
                .map(|(interface, index, address)| entry(interface, *index, address))
                .collect();
            let expected = expected.map(|address| address.parse().unwrap());
            assert_eq!(outward(&addresses), expected, "{entries:?}");
        }
    }

    #[test]
    fn the_address_is_the_one_that_was_asked_for() {
        let addresses = [
            entry("lo", 1, "127.0.0.1/8"),
            entry("lo", 1, "10.0.0.9/32"),
            entry("eth0", 2, "fe80::1/64"),
            entry("eth0", 2, "2001:db8::5/64"),
            entry("eth0", 2, "10.1.2.3/16"),
            entry("eth0", 2, "10.1.0.1/32"),
            entry("docker0", 3, "172.17.0.1/16"),
        ];
        let route: IpAddr = "192.0.2.1".parse().unwrap();
        let network = |text: &str, prefix| AddressRule::Network(text.parse().unwrap(), prefix);
        for (rule, expected) in [
            (AddressRule::Route, Some("192.0.2.1")),
            (
                AddressRule::Fixed("1.2.3.4".parse().unwrap()),
                Some("1.2.3.4"),
            ),
            (AddressRule::Interface("eth0".to_owned()), Some("10.1.2.3")),
            (AddressRule::Interface("eth9".to_owned()), None),
            (network("172.16.0.0", 12), Some("172.17.0.1")),
            (network("2001:db8::", 32), Some("2001:db8::5")),
            (network("0.0.0.0", 0), Some("10.1.2.3")),
            (network("192.168.0.0", 16), None),
        ] {
            let found = choose(&rule, route, &addresses);
            let expected = expected.map(|address| address.parse().unwrap());
            assert_eq!(found.ok(), expected, "{rule:?}");
        }
    }
}
