//! `/metrics`: the cores' plain counters as Prometheus text.
//!
//! Series of the process go through the `metrics` facade into a recorder of this sidecar's own. Series per service are written
//! straight from the state, so that those of a service that is gone vanish with it.

mod balancer;
mod containers;
mod fleet;
mod page;
mod process;
mod services;
mod talkers;
mod text;

use std::{fmt, time::Duration};

use metrics::{counter, histogram, with_local_recorder};
use metrics_exporter_prometheus::{
    Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};

use crate::{node::NodeShared, sidecar::Shared};

pub use balancer::balancer_metrics;
pub use containers::{CONTAINER_METRICS, ContainerSeries};
pub use fleet::FLEET_METRICS;
pub use page::PAGE_METRICS;
pub use process::PROCESS_METRICS;
pub use services::SERVICE_METRICS;
pub use talkers::TALKER_METRICS;

/// A metric as the documentation lists it.
#[derive(Debug, Clone, Copy)]
pub struct Described {
    /// Its name.
    pub name: &'static str,
    /// Its labels, separated by commas; empty for none.
    pub labels: &'static str,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// What it means.
    pub help: &'static str,
}

/// A metric as a row of a table.
pub(crate) const fn described(
    name: &'static str,
    labels: &'static str,
    kind: &'static str,
    help: &'static str,
) -> Described {
    Described {
        name,
        labels,
        kind,
        help,
    }
}

/// Where this sidecar's metrics are recorded.
pub struct Recorder {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    containers: ContainerSeries,
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recorder")
    }
}

const TICK_BUCKETS: [f64; 10] = [
    0.000_1, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.02, 0.05, 0.1, 1.0,
];

impl Recorder {
    /// Makes a recorder and describes every metric.
    #[must_use]
    pub fn new() -> Self {
        let name = Matcher::Full("swarmtide_scaler_tick_seconds".to_owned());
        let builder = PrometheusBuilder::new();
        // The only error is an empty list of buckets.
        let builder = builder
            .set_buckets_for_metric(name, &TICK_BUCKETS)
            .unwrap_or_else(|_| PrometheusBuilder::new());
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        with_local_recorder(&recorder, process::describe);
        Self {
            recorder,
            handle,
            containers: ContainerSeries::default(),
        }
    }

    /// Notes how long a tick took.
    pub fn tick_took(&self, took: Duration) {
        with_local_recorder(&self.recorder, || {
            histogram!("swarmtide_scaler_tick_seconds").record(took.as_secs_f64())
        });
    }

    /// Notes that a balancer did not say what it counted.
    pub fn balancer_failed(&self) {
        with_local_recorder(&self.recorder, || {
            counter!("swarmtide_connections_errors_total").increment(1);
        });
    }

    /// The text of `/metrics`.
    #[must_use]
    pub fn render(&self, shared: &Shared) -> String {
        with_local_recorder(&self.recorder, || process::publish(shared));
        self.handle.run_upkeep();
        let mut text = self.handle.render();
        services::write(&mut text, shared);
        if shared.config.metrics.containers {
            let view = shared.watch.view();
            self.containers.write(
                &mut text,
                (&shared.collector, view.as_deref()),
                shared.clock.now(),
                shared.config.metrics.containers_max,
            );
        }
        fleet::write(&mut text, shared);
        page::write(&mut text, shared);
        talkers::write(&mut text, shared);
        let series_max = shared.config.lbsync.destination_series_max;
        balancer::write(&mut text, &shared.balancer, series_max);
        text
    }
}

impl Default for Recorder {
    fn default() -> Self {
        Self::new()
    }
}

/// The text of `/metrics` of a balancer node.
#[must_use]
pub(crate) fn of_node(shared: &NodeShared) -> String {
    let mut text = String::new();
    process::of_node(&mut text, shared);
    let series_max = shared.config.lbsync.destination_series_max;
    balancer::write(&mut text, &shared.balancer, series_max);
    text
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
const fn float(count: usize) -> f64 {
    count as f64
}

/// The table of metrics as Markdown, for the documentation.
#[must_use]
pub fn reference() -> String {
    let mut text = String::from("| metric | labels | kind | meaning |\n|---|---|---|---|\n");
    let spine = PROCESS_METRICS
        .iter()
        .chain(SERVICE_METRICS)
        .chain(crate::agent::AGENT_METRICS);
    for metric in spine
        .chain(TALKER_METRICS)
        .chain(FLEET_METRICS)
        .chain(PAGE_METRICS)
        .chain(CONTAINER_METRICS)
        .chain(balancer_metrics())
    {
        let Described {
            name,
            labels,
            kind,
            help,
        } = metric;
        text.push_str(&format!("| `{name}` | {labels} | {kind} | {help} |\n"));
    }
    text
}
