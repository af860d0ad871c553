//! The JSON object that is printed for a sample; `docs/sflow.md` says what is in it.
//!
//! Every line has the same keys up to `sequence`, and `records`, so that a reader need not know the kinds of samples.

use std::{collections::BTreeMap, net::SocketAddr};

use serde::{Serialize, Serializer, ser::SerializeMap};
use sflow::{
    CounterRecord, Datagram, DecodeError, FlowRecord, Opaque, RtFlowValue, RtMetricValue, Sample,
};

/// What is known of a datagram beside its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Arrival {
    /// When it was captured or received; not every capture says so.
    pub(super) timestamp: Option<jiff::Timestamp>,
    /// Where it came from.
    pub(super) source: SocketAddr,
}

/// One sample with the header of its datagram, ready to be printed.
#[derive(Debug)]
pub(super) struct SampleLine<'a> {
    datagram: &'a Datagram<'a>,
    arrival: Arrival,
    sample: &'a Sample<'a>,
    records: Records<'a>,
}

/// What is printed under `records`.
#[derive(Debug)]
enum Records<'a> {
    Counters(Grouped<CounterRecord<'a>>),
    Flow(Grouped<FlowRecord<'a>>),
    Metrics(Grouped<RtMetricValue<'a>>),
    Attributes(Grouped<RtFlowValue<'a>>),
    Raw(sflow::Tag, Opaque<'a>),
    Nothing,
}

impl<'a> SampleLine<'a> {
    /// Takes what can be read of a sample, and returns what cannot beside it.
    pub(super) fn new(
        datagram: &'a Datagram<'a>,
        arrival: Arrival,
        sample: &'a Sample<'a>,
    ) -> (Self, Vec<DecodeError>) {
        let mut errors = Vec::new();
        let records = Records::read(sample, &mut errors);
        let line = Self {
            datagram,
            arrival,
            sample,
            records,
        };
        (line, errors)
    }
}

impl<'a> Records<'a> {
    fn read(sample: &Sample<'a>, errors: &mut Vec<DecodeError>) -> Self {
        match sample {
            Sample::Counters(sample) => {
                Self::Counters(Grouped::new(sample.records(), errors, |record| {
                    (key(record.name(), record.tag()), record)
                }))
            }
            Sample::Flow(sample) => Self::Flow(flow_records(sample.records(), errors)),
            Sample::DiscardedPacket(sample) => Self::Flow(flow_records(sample.records(), errors)),
            Sample::RtMetric(sample) => {
                Self::Metrics(Grouped::new(sample.metrics(), errors, |metric| {
                    (metric.name.to_string(), metric.value)
                }))
            }
            Sample::RtFlow(sample) => {
                Self::Attributes(Grouped::new(sample.fields(), errors, |field| {
                    (field.name.to_string(), field.value)
                }))
            }
            Sample::Unknown(raw) => Self::Raw(raw.tag, raw.data),
            _ => Self::Nothing,
        }
    }
}

fn flow_records<'a>(
    records: impl Iterator<Item = Result<FlowRecord<'a>, DecodeError>>,
    errors: &mut Vec<DecodeError>,
) -> Grouped<FlowRecord<'a>> {
    Grouped::new(records, errors, |record| {
        (key(record.name(), record.tag()), record)
    })
}

fn key(name: Option<&str>, tag: sflow::Tag) -> String {
    name.map_or_else(|| tag.to_string(), str::to_owned)
}

/// Values by name, in the order of the first of each name.
#[derive(Debug)]
struct Grouped<V>(Vec<(String, Vec<V>)>);

impl<V> Grouped<V> {
    /// Groups the items that can be read; the others are added to `errors`.
    fn new<T>(
        items: impl Iterator<Item = Result<T, DecodeError>>,
        errors: &mut Vec<DecodeError>,
        entry: impl Fn(T) -> (String, V),
    ) -> Self {
        let mut groups: Vec<(String, Vec<V>)> = Vec::new();
        for item in items {
            let (name, value) = match item {
                Ok(item) => entry(item),
                Err(error) => {
                    errors.push(error);
                    continue;
                }
            };
            match groups.iter_mut().find(|(other, _)| *other == name) {
                Some((_, group)) => group.push(value),
                None => groups.push((name, vec![value])),
            }
        }
        Self(groups)
    }
}

impl<V: Serialize> Serialize for Grouped<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, group) in &self.0 {
            match group.as_slice() {
                [value] => map.serialize_entry(name, value)?,
                values => map.serialize_entry(name, values)?,
            }
        }
        map.end()
    }
}

impl Serialize for Records<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Counters(records) => records.serialize(serializer),
            Self::Flow(records) => records.serialize(serializer),
            Self::Metrics(metrics) => BTreeMap::from([("rtmetric", metrics)]).serialize(serializer),
            Self::Attributes(fields) => BTreeMap::from([("rtflow", fields)]).serialize(serializer),
            Self::Raw(tag, data) => BTreeMap::from([(key(None, *tag), data)]).serialize(serializer),
            Self::Nothing => serializer.serialize_map(Some(0))?.end(),
        }
    }
}

impl Serialize for SampleLine<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("agent", &self.datagram.agent)?;
        map.serialize_entry("sub_agent", &self.datagram.sub_agent)?;
        map.serialize_entry("datagram_sequence", &self.datagram.sequence)?;
        map.serialize_entry("uptime_ms", &self.datagram.uptime_ms)?;
        map.serialize_entry("sample", &self.sample.tag())?;
        self.header(&mut map)?;
        if let Some(timestamp) = self.arrival.timestamp {
            map.serialize_entry("timestamp", &format_args!("{timestamp}"))?;
        }
        map.serialize_entry("source", &self.arrival.source)?;
        map.serialize_entry("records", &self.records)?;
        map.end()
    }
}

impl SampleLine<'_> {
    fn header<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        match self.sample {
            Sample::Counters(sample) => {
                map.serialize_entry("data_source", &sample.data_source)?;
                map.serialize_entry("sequence", &sample.sequence)
            }
            Sample::Flow(sample) => {
                map.serialize_entry("data_source", &sample.data_source)?;
                map.serialize_entry("sequence", &sample.sequence)?;
                map.serialize_entry("sampling_rate", &sample.sampling_rate)?;
                map.serialize_entry("sample_pool", &sample.sample_pool)?;
                map.serialize_entry("drops", &sample.drops)?;
                map.serialize_entry("input", &sample.input)?;
                map.serialize_entry("output", &sample.output)
            }
            Sample::DiscardedPacket(sample) => {
                map.serialize_entry("data_source", &sample.data_source)?;
                map.serialize_entry("sequence", &sample.sequence)?;
                map.serialize_entry("drops", &sample.drops)?;
                map.serialize_entry("inputifindex", &sample.inputifindex)?;
                map.serialize_entry("outputifindex", &sample.outputifindex)?;
                map.serialize_entry("reason", &sample.reason)
            }
            Sample::RtMetric(sample) => {
                map.serialize_entry("data_source", &sample.datasource_name)?;
                map.serialize_entry("sequence", &())
            }
            Sample::RtFlow(sample) => {
                map.serialize_entry("data_source", &sample.datasource_name)?;
                map.serialize_entry("sequence", &())?;
                map.serialize_entry("sampling_rate", &sample.sampling_rate)?;
                map.serialize_entry("sample_pool", &sample.sample_pool)
            }
            _ => {
                map.serialize_entry("data_source", &())?;
                map.serialize_entry("sequence", &())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use sflow::{
        Address, CountersSample, DataSource, DiscardedPacket, Fields, RtFlow, RtFlowField,
        RtMetric, RtMetricField, Tag, Text,
        counter::{HostParent, PortName, VirtCpu},
    };

    const ARRIVAL: Arrival = Arrival {
        timestamp: Some(jiff::Timestamp::UNIX_EPOCH),
        source: SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)), 40_000),
    };

    /// Prints a sample; the header of the datagram and where it came from are the same for all.
    fn line(sample: Sample<'_>) -> String {
        let samples = [sample];
        let bytes = Datagram::new(Address::from([10, 0, 0, 1]), 1, 2, 3, &samples).encode();
        let datagram = Datagram::decode(&bytes).unwrap();
        let sample = datagram.samples().next().unwrap().unwrap();
        let (line, errors) = SampleLine::new(&datagram, ARRIVAL, &sample);
        assert_eq!(errors, []);
        let text = serde_json::to_string(&line).unwrap();
        let header =
            r#"{"agent":"10.0.0.1","sub_agent":1,"datagram_sequence":2,"uptime_ms":3,"sample":"#;
        let arrival = r#","timestamp":"1970-01-01T00:00:00Z","source":"10.0.0.2:40000""#;
        let rest = text.strip_prefix(header).unwrap();
        let (before, after) = rest.split_once(arrival).unwrap();
        format!("{before}{after}")
    }

    #[test]
    fn twins_become_an_array_and_absent_fields_are_left_out() {
        let cpu = VirtCpu {
            state: sflow::DomainState::RUNNING,
            cpu_time: 5,
            nr_virt_cpu: 1,
        };
        let records = [
            PortName {
                name: Text::from("a\"b"),
            }
            .into(),
            Fields::truncated(cpu, 2).into(),
            PortName {
                name: Text::from("c"),
            }
            .into(),
            HostParent {
                container_type: 2,
                container_index: 1,
            }
            .into(),
            CounterRecord::Unknown(sflow::RawRecord {
                tag: Tag::new(99, 7),
                data: Opaque::new(&[0xab, 1]),
            }),
        ];
        let sample = CountersSample::expanded(9, DataSource::logical(101_001), &records);
        assert_eq!(
            line(Sample::Counters(sample)),
            concat!(
                r#""0:4","data_source":"3:101001","sequence":9,"records":{"port_name":[{"name":"a\"b"},{"name":"c"}],"#,
                r#""virt_cpu":{"state":1,"cpu_time":5},"host_parent":{"container_type":2,"container_index":1},"99:7":"ab01"}}"#
            )
        );
    }

    #[test]
    fn metrics_and_attributes_are_records_under_their_names() {
        let metric = |name, value| RtMetricField {
            name: Text::from(name),
            value,
        };
        let metrics = [
            metric("load", RtMetricValue::Float(4.65)),
            metric("fan", RtMetricValue::Gauge32(1)),
            metric("fan", RtMetricValue::Gauge32(2)),
        ];
        assert_eq!(
            line(Sample::RtMetric(RtMetric::new("rack".into(), &metrics))),
            concat!(
                r#""4300:1002","data_source":"rack","sequence":null,"records":{"rtmetric":{"load":{"type":"float","value":4.65},"#,
                r#""fan":[{"type":"gauge32","value":1},{"type":"gauge32","value":2}]}}}"#
            )
        );
        let fields = [RtFlowField {
            name: "bytes".into(),
            value: RtFlowValue::Int32(7),
        }];
        assert_eq!(
            line(Sample::RtFlow(RtFlow::new("rack".into(), 10, &fields))),
            concat!(
                r#""4300:1003","data_source":"rack","sequence":null,"sampling_rate":10,"sample_pool":0,"#,
                r#""records":{"rtflow":{"bytes":{"type":"int32","value":7}}}}"#
            )
        );
    }

    #[test]
    fn a_discarded_packet_has_records_too() {
        let records = [FlowRecord::Unknown(sflow::RawRecord {
            tag: Tag::new(99, 7),
            data: Opaque::new(&[0xab, 1]),
        })];
        let source = DataSource::interface(2);
        let sample = DiscardedPacket::new(9, source, sflow::DropReason(1), &records);
        assert_eq!(
            line(Sample::DiscardedPacket(sample)),
            concat!(
                r#""0:5","data_source":"0:2","sequence":9,"drops":0,"inputifindex":0,"outputifindex":0,"reason":1,"#,
                r#""records":{"99:7":"ab01"}}"#
            )
        );
    }

    #[test]
    fn a_sample_that_is_not_known_is_hexadecimal() {
        let raw = sflow::RawSample {
            tag: Tag::new(0, 77),
            data: Opaque::new(&[1, 2, 3, 4]),
        };
        assert_eq!(
            line(Sample::Unknown(raw)),
            r#""0:77","data_source":null,"sequence":null,"records":{"0:77":"01020304"}}"#
        );
    }
}
