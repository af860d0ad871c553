//! What the collector keeps of one counter sample, in its own terms. The only module that knows the codec's records.

use std::net::{IpAddr, SocketAddr};

use sflow::{
    Address, CountersSample, Datagram, ErrorKind, RawRecord, Sample, Structure,
    counter::{
        CpuThrottling, HostCpu, HostDescr, HostMemory, HostNetIo, MemoryDetail, Mib2TcpGroup,
        Pressure, TcpListen, VirtCpu, VirtDiskIo, VirtMemory, VirtNetIo,
    },
};

use crate::{
    agent::Header,
    config::Rules,
    extra::ExtraSample,
    host::sum_known,
    shard::{Arrival, Occupancy, Shard},
    uuid::ContainerUuid,
};

/// sFlow's "unknown" for a 32-bit counter.
pub(crate) const UNKNOWN_32: u32 = u32::MAX;
/// sFlow's "unknown" for a 64-bit counter.
pub(crate) const UNKNOWN_64: u64 = u64::MAX;

/// Counters of a container that only grow, all ones where unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counters {
    pub(crate) cpu_time_ms: u32,
    /// In, out; read, written.
    pub(crate) bytes: [u64; 4],
    /// Packets, errors, drops in; packets, errors, drops out; read and write requests.
    pub(crate) events: [u32; 8],
}

impl Counters {
    pub(crate) const UNKNOWN: Self = Self {
        cpu_time_ms: UNKNOWN_32,
        bytes: [UNKNOWN_64; 4],
        events: [UNKNOWN_32; 8],
    };
}

/// `virt_cpu.state`, after libvirt; `None` without the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RunState {
    Running,
    Paused,
    /// Shutting down, shut off or crashed.
    Ended,
    /// No state, blocked, or a number this crate does not know.
    Other,
}

impl RunState {
    pub(crate) fn from_wire(state: u32) -> Self {
        match state {
            1 => Self::Running,
            3 => Self::Paused,
            4..=6 => Self::Ended,
            _ => Self::Other,
        }
    }
}

/// One counter sample of a container.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ContainerSample<'a> {
    pub(crate) sequence: u32,
    pub(crate) name: Option<&'a [u8]>,
    /// Unknown when the sample carries no `host_descr`.
    pub(crate) uuid: ContainerUuid,
    pub(crate) state: RunState,
    pub(crate) counters: Counters,
    /// Bytes; 0 is unknown.
    pub(crate) memory: u64,
    /// Bytes; 0 is unknown.
    pub(crate) memory_max: u64,
    /// What only our own agent says.
    pub(crate) extra: ExtraSample,
}

/// One counter sample of a host (data source 2:1).
#[derive(Clone, Copy, Debug)]
pub(crate) struct HostSample<'a> {
    pub(crate) sequence: u32,
    pub(crate) name: Option<&'a [u8]>,
    pub(crate) uuid: ContainerUuid,
    /// 0 is unknown.
    pub(crate) cpu_num: u32,
    /// sFlow's number for the operating system; 0 is unknown.
    pub(crate) os_name: u32,
    /// One, five, fifteen minutes; negative is unknown.
    pub(crate) load: [f32; 3],
    /// Milliseconds of all processors: busy, and idle or waiting for I/O.
    pub(crate) cpu_busy_idle_ms: Option<[u32; 2]>,
    /// Milliseconds of all processors that the hypervisor gave to others, part of the busy ones; all ones is unknown.
    pub(crate) cpu_steal_ms: u32,
    /// Bytes: total, free, and buffers + cached.
    pub(crate) memory: Option<[u64; 3]>,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
}

/// Decodes a datagram and hands its host and container samples to the shard. What is bad costs only itself.
pub(crate) fn datagram(
    shard: &mut Shard,
    source: SocketAddr,
    bytes: &[u8],
    (now_ms, rules, occupancy): (u64, &Rules, &Occupancy),
) {
    let datagram = match Datagram::decode(bytes) {
        Ok(datagram) => datagram,
        Err(error) => return shard.stats.count_error(error.reason()),
    };
    let header = Header {
        agent: match datagram.agent {
            Address::Unknown => None,
            Address::Ipv4(address) => Some(IpAddr::V4(address)),
            Address::Ipv6(address) => Some(IpAddr::V6(address)),
        },
        sub_agent: datagram.sub_agent,
        sequence: datagram.sequence,
        uptime_ms: datagram.uptime_ms,
    };
    let Some(mut arrival) = shard.arrive(source, &header, now_ms, (rules, occupancy)) else {
        return;
    };
    for sample in datagram.samples() {
        match sample {
            Ok(Sample::Counters(counters)) => {
                shard.stats.counter_samples += 1;
                sample_into(shard, &mut arrival, &counters, (rules, occupancy));
            }
            Ok(Sample::Flow(flow)) => shard.flow_sample(&arrival, &flow),
            Ok(_) => shard.stats.other_samples += 1,
            Err(error) => shard.stats.count_error(error.reason()),
        }
    }
}

/// Records decide what a sample is about: any `virt_…` of a guest makes it a container's, `host_cpu` or `host_memory` a host's.
///
/// Only the records used are decoded: in the others a bad string or array goes unnoticed, a bad length does not.
fn sample_into<'a>(
    shard: &mut Shard,
    arrival: &mut Arrival,
    counters: &CountersSample<'a>,
    (rules, occupancy): (&Rules, &Occupancy),
) {
    let mut container = ContainerSample {
        sequence: counters.sequence,
        name: None,
        uuid: ContainerUuid::UNKNOWN,
        state: RunState::Running,
        counters: Counters::UNKNOWN,
        memory: 0,
        memory_max: 0,
        extra: ExtraSample::NONE,
    };
    let (mut is_container, mut is_host) = (false, false);
    for record in counters.raw_records() {
        match record {
            Ok(record) => match container.take(&record) {
                Ok(About::Container) => is_container = true,
                Ok(About::Host) => is_host = true,
                Ok(About::Either) => {}
                Err(kind) => shard.stats.count_error(kind.reason()),
            },
            Err(error) => shard.stats.count_error(error.reason()),
        }
    }
    if is_container {
        let key = (counters.data_source.class.0, counters.data_source.index);
        shard.container_sample(arrival, key, &container, (rules, occupancy));
    } else if is_host {
        let host = HostSample::of(counters, &container);
        shard.host_sample(arrival, &host, rules);
    }
}

/// What a record says of the data source it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    Container,
    Host,
    Either,
}

impl<'a> ContainerSample<'a> {
    /// Takes over what a record says, if it is one of a container's.
    #[inline(always)]
    fn take(&mut self, record: &RawRecord<'a>) -> Result<About, ErrorKind> {
        let Counters {
            cpu_time_ms,
            bytes,
            events,
        } = &mut self.counters;
        if let Some(cpu) = record.decode::<VirtCpu>() {
            let cpu = cpu?;
            self.state = RunState::from_wire(cpu.state.0);
            *cpu_time_ms = cpu.cpu_time;
        } else if let Some(memory) = record.decode::<VirtMemory>() {
            let memory = memory?;
            (self.memory, self.memory_max) = (memory.memory, memory.max_memory);
        } else if let Some(net) = record.decode::<VirtNetIo>() {
            let net = net?;
            [bytes[0], bytes[1]] = [net.rx_bytes, net.tx_bytes];
            [events[0], events[1], events[2]] = [net.rx_packets, net.rx_errs, net.rx_drop];
            [events[3], events[4], events[5]] = [net.tx_packets, net.tx_errs, net.tx_drop];
        } else if let Some(disk) = record.decode::<VirtDiskIo>() {
            let disk = disk?;
            [bytes[2], bytes[3]] = [disk.rd_bytes, disk.wr_bytes];
            [events[6], events[7]] = [disk.rd_req, disk.wr_req];
        } else if let Some(descr) = record.decode::<HostDescr<'a>>() {
            let descr = descr?;
            self.name = Some(descr.hostname.as_bytes()).filter(|name| !name.is_empty());
            self.uuid = ContainerUuid(descr.uuid.0);
            return Ok(About::Either);
        } else if self.take_extra(record)? {
            return Ok(About::Either);
        } else {
            let host = [HostCpu::TAG, HostMemory::TAG].contains(&record.tag);
            return Ok(if host { About::Host } else { About::Either });
        }
        Ok(About::Container)
    }
}

impl ContainerSample<'_> {
    /// Takes over what our own agent adds; says whether the record was such a one. A host has some of them too.
    fn take_extra(&mut self, record: &RawRecord<'_>) -> Result<bool, ErrorKind> {
        let ExtraSample {
            counters: [throttled, cpu, memory, io, overflows],
            connections,
            working_set,
        } = &mut self.extra;
        if let Some(throttling) = record.decode::<CpuThrottling>() {
            *throttled = throttling?.throttled_time;
        } else if let Some(pressure) = record.decode::<Pressure>() {
            let pressure = pressure?;
            (*cpu, *memory, *io) = (pressure.cpu_some, pressure.memory_some, pressure.io_some);
        } else if let Some(listen) = record.decode::<TcpListen>() {
            *overflows = ExtraSample::widened(listen?.overflows);
        } else if let Some(tcp) = record.decode::<Mib2TcpGroup>() {
            *connections = tcp?.tcp_curr_estab;
        } else if let Some(detail) = record.decode::<MemoryDetail>() {
            *working_set = detail?.working_set;
        } else {
            return Ok(false);
        }
        Ok(true)
    }
}

impl<'a> HostSample<'a> {
    /// Reads a host's records; `descr` has the name and UUID. A host has one such sample for all its containers' ones.
    #[inline(never)]
    fn of(counters: &CountersSample<'a>, descr: &ContainerSample<'a>) -> Self {
        let mut host = Self {
            sequence: counters.sequence,
            name: descr.name,
            uuid: descr.uuid,
            cpu_num: 0,
            os_name: 0,
            load: [-1.0; 3],
            cpu_busy_idle_ms: None,
            cpu_steal_ms: UNKNOWN_32,
            memory: None,
            bytes_in: UNKNOWN_64,
            bytes_out: UNKNOWN_64,
        };
        // The caller has counted what is wrong.
        for record in counters.raw_records().flatten() {
            if let Some(Ok(cpu)) = record.decode::<HostCpu>() {
                host.take_cpu(&cpu);
            } else if let Some(Ok(memory)) = record.decode::<HostMemory>() {
                let cache = memory.mem_buffers.saturating_add(memory.mem_cached);
                host.memory =
                    (memory.mem_total > 0).then_some([memory.mem_total, memory.mem_free, cache]);
            } else if let Some(Ok(net)) = record.decode::<HostNetIo>() {
                (host.bytes_in, host.bytes_out) = (net.bytes_in, net.bytes_out);
            } else if let Some(Ok(descr)) = record.decode::<HostDescr<'_>>() {
                host.os_name = descr.os_name.0;
            }
        }
        host
    }

    fn take_cpu(&mut self, cpu: &HostCpu) {
        self.cpu_num = cpu.cpu_num;
        self.load = [cpu.load_one, cpu.load_five, cpu.load_fifteen];
        // Guest time is part of user time.
        let busy = [
            cpu.cpu_user,
            cpu.cpu_nice,
            cpu.cpu_system,
            cpu.cpu_intr,
            cpu.cpu_sintr,
            cpu.cpu_steal,
        ];
        self.cpu_steal_ms = cpu.cpu_steal;
        let idle = [cpu.cpu_idle, cpu.cpu_wio];
        self.cpu_busy_idle_ms =
            (cpu.cpu_idle != UNKNOWN_32).then(|| [sum_known(&busy), sum_known(&idle)]);
    }
}
