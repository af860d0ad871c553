//! Packet sampling of a simulated node, as the project's own agent does it: what comes into the bridge that leads outside, from
//! a container or from the host, and what comes to the node on an overlay network. Nobody sees what two containers of one node
//! tell each other on an overlay network; it is not sampled here either.
//!
//! Packets are not simulated one by one: the bytes of a step are so many packets of average size, of which each is sampled with
//! equal chance.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use sflow::{
    DataSource, FlowRecord, FlowSample, HeaderProtocol, Interface, Opaque, Sample,
    flow::{ExtendedEntities, SampledHeader},
};

use super::packet::Packet;
use super::record;
use super::{CONTAINER_INDEX, Tracked};
use crate::engine::{Engine, Node, Running, Task};
use crate::random::{Random, whole, wrapping_u32};
use crate::traffic::{Links, PACKET, Peer};
use crate::workload::Workload;

/// ifIndex of the node's own interface, of docker_gwbridge, and of the first container's port of it.
const OUTWARD: u32 = 2;
const GATEWAY: u32 = 4;
const FIRST_PORT: u32 = 10;
/// Port that services listen at.
const SERVER_PORT: u16 = 8080;
/// Bytes of the check sequence, which interfaces do not count.
const CHECK_SEQUENCE: u32 = 4;
/// Sizes of packets: so far from the average, evenly.
const SPREAD: f64 = 500.0;
/// Who calls from outside (RFC 5737), and up to which part of a hundred it is that one.
const CLIENTS: [([u8; 4], u64); 3] = [
    ([203, 0, 113, 7], 55),
    ([198, 51, 100, 20], 85),
    ([192, 0, 2, 144], 100),
];

/// How packets are sampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sampling {
    /// One packet in so many.
    pub rate: u32,
    /// Most samples that a node sends within a second; more are lost, and counted as `drops`.
    pub samples_per_second_max: u32,
}

/// The sampler of one node.
#[derive(Clone, Debug)]
pub(super) struct Sampler {
    config: Sampling,
    random: Random,
    /// By ifIndex.
    taps: BTreeMap<u32, Tap>,
    /// What was seen of each container's links, in their order.
    seen: BTreeMap<String, Vec<[f64; 2]>>,
    /// Samples within the second that is running.
    taken: u32,
    second: u64,
}

/// One interface.
#[derive(Clone, Debug, Default)]
struct Tap {
    sequence: u32,
    /// Packets that could have been sampled.
    pool: f64,
    drops: u32,
    /// Packets until the next sample.
    gap: f64,
}

/// Which packets of an interface are sampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    /// From a container into docker_gwbridge.
    Incoming(u32),
    /// From the host into docker_gwbridge.
    Outgoing,
    /// From another node, on an overlay network.
    Overlay,
}

/// A container of the node.
#[derive(Clone, Copy, Debug)]
struct Own<'a> {
    task: &'a Task,
    /// Its data source.
    index: u32,
}

/// Where a sampler looks.
#[derive(Debug)]
pub(super) struct Place<'a> {
    pub(super) engine: &'a Engine,
    pub(super) running: &'a Running<'a>,
    pub(super) workload: &'a Workload,
    pub(super) node: &'a Node,
    pub(super) containers: &'a BTreeMap<String, Tracked>,
}

impl Sampler {
    pub(super) fn new(config: Sampling, seed: u64) -> Self {
        Self {
            config,
            random: Random::new(seed),
            taps: BTreeMap::new(),
            seen: BTreeMap::new(),
            taken: 0,
            second: 0,
        }
    }

    /// Begins anew, as an agent that was restarted.
    pub(super) fn forget(&mut self) {
        self.taps.clear();
        self.seen.clear();
    }

    /// Whether a datagram is lost on the way, with that probability.
    pub(super) fn loses(&mut self, loss: f64) -> bool {
        self.random.chance(loss)
    }

    /// Samples what the node's containers have exchanged since the last call: those of which counters have been sent, so that a
    /// collector knows them.
    pub(super) fn advance(&mut self, place: &Place<'_>, samples: &mut Vec<record::Body>) {
        let second = place.engine.now().as_secs();
        if self.second != second {
            (self.second, self.taken) = (second, 0);
        }
        for task in place.running.on(&place.node.id) {
            let Some(id) = task.container.as_ref() else {
                continue;
            };
            let known = place.containers.get(id).filter(|known| known.sequence > 0);
            let meter = place.workload.meter(id);
            if let (Some(known), Some(meter)) = (known, meter) {
                let index = known.index;
                self.look_at(place, Own { task, index }, &meter.links, samples);
            }
        }
        if self.seen.len() > place.containers.len() {
            self.seen.retain(|id, _| place.containers.contains_key(id));
            let known = place.containers.values().map(|known| port(known.index));
            let known: BTreeSet<u32> = known.collect();
            self.taps
                .retain(|index, _| *index < FIRST_PORT || known.contains(index));
        }
    }

    fn look_at(
        &mut self,
        place: &Place<'_>,
        own: Own<'_>,
        links: &Links,
        samples: &mut Vec<record::Body>,
    ) {
        for (peer, [received, sent]) in self.moved(own, links) {
            match peer {
                Peer::Outside => {
                    for _ in 0..self.strikes(Taken::Outgoing, received) {
                        let (client, server) = (self.client(), inside(own.index));
                        let packet = self.packet(client, (server, SERVER_PORT));
                        self.take(Taken::Outgoing, [None, Some(own)], &packet, samples);
                    }
                    let taken = Taken::Incoming(port(own.index));
                    for _ in 0..self.strikes(taken, sent) {
                        let (client, server) = (self.client(), inside(own.index));
                        let packet = self.packet((server, SERVER_PORT), client);
                        self.take(taken, [Some(own), None], &packet, samples);
                    }
                }
                Peer::Caller(service) | Peer::Called(service) => {
                    for _ in 0..self.strikes(Taken::Overlay, received) {
                        self.take_between(place, own, (peer, service), samples);
                    }
                }
            }
        }
    }

    /// Packets of each link, received and sent, since the last look.
    fn moved<'a>(&mut self, own: Own<'_>, links: &'a Links) -> Vec<(&'a Peer, [f64; 2])> {
        let id = own.task.container.as_deref().unwrap_or_default();
        let Some(seen) = self.seen.get_mut(id) else {
            // What came before the first look is not sampled.
            let before = links.iter().map(|link| [link.bytes_in, link.bytes_out]);
            self.seen.insert(id.to_owned(), before.collect());
            return Vec::new();
        };
        let mut moved = Vec::new();
        for (number, link) in links.iter().enumerate() {
            let now = [link.bytes_in, link.bytes_out];
            if seen.len() <= number {
                seen.push([0.0; 2]);
            }
            if let Some(before) = seen.get_mut(number) {
                let [received, sent] = std::mem::replace(before, now);
                moved.push((
                    &link.peer,
                    [(now[0] - received) / PACKET, (now[1] - sent) / PACKET],
                ));
            }
        }
        moved
    }

    /// A packet that came to a container from another of that service, unless both are on this node.
    fn take_between(
        &mut self,
        place: &Place<'_>,
        own: Own<'_>,
        (peer, service): (&Peer, &str),
        samples: &mut Vec<record::Body>,
    ) {
        let all = place.running.of(service);
        let chosen = self.random.below(all.len() as u64);
        let Some(other) = usize::try_from(chosen).ok().and_then(|at| all.get(at)) else {
            return;
        };
        let node = other.node.as_deref().and_then(|id| place.engine.node(id));
        let Some(node) = node.filter(|node| node.id != place.node.id) else {
            return;
        };
        let client = self.client_port();
        let [from, to] = match peer {
            Peer::Called(_) => [SERVER_PORT, client],
            Peer::Outside | Peer::Caller(_) => [client, SERVER_PORT],
        };
        let packet = Packet {
            between: Some([node.config.address, place.node.config.address]),
            ..self.packet((other.address, from), (own.task.address, to))
        };
        self.take(Taken::Overlay, [None, Some(own)], &packet, samples);
    }

    /// How many of so many packets are sampled.
    fn strikes(&mut self, taken: Taken, packets: f64) -> u32 {
        let rate = self.config.rate.max(1);
        let random = &mut self.random;
        let mut gap = || {
            // Geometric: how many packets until one is chosen, if each has the same chance.
            let chance = 1.0 / f64::from(rate);
            let gap = (1.0 - random.unit()).ln() / (1.0 - chance).ln();
            gap.floor().max(0.0) + 1.0
        };
        let tap = self.taps.entry(taken.index()).or_insert_with(|| Tap {
            gap: gap(),
            ..Tap::default()
        });
        if taken != Taken::Overlay {
            tap.pool += packets;
        }
        tap.gap -= packets;
        let mut strikes = 0;
        while tap.gap <= 0.0 {
            tap.gap += gap();
            strikes += 1;
        }
        strikes
    }

    /// Makes a sample of a packet, or counts it as lost.
    fn take(
        &mut self,
        taken: Taken,
        ends: [Option<Own<'_>>; 2],
        packet: &Packet,
        samples: &mut Vec<record::Body>,
    ) {
        let rate = self.config.rate.max(1);
        let Some(tap) = self.taps.get_mut(&taken.index()) else {
            return;
        };
        if self.taken >= self.config.samples_per_second_max {
            tap.drops = tap.drops.wrapping_add(1);
            return;
        }
        self.taken += 1;
        tap.sequence = tap.sequence.wrapping_add(1);
        if taken == Taken::Overlay {
            tap.pool += f64::from(rate);
        }
        let header = packet.header();
        let of = |end: Option<Own<'_>>| match end {
            Some(own) => DataSource::logical(own.index),
            None => DataSource::interface(0),
        };
        let records: [FlowRecord<'_>; 2] = [
            SampledHeader {
                protocol: HeaderProtocol::ETHERNET,
                frame_length: packet.length() + CHECK_SEQUENCE,
                stripped: CHECK_SEQUENCE,
                header: Opaque::new(&header),
            }
            .into(),
            ExtendedEntities {
                src_ds: of(ends[0]),
                dst_ds: of(ends[1]),
            }
            .into(),
        ];
        let source = DataSource::interface(taken.index());
        let mut sample = FlowSample::compact(tap.sequence, source, rate, &records);
        (sample.sample_pool, sample.drops) = (wrapping_u32(whole(tap.pool)), tap.drops);
        let (own, unknown) = (Interface::index(taken.index()), Interface::index(0));
        (sample.input, sample.output) = match taken {
            Taken::Outgoing => (unknown, own),
            Taken::Incoming(_) | Taken::Overlay => (own, unknown),
        };
        samples.push(record::Body::flow(Sample::Flow(sample)));
    }

    fn packet(&mut self, source: (Ipv4Addr, u16), destination: (Ipv4Addr, u16)) -> Packet {
        let bytes = PACKET + SPREAD * self.random.signed_unit();
        Packet {
            source,
            destination,
            bytes: wrapping_u32(whole(bytes)),
            between: None,
        }
    }

    /// Somebody outside.
    fn client(&mut self) -> (Ipv4Addr, u16) {
        let part = self.random.below(100);
        let client = CLIENTS.iter().find(|(_, below)| part < *below);
        let address = client.map_or(Ipv4Addr::UNSPECIFIED, |(address, _)| (*address).into());
        (address, self.client_port())
    }

    fn client_port(&mut self) -> u16 {
        let port = 32_768 + self.random.below(28_232);
        u16::try_from(port).unwrap_or(u16::MAX)
    }
}

impl Taken {
    /// ifIndex of where it is taken.
    const fn index(self) -> u32 {
        match self {
            Self::Incoming(port) => port,
            Self::Outgoing => GATEWAY,
            Self::Overlay => OUTWARD,
        }
    }
}

/// ifIndex of a container's port of docker_gwbridge.
const fn port(index: u32) -> u32 {
    FIRST_PORT + (index - CONTAINER_INDEX)
}

/// A container's address on docker_gwbridge, which is its node's own.
fn inside(index: u32) -> Ipv4Addr {
    let [_, _, high, low] = (index - CONTAINER_INDEX + 2).to_be_bytes();
    Ipv4Addr::new(172, 18, high, low)
}
