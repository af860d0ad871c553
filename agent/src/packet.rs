//! A captured packet to a flow sample: whose it is, and what the standard wants to know of where it was taken. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
};

use sflow::{
    DataSource, FlowRecord, FlowSample, HeaderProtocol, Interface, IpHeader, Opaque, PacketHeader,
    Sample,
    flow::{ExtendedEntities, SampledHeader},
};

use crate::sample::{HOST, bare};

/// Bytes of a packet that are taken.
pub const HEADER_BYTES: usize = 128;

/// Which packets of an interface are sampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Taken {
    /// Those that come in.
    Incoming,
    /// Those that go out.
    Outgoing,
    /// Those that come in and carry an overlay network's packet: VXLAN over IPv4.
    Overlay,
}

/// A packet as the kernel hands it over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// Bytes of the frame without check sequence, with what the card took off (VLAN).
    pub length: u32,
    /// Its first bytes, at most [`HEADER_BYTES`].
    pub header: Vec<u8>,
}

/// Bytes of an Ethernet frame's check sequence, which no interface of Linux shows.
const CHECK_SEQUENCE: u32 = 4;

/// Who has which address on this node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Owners {
    containers: BTreeMap<IpAddr, Option<DataSource>>,
    host: BTreeSet<IpAddr>,
    collectors: BTreeSet<SocketAddr>,
}

impl Owners {
    /// Notes an address of a container. One that two containers have, as services' virtual ones, is nobody's.
    pub fn add(&mut self, address: IpAddr, container: DataSource) {
        self.containers
            .entry(address)
            .and_modify(|owner| *owner = owner.filter(|owner| *owner == container))
            .or_insert(Some(container));
    }

    /// Notes an address of the host.
    pub fn add_host(&mut self, address: IpAddr) {
        self.host.insert(address);
    }

    /// Notes where the agent sends its datagrams, which are not sampled.
    pub fn add_collector(&mut self, address: SocketAddr) {
        self.collectors.insert(address);
    }

    /// Number of containers' addresses.
    #[must_use]
    pub fn len(&self) -> usize {
        self.containers.len()
    }

    /// Whether no container has an address.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.containers.is_empty()
    }

    fn is_own(&self, ip: &IpHeader<'_>) -> bool {
        const UDP: u8 = 17;
        let port = ip.ports.filter(|_| ip.protocol == UDP).map(|[_, to]| to);
        port.is_some_and(|port| {
            let to = SocketAddr::new(ip.destination, port);
            self.collectors.contains(&to)
        })
    }

    fn of(&self, address: IpAddr) -> Option<DataSource> {
        let container = self.containers.get(&address).copied().flatten();
        container.or_else(|| self.host.contains(&address).then_some(HOST))
    }
}

/// One interface that is sampled.
#[derive(Debug, Clone)]
pub struct Tapped {
    /// ifIndex.
    pub index: u32,
    /// What is taken there.
    pub taken: Taken,
    /// One in so many.
    pub rate: u32,
    /// Packets that could have been sampled, since the tap was opened.
    pub pool: u32,
    /// Samples lost, since then.
    pub drops: u32,
    sequence: u32,
}

/// What became of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The body of a flow sample.
    Sample(Vec<u8>),
    /// It was taken into account where it came from.
    Duplicate,
    /// It is one of the agent's own datagrams: sampling them would make ever more of them.
    Own,
}

impl Tapped {
    /// An interface whose tap has just been opened.
    #[must_use]
    pub const fn new(index: u32, taken: Taken, rate: u32) -> Self {
        Self {
            index,
            taken,
            rate,
            pool: 0,
            drops: 0,
            sequence: 0,
        }
    }

    /// Makes a flow sample of a packet.
    pub fn sample(&mut self, packet: &Packet, owners: &Owners) -> Outcome {
        let header = PacketHeader::ethernet(&packet.header);
        let inner = header.inside_vxlan().and_then(|inner| inner.ip);
        let ip = inner.or(header.ip);
        if ip.is_some_and(|ip| owners.is_own(&ip)) {
            return Outcome::Own;
        }
        let [source, destination] = match ip {
            Some(ip) => [ip.source, ip.destination].map(|address| owners.of(address)),
            None => [None; 2],
        };
        // A container's packet that the host brings from one bridge to another came into the first.
        let of_container = source.is_some_and(|source| source != HOST);
        if self.taken == Taken::Outgoing && of_container {
            return Outcome::Duplicate;
        }
        // The header comes first: some decoders do not find their way past a record that they do not know.
        let mut records: Vec<FlowRecord<'_>> = vec![
            SampledHeader {
                protocol: HeaderProtocol::ETHERNET,
                frame_length: packet.length.saturating_add(CHECK_SEQUENCE),
                stripped: CHECK_SEQUENCE,
                header: Opaque::new(&packet.header),
            }
            .into(),
        ];
        if source.is_some() || destination.is_some() {
            let unknown = DataSource::interface(0);
            records.push(
                ExtendedEntities {
                    src_ds: source.unwrap_or(unknown),
                    dst_ds: destination.unwrap_or(unknown),
                }
                .into(),
            );
        }
        self.sequence = self.sequence.wrapping_add(1);
        let own = Interface::index(self.index);
        // What the host itself sends begins inside; what it forwards came from an interface that this one does not know.
        let inside = if source == Some(HOST) {
            Interface::INTERNAL
        } else {
            Interface::index(0)
        };
        let [input, output] = match self.taken {
            Taken::Outgoing => [inside, own],
            Taken::Incoming | Taken::Overlay => [own, Interface::index(0)],
        };
        let source = DataSource::interface(self.index);
        let mut sample = FlowSample::compact(self.sequence, source, self.rate, &records);
        (sample.sample_pool, sample.drops) = (self.pool, self.drops);
        (sample.input, sample.output) = (input, output);
        Outcome::Sample(bare(Sample::Flow(sample)))
    }
}

#[cfg(test)]
mod tests;
