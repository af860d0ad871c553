//! What one replica should carry of one metric.

use serde::Serialize;

use super::{MARK_LIMIT, PolicyError};
use crate::metric::Metric;

/// Highest share of a limit that an average can be held at: closer to the limit, load cannot be told from overload.
pub const SHARE_MAX: f64 = 0.9;

/// How the value of a target is meant.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Aim {
    /// The average over the replicas is held there; the distance to what a replica can do at most is the operator's headroom.
    Average,
    /// The most that one replica carries; the policy finds the headroom that the service's own load asks for.
    Capacity,
}

impl Aim {
    /// The aim's name in records and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Average => "average",
            Self::Capacity => "capacity",
        }
    }
}

/// One metric's target, in the metric's unit per replica: `0 < value <=` [`MARK_LIMIT`], a share of a limit at most [`SHARE_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Target {
    metric: Metric,
    aim: Aim,
    value: f64,
}

impl Target {
    /// Checks and keeps a target.
    ///
    /// # Errors
    /// [`PolicyError::TargetOutOfRange`], [`PolicyError::TargetAtLimit`], [`PolicyError::CapacityUnknown`].
    pub fn new(metric: Metric, aim: Aim, value: f64) -> Result<Self, PolicyError> {
        if !(value > 0.0 && value <= MARK_LIMIT) {
            return Err(PolicyError::TargetOutOfRange);
        }
        if metric
            .ceiling()
            .is_some_and(|limit| value > limit * SHARE_MAX)
        {
            return Err(PolicyError::TargetAtLimit);
        }
        let carried = matches!(
            metric,
            Metric::Bytes
                | Metric::BytesIn
                | Metric::BytesOut
                | Metric::Packets
                | Metric::Connections
        );
        if aim == Aim::Capacity && !carried {
            return Err(PolicyError::CapacityUnknown);
        }
        Ok(Self { metric, aim, value })
    }

    /// The metric.
    #[must_use]
    pub const fn metric(self) -> Metric {
        self.metric
    }

    /// How the value is meant.
    #[must_use]
    pub const fn aim(self) -> Aim {
        self.aim
    }

    /// The value, in the metric's unit per replica.
    #[must_use]
    pub const fn value(self) -> f64 {
        self.value
    }
}
