//! The sFlow agent of a simulated node: real datagrams, shaped and timed as hsflowd's with Docker.
//!
//! It reads the truth about containers and says it in the agent's way, traps included. It has no socket.

mod packet;
mod record;
mod sampling;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use crate::engine::{Engine, Node, Running, Task};
use crate::random::{Random, wrapping_u32};
use crate::workload::{Meter, Workload};

pub use sampling::Sampling;

use sampling::{Place, Sampler};

/// The sub-agent that hsflowd calls itself when it sends counters only.
const SUB_AGENT: u32 = 100_001;
/// First data source index of containers, and how many there are.
const CONTAINER_INDEX: u32 = 100_000;
const CONTAINER_INDEXES: u32 = 50_000;
/// Bytes of a datagram's header, with the larger kind of address.
const HEADER: usize = 40;
/// Bytes of tag and length before each sample.
const SAMPLE_HEADER: usize = 8;

/// State of a container in `virt_cpu`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ContainerState {
    Running,
    Paused,
    Exited,
}

/// How agents behave when nothing goes wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentConfig {
    /// Polling interval.
    pub interval: Duration,
    /// Shortest time from a container's start to its first sample.
    pub first_sample_min: Duration,
    /// Longest time from a container's start to its first sample.
    pub first_sample_max: Duration,
    /// Largest datagram, bytes.
    pub datagram_bytes: usize,
    /// How packets are sampled, where they are.
    pub sampling: Option<Sampling>,
    /// What goes wrong.
    pub traps: Traps,
}

impl Default for AgentConfig {
    /// Polling every five seconds, first samples after one to three, no packets, no traps but twins.
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(5),
            first_sample_min: Duration::from_secs(1),
            first_sample_max: Duration::from_secs(3),
            datagram_bytes: 1400,
            sampling: None,
            traps: Traps::default(),
        }
    }
}

/// What agents and networks do to telemetry.
#[derive(Clone, Debug, PartialEq)]
pub struct Traps {
    /// How often a container's first sample comes twice, with equal counters, in one datagram (`0.0..=1.0`).
    pub twins: f64,
    /// How many datagrams are lost on the way (`0.0..=1.0`).
    pub loss: f64,
    /// How far the reading of counters strays from the polling interval, as a share of it.
    pub jitter: f64,
    /// The last sample of a container has a processor time of 0, as after `docker kill`.
    pub last_cpu_time_zero: bool,
    /// Added to the processor time of every container, milliseconds: how near the counter is to its wrap.
    pub cpu_time_offset_ms: u32,
    /// An address that the agent gives itself instead of the node's, as one whose only address is docker0's.
    pub agent_address: Option<IpAddr>,
    /// The agent says nothing; it goes on counting datagrams only when it speaks again.
    pub silent: bool,
}

impl Default for Traps {
    fn default() -> Self {
        Self {
            twins: 0.2,
            loss: 0.0,
            jitter: 0.02,
            last_cpu_time_zero: false,
            cpu_time_offset_ms: 0,
            agent_address: None,
            silent: false,
        }
    }
}

/// A datagram on its way from a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Id of the node that sends it.
    pub node: String,
    /// When it was sent.
    pub at: Duration,
    /// The datagram.
    pub bytes: Vec<u8>,
}

/// The sFlow agent of one node.
#[derive(Clone, Debug)]
pub struct Agent {
    node: String,
    node_memory: u64,
    config: AgentConfig,
    random: Random,
    started: Duration,
    datagram_sequence: u32,
    host_sequence: u32,
    next_host: Duration,
    next_flush: Duration,
    containers: BTreeMap<String, Tracked>,
    /// Containers that the agent believes gone until then, though they run.
    overlooked: BTreeMap<String, Duration>,
    paused: BTreeSet<String>,
    pending: Vec<record::Body>,
    sampler: Option<Sampler>,
    /// Samples of packets, which go in datagrams of their own.
    packets: Vec<record::Body>,
}

/// What an agent remembers of a container.
#[derive(Clone, Debug)]
struct Tracked {
    index: u32,
    sequence: u32,
    next: Duration,
    name: String,
}

impl Agent {
    pub(crate) fn new(node: &Node, config: AgentConfig, seed: u64) -> Self {
        // Of its own, so that everything else goes as it would without samples of packets.
        let sampler = config
            .sampling
            .map(|sampling| Sampler::new(sampling, seed.wrapping_add(1)));
        Self {
            node: node.id.clone(),
            node_memory: node.config.memory,
            config,
            sampler,
            random: Random::new(seed),
            started: Duration::ZERO,
            datagram_sequence: 0,
            host_sequence: 0,
            next_host: Duration::ZERO,
            next_flush: Duration::ZERO,
            containers: BTreeMap::new(),
            overlooked: BTreeMap::new(),
            paused: BTreeSet::new(),
            pending: Vec::new(),
            packets: Vec::new(),
        }
    }

    /// Changes what goes wrong.
    pub fn set_traps(&mut self, traps: Traps) {
        self.config.traps = traps;
    }

    /// Returns what goes wrong, for changes.
    pub fn traps_mut(&mut self) -> &mut Traps {
        &mut self.config.traps
    }

    /// Restarts the agent at its next look: uptime falls to 0 and every sequence number begins at 1 again.
    pub fn restart(&mut self) {
        self.started = Duration::MAX;
    }

    /// Makes the agent drop a running container, as hsflowd does when it is sent a hang-up signal or a child is killed
    /// for want of memory: a last sample with state 4, then silence for `gap` (hsflowd: up to 120 s).
    pub fn overlook(&mut self, container: &str, gap: Duration, now: Duration) {
        self.overlooked.insert(container.to_owned(), now + gap);
    }

    /// Pauses a container (state 3, then silence) or lets it go on (sequence numbers from 1, counters continue).
    pub fn pause(&mut self, container: &str, paused: bool) {
        if paused {
            self.paused.insert(container.to_owned());
        } else {
            self.paused.remove(container);
        }
    }

    /// Looks at the node's containers and sends what is due. Called at every step of the world.
    pub(crate) fn advance(
        &mut self,
        engine: &Engine,
        running: &Running<'_>,
        workload: &Workload,
        sent: &mut Vec<Outgoing>,
    ) {
        let now = engine.now();
        let Some(node) = engine.node(&self.node) else {
            return;
        };
        if !node.powered {
            return self.forget(Duration::MAX);
        }
        if self.started > now {
            self.forget(now);
        }
        let here = running.on(&self.node);
        self.discover(engine, here, now);
        self.poll_containers(here, workload, now);
        if let Some(sampler) = &mut self.sampler {
            let place = Place {
                engine,
                running,
                workload,
                node,
                containers: &self.containers,
            };
            sampler.advance(&place, &mut self.packets);
        }
        if now >= self.next_host {
            self.next_host = now + self.config.interval;
            self.host_sequence += 1;
            let busy = self.busy(here, workload);
            self.pending
                .push(record::host(node, &busy, self.host_sequence, now));
        }
        if now >= self.next_flush {
            self.next_flush = now + (self.config.interval / 5).min(Duration::from_secs(1));
            self.flush(node, now, sent);
        }
    }

    /// Loses all state; the agent's life begins again at `started`.
    fn forget(&mut self, started: Duration) {
        self.started = started;
        self.datagram_sequence = 0;
        self.host_sequence = 0;
        self.next_host = Duration::ZERO;
        self.containers.clear();
        self.pending.clear();
        self.packets.clear();
        if let Some(sampler) = &mut self.sampler {
            sampler.forget();
        }
    }

    fn discover(&mut self, engine: &Engine, here: &[&Task], now: Duration) {
        self.overlooked.retain(|_, until| *until > now);
        for task in here {
            let Some(container) = task.container.as_ref() else {
                continue;
            };
            let hidden = self.overlooked.contains_key(container) || self.paused.contains(container);
            if hidden || self.containers.contains_key(container) {
                continue;
            }
            let wait = self
                .random
                .between(self.config.first_sample_min, self.config.first_sample_max);
            let tracked = Tracked {
                index: self.free_index(container),
                sequence: 0,
                next: now + wait,
                name: container_name(engine, task),
            };
            self.containers.insert(container.clone(), tracked);
        }
    }

    /// A hash of the container's UUID, or the next index that is free.
    fn free_index(&self, container: &str) -> u32 {
        let hash = container
            .bytes()
            .take(32)
            .fold(0x811c_9dc5_u32, |hash, byte| {
                (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
            });
        let taken: BTreeSet<_> = self
            .containers
            .values()
            .map(|tracked| tracked.index)
            .collect();
        let mut index = hash % CONTAINER_INDEXES;
        for _ in 0..CONTAINER_INDEXES {
            if !taken.contains(&(CONTAINER_INDEX + index)) {
                break;
            }
            index = (index + 1) % CONTAINER_INDEXES;
        }
        CONTAINER_INDEX + index
    }

    fn poll_containers(&mut self, here: &[&Task], workload: &Workload, now: Duration) {
        let running: BTreeSet<_> = here
            .iter()
            .filter_map(|task| task.container.as_deref())
            .collect();
        let mut tracked = std::mem::take(&mut self.containers);
        tracked.retain(|id, container| {
            let state = if !running.contains(id.as_str()) || self.overlooked.contains_key(id) {
                ContainerState::Exited
            } else if self.paused.contains(id) {
                ContainerState::Paused
            } else {
                ContainerState::Running
            };
            let unseen = Meter::default();
            let meter = workload.meter(id).unwrap_or(&unseen);
            if state != ContainerState::Running {
                self.take_sample(id, container, meter, state);
                return false;
            }
            if now >= container.next {
                let stray = self.config.traps.jitter * self.random.signed_unit();
                container.next = now + self.config.interval.mul_f64((1.0 + stray).max(0.0));
                let first = container.sequence == 0;
                self.take_sample(id, container, meter, state);
                if first && self.random.chance(self.config.traps.twins) {
                    self.take_sample(id, container, meter, state);
                }
            }
            true
        });
        self.containers = tracked;
    }

    fn take_sample(
        &mut self,
        id: &str,
        container: &mut Tracked,
        meter: &Meter,
        state: ContainerState,
    ) {
        container.sequence += 1;
        let zero = state == ContainerState::Exited && self.config.traps.last_cpu_time_zero;
        let described = record::Container {
            id,
            name: &container.name,
            index: container.index,
            sequence: container.sequence,
            cpu_time_ms: if zero {
                0
            } else {
                wrapping_u32(meter.cpu_time_ms()).wrapping_add(self.config.traps.cpu_time_offset_ms)
            },
            state,
            meter,
            node_memory: self.node_memory,
        };
        self.pending.push(record::container(&described));
    }

    /// What all containers of the node have done together.
    fn busy(&self, here: &[&Task], workload: &Workload) -> record::Busy {
        let meters = here
            .iter()
            .filter_map(|task| workload.meter(task.container.as_deref()?));
        record::Busy {
            total: workload.node_total(&self.node),
            memory: meters.map(|meter| meter.memory).sum(),
            containers: u32::try_from(here.len()).unwrap_or(u32::MAX),
        }
    }

    /// Sends what is pending, counters before packets, as many samples to a datagram as fit.
    fn flush(&mut self, node: &Node, now: Duration, sent: &mut Vec<Outgoing>) {
        let pending = std::mem::take(&mut self.pending);
        let packets = std::mem::take(&mut self.packets);
        if self.config.traps.silent {
            return;
        }
        for samples in self.datagrams(&pending) {
            self.datagram_sequence += 1;
            if !self.random.chance(self.config.traps.loss) {
                sent.push(self.datagram(node, now, samples));
            }
        }
        let loss = self.config.traps.loss;
        for samples in self.datagrams(&packets) {
            self.datagram_sequence += 1;
            let lost = self.sampler.as_mut().map(|sampler| sampler.loses(loss));
            if lost != Some(true) {
                sent.push(self.datagram(node, now, samples));
            }
        }
    }

    /// Cuts samples into datagrams.
    fn datagrams<'a>(&self, mut rest: &'a [record::Body]) -> Vec<&'a [record::Body]> {
        let mut datagrams = Vec::new();
        while !rest.is_empty() {
            let mut size = HEADER;
            let fitting = rest
                .iter()
                .take_while(|sample| {
                    size += SAMPLE_HEADER + sample.len();
                    size <= self.config.datagram_bytes
                })
                .count();
            let (datagram, later) = rest.split_at(fitting.max(1));
            rest = later;
            datagrams.push(datagram);
        }
        datagrams
    }

    fn datagram(&self, node: &Node, now: Duration, samples: &[record::Body]) -> Outgoing {
        let header = record::Header {
            agent: self
                .config
                .traps
                .agent_address
                .unwrap_or(node.config.address),
            sub_agent: SUB_AGENT,
            sequence: self.datagram_sequence,
            uptime: now.saturating_sub(self.started),
        };
        Outgoing {
            node: node.id.clone(),
            at: now,
            bytes: record::datagram(&header, samples),
        }
    }
}

/// `web.3.<task id>`, or `web.<node id>.<task id>` for a global service.
fn container_name(engine: &Engine, task: &Task) -> String {
    let service = engine
        .service(&task.service)
        .map_or("gone", |service| service.name());
    match task.slot {
        Some(slot) => format!("{service}.{slot}.{}", task.id),
        None => format!(
            "{service}.{}.{}",
            task.node.as_deref().unwrap_or(""),
            task.id
        ),
    }
}

#[cfg(test)]
mod tests;
