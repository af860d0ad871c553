//! What groups of containers did, for all groups in one pass: the observation of a tick. Does not know services.

use std::time::Duration;

use serde::Serialize;

use crate::{
    cache,
    config::millis,
    core::Collector,
    host::Host,
    index::Location,
    reading::{Freshness, Rates, Reading, duration, optional_seconds},
    uuid::ContainerUuid,
};

/// A container that a group is expected to have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Member {
    /// Which container.
    pub uuid: ContainerUuid,
    /// Its processor limit in cores, if it has one; without, its host's cores are the limit.
    pub cpu_limit_cores: Option<f64>,
    /// It is expected to report like the others, and its values are left out of the group's.
    pub aside: bool,
}

/// What one container of a group did, beside its siblings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Each {
    /// Which container.
    pub uuid: ContainerUuid,
    /// Processor time, cores.
    pub cpu_cores: Option<f32>,
    /// Received and sent bytes per second together.
    pub bytes: Option<f32>,
    /// Share (0 to 1) of its host's processor time that went to other guests of the hypervisor.
    pub steal: Option<f32>,
}

/// A metric over the containers of a group that have it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Data sources that contributed; always at least one.
    pub count: usize,
    /// Sum of their values.
    pub sum: f64,
    /// Mean of their values.
    pub avg: f64,
    /// The smallest value.
    pub min: f64,
    /// The largest value.
    pub max: f64,
}

/// What the containers of one group did lately.
///
/// Only fresh containers contribute to metrics and ages. Each metric's own `count` says how many had it: a container that
/// reported once is fresh, yet has no rate before its second sample. A metric nobody has is `None`, never zero.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct GroupMetrics {
    /// Containers asked for.
    pub expected: usize,
    /// Of these, with fresh telemetry.
    pub reporting: usize,
    /// Of these, silent for more than three intervals.
    pub stale: usize,
    /// Of these, paused.
    pub paused: usize,
    /// Of these, said to have ended (not proof of it).
    pub ended: usize,
    /// Of these, never heard of, or forgotten.
    pub missing: usize,
    /// Of those reporting, set aside: they are in none of the sums below.
    pub aside: usize,
    /// Processor time, cores.
    pub cpu_cores: Option<Summary>,
    /// Processor time as share (0 to 1) of the member's limit, else of its host's cores.
    pub cpu_of_limit: Option<Summary>,
    /// Memory, bytes, including the page cache.
    pub memory_bytes: Option<Summary>,
    /// Memory as share (0 to 1) of the limit, else of the host's memory.
    pub memory_of_limit: Option<Summary>,
    /// Received bytes per second. Zero for containers on the host network.
    pub bytes_in: Option<Summary>,
    /// Sent bytes per second. Zero for containers on the host network.
    pub bytes_out: Option<Summary>,
    /// Received and sent bytes per second together.
    pub bytes: Option<Summary>,
    /// Received and sent packets per second together.
    pub packets: Option<Summary>,
    /// Age of the newest contribution.
    #[serde(serialize_with = "optional_seconds", rename = "newest_age_seconds")]
    pub newest_age: Option<Duration>,
    /// Age of the oldest contribution.
    #[serde(serialize_with = "optional_seconds", rename = "oldest_age_seconds")]
    pub oldest_age: Option<Duration>,
    /// The longest observed interval between samples among the fresh containers.
    #[serde(serialize_with = "optional_seconds", rename = "interval_seconds")]
    pub interval: Option<Duration>,
    /// The fresh containers one by one, those set aside too.
    #[serde(skip)]
    pub each: Vec<Each>,
}

/// So many readings are on their way from memory at once.
const PREFETCH_AHEAD: usize = 12;

impl Collector {
    /// Joins every group's members with their telemetry by UUID, all in one pass.
    ///
    /// The same container may be a member of several groups. The result has one entry a group, in order.
    #[must_use]
    pub fn observe(&self, groups: &[&[Member]], now: Duration) -> Vec<GroupMetrics> {
        let now_ms = millis(now);
        let mut accumulators: Vec<Accumulator> = groups
            .iter()
            .map(|group| Accumulator::with_room(group.len()))
            .collect();
        for (shard, tickets) in self.locate(groups).into_iter().enumerate() {
            let Some(shard) = u32::try_from(shard)
                .ok()
                .and_then(|number| self.shard(number))
            else {
                continue;
            };
            for (number, ticket) in tickets.iter().enumerate() {
                if let Some(ahead) = tickets.get(number + PREFETCH_AHEAD)
                    && let Some(reading) = shard.readings.get(ahead.slot as usize)
                    && let Some(series) = shard.series.get(ahead.slot as usize)
                {
                    cache::prefetch(reading);
                    cache::prefetch(series);
                }
                let slot = ticket.slot as usize;
                if let (Some(reading), Some(series)) =
                    (shard.readings.get(slot), shard.series.get(slot))
                    && reading.uuid == ticket.member.uuid
                    && let Some(group) = accumulators.get_mut(ticket.group as usize)
                {
                    let host = shard.agents.get(series.agent as usize);
                    let host = host.and_then(|agent| agent.as_ref()?.host.as_deref());
                    group.add((reading, &series.rates, host), &ticket.member, now_ms);
                }
            }
        }
        groups
            .iter()
            .zip(accumulators)
            .map(|(group, accumulator)| accumulator.finish(group.len()))
            .collect()
    }

    /// The members that are known, by shard.
    fn locate(&self, groups: &[&[Member]]) -> Vec<Vec<Ticket>> {
        let shards = self.shard_numbers().len();
        let members: usize = groups.iter().map(|group| group.len()).sum();
        let mut tickets: Vec<Vec<Ticket>> = (0..shards)
            .map(|_| Vec::with_capacity(members / shards))
            .collect();
        let index = self.index();
        for (group, members) in (0..).zip(groups) {
            for member in *members {
                if let Some(Location { shard, slot }) = index.containers.get(&member.uuid)
                    && let Some(tickets) = tickets.get_mut(*shard as usize)
                {
                    let (slot, member) = (*slot, *member);
                    tickets.push(Ticket {
                        group,
                        slot,
                        member,
                    });
                }
            }
        }
        tickets
    }
}

/// A member found: its group and where its reading lies. Holds a copy, so that a shard's share is read in one stream.
#[derive(Clone, Copy, Debug)]
struct Ticket {
    group: u32,
    slot: u32,
    member: Member,
}

/// A [`Summary`] in the making.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    count: usize,
    sum: f64,
    min: f64,
    max: f64,
}

impl Sum {
    fn add(&mut self, value: Option<f64>) {
        let Some(value) = value else { return };
        (self.min, self.max) = match self.count {
            0 => (value, value),
            _ => (self.min.min(value), self.max.max(value)),
        };
        self.count += 1;
        self.sum += value;
    }

    fn finish(self) -> Option<Summary> {
        let Self {
            count,
            sum,
            min,
            max,
        } = self;
        (count > 0).then(|| Summary {
            count,
            sum,
            avg: sum / count as f64,
            min,
            max,
        })
    }
}

#[derive(Clone, Debug, Default)]
struct Accumulator {
    metrics: GroupMetrics,
    cpu_cores: Sum,
    cpu_of_limit: Sum,
    memory_bytes: Sum,
    memory_of_limit: Sum,
    bytes_in: Sum,
    bytes_out: Sum,
    bytes: Sum,
    packets: Sum,
    ages_ms: Option<(u64, u64)>,
    interval_ms: u32,
}

impl Accumulator {
    fn with_room(members: usize) -> Self {
        let mut accumulator = Self::default();
        accumulator.metrics.each.reserve_exact(members);
        accumulator
    }

    fn add(
        &mut self,
        (reading, rates, host): (&Reading, &Rates, Option<&Host>),
        member: &Member,
        now_ms: u64,
    ) {
        match reading.freshness(now_ms) {
            Freshness::Fresh => self.metrics.reporting += 1,
            Freshness::Stale => return self.metrics.stale += 1,
            Freshness::Paused => return self.metrics.paused += 1,
            Freshness::Ended => return self.metrics.ended += 1,
        }
        let (bytes_in, bytes_out) = (reading.bytes_in(), reading.bytes_out());
        let bytes = both(bytes_in, bytes_out);
        self.metrics.each.push(Each {
            uuid: member.uuid,
            cpu_cores: reading.cpu_cores().map(single),
            bytes: bytes.map(single),
            steal: host.and_then(Host::steal),
        });
        let age_ms = reading.age_ms(now_ms);
        let (newest, oldest) = self.ages_ms.unwrap_or((age_ms, age_ms));
        self.ages_ms = Some((newest.min(age_ms), oldest.max(age_ms)));
        self.interval_ms = self.interval_ms.max(reading.interval_ms);
        if member.aside {
            self.metrics.aside += 1;
            return;
        }
        self.cpu_cores.add(reading.cpu_cores());
        self.cpu_of_limit
            .add(reading.cpu_of_limit(member.cpu_limit_cores));
        self.memory_bytes.add(reading.memory());
        self.memory_of_limit.add(reading.memory_of_limit());
        self.bytes_in.add(bytes_in);
        self.bytes_out.add(bytes_out);
        self.bytes.add(bytes);
        let (packets_in, packets_out) = rates.packets();
        self.packets.add(both(packets_in, packets_out));
    }

    fn finish(self, expected: usize) -> GroupMetrics {
        let GroupMetrics {
            reporting,
            stale,
            paused,
            ended,
            ..
        } = self.metrics;
        GroupMetrics {
            expected,
            missing: expected.saturating_sub(reporting + stale + paused + ended),
            cpu_cores: self.cpu_cores.finish(),
            cpu_of_limit: self.cpu_of_limit.finish(),
            memory_bytes: self.memory_bytes.finish(),
            memory_of_limit: self.memory_of_limit.finish(),
            bytes_in: self.bytes_in.finish(),
            bytes_out: self.bytes_out.finish(),
            bytes: self.bytes.finish(),
            packets: self.packets.finish(),
            newest_age: self.ages_ms.map(|(newest, _)| duration(newest)),
            oldest_age: self.ages_ms.map(|(_, oldest)| duration(oldest)),
            interval: (self.interval_ms > 0).then(|| duration(u64::from(self.interval_ms))),
            ..self.metrics
        }
    }
}

/// Both directions together; `None` when either is unknown.
fn both(received: Option<f64>, sent: Option<f64>) -> Option<f64> {
    received.zip(sent).map(|(received, sent)| received + sent)
}

/// In single precision, as rates are kept.
fn single(value: f64) -> f32 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a sum of rates that were kept in single precision"
    )]
    let single = value as f32;
    single
}
