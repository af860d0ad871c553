//! Says what was decoded in the words of sflowtool.

use std::collections::BTreeMap;

use serde_json::Value;
use sflow::{CounterRecord, Datagram, DecodeError, FlowRecord, Sample};

type Block = BTreeMap<String, String>;

/// Appends the blocks of a datagram.
pub(crate) fn blocks(datagram: &Datagram<'_>, size: usize, blocks: &mut Vec<Block>) {
    blocks.push(block(&[
        ("startDatagram", String::new()),
        ("datagramSize", size.to_string()),
        ("datagramVersion", sflow::VERSION.to_string()),
        ("agentSubId", datagram.sub_agent.to_string()),
        ("agent", datagram.agent.to_string()),
        ("packetSequenceNo", datagram.sequence.to_string()),
        ("sysUpTime", datagram.uptime_ms.to_string()),
        ("samplesInPacket", datagram.sample_count().to_string()),
    ]));
    for sample in datagram.samples() {
        sample_blocks(&sample.unwrap(), blocks);
    }
}

fn block(lines: &[(&str, String)]) -> Block {
    lines
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect()
}

fn sample_blocks(sample: &Sample<'_>, blocks: &mut Vec<Block>) {
    let start = ("startSample", String::new());
    let tag = ("sampleType_tag", sample.tag().to_string());
    match sample {
        Sample::Counters(sample) => {
            blocks.push(block(&[
                start,
                tag,
                ("sampleType", "COUNTERSSAMPLE".to_owned()),
                ("sampleSequenceNo", sample.sequence.to_string()),
                ("sourceId", sample.data_source.to_string()),
            ]));
            blocks.extend(
                sample
                    .records()
                    .map(|record| counter_block(&record.unwrap())),
            );
        }
        Sample::Flow(sample) => {
            blocks.push(block(&[
                start,
                tag,
                ("sampleType", "FLOWSAMPLE".to_owned()),
                ("sampleSequenceNo", sample.sequence.to_string()),
                ("sourceId", sample.data_source.to_string()),
                ("meanSkipCount", sample.sampling_rate.to_string()),
                ("samplePool", sample.sample_pool.to_string()),
                ("dropEvents", sample.drops.to_string()),
                ("inputPort", sample.input.to_string()),
                ("outputPort", sample.output.to_string()),
            ]));
            blocks.extend(sample.records().map(|record| flow_block(&record.unwrap())));
        }
        Sample::RtMetric(sample) => {
            let mut lines = block(&[
                start,
                tag,
                ("sampleType", "RTMETRIC".to_owned()),
                (
                    "rtmetric_datasource_name",
                    sample.datasource_name.to_string(),
                ),
            ]);
            typed_lines("rtmetric", sample.metrics().map(json), &mut lines);
            blocks.push(lines);
        }
        Sample::RtFlow(sample) => {
            let mut lines = block(&[
                start,
                tag,
                ("sampleType", "RTFLOW".to_owned()),
                ("rtflow_datasource_name", sample.datasource_name.to_string()),
                ("rtflow_sampling_rate", sample.sampling_rate.to_string()),
                ("rtflow_sample_pool", sample.sample_pool.to_string()),
            ]);
            typed_lines("rtflow", sample.fields().map(json), &mut lines);
            blocks.push(lines);
        }
        other => panic!("no capture holds {other:?}"),
    }
}

fn json(item: Result<impl serde::Serialize, DecodeError>) -> Value {
    serde_json::to_value(item.unwrap()).unwrap()
}

fn typed_lines(kind: &str, items: impl Iterator<Item = Value>, lines: &mut Block) {
    for item in items {
        let text = |key: &str| plain(&item[key]);
        lines.insert(
            format!("{kind}_{}_{}", text("type"), text("name")),
            text("value"),
        );
    }
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn counter_block(record: &CounterRecord<'_>) -> Block {
    let mut lines = block(&[("counterBlock_tag", record.tag().to_string())]);
    let record_name = record.name().expect("captures hold no unknown records");
    if let CounterRecord::HostAdapters(adapters) = record {
        for (index, adapter) in adapters.adapters.iter().enumerate() {
            lines.insert(
                format!("adaptor_{index}_ifIndex"),
                adapter.if_index.to_string(),
            );
            lines.insert(
                format!("adaptor_{index}_MACs"),
                adapter.mac_address.len().to_string(),
            );
            for (number, mac) in adapter.mac_address.iter().enumerate() {
                lines.insert(
                    format!("adaptor_{index}_MAC_{number}"),
                    mac.to_string().replace(':', ""),
                );
            }
        }
        return lines;
    }
    fields(
        record_name,
        &serde_json::to_value(record).unwrap(),
        &mut lines,
    );
    lines
}

fn flow_block(record: &FlowRecord<'_>) -> Block {
    let mut lines = block(&[("flowBlock_tag", record.tag().to_string())]);
    let mut say = |name: &str, value: &str| lines.insert(name.to_owned(), value.to_owned());
    match record {
        FlowRecord::SampledHeader(header) => {
            let bytes = header.header.as_bytes();
            let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
            say("flowSampleType", "HEADER");
            say("headerProtocol", &header.protocol.0.to_string());
            say("sampledPacketSize", &header.frame_length.to_string());
            say("strippedBytes", &header.stripped.to_string());
            say("headerLen", &bytes.len().to_string());
            say("headerBytes", &digits.join("-"));
            return lines;
        }
        FlowRecord::ExtendedEntities(entities) => {
            say("extendedType", "entities");
            say("entities_src_class", &entities.src_ds.class.0.to_string());
            say("entities_src_index", &entities.src_ds.index.to_string());
            say("entities_dst_class", &entities.dst_ds.class.0.to_string());
            say("entities_dst_index", &entities.dst_ds.index.to_string());
            return lines;
        }
        FlowRecord::AppOperation(operation) => {
            say("flowSampleType", "applicationOperation");
            say("status", &operation.status.to_string().to_uppercase());
        }
        FlowRecord::ExtendedSocketIpv4(_) => {
            say("extendedType", "socket4");
        }
        FlowRecord::ExtendedTimestamp(_) => {
            say("extendedType", "timestamp");
        }
        _ => {}
    }
    let record_name = record.name().expect("captures hold no unknown records");
    fields(
        record_name,
        &serde_json::to_value(record).unwrap(),
        &mut lines,
    );
    lines
}

fn fields(record: &str, value: &Value, lines: &mut Block) {
    for (field, value) in value.as_object().unwrap() {
        let (name, value) = match (record, field.as_str()) {
            ("app_operation", "status") => continue,
            ("host_cpu", "load_one" | "load_five" | "load_fifteen") => (
                format!("cpu_{field}"),
                format!("{:.3}", value.as_f64().unwrap()),
            ),
            ("host_disk_io", "part_max_used") => (
                "disk_partition_max_used".to_owned(),
                format!("{:.2}", value.as_f64().unwrap() / 100.0),
            ),
            _ => (name(record, field), plain(value)),
        };
        lines.insert(name, value);
    }
}

/// Returns sflowtool's name of a field.
fn name(record: &str, field: &str) -> String {
    let fixed = match (record, field) {
        ("if_counters", "if_type") => "networkType",
        ("port_name", "name") => "ifName",
        ("mib2_ip_group", "ip_default_ttl") => "ipDefaultTTL",
        ("mib2_ip_group", "ip_reasm_oks") => "ipReasmOKs",
        ("mib2_ip_group", "ip_frag_oks") => "ipFragOKs",
        ("mib2_tcp_group", "tcp_in_csum_errs") => "tcpInCsumErrors",
        ("host_descr", "uuid") => "UUID",
        ("host_parent", "container_type") => "parent_dsClass",
        ("host_parent", "container_index") => "parent_dsIndex",
        ("host_cpu", "cpu_intr") => "cpuintr",
        ("host_cpu", "interrupts") => "cpuinterrupts",
        ("host_net_io", "packets_out") => "nio_pkts_out",
        ("virt_cpu", "cpu_time") => "vcpu_cpu_mS",
        ("virt_cpu", "nr_virt_cpu") => "vcpu_cpuCount",
        ("virt_memory", "max_memory") => "vmem_maxMemory",
        ("virt_net_io", "rx_bytes") => "vnio_bytes_in",
        ("virt_net_io", "rx_packets") => "vnio_pkts_in",
        ("virt_net_io", "rx_errs") => "vnio_errs_in",
        ("virt_net_io", "rx_drop") => "vnio_drops_in",
        ("virt_net_io", "tx_bytes") => "vnio_bytes_out",
        ("virt_net_io", "tx_packets") => "vnio_pkts_out",
        ("virt_net_io", "tx_errs") => "vnio_errs_out",
        ("virt_net_io", "tx_drop") => "vnio_drops_out",
        ("app_operations", "success") => "status_OK",
        ("app_resources", "mem_used") => "memory_used",
        ("app_resources", "mem_max") => "memory_max",
        ("app_resources", "fd_open") => "files_open",
        ("app_resources", "fd_max") => "files_max",
        ("app_resources", "conn_open") => "connections_open",
        ("app_resources", "conn_max") => "connections_max",
        ("app_workers", "req_delayed") => "requests_delayed",
        ("app_workers", "req_dropped") => "requests_dropped",
        ("app_operation", "req_bytes") => "request_bytes",
        ("app_operation", "resp_bytes") => "response_bytes",
        ("app_operation", "us") => "duration_uS",
        ("app_initiator", "actor") => "actor_initiator",
        ("extended_timestamp", "nanoseconds") => "timestamp_nS",
        ("extended_socket_ipv4", "protocol") => "socket4_ip_protocol",
        _ => return general_name(record, field),
    };
    fixed.to_owned()
}

fn general_name(record: &str, field: &str) -> String {
    match record {
        "if_counters" | "mib2_ip_group" | "mib2_icmp_group" | "mib2_tcp_group"
        | "mib2_udp_group" => camel(field),
        "host_cpu" if !field.starts_with("cpu_") => format!("cpu_{field}"),
        "host_disk_io" if !field.starts_with("disk_") => format!("disk_{field}"),
        "host_net_io" => format!("nio_{field}"),
        "virt_node" => format!("vnode_{field}"),
        "virt_cpu" => format!("vcpu_{field}"),
        "virt_memory" => format!("vmem_{field}"),
        "virt_disk_io" => format!("vdsk_{field}"),
        "extended_socket_ipv4" => format!("socket4_{field}"),
        "app_operations" if field != "application" => format!("errors_{}", field.to_uppercase()),
        _ => field.to_owned(),
    }
}

fn camel(snake: &str) -> String {
    let mut upper = false;
    let mut name = String::new();
    for letter in snake.chars() {
        if letter == '_' {
            upper = true;
        } else if std::mem::take(&mut upper) {
            name.push(letter.to_ascii_uppercase());
        } else {
            name.push(letter);
        }
    }
    name
}
