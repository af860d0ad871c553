//! What identifies an entry of the table: everything that is diffed is a key and a configuration.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

/// A transport protocol that IPVS balances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP, protocol number 6.
    Tcp,
    /// UDP, protocol number 17. It has no connections to wait for.
    Udp,
    /// SCTP, protocol number 132.
    Sctp,
}

impl Protocol {
    /// All protocols.
    pub const ALL: [Self; 3] = [Self::Tcp, Self::Udp, Self::Sctp];

    /// Returns the name as labels and the Engine API write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Key of a virtual service: where clients connect to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct VirtualServiceKey {
    /// The virtual IP address (VIP).
    pub address: IpAddr,
    /// The port at that address.
    pub port: u16,
    /// The protocol.
    pub protocol: Protocol,
}

impl fmt::Display for VirtualServiceKey {
    /// Writes `tcp 10.30.0.1:80`, or `udp [2001:db8::1]:53`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {}",
            self.protocol,
            SocketAddr::new(self.address, self.port)
        )
    }
}

/// Key of a destination (real server) within its virtual service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DestinationKey {
    /// The real server's address: that of a node.
    pub address: IpAddr,
    /// The port at that address: one that the node publishes in host mode.
    pub port: u16,
}

impl fmt::Display for DestinationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SocketAddr::new(self.address, self.port).fmt(f)
    }
}

/// Key of a virtual service that is found by a firewall mark, as swarm's own are: it is listed and never changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FirewallMarkKey {
    /// The mark (fwmark) that a packet must bear.
    pub mark: u32,
    /// The address family of its packets.
    pub family: Family,
}

/// An address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
}

impl fmt::Display for FirewallMarkKey {
    /// Writes `fwmark 258 ipv4`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let family = match self.family {
            Family::Ipv4 => "ipv4",
            Family::Ipv6 => "ipv6",
        };
        write!(f, "fwmark {} {family}", self.mark)
    }
}

/// Key of anything in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryKey {
    /// A virtual service itself.
    Service(VirtualServiceKey),
    /// A destination of a virtual service.
    Destination(VirtualServiceKey, DestinationKey),
}

impl EntryKey {
    /// Returns the virtual service that the entry is, or belongs to.
    #[must_use]
    pub fn service(&self) -> VirtualServiceKey {
        match self {
            Self::Service(service) | Self::Destination(service, _) => *service,
        }
    }
}

impl fmt::Display for EntryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(service) => write!(f, "virtual service {service}"),
            Self::Destination(service, destination) => {
                write!(f, "destination {destination} of {service}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_read_like_addresses() {
        let key = |address: &str| VirtualServiceKey {
            address: address.parse().unwrap(),
            port: 80,
            protocol: Protocol::Tcp,
        };
        let destination = DestinationKey {
            address: "10.0.0.2".parse().unwrap(),
            port: 32_768,
        };
        assert_eq!(key("10.0.0.1").to_string(), "tcp 10.0.0.1:80");
        assert_eq!(
            EntryKey::Destination(key("2001:db8::1"), destination).to_string(),
            "destination 10.0.0.2:32768 of tcp [2001:db8::1]:80"
        );
    }
}
