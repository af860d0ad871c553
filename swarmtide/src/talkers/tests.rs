use collector::Config;
use sflow::{
    Address, DataSource, Datagram, FlowSample, HeaderProtocol, Opaque, Sample,
    flow::{ExtendedEntities, SampledHeader},
};

use super::*;

const AGENT: &str = "10.0.0.11:6343";

/// A datagram with one sampled TCP packet of 1,000 bytes.
fn packet(
    sequence: u32,
    [from, to]: [[u8; 4]; 2],
    ports: [u16; 2],
    ends: [DataSource; 2],
) -> Vec<u8> {
    let mut header = vec![2; 12];
    header.extend([8, 0, 0x45, 0, 0, 60, 0, 0, 0, 0, 64, 6, 0, 0]);
    header.extend(from);
    header.extend(to);
    header.extend(ports.iter().flat_map(|port| port.to_be_bytes()));
    let [src_ds, dst_ds] = ends;
    let records = [
        ExtendedEntities { src_ds, dst_ds }.into(),
        SampledHeader {
            protocol: HeaderProtocol::ETHERNET,
            frame_length: 1_004,
            stripped: 4,
            header: Opaque::new(&header),
        }
        .into(),
    ];
    let flow = FlowSample::compact(sequence, DataSource::interface(3), 400, &records);
    let samples = [Sample::Flow(flow)];
    Datagram::new(
        Address::from([10, 0, 0, 11]),
        100_002,
        sequence,
        sequence,
        &samples,
    )
    .encode()
}

#[test]
fn without_a_view_ends_are_nodes_containers_and_addresses() {
    let collector = Collector::new(Config::default());
    let now = Duration::from_secs(100);
    let unknown = DataSource::interface(0);
    let (host, far) = (DataSource::physical(1), [192, 0, 2, 9]);
    let web = [172, 17, 0, 2];
    for (sequence, ends) in [[host, unknown], [unknown, unknown], [unknown, unknown]]
        .into_iter()
        .enumerate()
    {
        let addresses = if sequence == 0 {
            [web, web]
        } else {
            [far, web]
        };
        let number = u32::try_from(sequence).unwrap() + 1;
        let datagram = packet(number, addresses, [40_402, 80], ends);
        collector.ingest(AGENT.parse().unwrap(), &datagram, now);
    }
    let found = top(&collector, (None, &Past::default()), now, 10);
    assert_eq!((found.samples, found.sampling_agents), (3, 1));
    let words: Vec<_> = found
        .talkers
        .iter()
        .map(|row| {
            format!(
                "{:?} {} > {:?} {} {} {} {} {} {:.0}",
                row.source.kind,
                row.source.name,
                row.destination.kind,
                row.destination.name,
                row.protocol,
                row.port,
                row.samples,
                row.bytes_per_second,
                row.error_percent
            )
        })
        .collect();
    assert_eq!(
        words,
        [
            "External 192.0.2.9 > External 172.17.0.2 tcp 80 2 160000 138",
            "Node 10.0.0.11 > External 172.17.0.2 tcp 80 1 80000 196",
        ]
    );
    assert_eq!(
        top(&collector, (None, &Past::default()), now, 1)
            .talkers
            .len(),
        1
    );
    let json = serde_json::to_value(&found).unwrap();
    assert_eq!(json["window_seconds"], 60);
    assert_eq!(json["talkers"][0]["source"]["kind"], "external");
}
