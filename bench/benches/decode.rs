//! Decoding sFlow on one core: this project's codec against flowparser-sflow and sflow-parser.
//!
//! Every decoder gets the same datagrams, captured from a real hsflowd, and every field of every record is produced: the peers build
//! their whole tree, ours is asked for each record with all its fields, and what comes out is handed to `black_box`. Rounds are
//! interleaved, so that whatever else the machine does hits all alike; times are medians of rounds, and a ratio is the median of the
//! ratios within rounds.
//!
//! flowparser-sflow fails on every datagram with a `mib2_icmp_group` as hsflowd (and the specification) writes it, and then stops
//! early, which makes it look fast. So the ratio that counts is the one over the datagrams that it does decode.
//!
//! `cargo bench -p bench --bench decode -- --check` fails where a ratio is below its goal.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use flowparser_sflow::SflowParser;
use sflow::{CounterRecord, CountersSample, Datagram, Sample};

/// Goals: how many times faster than the peer on datagrams that both decode.
const GOAL_FLOWPARSER: f64 = 4.0;
const GOAL_SFLOW_PARSER: f64 = 12.0;

const ROUNDS: u32 = 41;
const ROUND: Duration = Duration::from_millis(12);

const CAPTURE: &[u8] = include_bytes!("../../sflow/tests/data/hsflowd-docker-counters.pcap");

fn main() -> ExitCode {
    let all = udp_payloads(CAPTURE);
    let flowparser = SflowParser::default();
    let common: Vec<&[u8]> = all
        .iter()
        .copied()
        .filter(|datagram| flowparser.parse_bytes(datagram).error.is_none())
        .collect();
    let refused = all
        .iter()
        .filter(|datagram| sflow_parser::parse_datagram(datagram).is_err())
        .count();
    println!(
        "hsflowd-docker-counters: {} datagrams, {} bytes",
        all.len(),
        all.iter().map(|datagram| datagram.len()).sum::<usize>()
    );
    println!(
        "errors: ours {} of {}, flowparser-sflow {} of {}, sflow-parser {refused} of {}\n",
        all.iter().map(|datagram| errors(datagram)).sum::<usize>(),
        all.len(),
        all.len() - common.len(),
        all.len(),
        all.len(),
    );

    let everything = compare(
        "all datagrams (flowparser-sflow stops early where it fails)",
        &all,
        &flowparser,
    );
    let both = compare("datagrams that all three decode", &common, &flowparser);
    let ratio_flowparser = both.flowparser;
    let ratio_sflow_parser = everything.sflow_parser;
    println!(
        "goals: {ratio_flowparser:.1} times flowparser-sflow (at least {GOAL_FLOWPARSER}, datagrams that it decodes),"
    );
    println!(
        "       {ratio_sflow_parser:.1} times sflow-parser (at least {GOAL_SFLOW_PARSER}, all datagrams)"
    );
    if bench::checks()
        && (ratio_flowparser < GOAL_FLOWPARSER || ratio_sflow_parser < GOAL_SFLOW_PARSER)
    {
        println!("a goal was missed");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// How many times faster ours is than a peer.
struct Ratios {
    flowparser: f64,
    sflow_parser: f64,
}

fn compare(title: &str, datagrams: &[&[u8]], flowparser: &SflowParser) -> Ratios {
    let mut ours = Vec::new();
    let mut first = Vec::new();
    let mut second = Vec::new();
    for _ in 0..bench::rounds(ROUNDS) {
        ours.push(round(datagrams, decode_all));
        first.push(round(datagrams, |datagram| {
            black_box(&flowparser.parse_bytes(black_box(datagram)));
        }));
        second.push(round(datagrams, |datagram| {
            black_box(black_box(&sflow_parser::parse_datagram(black_box(datagram))).is_ok());
        }));
    }
    let over = |peer: &[f64]| {
        median(
            peer.iter()
                .zip(&ours)
                .map(|(peer, ours)| peer / ours)
                .collect(),
        )
    };
    let ratios = Ratios {
        flowparser: over(&first),
        sflow_parser: over(&second),
    };
    println!("{title}: {}", datagrams.len());
    println!("| decoder | ns per datagram | million datagrams per second | ours is faster by |");
    println!("|---|---|---|---|");
    for (name, rounds, ratio) in [
        ("ours", ours, 1.0),
        ("flowparser-sflow 0.3", first, ratios.flowparser),
        ("sflow-parser 0.7", second, ratios.sflow_parser),
    ] {
        let nanos = median(rounds);
        println!("| {name} | {nanos:.1} | {:.2} | {ratio:.1} |", 1e3 / nanos);
    }
    println!();
    ratios
}

/// Decodes all datagrams again and again for a while; returns nanoseconds per datagram.
#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
#[expect(clippy::cast_precision_loss, reason = "far from 2^52")]
fn round(datagrams: &[&[u8]], mut decode: impl FnMut(&[u8])) -> f64 {
    let start = Instant::now();
    let mut passes = 0_usize;
    loop {
        for datagram in datagrams {
            decode(datagram);
        }
        passes += 1;
        let elapsed = start.elapsed();
        if elapsed >= ROUND {
            return elapsed.as_nanos() as f64 / (passes * datagrams.len()) as f64;
        }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Produces every field of every record of a datagram, in place: what an iterator returns is looked at where it was written.
fn decode_all(datagram: &[u8]) {
    let datagram = Datagram::decode(black_box(datagram));
    let Ok(datagram) = &datagram else { return };
    black_box((
        datagram.agent,
        datagram.sub_agent,
        datagram.sequence,
        datagram.uptime_ms,
    ));
    let mut samples = datagram.samples();
    loop {
        let sample = samples.next();
        let Some(sample) = &sample else { return };
        match sample {
            Ok(Sample::Counters(sample)) => {
                black_box(sample.sequence);
                black_box(sample.data_source.class);
                black_box(sample.data_source.index);
                counters(sample);
            }
            other => {
                black_box(other);
            }
        }
    }
}

fn counters(sample: &CountersSample<'_>) {
    let mut records = sample.records();
    loop {
        let record = records.next();
        let Some(record) = &record else { return };
        if let Ok(CounterRecord::HostAdapters(adapters)) = record {
            adapters.adapters.iter().for_each(|adapter| {
                black_box(adapter.if_index);
                adapter.mac_address.iter().for_each(|mac| {
                    black_box(mac);
                });
            });
        } else {
            black_box(record);
        }
    }
}

/// Counts what our decoder could not read in a datagram.
fn errors(datagram: &[u8]) -> usize {
    let Ok(datagram) = Datagram::decode(datagram) else {
        return 1;
    };
    let bad = |sample: Result<Sample<'_>, _>| match sample {
        Ok(Sample::Counters(sample)) => sample.records().filter(Result::is_err).count(),
        Ok(Sample::Flow(sample)) => sample.records().filter(Result::is_err).count(),
        Ok(_) => 0,
        Err(_) => 1,
    };
    datagram.samples().map(bad).sum()
}

/// Returns the UDP payloads of a little-endian pcap with Ethernet, IPv4 without options and UDP, as the capture is.
fn udp_payloads(pcap: &[u8]) -> Vec<&[u8]> {
    const FILE_HEADER: usize = 24;
    const PACKET_HEADER: usize = 16;
    const ETHERNET_IPV4_UDP: usize = 14 + 20 + 8;
    let mut payloads = Vec::new();
    let mut rest = &pcap[FILE_HEADER..];
    while rest.len() >= PACKET_HEADER {
        let length = u32::from_le_bytes([rest[8], rest[9], rest[10], rest[11]]) as usize;
        let packet = &rest[PACKET_HEADER..PACKET_HEADER + length];
        payloads.push(&packet[ETHERNET_IPV4_UDP..]);
        rest = &rest[PACKET_HEADER + length..];
    }
    payloads
}
