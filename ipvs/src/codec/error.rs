//! Why bytes could not be decoded.

use std::fmt;

use thiserror::Error;

/// A message could not be decoded. Small; its [`Reason`] serves as the label of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[error("{attribute}: {reason}")]
pub struct DecodeError {
    /// The attribute at fault, as linux/ip_vs.h calls it.
    pub attribute: &'static str,
    /// What is wrong with it.
    pub reason: Reason,
}

impl DecodeError {
    pub(crate) const fn new(attribute: &'static str, reason: Reason) -> Self {
        Self { attribute, reason }
    }
}

/// What is wrong with an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// It claims more bytes than are there, or fewer than its own header has.
    Truncated,
    /// It is not as long as its kind is.
    Length,
    /// It has to be there and is not.
    Missing,
    /// It names an address family other than IPv4 and IPv6.
    Family,
    /// It is a name that is too long, or has a NUL within.
    Name,
}

impl Reason {
    /// Returns a word for a metric's label.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::Length => "length",
            Self::Missing => "missing",
            Self::Family => "family",
            Self::Name => "name",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "truncated",
            Self::Length => "of the wrong length",
            Self::Missing => "missing",
            Self::Family => "unknown address family",
            Self::Name => "not a name of at most 15 bytes",
        })
    }
}
