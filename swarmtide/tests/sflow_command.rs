//! `swarmtide sflow` as its users run it: the built binary, on the captures and on the wire.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    net::{SocketAddr, UdpSocket},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use serde_json::Value;
use sflow::{Address, CountersSample, DataSource, Datagram, Sample, counter::HostParent};

const COUNTERS: &str = "hsflowd-docker-counters.pcap";

fn capture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../sflow/tests/data")
        .join(name)
}

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_swarmtide"));
    command.arg("sflow");
    command
}

fn read(file: &Path, format: &str) -> Output {
    let mut command = command();
    command.args(["--format", format, "--pcap"]).arg(file);
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn json_lines(bytes: &[u8]) -> Vec<Value> {
    text(bytes)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Looks for the keys that every line has.
#[track_caller]
fn check_line(line: &Value) {
    let numbered = line["sample"].as_str().unwrap().starts_with("0:");
    assert!(line["agent"].is_string(), "{line}");
    assert!(line["sub_agent"].is_u64(), "{line}");
    assert!(line["datagram_sequence"].is_u64(), "{line}");
    assert!(line["uptime_ms"].is_u64(), "{line}");
    assert!(line["records"].is_object(), "{line}");
    let data_source = line["data_source"].as_str().unwrap();
    assert_eq!(data_source.contains(':'), numbered, "{line}");
    assert!(line.as_object().unwrap().contains_key("sequence"), "{line}");
    assert_eq!(line["sequence"].is_u64(), numbered, "{line}");
    let source: SocketAddr = line["source"].as_str().unwrap().parse().unwrap();
    assert_ne!(source.port(), 0, "{line}");
    let timestamp: jiff::Timestamp = line["timestamp"].as_str().unwrap().parse().unwrap();
    assert!(timestamp > jiff::Timestamp::UNIX_EPOCH, "{line}");
}

#[test]
fn every_line_of_every_capture_has_the_documented_keys() {
    for (name, totals, samples) in [
        (COUNTERS, "69 datagrams, 114 samples", 114),
        (
            "hsflowd-docker-app-hup-gap.pcap",
            "151 datagrams, 311 samples",
            311,
        ),
        (
            "hsflowd-docker-pcap-entities-app-rtmetric.pcap",
            "65 datagrams, 252 samples",
            252,
        ),
    ] {
        let output = read(&capture(name), "json");
        assert_eq!(output.status.code(), Some(0), "{name}");
        let lines = json_lines(&output.stdout);
        assert_eq!(lines.len(), samples, "{name}");
        lines.iter().for_each(check_line);
        assert_eq!(
            text(&output.stderr),
            format!("{totals}, 0 decode errors, 0 other packets\n"),
            "{name}"
        );
    }
}

#[test]
fn containers_metrics_and_adapters_stand_where_they_are_looked_for() {
    let output = read(&capture(COUNTERS), "json");
    let lines = json_lines(&output.stdout);
    let has = |line: &&Value, record: &str| line["records"].get(record).is_some();
    let container = lines.iter().find(|line| has(line, "virt_cpu")).unwrap();
    for pointer in [
        "/records/host_descr/hostname",
        "/records/host_descr/uuid",
        "/records/virt_cpu/state",
        "/records/virt_cpu/cpu_time",
        "/records/virt_cpu/nr_virt_cpu",
    ] {
        assert!(container.pointer(pointer).is_some(), "{pointer}");
    }
    let adapters = lines
        .iter()
        .filter_map(|line| line.pointer("/records/host_adapters/adapters/0"))
        .find(|adapter| adapter.get("if_index").is_some())
        .unwrap();
    assert_eq!(adapters["mac_address"][0].as_str().unwrap().len(), 17);

    let output = read(
        &capture("hsflowd-docker-pcap-entities-app-rtmetric.pcap"),
        "json",
    );
    let lines = json_lines(&output.stdout);
    let of = |sample: &str| lines.iter().find(|line| line["sample"] == sample).unwrap();
    assert_eq!(of("4300:1002")["data_source"], "sensors");
    assert_eq!(
        of("4300:1002")["records"]["rtmetric"]["loc"],
        serde_json::json!({ "type": "string", "value": "rack1" })
    );
    assert_eq!(
        of("4300:1003")["records"]["rtflow"]["client"],
        serde_json::json!({ "type": "ip", "value": "10.1.1.1" })
    );
}

#[test]
fn text_has_the_header_first_the_order_of_the_specification_and_short_floats() {
    let output = read(&capture(COUNTERS), "text");
    assert_eq!(output.status.code(), Some(0));
    let text = text(&output.stdout);
    let samples: Vec<Vec<&str>> = text
        .split_terminator("\n\n")
        .map(|sample| sample.lines().collect())
        .collect();
    assert_eq!(samples.len(), 114);
    let names = |sample: &[&str]| -> Vec<String> {
        sample
            .iter()
            .filter_map(|line| line.split(' ').next())
            .map(str::to_owned)
            .collect()
    };
    let header = [
        "agent",
        "sub_agent",
        "datagram_sequence",
        "uptime_ms",
        "sample",
        "data_source",
        "sequence",
        "timestamp",
        "source",
    ];
    for sample in &samples {
        assert_eq!(&names(sample)[..header.len()], header);
    }
    let host = samples
        .iter()
        .find(|sample| names(sample).iter().any(|name| name == "host_cpu.load_one"))
        .unwrap();
    let fields: Vec<String> = names(host)
        .into_iter()
        .filter(|name| name.starts_with("host_cpu."))
        .take(4)
        .collect();
    assert_eq!(
        fields,
        [
            "host_cpu.load_one",
            "host_cpu.load_five",
            "host_cpu.load_fifteen",
            "host_cpu.proc_run"
        ]
    );
    for line in text.lines().filter(|line| line.contains("host_cpu.load_")) {
        let (_, load) = line.split_once(' ').unwrap();
        assert_eq!(
            load.parse::<f32>().unwrap().to_string(),
            load.trim_end_matches(".0")
        );
    }
}

#[test]
fn a_file_that_is_no_capture_is_named() {
    let file = tempfile::NamedTempFile::with_suffix(".pcap").unwrap();
    fs::write(file.path(), "these are not the bytes you are looking for").unwrap();
    for path in [file.path(), Path::new("/nowhere/missing.pcap")] {
        let output = read(path, "json");
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(output.stdout, b"");
        let error = text(&output.stderr);
        assert!(error.contains(path.to_str().unwrap()), "{error}");
    }
}

#[test]
fn a_truncated_capture_gives_what_it_has() {
    let whole = fs::read(capture(COUNTERS)).unwrap();
    let file = tempfile::NamedTempFile::with_suffix(".pcap").unwrap();
    fs::write(file.path(), &whole[..whole.len() - 10]).unwrap();
    let output = read(file.path(), "json");
    assert_eq!(output.status.code(), Some(0));
    let lines = json_lines(&output.stdout);
    assert!((100..114).contains(&lines.len()), "{}", lines.len());
    lines.iter().for_each(check_line);
    let error = text(&output.stderr);
    assert!(error.contains("truncated"), "{error}");
    assert!(error.contains("68 datagrams, "), "{error}");
}

/// Cuts the last 4 bytes off the payload of each packet, and says so in no header but pcap's own.
#[test]
fn datagrams_that_cannot_be_decoded_are_counted_and_the_exit_code_stays_0() {
    let whole = fs::read(capture(COUNTERS)).unwrap();
    let (header, mut packets) = whole.split_at(24);
    let mut cut = header.to_vec();
    while let Some((packet, rest)) = packets.split_first_chunk::<16>() {
        let length = u32::from_le_bytes(*packet[8..].first_chunk().unwrap());
        let (frame, rest) = rest.split_at(length as usize);
        cut.extend_from_slice(&packet[..8]);
        cut.extend_from_slice(&(length - 4).to_le_bytes());
        cut.extend_from_slice(&packet[12..]);
        cut.extend_from_slice(&frame[..frame.len() - 4]);
        packets = rest;
    }
    let file = tempfile::NamedTempFile::with_suffix(".pcap").unwrap();
    fs::write(file.path(), cut).unwrap();
    let output = read(file.path(), "json");
    assert_eq!(output.status.code(), Some(0));
    json_lines(&output.stdout).iter().for_each(check_line);
    let error = text(&output.stderr);
    let told = error.lines().count() - 1;
    assert!(told >= 69, "{error}");
    assert!(error.starts_with("datagram 1: "), "{error}");
    assert!(
        error.contains(&format!(", {told} decode errors, ")),
        "{error}"
    );
}

/// A process that does not outlive a test that fails.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended needs neither.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Listens, is sent one datagram, and is ended by `signal`.
#[track_caller]
fn check_listening(signal: &str, listen: &str) {
    let mut command = command();
    command.args(["--format", "json", "--listen", listen]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = Running(command.spawn().unwrap());
    let mut errors = BufReader::new(child.0.stderr.take().unwrap());
    let mut lines = BufReader::new(child.0.stdout.take().unwrap());
    let mut first = String::new();
    errors.read_line(&mut first).unwrap();
    let address: SocketAddr = first
        .trim_end()
        .strip_prefix("listening on UDP ")
        .unwrap()
        .parse()
        .unwrap();

    let records = [HostParent {
        container_type: 2,
        container_index: 1,
    }
    .into()];
    let sample = CountersSample::expanded(7, DataSource::logical(101_001), &records);
    let samples = [Sample::Counters(sample)];
    let datagram = Datagram::new(Address::from([10, 0, 0, 1]), 1, 2, 3, &samples).encode();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket
        .send_to(&datagram, ("127.0.0.1", address.port()))
        .unwrap();
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    let line: Value = serde_json::from_str(&line).unwrap();
    check_line(&line);
    assert_eq!(line["source"], socket.local_addr().unwrap().to_string());

    let pid = child.0.id().to_string();
    let sent = Command::new("sh")
        .args(["-c", &format!("kill -s {signal} {pid}")])
        .status();
    assert!(sent.unwrap().success());
    let mut rest = String::new();
    errors.read_to_string(&mut rest).unwrap();
    assert_eq!(child.0.wait().unwrap().code(), Some(0));
    assert_eq!(
        rest,
        "1 datagrams, 1 samples, 0 decode errors, 0 other packets\n"
    );
}

#[test]
fn a_signal_ends_listening_with_the_totals() {
    check_listening("INT", "127.0.0.1:0");
    check_listening("TERM", "[::]:0");
}
