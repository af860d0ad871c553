//! Series about all services together: room, node pool, shadows, journal, webhooks.

use super::{
    Described, described,
    text::{head, line},
};
use crate::sidecar::Shared;

const POOL: Described = described(
    "swarmtide_node_pool",
    "state",
    "gauge",
    "1 for what the node pool should do: enough (nothing), needed (grow), spare (it could shrink by its largest node)",
);
const NODES_NEEDED: Described = described(
    "swarmtide_nodes_needed",
    "",
    "gauge",
    "Nodes like the largest that would hold what services want beyond the capacity; 0 when none is needed",
);
const EVENTS_DROPPED: Described = described(
    "swarmtide_events_dropped_total",
    "",
    "counter",
    "Events of the scaler that were dropped before they were told",
);
const JOURNAL_LINES: Described = described(
    "swarmtide_journal_events_total",
    "result",
    "counter",
    "Events for the journal: written, dropped (the queue was full), failed (the disk refused)",
);
const JOURNAL_BYTES: Described = described(
    "swarmtide_journal_bytes",
    "",
    "gauge",
    "Size of the journal on disk",
);
const WEBHOOK_EVENTS: Described = described(
    "swarmtide_webhook_events_total",
    "url, result",
    "counter",
    "Events for a URL: delivered, given_up (attempts used up, or refused), dropped (the queue was full)",
);
const WEBHOOK_RETRIES: Described = described(
    "swarmtide_webhook_retries_total",
    "url",
    "counter",
    "Attempts that failed and were repeated",
);
const WEBHOOK_WAITING: Described = described(
    "swarmtide_webhook_waiting",
    "url",
    "gauge",
    "Events that wait for a URL",
);
const SHADOW_REPLICAS: Described = described(
    "swarmtide_shadow_replicas",
    "service, candidate",
    "gauge",
    "Replicas that a candidate beside the live policy would have",
);
const SHADOW_CHANGES: Described = described(
    "swarmtide_shadow_changes_total",
    "service, candidate, direction",
    "counter",
    "Changes that a candidate would have made: up, down",
);
const SHADOW_SECONDS: Described = described(
    "swarmtide_shadow_replica_seconds_total",
    "service, candidate",
    "counter",
    "Replicas of a candidate over time",
);
const SHADOW_MEMORY: Described = described(
    "swarmtide_shadow_memory_bytes",
    "",
    "gauge",
    "Estimated memory of all candidates",
);

/// Every series about all services together.
pub const FLEET_METRICS: &[Described] = &[
    POOL,
    NODES_NEEDED,
    EVENTS_DROPPED,
    JOURNAL_LINES,
    JOURNAL_BYTES,
    WEBHOOK_EVENTS,
    WEBHOOK_RETRIES,
    WEBHOOK_WAITING,
    SHADOW_REPLICAS,
    SHADOW_CHANGES,
    SHADOW_SECONDS,
    SHADOW_MEMORY,
];

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
const fn float(count: u64) -> f64 {
    count as f64
}

/// Writes them.
pub(super) fn write(text: &mut String, shared: &Shared) {
    pool(text, shared);
    journal(text, shared);
    webhooks(text, shared);
    shadows(text, shared);
}

fn pool(text: &mut String, shared: &Shared) {
    use scaler::arbitration::PoolState;
    let (state, dropped) = {
        let engine = shared.engine();
        (engine.node_pool(), engine.events_dropped())
    };
    head(text, &POOL);
    for name in ["enough", "needed", "spare"] {
        let value = if state.name() == name { 1.0 } else { 0.0 };
        line(text, POOL.name, &[("state", name)], value);
    }
    head(text, &NODES_NEEDED);
    let nodes = match state {
        PoolState::Needed { nodes, .. } => nodes.unwrap_or(0),
        PoolState::Enough | PoolState::Spare => 0,
    };
    line(text, NODES_NEEDED.name, &[], f64::from(nodes));
    head(text, &EVENTS_DROPPED);
    line(text, EVENTS_DROPPED.name, &[], float(dropped));
}

fn journal(text: &mut String, shared: &Shared) {
    let Some(stats) = shared.told.journal_stats() else {
        return;
    };
    head(text, &JOURNAL_LINES);
    for (result, count) in [
        ("written", stats.written),
        ("dropped", stats.dropped),
        ("failed", stats.errors),
    ] {
        line(
            text,
            JOURNAL_LINES.name,
            &[("result", result)],
            float(count),
        );
    }
    head(text, &JOURNAL_BYTES);
    line(text, JOURNAL_BYTES.name, &[], float(stats.bytes));
}

fn webhooks(text: &mut String, shared: &Shared) {
    let all = shared.told.webhook_stats();
    head(text, &WEBHOOK_EVENTS);
    for stats in &all {
        for (result, count) in [
            ("delivered", stats.delivered),
            ("given_up", stats.given_up),
            ("dropped", stats.dropped),
        ] {
            let labels = [("url", stats.url.as_str()), ("result", result)];
            line(text, WEBHOOK_EVENTS.name, &labels, float(count));
        }
    }
    head(text, &WEBHOOK_RETRIES);
    for stats in &all {
        let labels = [("url", stats.url.as_str())];
        line(text, WEBHOOK_RETRIES.name, &labels, float(stats.retries));
    }
    head(text, &WEBHOOK_WAITING);
    for stats in &all {
        let labels = [("url", stats.url.as_str())];
        line(text, WEBHOOK_WAITING.name, &labels, float(stats.waiting));
    }
}

fn shadows(text: &mut String, shared: &Shared) {
    let shadows = shared.shadows();
    let statuses: Vec<_> = shadows
        .iter()
        .flat_map(|shadow| {
            let services = shadow.services();
            services.filter_map(|name| Some((name.as_str(), shadow.status(name.as_str())?)))
        })
        .collect();
    head(text, &SHADOW_REPLICAS);
    for (service, status) in &statuses {
        let labels = [("service", *service), ("candidate", status.candidate)];
        line(
            text,
            SHADOW_REPLICAS.name,
            &labels,
            f64::from(status.replicas),
        );
    }
    head(text, &SHADOW_CHANGES);
    for (service, status) in &statuses {
        for (direction, count) in [("up", status.scale_ups), ("down", status.scale_downs)] {
            let labels = [
                ("service", *service),
                ("candidate", status.candidate),
                ("direction", direction),
            ];
            line(text, SHADOW_CHANGES.name, &labels, float(count));
        }
    }
    head(text, &SHADOW_SECONDS);
    for (service, status) in &statuses {
        let labels = [("service", *service), ("candidate", status.candidate)];
        line(text, SHADOW_SECONDS.name, &labels, status.replica_seconds);
    }
    head(text, &SHADOW_MEMORY);
    let bytes = shadows.memory_bytes() as u64;
    line(text, SHADOW_MEMORY.name, &[], float(bytes));
}
