//! What the demo shows each second, and what it adds up at its end.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
};

use scaler::{Decision, Outlier, RecordOutcome};
use serde::Serialize;
use simulation::Simulation;

use super::super::look::bytes;
use crate::{
    sidecar::Shared,
    talkers::{Row, top},
};

/// Seconds of history that are kept for the view.
const HISTORY: usize = 30;
/// Conversations that are told, and the looks between which they stay the same.
const TALKERS: usize = 3;
const LISTENING: u64 = 5;

/// One second of the demo.
#[derive(Debug, Serialize)]
pub(super) struct Frame {
    /// Where the sidecar's API is.
    pub(super) url: String,
    /// Seconds since the sidecar started.
    pub(super) seconds: u64,
    /// sFlow agents known.
    pub(super) agents: u64,
    /// Datagrams received so far.
    pub(super) datagrams: u64,
    /// Datagrams, samples or records that could not be decoded so far.
    pub(super) decode_errors: u64,
    /// Who talks to whom, the largest first, by the agents' samples of packets.
    pub(super) talkers: Vec<String>,
    /// The services by name.
    pub(super) services: Vec<ServiceFrame>,
}

/// One service at one second.
#[derive(Debug, Serialize)]
pub(super) struct ServiceFrame {
    pub(super) name: String,
    /// Replicas in the spec.
    pub(super) replicas: u32,
    /// Tasks that serve.
    pub(super) serving: u32,
    pub(super) min: u32,
    pub(super) max: u32,
    /// Work that arrives, in cores: the simulation's secret.
    pub(super) offered_cores: f64,
    /// CPU used as a share of the limit, by telemetry.
    pub(super) cpu_of_limit: Option<f64>,
    /// Bytes per second and replica, by telemetry.
    pub(super) bytes_per_second: Option<f64>,
    /// The last change, in words.
    pub(super) last_change: Option<String>,
    /// How long ago that was.
    pub(super) last_change_seconds: Option<u64>,
    /// Why nothing is done now; absent while it is scaled.
    pub(super) hold: Option<&'static str>,
    /// Replicas that do much worse than their siblings, in words.
    pub(super) outliers: Vec<String>,
}

/// What the demo's last line says.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    scale_ups: u64,
    scale_downs: u64,
    replicas_min_seen: u32,
    replicas_max_seen: u32,
    datagrams: u64,
    decode_errors: u64,
    holds: u64,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            scale_ups,
            scale_downs,
            replicas_min_seen,
            replicas_max_seen,
            datagrams,
            decode_errors,
            holds,
        } = self;
        write!(
            f,
            "{scale_ups} times scaled up, {scale_downs} times down, between {replicas_min_seen} and {replicas_max_seen} replicas; \
             {holds} decisions to hold; {datagrams} datagrams, {decode_errors} decode errors"
        )
    }
}

/// Looks each second and remembers.
#[derive(Debug)]
pub(super) struct Watcher {
    url: String,
    seen: Option<(u32, u32)>,
    loads: BTreeMap<String, VecDeque<f64>>,
    talkers: Vec<String>,
    looks: u64,
}

impl Watcher {
    /// A watcher of the sidecar whose API is there.
    pub(super) const fn new(url: String) -> Self {
        Self {
            url,
            seen: None,
            loads: BTreeMap::new(),
            talkers: Vec::new(),
            looks: 0,
        }
    }

    /// Looks once.
    pub(super) fn look(&mut self, simulation: &Simulation, shared: &Shared) -> Frame {
        let stats = shared.collector.stats();
        let last = shared.last_tick.load();
        let now_unix_ms = shared.clock.unix_ms();
        self.listen(shared);
        let mut services = Vec::new();
        for (name, seen) in &last.services {
            let offered_cores = simulation.with(|world| world.load(name).offered.cores);
            let history = self.loads.entry(name.clone()).or_default();
            history.push_back(offered_cores);
            if history.len() > HISTORY {
                history.pop_front();
            }
            let (low, high) = self.seen.unwrap_or((seen.replicas, seen.replicas));
            self.seen = Some((low.min(seen.replicas), high.max(seen.replicas)));
            let engine = shared.engine();
            let Some(status) = engine.service_status(name) else {
                continue;
            };
            let bounds = status.policy.map(scaler::Policy::bounds);
            let change = engine.records(name).into_iter().rev().find(|record| {
                matches!(record.decision, Decision::Scale { .. })
                    && matches!(record.outcome, Some(RecordOutcome::Applied { .. }))
            });
            services.push(ServiceFrame {
                name: name.clone(),
                replicas: seen.replicas,
                serving: seen.serving,
                min: bounds.map_or(0, |bounds| bounds.min()),
                max: bounds.map_or(0, |bounds| bounds.max()),
                offered_cores,
                cpu_of_limit: seen.metrics.cpu_of_limit.map(|summary| summary.avg),
                bytes_per_second: seen.metrics.bytes.map(|summary| summary.avg),
                last_change: change.map(scaler::DecisionRecord::explain),
                last_change_seconds: change
                    .map(|record| now_unix_ms.saturating_sub(record.first_unix_ms) / 1000),
                hold: status.held().map(|(reason, _)| reason.kind().name()),
                outliers: engine.outliers(name).iter().map(Outlier::explain).collect(),
            });
        }
        Frame {
            url: self.url.clone(),
            seconds: shared.clock.now().as_secs(),
            agents: stats.agents,
            datagrams: stats.datagrams,
            decode_errors: stats.decode_errors.values().sum(),
            talkers: self.talkers.clone(),
            services,
        }
    }

    /// Looks now and then who talks to whom, which is told by the minute.
    fn listen(&mut self, shared: &Shared) {
        if self.looks.is_multiple_of(LISTENING) {
            let view = shared.watch.view();
            let now = shared.clock.now();
            let known = (view.as_deref(), &*shared.past());
            let found = top(&shared.collector, known, now, TALKERS);
            self.talkers = found.talkers.iter().map(words).collect();
        }
        self.looks += 1;
    }

    /// The load of the last seconds, oldest first.
    pub(super) fn load(&self, service: &str) -> Vec<f64> {
        self.loads
            .get(service)
            .map(|history| history.iter().copied().collect())
            .unwrap_or_default()
    }

    /// Adds up.
    pub(super) fn summary(&self, shared: &Shared) -> Summary {
        let telemetry = shared.collector.stats();
        let engine = shared.engine();
        let stats = engine.stats();
        let (replicas_min_seen, replicas_max_seen) = self.seen.unwrap_or_default();
        Summary {
            scale_ups: stats.scale_ups,
            scale_downs: stats.scale_downs,
            replicas_min_seen,
            replicas_max_seen,
            datagrams: telemetry.datagrams,
            decode_errors: telemetry.decode_errors.values().sum(),
            holds: stats.holds.values().sum(),
        }
    }
}

/// A conversation in a few words.
fn words(row: &Row) -> String {
    let (source, destination) = (&row.source.name, &row.destination.name);
    format!("{source} → {destination} {}/s", bytes(row.bytes_per_second))
}
