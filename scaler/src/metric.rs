//! The metrics that a policy can have marks for, and one reading of each.
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
}

impl Metric {
    /// Every metric, in the order in which they are read and shown.
    pub const ALL: [Self; 3] = [Self::CpuOfLimit, Self::CpuCores, Self::Bytes];

    /// The metric's name in records, label values and queries.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CpuOfLimit => "cpu_of_limit",
            Self::CpuCores => "cpu_cores",
            Self::Bytes => "bytes",
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

/// The readings of one service: at most one for each metric.
///
/// A metric that no container reported is absent, never zero.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Readings {
    cpu_of_limit: Option<MetricObservation>,
    cpu_cores: Option<MetricObservation>,
    bytes: Option<MetricObservation>,
}

impl Readings {
    /// Sets the reading of `metric`, replacing an earlier one.
    pub const fn insert(&mut self, metric: Metric, observation: MetricObservation) {
        let place = match metric {
            Metric::CpuOfLimit => &mut self.cpu_of_limit,
            Metric::CpuCores => &mut self.cpu_cores,
            Metric::Bytes => &mut self.bytes,
        };
        *place = Some(observation);
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
        match metric {
            Metric::CpuOfLimit => self.cpu_of_limit,
            Metric::CpuCores => self.cpu_cores,
            Metric::Bytes => self.bytes,
        }
    }
}
