//! Counters and rates of services and destinations: `IPVS_STATS_ATTR_*`.

use super::attribute::Attributes;
use super::error::DecodeError;

/// What went through a service or a destination since it was made, or since [`Request::Zero`](super::Request::Zero).
///
/// The kernel adds up its processors' counters every two seconds; what happened since is not in here yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Connections scheduled.
    pub connections: u64,
    /// Packets from clients.
    pub packets_in: u64,
    /// Packets to clients; 0 where answers do not come through the balancer (direct routing, tunnel).
    pub packets_out: u64,
    /// Bytes from clients.
    pub bytes_in: u64,
    /// Bytes to clients.
    pub bytes_out: u64,
    /// Connections per second, as the kernel estimates it over some seconds.
    pub connection_rate: u64,
    /// Packets from clients per second.
    pub packet_rate_in: u64,
    /// Packets to clients per second.
    pub packet_rate_out: u64,
    /// Bytes from clients per second.
    pub byte_rate_in: u64,
    /// Bytes to clients per second.
    pub byte_rate_out: u64,
}

impl Stats {
    /// Reads counters of 32 and of 64 bits alike. One that is missing is 0, an unknown one is ignored.
    pub(crate) fn decode(attributes: Attributes<'_>) -> Result<Self, DecodeError> {
        let mut stats = Self::default();
        for attribute in attributes {
            let attribute = attribute?;
            let (field, name) = match attribute.kind() {
                1 => (&mut stats.connections, "IPVS_STATS_ATTR_CONNS"),
                2 => (&mut stats.packets_in, "IPVS_STATS_ATTR_INPKTS"),
                3 => (&mut stats.packets_out, "IPVS_STATS_ATTR_OUTPKTS"),
                4 => (&mut stats.bytes_in, "IPVS_STATS_ATTR_INBYTES"),
                5 => (&mut stats.bytes_out, "IPVS_STATS_ATTR_OUTBYTES"),
                6 => (&mut stats.connection_rate, "IPVS_STATS_ATTR_CPS"),
                7 => (&mut stats.packet_rate_in, "IPVS_STATS_ATTR_INPPS"),
                8 => (&mut stats.packet_rate_out, "IPVS_STATS_ATTR_OUTPPS"),
                9 => (&mut stats.byte_rate_in, "IPVS_STATS_ATTR_INBPS"),
                10 => (&mut stats.byte_rate_out, "IPVS_STATS_ATTR_OUTBPS"),
                // 11 pads what follows to eight bytes.
                _ => continue,
            };
            *field = attribute.counter(name)?;
        }
        Ok(stats)
    }
}
