//! Known agents and data sources cost no allocation, however many datagrams come.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    time::Duration,
};

use collector::{Collector, Config};
use sflow::{
    Address, CounterRecord, CountersSample, DataSource, Datagram, DomainState, MachineType, OsName,
    Sample, Text, Uuid,
    counter::{HostDescr, VirtCpu},
};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator, counting for each thread.
struct Counting;

#[expect(
    unsafe_code,
    reason = "an allocator is unsafe by nature; this one only counts and passes on"
)]
// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn datagram(sequence: u32) -> Vec<u8> {
    let records: Vec<[CounterRecord<'_>; 2]> = (1..=4u8)
        .map(|number| {
            let (hostname, os_release) = (Text::from("web.1.abc"), Text::from("6.1"));
            let (machine_type, os_name, uuid) = (MachineType(3), OsName(2), Uuid([number; 16]));
            [
                VirtCpu {
                    state: DomainState::RUNNING,
                    cpu_time: sequence * 100,
                    nr_virt_cpu: 0,
                }
                .into(),
                HostDescr {
                    hostname,
                    uuid,
                    machine_type,
                    os_name,
                    os_release,
                }
                .into(),
            ]
        })
        .collect();
    let samples: Vec<_> = (100_000..)
        .zip(&records)
        .map(|(index, records)| {
            Sample::Counters(CountersSample::expanded(
                sequence,
                DataSource::logical(index),
                records,
            ))
        })
        .collect();
    let agent = Address::from([10, 0, 0, 1]);
    Datagram::new(agent, 1, sequence, sequence * 5_000, &samples).encode()
}

#[test]
fn known_data_sources_cost_no_allocation() {
    let collector = Collector::new(Config::default());
    let datagrams: Vec<_> = (1..200).map(datagram).collect();
    let source = "192.0.2.1:5000".parse().expect("an address");
    let ingest = |first: usize, count: usize| {
        let before = ALLOCATIONS.get();
        for (second, datagram) in (0..).step_by(5).zip(&datagrams).skip(first).take(count) {
            collector.ingest(source, datagram, Duration::from_secs(second));
        }
        ALLOCATIONS.get() - before
    };
    assert!(ingest(0, 2) > 0, "new ones do");
    assert_eq!(ingest(2, 190), 0);
    assert_eq!(collector.stats().rates, 4 * 191);
}
