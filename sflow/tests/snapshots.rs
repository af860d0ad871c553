//! What representative datagrams decode to, in full.
#![allow(
    clippy::unwrap_used,
    reason = "in a test, what is not there is a failure"
)]

#[path = "shared/captures.rs"]
mod captures;

use serde_json::{Value, json};
use sflow::{Datagram, Sample};

/// Says all of a datagram in JSON.
fn decoded(bytes: &[u8]) -> Value {
    let datagram = Datagram::decode(bytes).unwrap();
    let named = |name: Option<&str>, tag: sflow::Tag, value: Value| json!({ name.map_or_else(|| tag.to_string(), str::to_owned): value });
    let samples: Vec<Value> = datagram
        .samples()
        .map(|sample| match sample.unwrap() {
            Sample::Counters(sample) => {
                let records = sample.records().map(Result::unwrap);
                let records: Vec<_> = records.map(|record| named(record.name(), record.tag(), json!(record))).collect();
                json!({ "counters": sample.data_source, "sequence": sample.sequence, "records": records })
            }
            Sample::Flow(sample) => {
                let records = sample.records().map(Result::unwrap);
                let records: Vec<_> = records.map(|record| named(record.name(), record.tag(), json!(record))).collect();
                json!({
                    "flow": sample.data_source, "sequence": sample.sequence, "sampling_rate": sample.sampling_rate,
                    "sample_pool": sample.sample_pool, "drops": sample.drops, "input": sample.input, "output": sample.output,
                    "records": records,
                })
            }
            Sample::RtMetric(sample) => {
                json!({ "rtmetric": sample.datasource_name, "metrics": sample.metrics().map(Result::unwrap).collect::<Vec<_>>() })
            }
            Sample::RtFlow(sample) => {
                json!({ "rtflow": sample.datasource_name, "fields": sample.fields().map(Result::unwrap).collect::<Vec<_>>() })
            }
            other => panic!("no capture holds {other:?}"),
        })
        .collect();
    json!({
        "agent": datagram.agent, "sub_agent": datagram.sub_agent, "sequence": datagram.sequence, "uptime_ms": datagram.uptime_ms,
        "samples": samples,
    })
}

fn snapshot(name: &str, capture: &str, index: usize) {
    insta::assert_json_snapshot!(name, decoded(&captures::datagrams(capture)[index]));
}

#[test]
fn host() {
    snapshot("host", "hsflowd-docker-counters", 0);
}

#[test]
fn containers() {
    snapshot("containers", "hsflowd-docker-counters", 1);
}

#[test]
fn interfaces() {
    snapshot("interfaces", "hsflowd-docker-app-hup-gap", 0);
}

/// Takes the first datagram with a sample of the kind.
fn snapshot_first(name: &str, capture: &str, of_kind: fn(&Sample<'_>) -> bool) {
    let datagrams = captures::datagrams(capture);
    let first = datagrams.iter().find(|bytes| {
        Datagram::decode(bytes)
            .unwrap()
            .samples()
            .flatten()
            .any(|sample| of_kind(&sample))
    });
    insta::assert_json_snapshot!(name, decoded(first.unwrap()));
}

#[test]
fn application() {
    snapshot_first("application", "hsflowd-docker-app-hup-gap", |sample| {
        matches!(sample, Sample::Flow(_))
    });
}

#[test]
fn packets() {
    snapshot_first(
        "packets",
        "hsflowd-docker-pcap-entities-app-rtmetric",
        |sample| matches!(sample, Sample::Flow(_)),
    );
}

#[test]
fn metrics() {
    snapshot_first(
        "metrics",
        "hsflowd-docker-pcap-entities-app-rtmetric",
        |sample| matches!(sample, Sample::RtMetric(_)),
    );
}
