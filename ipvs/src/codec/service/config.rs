//! How a virtual service behaves.

use std::fmt;
use std::net::Ipv4Addr;

use super::key::Family;
use crate::codec::attribute::Writer;
use crate::codec::name::Name;

pub(super) const SCHED_NAME: u16 = 6;
pub(super) const FLAGS: u16 = 7;
pub(super) const TIMEOUT: u16 = 8;
pub(super) const NETMASK: u16 = 9;
pub(super) const PE_NAME: u16 = 11;

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
    pub(super) const PERSISTENT: u32 = 0x01;

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
pub struct Netmask(pub(super) u32);

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

    pub(super) fn encode(&self, family: Family, out: &mut Writer<'_>) {
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
