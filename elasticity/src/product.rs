//! The project's own policy: [`scaler::Engine`] as it runs in the sidecar, with what telemetry and swarm view would tell it.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use scaler::{
    AdminState, Command, Defaults, Engine, Inputs, LabelError, Leadership, Metric,
    MetricObservation, Mode, Nodes, Observation, Outcome, Policy, Readings, Resources, Rollout,
    ServiceInput, Settings, SwarmCondition,
    arbitration::{Capacity, Reservation},
};

use crate::{
    autoscaler::{Autoscaler, View},
    setup::Setup,
    telemetry::{BYTES_IN_PER_ANSWER, BYTES_IN_PER_REQUEST},
};

/// Age of the swarm view at a tick.
const VIEW_AGE: Duration = Duration::from_millis(100);

/// How long before a tick the write of the tick before was answered.
const ANSWERED_AGO: Duration = Duration::from_millis(125);

/// Wall-clock time at the beginning of a run, in Unix milliseconds; only records show it.
const EPOCH_UNIX_MS: u64 = 1_700_000_000_000;

/// Why labels make no policy.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LabelsError {
    /// Labels that are wrong.
    #[error("{}", join(.0))]
    Wrong(Vec<LabelError>),
    /// The labels do not opt in.
    #[error("swarmtide.enable=true is missing")]
    NotEnabled,
}

fn join(errors: &[LabelError]) -> String {
    let mut text = String::new();
    for error in errors {
        let separator = if text.is_empty() { "" } else { "; " };
        // Writing to a string cannot fail.
        let _written = write!(text, "{separator}{error}");
    }
    text
}

/// The labels that a user sets on the simulated service: bounds, and what a replica can carry as sFlow counts it.
///
/// Everything else has its default.
#[must_use]
pub fn default_labels(setup: &Setup) -> BTreeMap<String, String> {
    let bytes = BYTES_IN_PER_REQUEST + BYTES_IN_PER_ANSWER;
    let capacity = setup.requests_per_replica() * bytes;
    labels(
        setup,
        [("swarmtide.bytes.in.capacity", format!("{capacity:.0}"))],
    )
}

/// Labels that opt in, with the bounds of the service and others.
pub fn labels(
    setup: &Setup,
    others: impl IntoIterator<Item = (&'static str, String)>,
) -> BTreeMap<String, String> {
    [
        ("swarmtide.enable", "true".to_owned()),
        ("swarmtide.min", setup.min().to_string()),
        ("swarmtide.max", setup.max().to_string()),
    ]
    .into_iter()
    .chain(others)
    .map(|(label, value)| (label.to_owned(), value))
    .collect()
}

/// The engine with what the sidecar around it does: it looks, carries out, and reports.
#[derive(Debug)]
pub(crate) struct Sidecar {
    engine: Engine,
    under_way: Vec<Command>,
}

impl Sidecar {
    /// With the configuration's defaults, for services with these labels.
    pub(crate) fn new<'a>(
        labels: impl IntoIterator<Item = &'a BTreeMap<String, String>>,
    ) -> Result<Self, LabelsError> {
        let defaults = Defaults::default();
        for labels in labels {
            match Policy::from_labels(&defaults, labels) {
                Ok(Some(_)) => {}
                Ok(None) => return Err(LabelsError::NotEnabled),
                Err(errors) => return Err(LabelsError::Wrong(errors)),
            }
        }
        Ok(Self {
            engine: Engine::new(Settings::default(), defaults, AdminState::default()),
            under_way: Vec::new(),
        })
    }

    /// One tick over services, each with its name, its labels and what there is to see of it.
    pub(crate) fn tick(
        &mut self,
        services: &[(&str, &BTreeMap<String, String>, View<'_>)],
        capacity: Capacity,
    ) -> &[Command] {
        let Some((_, _, first)) = services.first() else {
            return &[];
        };
        let (now, unix_ms) = clock(first);
        for command in self.under_way.drain(..) {
            // It was answered in the step before, ahead of the view that is decided from now.
            let answered = now.saturating_sub(ANSWERED_AGO);
            self.engine
                .completed(&command, Outcome::Applied, answered, unix_ms);
        }
        let services = services.iter().map(|(name, labels, view)| ServiceInput {
            name: (*name).into(),
            id: (*name).into(),
            labels,
            observation: observation(view),
            reservation: Reservation::default(),
            unplaced: view.replicas().unplaced(),
            replicas: Vec::new(),
        });
        let inputs = Inputs {
            swarm: SwarmCondition {
                leadership: Leadership::Leader,
                nodes: Nodes::Known,
                view_age: Some(VIEW_AGE),
            },
            services: services.collect(),
            resources: Resources {
                capacity,
                largest_node: None,
            },
        };
        self.under_way = self.engine.tick(&inputs, now, unix_ms);
        &self.under_way
    }
}

/// One service under the engine.
#[derive(Debug)]
pub struct Product {
    sidecar: Sidecar,
    labels: BTreeMap<String, String>,
}

impl Product {
    /// With these labels, and the configuration's defaults for everything else.
    ///
    /// # Errors
    /// [`LabelsError`].
    pub fn with_labels(labels: BTreeMap<String, String>) -> Result<Self, LabelsError> {
        Ok(Self {
            sidecar: Sidecar::new([&labels])?,
            labels,
        })
    }

    /// The engine, with the records of its decisions.
    #[must_use]
    pub const fn engine(&self) -> &Engine {
        &self.sidecar.engine
    }
}

impl Autoscaler for Product {
    fn tick(&mut self, view: &View<'_>) -> Option<u32> {
        let services = [("web", &self.labels, *view)];
        let commands = self.sidecar.tick(&services, Capacity::default());
        commands.first().map(|command| command.to)
    }
}

/// The engine's clock does not begin at zero, as a sidecar's does not.
fn clock(view: &View<'_>) -> (Duration, u64) {
    let now = view.now();
    let unix_ms = EPOCH_UNIX_MS + u64::try_from(now.as_millis()).unwrap_or(u64::MAX / 2);
    (now + Duration::from_secs(3600), unix_ms)
}

/// What the sidecar would make of view and telemetry.
fn observation(view: &View<'_>) -> Observation {
    let seen = view.telemetry();
    let serving = view.replicas().serving_count();
    let mut metrics = Readings::default();
    if seen.reporting > 0 {
        let average = seen.average;
        for (metric, average) in [
            (Metric::CpuOfLimit, average.cpu),
            (Metric::CpuCores, average.cpu),
            (Metric::Bytes, average.bytes_in + average.bytes_out),
            (Metric::BytesIn, average.bytes_in),
            (Metric::BytesOut, average.bytes_out),
            (Metric::Packets, average.packets),
            (Metric::Connections, average.connections),
        ] {
            let observation = MetricObservation {
                average,
                reporting: seen.reporting,
                expected: serving,
                oldest_age: seen.oldest_age,
                reach: seen.oldest_age + seen.interval,
            };
            metrics.insert(metric, observation);
        }
    }
    Observation {
        mode: Mode::Replicated {
            replicas: view.spec(),
        },
        serving,
        starting: view.replicas().starting_count(),
        draining: view.replicas().stopping_count(),
        failed: 0,
        // As in the sidecar: the scaler measures it from what it sees.
        start_up: None,
        rollout: Rollout::Idle,
        change: None,
        metrics,
    }
}
