//! Series per service, written straight from the state.

use scaler::{HoldReason, ServiceStatus};

use super::{
    Described,
    text::{head, line},
};
use crate::sidecar::{LastTick, Seen, Shared};

/// What a service's series are made of.
struct Row<'a> {
    status: ServiceStatus<'a>,
    seen: &'a Seen,
    now_unix_ms: u64,
}

type Value = fn(&Row<'_>) -> Option<f64>;

/// Every series per service but the hold and the stages, which have one label more.
const COLUMNS: &[(Described, Value)] = &[
    (
        gauge(
            "swarmtide_service_replicas",
            "Replicas in the service's spec",
        ),
        |row| Some(f64::from(row.seen.replicas)),
    ),
    (
        gauge(
            "swarmtide_service_replicas_min",
            "Least replicas by its policy",
        ),
        |row| {
            row.status
                .policy
                .map(|policy| f64::from(policy.bounds().min()))
        },
    ),
    (
        gauge(
            "swarmtide_service_replicas_max",
            "Most replicas by its policy",
        ),
        |row| {
            row.status
                .policy
                .map(|policy| f64::from(policy.bounds().max()))
        },
    ),
    (
        gauge(
            "swarmtide_service_serving",
            "Tasks that run, shall run, and sit on a ready node",
        ),
        |row| Some(f64::from(row.seen.serving)),
    ),
    (
        gauge(
            "swarmtide_service_starting",
            "Tasks on their way to running",
        ),
        |row| Some(f64::from(row.seen.starting)),
    ),
    (
        gauge("swarmtide_service_draining", "Tasks that run but shall not"),
        |row| Some(f64::from(row.seen.draining)),
    ),
    (
        gauge(
            "swarmtide_service_telemetry_expected",
            "Containers of its serving tasks",
        ),
        |row| Some(float(row.seen.metrics.expected)),
    ),
    (
        gauge(
            "swarmtide_service_telemetry_reporting",
            "Of those, containers with fresh counters",
        ),
        |row| Some(float(row.seen.metrics.reporting)),
    ),
    (
        gauge(
            "swarmtide_service_telemetry_age_seconds",
            "Age of the oldest counters in its averages",
        ),
        |row| row.seen.metrics.oldest_age.map(|age| age.as_secs_f64()),
    ),
    (
        gauge(
            "swarmtide_service_outliers",
            "Replicas that do much worse than their siblings",
        ),
        |row| row.status.last.map(|record| float(record.outliers.len())),
    ),
    (
        gauge(
            "swarmtide_service_quarantined",
            "Replicas that get no new connections because they do much worse than their siblings: 0 or 1",
        ),
        |row| {
            let record = row.status.last?;
            let isolated = record.outliers.iter().filter(|outlier| outlier.quarantined);
            Some(float(isolated.count()))
        },
    ),
    (
        gauge(
            "swarmtide_service_cpu_cores",
            "CPU used by all its replicas but those left out as outliers, in cores",
        ),
        |row| row.seen.metrics.cpu_cores.map(|summary| summary.sum),
    ),
    (
        gauge(
            "swarmtide_service_cpu_utilization_ratio",
            "CPU used as a share of the limit, average per replica",
        ),
        |row| row.seen.metrics.cpu_of_limit.map(|summary| summary.avg),
    ),
    (
        gauge(
            "swarmtide_service_memory_bytes",
            "Memory used by all its replicas but those left out as outliers, page cache included",
        ),
        |row| row.seen.metrics.memory_bytes.map(|summary| summary.sum),
    ),
    (
        gauge(
            "swarmtide_service_bytes_per_second",
            "Network traffic in and out, average per replica",
        ),
        |row| row.seen.metrics.bytes.map(|summary| summary.avg),
    ),
    (
        gauge(
            "swarmtide_service_receive_bytes_per_second",
            "Network traffic into all its replicas",
        ),
        |row| row.seen.metrics.bytes_in.map(|summary| summary.sum),
    ),
    (
        gauge(
            "swarmtide_service_transmit_bytes_per_second",
            "Network traffic out of all its replicas",
        ),
        |row| row.seen.metrics.bytes_out.map(|summary| summary.sum),
    ),
    (
        gauge(
            "swarmtide_service_wanted_replicas",
            "Replicas that its targets ask for, before windows, rates and bounds; absent without targets",
        ),
        |row| leading(row).map(|target| f64::from(target.to)),
    ),
    (
        gauge(
            "swarmtide_service_sure_replicas",
            "Of the replicas that its targets ask for, those that no forecast asks for",
        ),
        |row| leading(row).map(|target| f64::from(target.sure)),
    ),
    (
        gauge(
            "swarmtide_service_demand_ratio",
            "Demand without its noise, in replicas at their target, by the target that asks for most",
        ),
        |row| leading(row).map(|target| target.level / target.target),
    ),
    (
        gauge(
            "swarmtide_service_forecast_ratio",
            "Demand expected when a new replica would serve, in replicas at their target",
        ),
        |row| leading(row).map(|target| (target.level + target.ahead) / target.target),
    ),
    (
        gauge(
            "swarmtide_service_headroom_ratio",
            "What is kept free and what works off a backlog, in replicas at their target",
        ),
        |row| leading(row).map(|target| (target.headroom + target.backlog) / target.target),
    ),
    (
        gauge(
            "swarmtide_service_season_ratio",
            "Demand at this time on the days before, in replicas at their target; absent until two days are known",
        ),
        |row| leading(row).and_then(|target| Some(target.season? / target.target)),
    ),
    (
        gauge(
            "swarmtide_service_start_up_seconds",
            "From asking for a replica to its serving, as measured",
        ),
        |row| {
            let took = row.status.last?.start_up_ms?;
            Some(float64(took) / 1000.0)
        },
    ),
    (
        gauge(
            "swarmtide_service_at_maximum",
            "1 while it wants more replicas than its maximum",
        ),
        |row| Some(if at_maximum(row) { 1.0 } else { 0.0 }),
    ),
    (
        counter(
            "swarmtide_service_scale_ups_total",
            "Changes that added replicas",
        ),
        |row| Some(float64(row.status.counters.scale_ups)),
    ),
    (
        counter(
            "swarmtide_service_scale_downs_total",
            "Changes that took replicas away",
        ),
        |row| Some(float64(row.status.counters.scale_downs)),
    ),
    (
        counter(
            "swarmtide_service_resets_total",
            "Times that a redeployed stack took replicas away, put back or not",
        ),
        |row| Some(float64(row.status.counters.resets)),
    ),
    (
        counter(
            "swarmtide_service_reassertions_total",
            "Changes that put those back",
        ),
        |row| Some(float64(row.status.counters.reassertions)),
    ),
];

const HOLD: Described = Described {
    name: "swarmtide_service_hold_seconds",
    labels: "service, reason",
    kind: "gauge",
    help: "How long it has been held for this reason; absent while it is being scaled",
};

const STAGE: Described = Described {
    name: "swarmtide_service_stage_replicas",
    labels: "service, stage",
    kind: "gauge",
    help: "Replicas that the last decision came to after each stage: proposed (by its metrics), windows, rates, bounds, room, decided",
};

/// Every series per service.
pub const SERVICE_METRICS: &[Described] = &{
    let mut all = [HOLD; COLUMNS.len() + 2];
    all[COLUMNS.len()] = STAGE;
    let mut index = 0;
    while index < COLUMNS.len() {
        all[index] = COLUMNS[index].0;
        index += 1;
    }
    all
};

const fn gauge(name: &'static str, help: &'static str) -> Described {
    Described {
        name,
        labels: "service",
        kind: "gauge",
        help,
    }
}

const fn counter(name: &'static str, help: &'static str) -> Described {
    Described {
        name,
        labels: "service",
        kind: "counter",
        help,
    }
}

/// The target that asks for most.
fn leading<'a>(row: &Row<'a>) -> Option<&'a scaler::MetricProposal> {
    row.status
        .last?
        .targets
        .iter()
        .max_by_key(|target| target.to)
}

fn at_maximum(row: &Row<'_>) -> bool {
    row.status
        .held()
        .is_some_and(|(reason, _)| matches!(reason, HoldReason::AtMaximum { .. }))
}

fn float(count: usize) -> f64 {
    float64(count as u64)
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
const fn float64(count: u64) -> f64 {
    count as f64
}

/// Writes the series of every service that the last tick saw and the scaler keeps.
pub(super) fn write(text: &mut String, shared: &Shared) {
    let last = shared.last_tick.load();
    let engine = shared.engine();
    let rows = rows(&last, &engine, shared.clock.unix_ms());
    for (metric, value) in COLUMNS {
        head(text, metric);
        for row in &rows {
            if let Some(value) = value(row) {
                line(
                    text,
                    metric.name,
                    &[("service", row.status.name.as_str())],
                    value,
                );
            }
        }
    }
    head(text, &STAGE);
    for row in &rows {
        let stages = row.status.last.map(scaler::DecisionRecord::stages);
        for (stage, replicas) in scaler::STAGES.iter().zip(stages.into_iter().flatten()) {
            let labels = [("service", row.status.name.as_str()), ("stage", *stage)];
            line(text, STAGE.name, &labels, f64::from(replicas));
        }
    }
    head(text, &HOLD);
    for row in &rows {
        if let Some((reason, since_unix_ms)) = row.status.held() {
            let labels = [
                ("service", row.status.name.as_str()),
                ("reason", reason.kind().name()),
            ];
            line(
                text,
                HOLD.name,
                &labels,
                float64(row.now_unix_ms.saturating_sub(since_unix_ms)) / 1000.0,
            );
        }
    }
}

fn rows<'a>(last: &'a LastTick, engine: &'a scaler::Engine, now_unix_ms: u64) -> Vec<Row<'a>> {
    last.services
        .iter()
        .filter_map(|(name, seen)| {
            let status = engine.service_status(name)?;
            let ours = status.policy.is_some() || !status.label_errors.is_empty();
            ours.then_some(Row {
                status,
                seen,
                now_unix_ms,
            })
        })
        .collect()
}
