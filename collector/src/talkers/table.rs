//! The table of flows. It keeps the largest: a new flow takes the place of the smallest and inherits its weight for as long as
//! the window is (space-saving), so that a stream of small flows does not push out what grows. What is inherited is never told.

use std::{collections::BTreeMap, net::IpAddr};

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::{Flow, FlowKey, Talker, Talkers, WINDOW};
use crate::config::millis;

/// Parts that the window is told in.
const BUCKETS: usize = 12;
/// Most agents told apart.
const AGENTS_MAX: usize = 10_000;

/// Flows of the window.
#[derive(Debug)]
pub(crate) struct Table {
    limit: usize,
    slots: HashMap<FlowKey, usize, RandomState>,
    entries: Vec<Entry>,
    /// Of each entry what decides who goes; apart, so that the smallest is found quickly.
    weights: Vec<u64>,
    total: Sums,
    agents: BTreeMap<(IpAddr, Option<IpAddr>, u32), u64>,
    first_ms: Option<u64>,
    pub(crate) evicted: u64,
}

#[derive(Debug)]
struct Entry {
    key: FlowKey,
    sums: Sums,
    /// Weight of the entry whose place this one took, and the bucket with which that is forgotten.
    inherited: (u64, u64),
}

/// Sums for each bucket, of which the newest is `latest`.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    latest: u64,
    buckets: [Sum; BUCKETS],
}

#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    bytes: u64,
    packets: u64,
    samples: u64,
    variance: u128,
}

fn bucket_ms() -> u64 {
    millis(WINDOW) / BUCKETS as u64
}

fn bucket_of(now_ms: u64) -> u64 {
    now_ms / bucket_ms()
}

impl Table {
    /// `limit`: most flows.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit: limit.max(1),
            slots: HashMap::default(),
            entries: Vec::new(),
            weights: Vec::new(),
            total: Sums::default(),
            agents: BTreeMap::new(),
            first_ms: None,
            evicted: 0,
        }
    }

    /// Flows in the table.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Notes that an agent samples.
    pub(crate) fn heard(&mut self, agent: (IpAddr, Option<IpAddr>, u32), now_ms: u64) {
        if self.agents.len() < AGENTS_MAX || self.agents.contains_key(&agent) {
            self.agents.insert(agent, now_ms);
        }
        self.first_ms.get_or_insert(now_ms);
    }

    /// Takes in a sample.
    pub(crate) fn add(&mut self, flow: &Flow, now_ms: u64) {
        let bucket = bucket_of(now_ms);
        self.total.add(flow, bucket);
        let slot = match self.slots.get(&flow.key) {
            Some(slot) => *slot,
            None => self.insert(flow.key, bucket),
        };
        if let (Some(entry), Some(weight)) =
            (self.entries.get_mut(slot), self.weights.get_mut(slot))
        {
            entry.sums.add(flow, bucket);
            *weight = weight.saturating_add(flow.scaled_bytes());
        }
    }

    fn insert(&mut self, key: FlowKey, bucket: u64) -> usize {
        let mut inherited = 0;
        if self.entries.len() >= self.limit {
            let weights = self.weights.iter().enumerate();
            if let Some((smallest, weight)) = weights.min_by_key(|(_, weight)| **weight) {
                inherited = *weight;
                self.remove(smallest);
                self.evicted += 1;
            }
        }
        let slot = self.entries.len();
        self.slots.insert(key, slot);
        self.entries.push(Entry {
            key,
            sums: Sums::default(),
            inherited: (inherited, bucket + BUCKETS as u64),
        });
        self.weights.push(inherited);
        slot
    }

    fn remove(&mut self, slot: usize) {
        let entry = self.entries.swap_remove(slot);
        self.weights.swap_remove(slot);
        self.slots.remove(&entry.key);
        if let Some(moved) = self.entries.get(slot) {
            self.slots.insert(moved.key, slot);
        }
    }

    /// Forgets what has left the window.
    pub(crate) fn expire(&mut self, now_ms: u64) {
        let bucket = bucket_of(now_ms);
        for slot in (0..self.entries.len()).rev() {
            let Some(entry) = self.entries.get(slot) else {
                continue;
            };
            let sum = entry.sums.within(bucket);
            if sum.samples == 0 {
                self.remove(slot);
            } else if let Some(weight) = self.weights.get_mut(slot) {
                let (inherited, until) = entry.inherited;
                let inherited = if bucket < until { inherited } else { 0 };
                *weight = sum.bytes.saturating_add(inherited);
            }
        }
        let oldest_ms = now_ms.saturating_sub(millis(WINDOW));
        self.agents.retain(|_, seen_ms| *seen_ms >= oldest_ms);
        if self.agents.is_empty() {
            self.first_ms = None;
        }
    }

    /// All flows of the window that ends now.
    pub(crate) fn read(&self, now_ms: u64) -> Talkers {
        let bucket = bucket_of(now_ms);
        let begin_ms = (bucket + 1).saturating_sub(BUCKETS as u64) * bucket_ms();
        let since_ms = self.first_ms.unwrap_or(now_ms).max(begin_ms);
        // A rate over less than a bucket would be a guess.
        let covered_ms = now_ms.saturating_sub(since_ms).max(bucket_ms());
        let flows = self.entries.iter().filter_map(|entry| {
            let sum = entry.sums.within(bucket);
            let FlowKey {
                source,
                destination,
                protocol,
                port,
            } = entry.key;
            (sum.samples > 0).then_some(Talker {
                source,
                destination,
                protocol,
                port,
                bytes: sum.bytes,
                packets: sum.packets,
                samples: sum.samples,
                variance: sum.variance,
            })
        });
        Talkers {
            covered: std::time::Duration::from_millis(covered_ms),
            samples: self.total.within(bucket).samples,
            agents: self
                .agents
                .values()
                .filter(|seen_ms| **seen_ms >= begin_ms)
                .count(),
            flows: flows.collect(),
        }
    }
}

impl Flow {
    fn scaled_bytes(&self) -> u64 {
        u64::from(self.bytes) * u64::from(self.rate)
    }

    /// What it adds to the variance of the bytes: see [`super::error_percent`].
    fn variance(&self) -> u128 {
        let (bytes, rate) = (u128::from(self.bytes), u128::from(self.rate));
        rate * rate.saturating_sub(1) * bytes * bytes
    }
}

impl Sums {
    fn add(&mut self, flow: &Flow, bucket: u64) {
        if bucket > self.latest {
            let passed = bucket - self.latest;
            for step in 1..=passed.min(BUCKETS as u64) {
                *self.at(self.latest + step) = Sum::default();
            }
            self.latest = bucket;
        }
        // Receive threads read the clock before they come here, so one may be a bucket behind another.
        if bucket + BUCKETS as u64 <= self.latest {
            return;
        }
        let sum = self.at(bucket);
        sum.bytes = sum.bytes.saturating_add(flow.scaled_bytes());
        sum.packets = sum.packets.saturating_add(u64::from(flow.rate));
        sum.samples += 1;
        sum.variance = sum.variance.saturating_add(flow.variance());
    }

    fn at(&mut self, bucket: u64) -> &mut Sum {
        &mut self.buckets[index(bucket)]
    }

    /// The sum of the buckets that lie within the window whose last bucket is `bucket`.
    fn within(&self, bucket: u64) -> Sum {
        let mut all = Sum::default();
        let oldest = (bucket + 1).saturating_sub(BUCKETS as u64);
        let kept = (self.latest + 1).saturating_sub(BUCKETS as u64);
        for number in oldest.max(kept)..=self.latest {
            let sum = self.buckets[index(number)];
            all.bytes = all.bytes.saturating_add(sum.bytes);
            all.packets = all.packets.saturating_add(sum.packets);
            all.samples += sum.samples;
            all.variance = all.variance.saturating_add(sum.variance);
        }
        all
    }
}

fn index(bucket: u64) -> usize {
    usize::try_from(bucket % BUCKETS as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests;
