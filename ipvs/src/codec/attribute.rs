//! Netlink attributes: a reader that bounds every length by the bytes that remain, and a writer.
//!
//! An attribute is `length: u16, kind: u16, value`, padded to four bytes; the length counts the first four bytes and not
//! the padding. Numbers are in the machine's byte order unless IPVS says otherwise (addresses, ports, netmasks).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netlink_packet_core::{NLA_F_NESTED, NLA_TYPE_MASK};

use super::error::{DecodeError, Reason};

const HEADER_LENGTH: usize = 4;

/// An attribute that this crate does not know, as it was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawAttribute {
    /// Its kind, with the flag bits for nested and for network byte order.
    pub kind: u16,
    /// Its value without padding.
    pub value: Box<[u8]>,
}

/// One attribute in a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attribute<'a> {
    raw_kind: u16,
    pub(crate) value: &'a [u8],
}

impl<'a> Attribute<'a> {
    /// Returns the kind without flag bits.
    pub(crate) fn kind(self) -> u16 {
        self.raw_kind & NLA_TYPE_MASK
    }

    pub(crate) fn to_raw(self) -> RawAttribute {
        RawAttribute {
            kind: self.raw_kind,
            value: self.value.into(),
        }
    }

    fn array<const N: usize>(self, name: &'static str) -> Result<[u8; N], DecodeError> {
        <[u8; N]>::try_from(self.value).map_err(|_| DecodeError::new(name, Reason::Length))
    }

    pub(crate) fn u8(self, name: &'static str) -> Result<u8, DecodeError> {
        self.array(name).map(u8::from_ne_bytes)
    }

    pub(crate) fn u16(self, name: &'static str) -> Result<u16, DecodeError> {
        self.array(name).map(u16::from_ne_bytes)
    }

    pub(crate) fn u32(self, name: &'static str) -> Result<u32, DecodeError> {
        self.array(name).map(u32::from_ne_bytes)
    }

    pub(crate) fn be16(self, name: &'static str) -> Result<u16, DecodeError> {
        self.array(name).map(u16::from_be_bytes)
    }

    /// Reads a counter, which has four or eight bytes.
    pub(crate) fn counter(self, name: &'static str) -> Result<u64, DecodeError> {
        match self.value.len() {
            8 => self.array(name).map(u64::from_ne_bytes),
            _ => self.u32(name).map(u64::from),
        }
    }

    /// Reads two numbers, as `struct ip_vs_flags` has them.
    pub(crate) fn u32_pair(self, name: &'static str) -> Result<(u32, u32), DecodeError> {
        let [a, b, c, d, e, f, g, h] = self.array(name)?;
        Ok((
            u32::from_ne_bytes([a, b, c, d]),
            u32::from_ne_bytes([e, f, g, h]),
        ))
    }

    /// Reads `union nf_inet_addr`: sixteen bytes, of which IPv4 uses the first four. Four bytes will do for IPv4.
    pub(crate) fn address(self, v6: bool, name: &'static str) -> Result<IpAddr, DecodeError> {
        if v6 {
            return self
                .array::<16>(name)
                .map(|octets| Ipv6Addr::from(octets).into());
        }
        match (self.value.len(), self.value.first_chunk::<4>()) {
            (4 | 16, Some(octets)) => Ok(Ipv4Addr::from(*octets).into()),
            _ => Err(DecodeError::new(name, Reason::Length)),
        }
    }

    pub(crate) fn ipv4(self, name: &'static str) -> Result<Ipv4Addr, DecodeError> {
        self.array::<4>(name).map(Ipv4Addr::from)
    }

    pub(crate) fn ipv6(self, name: &'static str) -> Result<Ipv6Addr, DecodeError> {
        self.array::<16>(name).map(Ipv6Addr::from)
    }

    pub(crate) fn nested(self) -> Attributes<'a> {
        Attributes { rest: self.value }
    }
}

/// The attributes of a message or of a nested attribute. Ends after the first error.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attributes<'a> {
    rest: &'a [u8],
}

impl<'a> Attributes<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<Attribute<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = std::mem::take(&mut self.rest);
        if bytes.is_empty() {
            return None;
        }
        let truncated = Some(Err(DecodeError::new("attribute", Reason::Truncated)));
        let Some((&[length_0, length_1, kind_0, kind_1], _)) = bytes.split_first_chunk() else {
            return truncated;
        };
        let length = usize::from(u16::from_ne_bytes([length_0, length_1]));
        let Some(value) = bytes.get(HEADER_LENGTH..length) else {
            return truncated;
        };
        // The last attribute may lack its padding.
        self.rest = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(Ok(Attribute {
            raw_kind: u16::from_ne_bytes([kind_0, kind_1]),
            value,
        }))
    }
}

/// Appends attributes to a message.
#[derive(Debug)]
pub(crate) struct Writer<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out }
    }

    /// Writes an attribute whose value `fill` appends; returns nothing, as all values of this crate are short.
    fn attribute(&mut self, kind: u16, fill: impl FnOnce(&mut Vec<u8>)) {
        let start = self.out.len();
        self.out.extend([0, 0]);
        self.out.extend(kind.to_ne_bytes());
        fill(self.out);
        let length = self.out.len().saturating_sub(start);
        let length_field = u16::try_from(length).unwrap_or(u16::MAX).to_ne_bytes();
        for (byte, value) in self.out.iter_mut().skip(start).zip(length_field) {
            *byte = value;
        }
        let padding = length.next_multiple_of(4).saturating_sub(length);
        self.out.extend(std::iter::repeat_n(0, padding));
    }

    pub(crate) fn bytes(&mut self, kind: u16, value: &[u8]) {
        self.attribute(kind, |out| out.extend(value));
    }

    /// Writes a string with the NUL that the kernel wants at its end.
    pub(crate) fn string(&mut self, kind: u16, value: &[u8]) {
        self.attribute(kind, |out| {
            out.extend(value);
            out.push(0);
        });
    }

    pub(crate) fn u8(&mut self, kind: u16, value: u8) {
        self.bytes(kind, &[value]);
    }

    pub(crate) fn u16(&mut self, kind: u16, value: u16) {
        self.bytes(kind, &value.to_ne_bytes());
    }

    pub(crate) fn u32(&mut self, kind: u16, value: u32) {
        self.bytes(kind, &value.to_ne_bytes());
    }

    pub(crate) fn be16(&mut self, kind: u16, value: u16) {
        self.bytes(kind, &value.to_be_bytes());
    }

    pub(crate) fn u32_pair(&mut self, kind: u16, first: u32, second: u32) {
        self.attribute(kind, |out| {
            out.extend(first.to_ne_bytes());
            out.extend(second.to_ne_bytes());
        });
    }

    /// Writes `union nf_inet_addr`.
    pub(crate) fn address(&mut self, kind: u16, address: IpAddr) {
        match address {
            IpAddr::V4(address) => self.attribute(kind, |out| {
                out.extend(address.octets());
                out.extend([0; 12]);
            }),
            IpAddr::V6(address) => self.bytes(kind, &address.octets()),
        }
    }

    pub(crate) fn nested(&mut self, kind: u16, fill: impl FnOnce(&mut Writer<'_>)) {
        self.attribute(kind | NLA_F_NESTED, |out| fill(&mut Writer { out }));
    }
}

/// Fails where an attribute that must be there was not.
pub(crate) fn required<T>(value: Option<T>, name: &'static str) -> Result<T, DecodeError> {
    value.ok_or_else(|| DecodeError::new(name, Reason::Missing))
}
