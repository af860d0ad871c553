//! Services as a swarm view lists them, and one tick over all of them: the same way the sidecar goes from container IDs to
//! members, from metrics to readings, and from these to decisions.

use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, Instant},
};

use collector::{Collector, ContainerUuid, GroupMetrics, Member, Summary};
use scaler::{
    AdminState, Defaults, Engine, Inputs, Leadership, Metric, MetricObservation, Mode, Nodes,
    Observation, Outcome, Readings, Resources, Rollout, ServiceId, ServiceInput, ServiceName,
    Settings, SwarmCondition,
    arbitration::{Capacity, Reservation},
    shadow::{Candidate, Shadows},
};
use swarmtide::journal::Journal;

/// One service of the view.
#[derive(Debug)]
struct Service {
    name: ServiceName,
    id: ServiceId,
    labels: BTreeMap<String, String>,
    /// Container IDs of its serving tasks, 64 hex digits each.
    containers: Vec<String>,
}

/// All services, and the engine that decides about them.
#[derive(Debug)]
pub(crate) struct Services {
    services: Vec<Service>,
    engine: Engine,
    shadows: Shadows,
    journal: Option<Journal>,
    resources: Resources,
    /// How far telemetry is swayed from what was read, so that forecasts have something to look at.
    sway: f64,
    ticks: u32,
}

/// Time of the parts of one tick.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts {
    /// From container IDs to members.
    pub(crate) members: Duration,
    /// `Collector::observe`.
    pub(crate) observe: Duration,
    /// From metrics to inputs, and `Engine::tick`.
    pub(crate) scale: Duration,
    /// Candidates beside the live policy.
    pub(crate) candidates: Duration,
    /// Events into the journal on disk.
    pub(crate) told: Duration,
}

impl Parts {
    pub(crate) fn total(&self) -> Duration {
        self.members + self.observe + self.scale + self.candidates + self.told
    }
}

impl Services {
    /// Divides containers among services of `size`, all opted in.
    pub(crate) fn new(uuids: impl Iterator<Item = [u8; 16]>, size: usize) -> Self {
        Self::labelled(uuids, size, |_| labels())
    }

    /// The same with all there is: targets on several metrics, forecasts, seasons and schedules; priorities and a capacity that is
    /// always short; two candidates for each service; events in a journal in `folder`.
    pub(crate) fn everything(
        uuids: impl Iterator<Item = [u8; 16]>,
        size: usize,
        folder: &Path,
    ) -> Self {
        let mut all = Self::labelled(uuids, size, all_labels);
        let overlay = |label: &str, value: &str| [(label.to_owned(), value.to_owned())].into();
        let candidates = [
            Candidate::new("calmer", overlay("window.down", "120s")),
            Candidate::new("cooler", overlay("cpu.target", "40%")),
        ];
        all.shadows = Shadows::new(candidates, Settings::default(), Defaults::default());
        all.journal = Journal::open(folder, 64 << 20).ok();
        assert!(all.journal.is_some(), "a journal in {}", folder.display());
        let replicas = all.services.len() * size;
        all.resources.capacity = Capacity {
            replicas: u64::try_from(replicas + replicas / 50).ok(),
            ..Capacity::default()
        };
        all.sway = 0.2;
        all
    }

    fn labelled(
        uuids: impl Iterator<Item = [u8; 16]>,
        size: usize,
        labels: impl Fn(usize) -> BTreeMap<String, String>,
    ) -> Self {
        let ids: Vec<String> = uuids
            .map(|uuid| format!("{:032x}{:032x}", u128::from_be_bytes(uuid), 0))
            .collect();
        let service = |(number, ids): (usize, &[String])| Service {
            name: ServiceName::from(&*format!("service{number}")),
            id: ServiceId::from(&*format!("{number:025}")),
            labels: labels(number),
            containers: ids.to_vec(),
        };
        Self {
            services: ids.chunks(size).enumerate().map(service).collect(),
            engine: Engine::new(
                Settings::default(),
                Defaults::default(),
                AdminState::default(),
            ),
            shadows: Shadows::new([], Settings::default(), Defaults::default()),
            journal: None,
            resources: Resources::default(),
            sway: 0.0,
            ticks: 0,
        }
    }

    /// Lets so many ticks pass, four seconds apart, on the telemetry of `now`, swayed: afterwards every memory is full.
    pub(crate) fn age(&mut self, collector: &Collector, now: Duration, ticks: u32) -> Duration {
        let members: Vec<Vec<Member>> = self.services.iter().map(Service::members).collect();
        let groups: Vec<&[Member]> = members.iter().map(Vec::as_slice).collect();
        let metrics = collector.observe(&groups, now);
        let mut at = now;
        for _ in 0..ticks {
            at += Duration::from_secs(4);
            self.decide(&metrics, at);
        }
        at
    }

    pub(crate) fn count(&self) -> usize {
        self.services.len()
    }

    /// What the engine says its state and history take, bytes.
    pub(crate) fn engine_bytes(&self) -> usize {
        self.engine.memory_bytes()
    }

    /// What the candidates say theirs take, bytes.
    pub(crate) fn candidate_bytes(&self) -> usize {
        self.shadows.memory_bytes()
    }

    /// Changes issued, and lines in the journal.
    pub(crate) fn happened(&self) -> (u64, u64) {
        let lines = self
            .journal
            .as_ref()
            .map_or(0, |journal| journal.stats().written);
        (self.engine.stats().commands, lines)
    }

    /// Services whose last decision was made from the telemetry of all their containers.
    pub(crate) fn decided(&self) -> usize {
        let complete = |status: &scaler::ServiceStatus<'_>| {
            status.last.is_some_and(|record| {
                !record.readings.is_empty()
                    && record
                        .readings
                        .iter()
                        .all(|reading| reading.reporting == reading.expected)
            })
        };
        self.engine.services().filter(complete).count()
    }

    /// One tick at `now`, on the collector's telemetry of `seen`; returns how long its parts took.
    pub(crate) fn tick(&mut self, collector: &Collector, seen: Duration, now: Duration) -> Parts {
        let begin = clock();
        let members: Vec<Vec<Member>> = self.services.iter().map(Service::members).collect();
        let joined = clock();
        let groups: Vec<&[Member]> = members.iter().map(Vec::as_slice).collect();
        let metrics = collector.observe(&groups, seen);
        let observed = clock();
        Parts {
            members: joined - begin,
            observe: observed - joined,
            ..self.decide(&metrics, now)
        }
    }

    /// What follows on observing.
    fn decide(&mut self, metrics: &[GroupMetrics], now: Duration) -> Parts {
        let begin = clock();
        self.ticks += 1;
        let inputs = Inputs {
            swarm: SwarmCondition {
                leadership: Leadership::Leader,
                nodes: Nodes::Known,
                view_age: Some(Duration::ZERO),
            },
            services: (0..)
                .zip(self.services.iter().zip(metrics))
                .map(|(number, (service, metrics))| {
                    service.input(metrics, swayed(self.sway, self.ticks, number))
                })
                .collect(),
            resources: self.resources,
        };
        let unix_ms = u64::try_from(now.as_millis()).unwrap_or(0);
        let commands = self.engine.tick(&inputs, now, unix_ms);
        let decided = clock();
        self.shadows.tick(&inputs, now, unix_ms);
        let shown = clock();
        for event in self.engine.take_events() {
            if let Some(journal) = &self.journal {
                journal.tell(&event);
            }
        }
        let told = clock();
        for command in commands {
            self.engine
                .completed(&command, Outcome::Applied, now, unix_ms);
        }
        Parts {
            members: Duration::ZERO,
            observe: Duration::ZERO,
            scale: decided - begin,
            candidates: shown - decided,
            told: told - shown,
        }
    }
}

/// A factor around 1: a wave with a period and a phase of the service's own, and a little that no wave explains.
fn swayed(sway: f64, tick: u32, number: u32) -> f64 {
    let (tick, number) = (f64::from(tick), f64::from(number));
    let wave = (tick / (11.0 + number % 40.0) + number).sin();
    let rest = (tick * 12.9898 + number * 78.233).sin() * 43_758.547;
    1.0 + sway * (wave + 0.3 * (rest - rest.floor() - 0.5))
}

impl Service {
    fn members(&self) -> Vec<Member> {
        self.containers
            .iter()
            .map(|id| Member {
                uuid: ContainerUuid::from_container_id(id).unwrap_or(ContainerUuid::UNKNOWN),
                cpu_limit_cores: Some(1.0),
                aside: false,
            })
            .collect()
    }

    fn input(&self, metrics: &GroupMetrics, factor: f64) -> ServiceInput<'_> {
        let replicas = u32::try_from(self.containers.len()).unwrap_or(u32::MAX);
        ServiceInput {
            name: self.name.clone(),
            id: self.id.clone(),
            labels: &self.labels,
            observation: Observation {
                mode: Mode::Replicated { replicas },
                serving: replicas,
                starting: 0,
                draining: 0,
                failed: 0,
                start_up: None,
                rollout: Rollout::Idle,
                change: None,
                metrics: readings(metrics, factor),
            },
            reservation: Reservation {
                nano_cpus: 100_000_000,
                memory_bytes: 64 << 20,
            },
            unplaced: 0,
            replicas: Vec::new(),
        }
    }
}

fn labels() -> BTreeMap<String, String> {
    let own = [
        ("enable", "true"),
        ("min", "2"),
        ("max", "100"),
        ("cpu.high", "70%"),
        ("cpu.low", "1%"),
        ("bytes.high", "50MB/s"),
        ("bytes.low", "1"),
    ]
    .map(|(name, value)| (format!("swarmtide.{name}"), value.to_owned()));
    let others = (0..5).map(|number| (format!("com.example.label{number}"), number.to_string()));
    own.into_iter().chain(others).collect()
}

/// Labels of a service that uses everything.
fn all_labels(number: usize) -> BTreeMap<String, String> {
    let priority = (number % 5 * 10).to_string();
    let more = [
        ("cpu.target", "60%"),
        ("bytes.capacity", "40MB/s"),
        ("bytes.in.capacity", "20MB/s"),
        ("predict", "seasonal"),
        ("schedule", "0 9 * * mon-fri for 8h min=4"),
        ("schedule.zone", "Europe/Berlin"),
        ("priority", &*priority),
    ]
    .map(|(name, value)| (format!("swarmtide.{name}"), value.to_owned()));
    labels().into_iter().chain(more).collect()
}

fn readings(metrics: &GroupMetrics, factor: f64) -> Readings {
    let mut readings = Readings::default();
    for (metric, summary) in [
        (Metric::CpuOfLimit, &metrics.cpu_of_limit),
        (Metric::CpuCores, &metrics.cpu_cores),
        (Metric::Bytes, &metrics.bytes),
        (Metric::BytesIn, &metrics.bytes_in),
    ] {
        if let (Some(Summary { count, avg, .. }), Some(oldest_age)) = (summary, metrics.oldest_age)
        {
            let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
            let observation = MetricObservation {
                average: *avg * factor,
                reporting: number(*count),
                expected: number(metrics.expected),
                oldest_age,
                reach: oldest_age + metrics.interval.unwrap_or_default(),
            };
            readings.insert(metric, observation);
        }
    }
    readings
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn clock() -> Instant {
    Instant::now()
}
