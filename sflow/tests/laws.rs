//! Laws for all inputs: no byte string panics the decoder, and `decode(encode(x)) == x`.
#![allow(
    clippy::unwrap_used,
    reason = "in a test, what is not there is a failure"
)]

#[path = "shared/captures.rs"]
mod captures;
#[path = "shared/walk.rs"]
mod walk;

use proptest::prelude::*;
use sflow::counter::{Adapter, BstPortBuffers, HostAdapters, HostDescr, Sfp, SfpLane, VirtCpu};
use sflow::flow::{AsPath, ExtendedGateway, SampledHeader};
use sflow::{
    Address, CounterRecord, CountersSample, DataSource, Datagram, DomainState, Fields, FlowRecord,
    FlowSample, HeaderProtocol, Interface, List, Mac, MachineType, Opaque, OsName, RtFlow,
    RtFlowField, RtFlowValue, RtMetric, RtMetricField, RtMetricValue, Sample, Text, Uuid,
};

/// Words that make lengths, counts and types that are often right, and sometimes wild.
fn word() -> impl Strategy<Value = u32> {
    prop_oneof![6 => 0_u32..4, 3 => 0_u32..40, 1 => any::<u32>()]
}

fn words(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(word(), count)
        .prop_map(|words| words.into_iter().flat_map(u32::to_be_bytes).collect())
}

const COUNTER_FORMATS: [u32; 42] = [
    1,
    2,
    3,
    4,
    5,
    7,
    10,
    11,
    1001,
    1004,
    1005,
    2000,
    2001,
    2002,
    2003,
    2004,
    2005,
    2006,
    2007,
    2008,
    2009,
    2010,
    2100,
    2101,
    2102,
    2103,
    2104,
    2105,
    2106,
    2201,
    2202,
    2203,
    2206,
    2207,
    4413 << 12 | 1,
    4413 << 12 | 2,
    4413 << 12 | 3,
    5703 << 12 | 1,
    32473 << 12 | 1,
    32473 << 12 | 2,
    32473 << 12 | 3,
    32473 << 12 | 4,
];

const FLOW_FORMATS: [u32; 40] = [
    1, 2, 3, 4, 1001, 1002, 1003, 1004, 1006, 1007, 1012, 1021, 1022, 1023, 1024, 1025, 1026, 1027,
    1028, 1029, 1030, 1036, 1037, 1038, 1039, 1040, 1041, 1042, 1043, 2100, 2101, 2102, 2103, 2202,
    2203, 2204, 2205, 2206, 2209, 2210,
];

fn tagged(tag: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap();
    [&tag.to_be_bytes()[..], &length.to_be_bytes(), body].concat()
}

fn record(formats: &'static [u32]) -> impl Strategy<Value = Vec<u8>> {
    let tag = prop_oneof![9 => proptest::sample::select(formats), 1 => any::<u32>()];
    (tag, words(0..45)).prop_map(|(tag, body)| tagged(tag, &body))
}

fn sample() -> impl Strategy<Value = Vec<u8>> {
    let headers = prop_oneof![
        Just((1_u32, 7_usize)),
        Just((2, 2)),
        Just((3, 10)),
        Just((4, 3)),
        Just((5, 7)),
    ];
    let records = prop_oneof![
        proptest::collection::vec(record(&COUNTER_FORMATS), 0..4),
        proptest::collection::vec(record(&FLOW_FORMATS), 0..4),
    ];
    let standard = (headers, records, words(10..11)).prop_map(|((tag, count), records, header)| {
        let announced = u32::try_from(records.len()).unwrap().to_be_bytes();
        tagged(
            tag,
            &[&header[..count * 4], &announced, &records.concat()].concat(),
        )
    });
    let other = prop_oneof![
        Just(4300 << 12 | 1002),
        Just(4300 << 12 | 1003),
        any::<u32>()
    ];
    let other = (other, words(0..20)).prop_map(|(tag, body)| tagged(tag, &body));
    prop_oneof![4 => standard, 1 => other]
}

fn datagram() -> impl Strategy<Value = Vec<u8>> {
    let agent = prop_oneof![
        Just(vec![0; 4]),
        Just(vec![0, 0, 0, 1, 10, 0, 0, 1]),
        Just([&[0, 0, 0, 2][..], &[7; 16]].concat())
    ];
    (
        agent,
        words(3..4),
        proptest::collection::vec(sample(), 0..4),
    )
        .prop_map(|(agent, header, samples)| {
            let announced = u32::try_from(samples.len()).unwrap().to_be_bytes();
            [
                &5_u32.to_be_bytes()[..],
                &agent,
                &header,
                &announced,
                &samples.concat(),
            ]
            .concat()
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_byte_string_panics_the_decoder(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        walk::check_laws(&bytes);
        walk::check_laws(&[&[0, 0, 0, 5, 0, 0, 0, 1][..], &bytes].concat());
    }

    #[test]
    fn what_decodes_survives_encoding(bytes in datagram()) {
        walk::check_laws(&bytes);
    }

    #[test]
    fn damaged_captures_do_not_panic(
        capture in 0_usize..3,
        pick in any::<proptest::sample::Index>(),
        damage in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..4),
        cut in proptest::option::of(any::<proptest::sample::Index>()),
    ) {
        let mut bytes = pick.get(&captures::datagrams(captures::CAPTURES[capture])).clone();
        for (at, value) in damage {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        walk::check_laws(&bytes);
    }
}

/// Not byte for byte: hsflowd leaves what was in its buffer before in the pads of strings.
#[test]
fn captures_survive_encoding() {
    for capture in captures::CAPTURES {
        for bytes in captures::datagrams(capture) {
            walk::check_laws(&bytes);
            let rebuilt = walk::rebuild(&bytes).unwrap();
            assert_eq!(rebuilt.len(), bytes.len(), "{capture}");
            assert_eq!(
                walk::describe(&rebuilt),
                walk::describe(&bytes),
                "{capture}"
            );
        }
    }
}

/// Encodes samples and expects to decode them.
#[track_caller]
fn check(samples: &[Sample<'_>]) {
    let datagram = Datagram::new(Address::from([172, 29, 0, 1]), 100_000, 7, 6613, samples);
    let bytes = datagram.encode();
    assert_eq!(Datagram::decode(&bytes).unwrap(), datagram);
    walk::check_laws(&bytes);
}

#[track_caller]
fn check_counters(records: &[CounterRecord<'_>]) {
    check(&[
        Sample::Counters(CountersSample::expanded(
            1,
            DataSource::logical(101_001),
            records,
        )),
        Sample::Counters(CountersSample::compact(
            2,
            DataSource::interface(14),
            records,
        )),
    ]);
}

#[test]
fn counter_values_survive_encoding() {
    let long = "gweb.0123456789abcdefghijklmno.0123456789abcdefghijklmno.0123456789abcdefghijklmno.012345678";
    assert!(long.len() > 64);
    let lane = SfpLane {
        index: 1,
        tx_bias_current: 2,
        tx_power: 3,
        tx_power_min: 4,
        tx_power_max: 5,
        tx_wavelength: 6,
        rx_power: 7,
        rx_power_min: 8,
        rx_power_max: 9,
        rx_wavelength: 10,
    };
    let macs = [
        Mac([2, 66, 80, 18, 1, 224]),
        Mac([2, 66, 93, 162, 210, 179]),
    ];
    check_counters(&[
        HostDescr {
            hostname: Text::from(long),
            uuid: Uuid([7; 16]),
            machine_type: MachineType::X86_64,
            os_name: OsName(4711),
            os_release: Text::new(b"6.1\xff"),
        }
        .into(),
        HostAdapters {
            adapters: List::new(&[
                Adapter {
                    if_index: 2,
                    mac_address: List::new(&macs),
                },
                Adapter {
                    if_index: 3,
                    mac_address: List::new(&[]),
                },
            ]),
        }
        .into(),
        Sfp {
            module_id: 1,
            module_num_lanes: 1,
            module_supply_voltage: 3300,
            module_temperature: -5000,
            lanes: List::new(&[lane]),
        }
        .into(),
        BstPortBuffers {
            ingress_uc_pc: 1,
            ingress_mc_pc: -1,
            egress_uc_pc: 3,
            egress_mc_pc: 4,
            egress_queue_uc_pc: List::new(&[5, -1, 10_000]),
            egress_queue_mc_pc: List::new(&[]),
        }
        .into(),
    ]);
}

#[test]
fn flow_values_survive_encoding() {
    let path = [AsPath {
        kind: 2,
        numbers: List::new(&[64_512, 64_513]),
    }];
    let records: [FlowRecord<'_>; 2] = [
        ExtendedGateway {
            nexthop: Address::Ipv6(std::net::Ipv6Addr::LOCALHOST),
            router_as: 1,
            src_as: 2,
            src_peer_as: 3,
            dst_as_path: List::new(&path),
            communities: List::new(&[9]),
            localpref: 100,
        }
        .into(),
        SampledHeader {
            protocol: HeaderProtocol::ETHERNET,
            frame_length: 70,
            stripped: 4,
            header: Opaque::new(&[1, 2, 3, 4, 5]),
        }
        .into(),
    ];
    let mut inward = FlowSample::compact(1, DataSource::interface(2), 10, &records);
    inward.output = Interface::INTERNAL;
    let mut wide = FlowSample::compact(2, DataSource::interface(2), 10, &records);
    wide.input = Interface {
        format: 7,
        value: u32::MAX,
    };
    check(&[Sample::Flow(inward), Sample::Flow(wide)]);
}

#[test]
fn custom_metrics_survive_encoding() {
    let metrics = [
        RtMetricField {
            name: Text::from("loc"),
            value: RtMetricValue::String(Text::from("rack1")),
        },
        RtMetricField {
            name: Text::from("d"),
            value: RtMetricValue::Double(1.5),
        },
        RtMetricField {
            name: Text::from("c"),
            value: RtMetricValue::Counter64(u64::MAX),
        },
    ];
    let attributes = [
        RtFlowField {
            name: Text::from("client"),
            value: RtFlowValue::Ipv4([10, 1, 1, 1].into()),
        },
        RtFlowField {
            name: Text::from("mac"),
            value: RtFlowValue::Mac(Mac([1, 2, 3, 4, 5, 6])),
        },
    ];
    check(&[
        Sample::RtMetric(RtMetric::new(Text::from("sensors"), &metrics)),
        Sample::RtFlow(RtFlow::new(Text::from("sensors"), 10, &attributes)),
    ]);
}

#[test]
fn truncated_records_survive_encoding() {
    let cpu = VirtCpu {
        state: DomainState::PAUSED,
        cpu_time: 5,
        nr_virt_cpu: 1,
    };
    for present in 0..=3 {
        let fields = Fields::truncated(cpu, present);
        assert_eq!(fields.present(), present);
        assert_eq!(fields.is_complete(), present == 3);
        assert_eq!(
            fields.cpu_time,
            if present > 1 { 5 } else { u32::MAX },
            "an absent counter is all ones"
        );
        assert_eq!(
            fields.nr_virt_cpu,
            u32::from(present > 2),
            "an absent gauge is zero"
        );
        check_counters(&[fields.into()]);
    }
}
