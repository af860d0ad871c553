//! The collector itself: takes datagrams in, keeps ownership of containers straight, forgets what is gone.

use std::{
    hash::BuildHasher,
    net::SocketAddr,
    sync::{
        Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use foldhash::fast::RandomState;

use crate::{
    agent::{AgentKey, address_bits},
    cache,
    config::{Config, Rules, millis},
    extract,
    index::{Index, Location},
    networks::AllowList,
    reading::{Freshness, Status},
    shard::{Flows, Occupancy, Request, Shard},
    stats::Stats,
    talkers::Table,
    uuid::ContainerUuid,
};

/// State of all agents and containers, shared by receive threads and queries.
///
/// State is divided by source address into shards, each behind its own lock. A datagram takes one lock once; a query takes
/// each lock in turn for as long as it reads that shard's share, so reception never waits for a whole query.
#[derive(Debug)]
pub struct Collector {
    pub(crate) rules: Rules,
    allow: AllowList,
    shards: Box<[Mutex<Shard>]>,
    index: RwLock<Index>,
    hasher: RandomState,
    occupancy: Occupancy,
    /// Locked after everything else, never while a shard or the index is.
    talkers: Mutex<Table>,
    sources_denied: AtomicU64,
}

impl Collector {
    /// Makes an empty collector.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let shards = config.shards.clamp(1, 256).next_power_of_two();
        Self {
            rules: Rules::new(&config),
            talkers: Mutex::new(Table::new(config.max_talkers)),
            allow: config.allow,
            shards: (0..shards).map(|_| Mutex::default()).collect(),
            index: RwLock::default(),
            hasher: RandomState::default(),
            occupancy: Occupancy::default(),
            sources_denied: AtomicU64::new(0),
        }
    }

    /// Takes in one datagram as it came off the wire at `now`.
    ///
    /// Never fails: what cannot be used is counted in [`Stats`]. Allocates only for agents, data sources and names it does
    /// not know yet.
    pub fn ingest(&self, source: SocketAddr, datagram: &[u8], now: Duration) {
        let source = SocketAddr::new(source.ip().to_canonical(), source.port());
        if !self.allow.allows(source.ip()) {
            self.sources_denied.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let number = self.shard_of(source);
        let (requests, flows) = {
            let Some(mut shard) = self.shard(number) else {
                return;
            };
            shard.stats.datagrams += 1;
            shard.stats.bytes += datagram.len() as u64;
            extract::datagram(
                &mut shard,
                source,
                datagram,
                (millis(now), &self.rules, &self.occupancy),
            );
            (
                std::mem::take(&mut shard.requests),
                std::mem::take(&mut shard.flows),
            )
        };
        if !requests.is_empty() {
            self.settle(number, &requests, millis(now));
        }
        if let Some(agent) = flows.agent {
            self.talk(&agent, &flows, millis(now));
        }
    }

    fn talk(&self, agent: &AgentKey, flows: &Flows, now_ms: u64) {
        let mut table = self.table();
        table.heard((agent.source, agent.agent, agent.sub_agent), now_ms);
        for flow in &flows.all {
            table.add(flow, now_ms);
        }
    }

    pub(crate) fn table(&self) -> MutexGuard<'_, Table> {
        self.talkers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets agents and data sources that were silent for too long. Call it every few seconds.
    pub fn expire(&self, now: Duration) {
        for number in self.shard_numbers() {
            let requests = {
                let Some(mut shard) = self.shard(number) else {
                    continue;
                };
                shard.expire(millis(now), &self.rules, &self.occupancy);
                std::mem::take(&mut shard.requests)
            };
            self.settle(number, &requests, millis(now));
        }
        self.table().expire(millis(now));
    }

    /// Counts of what was seen and refused so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let mut stats = Stats::default();
        for number in self.shard_numbers() {
            if let Some(shard) = self.shard(number) {
                stats.add(&shard.stats);
            }
        }
        let index = self.index();
        stats.owner_changes = index.owner_changes;
        stats.agents_duplicate = index.agents_duplicate;
        stats.sources_denied = self.sources_denied.load(Ordering::Relaxed);
        stats.datagrams += stats.sources_denied;
        stats.agents = self.occupancy.agents.load(Ordering::Relaxed) as u64;
        let table = self.table();
        stats.talkers = table.len() as u64;
        stats.talkers_evicted = table.evicted;
        drop(table);
        stats.data_sources = self.occupancy.data_sources.load(Ordering::Relaxed) as u64;
        stats
    }

    pub(crate) fn shard_numbers(&self) -> std::ops::Range<u32> {
        0..u32::try_from(self.shards.len()).unwrap_or(0)
    }

    pub(crate) fn shard(&self, number: u32) -> Option<MutexGuard<'_, Shard>> {
        let shard = self.shards.get(number as usize)?;
        cache::prefetch(shard);
        // A panic elsewhere leaves counters at worst one sample behind: go on.
        Some(shard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn index(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn shard_of(&self, source: SocketAddr) -> u32 {
        let mask = self.shards.len() as u64 - 1;
        u32::try_from(self.hasher.hash_one(address_bits(source.ip())) & mask).unwrap_or(0)
    }

    /// Carries out what a shard asked of the index. The shard must not be locked by the caller.
    fn settle(&self, shard: u32, requests: &[Request], now_ms: u64) {
        if requests.is_empty() {
            return;
        }
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        for request in requests {
            match *request {
                Request::AgentAdded(key) => index.agent_added(&key),
                Request::AgentRemoved(key) => index.agent_removed(&key),
                Request::Claim { uuid, slot } => {
                    self.claim(&mut index, uuid, Location { shard, slot }, now_ms)
                }
                Request::Release { uuid, slot } => {
                    let location = Location { shard, slot };
                    if index.containers.get(&uuid) == Some(&location)
                        && !self.set_owner(location, uuid, true)
                    {
                        index.containers.remove(&uuid);
                    }
                }
            }
        }
    }

    fn claim(&self, index: &mut Index, uuid: ContainerUuid, location: Location, now_ms: u64) {
        let owner = index
            .containers
            .get(&uuid)
            .copied()
            .filter(|owner| *owner != location);
        if let Some(owner) = owner {
            if !self.yields(uuid, owner, location, now_ms) {
                return;
            }
            self.set_owner(owner, uuid, false);
        }
        if self.set_owner(location, uuid, true) {
            index.containers.insert(uuid, location);
            index.owner_changes += u64::from(owner.is_some());
        }
    }

    /// Whether the owner of a container gives way to a data source that saw the container too.
    ///
    /// The newest wins, but a live owner is only given up once the newcomer reported twice in a row without it: by then the
    /// newcomer has rates, and two agents that see the same container do not take it from each other at every sample.
    fn yields(
        &self,
        uuid: ContainerUuid,
        owner: Location,
        newcomer: Location,
        now_ms: u64,
    ) -> bool {
        let Some((status, previous_seen_ms)) = self.shard(newcomer.shard).and_then(|shard| {
            let reading = shard
                .readings
                .get(newcomer.slot as usize)
                .filter(|reading| reading.uuid == uuid)?;
            Some((
                reading.status,
                shard.series.get(newcomer.slot as usize)?.previous_seen_ms,
            ))
        }) else {
            return false;
        };
        let Some(shard) = self.shard(owner.shard) else {
            return true;
        };
        match shard.readings.get(owner.slot as usize) {
            Some(owner) if owner.uuid == uuid && owner.status != Status::Vacant => {
                let newer = previous_seen_ms > owner.seen_ms;
                status == Status::Running && (newer || owner.freshness(now_ms) != Freshness::Fresh)
            }
            _ => true,
        }
    }

    /// Notes whether the data source speaks for the container; false when it is no longer that container's.
    fn set_owner(&self, location: Location, uuid: ContainerUuid, owner: bool) -> bool {
        let Some(mut shard) = self.shard(location.shard) else {
            return false;
        };
        match shard.readings.get_mut(location.slot as usize) {
            Some(reading) if reading.uuid == uuid && reading.status != Status::Vacant => {
                reading.owner = owner;
                true
            }
            _ => false,
        }
    }
}
