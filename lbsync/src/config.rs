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

/// Scheduler flags of a virtual service, as `IP_VS_SVC_F_*` of linux/ip_vs.h number them; unknown bits are kept.
///
/// The bits for "persistent" (0x01), "hashed" (0x02) and "one-packet" (0x04) are not among them: the first and the last
/// have fields of their own in [`VirtualServiceConfig`], the second is the kernel's own business.
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
    /// `IP_VS_SVC_F_SCHED3`, ipvsadm's flag-3; no scheduler of the kernel's own uses it.
    pub const THIRD: Self = Self(0x20);

    /// Returns the flags of both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Persistence of a virtual service: a client's connections all go where its first one went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Persistence {
    /// Seconds after the last connection for which a client is remembered; at least 1.
    pub timeout_s: u32,
    /// Clients whose addresses agree in so many leading bits are taken for one: at most 32 for an IPv4 VIP, at most
    /// 128 for an IPv6 one.
    pub prefix_length: u8,
}

/// Configuration of a virtual service.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct VirtualServiceConfig {
    /// Who chooses the destination of a new connection.
    pub scheduler: Scheduler,
    /// Flags of the scheduler.
    pub flags: ServiceFlags,
    /// Whether a client is kept at its destination.
    pub persistence: Option<Persistence>,
    /// One-packet scheduling, for UDP: every datagram is scheduled by itself, and no connection is kept.
    pub one_packet: bool,
}

impl VirtualServiceConfig {
    /// A configuration with that scheduler and the flags it needs, and nothing else.
    #[must_use]
    pub fn new(scheduler: Scheduler) -> Self {
        let flags = scheduler.flags();
        Self {
            scheduler,
            flags,
            persistence: None,
            one_packet: false,
        }
    }
}

impl fmt::Display for VirtualServiceConfig {
    /// Writes `scheduler mh flags 0x18 persistent 300 s /32 one-packet`, leaving out what is not set.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "scheduler {}", self.scheduler)?;
        if self.flags != ServiceFlags::NONE {
            write!(f, " flags {:#x}", self.flags.0)?;
        }
        if let Some(kept) = self.persistence {
            write!(
                f,
                " persistent {} s /{}",
                kept.timeout_s, kept.prefix_length
            )?;
        }
        if self.one_packet {
            f.write_str(" one-packet")?;
        }
        Ok(())
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
    /// Another that a data plane lists, by the kernel's number for it; no label asks for one.
    Other(u8),
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
            Self::Other(_) => "other",
        }
    }

    /// True where a destination sees the packet as the client sent it, so that its port must be the VIP's.
    #[must_use]
    pub fn keeps_port(self) -> bool {
        matches!(self, Self::Droute | Self::Tunnel)
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

/// What carries the packets of a tunnel.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum TunnelKind {
    /// IP in IP, number 0.
    #[default]
    Ipip,
    /// Generic UDP encapsulation, number 1; it needs a port.
    Gue,
    /// Generic routing encapsulation, number 2.
    Gre,
    /// Another that a data plane has, by its number.
    Other(u8),
}

impl TunnelKind {
    /// All that a label may ask for.
    pub const NAMED: [Self; 3] = [Self::Ipip, Self::Gue, Self::Gre];

    /// Returns the name as labels write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ipip => "ipip",
            Self::Gue => "gue",
            Self::Gre => "gre",
            Self::Other(_) => "other",
        }
    }
}

/// Flags of a tunnel, as `IP_VS_TUNNEL_ENCAP_FLAG_*` of linux/ip_vs.h number them; unknown bits are kept.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct TunnelFlags(pub u16);

impl TunnelFlags {
    /// No checksum.
    pub const NONE: Self = Self(0);
    /// A checksum over the outer packet.
    pub const CHECKSUM: Self = Self(1);
    /// Remote checksum offload; GUE only.
    pub const REMOTE_CHECKSUM: Self = Self(2);
}

/// How a tunnel to a destination is built. A destination that is not tunnelled to has the default one.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Tunnel {
    /// What carries the packets.
    pub kind: TunnelKind,
    /// UDP port of the tunnel's end at the destination; 0 where the kind has no ports.
    pub port: u16,
    /// Flags.
    pub flags: TunnelFlags,
}

/// Bounds of a destination's connections. 0 is no bound.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Thresholds {
    /// With so many connections it gets no new ones.
    pub upper: u32,
    /// Below so many it gets new ones again; where it is 0 the kernel takes three quarters of `upper`.
    pub lower: u32,
}

/// Configuration of a destination.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct DestinationConfig {
    /// How packets get there.
    pub forward: ForwardingMethod,
    /// Share of new connections, relative to the others; 0 is quiesced: it keeps what it has and gets nothing new.
    pub weight: u32,
    /// How the tunnel is built, where packets get there through one; else the default.
    pub tunnel: Tunnel,
    /// Bounds of its connections.
    pub thresholds: Thresholds,
}

impl DestinationConfig {
    /// A configuration with that forwarding method and weight, and nothing else.
    #[must_use]
    pub fn new(forward: ForwardingMethod, weight: u32) -> Self {
        Self {
            forward,
            weight,
            ..Self::default()
        }
    }

    /// The same, quiesced.
    #[must_use]
    pub fn quiesced(self) -> Self {
        Self { weight: 0, ..self }
    }
}

impl fmt::Display for DestinationConfig {
    /// Writes `tunnel gue port 6080 flags 0x1 weight 1 thresholds 0..100`, leaving out what is not set.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.forward)?;
        let tunnel = self.tunnel;
        if self.forward == ForwardingMethod::Tunnel && tunnel != Tunnel::default() {
            write!(
                f,
                " {} port {} flags {:#x}",
                tunnel.kind.name(),
                tunnel.port,
                tunnel.flags.0
            )?;
        }
        write!(f, " weight {}", self.weight)?;
        if self.thresholds != Thresholds::default() {
            write!(
                f,
                " thresholds {}..{}",
                self.thresholds.lower, self.thresholds.upper
            )?;
        }
        Ok(())
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
