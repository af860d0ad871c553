//! How an entry of the table is to behave.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An IPVS scheduler.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Scheduler {
    /// Round robin; looks at no weight but 0.
    Rr,
    /// Weighted round robin.
    Wrr,
    /// Least connections.
    Lc,
    /// Weighted least connections.
    Wlc,
    /// Source hashing.
    Sh,
    /// Destination hashing.
    Dh,
    /// Shortest expected delay.
    Sed,
    /// Never queue.
    Nq,
    /// Maglev hashing.
    Mh,
    /// Locality-based least connections.
    Lblc,
    /// Locality-based least connections with replication.
    Lblcr,
    /// Weighted fail-over.
    Fo,
    /// Weighted overflow.
    Ovf,
    /// Another that a data plane has, by its own name; no label asks for one.
    Other(Box<str>),
}

impl Scheduler {
    /// All that a label may ask for.
    pub const NAMED: [Self; 13] = [
        Self::Rr,
        Self::Wrr,
        Self::Lc,
        Self::Wlc,
        Self::Sh,
        Self::Dh,
        Self::Sed,
        Self::Nq,
        Self::Mh,
        Self::Lblc,
        Self::Lblcr,
        Self::Fo,
        Self::Ovf,
    ];

    /// Returns the name as IPVS has it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Rr => "rr",
            Self::Wrr => "wrr",
            Self::Lc => "lc",
            Self::Wlc => "wlc",
            Self::Sh => "sh",
            Self::Dh => "dh",
            Self::Sed => "sed",
            Self::Nq => "nq",
            Self::Mh => "mh",
            Self::Lblc => "lblc",
            Self::Lblcr => "lblcr",
            Self::Fo => "fo",
            Self::Ovf => "ovf",
            Self::Other(name) => name,
        }
    }

    /// Reads a name as IPVS has it. Never fails.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        let named = Self::NAMED
            .into_iter()
            .find(|scheduler| scheduler.name() == name);
        named.unwrap_or_else(|| Self::Other(name.into()))
    }

    /// Returns the flags that a virtual service with this scheduler needs.
    ///
    /// Hashing schedulers need their fallback: without it a client whose hash falls on a destination of weight 0 is
    /// turned away for as long as that destination drains.
    #[must_use]
    pub fn flags(&self) -> ServiceFlags {
        match self {
            Self::Mh | Self::Sh => ServiceFlags::FALLBACK,
            _ => ServiceFlags::NONE,
        }
    }
}

impl Default for Scheduler {
    /// Weighted round robin. A replica that a scale-up has just added gets its share of new connections and no more;
    /// least connections, ipvsadm's default, would send it every new connection until it has caught up, cold as it is
    /// and just when the service is overloaded. Plain round robin would not see that a merged destination stands for
    /// several tasks.
    fn default() -> Self {
        Self::Wrr
    }
}

impl fmt::Display for Scheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Flags of a virtual service, as `IP_VS_SVC_F_*` of linux/ip_vs.h number them; unknown bits are kept.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct ServiceFlags(pub u32);

impl ServiceFlags {
    /// None.
    pub const NONE: Self = Self(0);
    /// `IP_VS_SVC_F_SCHED1`, which `mh` calls mh-fallback and `sh` sh-fallback: look for another destination where the
    /// hashed one has weight 0.
    pub const FALLBACK: Self = Self(0x08);
    /// `IP_VS_SVC_F_SCHED2`, which `mh` calls mh-port and `sh` sh-port: hash the port as well.
    pub const PORT: Self = Self(0x10);

    /// Returns the flags of both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Configuration of a virtual service.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct VirtualServiceConfig {
    /// Who chooses the destination of a new connection.
    pub scheduler: Scheduler,
    /// Flags.
    pub flags: ServiceFlags,
}

impl VirtualServiceConfig {
    /// A configuration with that scheduler and the flags it needs.
    #[must_use]
    pub fn new(scheduler: Scheduler) -> Self {
        let flags = scheduler.flags();
        Self { scheduler, flags }
    }
}

/// How packets get from the balancer to a destination.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ForwardingMethod {
    /// Masquerading: addresses and ports are rewritten, answers come back through the balancer.
    #[default]
    Masq,
    /// Direct routing: only the MAC address changes; the destination must have the VIP, and its port.
    Droute,
    /// Tunnelling: the packet travels in another one; the destination must have the VIP, and its port.
    Tunnel,
}

impl ForwardingMethod {
    /// All that a label may ask for.
    pub const ALL: [Self; 3] = [Self::Masq, Self::Droute, Self::Tunnel];

    /// Returns the name as labels write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Masq => "masq",
            Self::Droute => "droute",
            Self::Tunnel => "tunnel",
        }
    }

    /// True where a destination sees the packet as the client sent it, so that its port must be the VIP's.
    #[must_use]
    pub fn keeps_port(self) -> bool {
        !matches!(self, Self::Masq)
    }

    /// True where the destination may have an address of the other family.
    #[must_use]
    pub fn crosses_families(self) -> bool {
        matches!(self, Self::Tunnel)
    }
}

impl fmt::Display for ForwardingMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Configuration of a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DestinationConfig {
    /// How packets get there.
    pub forward: ForwardingMethod,
    /// Share of new connections, relative to the others; 0 is quiesced: it keeps what it has and gets nothing new.
    pub weight: u32,
}

impl DestinationConfig {
    /// The same, quiesced.
    #[must_use]
    pub fn quiesced(self) -> Self {
        Self { weight: 0, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways() {
        for scheduler in Scheduler::NAMED {
            assert_eq!(Scheduler::from_name(scheduler.name()), scheduler);
        }
        assert_eq!(Scheduler::from_name("twos").name(), "twos");
    }

    #[test]
    fn hashing_schedulers_fall_back() {
        let flags = |name| VirtualServiceConfig::new(Scheduler::from_name(name)).flags;
        assert_eq!(
            (flags("mh"), flags("wrr")),
            (ServiceFlags::FALLBACK, ServiceFlags::NONE)
        );
    }
}
