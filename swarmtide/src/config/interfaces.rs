//! The sections about what others read: series of containers, and sFlow-RT's switch.

use serde::{Deserialize, Serialize};

/// `[metrics]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetricsConfig {
    /// Whether `/metrics` has series for every container.
    pub containers: bool,
    /// Most containers that have them.
    pub containers_max: usize,
}

impl Default for MetricsConfig {
    fn default() -> Self {
        Self {
            containers: false,
            containers_max: 10_000,
        }
    }
}

/// `[sflow_rt]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SflowRtConfig {
    /// Whether `GET /script/elb.js/json?state=…` switches scaling.
    pub toggle: bool,
}
