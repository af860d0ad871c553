//! Services as a swarm view lists them, and one tick over all of them: the same way the sidecar goes from container IDs to
//! members, from metrics to readings, and from these to decisions.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use collector::{Collector, ContainerUuid, GroupMetrics, Member, Summary};
use scaler::{
    AdminState, Defaults, Engine, Inputs, Leadership, Metric, MetricObservation, Mode, Nodes,
    Observation, Outcome, Readings, Resources, Rollout, ServiceId, ServiceInput, ServiceName,
    Settings, SwarmCondition, arbitration::Reservation,
};

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
}

impl Parts {
    pub(crate) fn total(&self) -> Duration {
        self.members + self.observe + self.scale
    }
}

impl Services {
    /// Divides containers among services of `size`, all opted in.
    pub(crate) fn new(uuids: impl Iterator<Item = [u8; 16]>, size: usize) -> Self {
        let ids: Vec<String> = uuids
            .map(|uuid| format!("{:032x}{:032x}", u128::from_be_bytes(uuid), 0))
            .collect();
        let service = |(number, ids): (usize, &[String])| Service {
            name: ServiceName::from(&*format!("service{number}")),
            id: ServiceId::from(&*format!("{number:025}")),
            labels: labels(),
            containers: ids.to_vec(),
        };
        Self {
            services: ids.chunks(size).enumerate().map(service).collect(),
            engine: Engine::new(
                Settings::default(),
                Defaults::default(),
                AdminState::default(),
            ),
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.services.len()
    }

    /// What the engine says its state and history take, bytes.
    pub(crate) fn engine_bytes(&self) -> usize {
        self.engine.memory_bytes()
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

    /// One tick at `now`; returns how long its parts took.
    pub(crate) fn tick(&mut self, collector: &Collector, now: Duration) -> Parts {
        let begin = clock();
        let members: Vec<Vec<Member>> = self.services.iter().map(Service::members).collect();
        let joined = clock();
        let groups: Vec<&[Member]> = members.iter().map(Vec::as_slice).collect();
        let metrics = collector.observe(&groups, now);
        let observed = clock();
        let inputs = Inputs {
            swarm: SwarmCondition {
                leadership: Leadership::Leader,
                nodes: Nodes::Known,
                view_age: Some(Duration::ZERO),
            },
            services: self
                .services
                .iter()
                .zip(&metrics)
                .map(|(service, metrics)| service.input(metrics))
                .collect(),
            resources: Resources::default(),
        };
        let unix_ms = u64::try_from(now.as_millis()).unwrap_or(0);
        let commands = self.engine.tick(&inputs, now, unix_ms);
        let decided = clock();
        for command in commands {
            self.engine
                .completed(&command, Outcome::Applied, now, unix_ms);
        }
        Parts {
            members: joined - begin,
            observe: observed - joined,
            scale: decided - observed,
        }
    }
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

    fn input(&self, metrics: &GroupMetrics) -> ServiceInput<'_> {
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
                metrics: readings(metrics),
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

fn readings(metrics: &GroupMetrics) -> Readings {
    let mut readings = Readings::default();
    for (metric, summary) in [
        (Metric::CpuOfLimit, &metrics.cpu_of_limit),
        (Metric::CpuCores, &metrics.cpu_cores),
        (Metric::Bytes, &metrics.bytes),
    ] {
        if let (Some(Summary { count, avg, .. }), Some(oldest_age)) = (summary, metrics.oldest_age)
        {
            let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
            let observation = MetricObservation {
                average: *avg,
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
