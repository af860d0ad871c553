//! One point of each service's series from what a tick saw.

use scaler::{Metric, Policy, ServiceStatus};

use super::services::{Load, wanted};
use crate::{
    series::Point,
    sidecar::{LastTick, Seen, Shared},
};

/// Adds a point for each service, if it is time to.
pub(crate) fn note(shared: &Shared, last: &LastTick, unix_ms: u64) {
    if !shared.series().is_due(unix_ms) {
        return;
    }
    let engine = shared.engine();
    let shadows = shared.shadows();
    let points = last.services.iter().filter_map(|(name, seen)| {
        let status = engine.service_status(name)?;
        let policy = status.policy?;
        let candidates = shadows
            .of_service(name)
            .map(|shadow| (shadow.candidate.to_owned(), shadow.replicas));
        let point = point(&status, policy, seen, unix_ms);
        Some((name.clone(), point, candidates.collect()))
    });
    shared.series().push(unix_ms, points);
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "seven digits are more than a chart shows"
)]
const fn narrow(value: f64) -> f32 {
    value as f32
}

fn point(status: &ServiceStatus<'_>, policy: &Policy, seen: &Seen, unix_ms: u64) -> Point {
    let load = status.last.and_then(|record| Load::of(record, policy));
    let (expected, reporting) = (seen.metrics.expected, seen.metrics.reporting);
    let mut metrics = [f32::NAN; Metric::ALL.len()];
    for (slot, metric) in metrics.iter_mut().zip(Metric::ALL) {
        if let Some(value) = average(status, seen, metric) {
            *slot = narrow(value);
        }
    }
    Point {
        unix_ms,
        replicas: seen.replicas,
        serving: seen.serving,
        wanted: wanted(status, seen.replicas),
        min: policy.bounds().min(),
        max: policy.bounds().max(),
        load: load.map_or(f32::NAN, |load| narrow(load.share())),
        coverage: match expected {
            0 => f32::NAN,
            _ => narrow(reporting as f64 / expected as f64),
        },
        metrics,
    }
}

/// What telemetry says, or else what the last decision was based on: some metrics do not come from containers.
fn average(status: &ServiceStatus<'_>, seen: &Seen, metric: Metric) -> Option<f64> {
    let seen = &seen.metrics;
    let summary = match metric {
        Metric::CpuOfLimit => seen.cpu_of_limit,
        Metric::CpuCores => seen.cpu_cores,
        Metric::Bytes => seen.bytes,
        Metric::BytesIn => seen.bytes_in,
        Metric::BytesOut => seen.bytes_out,
        Metric::MemoryOfLimit => seen.memory_of_limit,
        Metric::MemoryBytes => seen.memory_bytes,
        Metric::Packets | Metric::Connections => None,
    };
    let read = || {
        let mut readings = status.last?.readings.iter();
        readings.find(|reading| reading.metric == metric)?.average
    };
    summary.map(|summary| summary.avg).or_else(read)
}
