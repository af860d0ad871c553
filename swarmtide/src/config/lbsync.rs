//! `[lbsync]`: the balancer.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Span, VipRange, values::SourceUrl};

/// `[lbsync]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lbsync {
    /// Whether the table of virtual services is kept.
    pub enabled: bool,
    /// Time between two full comparisons.
    pub resync: Span,
    /// Ranges that VIPs may lie in, and in which every virtual service is ours; empty allows any VIP and owns what labels name.
    pub ranges: Vec<VipRange>,
    /// What the table is written to.
    pub data_plane: DataPlaneKind,
    /// Network namespace of IPVS, VIPs and probes: a name under `/run/netns`, or a path; that of the process when unset.
    pub netns: Option<String>,
    /// Sidecars whose backend sets are followed; empty goes by the Engine API.
    pub sources: Vec<SourceUrl>,
    /// File with the bearer token for them.
    pub source_token_file: Option<PathBuf>,
    /// Most listeners to the backend set at once.
    pub streams_max: usize,
    /// Who brings VIPs up.
    pub vips: Vips,
    /// Interface that VIPs are put on.
    pub interface: Option<String>,
    /// Longest time that connections of a destination without tasks are waited for.
    pub drain_max: Span,
    /// What is kept over a restart.
    pub state_file: Option<PathBuf>,
    /// Most destinations with series of their own.
    pub destination_series_max: usize,
}

impl Default for Lbsync {
    fn default() -> Self {
        Self {
            enabled: true,
            resync: Span::from_millis(30_000),
            ranges: Vec::new(),
            data_plane: DataPlaneKind::Memory,
            netns: None,
            sources: Vec::new(),
            source_token_file: None,
            streams_max: 64,
            vips: Vips::Leave,
            interface: None,
            drain_max: Span::from_millis(60_000),
            state_file: None,
            destination_series_max: 2000,
        }
    }
}

/// What the table is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DataPlaneKind {
    /// Memory: kept and shown, and nothing forwards by it.
    Memory,
    /// The kernel.
    Ipvs,
}

/// Who brings VIPs up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Vips {
    /// The operator, or whatever announces them.
    Leave,
    /// The balancer, on one interface.
    Manage,
}
