//! The bytes of the agent's samples and datagrams: records and their order are hsflowd's.

use std::net::IpAddr;
use std::time::Duration;

use sflow::counter::{
    Adapter, HostAdapters, HostCpu, HostDescr, HostDiskIo, HostMemory, HostNetIo, HostParent,
    VirtCpu, VirtDiskIo, VirtMemory, VirtNetIo, VirtNode,
};
use sflow::{
    Address, CounterRecord, CountersSample, DataSource, Datagram, DomainState, List, Mac,
    MachineType, Opaque, OsName, RawRecord, RawSample, Sample, Tag, Text, Uuid,
};

use super::ContainerState;
use crate::engine::Node;
use crate::random::{whole, wrapping_u32};
use crate::workload::{Meter, NodeTotal};

/// `counters_sample_expanded`.
const COUNTERS_EXPANDED: Tag = Tag::new(0, 4);
/// `flow_sample`.
const FLOW: Tag = Tag::new(0, 1);
/// Bytes before the body of the first sample in a datagram of an IPv4 agent.
const BEFORE_BODY: usize = 36;
/// Megahertz of every simulated core.
const MHZ: u32 = 2600;
const OS_RELEASE: &str = "6.18.0-simulated";

/// A container as one sample describes it.
#[derive(Debug)]
pub(super) struct Container<'a> {
    pub(super) id: &'a str,
    pub(super) name: &'a str,
    pub(super) index: u32,
    pub(super) sequence: u32,
    /// Milliseconds, modulo 2^32.
    pub(super) cpu_time_ms: u32,
    pub(super) state: ContainerState,
    pub(super) meter: &'a Meter,
    /// Memory of the node, which hsflowd reports where the container has no limit.
    pub(super) node_memory: u64,
}

/// What a node's containers have done together.
#[derive(Debug, Default)]
pub(super) struct Busy {
    pub(super) total: NodeTotal,
    /// Bytes in use at the moment.
    pub(super) memory: f64,
    /// Running containers.
    pub(super) containers: u32,
}

/// What a datagram says before its samples.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) agent: IpAddr,
    pub(super) sub_agent: u32,
    pub(super) sequence: u32,
    pub(super) uptime: Duration,
}

/// A sample without its tag and length.
#[derive(Clone, Debug)]
pub(super) struct Body {
    tag: Tag,
    bytes: Vec<u8>,
}

impl Body {
    /// A compact flow sample.
    pub(super) fn flow(sample: Sample<'_>) -> Self {
        let bytes = bare(sample);
        Self { tag: FLOW, bytes }
    }

    pub(super) const fn len(&self) -> usize {
        self.bytes.len()
    }
}

/// Returns the body of a container's counters sample.
pub(super) fn container(container: &Container<'_>) -> Body {
    let meter = container.meter;
    let max_memory = if meter.memory_limit == 0 {
        container.node_memory
    } else {
        meter.memory_limit
    };
    let state = match container.state {
        ContainerState::Running => 1,
        ContainerState::Paused => 3,
        ContainerState::Exited => 4,
    };
    let records = [
        HostAdapters {
            adapters: List::new(&[]),
        }
        .into(),
        VirtDiskIo {
            capacity: 0,
            allocation: 0,
            available: 0,
            rd_req: 0,
            rd_bytes: 0,
            wr_req: 0,
            wr_bytes: 0,
            errs: 0,
        }
        .into(),
        VirtMemory {
            memory: whole(meter.memory),
            max_memory,
        }
        .into(),
        VirtCpu {
            state: DomainState(state),
            cpu_time: container.cpu_time_ms,
            nr_virt_cpu: virtual_cpus(meter.cpu_limit_nano),
        }
        .into(),
        VirtNetIo {
            rx_bytes: whole(meter.bytes_in),
            rx_packets: wrapping_u32(Meter::packets(meter.bytes_in)),
            rx_errs: 0,
            rx_drop: 0,
            tx_bytes: whole(meter.bytes_out),
            tx_packets: wrapping_u32(Meter::packets(meter.bytes_out)),
            tx_errs: 0,
            tx_drop: 0,
        }
        .into(),
        HostParent {
            container_type: 2,
            container_index: 1,
        }
        .into(),
        description(container.name, uuid(container.id)),
    ];
    body(
        container.sequence,
        DataSource::logical(container.index),
        &records,
    )
}

/// Returns the body of the node's own counters sample.
pub(super) fn host(node: &Node, busy: &Busy, sequence: u32, now: Duration) -> Body {
    let memory = node.config.memory;
    let used = whole(busy.memory).saturating_add(512 << 20).min(memory);
    let [a, b, c, d] = address_bytes(node);
    let mac_addresses = [Mac([2, 0x42, a, b, c, d])];
    let adapters = [Adapter {
        if_index: 2,
        mac_address: List::new(&mac_addresses),
    }];
    let records = [
        VirtNode {
            mhz: MHZ,
            cpus: node.config.cpus,
            memory,
            memory_free: memory - used,
            num_domains: busy.containers,
        }
        .into(),
        HostAdapters {
            adapters: List::new(&adapters),
        }
        .into(),
        zeros(2010, &[0; 28]),
        zeros(2009, &[0; 60]),
        zeros(2008, &[0; 100]),
        zeros(2007, &[0; 76]),
        disk().into(),
        host_memory(memory, used).into(),
        host_cpu(node, busy, now).into(),
        HostNetIo {
            bytes_in: whole(busy.total.bytes_in),
            pkts_in: wrapping_u32(Meter::packets(busy.total.bytes_in)),
            errs_in: 0,
            drops_in: 0,
            bytes_out: whole(busy.total.bytes_out),
            packets_out: wrapping_u32(Meter::packets(busy.total.bytes_out)),
            errs_out: 0,
            drops_out: 0,
        }
        .into(),
        description(
            &node.config.name,
            uuid(&format!("{a:02x}{b:02x}{c:02x}{d:02x}{:024x}", 1)),
        ),
    ];
    body(sequence, DataSource::physical(1), &records)
}

/// Returns a datagram of samples, given by their bodies.
pub(super) fn datagram(header: &Header, bodies: &[Body]) -> Vec<u8> {
    let samples: Vec<_> = bodies.iter().map(raw_sample).collect();
    let uptime_ms = wrapping_u32(u64::try_from(header.uptime.as_millis()).unwrap_or(0));
    Datagram::new(
        Address::from(header.agent),
        header.sub_agent,
        header.sequence,
        uptime_ms,
        &samples,
    )
    .encode()
}

fn raw_sample(body: &Body) -> Sample<'_> {
    Sample::Unknown(RawSample {
        tag: body.tag,
        data: Opaque::new(&body.bytes),
    })
}

/// hsflowd rounds the limit to whole cores: 0 without a limit and below half a core.
fn virtual_cpus(nano: u64) -> u32 {
    wrapping_u32(nano.saturating_add(500_000_000) / 1_000_000_000)
}

fn description<'a>(name: &'a str, uuid: Uuid) -> CounterRecord<'a> {
    HostDescr {
        hostname: Text::from(name),
        uuid,
        machine_type: MachineType::X86_64,
        os_name: OsName::LINUX,
        os_release: Text::from(OS_RELEASE),
    }
    .into()
}

fn body(sequence: u32, source: DataSource, records: &[CounterRecord<'_>]) -> Body {
    let sample = Sample::Counters(CountersSample::expanded(sequence, source, records));
    Body {
        tag: COUNTERS_EXPANDED,
        bytes: bare(sample),
    }
}

fn bare(sample: Sample<'_>) -> Vec<u8> {
    let samples = [sample];
    let mut bytes = Datagram::new(Address::from([0, 0, 0, 0]), 0, 0, 0, &samples).encode();
    bytes.drain(..BEFORE_BODY.min(bytes.len()));
    bytes
}

/// A record whose counters are all 0.
fn zeros(format: u32, bytes: &[u8]) -> CounterRecord<'_> {
    CounterRecord::Unknown(RawRecord {
        tag: Tag::new(0, format),
        data: Opaque::new(bytes),
    })
}

fn disk() -> HostDiskIo {
    HostDiskIo {
        disk_total: 64 << 30,
        disk_free: 48 << 30,
        part_max_used: 2500,
        reads: 1000,
        bytes_read: 1000 << 12,
        read_time: 500,
        writes: 1000,
        bytes_written: 1000 << 12,
        write_time: 500,
    }
}

fn host_memory(total: u64, used: u64) -> HostMemory {
    HostMemory {
        mem_total: total,
        mem_free: total - used,
        mem_shared: 0,
        mem_buffers: 0,
        mem_cached: 0,
        swap_total: 0,
        swap_free: 0,
        page_in: 0,
        page_out: 0,
        swap_in: 0,
        swap_out: 0,
    }
}

fn host_cpu(node: &Node, busy: &Busy, now: Duration) -> HostCpu {
    let up = now.saturating_sub(node.powered_since);
    let all = now.as_secs_f64() * f64::from(node.config.cpus);
    let load = (busy.total.cpu_seconds / now.as_secs_f64().max(1.0)).clamp(0.0, 1000.0);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a load average needs no more digits"
    )]
    let load = load as f32;
    HostCpu {
        load_one: load,
        load_five: load,
        load_fifteen: load,
        proc_run: 1,
        proc_total: 100,
        cpu_num: node.config.cpus,
        cpu_speed: MHZ,
        uptime: wrapping_u32(up.as_secs()),
        cpu_user: wrapping_u32(whole(busy.total.cpu_seconds * 900.0)),
        cpu_nice: 0,
        cpu_system: wrapping_u32(whole(busy.total.cpu_seconds * 100.0)),
        cpu_idle: wrapping_u32(whole((all - busy.total.cpu_seconds) * 1000.0)),
        cpu_wio: 0,
        cpu_intr: 0,
        cpu_sintr: 0,
        interrupts: 0,
        contexts: 0,
        cpu_steal: 0,
        cpu_guest: 0,
        cpu_guest_nice: 0,
    }
}

/// The first 16 bytes of a container's id.
fn uuid(id: &str) -> Uuid {
    let mut bytes = [0; 16];
    let digits = id
        .as_bytes()
        .chunks_exact(2)
        .filter_map(|pair| std::str::from_utf8(pair).ok());
    for (byte, pair) in bytes.iter_mut().zip(digits) {
        *byte = u8::from_str_radix(pair, 16).unwrap_or(0);
    }
    Uuid(bytes)
}

fn address_bytes(node: &Node) -> [u8; 4] {
    match node.config.address {
        IpAddr::V4(address) => address.octets(),
        IpAddr::V6(address) => {
            let [.., a, b, c, d] = address.octets();
            [a, b, c, d]
        }
    }
}
