//! Why bytes could not be decoded, and where.

use std::fmt;

use crate::tag::Tag;

/// What was wrong; each kind has a fixed word for metric labels, see [`DecodeError::reason`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The datagram ends inside its header.
    TruncatedHeader,
    /// The datagram is of another version than 5.
    UnsupportedVersion(u32),
    /// An address has a type other than 0 (unknown), 1 (IPv4) or 2 (IPv6), so its length cannot be known.
    UnknownAddressType(u32),
    /// The datagram ends before the number of samples it announced.
    MissingSample,
    /// A sample's length points past the end of the datagram.
    SampleOverrun,
    /// A sample is shorter than the fields that come before its records.
    TruncatedSample,
    /// A sample ends before the number of records (or values) it announced.
    MissingRecord,
    /// A record's length points past the end of its sample.
    RecordOverrun,
    /// A string's or opaque's length points past the end of its record.
    StringOverrun,
    /// An array's count needs more bytes than its record has.
    ArrayOverrun,
    /// A value of an `rtmetric` or `rtflow` sample has a type that is not known, so its length cannot be known.
    UnknownValueType(u32),
}

impl ErrorKind {
    /// Returns the kind in one word of `[a-z_]`, for metric labels.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::TruncatedHeader => "truncated_header",
            Self::UnsupportedVersion(_) => "unsupported_version",
            Self::UnknownAddressType(_) => "unknown_address_type",
            Self::MissingSample => "missing_sample",
            Self::SampleOverrun => "sample_overrun",
            Self::TruncatedSample => "truncated_sample",
            Self::MissingRecord => "missing_record",
            Self::RecordOverrun => "record_overrun",
            Self::StringOverrun => "string_overrun",
            Self::ArrayOverrun => "array_overrun",
            Self::UnknownValueType(_) => "unknown_value_type",
        }
    }
}

/// A place in a datagram that could not be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeError {
    kind: ErrorKind,
    offset: u32,
    tag: Option<Tag>,
}

impl DecodeError {
    pub(crate) const fn new(kind: ErrorKind, offset: u32, tag: Option<Tag>) -> Self {
        Self { kind, offset, tag }
    }

    /// Returns what was wrong.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Returns how many bytes into the datagram the decoder was when it gave up.
    #[must_use]
    pub const fn offset(&self) -> u32 {
        self.offset
    }

    /// Returns the number of the sample or record that is bad, where one was read.
    #[must_use]
    pub const fn tag(&self) -> Option<Tag> {
        self.tag
    }

    /// Returns the kind in one word of `[a-z_]`, for metric labels.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        self.kind.reason()
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            ErrorKind::TruncatedHeader => f.write_str("the datagram ends inside its header")?,
            ErrorKind::UnsupportedVersion(version) => {
                write!(f, "version {version} is not supported, only 5 is")?
            }
            ErrorKind::UnknownAddressType(kind) => write!(f, "address type {kind} is not known")?,
            ErrorKind::MissingSample => {
                f.write_str("the datagram ends before the samples it announced")?
            }
            ErrorKind::SampleOverrun => {
                f.write_str("a sample's length points past the end of the datagram")?
            }
            ErrorKind::TruncatedSample => f.write_str("a sample is shorter than its own fields")?,
            ErrorKind::MissingRecord => {
                f.write_str("a sample ends before the records it announced")?
            }
            ErrorKind::RecordOverrun => {
                f.write_str("a record's length points past the end of its sample")?
            }
            ErrorKind::StringOverrun => {
                f.write_str("a string's length points past the end of its record")?
            }
            ErrorKind::ArrayOverrun => {
                f.write_str("an array's count needs more bytes than its record has")?
            }
            ErrorKind::UnknownValueType(kind) => write!(f, "value type {kind} is not known")?,
        }
        if let Some(tag) = self.tag {
            write!(f, " (in {tag})")?;
        }
        write!(f, " at byte {}", self.offset)
    }
}

impl std::error::Error for DecodeError {}
