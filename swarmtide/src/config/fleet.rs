//! The sections about all services together: room, and what is told to people.

use serde::{Deserialize, Serialize};

/// `[capacity]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CapacityConfig {
    /// Whether the nodes' CPU and memory limit what services are scaled to, by their reservations.
    pub nodes: bool,
    /// Share of all CPU and memory that is kept free, in per cent.
    pub headroom_percent: u8,
    /// Most replicas of all services together.
    pub replicas: Option<u64>,
}

impl Default for CapacityConfig {
    fn default() -> Self {
        Self {
            nodes: true,
            headroom_percent: 0,
            replicas: None,
        }
    }
}
