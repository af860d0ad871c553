//! Network addresses: IP addresses with their type, and MAC addresses.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Serialize, Serializer};

use crate::error::ErrorKind;
use crate::wire::{self, Input, Value};

/// An `address` of sFlow 5: a type and the bytes of that type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Address {
    /// Type 0; no bytes follow.
    #[default]
    Unknown,
    /// Type 1; 4 bytes follow.
    Ipv4(Ipv4Addr),
    /// Type 2; 16 bytes follow.
    Ipv6(Ipv6Addr),
}

impl Address {
    /// Returns the IP address, or `None` where it is unknown.
    #[must_use]
    pub const fn ip(self) -> Option<IpAddr> {
        match self {
            Self::Unknown => None,
            Self::Ipv4(address) => Some(IpAddr::V4(address)),
            Self::Ipv6(address) => Some(IpAddr::V6(address)),
        }
    }
}

impl From<IpAddr> for Address {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::Ipv4(address),
            IpAddr::V6(address) => Self::Ipv6(address),
        }
    }
}

impl From<Ipv4Addr> for Address {
    fn from(address: Ipv4Addr) -> Self {
        Self::Ipv4(address)
    }
}

impl From<Ipv6Addr> for Address {
    fn from(address: Ipv6Addr) -> Self {
        Self::Ipv6(address)
    }
}

impl From<[u8; 4]> for Address {
    fn from(bytes: [u8; 4]) -> Self {
        Self::Ipv4(bytes.into())
    }
}

impl fmt::Display for Address {
    /// Writes the address, or `unknown`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("unknown"),
            Self::Ipv4(address) => address.fmt(f),
            Self::Ipv6(address) => address.fmt(f),
        }
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Unknown => serializer.serialize_none(),
            _ => serializer.collect_str(self),
        }
    }
}

impl<'a> Value<'a> for Address {
    const MIN_SIZE: usize = 4;
    const FIXED: bool = false;

    #[inline(always)]
    fn read(input: &mut Input<'a>) -> Result<Self, ErrorKind> {
        match input.uint().ok_or(ErrorKind::ArrayOverrun)? {
            0 => Ok(Self::Unknown),
            1 => Ok(Self::Ipv4(Value::read(input)?)),
            2 => Ok(Self::Ipv6(Value::read(input)?)),
            kind => Err(ErrorKind::UnknownAddressType(kind)),
        }
    }

    fn write(self, out: &mut Vec<u8>) {
        match self {
            Self::Unknown => wire::put_uint(out, 0),
            Self::Ipv4(address) => {
                wire::put_uint(out, 1);
                Value::write(address, out);
            }
            Self::Ipv6(address) => {
                wire::put_uint(out, 2);
                Value::write(address, out);
            }
        }
    }

    fn unknown() -> Self {
        Self::Unknown
    }
}

wire::fixed_value!(
    Ipv4Addr,
    4,
    Self::UNSPECIFIED,
    |bytes| bytes.into(),
    |value| value.octets()
);
wire::fixed_value!(
    Ipv6Addr,
    16,
    Self::UNSPECIFIED,
    |bytes| bytes.into(),
    |value| value.octets()
);

/// A MAC address: six bytes, padded to eight on the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Mac(pub [u8; 6]);

impl fmt::Display for Mac {
    /// Writes lower-case digits with colons.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Mac {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

wire::fixed_value!(
    Mac,
    8,
    Self([0; 6]),
    |bytes| {
        let [a, b, c, d, e, f, _, _] = bytes;
        Self([a, b, c, d, e, f])
    },
    |value| {
        let [a, b, c, d, e, f] = value.0;
        [a, b, c, d, e, f, 0, 0]
    }
);
