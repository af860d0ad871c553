//! What a sample is about: data sources and interfaces, in their compact and their expanded encoding.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::code_point::DataSourceClass;
use crate::wire;

/// An sFlow data source: one interface, host, container or application of an agent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DataSource {
    /// What kind of thing the index counts.
    pub class: DataSourceClass,
    /// The number within the class; hsflowd uses 2:1 for the host and 3:100000 to 3:149999 for containers.
    pub index: u32,
}

impl DataSource {
    /// Makes a data source.
    #[must_use]
    pub const fn new(class: DataSourceClass, index: u32) -> Self {
        Self { class, index }
    }

    /// Makes a data source of class 0, an interface.
    #[must_use]
    pub const fn interface(if_index: u32) -> Self {
        Self::new(DataSourceClass::IF_INDEX, if_index)
    }

    /// Makes a data source of class 2, a physical entity; hsflowd's host is number 1.
    #[must_use]
    pub const fn physical(index: u32) -> Self {
        Self::new(DataSourceClass::PHYSICAL_ENTITY, index)
    }

    /// Makes a data source of class 3, a logical entity such as a container.
    #[must_use]
    pub const fn logical(index: u32) -> Self {
        Self::new(DataSourceClass::LOGICAL_ENTITY, index)
    }

    pub(crate) const fn from_compact(word: u32) -> Self {
        Self::new(DataSourceClass(word >> 24), word & 0x00ff_ffff)
    }

    /// Returns the compact encoding, or `None` where class or index are too large for it.
    pub(crate) const fn to_compact(self) -> Option<u32> {
        if self.class.0 < 1 << 8 && self.index < 1 << 24 {
            Some((self.class.0 << 24) | self.index)
        } else {
            None
        }
    }
}

impl fmt::Display for DataSource {
    /// Writes `class:index`, for example `3:101001`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.class.0, self.index)
    }
}

impl fmt::Debug for DataSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for DataSource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

wire::fixed_value!(
    DataSource,
    8,
    Self::new(DataSourceClass(0), 0),
    |bytes| Self {
        class: DataSourceClass(u32::at(&bytes, 0)),
        index: u32::at(&bytes, 4)
    },
    |value| {
        let [a, b, c, d] = value.class.0.to_be_bytes();
        let [e, f, g, h] = value.index.to_be_bytes();
        [a, b, c, d, e, f, g, h]
    }
);

/// Where a sampled packet came in or went out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interface {
    /// 0: the value is an ifIndex, 1: the packet was discarded for the reason in the value, 2: it went to as many interfaces.
    pub format: u32,
    /// Meaning depends on the format; ifIndex 0 is unknown, 0x3fffffff is the device itself.
    pub value: u32,
}

impl Interface {
    /// The device itself: traffic that starts or ends there.
    pub const INTERNAL: Self = Self {
        format: 0,
        value: 0x3fff_ffff,
    };

    /// Makes an interface of its ifIndex.
    #[must_use]
    pub const fn index(if_index: u32) -> Self {
        Self {
            format: 0,
            value: if_index,
        }
    }

    pub(crate) const fn from_compact(word: u32) -> Self {
        Self {
            format: word >> 30,
            value: word & 0x3fff_ffff,
        }
    }

    /// Returns the compact encoding, or `None` where format or value are too large for it.
    pub(crate) const fn to_compact(self) -> Option<u32> {
        if self.format < 1 << 2 && self.value < 1 << 30 {
            Some((self.format << 30) | self.value)
        } else {
            None
        }
    }
}

impl fmt::Display for Interface {
    /// Writes the ifIndex alone, or `format:value` for the other formats.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.format {
            0 => write!(f, "{}", self.value),
            format => write!(f, "{format}:{}", self.value),
        }
    }
}

impl Serialize for Interface {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.format {
            0 => serializer.serialize_u32(self.value),
            _ => serializer.collect_str(self),
        }
    }
}

wire::fixed_value!(
    Interface,
    8,
    Self::index(0),
    |bytes| Self {
        format: u32::at(&bytes, 0),
        value: u32::at(&bytes, 4)
    },
    |value| {
        let [a, b, c, d] = value.format.to_be_bytes();
        let [e, f, g, h] = value.value.to_be_bytes();
        [a, b, c, d, e, f, g, h]
    }
);
