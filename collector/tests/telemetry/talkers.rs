//! Who talks to whom: hsflowd's own flow samples, and hand-made ones.

use std::time::Duration;

use collector::{
    Collector, Config,
    talkers::{Endpoint, Talker},
};
use sflow::{
    DataSource, Datagram, FlowRecord, FlowSample, HeaderProtocol, Opaque, Sample,
    flow::{ExtendedEntities, SampledHeader, SampledIpv4},
};

use crate::support::{Agent, Guest, capture};

const ENTITIES: &str = "hsflowd-docker-pcap-entities-app-rtmetric.pcap";

fn named(end: Endpoint) -> String {
    match end {
        Endpoint::Container(uuid) => uuid.to_string().chars().take(8).collect(),
        Endpoint::Host(source) => format!("host {source}"),
        Endpoint::Address(address) => address.to_string(),
    }
}

fn words(talker: &Talker) -> String {
    format!(
        "{} > {} {}:{}",
        named(talker.source),
        named(talker.destination),
        talker.protocol,
        talker.port
    )
}

#[test]
fn hsflowds_samples_tell_who_talks_to_its_container() {
    let collector = Collector::new(Config::default());
    let (mut now, mut by_hand) = (Duration::ZERO, 0);
    for (at_ms, source, bytes) in capture(ENTITIES) {
        now = Duration::from_millis(at_ms);
        collector.ingest(source, &bytes, now);
        for sample in Datagram::decode(&bytes).unwrap().samples() {
            let Ok(Sample::Flow(flow)) = sample else {
                continue;
            };
            for record in flow.records().flatten() {
                if let FlowRecord::SampledHeader(header) = record {
                    let bytes = u64::from(header.frame_length - header.stripped);
                    by_hand += bytes * u64::from(flow.sampling_rate);
                }
            }
        }
    }
    let stats = collector.stats();
    let talkers = collector.talkers(now);
    let all = collector.containers(now, 100);
    let web = all.into_iter().find(|container| container.name == "web1");
    let web = web.unwrap().uuid.unwrap();
    let of_web: Vec<&Talker> = talkers
        .flows
        .iter()
        .filter(|talker| {
            [talker.source, talker.destination].contains(&Endpoint::Container(web))
                && talker.port == 80
        })
        .collect();
    assert_eq!(
        of_web.len(),
        2,
        "{:?}",
        talkers.flows.iter().map(words).collect::<Vec<_>>()
    );
    assert!(
        of_web
            .iter()
            .all(|talker| talker.protocol == 6 && talker.samples > 20)
    );
    assert_eq!(talkers.agents, 1);
    // The whole capture is shorter than the window: nothing is lost or counted twice.
    let bytes: u64 = talkers.flows.iter().map(|talker| talker.bytes).sum();
    let samples: u64 = talkers.flows.iter().map(|talker| talker.samples).sum();
    assert_eq!(samples, talkers.samples);
    assert_eq!(
        stats.flow_samples,
        samples + stats.flows_without_packet + stats.flows_not_ip + stats.flows_without_rate
    );
    assert_eq!((bytes, samples, stats.flows_not_ip), (by_hand, 103, 0));
}

fn header(bytes: &[u8]) -> FlowRecord<'_> {
    SampledHeader {
        protocol: HeaderProtocol::ETHERNET,
        frame_length: 1_518,
        stripped: 4,
        header: Opaque::new(bytes),
    }
    .into()
}

fn tcp(from: [u8; 4], to: [u8; 4]) -> Vec<u8> {
    let mut frame = vec![2; 12];
    frame.extend([8, 0, 0x45, 0, 0, 60, 0, 0, 0, 0, 64, 6, 0, 0]);
    frame.extend(from);
    frame.extend(to);
    frame.extend([0x9d, 0xd2, 0, 80]);
    frame
}

fn sent(rate: u32, records: &[FlowRecord<'_>]) -> (Vec<String>, collector::Stats) {
    let collector = Collector::new(Config::default());
    let now = Duration::from_secs(50);
    let mut agent = Agent::new("10.0.0.7:50000");
    agent.send(&collector, 50_000, &[Guest::new(100_001, 7)]);
    let samples = [Sample::Flow(FlowSample::compact(
        1,
        DataSource::interface(3),
        rate,
        records,
    ))];
    let datagram = Datagram::new(
        agent.agent.into(),
        agent.sub_agent,
        agent.sequence + 1,
        agent.started_ms + 50_001,
        &samples,
    );
    collector.ingest(agent.source, &datagram.encode(), now);
    let talkers = collector.talkers(now);
    (talkers.flows.iter().map(words).collect(), collector.stats())
}

#[test]
fn ends_are_containers_the_host_or_addresses() {
    let frame = tcp([172, 17, 0, 1], [172, 17, 0, 2]);
    let entities = |src_ds, dst_ds| ExtendedEntities { src_ds, dst_ds }.into();
    let (unknown, host) = (DataSource::interface(0), DataSource::physical(1));
    let web = DataSource::logical(100_001);
    let uuid = "07070707";
    for (records, expected) in [
        (
            vec![header(&frame)],
            "172.17.0.1 > 172.17.0.2 6:80".to_owned(),
        ),
        (
            vec![header(&frame), entities(host, web)],
            format!("host 10.0.0.7 > {uuid} 6:80"),
        ),
        (
            vec![entities(web, unknown), header(&frame)],
            format!("{uuid} > 172.17.0.2 6:80"),
        ),
        // Of a data source that never told what it is only the address is known.
        (
            vec![entities(DataSource::logical(100_002), host), header(&frame)],
            "172.17.0.1 > host 10.0.0.7 6:80".to_owned(),
        ),
    ] {
        assert_eq!(sent(400, &records).0, [expected]);
    }
    let fields = SampledIpv4 {
        length: 1_500,
        protocol: 17,
        src_ip: [10, 0, 0, 1].into(),
        dst_ip: [10, 0, 0, 2].into(),
        src_port: 53,
        dst_port: 40_000,
        tcp_flags: 0,
        tos: 0,
    };
    assert_eq!(sent(1, &[fields.into()]).0, ["10.0.0.1 > 10.0.0.2 17:53"]);
}

#[test]
fn an_overlays_packet_counts_for_those_inside() {
    let mut frame = vec![2; 12];
    frame.extend([8, 0, 0x45, 0, 0, 90, 0, 0, 0, 0, 64, 17, 0, 0]);
    frame.extend([10, 0, 0, 7, 10, 0, 0, 8]);
    frame.extend([0xd4, 0x31, 0x12, 0xb5, 0, 0, 0, 0]);
    frame.extend([8, 0, 0, 0, 0, 16, 1, 0]);
    frame.extend(tcp([10, 1, 0, 5], [10, 1, 0, 6]));
    assert_eq!(sent(400, &[header(&frame)]).0, ["10.1.0.5 > 10.1.0.6 6:80"]);
}

#[test]
fn what_cannot_be_counted_is_counted_as_that() {
    let frame = tcp([10, 0, 0, 1], [10, 0, 0, 2]);
    let dropped = |rate, records: &[FlowRecord<'_>]| {
        let (flows, stats) = sent(rate, records);
        assert_eq!((flows.len(), stats.flow_samples), (0, 1));
        [
            stats.flows_without_packet,
            stats.flows_not_ip,
            stats.flows_without_rate,
        ]
    };
    assert_eq!(dropped(400, &[]), [1, 0, 0]);
    assert_eq!(dropped(400, &[header(&[2; 40])]), [0, 1, 0]);
    assert_eq!(dropped(400, &[header(&frame[..20])]), [0, 1, 0]);
    assert_eq!(dropped(0, &[header(&frame)]), [0, 0, 1]);
}
