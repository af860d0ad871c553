//! Destinations (real servers): `IPVS_DEST_ATTR_*`.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use super::attribute::{Attribute, Attributes, RawAttribute, Writer, required};
use super::error::DecodeError;
use super::service::Family;
use super::stats::Stats;

const ADDR: u16 = 1;
const PORT: u16 = 2;
const FWD_METHOD: u16 = 3;
const WEIGHT: u16 = 4;
const U_THRESH: u16 = 5;
const L_THRESH: u16 = 6;
const ACTIVE_CONNS: u16 = 7;
const INACT_CONNS: u16 = 8;
const PERSIST_CONNS: u16 = 9;
const STATS: u16 = 10;
const ADDR_FAMILY: u16 = 11;
const STATS64: u16 = 12;
const TUN_TYPE: u16 = 13;
const TUN_PORT: u16 = 14;
const TUN_FLAGS: u16 = 15;

/// What identifies a destination within its virtual service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DestinationKey {
    /// Address of the real server. Its family may differ from the service's for tunnels only.
    pub address: IpAddr,
    /// Its port; that of the service except for masquerading.
    pub port: u16,
}

impl DestinationKey {
    pub(crate) fn encode(&self, out: &mut Writer<'_>) {
        out.u16(ADDR_FAMILY, Family::of(self.address).number());
        out.address(ADDR, self.address);
        out.be16(PORT, self.port);
    }
}

impl From<SocketAddr> for DestinationKey {
    fn from(at: SocketAddr) -> Self {
        Self {
            address: at.ip(),
            port: at.port(),
        }
    }
}

impl fmt::Display for DestinationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SocketAddr::new(self.address, self.port).fmt(f)
    }
}

/// How packets are wrapped for a tunnel, `IP_VS_CONN_F_TUNNEL_TYPE_*`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TunnelType(pub u8);

impl TunnelType {
    /// IP in IP.
    pub const IPIP: Self = Self(0);
    /// Generic UDP encapsulation; needs a port.
    pub const GUE: Self = Self(1);
    /// Generic routing encapsulation.
    pub const GRE: Self = Self(2);
}

impl fmt::Display for TunnelType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::IPIP => f.write_str("ipip"),
            Self::GUE => f.write_str("gue"),
            Self::GRE => f.write_str("gre"),
            Self(number) => write!(f, "tunnel type {number}"),
        }
    }
}

/// Flags of a tunnel, `IP_VS_TUNNEL_ENCAP_FLAG_*`. Unknown bits are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TunnelFlags(pub u16);

impl TunnelFlags {
    /// No checksum.
    pub const NONE: Self = Self(0);
    /// Checksum of the outer header (GUE, GRE).
    pub const CHECKSUM: Self = Self(1);
    /// Remote checksum offload (GUE).
    pub const REMOTE_CHECKSUM: Self = Self(2);
}

/// A tunnel to a destination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tunnel {
    /// How packets are wrapped.
    pub kind: TunnelType,
    /// UDP port for [`TunnelType::GUE`]; 0 otherwise.
    pub port: u16,
    /// Flags.
    pub flags: TunnelFlags,
}

/// How packets get to a destination, `IP_VS_CONN_F_FWD_MASK`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Forwarding {
    /// Masquerading: the destination address is rewritten, and answers come back through the balancer.
    Masq,
    /// To this machine itself.
    Local,
    /// Wrapped in another packet.
    Tunnel(Tunnel),
    /// Direct routing: only the hardware address changes.
    DirectRoute,
    /// Past the balancer, for transparent caches.
    Bypass,
    /// Another, by its number, which is none of the above (0 to 4).
    Other(u32),
}

impl Forwarding {
    fn number(self) -> u32 {
        match self {
            Self::Masq => 0,
            Self::Local => 1,
            Self::Tunnel(_) => 2,
            Self::DirectRoute => 3,
            Self::Bypass => 4,
            Self::Other(number) => number,
        }
    }
}

/// How a destination behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DestinationConfig {
    /// How packets get there.
    pub forwarding: Forwarding,
    /// Its share of new connections; 0: none. More than `i32::MAX` is refused with `ERANGE`.
    pub weight: u32,
    /// With this many connections it gets no more; 0: no limit.
    pub upper_threshold: u32,
    /// Below this many connections it gets some again; 0: three quarters of the upper one.
    pub lower_threshold: u32,
}

impl DestinationConfig {
    /// A configuration without thresholds.
    #[must_use]
    pub const fn new(forwarding: Forwarding, weight: u32) -> Self {
        Self {
            forwarding,
            weight,
            upper_threshold: 0,
            lower_threshold: 0,
        }
    }

    fn encode(&self, out: &mut Writer<'_>) {
        out.u32(FWD_METHOD, self.forwarding.number());
        out.u32(WEIGHT, self.weight);
        if let Forwarding::Tunnel(tunnel) = self.forwarding {
            out.u8(TUN_TYPE, tunnel.kind.0);
            out.be16(TUN_PORT, tunnel.port);
            out.u16(TUN_FLAGS, tunnel.flags.0);
        }
        out.u32(U_THRESH, self.upper_threshold);
        out.u32(L_THRESH, self.lower_threshold);
    }
}

/// Connections of a destination at the moment of the listing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Connections {
    /// Established.
    pub active: u32,
    /// In any other state.
    pub inactive: u32,
    /// Templates of persistent clients.
    pub persistent: u32,
}

/// A destination as the kernel lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// Which.
    pub key: DestinationKey,
    /// How it behaves.
    pub config: DestinationConfig,
    /// What it has.
    pub connections: Connections,
    /// What went through it; 64-bit where the kernel has that (since Linux 4.1). `None` where it did not say.
    pub stats: Option<Stats>,
    /// Attributes that this crate does not know.
    pub unknown: Vec<RawAttribute>,
}

impl Destination {
    pub(crate) fn encode(key: &DestinationKey, config: &DestinationConfig, out: &mut Writer<'_>) {
        key.encode(out);
        config.encode(out);
    }

    /// Reads a destination; `family` is the one of its service, which kernels before 3.18 leave unsaid.
    pub(crate) fn decode(
        attributes: Attributes<'_>,
        family: Option<Family>,
    ) -> Result<Self, DecodeError> {
        Fields::read(attributes)?.into_destination(family)
    }
}

#[derive(Default)]
struct Fields<'a> {
    address: Option<Attribute<'a>>,
    port: Option<u16>,
    family: Option<Family>,
    forwarding: Option<u32>,
    weight: Option<u32>,
    upper_threshold: u32,
    lower_threshold: u32,
    tunnel: Tunnel,
    connections: Connections,
    stats: Option<Stats>,
    stats64: Option<Stats>,
    unknown: Vec<RawAttribute>,
}

impl<'a> Fields<'a> {
    fn read(attributes: Attributes<'a>) -> Result<Self, DecodeError> {
        let mut fields = Self::default();
        for attribute in attributes {
            fields.take(attribute?)?;
        }
        Ok(fields)
    }

    fn take(&mut self, attribute: Attribute<'a>) -> Result<(), DecodeError> {
        let (connections, tunnel) = (&mut self.connections, &mut self.tunnel);
        match attribute.kind() {
            ADDR => self.address = Some(attribute),
            PORT => self.port = Some(attribute.be16("IPVS_DEST_ATTR_PORT")?),
            FWD_METHOD => self.forwarding = Some(attribute.u32("IPVS_DEST_ATTR_FWD_METHOD")?),
            WEIGHT => self.weight = Some(attribute.u32("IPVS_DEST_ATTR_WEIGHT")?),
            U_THRESH => self.upper_threshold = attribute.u32("IPVS_DEST_ATTR_U_THRESH")?,
            L_THRESH => self.lower_threshold = attribute.u32("IPVS_DEST_ATTR_L_THRESH")?,
            ACTIVE_CONNS => connections.active = attribute.u32("IPVS_DEST_ATTR_ACTIVE_CONNS")?,
            INACT_CONNS => connections.inactive = attribute.u32("IPVS_DEST_ATTR_INACT_CONNS")?,
            PERSIST_CONNS => {
                connections.persistent = attribute.u32("IPVS_DEST_ATTR_PERSIST_CONNS")?;
            }
            STATS => self.stats = Some(Stats::decode(attribute.nested())?),
            ADDR_FAMILY => {
                self.family = Some(Family::decode(attribute, "IPVS_DEST_ATTR_ADDR_FAMILY")?);
            }
            STATS64 => self.stats64 = Some(Stats::decode(attribute.nested())?),
            TUN_TYPE => tunnel.kind = TunnelType(attribute.u8("IPVS_DEST_ATTR_TUN_TYPE")?),
            TUN_PORT => tunnel.port = attribute.be16("IPVS_DEST_ATTR_TUN_PORT")?,
            TUN_FLAGS => tunnel.flags = TunnelFlags(attribute.u16("IPVS_DEST_ATTR_TUN_FLAGS")?),
            _ => self.unknown.push(attribute.to_raw()),
        }
        Ok(())
    }

    fn key(&self, family: Option<Family>) -> Result<DestinationKey, DecodeError> {
        let family = required(self.family.or(family), "IPVS_DEST_ATTR_ADDR_FAMILY")?;
        let address = required(self.address, "IPVS_DEST_ATTR_ADDR")?;
        Ok(DestinationKey {
            address: address.address(family == Family::V6, "IPVS_DEST_ATTR_ADDR")?,
            port: required(self.port, "IPVS_DEST_ATTR_PORT")?,
        })
    }

    fn into_destination(self, family: Option<Family>) -> Result<Destination, DecodeError> {
        let forwarding = match required(self.forwarding, "IPVS_DEST_ATTR_FWD_METHOD")? {
            0 => Forwarding::Masq,
            1 => Forwarding::Local,
            2 => Forwarding::Tunnel(self.tunnel),
            3 => Forwarding::DirectRoute,
            4 => Forwarding::Bypass,
            other => Forwarding::Other(other),
        };
        Ok(Destination {
            key: self.key(family)?,
            config: DestinationConfig {
                forwarding,
                weight: required(self.weight, "IPVS_DEST_ATTR_WEIGHT")?,
                upper_threshold: self.upper_threshold,
                lower_threshold: self.lower_threshold,
            },
            connections: self.connections,
            stats: self.stats64.or(self.stats),
            unknown: self.unknown,
        })
    }
}
