//! One part of the collector's state, behind one lock: agents and data sources of some sources. Slabs with small keys,
//! so that 100,000 containers stay dense in memory and known data sources cost no allocation.

mod flow;

use std::net::SocketAddr;

use foldhash::fast::RandomState;
use hashbrown::{HashSet, HashTable};
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::{
    agent::{Agent, AgentKey, Header, Position},
    cache,
    config::Rules,
    extra::{Extra, ExtraSample},
    extract::{ContainerSample, HostSample, RunState},
    host::Host,
    reading::{Reading, Status},
    series::{Moment, Series, ewma},
    stats::Stats,
    uuid::ContainerUuid,
};

pub(crate) use flow::Flows;

/// Numbers of agents and data sources over all shards, for the limits.
#[derive(Debug, Default)]
pub(crate) struct Occupancy {
    pub(crate) agents: AtomicUsize,
    pub(crate) data_sources: AtomicUsize,
}

impl Occupancy {
    fn reserve(count: &AtomicUsize, limit: usize) -> bool {
        count
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
                (count < limit).then_some(count + 1)
            })
            .is_ok()
    }
}

/// What a shard asks of the index of containers once its lock is free again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// The data source in this slot saw this container and does not own it.
    Claim { uuid: ContainerUuid, slot: u32 },
    /// The data source that was in this slot no longer speaks for this container.
    Release { uuid: ContainerUuid, slot: u32 },
    /// An agent appeared.
    AgentAdded(AgentKey),
    /// An agent was forgotten.
    AgentRemoved(AgentKey),
}

/// Agents and data sources of a share of the source addresses.
#[derive(Debug, Default)]
pub(crate) struct Shard {
    pub(crate) agents: Vec<Option<Agent>>,
    free_agents: Vec<u32>,
    agent_slots: HashTable<u32>,
    /// Agents (with port 0) that are told apart by source port.
    split: HashSet<AgentKey, RandomState>,
    pub(crate) readings: Vec<Reading>,
    pub(crate) series: Vec<Series>,
    /// As many as there are series.
    pub(crate) extras: Vec<Option<Box<Extra>>>,
    free: Vec<u32>,
    slots: HashTable<u32>,
    hasher: RandomState,
    pub(crate) stats: Stats,
    pub(crate) requests: Vec<Request>,
    pub(crate) flows: Flows,
}

/// An agent's slot and the moment of one of its datagrams.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub(crate) agent: u32,
    pub(crate) moment: Moment,
}

impl Shard {
    /// Finds or makes the agent of a datagram and places the datagram in its life; `None` when the datagram is to be ignored.
    pub(crate) fn arrive(
        &mut self,
        source: SocketAddr,
        header: &Header,
        now_ms: u64,
        (rules, occupancy): (&Rules, &Occupancy),
    ) -> Option<Arrival> {
        let mut key = AgentKey {
            source: source.ip(),
            agent: header.agent,
            sub_agent: header.sub_agent,
            port: 0,
        };
        if !self.split.is_empty() && self.split.contains(&key) {
            key.port = source.port();
        }
        let mut slot = self.agent_slot(key, source, (rules, occupancy))?;
        let expected = self.agent_mut(slot)?.expected;
        self.prefetch(expected);
        if key.port == 0
            && self.agent_mut(slot)?.ports.note(source.port())
            && self.split.len() < rules.max_agents
        {
            self.split.insert(key);
            self.stats.agents_split += 1;
            self.remove_agent(slot, occupancy);
            key.port = source.port();
            slot = self.agent_slot(key, source, (rules, occupancy))?;
        }
        let Self { agents, stats, .. } = self;
        let agent = agents.get_mut(slot as usize)?.as_mut()?;
        match agent
            .clock
            .advance(header.sequence, header.uptime_ms, now_ms, stats)
        {
            Position::Duplicate => None,
            Position::At {
                uptime_ms,
                run,
                late,
            } => {
                let polling_ms = agent.polling_ms(rules);
                agent.stale_after_ms = rules.stale_after_ms(agent.interval_ms, polling_ms);
                let interval_ms = if agent.interval_ms == 0 {
                    polling_ms
                } else {
                    agent.interval_ms
                };
                let host_cpus = agent.host_cpus();
                let moment = Moment {
                    now_ms,
                    uptime_ms,
                    run,
                    late,
                    host_cpus,
                    polling_ms,
                    interval_ms,
                };
                Some(Arrival {
                    agent: slot,
                    moment,
                })
            }
        }
    }

    fn agent_mut(&mut self, slot: u32) -> Option<&mut Agent> {
        self.agents.get_mut(slot as usize)?.as_mut()
    }

    fn agent_slot(
        &mut self,
        key: AgentKey,
        source: SocketAddr,
        (rules, occupancy): (&Rules, &Occupancy),
    ) -> Option<u32> {
        let hash = self.hasher.hash_one(key);
        if let Some(slot) = self.agent_slots.find(hash, |slot| {
            let agent = self.agents.get(*slot as usize);
            agent.inspect(|agent| cache::prefetch(*agent));
            key_of(agent) == Some(&key)
        }) {
            return Some(*slot);
        }
        if !Occupancy::reserve(&occupancy.agents, rules.max_agents) {
            self.stats.agents_refused += 1;
            return None;
        }
        let slot = match self.free_agents.pop() {
            Some(slot) => slot,
            None => {
                self.agents.push(None);
                u32::try_from(self.agents.len() - 1).ok()?
            }
        };
        *self.agents.get_mut(slot as usize)? = Some(Agent::new(key, source));
        let (agents, hasher) = (&self.agents, &self.hasher);
        self.agent_slots.insert_unique(hash, slot, |slot| {
            key_of(agents.get(*slot as usize)).map_or(0, |key| hasher.hash_one(key))
        });
        self.requests.push(Request::AgentAdded(key));
        Some(slot)
    }

    /// Takes in a host's sample.
    pub(crate) fn host_sample(
        &mut self,
        arrival: &mut Arrival,
        sample: &HostSample<'_>,
        rules: &Rules,
    ) {
        self.stats.host_samples += 1;
        let Self { agents, stats, .. } = self;
        let Some(agent) = agents
            .get_mut(arrival.agent as usize)
            .and_then(Option::as_mut)
        else {
            return;
        };
        let host = agent.host.get_or_insert_with(|| Box::new(Host::new()));
        host.apply(sample, &arrival.moment, rules, stats);
        arrival.moment.host_cpus = host.cpu_num;
    }

    /// Takes in a container's sample of data source (class, index). Allocates only for a new data source or name.
    pub(crate) fn container_sample(
        &mut self,
        arrival: &Arrival,
        (class, index): (u32, u32),
        sample: &ContainerSample<'_>,
        (rules, occupancy): (&Rules, &Occupancy),
    ) {
        self.stats.container_samples += 1;
        let Some(slot) = self.slot(arrival.agent, class, index).or_else(|| {
            // An end of what was never known needs no slot.
            let known = sample.state != RunState::Ended;
            if known {
                self.insert(arrival.agent, (class, index), (rules, occupancy))
            } else {
                None
            }
        }) else {
            return;
        };
        let Self {
            readings,
            series,
            stats,
            requests,
            agents,
            extras,
            ..
        } = self;
        let (Some(reading), Some(series), Some(extra)) = (
            readings.get_mut(slot as usize),
            series.get_mut(slot as usize),
            extras.get_mut(slot as usize),
        ) else {
            return;
        };
        if !sample.uuid.is_unknown() && sample.uuid != reading.uuid {
            if !reading.uuid.is_unknown() {
                stats.data_sources_reused += 1;
                requests.push(Request::Release {
                    uuid: reading.uuid,
                    slot,
                });
                series.reset();
                *extra = None;
                *reading = Reading::TAKEN;
            }
            reading.uuid = sample.uuid;
        }
        let before = reading.interval_ms;
        series.apply(reading, sample, (&arrival.moment, rules), stats);
        if sample.extra != ExtraSample::NONE {
            take_extra(extra, sample, (&arrival.moment, rules));
        }
        if !reading.owner && !reading.uuid.is_unknown() {
            requests.push(Request::Claim {
                uuid: reading.uuid,
                slot,
            });
        }
        if let Some(agent) = agents
            .get_mut(arrival.agent as usize)
            .and_then(Option::as_mut)
            && before != reading.interval_ms
        {
            agent.interval_ms = ewma(agent.interval_ms, reading.interval_ms);
        }
    }

    fn hash(&self, agent: u32, class: u32, index: u32) -> u64 {
        self.hasher
            .hash_one((u64::from(agent) << 32 | u64::from(index), class))
    }

    /// Finds the slot of a data source. Agents report their containers in much the same order every time, so the guess
    /// from last time is mostly right and saves the cache misses of a look into the table.
    #[inline]
    fn slot(&mut self, agent: u32, class: u32, index: u32) -> Option<u32> {
        let key = (agent, class, index);
        let guess = self.agent_mut(agent)?.expected;
        let found = if self.is_at(guess, key) {
            guess
        } else {
            self.look_up(key)?
        };
        let next = self.series.get(found as usize)?.next;
        self.prefetch(next);
        let agent = self.agent_mut(agent)?;
        (agent.latest, agent.expected) = (found, next);
        Some(found)
    }

    /// Finds the slot of a data source that was not guessed, and notes it for the next guess.
    #[inline(never)]
    fn look_up(&mut self, key: (u32, u32, u32)) -> Option<u32> {
        let (agent, class, index) = key;
        let hash = self.hash(agent, class, index);
        let found = *self.slots.find(hash, |slot| self.is_at(*slot, key))?;
        let latest = self.agent_mut(agent)?.latest;
        if let Some(series) = self.series.get_mut(latest as usize) {
            series.next = found;
        }
        Some(found)
    }

    /// Has the processor fetch a data source's state while it decodes what that will be needed for.
    #[inline]
    fn prefetch(&self, slot: u32) {
        if let (Some(series), Some(reading)) = (
            self.series.get(slot as usize),
            self.readings.get(slot as usize),
        ) {
            cache::prefetch(series);
            cache::prefetch(reading);
        }
    }

    fn is_at(&self, slot: u32, key: (u32, u32, u32)) -> bool {
        let slot = slot as usize;
        let same = |series: &Series| (series.agent, series.class, series.index) == key;
        let vacant = |reading: &Reading| reading.status == Status::Vacant;
        self.series.get(slot).is_some_and(same) && !self.readings.get(slot).is_none_or(vacant)
    }

    fn insert(
        &mut self,
        agent: u32,
        (class, index): (u32, u32),
        (rules, occupancy): (&Rules, &Occupancy),
    ) -> Option<u32> {
        let owned = self.agents.get(agent as usize)?.as_ref()?.data_sources;
        let has_room = (owned as usize) < rules.max_data_sources_per_agent;
        if !has_room || !Occupancy::reserve(&occupancy.data_sources, rules.max_data_sources) {
            self.stats.data_sources_refused += 1;
            return None;
        }
        self.agent_mut(agent)?.data_sources += 1;
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.series.push(Series::new(agent, class, index));
                self.readings.push(Reading::VACANT);
                self.extras.push(None);
                u32::try_from(self.series.len() - 1).ok()?
            }
        };
        *self.series.get_mut(slot as usize)? = Series::new(agent, class, index);
        *self.readings.get_mut(slot as usize)? = Reading::TAKEN;
        let hash = self.hash(agent, class, index);
        let Self {
            slots,
            series,
            hasher,
            ..
        } = self;
        slots.insert_unique(hash, slot, |slot| {
            series.get(*slot as usize).map_or(0, |s| {
                hasher.hash_one((u64::from(s.agent) << 32 | u64::from(s.index), s.class))
            })
        });
        Some(slot)
    }

    /// Forgets data sources and agents that were silent for too long.
    pub(crate) fn expire(&mut self, now_ms: u64, rules: &Rules, occupancy: &Occupancy) {
        for slot in 0..self.readings.len() {
            let Some(reading) = self.readings.get(slot) else {
                continue;
            };
            let limit_ms = match reading.status {
                Status::Vacant => continue,
                Status::Ended => rules.ended_retention_ms,
                Status::Running | Status::Paused => rules.gone_after_ms,
            };
            if reading.age_ms(now_ms) > limit_ms.max(u64::from(reading.stale_after_ms)) {
                self.stats.data_sources_gone += 1;
                self.remove(slot, occupancy);
            }
        }
        for slot in 0..self.agents.len() {
            let Some(Some(agent)) = self.agents.get(slot) else {
                continue;
            };
            if agent.data_sources == 0
                && now_ms.saturating_sub(agent.clock.seen_ms) > rules.gone_after_ms
            {
                self.stats.agents_gone += 1;
                self.remove_agent(u32::try_from(slot).unwrap_or(u32::MAX), occupancy);
            }
        }
    }

    fn remove(&mut self, slot: usize, occupancy: &Occupancy) {
        let (Some(reading), Some(series)) =
            (self.readings.get_mut(slot), self.series.get_mut(slot))
        else {
            return;
        };
        let Ok(number) = u32::try_from(slot) else {
            return;
        };
        if reading.owner {
            self.requests.push(Request::Release {
                uuid: reading.uuid,
                slot: number,
            });
        }
        *reading = Reading::VACANT;
        series.reset();
        if let Some(extra) = self.extras.get_mut(slot) {
            *extra = None;
        }
        let (agent, class, index) = (series.agent, series.class, series.index);
        let hash = self.hash(agent, class, index);
        if let Ok(entry) = self
            .slots
            .find_entry(hash, |candidate| *candidate == number)
        {
            entry.remove();
        }
        self.free.push(number);
        if let Some(agent) = self.agent_mut(agent) {
            agent.data_sources = agent.data_sources.saturating_sub(1);
        }
        occupancy.data_sources.fetch_sub(1, Ordering::Relaxed);
    }

    fn remove_agent(&mut self, slot: u32, occupancy: &Occupancy) {
        let owns = |agent: &Agent| agent.data_sources > 0;
        let agent = self.agents.get(slot as usize).and_then(Option::as_ref);
        // Most agents that go have lost their data sources before.
        let rows = if agent.is_some_and(owns) {
            self.series.len()
        } else {
            0
        };
        for row in 0..rows {
            let occupied = self
                .readings
                .get(row)
                .is_some_and(|reading| reading.status != Status::Vacant);
            if occupied
                && self
                    .series
                    .get(row)
                    .is_some_and(|series| series.agent == slot)
            {
                self.remove(row, occupancy);
            }
        }
        let Some(agent) = self.agents.get_mut(slot as usize).and_then(Option::take) else {
            return;
        };
        let hash = self.hasher.hash_one(agent.key);
        if let Ok(entry) = self
            .agent_slots
            .find_entry(hash, |candidate| *candidate == slot)
        {
            entry.remove();
        }
        self.free_agents.push(slot);
        self.requests.push(Request::AgentRemoved(agent.key));
        occupancy.agents.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Not inline: hsflowd never comes here.
#[inline(never)]
fn take_extra(
    extra: &mut Option<Box<Extra>>,
    sample: &ContainerSample<'_>,
    (at, rules): (&Moment, &Rules),
) {
    match extra {
        Some(extra) => extra.apply(&sample.extra, (at, rules), sample.sequence),
        None => *extra = Some(Box::new(Extra::new(&sample.extra, at, sample.sequence))),
    }
}

fn key_of(agent: Option<&Option<Agent>>) -> Option<&AgentKey> {
    Some(&agent?.as_ref()?.key)
}
