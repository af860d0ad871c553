//! What identifies a virtual service.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;

use crate::codec::attribute::{Attribute, Writer};
use crate::codec::error::{DecodeError, Reason};

pub(super) const AF: u16 = 1;
pub(super) const PROTOCOL: u16 = 2;
pub(super) const ADDR: u16 = 3;
pub(super) const PORT: u16 = 4;
pub(super) const FWMARK: u16 = 5;

const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;

/// Address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Returns the family of an address.
    #[must_use]
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }

    pub(crate) const fn number(self) -> u16 {
        match self {
            Self::V4 => AF_INET,
            Self::V6 => AF_INET6,
        }
    }

    pub(crate) fn decode(
        attribute: Attribute<'_>,
        name: &'static str,
    ) -> Result<Self, DecodeError> {
        match attribute.u16(name)? {
            AF_INET => Ok(Self::V4),
            AF_INET6 => Ok(Self::V6),
            _ => Err(DecodeError::new(name, Reason::Family)),
        }
    }
}

/// An IP protocol number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Protocol(pub u16);

impl Protocol {
    /// TCP.
    pub const TCP: Self = Self(6);
    /// UDP.
    pub const UDP: Self = Self(17);
    /// SCTP.
    pub const SCTP: Self = Self(132);
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::TCP => f.write_str("tcp"),
            Self::UDP => f.write_str("udp"),
            Self::SCTP => f.write_str("sctp"),
            Self(number) => write!(f, "protocol {number}"),
        }
    }
}

impl fmt::Debug for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What identifies a virtual service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServiceKey {
    /// Packets to an address and port.
    Address {
        /// Transport protocol.
        protocol: Protocol,
        /// The virtual IP address.
        address: IpAddr,
        /// The port; 0 is every port, for persistent services.
        port: u16,
    },
    /// Packets with a firewall mark.
    Fwmark {
        /// The mark.
        mark: NonZeroU32,
        /// The family of the packets.
        family: Family,
    },
}

impl ServiceKey {
    /// A TCP service.
    #[must_use]
    pub const fn tcp(at: SocketAddr) -> Self {
        Self::at(Protocol::TCP, at)
    }

    /// A UDP service.
    #[must_use]
    pub const fn udp(at: SocketAddr) -> Self {
        Self::at(Protocol::UDP, at)
    }

    /// A service at an address and port.
    #[must_use]
    pub const fn at(protocol: Protocol, at: SocketAddr) -> Self {
        Self::Address {
            protocol,
            address: at.ip(),
            port: at.port(),
        }
    }

    /// Returns the address family.
    #[must_use]
    pub const fn family(&self) -> Family {
        match self {
            Self::Address { address, .. } => Family::of(*address),
            Self::Fwmark { family, .. } => *family,
        }
    }

    pub(crate) fn encode(&self, out: &mut Writer<'_>) {
        out.u16(AF, self.family().number());
        match *self {
            Self::Address {
                protocol,
                address,
                port,
            } => {
                out.u16(PROTOCOL, protocol.0);
                out.address(ADDR, address);
                out.be16(PORT, port);
            }
            Self::Fwmark { mark, .. } => out.u32(FWMARK, mark.get()),
        }
    }
}

impl fmt::Display for ServiceKey {
    /// Writes `tcp 10.30.0.1:80`, `udp [2001:db8::1]:53`, `fwmark 256` or `fwmark 256 (IPv6)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Address {
                protocol,
                address,
                port,
            } => write!(f, "{protocol} {}", SocketAddr::new(address, port)),
            Self::Fwmark {
                mark,
                family: Family::V4,
            } => write!(f, "fwmark {mark}"),
            Self::Fwmark { mark, .. } => write!(f, "fwmark {mark} (IPv6)"),
        }
    }
}
