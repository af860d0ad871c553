//! The tables of the balancer's series: name, labels, kind, help, and where the value is.

use lbsync::{DestinationPhase, DestinationStatus, VirtualServiceStatus};

use crate::balancer::Numbers;
use crate::exposition::{Described, described};

const fn gauge(name: &'static str, help: &'static str) -> Described {
    described(name, "", "gauge", help)
}

const fn counter(name: &'static str, help: &'static str) -> Described {
    described(name, "", "counter", help)
}

pub(super) type NumberColumn = (Described, fn(&Numbers) -> f64);

/// One number each.
pub(super) const NUMBERS: &[NumberColumn] = &[
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
    (
        counter(
            "swarmtide_lb_vip_errors_total",
            "VIPs that could not be put up or taken down",
        ),
        |numbers| float(numbers.vip_errors),
    ),
    (
        counter("swarmtide_lb_probes_total", "Probes of destinations begun"),
        |numbers| float(numbers.probes),
    ),
    (
        counter(
            "swarmtide_lb_probes_failed_total",
            "Probes that failed or never ended",
        ),
        |numbers| float(numbers.probes_failed),
    ),
];

pub(super) const DESTINATIONS: Described = described(
    "swarmtide_lb_destinations",
    "state",
    "gauge",
    "Destinations in the table: serving, warming_up (their weight rises), joining (not yet in), failing (their probe fails), draining",
);

pub(super) const VIPS: Described = described(
    "swarmtide_lb_vips",
    "state",
    "gauge",
    "VIPs by what should be done with them: announced, withdrawn for want of healthy destinations",
);

pub(super) const SOURCE: Described = described(
    "swarmtide_lb_source",
    "state",
    "gauge",
    "1 for the state of the backend set: waiting, current, partial or away; the table stays as it is in the last two",
);

pub(super) const LATENCY: Described = described(
    "swarmtide_lb_change_seconds",
    "",
    "histogram",
    "From the beginning of the list that showed a change of the swarm until the data plane had it",
);

pub(super) const HIDDEN: Described = described(
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

pub(super) type DestinationColumn = (Described, fn(&DestinationStatus) -> f64);

/// One for each destination.
pub(super) const BY_DESTINATION: &[DestinationColumn] = &[
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
        |destination| {
            let phase = destination.phase;
            let drains = matches!(
                phase,
                DestinationPhase::Draining
                    | DestinationPhase::Lingering
                    | DestinationPhase::Leaving
            );
            f64::from(u8::from(drains))
        },
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
    (
        of_destination(
            "swarmtide_lb_destination_connections_total",
            "counter",
            "Connections scheduled to it",
        ),
        |destination| float(destination.traffic.connections),
    ),
    (
        of_destination(
            "swarmtide_lb_destination_packets_in_total",
            "counter",
            "Packets from clients",
        ),
        |destination| float(destination.traffic.packets_in),
    ),
    (
        of_destination(
            "swarmtide_lb_destination_bytes_in_total",
            "counter",
            "Bytes from clients",
        ),
        |destination| float(destination.traffic.bytes_in),
    ),
    (
        of_destination(
            "swarmtide_lb_destination_bytes_out_total",
            "counter",
            "Bytes to clients; 0 where answers do not pass the balancer",
        ),
        |destination| float(destination.traffic.bytes_out),
    ),
];

pub(super) const SOURCE_CURRENT: Described = described(
    "swarmtide_lb_source_current",
    "source",
    "gauge",
    "1 while the backend sets of that sidecar can be gone by; for lbsync.sources",
);

pub(super) const SOURCE_AGE: Described = described(
    "swarmtide_lb_source_age_seconds",
    "source",
    "gauge",
    "Time since that sidecar last gave a sign of life",
);

const fn of_service(name: &'static str, kind: &'static str, help: &'static str) -> Described {
    described(name, "service, virtual_service", kind, help)
}

pub(super) type ServiceColumn = (Described, fn(&VirtualServiceStatus) -> f64);

/// One for each virtual service.
pub(super) const BY_SERVICE: &[ServiceColumn] = &[
    (
        of_service(
            "swarmtide_lb_healthy_destinations",
            "gauge",
            "Destinations that are fit to serve",
        ),
        |service| size(service.healthy),
    ),
    (
        of_service(
            "swarmtide_lb_below_floor",
            "gauge",
            "1 while fewer destinations are healthy than the floor asks for",
        ),
        |service| f64::from(u8::from(service.weak)),
    ),
    (
        of_service(
            "swarmtide_lb_in_sync",
            "gauge",
            "1 where it and its destinations were as desired when last listed",
        ),
        |service| {
            let whole = service.destinations.iter().all(|found| found.in_sync);
            f64::from(u8::from(service.in_sync && whole))
        },
    ),
    (
        of_service(
            "swarmtide_lb_connections_total",
            "counter",
            "Connections scheduled",
        ),
        |service| float(service.traffic.connections),
    ),
    (
        of_service(
            "swarmtide_lb_packets_in_total",
            "counter",
            "Packets from clients",
        ),
        |service| float(service.traffic.packets_in),
    ),
    (
        of_service(
            "swarmtide_lb_packets_out_total",
            "counter",
            "Packets to clients; 0 where answers do not pass the balancer",
        ),
        |service| float(service.traffic.packets_out),
    ),
    (
        of_service(
            "swarmtide_lb_bytes_in_total",
            "counter",
            "Bytes from clients",
        ),
        |service| float(service.traffic.bytes_in),
    ),
    (
        of_service(
            "swarmtide_lb_bytes_out_total",
            "counter",
            "Bytes to clients; 0 where answers do not pass the balancer",
        ),
        |service| float(service.traffic.bytes_out),
    ),
];

/// Every series of the balancer.
pub fn balancer_metrics() -> impl Iterator<Item = &'static Described> {
    NUMBERS
        .iter()
        .map(|(metric, _)| metric)
        .chain([&DESTINATIONS, &VIPS, &SOURCE, &LATENCY, &HIDDEN])
        .chain(BY_SERVICE.iter().map(|(metric, _)| metric))
        .chain(BY_DESTINATION.iter().map(|(metric, _)| metric))
        .chain([&SOURCE_CURRENT, &SOURCE_AGE])
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a gauge is a float; counts stay far below 2^53"
)]
pub(super) const fn float(count: u64) -> f64 {
    count as f64
}

pub(super) const fn size(count: usize) -> f64 {
    float(count as u64)
}
