//! Byte strings of the wire: text, opaque bytes and UUIDs.

use std::borrow::Cow;
use std::fmt;

use serde::{Serialize, Serializer};

use crate::error::ErrorKind;
use crate::wire::{self, Input, Value};

/// A `string<>`: bytes that should be UTF-8 and need not be.
///
/// Never cut: the specification's limits (`hostname<64>`) are exceeded by real agents.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Text<'a>(&'a [u8]);

impl<'a> Text<'a> {
    /// Makes a text of bytes.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes as they were on the wire.
    #[must_use]
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// Returns the text, or `None` where it is not UTF-8.
    #[must_use]
    pub fn to_str(self) -> Option<&'a str> {
        std::str::from_utf8(self.0).ok()
    }

    /// Returns the text with U+FFFD for what is not UTF-8; allocates only then.
    #[must_use]
    pub fn to_str_lossy(self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.0)
    }

    /// Tells whether there are no bytes, which sFlow uses for "unknown".
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self(text.as_bytes())
    }
}

impl<'a> From<&'a [u8]> for Text<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }
}

impl PartialEq<str> for Text<'_> {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for Text<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            f.write_str(chunk.valid())?;
            if !chunk.invalid().is_empty() {
                f.write_str("\u{fffd}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'a> Value<'a> for Text<'a> {
    const MIN_SIZE: usize = 4;
    const FIXED: bool = false;

    #[inline(always)]
    fn read(input: &mut Input<'a>) -> Result<Self, ErrorKind> {
        input.opaque().map(Self).ok_or(ErrorKind::StringOverrun)
    }

    fn write(self, out: &mut Vec<u8>) {
        wire::put_opaque(out, self.0);
    }

    fn unknown() -> Self {
        Self(&[])
    }
}

/// An `opaque<>`: bytes without a meaning here, written as lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Opaque<'a>(&'a [u8]);

impl<'a> Opaque<'a> {
    /// Makes an opaque of bytes.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes as they were on the wire.
    #[must_use]
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0
    }
}

impl<'a> From<&'a [u8]> for Opaque<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Opaque<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Opaque<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{self}")
    }
}

impl Serialize for Opaque<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'a> Value<'a> for Opaque<'a> {
    const MIN_SIZE: usize = 4;
    const FIXED: bool = false;

    #[inline(always)]
    fn read(input: &mut Input<'a>) -> Result<Self, ErrorKind> {
        input.opaque().map(Self).ok_or(ErrorKind::StringOverrun)
    }

    fn write(self, out: &mut Vec<u8>) {
        wire::put_opaque(out, self.0);
    }

    fn unknown() -> Self {
        Self(&[])
    }
}

/// The 16 bytes of `host_descr.uuid`; all zero where unknown.
///
/// For a container of hsflowd these are the first 16 bytes of the container's ID.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Uuid(pub [u8; 16]);

impl Uuid {
    /// Tells whether all bytes are zero.
    #[must_use]
    pub fn is_unknown(self) -> bool {
        self.0 == [0; 16]
    }
}

impl fmt::Display for Uuid {
    /// Writes lower-case digits in groups of 8-4-4-4-12, as RFC 9562 and sflowtool do.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Uuid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

wire::fixed_value!(Uuid, 16, Self([0; 16]), |bytes| Self(bytes), |value| value
    .0);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_shows_what_is_not_utf8_as_replacement() {
        let text = Text::new(b"web\xff.1");
        assert_eq!(text.to_string(), "web\u{fffd}.1");
        assert_eq!(text.to_str(), None);
        assert_eq!(text.to_str_lossy(), "web\u{fffd}.1");
        assert_eq!(Text::from("apache.1"), "apache.1");
    }

    #[test]
    fn uuid_has_dashes() {
        let uuid = Uuid([
            0x78, 0x74, 0x92, 0xf0, 0x0c, 0x45, 0x49, 0x58, 0x74, 0x83, 0x2d, 0xd4, 0x8a, 0x8d,
            0x2b, 0x0b,
        ]);
        assert_eq!(uuid.to_string(), "787492f0-0c45-4958-7483-2dd48a8d2b0b");
    }
}
