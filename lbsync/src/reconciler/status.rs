//! What the reconciler shows to people and programs.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::vips::VipStatus;
use crate::backend::Generation;
use crate::config::{DestinationConfig, VirtualServiceConfig};
use crate::data_plane::Traffic;
use crate::desired::{Problem, TaskOrigin};
use crate::key::{Protocol, VirtualServiceKey};
use crate::prober::{Health, ProbeStats};

/// Counters since the start. They only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Passes begun.
    pub passes: u64,
    /// Listings that failed.
    pub list_failures: u64,
    /// Changes made, those that were so already included.
    pub changes_applied: u64,
    /// Changes that failed.
    pub changes_failed: u64,
    /// Changes that a pass put off: its limit was reached, or the entry waited for its retry.
    pub changes_deferred: u64,
    /// Entries that somebody else had changed, found and put right.
    pub drift_repaired: u64,
    /// Backend sets taken over.
    pub sets_complete: u64,
    /// Backend sets that might have been partial and changed nothing.
    pub sets_partial: u64,
    /// Times that the source had nothing to say.
    pub sets_absent: u64,
}

/// Where the desired table comes from at the moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum SourceStatus {
    /// There was none yet; nothing is changed.
    Waiting,
    /// The last set was complete.
    Current,
    /// The last set may have been partial; the table before it is kept.
    Partial {
        /// What may be missing.
        reason: String,
    },
    /// The source is away; the last table is kept.
    Away,
}

/// The state of the reconciler.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Where the desired table comes from.
    pub source: SourceStatus,
    /// Generation of the set that the desired table was made from.
    pub generation: Option<Generation>,
    /// Milliseconds since that set came.
    pub set_age_ms: Option<u64>,
    /// True if the data plane, when last listed, was as desired.
    pub in_sync: bool,
    /// Changes that the data plane lacked when last listed.
    pub changes_pending: usize,
    /// Milliseconds since the data plane was last listed.
    pub listed_age_ms: Option<u64>,
    /// The last failure to list, if the last listing failed.
    pub list_error: Option<String>,
    /// Destinations of all virtual services of ours, by what they are doing.
    pub counts: Counts,
    /// VIPs, and whether they should be announced.
    pub vips: Vec<VipStatus>,
    /// Entries that wait for a retry.
    pub retrying: usize,
    /// Virtual services, desired or ours.
    pub virtual_services: Vec<VirtualServiceStatus>,
    /// Virtual services of others, never touched.
    pub foreign: Vec<VirtualServiceKey>,
    /// What else the data plane holds and the table cannot express (firewall marks for the most part), never touched.
    pub inexpressible: Vec<String>,
    /// What could not be done, by service.
    pub problems: Vec<Problem>,
    /// Counters.
    pub stats: Stats,
    /// Counters of probes.
    pub probes: ProbeStats,
}

/// How many destinations of virtual services of ours are doing what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Virtual services, desired or on their way out.
    pub virtual_services: usize,
    /// They take connections at their full weight.
    pub serving: usize,
    /// They take connections, and their weight rises.
    pub warming_up: usize,
    /// Their probe fails, and they stay in for the floor's sake.
    pub held: usize,
    /// They are new, and wait for their probe to succeed.
    pub joining: usize,
    /// Their probe fails.
    pub down: usize,
    /// They keep their connections and get no new ones.
    pub draining: usize,
}

/// A virtual service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VirtualServiceStatus {
    /// The VIP.
    pub address: IpAddr,
    /// The port.
    pub port: u16,
    /// The protocol.
    pub protocol: Protocol,
    /// Name of the service behind it; `None` where it is on its way out.
    pub service: Option<String>,
    /// The desired scheduler, or the listed one where it is on its way out.
    pub scheduler: String,
    /// The desired configuration, or the listed one where it is on its way out.
    pub config: VirtualServiceConfig,
    /// How its destinations are probed, in words; `None` where they are not.
    pub probe: Option<String>,
    /// Destinations that are fit to serve.
    pub healthy: usize,
    /// Destinations that swarm says serve.
    pub swarm_serving: usize,
    /// Fewer of them are healthy than its floor.
    pub weak: bool,
    /// What it had so far.
    pub traffic: Traffic,
    /// True if it was as desired when last listed, destinations left out.
    pub in_sync: bool,
    /// The last failure, if it has not succeeded since.
    pub error: Option<String>,
    /// Milliseconds until the next try.
    pub retry_in_ms: Option<u64>,
    /// Its destinations.
    pub destinations: Vec<DestinationStatus>,
}

/// What a destination is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DestinationPhase {
    /// At least one task behind it serves, and it takes connections at its full weight.
    Serving,
    /// It takes connections, and its weight rises.
    WarmingUp,
    /// Its probe fails, and it stays in for the floor's sake.
    Held,
    /// It is new, and waits for its probe to succeed.
    Joining,
    /// Its probe fails: weight 0.
    Down,
    /// Its tasks still run and are to end: weight 0.
    Draining,
    /// Its tasks are gone, its connections not: weight 0 until they are or patience ends.
    Lingering,
    /// Not desired and not yet deleted.
    Leaving,
}

impl DestinationPhase {
    /// True if it takes new connections.
    #[must_use]
    pub fn takes_connections(self) -> bool {
        matches!(self, Self::Serving | Self::WarmingUp | Self::Held)
    }
}

/// A destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DestinationStatus {
    /// Its address.
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
    /// The weight that it is to have now.
    pub weight: u32,
    /// The weight with which it was last listed.
    pub listed_weight: Option<u32>,
    /// The forwarding method.
    pub forward: String,
    /// How it is to behave now, or how it was listed where it is on its way out.
    pub config: DestinationConfig,
    /// What it is doing.
    pub phase: DestinationPhase,
    /// Established connections when last listed.
    pub active_connections: u32,
    /// Other connections when last listed.
    pub inactive_connections: u32,
    /// Persistence templates when last listed.
    pub persistent_connections: u32,
    /// What it had so far.
    pub traffic: Traffic,
    /// What its probe says; `None` where it is not probed.
    pub health: Option<Health>,
    /// Milliseconds since this process first saw it.
    pub age_ms: u64,
    /// While it drains: milliseconds until it goes at the latest.
    pub drain_ends_in_ms: Option<u64>,
    /// While it warms up: milliseconds until it has its full weight.
    pub full_in_ms: Option<u64>,
    /// True if it was as desired when last listed.
    pub in_sync: bool,
    /// The tasks behind it.
    pub tasks: Vec<TaskOrigin>,
    /// The last failure, if it has not succeeded since.
    pub error: Option<String>,
    /// Milliseconds until the next try.
    pub retry_in_ms: Option<u64>,
}
