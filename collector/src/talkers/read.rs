//! One flow sample to one flow. What it lacks is a reason not to count it, never a guess.

use std::net::IpAddr;

use sflow::{
    DataSource, DataSourceClass, FlowRecord, FlowSample, IpHeader, PacketHeader,
    flow::SampledHeader,
};

use super::{Endpoint, Flow, FlowKey};
use crate::uuid::ContainerUuid;

/// Why a flow sample is not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dropped {
    /// It tells of no packet, as samples of applications do.
    NoPacket,
    /// The packet is no IP packet, or was cut before its addresses.
    NotIp,
    /// It stands for no packets.
    NoRate,
}

/// What of the agent a flow sample is read with.
pub(crate) trait Place {
    /// The container that is this data source of the agent.
    fn container(&self, source: DataSource) -> Option<ContainerUuid>;
    /// Where the agent's datagrams come from.
    fn host(&self) -> IpAddr;
}

/// What the records say of the packet.
#[derive(Debug, Default)]
struct Packet {
    bytes: Option<u32>,
    addresses: Option<[IpAddr; 2]>,
    protocol: u8,
    ports: Option<[u16; 2]>,
    entities: [Option<DataSource>; 2],
}

/// Reads a sample; bad records are passed to `bad` and cost only themselves.
pub(crate) fn flow(
    sample: &FlowSample<'_>,
    place: &impl Place,
    mut bad: impl FnMut(&'static str),
) -> Result<Flow, Dropped> {
    if sample.sampling_rate == 0 {
        return Err(Dropped::NoRate);
    }
    let mut packet = Packet::default();
    for record in sample.records() {
        match record {
            Ok(record) => packet.take(&record),
            Err(error) => bad(error.reason()),
        }
    }
    let bytes = packet.bytes.ok_or(Dropped::NoPacket)?;
    let addresses = packet.addresses.ok_or(Dropped::NotIp)?;
    let [source, destination] = [0, 1].map(|end| {
        let address = Endpoint::Address(addresses[end]);
        packet.entities[end]
            .and_then(|entity| named(entity, place))
            .unwrap_or(address)
    });
    let [from, to] = packet.ports.unwrap_or_default();
    Ok(Flow {
        key: FlowKey {
            source,
            destination,
            protocol: packet.protocol,
            port: from.min(to),
        },
        bytes,
        rate: sample.sampling_rate,
    })
}

fn named(entity: DataSource, place: &impl Place) -> Option<Endpoint> {
    match entity.class {
        DataSourceClass::LOGICAL_ENTITY => place.container(entity).map(Endpoint::Container),
        DataSourceClass::PHYSICAL_ENTITY => Some(Endpoint::Host(place.host())),
        _ => None,
    }
}

impl Packet {
    fn take(&mut self, record: &FlowRecord<'_>) {
        match record {
            FlowRecord::SampledHeader(header) => self.take_header(header),
            // A header says more; these are for agents that send none.
            FlowRecord::SampledIpv4(ip) if self.addresses.is_none() => {
                self.addresses = Some([ip.src_ip.into(), ip.dst_ip.into()]);
                self.take_fields(ip.length, ip.protocol, [ip.src_port, ip.dst_port]);
            }
            FlowRecord::SampledIpv6(ip) if self.addresses.is_none() => {
                self.addresses = Some([ip.src_ip.into(), ip.dst_ip.into()]);
                self.take_fields(ip.length, ip.protocol, [ip.src_port, ip.dst_port]);
            }
            FlowRecord::ExtendedEntities(entities) => {
                self.entities = [Some(entities.src_ds), Some(entities.dst_ds)];
            }
            _ => {}
        }
    }

    fn take_header(&mut self, header: &SampledHeader<'_>) {
        self.bytes = Some(header.frame_length.saturating_sub(header.stripped));
        let outer = PacketHeader::read(header.protocol, header.header.as_bytes());
        // Between two nodes an overlay's packet is what talks, not the nodes that carry it.
        let inner = outer.inside_vxlan().and_then(|inner| inner.ip);
        if let Some(IpHeader {
            source,
            destination,
            protocol,
            ports,
            ..
        }) = inner.or(outer.ip)
        {
            self.addresses = Some([source.to_canonical(), destination.to_canonical()]);
            (self.protocol, self.ports) = (protocol, ports);
        }
    }

    fn take_fields(&mut self, length: u32, protocol: u32, ports: [u32; 2]) {
        self.bytes = self.bytes.or(Some(length));
        self.protocol = u8::try_from(protocol).unwrap_or(0);
        let [from, to] = ports.map(u16::try_from);
        self.ports = from.ok().zip(to.ok()).map(|(from, to)| [from, to]);
    }
}
