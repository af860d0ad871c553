//! What a scrape with series for every container costs: our writer, straight from the collector's state, against the recorder of
//! `metrics-exporter-prometheus` with the same 100,000 series, in the same run.
//!
//! `cargo bench -p bench --bench scrape [-- --check]`; with `--check` the exit code says whether the goals were met.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark prints, and reads the clock"
)]

#[path = "support/fleet.rs"]
mod fleet;

use std::{
    fs,
    net::SocketAddr,
    process::ExitCode,
    time::{Duration, Instant},
};

use collector::{Collector, Config};
use fleet::Fleet;
use metrics::{Key, Label, Level, Metadata, Recorder as _};
use metrics_exporter_prometheus::PrometheusBuilder;
use swarmtide::exposition::ContainerSeries;

const CONTAINERS: usize = 12_000;
const CONTAINERS_PER_AGENT: usize = 100;
const ROUNDS: u32 = 9;
const SERIES: usize = 100_000;

/// Our scrape may take this share of the recorder's.
const GOAL_TIME: f64 = 0.1;
/// Our labels and notes may take this share of the recorder's memory.
const GOAL_MEMORY: f64 = 0.1;

/// What one way cost.
struct Cost {
    scrape: Duration,
    bytes: f64,
}

/// A line of our text: name, labels, value.
type Line<'a> = (&'a str, Vec<(&'a str, &'a str)>, f64);

fn main() -> ExitCode {
    let (collector, now) = filled();
    let mut text = String::new();
    let ours = ours(&collector, now, &mut text);
    let lines: Vec<Line<'_>> = text.lines().filter_map(parse).collect();
    let theirs = theirs(&lines);

    let time = ours.scrape.as_secs_f64() / theirs.scrape.as_secs_f64();
    let memory = ours.bytes / theirs.bytes;
    let count = lines.len() as f64;
    println!(
        "scrape: {CONTAINERS} containers, {count} series, {:.1} MB of text\n",
        text.len() as f64 / 1e6
    );
    println!("| way | one scrape, median of {ROUNDS} | memory a series |\n|---|---|---|");
    for (way, cost) in [
        ("straight from the state", &ours),
        ("the recorder", &theirs),
    ] {
        let ms = cost.scrape.as_secs_f64() * 1e3;
        println!("| {way} | {ms:.1} ms | {:.0} B |", cost.bytes / count);
    }
    println!(
        "\nratio: {time:.3} of the time, {memory:.3} of the memory (goals: {GOAL_TIME}, {GOAL_MEMORY})"
    );
    let met = lines.len() >= SERIES && time <= GOAL_TIME && memory <= GOAL_MEMORY;
    println!("goals: {}", if met { "met" } else { "MISSED" });
    if bench::checks() && !met {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// A collector with counters of every container, and the time.
fn filled() -> (Collector, Duration) {
    let fleet = Fleet {
        agents: CONTAINERS / CONTAINERS_PER_AGENT,
        containers_per_agent: CONTAINERS_PER_AGENT,
        per_datagram: 4,
    };
    assert_eq!(fleet.containers(), CONTAINERS);
    let collector = Collector::new(Config::default());
    let at = |cycle: u32| Duration::from_secs(60 + 10 * u64::from(cycle));
    for cycle in 0..3 {
        for agent in 0..fleet.agents {
            let source = SocketAddr::new(fleet::address(agent).into(), 40_000);
            for datagram in fleet.cycle(agent, cycle) {
                collector.ingest(source, &datagram, at(cycle));
            }
        }
    }
    (collector, at(2))
}

/// The writer that the sidecar has.
fn ours(collector: &Collector, now: Duration, text: &mut String) -> Cost {
    let before = resident_bytes();
    let series = ContainerSeries::default();
    let mut first = String::new();
    series.write(&mut first, (collector, None), now, CONTAINERS);
    let size = first.len();
    drop(first);
    let bytes = resident_bytes() - before;
    let scrape = median(|| {
        let mut text = String::with_capacity(size);
        series.write(&mut text, (collector, None), now, CONTAINERS);
        std::hint::black_box(text.len());
    });
    series.write(text, (collector, None), now, CONTAINERS);
    Cost { scrape, bytes }
}

/// The same series in the recorder, with labels of their own as its users give them.
fn theirs(lines: &[Line<'_>]) -> Cost {
    let before = resident_bytes();
    let recorder = PrometheusBuilder::new().build_recorder();
    let metadata = Metadata::new("bench", Level::INFO, None);
    for (name, labels, value) in lines {
        let own =
            |(label, value): &(&str, &str)| Label::new((*label).to_owned(), (*value).to_owned());
        let labels: Vec<Label> = labels.iter().map(own).collect();
        let key = Key::from_parts((*name).to_owned(), labels);
        recorder.register_gauge(&key, &metadata).set(*value);
    }
    let handle = recorder.handle();
    let bytes = resident_bytes() - before;
    let scrape = median(|| {
        std::hint::black_box(handle.render().len());
    });
    Cost { scrape, bytes }
}

fn parse(line: &str) -> Option<Line<'_>> {
    let (name, rest) = line.split_once('{')?;
    let (labels, value) = rest.split_once("} ")?;
    let labels = labels.split(',').filter_map(|pair| {
        let (label, value) = pair.split_once('=')?;
        Some((label, value.trim_matches('"')))
    });
    Some((name, labels.collect(), value.parse().ok()?))
}

fn median(mut work: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..bench::rounds(ROUNDS))
        .map(|_| {
            let begin = Instant::now();
            work();
            begin.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[times.len() / 2]
}

/// Resident memory of this process.
fn resident_bytes() -> f64 {
    let pages = fs::read_to_string("/proc/self/statm").ok();
    let pages = pages.and_then(|text| text.split(' ').nth(1)?.parse::<f64>().ok());
    pages.unwrap_or(0.0) * 4096.0
}
