//! Rows of services: what fits into a line of a table.

use std::collections::BTreeMap;

use scaler::{DecisionRecord, Direction, Engine, Policy, RecordOutcome, ServiceStatus};
use serde::Serialize;

use crate::{
    series::rounded,
    sidecar::{Seen, Shared},
};

/// What is said about all services together.
#[derive(Debug, Default, Serialize)]
struct Head {
    unix_ms: u64,
    version: &'static str,
    /// leader, follower, unknown, not-manager.
    leadership: &'static str,
    /// The state for all services.
    state: &'static str,
    /// Why the sidecar is of no use at present.
    not_ready: Vec<String>,
    services: usize,
    replicas: u64,
    serving: u64,
    /// Containers that telemetry is expected of.
    expected: usize,
    /// Of these, with fresh telemetry.
    reporting: usize,
    agents: u64,
    tick_ms: f64,
}

/// One service.
#[derive(Debug, Serialize)]
struct Row<'a> {
    name: &'a str,
    state: &'static str,
    own_state: &'static str,
    replicas: u32,
    serving: u32,
    starting: u32,
    draining: u32,
    wanted: u32,
    min: Option<u32>,
    max: Option<u32>,
    load: Option<LoadRow>,
    expected: usize,
    reporting: usize,
    hold: Option<&'static str>,
    /// Since when it has been decided so, in milliseconds since 1970.
    since_unix_ms: Option<u64>,
    words: Option<&'a str>,
    last_change_unix_ms: Option<u64>,
    paused_up_until: Option<u64>,
    paused_down_until: Option<u64>,
    label_errors: usize,
}

/// The load that is nearest to its mark or target.
#[derive(Debug, Serialize)]
struct LoadRow {
    metric: &'static str,
    average: f64,
    /// The high mark, or the target.
    mark: f64,
    /// The low mark, where there is one.
    low: Option<f64>,
}

/// The load of a service against the mark or target that is nearest to being passed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Load {
    pub(super) metric: scaler::Metric,
    pub(super) average: f64,
    pub(super) mark: f64,
    pub(super) low: Option<f64>,
}

impl Load {
    /// Reads it from what the last decision was based on.
    pub(super) fn of(record: &DecisionRecord, policy: &Policy) -> Option<Self> {
        let loads = record.readings.iter().filter_map(|reading| {
            let target = policy
                .targets()
                .iter()
                .find(|target| target.metric() == reading.metric)
                .map(|target| target.value());
            let mark = reading.high.or(target).filter(|mark| *mark > 0.0)?;
            Some(Self {
                metric: reading.metric,
                average: reading.average?,
                mark,
                low: reading.low,
            })
        });
        loads.max_by(|one, other| one.share().total_cmp(&other.share()))
    }

    /// As a share of the mark.
    pub(super) fn share(self) -> f64 {
        self.average / self.mark
    }
}

/// Replicas that the policy would have: what it proposes, or what there is.
pub(super) fn wanted(status: &ServiceStatus<'_>, replicas: u32) -> u32 {
    let proposal = status.last.and_then(|record| record.proposal);
    let write = status.write_pending_to;
    write
        .or(proposal.map(|proposal| proposal.to))
        .unwrap_or(replicas)
}

/// Decisions in words, kept as long as the same is decided: made anew each second they would differ by how long it has been so.
#[derive(Debug, Default)]
pub(super) struct Words(BTreeMap<String, (u64, Option<RecordOutcome>, String)>);

impl Words {
    fn renew(&mut self, name: &str, record: &DecisionRecord) {
        let known = self.0.get(name);
        if known
            .is_some_and(|(tick, outcome, _)| (*tick, outcome) == (record.tick, &record.outcome))
        {
            return;
        }
        let mut begun = record.clone();
        begun.last_unix_ms = begun.first_unix_ms;
        let entry = (record.tick, record.outcome.clone(), begun.explain());
        self.0.insert(name.to_owned(), entry);
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|(_, _, words)| words.as_str())
    }
}

/// The head and the rows, as JSON.
pub(super) fn board(shared: &Shared, words: &mut Words) -> (String, Vec<(String, String)>) {
    let last = shared.last_tick.load();
    let unix_ms = shared.clock.unix_ms();
    let engine = shared.engine();
    words.0.retain(|name, _| last.services.contains_key(name));
    let mut head = Head {
        unix_ms,
        version: env!("CARGO_PKG_VERSION"),
        state: engine.admin().global().name(),
        tick_ms: rounded(last.took.as_secs_f64() * 1000.0),
        ..Head::default()
    };
    let mut rows = Vec::with_capacity(last.services.len());
    for (name, seen) in &last.services {
        let opted_in =
            |status: &ServiceStatus<'_>| status.policy.is_some() || !status.label_errors.is_empty();
        let Some(status) = engine.service_status(name).filter(opted_in) else {
            continue;
        };
        if let Some(record) = status.last {
            words.renew(name, record);
        }
        head.services += 1;
        head.replicas += u64::from(seen.replicas);
        head.serving += u64::from(seen.serving);
        head.expected += seen.metrics.expected;
        head.reporting += seen.metrics.reporting;
        let row = row(&engine, &status, seen, words.get(name), unix_ms);
        // What was built from strings and numbers can be written.
        rows.push((
            name.clone(),
            serde_json::to_string(&row).unwrap_or_default(),
        ));
    }
    drop(engine);
    head.leadership = shared
        .watch
        .view()
        .map_or("unknown", |view| view.leadership.as_word());
    head.not_ready = shared.not_ready();
    head.agents = shared.collector.stats().agents;
    (serde_json::to_string(&head).unwrap_or_default(), rows)
}

fn row<'a>(
    engine: &Engine,
    status: &ServiceStatus<'a>,
    seen: &Seen,
    words: Option<&'a str>,
    unix_ms: u64,
) -> Row<'a> {
    let bounds = status.policy.map(Policy::bounds);
    let load = status.last.zip(status.policy);
    let load = load.and_then(|(record, policy)| Load::of(record, policy));
    let paused = engine.admin().paused(status.name);
    Row {
        name: status.name.as_str(),
        state: status.effective.mode.name(),
        own_state: status.own_mode.name(),
        replicas: seen.replicas,
        serving: seen.serving,
        starting: seen.starting,
        draining: seen.draining,
        wanted: wanted(status, seen.replicas),
        min: bounds.map(|bounds| bounds.min()),
        max: bounds.map(|bounds| bounds.max()),
        load: load.map(|load| LoadRow {
            metric: load.metric.name(),
            average: rounded(load.average),
            mark: rounded(load.mark),
            low: load.low.map(rounded),
        }),
        expected: seen.metrics.expected,
        reporting: seen.metrics.reporting,
        hold: status.held().map(|(reason, _)| reason.kind().name()),
        since_unix_ms: status.last.map(|record| record.first_unix_ms),
        words,
        last_change_unix_ms: crate::http::last_change(engine, status.name.as_str())
            .map(|record| record.last_unix_ms),
        paused_up_until: paused.until(Direction::Up, unix_ms),
        paused_down_until: paused.until(Direction::Down, unix_ms),
        label_errors: status.label_errors.len(),
    }
}
