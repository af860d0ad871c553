//! One bad record costs only itself, one bad sample costs only itself, and counts on the wire are upper limits.
#![allow(
    clippy::unwrap_used,
    reason = "in a test, what is not there is a failure"
)]

use sflow::counter::{HostParent, VirtCpu};
use sflow::{Address, CounterRecord, CountersSample, DataSource, Datagram, DomainState, Sample};

const CPU: VirtCpu = VirtCpu {
    state: DomainState::RUNNING,
    cpu_time: 18_346,
    nr_virt_cpu: 0,
};
const PARENT: HostParent = HostParent {
    container_type: 2,
    container_index: 1,
};

/// Offsets in the datagram of `build`.
const SAMPLE_COUNT: usize = 24;
const SAMPLE_LENGTH: usize = 32;
const RECORD_COUNT: usize = 48;
const FIRST_RECORD_TAG: usize = 52;
const FIRST_RECORD_LENGTH: usize = 56;

/// Two samples of two records each.
fn build() -> Vec<u8> {
    let records: [CounterRecord<'_>; 2] = [CPU.into(), PARENT.into()];
    let sample = Sample::Counters(CountersSample::expanded(
        1,
        DataSource::logical(101_001),
        &records,
    ));
    Datagram::new(Address::from([10, 0, 0, 1]), 1, 1, 1, &[sample, sample]).encode()
}

fn put(bytes: &mut [u8], at: usize, word: u32) {
    bytes[at..at + 4].copy_from_slice(&word.to_be_bytes());
}

/// Lists what is decoded: record names, and reasons of errors with their offsets, with `|` after each sample.
fn outline(bytes: &[u8]) -> String {
    let mut words = Vec::new();
    for sample in Datagram::decode(bytes).unwrap().samples() {
        match sample {
            Ok(Sample::Counters(sample)) => {
                for record in sample.records() {
                    words.push(record.map_or_else(
                        |error| format!("{}@{}", error.reason(), error.offset()),
                        |record| {
                            record
                                .name()
                                .map_or_else(|| record.tag().to_string(), str::to_owned)
                        },
                    ));
                }
            }
            Ok(other) => words.push(format!("sample {}", other.tag())),
            Err(error) => words.push(format!("{}@{}", error.reason(), error.offset())),
        }
        words.push("|".to_owned());
    }
    words.join(" ")
}

#[track_caller]
fn check(edit: impl FnOnce(&mut Vec<u8>), expected: &str) {
    let mut bytes = build();
    edit(&mut bytes);
    assert_eq!(outline(&bytes), expected);
}

#[test]
fn undamaged() {
    check(|_| {}, "virt_cpu host_parent | virt_cpu host_parent |");
}

#[test]
fn a_bad_record_costs_only_itself() {
    // As a host_descr: the state becomes the length of a string that is fine, the CPU time ends the UUID too early.
    check(
        |bytes| put(bytes, FIRST_RECORD_TAG, 2000),
        "host_descr host_parent | virt_cpu host_parent |",
    );
    // As a port name of 18,346 bytes: it begins with the state, so make that the length.
    check(
        |bytes| {
            put(bytes, FIRST_RECORD_TAG, 1005);
            put(bytes, FIRST_RECORD_LENGTH + 4, 18_346);
        },
        "string_overrun@60 host_parent | virt_cpu host_parent |",
    );
    // As host_adapters of four thousand million adapters.
    check(
        |bytes| {
            put(bytes, FIRST_RECORD_TAG, 2001);
            put(bytes, FIRST_RECORD_LENGTH + 4, u32::MAX);
        },
        "array_overrun@64 host_parent | virt_cpu host_parent |",
    );
    // As an unknown record.
    check(
        |bytes| put(bytes, FIRST_RECORD_TAG, 99 << 12 | 7),
        "99:7 host_parent | virt_cpu host_parent |",
    );
}

#[test]
fn a_record_that_points_past_its_sample_ends_only_that_sample() {
    check(
        |bytes| put(bytes, FIRST_RECORD_LENGTH, 4000),
        "record_overrun@60 | virt_cpu host_parent |",
    );
    check(
        |bytes| put(bytes, FIRST_RECORD_LENGTH, u32::MAX),
        "record_overrun@60 | virt_cpu host_parent |",
    );
}

#[test]
fn a_record_count_is_an_upper_limit() {
    check(
        |bytes| put(bytes, RECORD_COUNT, u32::MAX),
        "virt_cpu host_parent missing_record@88 | virt_cpu host_parent |",
    );
    check(
        |bytes| put(bytes, RECORD_COUNT, 1),
        "virt_cpu | virt_cpu host_parent |",
    );
}

#[test]
fn a_bad_sample_costs_only_itself() {
    let sample_tag = SAMPLE_LENGTH - 4;
    check(
        |bytes| put(bytes, sample_tag, 77),
        "sample 0:77 | virt_cpu host_parent |",
    );
    // As an rtmetric whose name is the sequence number 1 bytes long, with 3 metrics that are none.
    check(
        |bytes| put(bytes, sample_tag, 4300 << 12 | 1002),
        "sample 4300:1002 | virt_cpu host_parent |",
    );
    // Its length is 4, too short for its own fields, so that the walk goes on in the middle of it.
    check(
        |bytes| {
            let rest = bytes.split_off(SAMPLE_LENGTH + 4 + 4);
            put(bytes, SAMPLE_LENGTH, 4);
            bytes.extend_from_slice(&rest[48..]);
        },
        "truncated_sample@40 | virt_cpu host_parent |",
    );
}

#[test]
fn a_sample_that_points_past_the_datagram_ends_it() {
    check(
        |bytes| put(bytes, SAMPLE_LENGTH, 4000),
        "sample_overrun@36 |",
    );
}

#[test]
fn a_sample_count_is_an_upper_limit() {
    check(
        |bytes| put(bytes, SAMPLE_COUNT, u32::MAX),
        "virt_cpu host_parent | virt_cpu host_parent | missing_sample@148 |",
    );
    check(|bytes| put(bytes, SAMPLE_COUNT, 0), "");
    check(
        |bytes| {
            bytes.pop();
        },
        "virt_cpu host_parent | sample_overrun@96 |",
    );
}

#[test]
fn a_longer_record_is_read_and_its_tail_ignored() {
    let records: [CounterRecord<'_>; 1] = [CPU.into()];
    let sample = Sample::Counters(CountersSample::expanded(
        1,
        DataSource::physical(1),
        &records,
    ));
    let mut bytes = Datagram::new(Address::Unknown, 1, 1, 1, &[sample]).encode();
    bytes.extend_from_slice(&[9; 8]);
    let at = |offset: usize| offset - 4;
    let sample_length = u32::from_be_bytes(
        bytes[at(SAMPLE_LENGTH)..at(SAMPLE_LENGTH) + 4]
            .try_into()
            .unwrap(),
    );
    put(&mut bytes, at(SAMPLE_LENGTH), sample_length + 8);
    put(&mut bytes, at(FIRST_RECORD_LENGTH), 12 + 8);
    let datagram = Datagram::decode(&bytes).unwrap();
    let Some(Ok(Sample::Counters(sample))) = datagram.samples().next() else {
        panic!("{datagram:?}")
    };
    assert_eq!(sample.records().collect::<Vec<_>>(), [Ok(CPU.into())]);
}
