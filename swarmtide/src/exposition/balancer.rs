//! Series of the balancer, written from its state: those of an entry that is gone vanish with it.
//!
//! Destinations come and go with every task, so the number of their series has a limit.

use lbsync::{DestinationPhase, DestinationStatus, VirtualServiceStatus};

use super::{
    Described,
    text::{head, line},
};
use crate::balancer::{Balancer, Numbers, SOURCES, latency::Latency};

const fn described(
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

const fn gauge(name: &'static str, help: &'static str) -> Described {
    described(name, "", "gauge", help)
}

const fn counter(name: &'static str, help: &'static str) -> Described {
    described(name, "", "counter", help)
}

type NumberColumn = (Described, fn(&Numbers) -> f64);

/// One number each.
const NUMBERS: &[NumberColumn] = &[
    (
        gauge(
            "swarmtide_lb_virtual_services",
            "Virtual services in the table",
        ),
        |numbers| size(numbers.virtual_services),
    ),
    (
        gauge(
            "swarmtide_lb_foreign_entries",
            "Entries of the data plane that are not ours",
        ),
        |numbers| size(numbers.foreign),
    ),
    (
        gauge(
            "swarmtide_lb_problems",
            "Reasons that keep services or tasks from being balanced",
        ),
        |numbers| size(numbers.problems),
    ),
    (
        gauge(
            "swarmtide_lb_changes_pending",
            "Changes that the data plane lacked when last listed",
        ),
        |numbers| size(numbers.pending),
    ),
    (
        counter(
            "swarmtide_lb_changes_total",
            "Changes applied to the data plane",
        ),
        |numbers| float(numbers.changes),
    ),
    (
        counter(
            "swarmtide_lb_errors_total",
            "Changes that the data plane refused",
        ),
        |numbers| float(numbers.errors),
    ),
    (
        counter(
            "swarmtide_lb_list_errors_total",
            "Times that the data plane could not be listed",
        ),
        |numbers| float(numbers.list_errors),
    ),
    (
        counter(
            "swarmtide_lb_drift_repaired_total",
            "Entries that somebody else had changed and that were put right",
        ),
        |numbers| float(numbers.drift_repaired),
    ),
    (
        counter(
            "swarmtide_lb_passes_total",
            "Comparisons of the table with the data plane",
        ),
        |numbers| float(numbers.passes),
    ),
];

const DESTINATIONS: Described = described(
    "swarmtide_lb_destinations",
    "state",
    "gauge",
    "Destinations in the table: serving, draining",
);

const SOURCE: Described = described(
    "swarmtide_lb_source",
    "state",
    "gauge",
    "1 for the state of the backend set: waiting, current, partial or away; the table stays as it is in the last two",
);

const LATENCY: Described = described(
    "swarmtide_lb_change_seconds",
    "",
    "histogram",
    "From the beginning of the list that showed a change of the swarm until the data plane had it",
);

const HIDDEN: Described = described(
    "swarmtide_lb_destinations_without_series",
    "",
    "gauge",
    "Destinations without series of their own, because there are more than lbsync.destination_series_max",
);

const fn of_destination(name: &'static str, kind: &'static str, help: &'static str) -> Described {
    described(
        name,
        "service, virtual_service, destination, node",
        kind,
        help,
    )
}

type DestinationColumn = (Described, fn(&DestinationStatus) -> f64);

/// One for each destination.
const BY_DESTINATION: &[DestinationColumn] = &[
    (
        of_destination(
            "swarmtide_lb_destination_weight",
            "gauge",
            "Its weight; 0 takes no new connections",
        ),
        |destination| f64::from(destination.weight),
    ),
    (
        of_destination(
            "swarmtide_lb_destination_draining",
            "gauge",
            "1 while it keeps its connections and gets no new ones",
        ),
        |destination| f64::from(u8::from(destination.phase != DestinationPhase::Serving)),
    ),
    (
        of_destination(
            "swarmtide_lb_destination_active_connections",
            "gauge",
            "Established connections when last listed",
        ),
        |destination| f64::from(destination.active_connections),
    ),
    (
        of_destination(
            "swarmtide_lb_destination_inactive_connections",
            "gauge",
            "Connections in any other state when last listed",
        ),
        |destination| f64::from(destination.inactive_connections),
    ),
];

/// Every series of the balancer.
pub fn balancer_metrics() -> impl Iterator<Item = &'static Described> {
    NUMBERS
        .iter()
        .map(|(metric, _)| metric)
        .chain([&DESTINATIONS, &SOURCE, &LATENCY, &HIDDEN])
        .chain(BY_DESTINATION.iter().map(|(metric, _)| metric))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a gauge is a float; counts stay far below 2^53"
)]
const fn float(count: u64) -> f64 {
    count as f64
}

const fn size(count: usize) -> f64 {
    float(count as u64)
}

/// Writes all of them.
pub(super) fn write(text: &mut String, balancer: &Balancer, series_max: usize) {
    let numbers = balancer.numbers();
    for (metric, value) in NUMBERS {
        head(text, metric);
        line(text, metric.name, &[], value(&numbers));
    }
    head(text, &DESTINATIONS);
    for (state, count) in [("serving", numbers.serving), ("draining", numbers.draining)] {
        line(text, DESTINATIONS.name, &[("state", state)], size(count));
    }
    head(text, &SOURCE);
    for state in SOURCES {
        let value = f64::from(u8::from(state == numbers.source));
        line(text, SOURCE.name, &[("state", state)], value);
    }
    histogram(text, &LATENCY, &balancer.latency());
    let status = balancer.last_status();
    by_destination(text, &status.virtual_services, series_max);
}

fn histogram(text: &mut String, metric: &Described, latency: &Latency) {
    head(text, metric);
    let bucket = format!("{}_bucket", metric.name);
    for (bound, count) in latency.cumulative() {
        line(text, &bucket, &[("le", &bound.to_string())], float(count));
    }
    line(text, &bucket, &[("le", "+Inf")], float(latency.count));
    line(text, &format!("{}_sum", metric.name), &[], latency.sum);
    line(
        text,
        &format!("{}_count", metric.name),
        &[],
        float(latency.count),
    );
}

fn by_destination(text: &mut String, services: &[VirtualServiceStatus], series_max: usize) {
    let all = || {
        services.iter().flat_map(|service| {
            let with = move |destination| (service, destination);
            service.destinations.iter().map(with)
        })
    };
    head(text, &HIDDEN);
    let hidden = all().count().saturating_sub(series_max);
    line(text, HIDDEN.name, &[], size(hidden));
    let rows: Vec<_> = all().take(series_max).map(Row::of).collect();
    for (metric, value) in BY_DESTINATION {
        head(text, metric);
        for row in &rows {
            line(text, metric.name, &row.labels(), value(row.destination));
        }
    }
}

struct Row<'a> {
    service: &'a str,
    virtual_service: String,
    name: String,
    node: &'a str,
    destination: &'a DestinationStatus,
}

impl<'a> Row<'a> {
    fn of((service, destination): (&'a VirtualServiceStatus, &'a DestinationStatus)) -> Self {
        let key = lbsync::VirtualServiceKey {
            address: service.address,
            port: service.port,
            protocol: service.protocol,
        };
        let name = lbsync::DestinationKey {
            address: destination.address,
            port: destination.port,
        };
        Self {
            service: service.service.as_deref().unwrap_or_default(),
            virtual_service: key.to_string(),
            name: name.to_string(),
            node: destination
                .tasks
                .first()
                .map_or("", |task| task.node.as_str()),
            destination,
        }
    }

    fn labels(&self) -> [(&str, &str); 4] {
        [
            ("service", self.service),
            ("virtual_service", &self.virtual_service),
            ("destination", &self.name),
            ("node", self.node),
        ]
    }
}
