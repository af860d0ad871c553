//! Decoding to the last field, and building the same datagram again from what was decoded.
#![allow(dead_code, reason = "each test uses a part of this")]

use sflow::counter::{HostAdapters, HostDescr, VirtCpu};
use sflow::{CounterRecord, CountersSample, Datagram, DecodeError, FlowRecord, Sample};

/// Decodes everything in a datagram and returns it in the words of `Debug`, errors with their reasons.
pub(crate) fn describe(bytes: &[u8]) -> String {
    match Datagram::decode(bytes) {
        Ok(datagram) => format!("{datagram:#?}"),
        Err(error) => format!("{error:?}"),
    }
}

/// Decodes a datagram, and encodes all that could be decoded of it; bad samples and records are left out.
pub(crate) fn rebuild(bytes: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let datagram = Datagram::decode(bytes)?;
    let samples: Vec<Sample<'_>> = datagram.samples().filter_map(Result::ok).collect();
    let counters: Vec<Vec<CounterRecord<'_>>> = samples.iter().map(counter_records).collect();
    let flows: Vec<Vec<FlowRecord<'_>>> = samples.iter().map(flow_records).collect();
    let metrics: Vec<_> = samples
        .iter()
        .map(|sample| match sample {
            Sample::RtMetric(sample) => sample.metrics().filter_map(Result::ok).collect(),
            _ => Vec::new(),
        })
        .collect();
    let attributes: Vec<_> = samples
        .iter()
        .map(|sample| match sample {
            Sample::RtFlow(sample) => sample.fields().filter_map(Result::ok).collect(),
            _ => Vec::new(),
        })
        .collect();
    let rebuilt: Vec<Sample<'_>> = (0..samples.len())
        .map(|index| match samples[index] {
            Sample::Counters(sample) => Sample::Counters(sample.with_records(&counters[index])),
            Sample::Flow(sample) => Sample::Flow(sample.with_records(&flows[index])),
            Sample::DiscardedPacket(sample) => {
                Sample::DiscardedPacket(sample.with_records(&flows[index]))
            }
            Sample::RtMetric(sample) => Sample::RtMetric(sample.with_metrics(&metrics[index])),
            Sample::RtFlow(sample) => Sample::RtFlow(sample.with_fields(&attributes[index])),
            other => other,
        })
        .collect();
    let header = (
        datagram.agent,
        datagram.sub_agent,
        datagram.sequence,
        datagram.uptime_ms,
    );
    Ok(Datagram::new(header.0, header.1, header.2, header.3, &rebuilt).encode())
}

fn counter_records<'a>(sample: &Sample<'a>) -> Vec<CounterRecord<'a>> {
    match sample {
        Sample::Counters(sample) => sample.records().filter_map(Result::ok).collect(),
        _ => Vec::new(),
    }
}

fn flow_records<'a>(sample: &Sample<'a>) -> Vec<FlowRecord<'a>> {
    match sample {
        Sample::Flow(sample) => sample.records().filter_map(Result::ok).collect(),
        Sample::DiscardedPacket(sample) => sample.records().filter_map(Result::ok).collect(),
        _ => Vec::new(),
    }
}

/// What must hold for any bytes: nothing panics, and what was decoded survives being encoded.
#[track_caller]
pub(crate) fn check_laws(bytes: &[u8]) {
    let description = describe(bytes);
    check_raw_records(bytes);
    let Ok(rebuilt) = rebuild(bytes) else { return };
    let again = describe(&rebuilt);
    if !description.contains("Err(") {
        assert_eq!(description, again, "decode(encode(x)) == x");
    }
    assert!(
        !again.contains("Err("),
        "what is encoded has no errors: {again}"
    );
    assert_eq!(
        rebuild(&rebuilt),
        Ok(rebuilt),
        "encode(decode(y)) == y for what encode wrote"
    );
}

/// Records that are walked over first and decoded then are those that are decoded at once, errors included.
#[track_caller]
fn check_raw_records(bytes: &[u8]) {
    let Ok(datagram) = Datagram::decode(bytes) else {
        return;
    };
    for sample in datagram.samples().flatten() {
        let Sample::Counters(sample) = sample else {
            continue;
        };
        check_raw_records_of(&sample);
    }
}

#[track_caller]
fn check_raw_records_of(sample: &CountersSample<'_>) {
    let (mut raw, mut decoded) = (sample.raw_records(), sample.records());
    loop {
        match (raw.next(), decoded.next()) {
            (None, None) => return,
            (Some(Ok(raw)), Some(Ok(record))) => {
                assert_eq!(raw.tag, record.tag());
                let again = [
                    raw.decode::<VirtCpu>()
                        .map(|fields| fields.map(CounterRecord::from)),
                    raw.decode::<HostDescr<'_>>()
                        .map(|fields| fields.map(CounterRecord::from)),
                    raw.decode::<HostAdapters<'_>>()
                        .map(|fields| fields.map(CounterRecord::from)),
                ];
                for again in again.into_iter().flatten() {
                    // By their words: a load average may be NaN, which equals nothing.
                    assert_eq!(format!("{again:?}"), format!("Ok({record:?})"));
                }
            }
            (Some(Ok(raw)), Some(Err(error))) => {
                assert_eq!(Some(raw.tag), error.tag());
                if let Some(again) = raw.decode::<HostDescr<'_>>() {
                    assert_eq!(again.err(), Some(error.kind()));
                }
            }
            (raw, record) => assert_eq!(raw.and_then(Result::err), record.and_then(Result::err)),
        }
    }
}
