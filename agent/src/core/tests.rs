use std::collections::BTreeSet;

use sflow::{CounterRecord, Datagram, DomainState, Form, Sample, counter::VirtNetIo};

use super::*;
use crate::counters::{Memory, Traffic};

const SECOND: Duration = Duration::from_secs(1);

fn id(number: u8) -> ContainerId {
    ContainerId::parse(&format!("{number:02x}").repeat(32)).unwrap()
}

fn core() -> Core {
    Core::new(Settings::new(IpAddr::from([10, 0, 0, 1])))
}

fn counters(cpu_ms: u64) -> ContainerCounters {
    ContainerCounters {
        cpu_time_ns: Some(cpu_ms * 1_000_000),
        cpu_limit_milli: Some(500),
        memory: Memory {
            used: Some(1000),
            inactive_file: Some(400),
            ..Memory::default()
        },
        network: Some(Traffic {
            bytes_in: cpu_ms,
            ..Traffic::default()
        }),
        ..ContainerCounters::default()
    }
}

/// Sequence number and records of every sample in a datagram.
fn samples(bytes: &[u8]) -> Vec<(u32, Vec<CounterRecord<'_>>)> {
    let datagram = Datagram::decode(bytes).unwrap();
    let samples = datagram.samples().map(|sample| {
        let Ok(Sample::Counters(sample)) = sample else {
            panic!("{sample:?}");
        };
        assert_eq!(sample.form(), Form::Compact, "expanded without need");
        (
            sample.sequence,
            sample.records().map(Result::unwrap).collect(),
        )
    });
    samples.collect()
}

#[test]
fn a_container_is_described_as_hsflowd_does() {
    let mut core = core();
    assert!(core.appear(id(7), "web.1.abc", SECOND, Duration::ZERO));
    core.take(&id(7), &counters(1500), Duration::from_millis(1234));
    let datagrams = core.datagrams();
    let datagram = Datagram::decode(&datagrams[0]).unwrap();
    assert_eq!((datagram.sequence, datagram.uptime_ms), (1, 1234));
    let samples = samples(&datagrams[0]);
    let (sequence, records) = &samples[0];
    assert_eq!(*sequence, 1);
    let names: Vec<_> = records
        .iter()
        .map(|record| record.name().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "host_adapters",
            "virt_disk_io",
            "virt_memory",
            "virt_cpu",
            "virt_net_io",
            "memory_detail",
            "host_parent",
            "host_descr"
        ]
    );
    for record in records {
        match record {
            CounterRecord::VirtCpu(cpu) => {
                assert_eq!((cpu.state, cpu.cpu_time), (DomainState::RUNNING, 1500));
                assert_eq!(cpu.nr_virt_cpu, 1, "half a core rounds up");
            }
            CounterRecord::MemoryDetail(memory) => assert_eq!(memory.working_set, 600),
            CounterRecord::HostParent(parent) => {
                assert_eq!((parent.container_type, parent.container_index), (2, 1));
            }
            CounterRecord::HostDescr(descr) => {
                assert_eq!(descr.uuid.0, [7; 16]);
                assert_eq!(descr.hostname.as_bytes(), b"web.1.abc");
            }
            CounterRecord::VirtDiskIo(disk) => assert_eq!(disk.rd_bytes, u64::MAX, "unknown"),
            _ => {}
        }
    }
}

#[test]
fn a_network_that_is_not_its_own_is_unknown_and_not_zero() {
    let mut core = core();
    core.appear(id(1), "a", SECOND, Duration::ZERO);
    let hosts = ContainerCounters {
        network: None,
        ..counters(1)
    };
    core.take(&id(1), &hosts, SECOND);
    let datagrams = core.datagrams();
    let unknown = VirtNetIo {
        rx_bytes: u64::MAX,
        rx_packets: u32::MAX,
        rx_errs: u32::MAX,
        rx_drop: u32::MAX,
        tx_bytes: u64::MAX,
        tx_packets: u32::MAX,
        tx_errs: u32::MAX,
        tx_drop: u32::MAX,
    };
    let (_, records) = &samples(&datagrams[0])[0];
    assert!(records.contains(&unknown.into()), "{records:?}");
}

#[test]
fn a_counter_that_falls_begins_a_new_sequence() {
    let mut core = core();
    core.appear(id(1), "a", SECOND, Duration::ZERO);
    let mut sequences = Vec::new();
    for (second, cpu) in [10, 20, 5, 6].into_iter().enumerate() {
        let at = SECOND * u32::try_from(second).unwrap();
        core.take(&id(1), &counters(cpu), at);
        let datagrams = core.datagrams();
        sequences.push(samples(&datagrams[0])[0].0);
    }
    assert_eq!(sequences, [1, 2, 1, 2]);
    assert_eq!(core.stats().resets, 1);
}

#[test]
fn an_end_is_said_once_with_the_last_counters() {
    let mut core = core();
    core.appear(id(1), "a", SECOND, Duration::ZERO);
    core.take(&id(1), &counters(900), SECOND);
    core.datagrams();
    core.vanish(&id(1), SECOND * 2);
    core.vanish(&id(1), SECOND * 2);
    let datagrams = core.datagrams();
    assert_eq!(datagrams.len(), 1);
    let (sequence, records) = &samples(&datagrams[0])[0];
    assert_eq!(*sequence, 2);
    let cpu = records.iter().find_map(|record| match record {
        CounterRecord::VirtCpu(cpu) => Some((cpu.state, cpu.cpu_time)),
        _ => None,
    });
    assert_eq!(cpu, Some((DomainState::SHUTDOWN, 900)), "no fall to zero");
    assert_eq!(core.containers().count(), 0);
    // What was never read has nothing to end.
    core.appear(id(2), "b", SECOND, SECOND);
    core.vanish(&id(2), SECOND);
    assert!(core.datagrams().is_empty());
}

#[test]
fn every_container_is_polled_once_an_interval_and_datagrams_stay_small() {
    let mut core = core();
    for number in 0..200 {
        let interval = if number % 2 == 0 { SECOND } else { SECOND * 10 };
        core.appear(id(number), "some.1.container", interval, Duration::ZERO);
    }
    let mut counts = BTreeMap::<Poll, u32>::new();
    let mut now = Duration::ZERO;
    while now < SECOND * 20 {
        while let Some(poll) = core.due(now) {
            *counts.entry(poll).or_default() += 1;
            match poll {
                Poll::Host => core.take_host(&HostCounters::default(), now),
                Poll::Container(id) => core.take(&id, &counters(now.as_secs()), now),
            }
        }
        for datagram in core.datagrams() {
            assert!(datagram.len() <= 1400);
        }
        now = core.next_due().unwrap();
    }
    let fast = counts.get(&Poll::Container(id(0))).unwrap();
    let slow = counts.get(&Poll::Container(id(1))).unwrap();
    assert!(
        (20..=22).contains(fast) && (2..=4).contains(slow),
        "{fast} {slow}"
    );
    assert_eq!(counts.len(), 201);
    let sources: BTreeSet<_> = (0..200)
        .map(|n| core.data_source(&id(n)).unwrap())
        .collect();
    assert_eq!(sources.len(), 200, "an index was given out twice");
}

#[test]
fn there_are_never_more_containers_than_allowed() {
    let mut core = Core::new(Settings {
        containers_max: 1,
        ..Settings::new(IpAddr::from([10, 0, 0, 1]))
    });
    assert!(core.appear(id(1), "a", SECOND, Duration::ZERO));
    assert!(core.appear(id(1), "renamed", SECOND, Duration::ZERO));
    assert!(!core.appear(id(2), "b", SECOND, Duration::ZERO));
    assert_eq!(core.stats().refused, 1);
}
