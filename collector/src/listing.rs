//! Listings for people: every container, every agent. Does not aggregate.

use std::{cmp::Reverse, collections::BTreeMap, net::IpAddr, time::Duration};

use serde::Serialize;

use crate::{
    agent::Agent,
    config::millis,
    core::Collector,
    extra::Extra,
    metric::Metric,
    reading::{Freshness, Reading},
    series::Series,
    uuid::ContainerUuid,
};

/// One container as its owner data source last described it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ContainerInfo {
    /// Which container; `None` when the agent does not say.
    pub uuid: Option<ContainerUuid>,
    /// Its name.
    pub name: String,
    /// Where the datagrams come from.
    pub source: IpAddr,
    /// The agent's own address; `None` for sFlow's unknown.
    pub agent: Option<IpAddr>,
    /// The sub-agent.
    pub sub_agent: u32,
    /// The data source as `class:index`.
    pub data_source: String,
    /// How current this is.
    pub freshness: Freshness,
    /// Time since the latest sample, milliseconds.
    pub age_ms: u64,
    /// Average time between samples, milliseconds.
    pub interval_ms: u32,
    /// Every container metric with a known value, by name.
    pub metrics: BTreeMap<&'static str, f64>,
}

/// How an agent's address relates to that of other live agents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Duplicate {
    /// No other live agent has this agent address and sub-agent.
    None,
    /// The same host (by its UUID) reaches us from another source as well; harmless.
    SameHost,
    /// Another host announces the same agent address and sub-agent: set `agent=` in its hsflowd.conf.
    OtherHost,
}

/// One agent and sub-agent.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AgentInfo {
    /// Where the datagrams come from.
    pub source: IpAddr,
    /// The source port of the latest datagram.
    pub source_port: u16,
    /// The agent's own address; `None` for sFlow's unknown.
    pub agent: Option<IpAddr>,
    /// The sub-agent.
    pub sub_agent: u32,
    /// The host's name, once its own sample came.
    pub hostname: Option<String>,
    /// The host's UUID.
    pub host_uuid: Option<ContainerUuid>,
    /// The host's processors.
    pub cpu_num: Option<u32>,
    /// Time since the agent started, milliseconds, over wraps.
    pub uptime_ms: u64,
    /// Datagrams received.
    pub datagrams: u64,
    /// Datagrams missing from the sequence (an estimate).
    pub datagrams_lost: u64,
    /// Restarts noticed.
    pub restarts: u64,
    /// Time since the latest datagram, milliseconds.
    pub age_ms: u64,
    /// Whether the latest datagram is younger than three intervals.
    pub live: bool,
    /// Polling interval learned from the host's samples, milliseconds.
    pub polling_ms: Option<u32>,
    /// Container data sources.
    pub data_sources: u32,
    /// Whether others announce the same address.
    pub duplicate: Duplicate,
    /// Told apart from another agent by source port only.
    pub split_by_port: bool,
    /// Every host metric with a known value, by name.
    pub metrics: BTreeMap<&'static str, f64>,
}

impl Collector {
    /// Every container known, newest first; of more than `limit` the newest.
    #[must_use]
    pub fn containers(&self, now: Duration, limit: usize) -> Vec<ContainerInfo> {
        let now_ms = millis(now);
        let mut all = Vec::new();
        for number in self.shard_numbers() {
            let Some(shard) = self.shard(number) else {
                continue;
            };
            let mut newest: Vec<_> = shard
                .readings
                .iter()
                .zip(&shard.series)
                .zip(&shard.extras)
                .filter(|((reading, _), _)| reading.is_visible())
                .collect();
            newest.sort_unstable_by_key(|((reading, series), _)| {
                (reading.age_ms(now_ms), &series.name, reading.uuid)
            });
            all.extend(
                newest
                    .into_iter()
                    .take(limit)
                    .filter_map(|((reading, series), extra)| {
                        let agent = shard.agents.get(series.agent as usize)?.as_ref()?;
                        let state = (reading, series, extra.as_deref());
                        Some(container(state, agent, now_ms))
                    }),
            );
            drop(shard);
            all.sort_by(|a, b| (a.age_ms, &a.name, a.uuid).cmp(&(b.age_ms, &b.name, b.uuid)));
            all.truncate(limit);
        }
        all
    }

    /// Every agent known, ordered by agent address, sub-agent and source.
    #[must_use]
    pub fn agents(&self, now: Duration) -> Vec<AgentInfo> {
        let now_ms = millis(now);
        let mut all = Vec::new();
        for number in self.shard_numbers() {
            let Some(shard) = self.shard(number) else {
                continue;
            };
            all.extend(
                shard
                    .agents
                    .iter()
                    .flatten()
                    .map(|agent| info(agent, now_ms, self.rules.polling_ms)),
            );
        }
        all.sort_by_key(|agent| {
            (
                agent.agent,
                agent.sub_agent,
                Reverse(agent.live),
                agent.source,
                agent.source_port,
            )
        });
        for group in all.chunk_by_mut(|a, b| (a.agent, a.sub_agent) == (b.agent, b.sub_agent)) {
            mark_duplicates(group);
        }
        all
    }
}

fn container(
    (reading, series, extra): (&Reading, &Series, Option<&Extra>),
    agent: &Agent,
    now_ms: u64,
) -> ContainerInfo {
    let metrics = Metric::ALL.into_iter().filter_map(|metric| {
        let value = extra
            .and_then(|extra| extra.metric(metric))
            .or_else(|| reading.metric(&series.rates, metric, None));
        Some((metric.name(), value?))
    });
    ContainerInfo {
        uuid: Some(reading.uuid).filter(|uuid| !uuid.is_unknown()),
        name: String::from_utf8_lossy(&series.name).into_owned(),
        source: agent.key.source,
        agent: agent.key.agent,
        sub_agent: agent.key.sub_agent,
        data_source: format!("{}:{}", series.class, series.index),
        freshness: reading.freshness(now_ms),
        age_ms: reading.age_ms(now_ms),
        interval_ms: reading.interval_ms,
        metrics: metrics.collect(),
    }
}

fn info(agent: &Agent, now_ms: u64, default_polling_ms: u32) -> AgentInfo {
    let host = agent.host.as_deref();
    let metric = |metric: Metric| Some((metric.name(), host?.metric(metric)?));
    AgentInfo {
        source: agent.key.source,
        source_port: agent.ports.current,
        agent: agent.key.agent,
        sub_agent: agent.key.sub_agent,
        hostname: host.map(|host| String::from_utf8_lossy(&host.name).into_owned()),
        host_uuid: host.map(|host| host.uuid).filter(|uuid| !uuid.is_unknown()),
        cpu_num: host.map(|host| host.cpu_num).filter(|cpus| *cpus > 0),
        uptime_ms: agent.clock.uptime_ms,
        datagrams: agent.clock.datagrams,
        datagrams_lost: agent.clock.lost,
        restarts: agent.clock.restarts,
        age_ms: now_ms.saturating_sub(agent.clock.seen_ms),
        live: agent.is_live(now_ms),
        polling_ms: host
            .map(|host| host.polling_ms())
            .filter(|polling| *polling > 0 && default_polling_ms > 0),
        data_sources: agent.data_sources,
        duplicate: Duplicate::None,
        split_by_port: agent.key.port != 0,
        metrics: Metric::ALL.into_iter().filter_map(metric).collect(),
    }
}

/// Marks the live agents of a group with the same agent address and sub-agent; live ones come first.
fn mark_duplicates(group: &mut [AgentInfo]) {
    let live = group.iter().filter(|agent| agent.live).count();
    let Some(live) = group.get_mut(..live).filter(|live| live.len() > 1) else {
        return;
    };
    let first = live.first().and_then(|agent| agent.host_uuid);
    let same = first.is_some() && live.iter().all(|agent| agent.host_uuid == first);
    for agent in live {
        agent.duplicate = if same {
            Duplicate::SameHost
        } else {
            Duplicate::OtherHost
        };
    }
}
