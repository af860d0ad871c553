//! What the state of many containers costs: memory for each, and time of one tick over all services.
//!
//! A tick is what the sidecar does every two seconds once it has the view: members from container IDs, `Collector::observe`,
//! `scaler::Engine::tick`. Telemetry comes with every container; nothing has to be scaled, which is what most ticks find.
//!
//! `cargo bench -p bench --bench tick [-- --check]`; with `--check` the exit code says whether the goals were met.

#![expect(
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a benchmark prints, and its numbers are small"
)]

#[path = "support/fleet.rs"]
mod fleet;
#[path = "support/services.rs"]
mod services;

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use collector::{
    Collector, Config, ContainerUuid, Member, Metric, NamePattern, Query, Selection, Statistic,
};
use fleet::Fleet;
use services::{Parts, Services};

const CONTAINERS_PER_SERVICE: usize = 50;
const CONTAINERS_PER_AGENT: usize = 100;
const ROUNDS: u32 = 21;

const GOAL_TICK: Duration = Duration::from_millis(20);
/// Cost for each container at 100,000 may be this many times that at 10,000; caches and huge tables take their share.
const GOAL_GROWTH: f64 = 4.0;
const GOAL_BYTES_PER_CONTAINER: f64 = 1_000.0;
/// A tick with all of it on may take so many bare ticks: three engines instead of one, and what they do more.
const GOAL_EVERYTHING: f64 = 6.0;
/// Ticks that fill every memory: half an hour and more.
const AGE_TICKS: u32 = 560;

/// What was measured with one number of containers.
struct Measured {
    containers: usize,
    services: usize,
    /// Resident memory of the collector, and what the engine says it takes.
    collector_bytes: f64,
    scaler_bytes: f64,
    /// The tick that took the median time.
    tick: Parts,
    pattern: Duration,
    ingest_ns: f64,
    /// With all of it on, where that was measured.
    all: Option<All>,
}

fn main() -> ExitCode {
    let small = measure(10_000);
    let large = measure(100_000);
    println!(
        "tick: memory and time of one tick over all services ({CONTAINERS_PER_SERVICE} containers each)\n"
    );
    println!(
        "| containers | services | bytes/container: collector | scaler | members | observe | scale | tick, median | per container | name query | ingest/datagram |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    small.print();
    large.print();
    if let Some(all) = &large.all {
        all.print(&large.tick);
    }
    let growth = large.tick_ns_per_container() / small.tick_ns_per_container();
    println!(
        "\ngrowth per container from 10,000 to 100,000: x{growth:.2} (goal: at most {GOAL_GROWTH})"
    );
    stall();
    let ratio = large.all.as_ref().map_or(0.0, |all| {
        all.tick.total().as_secs_f64() / large.tick.total().as_secs_f64()
    });
    let met = large.tick.total() <= GOAL_TICK
        && large.collector_bytes + large.scaler_bytes <= GOAL_BYTES_PER_CONTAINER
        && growth <= GOAL_GROWTH
        && ratio <= GOAL_EVERYTHING;
    println!(
        "goals (tick <= {GOAL_TICK:?}, <= {GOAL_BYTES_PER_CONTAINER} B/container, growth, everything <= {GOAL_EVERYTHING} bare ticks): {}",
        if met { "met" } else { "MISSED" }
    );
    if bench::checks() && !met {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

impl Measured {
    fn tick_ns_per_container(&self) -> f64 {
        self.tick.total().as_secs_f64() * 1e9 / self.containers as f64
    }

    fn print(&self) {
        let ms = |time: Duration| format!("{:.2} ms", time.as_secs_f64() * 1e3);
        println!(
            "| {} | {} | {:.0} | {:.0} | {} | {} | {} | {} | {:.0} ns | {} | {:.0} ns |",
            self.containers,
            self.services,
            self.collector_bytes,
            self.scaler_bytes,
            ms(self.tick.members),
            ms(self.tick.observe),
            ms(self.tick.scale),
            ms(self.tick.total()),
            self.tick_ns_per_container(),
            ms(self.pattern),
            self.ingest_ns,
        );
    }
}

fn measure(containers: usize) -> Measured {
    let fleet = Fleet {
        agents: containers / CONTAINERS_PER_AGENT,
        containers_per_agent: CONTAINERS_PER_AGENT,
        per_datagram: 4,
    };
    let before = resident_bytes();
    let collector = Collector::new(Config::default());
    ingest(&collector, &fleet, 0);
    ingest(&collector, &fleet, 1);
    let collector_bytes = resident_bytes().saturating_sub(before) as f64 / containers as f64;
    let ingest_ns = ingest(&collector, &fleet, 2);
    let mut services = Services::new((0..containers).map(fleet::uuid), CONTAINERS_PER_SERVICE);
    let mut ticks: Vec<Parts> = (0..bench::rounds(ROUNDS))
        .map(|round| {
            let now = at(2) + Duration::from_secs(round.into());
            services.tick(&collector, now, now)
        })
        .collect();
    assert_eq!(
        services.decided(),
        services.count(),
        "every service was decided from the telemetry of all its containers"
    );
    ticks.sort_unstable_by_key(Parts::total);
    let all = (containers > 10_000).then(|| everything(&collector, &fleet));
    let query = Query {
        metric: Metric::VirCpuCores,
        selection: Selection::Name(NamePattern::new("service1*")),
        statistic: Statistic::Avg,
    };
    let now = at(2);
    let pattern = median(|| assert!(collector.query(&query, now).value.is_some()));
    Measured {
        containers,
        services: services.count(),
        collector_bytes,
        scaler_bytes: services.engine_bytes() as f64 / containers as f64,
        tick: ticks[ticks.len() / 2],
        pattern,
        ingest_ns,
        all,
    }
}

/// A tick with all of it on, in the same run as the bare one.
fn everything(collector: &Collector, fleet: &Fleet) -> All {
    let folder = tempfile::tempdir();
    let path = folder
        .as_ref()
        .map_or(Path::new("/nonexistent"), |folder| folder.path());
    let uuids = (0..fleet.containers()).map(fleet::uuid);
    let mut services = Services::everything(uuids, CONTAINERS_PER_SERVICE, path);
    let aged = services.age(collector, at(2), AGE_TICKS);
    let before = services.happened();
    let mut ticks: Vec<Parts> = (1..=bench::rounds(ROUNDS))
        .map(|round| services.tick(collector, at(2), aged + Duration::from_secs(2) * round))
        .collect();
    let after = services.happened();
    ticks.sort_unstable_by_key(Parts::total);
    All {
        tick: ticks[ticks.len() / 2],
        engine_bytes: services.engine_bytes() as f64 / services.count() as f64,
        candidate_bytes: services.candidate_bytes() as f64 / services.count() as f64,
        changes: (after.0 - before.0) as f64 / f64::from(bench::rounds(ROUNDS)),
        events: (after.1 - before.1) as f64 / f64::from(bench::rounds(ROUNDS)),
    }
}

/// What was measured with all of it on; memory is for each service, everything full.
struct All {
    tick: Parts,
    engine_bytes: f64,
    candidate_bytes: f64,
    changes: f64,
    events: f64,
}

impl All {
    fn print(&self, bare: &Parts) {
        let ms = |time: Duration| format!("{:.2} ms", time.as_secs_f64() * 1e3);
        let ratio = |time: Duration, to: Duration| time.as_secs_f64() / to.as_secs_f64();
        println!(
            "\nall of it on: three targets and two marks a service, forecasts, seasons, schedules, arbitration under shortage, two candidates a service, journal\n"
        );
        println!(
            "| tick, median | times the bare tick | live engine | times the bare engine | candidates | journal | changes a tick | events a tick | engine/service | two candidates/service |"
        );
        println!("|---|---|---|---|---|---|---|---|---|---|");
        println!(
            "| {} | {:.1} | {} | {:.1} | {} | {} | {:.1} | {:.1} | {:.1} kB | {:.1} kB |",
            ms(self.tick.total()),
            ratio(self.tick.total(), bare.total()),
            ms(self.tick.scale),
            ratio(self.tick.scale, bare.scale),
            ms(self.tick.candidates),
            ms(self.tick.told),
            self.changes,
            self.events,
            self.engine_bytes / 1e3,
            self.candidate_bytes / 1e3,
        );
    }
}

/// The longest that one `ingest` takes while another thread observes all services without pause.
fn stall() {
    let fleet = Fleet {
        agents: 1_000,
        containers_per_agent: CONTAINERS_PER_AGENT,
        per_datagram: 4,
    };
    let collector = Collector::new(Config::default());
    ingest(&collector, &fleet, 0);
    let members = members(&fleet);
    let groups: Vec<&[Member]> = members.chunks(CONTAINERS_PER_SERVICE).collect();
    println!("\n| ingest while | p50 | p99 | p99.9 | max |\n|---|---|---|---|---|");
    for (cycle, (label, busy)) in (1..).zip([
        ("nothing else runs", false),
        ("observe() runs in a loop", true),
    ]) {
        let stop = AtomicBool::new(false);
        let mut times = thread::scope(|scope| {
            scope.spawn(|| {
                while busy && !stop.load(Ordering::Relaxed) {
                    std::hint::black_box(collector.observe(&groups, at(cycle)));
                }
            });
            let times = ingest_times(&collector, &fleet, cycle);
            stop.store(true, Ordering::Relaxed);
            times
        });
        times.sort_unstable();
        let quantile = |share: f64| {
            times
                .get((times.len() as f64 * share) as usize)
                .map_or(0.0, |time| time.as_secs_f64() * 1e6)
        };
        println!(
            "| {label} | {:.1} us | {:.1} us | {:.1} us | {:.1} us |",
            quantile(0.5),
            quantile(0.99),
            quantile(0.999),
            times.last().map_or(0.0, |time| time.as_secs_f64() * 1e6)
        );
    }
    println!();
}

fn members(fleet: &Fleet) -> Vec<Member> {
    let member = |number| Member {
        uuid: ContainerUuid(fleet::uuid(number)),
        cpu_limit_cores: Some(1.0),
        aside: false,
    };
    (0..fleet.containers()).map(member).collect()
}

/// Sends one cycle of the whole fleet; returns nanoseconds a datagram.
fn ingest(collector: &Collector, fleet: &Fleet, cycle: u32) -> f64 {
    let times = ingest_times(collector, fleet, cycle);
    times.iter().sum::<Duration>().as_secs_f64() * 1e9 / times.len() as f64
}

fn ingest_times(collector: &Collector, fleet: &Fleet, cycle: u32) -> Vec<Duration> {
    let mut times = Vec::with_capacity(fleet.containers());
    for agent in 0..fleet.agents {
        let source = SocketAddr::new(fleet::address(agent).into(), 40_000);
        for datagram in fleet.cycle(agent, cycle) {
            times.push(timed(|| collector.ingest(source, &datagram, at(cycle))));
        }
    }
    times
}

fn at(cycle: u32) -> Duration {
    Duration::from_secs(60 + 10 * u64::from(cycle))
}

fn median(mut run: impl FnMut()) -> Duration {
    let mut times: Vec<_> = (0..bench::rounds(ROUNDS))
        .map(|_| timed(&mut run))
        .collect();
    times.sort_unstable();
    times[times.len() / 2]
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn timed(run: impl FnOnce()) -> Duration {
    let begin = Instant::now();
    run();
    begin.elapsed()
}

/// Resident memory of this process (second word of `/proc/self/statm`, in pages of 4 KiB).
fn resident_bytes() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<usize>().ok())
        .unwrap_or(0)
        * 4_096
}
