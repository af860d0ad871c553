//! Connection-sync daemons: `IPVS_DAEMON_ATTR_*`.

use std::fmt;
use std::net::IpAddr;

use super::attribute::{Attributes, RawAttribute, Writer, required};
use super::error::DecodeError;
use super::name::Name;

const STATE: u16 = 1;
const MCAST_IFN: u16 = 2;
const SYNC_ID: u16 = 3;
const SYNC_MAXLEN: u16 = 4;
const MCAST_GROUP: u16 = 5;
const MCAST_GROUP6: u16 = 6;
const MCAST_PORT: u16 = 7;
const MCAST_TTL: u16 = 8;

/// Which of the two daemons, `IP_VS_STATE_*`. A namespace may have one of each.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DaemonState(pub u32);

impl DaemonState {
    /// Sends connections.
    pub const MASTER: Self = Self(1);
    /// Receives connections.
    pub const BACKUP: Self = Self(2);
}

impl fmt::Display for DaemonState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::MASTER => f.write_str("master"),
            Self::BACKUP => f.write_str("backup"),
            Self(number) => write!(f, "daemon {number}"),
        }
    }
}

impl fmt::Debug for DaemonState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A connection-sync daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Daemon {
    /// Which of the two.
    pub state: DaemonState,
    /// The interface that it talks over.
    pub interface: Name,
    /// Tells groups of balancers on one network apart: 0 to 255; 0 for a backup takes all.
    pub sync_id: u32,
    /// Longest UDP payload in bytes; `None`: from the interface's MTU.
    pub length_max: Option<u16>,
    /// Multicast group; `None`: 224.0.0.81.
    pub group: Option<IpAddr>,
    /// UDP port; `None`: 8848.
    pub port: Option<u16>,
    /// Time to live; `None`: 1.
    pub ttl: Option<u8>,
    /// Attributes that this crate does not know; not sent.
    pub unknown: Vec<RawAttribute>,
}

impl Daemon {
    /// A daemon with the kernel's defaults.
    #[must_use]
    pub const fn new(state: DaemonState, interface: Name, sync_id: u32) -> Self {
        Self {
            state,
            interface,
            sync_id,
            length_max: None,
            group: None,
            port: None,
            ttl: None,
            unknown: Vec::new(),
        }
    }

    pub(crate) fn encode(&self, out: &mut Writer<'_>) {
        Self::encode_state(self.state, out);
        out.string(MCAST_IFN, self.interface.as_bytes());
        out.u32(SYNC_ID, self.sync_id);
        if let Some(length) = self.length_max {
            out.u16(SYNC_MAXLEN, length);
        }
        match self.group {
            Some(IpAddr::V4(group)) => out.bytes(MCAST_GROUP, &group.octets()),
            Some(IpAddr::V6(group)) => out.bytes(MCAST_GROUP6, &group.octets()),
            None => {}
        }
        // Unlike the ports of services, this one is in the machine's byte order.
        if let Some(port) = self.port {
            out.u16(MCAST_PORT, port);
        }
        if let Some(ttl) = self.ttl {
            out.u8(MCAST_TTL, ttl);
        }
    }

    pub(crate) fn encode_state(state: DaemonState, out: &mut Writer<'_>) {
        out.u32(STATE, state.0);
    }

    pub(crate) fn decode(attributes: Attributes<'_>) -> Result<Self, DecodeError> {
        let (mut state, mut interface, mut sync_id) = (None, None, None);
        let (mut length_max, mut group, mut port, mut ttl) = (None, None, None, None);
        let mut unknown = Vec::new();
        for attribute in attributes {
            let attribute = attribute?;
            match attribute.kind() {
                STATE => state = Some(attribute.u32("IPVS_DAEMON_ATTR_STATE")?),
                MCAST_IFN => {
                    interface = Some(Name::decode(attribute.value, "IPVS_DAEMON_ATTR_MCAST_IFN")?);
                }
                SYNC_ID => sync_id = Some(attribute.u32("IPVS_DAEMON_ATTR_SYNC_ID")?),
                SYNC_MAXLEN => length_max = Some(attribute.u16("IPVS_DAEMON_ATTR_SYNC_MAXLEN")?),
                MCAST_GROUP => {
                    group = Some(attribute.ipv4("IPVS_DAEMON_ATTR_MCAST_GROUP")?.into());
                }
                MCAST_GROUP6 => {
                    group = Some(attribute.ipv6("IPVS_DAEMON_ATTR_MCAST_GROUP6")?.into());
                }
                MCAST_PORT => port = Some(attribute.u16("IPVS_DAEMON_ATTR_MCAST_PORT")?),
                MCAST_TTL => ttl = Some(attribute.u8("IPVS_DAEMON_ATTR_MCAST_TTL")?),
                _ => unknown.push(attribute.to_raw()),
            }
        }
        Ok(Self {
            state: DaemonState(required(state, "IPVS_DAEMON_ATTR_STATE")?),
            interface: required(interface, "IPVS_DAEMON_ATTR_MCAST_IFN")?,
            sync_id: required(sync_id, "IPVS_DAEMON_ATTR_SYNC_ID")?,
            length_max,
            group,
            port,
            ttl,
            unknown,
        })
    }
}
