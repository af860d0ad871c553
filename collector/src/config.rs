//! What the collector can be told: limits, ageing and plausibility. Does not read files or the environment.

use std::time::Duration;

use crate::networks::AllowList;

/// Settings of a [`Collector`](crate::Collector); `Default` suits a swarm of up to 1,000 nodes.
#[derive(Clone, Debug)]
pub struct Config {
    /// Source networks datagrams are accepted from; empty accepts all.
    pub allow: AllowList,
    /// The agents' polling interval, used until the observed one is known.
    pub polling: Duration,
    /// The shortest time without a sample after which a data source may be called stale.
    pub stale_floor: Duration,
    /// The longest time without a sample during which a data source may be called fresh.
    pub stale_ceiling: Duration,
    /// After this long without a sample an agent or data source is forgotten.
    pub gone_after: Duration,
    /// After this long an ended container is forgotten. Longer than the 120 s after which hsflowd finds a live container again.
    pub ended_retention: Duration,
    /// The most samples of one data source that may be lost (plus one) for a rate still to be computed over the gap.
    pub max_sequence_gap: u32,
    /// Intervals of agent uptime shorter than this yield no rate.
    pub min_interval: Duration,
    /// Host processors assumed in plausibility checks until the host's own sample is known.
    pub assumed_host_cpus: u32,
    /// The most agents (source, agent address and sub-agent) remembered.
    pub max_agents: usize,
    /// The most container data sources remembered, over all agents.
    pub max_data_sources: usize,
    /// The most container data sources remembered of one agent.
    pub max_data_sources_per_agent: usize,
    /// Names are cut to this many bytes.
    pub max_name_bytes: usize,
    /// The most flows kept of sampled packets.
    pub max_talkers: usize,
    /// Independent parts the state is divided into, each behind its own lock; rounded up to a power of two, 1 to 256.
    pub shards: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            allow: AllowList::default(),
            polling: Duration::from_secs(10),
            stale_floor: Duration::from_secs(3),
            stale_ceiling: Duration::from_secs(300),
            gone_after: Duration::from_secs(600),
            ended_retention: Duration::from_secs(180),
            max_sequence_gap: 7,
            min_interval: Duration::from_millis(500),
            assumed_host_cpus: 1024,
            max_agents: 10_000,
            max_data_sources: 1_000_000,
            max_data_sources_per_agent: 50_000,
            max_name_bytes: 255,
            max_talkers: 10_000,
            shards: 16,
        }
    }
}

/// A duration as whole milliseconds, the unit of all state in this crate.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// [`millis`] for the durations of a configuration, cut to 49 days.
pub(crate) fn millis_u32(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

/// The settings that the per-sample code reads, in its own units.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) polling_ms: u32,
    pub(crate) stale_floor_ms: u32,
    pub(crate) stale_ceiling_ms: u32,
    pub(crate) gone_after_ms: u64,
    pub(crate) ended_retention_ms: u64,
    pub(crate) max_sequence_gap: u32,
    pub(crate) min_interval_ms: u64,
    pub(crate) assumed_host_cpus: u32,
    pub(crate) max_agents: usize,
    pub(crate) max_data_sources: usize,
    pub(crate) max_data_sources_per_agent: usize,
    pub(crate) max_name_bytes: usize,
}

impl Rules {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            polling_ms: millis_u32(config.polling).max(1),
            stale_floor_ms: millis_u32(config.stale_floor),
            stale_ceiling_ms: millis_u32(config.stale_ceiling).max(millis_u32(config.stale_floor)),
            gone_after_ms: millis(config.gone_after),
            ended_retention_ms: millis(config.ended_retention),
            max_sequence_gap: config.max_sequence_gap.max(1),
            min_interval_ms: millis(config.min_interval).max(1),
            assumed_host_cpus: config.assumed_host_cpus.max(1),
            max_agents: config.max_agents,
            max_data_sources: config.max_data_sources,
            max_data_sources_per_agent: config.max_data_sources_per_agent,
            max_name_bytes: config.max_name_bytes,
        }
    }

    /// How long a data source may be silent and still be fresh: 3 × the longer of its own observed interval and the polling interval.
    pub(crate) fn stale_after_ms(&self, interval_ms: u32, polling_ms: u32) -> u32 {
        let longest = interval_ms.max(polling_ms).saturating_mul(3);
        longest.clamp(self.stale_floor_ms, self.stale_ceiling_ms)
    }
}
