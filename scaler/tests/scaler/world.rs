//! A made-up swarm: services with labels and telemetry, and an engine that is told of them.

use std::{collections::BTreeMap, time::Duration};

use scaler::{
    AdminMode, AdminState, Command, Decision, DecisionRecord, Defaults, Engine, HoldKind, Inputs,
    Leadership, Metric, MetricObservation, Mode, Nodes, Observation, Outcome, Readings, Replica,
    Resources, Rollout, ServiceInput, Settings, SwarmCondition, arbitration::Reservation,
};

/// Wall-clock time at the monotonic epoch, in Unix milliseconds.
pub(crate) const EPOCH_MS: u64 = 1_800_000_000_000;

/// A service as the view shows it.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) observation: Observation,
    pub(crate) reservation: Reservation,
    pub(crate) unplaced: u32,
    pub(crate) each: Vec<Replica>,
}

impl Service {
    /// A service that all is well with; names of labels without their prefix.
    pub(crate) fn new(name: &str, replicas: u32, cpu: f64, labels: &[(&str, &str)]) -> Self {
        let mut service = Self {
            name: name.to_owned(),
            id: format!("id-{name}"),
            labels: labels
                .iter()
                .map(|(name, value)| (format!("swarmtide.{name}"), (*value).to_owned()))
                .collect(),
            observation: observation(replicas),
            reservation: Reservation::default(),
            unplaced: 0,
            each: Vec::new(),
        };
        service.cpu(cpu);
        service
    }

    /// Sets average CPU, reported by every serving replica just now.
    pub(crate) fn cpu(&mut self, average: f64) {
        let replicas = self.observation.serving;
        let seen = MetricObservation {
            average,
            reporting: replicas,
            expected: replicas,
            oldest_age: Duration::ZERO,
            reach: Duration::ZERO,
        };
        self.observation.metrics.insert(Metric::CpuOfLimit, seen);
    }

    /// Sets replicas, all of them serving and reporting the same as before.
    pub(crate) fn replicas(&mut self, replicas: u32) {
        let cpu = self
            .observation
            .metrics
            .get(Metric::CpuOfLimit)
            .map_or(0.0, |seen| seen.average);
        self.observation.mode = Mode::Replicated { replicas };
        self.observation.serving = replicas;
        self.cpu(cpu);
    }
}

/// A service that all is well with, without telemetry.
pub(crate) fn observation(replicas: u32) -> Observation {
    Observation {
        mode: Mode::Replicated { replicas },
        serving: replicas,
        starting: 0,
        draining: 0,
        failed: 0,
        start_up: None,
        rollout: Rollout::Idle,
        change: None,
        metrics: Readings::default(),
    }
}

/// An engine and the swarm that it is told of, at a time of its own.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) swarm: SwarmCondition,
    pub(crate) services: Vec<Service>,
    pub(crate) resources: Resources,
    pub(crate) now: Duration,
}

/// Labels of a service that cools down at once.
pub(crate) const QUICK: &[(&str, &str)] = &[
    ("enable", "true"),
    ("max", "8"),
    ("cpu.low", "30%"),
    ("cooldown", "0"),
];

impl World {
    /// A leader that has warmed up.
    pub(crate) fn new(services: Vec<Service>) -> Self {
        Self::with(
            Settings {
                warm_up: Duration::ZERO,
                ..Settings::default()
            },
            services,
        )
    }

    pub(crate) fn with(settings: Settings, services: Vec<Service>) -> Self {
        Self {
            engine: Engine::new(
                settings,
                Defaults::default(),
                AdminState::new(AdminMode::Enabled),
            ),
            swarm: SwarmCondition {
                leadership: Leadership::Leader,
                nodes: Nodes::Known,
                view_age: Some(Duration::ZERO),
            },
            services,
            resources: Resources::default(),
            now: Duration::from_secs(100),
        }
    }

    /// Two seconds go by, then a tick on a view of that very moment.
    pub(crate) fn tick(&mut self) -> Vec<Command> {
        self.now += Duration::from_secs(2);
        let inputs = Inputs {
            swarm: self.swarm.clone(),
            services: self
                .services
                .iter()
                .map(|service| ServiceInput {
                    name: service.name.as_str().into(),
                    id: service.id.as_str().into(),
                    labels: &service.labels,
                    observation: service.observation,
                    reservation: service.reservation,
                    unplaced: service.unplaced,
                    replicas: service.each.clone(),
                })
                .collect(),
            resources: self.resources,
        };
        self.engine.tick(&inputs, self.now, self.unix_ms())
    }

    /// Ticks with no command expected.
    #[track_caller]
    pub(crate) fn quiet_tick(&mut self) {
        assert_eq!(self.tick(), []);
    }

    /// Ends a command 100 ms from now; when applied, the swarm shows it.
    pub(crate) fn complete(&mut self, command: &Command, outcome: Outcome) {
        self.now += Duration::from_millis(100);
        if outcome == Outcome::Applied
            && let Some(service) = self
                .services
                .iter_mut()
                .find(|service| service.name == command.service.as_str())
        {
            service.replicas(command.to);
        }
        self.engine
            .completed(command, outcome, self.now, self.unix_ms());
    }

    pub(crate) fn unix_ms(&self) -> u64 {
        EPOCH_MS + u64::try_from(self.now.as_millis()).unwrap()
    }

    /// The latest record of the first service.
    pub(crate) fn last(&self) -> DecisionRecord {
        let name = &self.services[0].name;
        self.engine
            .service_status(name)
            .and_then(|status| status.last)
            .unwrap()
            .clone()
    }

    /// The kind of the latest hold of the first service.
    pub(crate) fn hold(&self) -> Option<HoldKind> {
        match self.last().decision {
            Decision::Hold(reason) => Some(reason.kind()),
            Decision::Scale { .. } => None,
        }
    }
}
