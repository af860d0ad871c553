//! Counters to the records of a sample, named and ordered as hsflowd's, with what it lacks before the last two.

mod host;

pub(crate) use host::host;

use sflow::{
    CounterRecord, CountersSample, DataSource, Datagram, DomainState, List, MachineType, OsName,
    Sample, Text, Uuid,
    counter::{
        CpuThrottling, HostAdapters, HostDescr, HostParent, Mib2TcpGroup, Pressure, TcpListen,
        VirtCpu, VirtDiskIo, VirtMemory, VirtNetIo,
    },
};

use crate::counters::{ContainerCounters, Disk, Memory, Pressures, State, Tcp, Traffic};

/// The host as a data source: 2:1.
pub(crate) const HOST: DataSource = DataSource::physical(1);

/// sFlow's "unknown" for counters.
const UNKNOWN_32: u32 = u32::MAX;
const UNKNOWN_64: u64 = u64::MAX;

/// What a container's sample says besides its counters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Container<'a> {
    pub(crate) name: &'a str,
    pub(crate) uuid: [u8; 16],
    pub(crate) index: u32,
    pub(crate) sequence: u32,
    /// Memory of the host, bytes, which stands for a limit where there is none.
    pub(crate) host_memory: u64,
    pub(crate) os_release: &'a str,
    /// Whether structures of our own are sent.
    pub(crate) extensions: bool,
}

/// Returns the body of a container's counters sample.
pub(crate) fn container(about: &Container<'_>, counters: &ContainerCounters) -> Vec<u8> {
    let mut records = vec![
        HostAdapters {
            adapters: List::new(&[]),
        }
        .into(),
        disk(counters.disk).into(),
        memory(&counters.memory, about.host_memory).into(),
        cpu(counters).into(),
        network(counters.network).into(),
    ];
    records.extend(counters.tcp.map(tcp));
    if about.extensions {
        extensions(counters, &mut records);
    }
    records.push(
        HostParent {
            container_type: HOST.class.0,
            container_index: HOST.index,
        }
        .into(),
    );
    records.push(description(about.name, about.uuid, about.os_release));
    body(about.sequence, DataSource::logical(about.index), &records)
}

/// Returns the body of a sample, in the compact form where the data source fits, as the standard demands.
pub(crate) fn body(sequence: u32, source: DataSource, records: &[CounterRecord<'_>]) -> Vec<u8> {
    bare(Sample::Counters(CountersSample::compact(
        sequence, source, records,
    )))
}

/// The bytes of a sample behind its tag and length.
pub(crate) fn bare(sample: Sample<'_>) -> Vec<u8> {
    // An IPv4 header of 28 bytes, tag and length.
    const BEFORE: usize = 36;
    let samples = [sample];
    let address = sflow::Address::from([0, 0, 0, 0]);
    let mut bytes = Datagram::new(address, 0, 0, 0, &samples).encode();
    bytes.drain(..BEFORE.min(bytes.len()));
    bytes
}

pub(crate) fn description<'a>(
    name: &'a str,
    uuid: [u8; 16],
    os_release: &'a str,
) -> CounterRecord<'a> {
    HostDescr {
        hostname: Text::from(name),
        uuid: Uuid(uuid),
        machine_type: MACHINE,
        os_name: OsName::LINUX,
        os_release: Text::from(os_release),
    }
    .into()
}

const MACHINE: MachineType = if cfg!(target_arch = "x86_64") {
    MachineType::X86_64
} else if cfg!(target_arch = "x86") {
    MachineType::X86
} else if cfg!(any(target_arch = "arm", target_arch = "aarch64")) {
    MachineType::ARM
} else if cfg!(target_arch = "s390x") {
    MachineType::S390
} else if cfg!(any(target_arch = "powerpc", target_arch = "powerpc64")) {
    MachineType::POWERPC
} else {
    MachineType::OTHER
};

/// A counter of 32 bits, which wraps.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the mask keeps it within 32 bits"
)]
pub(crate) const fn wrapped(value: u64) -> u32 {
    (value & UNKNOWN_32 as u64) as u32
}

/// A counter of 32 bits that may be unknown.
pub(crate) fn counter(value: Option<u64>) -> u32 {
    value.map_or(UNKNOWN_32, wrapped)
}

fn cpu(counters: &ContainerCounters) -> VirtCpu {
    let milli = counters.cpu_limit_milli.unwrap_or(0);
    VirtCpu {
        state: match counters.state {
            State::Running => DomainState::RUNNING,
            State::Paused => DomainState::PAUSED,
            State::Ended => DomainState::SHUTDOWN,
        },
        cpu_time: counter(counters.cpu_time_ns.map(|ns| ns / 1_000_000)),
        nr_virt_cpu: wrapped(milli.saturating_add(500) / 1000),
    }
}

fn memory(memory: &Memory, host_memory: u64) -> VirtMemory {
    VirtMemory {
        memory: memory.used.unwrap_or(0),
        max_memory: memory.limit.unwrap_or(host_memory),
    }
}

fn disk(disk: Option<Disk>) -> VirtDiskIo {
    VirtDiskIo {
        capacity: 0,
        allocation: 0,
        available: 0,
        rd_req: counter(disk.map(|disk| disk.reads)),
        rd_bytes: disk.map_or(UNKNOWN_64, |disk| disk.bytes_read),
        wr_req: counter(disk.map(|disk| disk.writes)),
        wr_bytes: disk.map_or(UNKNOWN_64, |disk| disk.bytes_written),
        errs: UNKNOWN_32,
    }
}

fn network(traffic: Option<Traffic>) -> VirtNetIo {
    VirtNetIo {
        rx_bytes: traffic.map_or(UNKNOWN_64, |t| t.bytes_in),
        rx_packets: counter(traffic.map(|t| t.packets_in)),
        rx_errs: counter(traffic.map(|t| t.errors_in)),
        rx_drop: counter(traffic.map(|t| t.drops_in)),
        tx_bytes: traffic.map_or(UNKNOWN_64, |t| t.bytes_out),
        tx_packets: counter(traffic.map(|t| t.packets_out)),
        tx_errs: counter(traffic.map(|t| t.errors_out)),
        tx_drop: counter(traffic.map(|t| t.drops_out)),
    }
}

pub(crate) fn tcp(tcp: Tcp) -> CounterRecord<'static> {
    let [
        rto_algorithm,
        rto_min,
        rto_max,
        max_conn,
        active,
        passive,
        fails,
        resets,
        rest @ ..,
    ] = tcp;
    let [
        established,
        in_segs,
        out_segs,
        retransmitted,
        in_errs,
        out_rsts,
        in_csum_errs,
    ] = rest;
    Mib2TcpGroup {
        tcp_rto_algorithm: rto_algorithm,
        tcp_rto_min: rto_min,
        tcp_rto_max: rto_max,
        tcp_max_conn: max_conn,
        tcp_active_opens: active,
        tcp_passive_opens: passive,
        tcp_attempt_fails: fails,
        tcp_estab_resets: resets,
        tcp_curr_estab: established,
        tcp_in_segs: in_segs,
        tcp_out_segs: out_segs,
        tcp_retrans_segs: retransmitted,
        tcp_in_errs: in_errs,
        tcp_out_rsts: out_rsts,
        tcp_in_csum_errs: in_csum_errs,
    }
    .into()
}

/// What sFlow has no structure for; a record whose counters are all unknown is left out.
fn extensions(counters: &ContainerCounters, records: &mut Vec<CounterRecord<'_>>) {
    if let Some(throttling) = counters.throttling {
        records.push(
            CpuThrottling {
                periods: wrapped(throttling.periods),
                throttled_periods: wrapped(throttling.throttled_periods),
                throttled_time: throttling.throttled_us,
            }
            .into(),
        );
    }
    records.extend(pressure(&counters.pressure));
    let Memory {
        used,
        page_cache,
        inactive_file,
        oom_kills,
        ..
    } = counters.memory;
    if let Some(used) = used {
        records.push(
            sflow::counter::MemoryDetail {
                working_set: used.saturating_sub(inactive_file.unwrap_or(0)),
                page_cache: page_cache.unwrap_or(0),
                oom_kills: counter(oom_kills),
            }
            .into(),
        );
    }
    if let Some(listen) = counters.listen {
        records.push(
            TcpListen {
                overflows: wrapped(listen.overflows),
                drops: wrapped(listen.drops),
            }
            .into(),
        );
    }
}

pub(crate) fn pressure(pressures: &Pressures) -> Option<CounterRecord<'static>> {
    if pressures.is_unknown() {
        return None;
    }
    let Pressures { cpu, memory, io } = pressures;
    let known = |value: Option<u64>| value.unwrap_or(UNKNOWN_64);
    Some(
        Pressure {
            cpu_some: known(cpu.some_us),
            cpu_full: known(cpu.full_us),
            memory_some: known(memory.some_us),
            memory_full: known(memory.full_us),
            io_some: known(io.some_us),
            io_full: known(io.full_us),
        }
        .into(),
    )
}
