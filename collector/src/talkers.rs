//! Who talks to whom, from sampled packets: flows over a sliding window, scaled by each sample's own rate. Bounded: the
//! smallest flow makes room for a new one. Does not know services.

mod read;
mod table;

use std::{net::IpAddr, time::Duration};

pub(crate) use read::{Dropped, Place, flow};
pub(crate) use table::Table;

use crate::{config::millis, core::Collector, uuid::ContainerUuid};

/// One end of a flow, as exactly as a sample says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// A container that an agent named (`extended_entities`) and described.
    Container(ContainerUuid),
    /// The host of the agent whose datagrams come from this address.
    Host(IpAddr),
    /// An address of which no agent says whose it is.
    Address(IpAddr),
}

/// Packets of one direction between two ends, of one protocol and server's port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FlowKey {
    pub(crate) source: Endpoint,
    pub(crate) destination: Endpoint,
    pub(crate) protocol: u8,
    pub(crate) port: u16,
}

/// One sampled packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flow {
    pub(crate) key: FlowKey,
    /// Bytes of the frame as interfaces count them: without the check sequence.
    pub(crate) bytes: u32,
    /// How many packets this one stands for.
    pub(crate) rate: u32,
}

/// What was sampled of one flow within the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Talker {
    /// Who sends.
    pub source: Endpoint,
    /// Who receives.
    pub destination: Endpoint,
    /// IP protocol.
    pub protocol: u8,
    /// The server's port: the smaller of the two; 0 where the protocol has none.
    pub port: u16,
    /// Bytes sent, estimated: of each sample its packet's, times its rate.
    pub bytes: u64,
    /// Packets sent, estimated. What a network card was to cut up (TSO, GRO) is one.
    pub packets: u64,
    /// Samples that this rests on.
    pub samples: u64,
    /// Estimated variance of `bytes`.
    pub variance: u128,
}

/// All flows of the window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Talkers {
    /// Time that the sums are over: at most the window, less when sampling began lately.
    pub covered: Duration,
    /// Samples within it, those of flows that made room for others included.
    pub samples: u64,
    /// Agents that sent samples within it.
    pub agents: usize,
    /// The flows, in no order.
    pub flows: Vec<Talker>,
}

/// The window that talkers are judged by.
pub const WINDOW: Duration = Duration::from_secs(60);

/// The error of so many estimated bytes with that variance, percent, that 95 of 100 estimates do not exceed.
///
/// Of each sampled packet of `b` bytes, one in `r`, the variance has `r (r - 1) b^2` (Horvitz and Thompson): nothing where all are
/// sampled, and with packets of one size sFlow's 196 / sqrt(samples).
#[must_use]
pub fn error_percent(bytes: u64, variance: u128) -> f64 {
    196.0 * (variance as f64).sqrt() / (bytes.max(1) as f64)
}

impl Collector {
    /// All flows of the last [`WINDOW`].
    #[must_use]
    pub fn talkers(&self, now: Duration) -> Talkers {
        self.table().read(millis(now))
    }
}
