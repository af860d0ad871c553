//! Simulated agents, a small pcap reader, and short ways to ask the collector.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use collector::{Collector, ContainerUuid, GroupMetrics, Member};
use sflow::{
    Address, CounterRecord, CountersSample, DataSource, Datagram, DomainState, MachineType, OsName,
    Sample, Text, Uuid,
    counter::{HostCpu, HostDescr, VirtCpu, VirtMemory, VirtNetIo},
};

/// One container sample to be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Guest {
    pub(crate) index: u32,
    pub(crate) uuid: u8,
    pub(crate) name: &'static str,
    pub(crate) sequence: u32,
    pub(crate) state: u32,
    pub(crate) cpu_time: u32,
    pub(crate) bytes_in: u64,
    pub(crate) pkts_in: u32,
    pub(crate) nr_virt_cpu: u32,
}

impl Guest {
    pub(crate) fn new(index: u32, uuid: u8) -> Self {
        let (sequence, cpu_time, bytes_in, pkts_in) = (1, 1_000, 1_000, 10);
        Self {
            index,
            uuid,
            name: "web.1.abcdefghijklmnopqrstuvwxy",
            sequence,
            state: 1,
            cpu_time,
            bytes_in,
            pkts_in,
            nr_virt_cpu: 0,
        }
    }

    /// The sample after this one, with so much more processor time.
    pub(crate) fn next(self, cpu_ms: u32) -> Self {
        let cpu_time = self.cpu_time.wrapping_add(cpu_ms);
        Self {
            sequence: self.sequence + 1,
            cpu_time,
            bytes_in: self.bytes_in + 5_000,
            pkts_in: self.pkts_in + 50,
            ..self
        }
    }
}

/// An agent that sends datagrams into a collector.
#[derive(Clone, Debug)]
pub(crate) struct Agent {
    pub(crate) source: SocketAddr,
    pub(crate) agent: [u8; 4],
    pub(crate) sub_agent: u32,
    pub(crate) sequence: u32,
    /// Uptime at `now` = 0, milliseconds; wraps.
    pub(crate) started_ms: u32,
    pub(crate) host_sequence: u32,
}

impl Agent {
    pub(crate) fn new(source: &str) -> Self {
        let source = source.parse().unwrap();
        Self {
            source,
            agent: [10, 0, 0, 1],
            sub_agent: 100_001,
            sequence: 0,
            started_ms: 100_000,
            host_sequence: 0,
        }
    }

    pub(crate) fn restart(&mut self, now_ms: u64) {
        (self.sequence, self.host_sequence) = (0, 0);
        self.started_ms = 0u32.wrapping_sub(u32::try_from(now_ms).unwrap());
        self.source.set_port(self.source.port() + 1);
    }

    /// Sends guests in one datagram at `now_ms`.
    pub(crate) fn send(&mut self, collector: &Collector, now_ms: u64, guests: &[Guest]) {
        let datagram = self.datagram(now_ms, guests);
        collector.ingest(self.source, &datagram, Duration::from_millis(now_ms));
    }

    pub(crate) fn datagram(&mut self, now_ms: u64, guests: &[Guest]) -> Vec<u8> {
        let records: Vec<_> = guests.iter().map(guest_records).collect();
        let samples: Vec<_> = guests
            .iter()
            .zip(&records)
            .map(|(guest, records)| {
                Sample::Counters(CountersSample::expanded(
                    guest.sequence,
                    DataSource::logical(guest.index),
                    records,
                ))
            })
            .collect();
        self.encode(now_ms, &samples)
    }

    /// Sends the host's own sample at `now_ms`.
    pub(crate) fn send_host(
        &mut self,
        collector: &Collector,
        now_ms: u64,
        (name, uuid, cpus): (&str, u8, u32),
    ) {
        self.host_sequence += 1;
        let busy = u32::try_from(now_ms).unwrap();
        let cpu = HostCpu {
            load_one: 0.5,
            load_five: 0.4,
            load_fifteen: -1.0,
            proc_run: 1,
            proc_total: 2,
            cpu_num: cpus,
            cpu_speed: 2_000,
            uptime: 5,
            cpu_user: busy,
            cpu_nice: 0,
            cpu_system: 0,
            cpu_idle: busy * 3,
            cpu_wio: 0,
            cpu_intr: 0,
            cpu_sintr: 0,
            interrupts: 0,
            contexts: 0,
            cpu_steal: 0,
            cpu_guest: 0,
            cpu_guest_nice: 0,
        };
        let records = [cpu.into(), descr(name, uuid)];
        let samples = [Sample::Counters(CountersSample::expanded(
            self.host_sequence,
            DataSource::physical(1),
            &records,
        ))];
        let datagram = self.encode(now_ms, &samples);
        collector.ingest(self.source, &datagram, Duration::from_millis(now_ms));
    }

    fn encode(&mut self, now_ms: u64, samples: &[Sample<'_>]) -> Vec<u8> {
        self.sequence += 1;
        let uptime = self.started_ms.wrapping_add(u32::try_from(now_ms).unwrap());
        Datagram::new(
            Address::from(self.agent),
            self.sub_agent,
            self.sequence,
            uptime,
            samples,
        )
        .encode()
    }
}

fn descr(name: &str, uuid: u8) -> CounterRecord<'_> {
    let (hostname, os_release) = (Text::from(name), Text::from("6.1"));
    HostDescr {
        hostname,
        uuid: Uuid([uuid; 16]),
        machine_type: MachineType(3),
        os_name: OsName(2),
        os_release,
    }
    .into()
}

fn guest_records(guest: &Guest) -> [CounterRecord<'static>; 4] {
    [
        VirtNetIo {
            rx_bytes: guest.bytes_in,
            rx_packets: guest.pkts_in,
            rx_errs: 0,
            rx_drop: 0,
            tx_bytes: guest.bytes_in / 2,
            tx_packets: guest.pkts_in / 2,
            tx_errs: 0,
            tx_drop: 0,
        }
        .into(),
        VirtMemory {
            memory: 1 << 20,
            max_memory: 4 << 20,
        }
        .into(),
        VirtCpu {
            state: DomainState(guest.state),
            cpu_time: guest.cpu_time,
            nr_virt_cpu: guest.nr_virt_cpu,
        }
        .into(),
        descr(guest.name, guest.uuid),
    ]
}

pub(crate) fn uuid(byte: u8) -> ContainerUuid {
    ContainerUuid([byte; 16])
}

pub(crate) fn member(byte: u8) -> Member {
    Member {
        uuid: uuid(byte),
        cpu_limit_cores: None,
        aside: false,
    }
}

/// What one container did.
pub(crate) fn observe(collector: &Collector, byte: u8, now_ms: u64) -> GroupMetrics {
    collector
        .observe(&[&[member(byte)]], Duration::from_millis(now_ms))
        .remove(0)
}

/// Cores of one container; `None` when it has no fresh rate.
pub(crate) fn cores(collector: &Collector, byte: u8, now_ms: u64) -> Option<f64> {
    observe(collector, byte, now_ms)
        .cpu_cores
        .map(|summary| summary.avg)
}

#[track_caller]
pub(crate) fn assert_near(value: Option<f64>, expected: f64) {
    let value = value.expect("a value");
    assert!(
        (value - expected).abs() <= expected.abs() * 1e-4 + 1e-9,
        "{value} is not near {expected}"
    );
}

/// Datagrams of a capture of real hsflowd with the milliseconds since its first one.
pub(crate) fn capture(name: &str) -> Vec<(u64, SocketAddr, Vec<u8>)> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../sflow/tests/data")
        .join(name);
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    assert_eq!(
        (word(0), word(20)),
        (0xa1b2_c3d4, 1),
        "a little-endian pcap of Ethernet frames"
    );
    let (mut datagrams, mut at, mut epoch_ms) = (Vec::new(), 24, None);
    while at < bytes.len() {
        let (length, time_ms) = (
            word(at + 8) as usize,
            u64::from(word(at)) * 1_000 + u64::from(word(at + 4)) / 1_000,
        );
        let frame = &bytes[at + 16..at + 16 + length];
        let source = IpAddr::from(<[u8; 4]>::try_from(&frame[26..30]).unwrap());
        let port = u16::from_be_bytes([frame[34], frame[35]]);
        let epoch_ms = *epoch_ms.get_or_insert(time_ms);
        datagrams.push((
            time_ms - epoch_ms,
            SocketAddr::new(source, port),
            frame[42..].to_vec(),
        ));
        at += 16 + length;
    }
    datagrams
}
