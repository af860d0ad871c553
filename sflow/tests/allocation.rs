//! Decoding allocates nothing.
#![allow(
    clippy::unwrap_used,
    reason = "in a test, what is not there is a failure"
)]

#[path = "shared/captures.rs"]
mod captures;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;

use sflow::{CounterRecord, Datagram, Sample};

/// The system's allocator, counting.
struct Counting;

thread_local! {
    /// Of this thread alone: the test harness has threads of its own.
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

#[expect(
    unsafe_code,
    reason = "an allocator can only be written so; it hands all on to the system's"
)]
// SAFETY: every call is passed on unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps to the same contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps to the same contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Decodes all there is in a datagram; returns how many records there were.
fn decode(bytes: &[u8]) -> usize {
    let mut records = 0;
    for sample in Datagram::decode(bytes).unwrap().samples() {
        match sample.unwrap() {
            Sample::Counters(sample) => {
                for record in sample.records() {
                    records += 1;
                    if let Ok(CounterRecord::HostAdapters(adapters)) = record {
                        adapters.adapters.iter().for_each(|adapter| {
                            black_box(adapter.mac_address.iter().count());
                        });
                    }
                    black_box(&record);
                }
            }
            Sample::Flow(sample) => {
                records += sample
                    .records()
                    .inspect(|record| {
                        black_box(record);
                    })
                    .count()
            }
            Sample::RtMetric(sample) => records += sample.metrics().count(),
            Sample::RtFlow(sample) => records += sample.fields().count(),
            other => panic!("no capture holds {other:?}"),
        }
    }
    records
}

#[test]
fn decoding_allocates_nothing() {
    let datagrams: Vec<_> = captures::CAPTURES
        .iter()
        .flat_map(|capture| captures::datagrams(capture))
        .collect();
    let before = ALLOCATIONS.get();
    let records: usize = datagrams.iter().map(|bytes| decode(bytes)).sum();
    let damaged = datagrams
        .iter()
        .filter(|bytes| Datagram::decode(&bytes[1..]).is_err())
        .count();
    let allocations = ALLOCATIONS.get() - before;
    assert_eq!(allocations, 0);
    assert_eq!(damaged, datagrams.len());
    assert!(records > 3000, "{records}");
}
