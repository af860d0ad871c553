//! A service under a wave of load, seeded: containers take time to start, telemetry comes late and in steps, writes fail now and then.

use std::time::Duration;

use scaler::{Command, Metric, MetricObservation, Mode, Outcome};

use crate::world::{Service, World};

/// Seconds from a write to a serving replica.
const START: u64 = 6;

/// Seconds between two reports of a replica.
const POLLING: u64 = 10;

/// Load that one replica carries at 100 % CPU.
const CAPACITY: f64 = 100.0;

/// Splitmix64: enough for a test, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        f64::from(u32::try_from((z ^ (z >> 31)) >> 32).unwrap()) / f64::from(u32::MAX)
    }
}

/// A replica: since when it serves, and the CPU it last reported and when.
#[derive(Clone, Copy, Debug)]
struct Replica {
    serving_from: u64,
    report: Option<(u64, f64)>,
    phase: u64,
}

/// The whole: one service, its replicas, and the writes under way.
struct Simulation {
    random: Random,
    world: World,
    replicas: Vec<Replica>,
    open: Vec<(u64, Command)>,
}

/// What came of a run.
#[derive(Debug, PartialEq)]
struct Summary {
    peak: f64,
    most: u32,
    least_at_end: usize,
    changes: u64,
    shortage_seconds: u64,
}

impl Simulation {
    fn new(seed: u64) -> Self {
        let labels = &[
            ("enable", "true"),
            ("min", "2"),
            ("max", "20"),
            ("cooldown.down", "20s"),
            ("step.up", "2"),
        ];
        let mut simulation = Self {
            random: Random(seed),
            world: World::new(vec![Service::new("web", 2, 0.0, labels)]),
            replicas: Vec::new(),
            open: Vec::new(),
        };
        simulation.world.now = Duration::ZERO;
        simulation.resize(2, 0);
        simulation
    }

    fn resize(&mut self, to: u32, serving_from: u64) {
        self.replicas.truncate(usize::try_from(to).unwrap());
        while self.replicas.len() < usize::try_from(to).unwrap() {
            let phase = if self.random.next() < 0.5 { 0 } else { 4 };
            self.replicas.push(Replica {
                serving_from,
                report: None,
                phase,
            });
        }
    }

    /// Two seconds: replicas work and report, the engine looks, old writes end.
    fn step(&mut self, second: u64, load: f64) {
        let serving: Vec<_> = self
            .replicas
            .iter()
            .filter(|replica| replica.serving_from <= second)
            .copied()
            .collect();
        let count = u32::try_from(serving.len()).unwrap();
        let cpu = (load / (f64::from(count.max(1)) * CAPACITY)).min(1.0);
        for replica in &mut self.replicas {
            if replica.serving_from + 2 <= second
                && (second + replica.phase).is_multiple_of(POLLING)
            {
                replica.report = Some((second, cpu));
            }
        }
        let observation = &mut self.world.services[0].observation;
        observation.mode = Mode::Replicated {
            replicas: u32::try_from(self.replicas.len()).unwrap(),
        };
        observation.serving = count;
        observation.starting = u32::try_from(self.replicas.len()).unwrap() - count;
        let reports: Vec<_> = self
            .replicas
            .iter()
            .filter_map(|replica| replica.report)
            .collect();
        if let Some(oldest) = reports.iter().map(|(at, _)| second - at).max() {
            let reporting = u32::try_from(reports.len()).unwrap();
            let average = reports.iter().map(|(_, cpu)| cpu).sum::<f64>() / f64::from(reporting);
            let seen = MetricObservation {
                average,
                reporting,
                expected: count,
                oldest_age: Duration::from_secs(oldest),
                reach: Duration::from_secs(oldest),
            };
            observation.metrics.insert(Metric::CpuOfLimit, seen);
        }
        for command in self.world.tick() {
            let takes = if self.random.next() < 0.2 { 6 } else { 2 };
            self.open.push((second + takes, command));
        }
        for (_, command) in self
            .open
            .extract_if(.., |(ends, _)| *ends <= second)
            .collect::<Vec<_>>()
        {
            let luck = self.random.next();
            let outcome = if luck < 0.1 {
                Outcome::Conflict
            } else if luck < 0.15 {
                Outcome::Failed {
                    error: "connection refused".to_owned(),
                }
            } else {
                self.resize(command.to, second + START);
                Outcome::Applied
            };
            self.world
                .engine
                .completed(&command, outcome, self.world.now, self.world.unix_ms());
        }
    }

    /// Half an hour: quiet, three to ten replicas' worth of load with noise, and down again.
    fn run(mut self) -> Summary {
        let peak = 250.0 + self.random.next() * 650.0;
        let mut summary = Summary {
            peak,
            most: 0,
            least_at_end: usize::MAX,
            changes: 0,
            shortage_seconds: 0,
        };
        for second in (0..1800).step_by(2) {
            let load = match second {
                0..120 => 100.0,
                120..900 => peak * (0.97 + self.random.next() * 0.06),
                _ => 50.0,
            };
            self.step(second, load);
            let serving = self
                .replicas
                .iter()
                .filter(|replica| replica.serving_from <= second)
                .count();
            summary.most = summary
                .most
                .max(u32::try_from(self.replicas.len()).unwrap());
            if second >= 1700 {
                summary.least_at_end = summary.least_at_end.min(self.replicas.len());
            }
            if (300..900).contains(&second)
                && load > f64::from(u32::try_from(serving).unwrap()) * CAPACITY
            {
                summary.shortage_seconds += 2;
            }
        }
        let stats = self.world.engine.stats();
        summary.changes = stats.scale_ups + stats.scale_downs;
        summary
    }
}

#[test]
fn replicas_follow_a_wave_of_load() {
    for seed in 0..100 {
        let summary = Simulation::new(seed).run();
        // At the high mark of 70 % it stops growing; a step of two may pass that by one, a restarted wait for telemetry by a step more.
        let needed = (2..100_u32)
            .find(|n| f64::from(*n) * CAPACITY * 0.7 >= summary.peak * 1.03)
            .unwrap();
        assert!(
            (needed - 1..=needed + 2).contains(&summary.most),
            "seed {seed}: needs {needed}, {summary:?}"
        );
        assert_eq!(summary.least_at_end, 2, "seed {seed}: {summary:?}");
        assert_eq!(summary.shortage_seconds, 0, "seed {seed}: {summary:?}");
        assert!(
            summary.changes <= 20,
            "no flapping, seed {seed}: {summary:?}"
        );
        assert_eq!(
            summary,
            Simulation::new(seed).run(),
            "a seed can be replayed"
        );
    }
}
