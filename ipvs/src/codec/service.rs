//! Virtual services: `IPVS_SVC_ATTR_*`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;

use super::attribute::{Attribute, Attributes, RawAttribute, Writer, required};
use super::error::{DecodeError, Reason};
use super::name::Name;
use super::stats::Stats;

const AF: u16 = 1;
const PROTOCOL: u16 = 2;
const ADDR: u16 = 3;
const PORT: u16 = 4;
const FWMARK: u16 = 5;
const SCHED_NAME: u16 = 6;
const FLAGS: u16 = 7;
const TIMEOUT: u16 = 8;
const NETMASK: u16 = 9;
const STATS: u16 = 10;
const PE_NAME: u16 = 11;
const STATS64: u16 = 12;

const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;

/// Address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Returns the family of an address.
    #[must_use]
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }

    pub(crate) const fn number(self) -> u16 {
        match self {
            Self::V4 => AF_INET,
            Self::V6 => AF_INET6,
        }
    }

    pub(crate) fn decode(
        attribute: Attribute<'_>,
        name: &'static str,
    ) -> Result<Self, DecodeError> {
        match attribute.u16(name)? {
            AF_INET => Ok(Self::V4),
            AF_INET6 => Ok(Self::V6),
            _ => Err(DecodeError::new(name, Reason::Family)),
        }
    }
}

/// An IP protocol number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Protocol(pub u16);

impl Protocol {
    /// TCP.
    pub const TCP: Self = Self(6);
    /// UDP.
    pub const UDP: Self = Self(17);
    /// SCTP.
    pub const SCTP: Self = Self(132);
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::TCP => f.write_str("tcp"),
            Self::UDP => f.write_str("udp"),
            Self::SCTP => f.write_str("sctp"),
            Self(number) => write!(f, "protocol {number}"),
        }
    }
}

impl fmt::Debug for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What identifies a virtual service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServiceKey {
    /// Packets to an address and port.
    Address {
        /// Transport protocol.
        protocol: Protocol,
        /// The virtual IP address.
        address: IpAddr,
        /// The port; 0 is every port, for persistent services.
        port: u16,
    },
    /// Packets with a firewall mark.
    Fwmark {
        /// The mark.
        mark: NonZeroU32,
        /// The family of the packets.
        family: Family,
    },
}

impl ServiceKey {
    /// A TCP service.
    #[must_use]
    pub const fn tcp(at: SocketAddr) -> Self {
        Self::at(Protocol::TCP, at)
    }

    /// A UDP service.
    #[must_use]
    pub const fn udp(at: SocketAddr) -> Self {
        Self::at(Protocol::UDP, at)
    }

    /// A service at an address and port.
    #[must_use]
    pub const fn at(protocol: Protocol, at: SocketAddr) -> Self {
        Self::Address {
            protocol,
            address: at.ip(),
            port: at.port(),
        }
    }

    /// Returns the address family.
    #[must_use]
    pub const fn family(&self) -> Family {
        match self {
            Self::Address { address, .. } => Family::of(*address),
            Self::Fwmark { family, .. } => *family,
        }
    }

    pub(crate) fn encode(&self, out: &mut Writer<'_>) {
        out.u16(AF, self.family().number());
        match *self {
            Self::Address {
                protocol,
                address,
                port,
            } => {
                out.u16(PROTOCOL, protocol.0);
                out.address(ADDR, address);
                out.be16(PORT, port);
            }
            Self::Fwmark { mark, .. } => out.u32(FWMARK, mark.get()),
        }
    }
}

impl fmt::Display for ServiceKey {
    /// Writes `tcp 10.30.0.1:80`, `udp [2001:db8::1]:53`, `fwmark 256` or `fwmark 256 (IPv6)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Address {
                protocol,
                address,
                port,
            } => write!(f, "{protocol} {}", SocketAddr::new(address, port)),
            Self::Fwmark {
                mark,
                family: Family::V4,
            } => write!(f, "fwmark {mark}"),
            Self::Fwmark { mark, .. } => write!(f, "fwmark {mark} (IPv6)"),
        }
    }
}

/// A scheduler by its name in the kernel. Unknown ones are fine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scheduler(pub Name);

impl Scheduler {
    /// Round robin.
    pub const RR: Self = Self(Name::known("rr"));
    /// Weighted round robin.
    pub const WRR: Self = Self(Name::known("wrr"));
    /// Least connections.
    pub const LC: Self = Self(Name::known("lc"));
    /// Weighted least connections.
    pub const WLC: Self = Self(Name::known("wlc"));
    /// Source hashing.
    pub const SH: Self = Self(Name::known("sh"));
    /// Destination hashing.
    pub const DH: Self = Self(Name::known("dh"));
    /// Shortest expected delay.
    pub const SED: Self = Self(Name::known("sed"));
    /// Never queue.
    pub const NQ: Self = Self(Name::known("nq"));
    /// Maglev hashing.
    pub const MH: Self = Self(Name::known("mh"));
    /// Locality-based least connections.
    pub const LBLC: Self = Self(Name::known("lblc"));
    /// Locality-based least connections with replication.
    pub const LBLCR: Self = Self(Name::known("lblcr"));
    /// Weighted fail-over.
    pub const FO: Self = Self(Name::known("fo"));
    /// Weighted overflow.
    pub const OVF: Self = Self(Name::known("ovf"));
    /// Power of two choices.
    pub const TWOS: Self = Self(Name::known("twos"));
    /// What the kernel calls a service that has no scheduler.
    pub const NONE: Self = Self(Name::known("none"));
}

impl fmt::Display for Scheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Flags of a virtual service, `IP_VS_SVC_F_*`, without the one for persistence, which [`Persistence`] stands for.
/// Unknown bits are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceFlags(u32);

impl ServiceFlags {
    const PERSISTENT: u32 = 0x01;

    /// None.
    pub const NONE: Self = Self(0);
    /// The service is in the kernel's hash table; the kernel sets this on every service that it lists.
    pub const HASHED: Self = Self(0x02);
    /// One-packet scheduling: every datagram is scheduled on its own.
    pub const ONE_PACKET: Self = Self(0x04);
    /// The scheduler's first flag: fallback for `sh` and `mh`.
    pub const SCHEDULER_1: Self = Self(0x08);
    /// The scheduler's second flag: port for `sh` and `mh`.
    pub const SCHEDULER_2: Self = Self(0x10);
    /// The scheduler's third flag.
    pub const SCHEDULER_3: Self = Self(0x20);
    /// `sh-fallback`, `mh-fallback`: look for another destination where the hashed one has weight 0.
    pub const FALLBACK: Self = Self::SCHEDULER_1;
    /// `sh-port`, `mh-port`: hash the client's port as well.
    pub const PORT: Self = Self::SCHEDULER_2;

    /// Makes flags of bits; the bit for persistence is dropped.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits & !Self::PERSISTENT)
    }

    /// Returns the bits.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Returns the flags of both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns those of `self` that are not in `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// True if all of `other` are in `self`.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// Which part of a client's address counts for persistence: a netmask for IPv4, the length of a prefix for IPv6.
///
/// Kept as the kernel keeps it, in one number for both.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Netmask(u32);

impl Netmask {
    /// The whole address.
    #[must_use]
    pub const fn host(family: Family) -> Self {
        match family {
            Family::V4 => Self::mask(Ipv4Addr::BROADCAST),
            Family::V6 => Self(128),
        }
    }

    /// An IPv4 mask, which may be any.
    #[must_use]
    pub const fn mask(mask: Ipv4Addr) -> Self {
        Self(u32::from_ne_bytes(mask.octets()))
    }

    /// A prefix: `length` is taken for 32, or 128, where it is more.
    #[must_use]
    pub fn prefix(family: Family, length: u8) -> Self {
        match family {
            Family::V4 => {
                let host_bits = 32_u32.saturating_sub(u32::from(length));
                let mask = u32::MAX.checked_shl(host_bits).unwrap_or(0);
                Self::mask(Ipv4Addr::from_bits(mask))
            }
            Family::V6 => Self(u32::from(length.min(128))),
        }
    }

    /// Returns it as an IPv4 mask.
    #[must_use]
    pub const fn to_mask(self) -> Ipv4Addr {
        let [a, b, c, d] = self.0.to_ne_bytes();
        Ipv4Addr::new(a, b, c, d)
    }

    /// Returns the length of the prefix, where it is one.
    #[must_use]
    pub fn prefix_length(self, family: Family) -> Option<u8> {
        let length = match family {
            Family::V4 => self.to_mask().to_bits().leading_ones(),
            Family::V6 => self.0,
        };
        let length = u8::try_from(length).ok()?;
        (Self::prefix(family, length) == self).then_some(length)
    }
}

impl fmt::Debug for Netmask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            length @ 0..=128 => write!(f, "/{length}"),
            _ => self.to_mask().fmt(f),
        }
    }
}

/// Connections of one client go to one destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Persistence {
    /// How long after its last connection a client is remembered, in seconds; at least 1, at most 31 days.
    pub timeout: u32,
    /// What of the client's address counts.
    pub netmask: Netmask,
}

/// How a virtual service behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceConfig {
    /// Who chooses the destination of a new connection.
    pub scheduler: Scheduler,
    /// Flags.
    pub flags: ServiceFlags,
    /// Persistence, if any.
    pub persistence: Option<Persistence>,
    /// Persistence engine: `sip`.
    pub persistence_engine: Option<Name>,
}

impl ServiceConfig {
    /// A configuration with nothing but a scheduler.
    #[must_use]
    pub const fn new(scheduler: Scheduler) -> Self {
        Self {
            scheduler,
            flags: ServiceFlags::NONE,
            persistence: None,
            persistence_engine: None,
        }
    }

    fn encode(&self, family: Family, out: &mut Writer<'_>) {
        let (persistent, timeout, netmask) = match self.persistence {
            Some(persistence) => (
                ServiceFlags::PERSISTENT,
                persistence.timeout,
                persistence.netmask,
            ),
            None => (0, 0, Netmask::host(family)),
        };
        out.string(SCHED_NAME, self.scheduler.0.as_bytes());
        if let Some(engine) = &self.persistence_engine {
            out.string(PE_NAME, engine.as_bytes());
        }
        // The second number says which of the flags count.
        out.u32_pair(FLAGS, self.flags.bits() | persistent, u32::MAX);
        out.u32(TIMEOUT, timeout);
        out.u32(NETMASK, netmask.0);
    }
}

/// A virtual service as the kernel lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Which.
    pub key: ServiceKey,
    /// How it behaves. The kernel adds [`ServiceFlags::HASHED`].
    pub config: ServiceConfig,
    /// What went through it; 64-bit where the kernel has that (since Linux 4.1). `None` where it did not say.
    pub stats: Option<Stats>,
    /// Attributes that this crate does not know.
    pub unknown: Vec<RawAttribute>,
}

impl Service {
    pub(crate) fn encode(key: &ServiceKey, config: &ServiceConfig, out: &mut Writer<'_>) {
        key.encode(out);
        config.encode(key.family(), out);
    }

    pub(crate) fn decode(attributes: Attributes<'_>) -> Result<Self, DecodeError> {
        Fields::read(attributes)?.into_service()
    }
}

#[derive(Default)]
struct Fields<'a> {
    family: Option<Family>,
    protocol: Option<u16>,
    address: Option<Attribute<'a>>,
    port: Option<u16>,
    mark: Option<u32>,
    scheduler: Option<Name>,
    flags: Option<u32>,
    timeout: Option<u32>,
    netmask: Option<u32>,
    engine: Option<Name>,
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
        match attribute.kind() {
            AF => self.family = Some(Family::decode(attribute, "IPVS_SVC_ATTR_AF")?),
            PROTOCOL => self.protocol = Some(attribute.u16("IPVS_SVC_ATTR_PROTOCOL")?),
            ADDR => self.address = Some(attribute),
            PORT => self.port = Some(attribute.be16("IPVS_SVC_ATTR_PORT")?),
            FWMARK => self.mark = Some(attribute.u32("IPVS_SVC_ATTR_FWMARK")?),
            SCHED_NAME => {
                self.scheduler = Some(Name::decode(attribute.value, "IPVS_SVC_ATTR_SCHED_NAME")?);
            }
            FLAGS => self.flags = Some(attribute.u32_pair("IPVS_SVC_ATTR_FLAGS")?.0),
            TIMEOUT => self.timeout = Some(attribute.u32("IPVS_SVC_ATTR_TIMEOUT")?),
            NETMASK => self.netmask = Some(attribute.u32("IPVS_SVC_ATTR_NETMASK")?),
            STATS => self.stats = Some(Stats::decode(attribute.nested())?),
            PE_NAME => {
                self.engine = Some(Name::decode(attribute.value, "IPVS_SVC_ATTR_PE_NAME")?);
            }
            STATS64 => self.stats64 = Some(Stats::decode(attribute.nested())?),
            _ => self.unknown.push(attribute.to_raw()),
        }
        Ok(())
    }

    fn key(&self) -> Result<ServiceKey, DecodeError> {
        let family = required(self.family, "IPVS_SVC_ATTR_AF")?;
        if let Some(mark) = self.mark.and_then(NonZeroU32::new) {
            return Ok(ServiceKey::Fwmark { mark, family });
        }
        let address = required(self.address, "IPVS_SVC_ATTR_ADDR")?;
        Ok(ServiceKey::Address {
            protocol: Protocol(required(self.protocol, "IPVS_SVC_ATTR_PROTOCOL")?),
            address: address.address(family == Family::V6, "IPVS_SVC_ATTR_ADDR")?,
            port: required(self.port, "IPVS_SVC_ATTR_PORT")?,
        })
    }

    fn into_service(self) -> Result<Service, DecodeError> {
        let key = self.key()?;
        let flags = required(self.flags, "IPVS_SVC_ATTR_FLAGS")?;
        let persistence = (flags & ServiceFlags::PERSISTENT != 0).then(|| Persistence {
            timeout: self.timeout.unwrap_or(0),
            netmask: self
                .netmask
                .map_or_else(|| Netmask::host(key.family()), Netmask),
        });
        Ok(Service {
            key,
            config: ServiceConfig {
                scheduler: Scheduler(required(self.scheduler, "IPVS_SVC_ATTR_SCHED_NAME")?),
                flags: ServiceFlags::from_bits(flags),
                persistence,
                persistence_engine: self.engine,
            },
            stats: self.stats64.or(self.stats),
            unknown: self.unknown,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn netmasks_and_prefixes_are_the_same_thing() {
        let mask = Netmask::prefix(Family::V4, 24);
        assert_eq!(mask, Netmask::mask("255.255.255.0".parse().unwrap()));
        assert_eq!(mask.prefix_length(Family::V4), Some(24));
        let length = |family, length| Netmask::prefix(family, length).prefix_length(family);
        for (family, bits) in [(Family::V4, 32), (Family::V6, 128)] {
            for n in 0..=bits {
                assert_eq!(length(family, n), Some(n));
            }
            assert_eq!(length(family, 200), Some(bits));
            assert_eq!(Netmask::host(family), Netmask::prefix(family, bits));
        }
        let odd = Netmask::mask("255.0.255.0".parse().unwrap());
        assert_eq!(odd.prefix_length(Family::V4), None);
        assert_eq!(odd.to_mask().to_string(), "255.0.255.0");
    }
}
