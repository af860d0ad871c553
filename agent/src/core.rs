//! The agent's state: which containers there are, when each is polled, and what goes out. No I/O, no clock.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use sflow::DataSource;

use crate::{
    counters::{ContainerCounters, HostCounters, State},
    id::ContainerId,
    index::Indices,
    packer::{COUNTERS, FLOWS, Packer},
    sample,
    schedule::Schedule,
};

/// What the agent is told.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The address that it gives itself; best one that is its alone.
    pub address: IpAddr,
    /// Its number as one of several agents of this address. Not hsflowd's 100000 and 100001, so that both may run.
    pub sub_agent: u32,
    /// Most bytes of a datagram.
    pub datagram_bytes: usize,
    /// Polling interval of the host.
    pub host_interval: Duration,
    /// Whether structures that sFlow does not have are sent.
    pub extensions: bool,
    /// Most containers.
    pub containers_max: usize,
}

impl Settings {
    /// Settings with their defaults.
    #[must_use]
    pub const fn new(address: IpAddr) -> Self {
        Self {
            address,
            sub_agent: 100_002,
            datagram_bytes: 1400,
            host_interval: Duration::from_secs(5),
            extensions: true,
            containers_max: 10_000,
        }
    }
}

/// Something to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Poll {
    /// The host.
    Host,
    /// A container.
    Container(ContainerId),
}

/// What the agent has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Containers known.
    pub containers: usize,
    /// Samples of containers.
    pub container_samples: u64,
    /// Samples of the host.
    pub host_samples: u64,
    /// Samples of packets.
    pub flow_samples: u64,
    /// Polls whose time had passed.
    pub polls_missed: u64,
    /// Sequences that began anew because a counter fell.
    pub resets: u64,
    /// Containers that were not taken because there are too many.
    pub refused: u64,
}

/// The agent.
#[derive(Debug)]
pub struct Core {
    settings: Settings,
    schedule: Schedule<Poll>,
    containers: BTreeMap<ContainerId, Tracked>,
    indices: Indices,
    packer: Packer,
    host_sequence: u32,
    host_memory: u64,
    os_release: String,
    stats: Stats,
}

#[derive(Debug)]
struct Tracked {
    index: u32,
    sequence: u32,
    name: String,
    last: Option<ContainerCounters>,
}

impl Core {
    /// An agent that has just started; `now` counts from there.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let mut schedule = Schedule::default();
        schedule.set(Poll::Host, settings.host_interval, Duration::ZERO);
        let packer = Packer::new(
            settings.address,
            settings.sub_agent,
            settings.datagram_bytes,
        );
        Self {
            settings,
            schedule,
            containers: BTreeMap::new(),
            indices: Indices::default(),
            packer,
            host_sequence: 0,
            host_memory: 0,
            os_release: String::new(),
            stats: Stats::default(),
        }
    }

    /// A container is there, under that name, and is to be polled every `interval`; says whether it was taken.
    pub fn appear(
        &mut self,
        id: ContainerId,
        name: &str,
        interval: Duration,
        now: Duration,
    ) -> bool {
        if let Some(tracked) = self.containers.get_mut(&id) {
            if tracked.name != name {
                name.clone_into(&mut tracked.name);
            }
        } else {
            let room = self.containers.len() < self.settings.containers_max;
            let Some(index) = room.then(|| self.indices.take(&id)).flatten() else {
                self.stats.refused += 1;
                return false;
            };
            let tracked = Tracked {
                index,
                sequence: 0,
                name: name.to_owned(),
                last: None,
            };
            self.containers.insert(id, tracked);
        }
        self.schedule.set(Poll::Container(id), interval, now);
        true
    }

    /// A container is gone: a last sample says so, with the last counters that were read.
    pub fn vanish(&mut self, id: &ContainerId, now: Duration) {
        self.schedule.remove(&Poll::Container(*id));
        let Some(mut tracked) = self.containers.remove(id) else {
            return;
        };
        self.indices.free(tracked.index);
        if let Some(last) = tracked.last.take() {
            let last = ContainerCounters {
                state: State::Ended,
                ..last
            };
            self.add(id, &mut tracked, &last, now);
        }
    }

    /// Takes a poll that is due.
    pub fn due(&mut self, now: Duration) -> Option<Poll> {
        self.schedule.pop(now)
    }

    /// When the next poll is due.
    #[must_use]
    pub fn next_due(&self) -> Option<Duration> {
        self.schedule.next()
    }

    /// Takes in what was read of a container at `at`.
    pub fn take(&mut self, id: &ContainerId, counters: &ContainerCounters, at: Duration) {
        let Some(mut tracked) = self.containers.remove(id) else {
            return;
        };
        if tracked.last.is_some_and(|last| counters.fell_since(&last)) {
            tracked.sequence = 0;
            self.stats.resets += 1;
        }
        self.add(id, &mut tracked, counters, at);
        tracked.last = Some(*counters);
        self.containers.insert(*id, tracked);
    }

    fn add(
        &mut self,
        id: &ContainerId,
        tracked: &mut Tracked,
        counters: &ContainerCounters,
        at: Duration,
    ) {
        tracked.sequence = tracked.sequence.wrapping_add(1);
        let about = sample::Container {
            name: &tracked.name,
            uuid: id.uuid(),
            index: tracked.index,
            sequence: tracked.sequence,
            host_memory: self.host_memory,
            os_release: &self.os_release,
            extensions: self.settings.extensions,
        };
        let body = sample::container(&about, counters);
        self.packer.add(COUNTERS, body, at);
        self.stats.container_samples += 1;
    }

    /// Takes in what was read of the host at `at`.
    pub fn take_host(&mut self, counters: &HostCounters, at: Duration) {
        self.host_memory = counters.memory.total;
        self.os_release.clone_from(&counters.os_release);
        self.host_sequence = self.host_sequence.wrapping_add(1);
        let body = sample::host(counters, self.host_sequence, self.settings.extensions);
        self.packer.add(COUNTERS, body, at);
        self.stats.host_samples += 1;
    }

    /// Takes in the body of a packet's sample; datagrams do not wait for it.
    pub fn take_flow(&mut self, body: Vec<u8>, at: Duration) {
        self.packer.add(FLOWS, body, at);
        self.stats.flow_samples += 1;
    }

    /// Takes the datagrams that are to be sent.
    pub fn datagrams(&mut self) -> Vec<Vec<u8>> {
        self.packer.take()
    }

    /// The containers that are known.
    pub fn containers(&self) -> impl Iterator<Item = &ContainerId> {
        self.containers.keys()
    }

    /// The data source of a container that is known.
    #[must_use]
    pub fn data_source(&self, id: &ContainerId) -> Option<DataSource> {
        self.containers
            .get(id)
            .map(|tracked| DataSource::logical(tracked.index))
    }

    /// What was done so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            containers: self.containers.len(),
            polls_missed: self.schedule.missed(),
            ..self.stats
        }
    }
}

#[cfg(test)]
mod tests;
