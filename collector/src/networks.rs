//! Source networks that may send telemetry: addresses and prefixes. Does not resolve names.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use thiserror::Error;

/// An IPv4 or IPv6 prefix such as `10.0.0.0/8`, `2001:db8::/32` or a bare address.
///
/// Host bits are cleared. An IPv4-mapped IPv6 prefix of at least /96 becomes the IPv4 prefix it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix_length: u8,
}

/// Why a text is not a [`Network`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NetworkError {
    /// The part before the slash is not an IP address.
    #[error("not an IP address")]
    Address,
    /// The part after the slash is not a number, or exceeds 32 (IPv4) or 128 (IPv6).
    #[error("prefix length is not a number from 0 to 32 (IPv4) or 128 (IPv6)")]
    PrefixLength,
}

impl Network {
    /// Whether `address` lies in this network; an IPv4-mapped IPv6 address counts as IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                mask_v4(address, self.prefix_length) == network
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                mask_v6(address, self.prefix_length) == network
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (
                address,
                Some(
                    length
                        .parse::<u8>()
                        .map_err(|_| NetworkError::PrefixLength)?,
                ),
            ),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NetworkError::Address)?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let length = length.unwrap_or(bits);
        if length > bits {
            return Err(NetworkError::PrefixLength);
        }
        let (address, prefix_length) = match address.to_canonical() {
            IpAddr::V4(v4) if bits == 128 && length >= 96 => (IpAddr::V4(v4), length - 96),
            _ => (address, length),
        };
        let address = match address {
            IpAddr::V4(v4) => IpAddr::V4(mask_v4(v4, prefix_length)),
            IpAddr::V6(v6) => IpAddr::V6(mask_v6(v6, prefix_length)),
        };
        Ok(Self {
            address,
            prefix_length,
        })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix_length)
    }
}

/// The networks datagrams are accepted from; empty means everyone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowList {
    networks: Vec<Network>,
}

impl AllowList {
    /// Accepts sources in any of `networks`; with none, accepts all sources.
    #[must_use]
    pub fn new(networks: Vec<Network>) -> Self {
        Self { networks }
    }

    /// Whether a datagram from `address` is accepted.
    #[must_use]
    pub fn allows(&self, address: IpAddr) -> bool {
        self.networks.is_empty()
            || self
                .networks
                .iter()
                .any(|network| network.contains(address))
    }
}

fn mask_v4(address: Ipv4Addr, length: u8) -> Ipv4Addr {
    let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
    Ipv4Addr::from_bits(address.to_bits() & mask)
}

fn mask_v6(address: Ipv6Addr, length: u8) -> Ipv6Addr {
    let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
    Ipv6Addr::from_bits(address.to_bits() & mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(network: &str, address: &str, expected: bool) {
        let network: Network = network.parse().unwrap();
        assert_eq!(
            network.contains(address.parse().unwrap()),
            expected,
            "{network} {address}"
        );
    }

    #[test]
    fn contains_v4_v6_and_mapped_addresses() {
        check("10.0.0.0/8", "10.255.1.2", true);
        check("10.0.0.0/8", "11.0.0.1", false);
        check("10.0.0.0/8", "::ffff:10.1.2.3", true);
        check("::ffff:10.0.0.0/104", "10.1.2.3", true);
        check("0.0.0.0/0", "203.0.113.9", true);
        check("0.0.0.0/0", "2001:db8::1", false);
        check("::/0", "2001:db8::1", true);
        check("2001:db8::/32", "2001:db8:ffff::1", true);
        check("2001:db8::/32", "2001:db9::1", false);
        check("192.0.2.7", "192.0.2.7", true);
        check("192.0.2.7", "192.0.2.8", false);
        check("192.0.2.7/24", "192.0.2.8", true);
    }

    #[test]
    fn refuses_what_is_not_a_network() {
        assert_eq!("10.0.0/8".parse::<Network>(), Err(NetworkError::Address));
        assert_eq!(
            "10.0.0.0/33".parse::<Network>(),
            Err(NetworkError::PrefixLength)
        );
        assert_eq!("::/129".parse::<Network>(), Err(NetworkError::PrefixLength));
        assert_eq!(
            "10.0.0.0/x".parse::<Network>(),
            Err(NetworkError::PrefixLength)
        );
    }

    #[test]
    fn an_empty_allow_list_allows_everyone() {
        assert!(AllowList::default().allows(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        let list = AllowList::new(vec!["10.0.0.0/8".parse().unwrap()]);
        assert!(!list.allows(IpAddr::V4(Ipv4Addr::LOCALHOST)));
    }
}
