//! The metrics that a policy can act on, and one reading of each.
//!
//! How they are measured, joined to tasks and aged is the collector's business.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A per-replica metric that a policy can act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// CPU used, as a share of the container's CPU limit, or of its host's CPUs when it has none; 1.0 = all of it.
    CpuOfLimit,
    /// CPU used, in cores.
    CpuCores,
    /// Network traffic in plus out, in bytes per second.
    Bytes,
    /// Network traffic received, in bytes per second.
    BytesIn,
    /// Network traffic sent, in bytes per second.
    BytesOut,
    /// Packets in plus out, per second.
    Packets,
    /// New connections per second, as a load balancer counts them.
    Connections,
    /// Memory in use, as a share of the container's memory limit, or of its host's memory when it has none; 1.0 = all of it.
    MemoryOfLimit,
    /// Memory in use, in bytes.
    MemoryBytes,
}

impl Metric {
    /// Every metric, in the order in which they are read and shown.
    pub const ALL: [Self; 9] = [
        Self::CpuOfLimit,
        Self::CpuCores,
        Self::Bytes,
        Self::BytesIn,
        Self::BytesOut,
        Self::Packets,
        Self::Connections,
        Self::MemoryOfLimit,
        Self::MemoryBytes,
    ];

    /// The metric's name in records, label values and queries.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CpuOfLimit => "cpu_of_limit",
            Self::CpuCores => "cpu_cores",
            Self::Bytes => "bytes",
            Self::BytesIn => "bytes_in",
            Self::BytesOut => "bytes_out",
            Self::Packets => "packets",
            Self::Connections => "connections",
            Self::MemoryOfLimit => "memory_of_limit",
            Self::MemoryBytes => "memory_bytes",
        }
    }

    /// The value that a replica cannot exceed, whatever is asked of it; `None` when there is none or it is not known.
    #[must_use]
    pub const fn ceiling(self) -> Option<f64> {
        match self {
            Self::CpuOfLimit | Self::MemoryOfLimit => Some(1.0),
            Self::CpuCores
            | Self::Bytes
            | Self::BytesIn
            | Self::BytesOut
            | Self::Packets
            | Self::Connections
            | Self::MemoryBytes => None,
        }
    }
}

/// What telemetry says about one metric of one service: an average over its replicas, with its coverage and age.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MetricObservation {
    /// Average over the replicas that reported, in the metric's unit. Any value is accepted; what is not finite or is negative holds.
    pub average: f64,
    /// Containers with fresh counters.
    pub reporting: u32,
    /// Containers of which counters were asked for: those of the service's serving tasks.
    pub expected: u32,
    /// Age of the oldest counters in the average.
    pub oldest_age: Duration,
    /// How far back the average reaches: the age of the oldest counters and the interval that their rate is over.
    pub reach: Duration,
}

impl MetricObservation {
    /// The interval that the rate is over.
    #[must_use]
    pub const fn interval(&self) -> Duration {
        self.reach.saturating_sub(self.oldest_age)
    }
}

/// The readings of one service: at most one for each metric.
///
/// A metric that no container reported is absent, never zero.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Readings([Option<MetricObservation>; Metric::ALL.len()]);

impl Readings {
    /// Sets the reading of `metric`, replacing an earlier one.
    pub const fn insert(&mut self, metric: Metric, observation: MetricObservation) {
        self.0[metric as usize] = Some(observation);
    }

    /// The same readings with one more.
    #[must_use]
    pub const fn with(mut self, metric: Metric, observation: MetricObservation) -> Self {
        self.insert(metric, observation);
        self
    }

    /// The reading of `metric`, if any container reported it.
    #[must_use]
    pub const fn get(&self, metric: Metric) -> Option<MetricObservation> {
        self.0[metric as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_metric_has_a_place_of_its_own() {
        for (place, metric) in Metric::ALL.into_iter().enumerate() {
            assert_eq!(place, metric as usize);
        }
    }
}
