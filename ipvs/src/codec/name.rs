//! Names as the kernel keeps them: at most fifteen bytes and a NUL.

use std::fmt;
use std::str::FromStr;

use super::error::{DecodeError, Reason};

/// Longest name in bytes: `IP_VS_SCHEDNAME_MAXLEN`, `IP_VS_PENAME_MAXLEN` and `IP_VS_IFNAME_MAXLEN` less the NUL.
pub const NAME_LENGTH_MAX: usize = 15;

/// A name of a scheduler, a persistence engine or an interface: up to 15 bytes, none of them NUL.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    /// Zeros after the name.
    bytes: [u8; NAME_LENGTH_MAX],
}

/// Bytes that are not a [`Name`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to 15 bytes and no NUL")]
pub struct NameError;

impl Name {
    /// Makes a name.
    ///
    /// # Errors
    ///
    /// Where it is empty, longer than 15 bytes, or has a NUL.
    pub const fn new(name: &[u8]) -> Result<Self, NameError> {
        let mut bytes = [0; NAME_LENGTH_MAX];
        let Some((target, _)) = bytes.split_at_mut_checked(name.len()) else {
            return Err(NameError);
        };
        target.copy_from_slice(name);
        let (mut rest, mut is_empty) = (name, true);
        while let Some((&byte, tail)) = rest.split_first() {
            if byte == 0 {
                return Err(NameError);
            }
            (rest, is_empty) = (tail, false);
        }
        if is_empty {
            return Err(NameError);
        }
        Ok(Self { bytes })
    }

    /// Makes a name that is known to be one; anything else becomes `?`.
    pub(crate) const fn known(name: &str) -> Self {
        match Self::new(name.as_bytes()) {
            Ok(name) => name,
            Err(_) => Self {
                bytes: [b'?', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            },
        }
    }

    /// Reads a name up to its NUL, or to the end where there is none.
    pub(crate) fn decode(value: &[u8], attribute: &'static str) -> Result<Self, DecodeError> {
        let name = value.split(|byte| *byte == 0).next().unwrap_or_default();
        Self::new(name).map_err(|_| DecodeError::new(attribute, Reason::Name))
    }

    /// Returns the bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes
            .split(|byte| *byte == 0)
            .next()
            .unwrap_or_default()
    }

    /// Returns the name as text, where it is text. Names of schedulers always are.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(self.as_bytes()).ok()
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        Self::new(name.as_bytes())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&String::from_utf8_lossy(self.as_bytes()))
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&String::from_utf8_lossy(self.as_bytes()), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_to_fifteen_bytes() {
        assert_eq!(Name::new(b"mh").unwrap().to_string(), "mh");
        assert_eq!(
            Name::new(b"123456789012345").unwrap().as_bytes().len(),
            NAME_LENGTH_MAX
        );
        for bad in [&b""[..], b"1234567890123456", b"a\0b", b"\0"] {
            assert_eq!(Name::new(bad), Err(NameError), "{bad:?}");
        }
    }

    #[test]
    fn names_are_read_up_to_the_nul() {
        assert_eq!(Name::decode(b"rr\0junk", "x").unwrap(), Name::known("rr"));
        assert_eq!(Name::decode(b"rr", "x").unwrap(), Name::known("rr"));
        assert!(Name::decode(b"\0", "x").is_err());
    }
}
