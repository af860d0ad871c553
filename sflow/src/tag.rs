//! The number that names a structure on the wire.

use std::fmt;

/// `data_format` of sFlow 5: enterprise number in the upper 20 bits, format number in the lower 12.
///
/// Samples, counter records and flow records each have their own number space.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(u32);

impl Tag {
    /// Makes a tag; the enterprise is cut to 20 bits and the format to 12.
    #[must_use]
    pub const fn new(enterprise: u32, format: u32) -> Self {
        Self((enterprise << 12) | (format & 0xfff))
    }

    /// Takes the 32-bit word of the wire.
    #[must_use]
    pub const fn from_wire(word: u32) -> Self {
        Self(word)
    }

    /// Returns the 32-bit word of the wire.
    #[must_use]
    pub const fn to_wire(self) -> u32 {
        self.0
    }

    /// Returns the SMI private enterprise number; 0 is sFlow.org's own.
    #[must_use]
    pub const fn enterprise(self) -> u32 {
        self.0 >> 12
    }

    /// Returns the structure's number within the enterprise, 0 to 4095.
    #[must_use]
    pub const fn format(self) -> u32 {
        self.0 & 0xfff
    }
}

impl fmt::Display for Tag {
    /// Writes `enterprise:format`, for example `0:2101` or `4300:1002`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.enterprise(), self.format())
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for Tag {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_the_word_in_20_and_12_bits() {
        let tag = Tag::new(4300, 1002);
        assert_eq!(tag.to_string(), "4300:1002");
        assert_eq!(Tag::from_wire(tag.to_wire()), tag);
        assert_eq!((tag.enterprise(), tag.format()), (4300, 1002));
        assert_eq!(Tag::from_wire(u32::MAX).to_string(), "1048575:4095");
    }
}
