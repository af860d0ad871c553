//! Settings and facts of IPVS as a whole: `IPVS_CMD_ATTR_TIMEOUT_*` and `IPVS_INFO_ATTR_*`.

use std::fmt;

use super::attribute::{Attribute, RawAttribute, Writer, required};
use super::error::DecodeError;

pub(super) const TIMEOUT_TCP: u16 = 4;
pub(super) const TIMEOUT_TCP_FIN: u16 = 5;
pub(super) const TIMEOUT_UDP: u16 = 6;

const VERSION: u16 = 1;
const CONN_TAB_SIZE: u16 = 2;

/// After how many seconds without a packet a connection is forgotten. In a request `None` and 0 leave it as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// Established TCP connections.
    pub tcp: Option<u32>,
    /// TCP connections after a FIN.
    pub tcp_fin: Option<u32>,
    /// UDP.
    pub udp: Option<u32>,
}

impl Timeouts {
    pub(super) fn encode(&self, out: &mut Writer<'_>) {
        let all = [
            (TIMEOUT_TCP, self.tcp),
            (TIMEOUT_TCP_FIN, self.tcp_fin),
            (TIMEOUT_UDP, self.udp),
        ];
        for (kind, seconds) in all {
            if let Some(seconds) = seconds {
                out.u32(kind, seconds);
            }
        }
    }

    /// Takes the attribute if it is one of these.
    pub(super) fn take(&mut self, attribute: Attribute<'_>) -> Result<bool, DecodeError> {
        let (field, name) = match attribute.kind() {
            TIMEOUT_TCP => (&mut self.tcp, "IPVS_CMD_ATTR_TIMEOUT_TCP"),
            TIMEOUT_TCP_FIN => (&mut self.tcp_fin, "IPVS_CMD_ATTR_TIMEOUT_TCP_FIN"),
            TIMEOUT_UDP => (&mut self.udp, "IPVS_CMD_ATTR_TIMEOUT_UDP"),
            _ => return Ok(false),
        };
        *field = Some(attribute.u32(name)?);
        Ok(true)
    }
}

/// Version of IPVS, not of the kernel.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [_, major, minor, patch] = self.0.to_be_bytes();
        write!(f, "{major}.{minor}.{patch}")
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// Version of IPVS.
    pub version: Version,
    /// Number of buckets of the connection table.
    pub connection_table_size: u32,
    /// Attributes that this crate does not know.
    pub unknown: Vec<RawAttribute>,
}

impl Info {
    pub(super) fn decode<'a>(
        attributes: impl Iterator<Item = Result<Attribute<'a>, DecodeError>>,
    ) -> Result<Self, DecodeError> {
        let (mut version, mut size, mut unknown) = (None, None, Vec::new());
        for attribute in attributes {
            let attribute = attribute?;
            match attribute.kind() {
                VERSION => version = Some(attribute.u32("IPVS_INFO_ATTR_VERSION")?),
                CONN_TAB_SIZE => size = Some(attribute.u32("IPVS_INFO_ATTR_CONN_TAB_SIZE")?),
                _ => unknown.push(attribute.to_raw()),
            }
        }
        Ok(Self {
            version: Version(required(version, "IPVS_INFO_ATTR_VERSION")?),
            connection_table_size: required(size, "IPVS_INFO_ATTR_CONN_TAB_SIZE")?,
            unknown,
        })
    }
}
