//! The sidecar's own series: collector, engine, scaler, balancer.

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge};

use super::{
    Described, described,
    text::{head, line},
};
use crate::{node::NodeShared, sidecar::Shared};

/// Every series of the process.
pub const PROCESS_METRICS: &[Described] = &[
    described(
        "swarmtide_build_info",
        "version",
        "gauge",
        "Always 1; the version is in the label",
    ),
    described(
        "swarmtide_collector_datagrams_total",
        "",
        "counter",
        "sFlow datagrams taken from the sockets",
    ),
    described(
        "swarmtide_collector_bytes_total",
        "",
        "counter",
        "Bytes of those datagrams",
    ),
    described(
        "swarmtide_collector_samples_total",
        "kind",
        "counter",
        "Samples by kind: container, host, flow, other",
    ),
    described(
        "swarmtide_collector_decode_errors_total",
        "reason",
        "counter",
        "Datagrams, samples or records that could not be decoded",
    ),
    described(
        "swarmtide_collector_sources_denied_total",
        "",
        "counter",
        "Datagrams from sources outside collector.allow",
    ),
    described(
        "swarmtide_collector_kernel_drops_total",
        "",
        "counter",
        "Datagrams that the kernel dropped for want of receive buffer",
    ),
    described(
        "swarmtide_collector_truncated_total",
        "",
        "counter",
        "Datagrams longer than the longest that is accepted",
    ),
    described(
        "swarmtide_collector_receive_errors_total",
        "",
        "counter",
        "Errors of the receive call",
    ),
    described(
        "swarmtide_collector_datagrams_lost_total",
        "",
        "counter",
        "Datagrams missing by their sequence numbers",
    ),
    described(
        "swarmtide_collector_datagrams_late_total",
        "",
        "counter",
        "Datagrams that came out of order",
    ),
    described(
        "swarmtide_collector_datagrams_duplicate_total",
        "",
        "counter",
        "Datagrams that came twice",
    ),
    described(
        "swarmtide_collector_agent_restarts_total",
        "",
        "counter",
        "Agents whose uptime or sequence began anew",
    ),
    described(
        "swarmtide_collector_deltas_dropped_total",
        "reason",
        "counter",
        "Counter differences not used: interval_short, sequence_reset, sequence_gap, base_outdated, interval_mismatch, implausible, not_running",
    ),
    described(
        "swarmtide_collector_limit_hits_total",
        "limit",
        "counter",
        "Refused because a limit was reached: agents, data_sources, name_bytes",
    ),
    described(
        "swarmtide_collector_agents",
        "",
        "gauge",
        "sFlow agents known",
    ),
    described(
        "swarmtide_collector_duplicate_agents",
        "",
        "gauge",
        "Agents that share agent address and sub-agent with another one",
    ),
    described(
        "swarmtide_collector_data_sources",
        "",
        "gauge",
        "Data sources known",
    ),
    described(
        "swarmtide_collector_receive_buffer_bytes",
        "",
        "gauge",
        "Smallest receive buffer that the kernel granted to a socket",
    ),
    described(
        "swarmtide_engine_requests_total",
        "",
        "counter",
        "Requests to the Engine API",
    ),
    described(
        "swarmtide_engine_errors_total",
        "kind",
        "counter",
        "Failed requests by kind",
    ),
    described(
        "swarmtide_view_relists_total",
        "result",
        "counter",
        "Full lists of the swarm: complete, failed",
    ),
    described(
        "swarmtide_view_events_total",
        "",
        "counter",
        "Events of the engine",
    ),
    described(
        "swarmtide_view_age_seconds",
        "",
        "gauge",
        "Time since the last complete list; absent before the first",
    ),
    described(
        "swarmtide_leader",
        "",
        "gauge",
        "1 where this node leads the swarm and this sidecar acts",
    ),
    described(
        "swarmtide_nodes",
        "state",
        "gauge",
        "Nodes of the swarm by state",
    ),
    described(
        "swarmtide_scaler_ticks_total",
        "",
        "counter",
        "Ticks of the scaler",
    ),
    described(
        "swarmtide_scaler_tick_seconds",
        "",
        "histogram",
        "Time that one tick over all services took",
    ),
    described(
        "swarmtide_scaler_services",
        "",
        "gauge",
        "Services with state: opted in, or lately so",
    ),
    described(
        "swarmtide_scaler_services_over_limit",
        "",
        "gauge",
        "Services not looked at because scaler.services_max was reached",
    ),
    described(
        "swarmtide_scaler_changes_total",
        "direction",
        "counter",
        "Changes of replicas that the engine took: up, down",
    ),
    described(
        "swarmtide_scaler_holds_total",
        "reason",
        "counter",
        "Decisions not to act, one for each service and tick",
    ),
    described(
        "swarmtide_scaler_writes_total",
        "outcome",
        "counter",
        "Writes by outcome: applied, conflict, refused, failed, unknown",
    ),
    described(
        "swarmtide_scaler_writes_in_flight",
        "",
        "gauge",
        "Writes under way",
    ),
    described(
        "swarmtide_connections_errors_total",
        "",
        "counter",
        "Questions to balancers for their connection counts that failed",
    ),
    described(
        "swarmtide_connections_age_seconds",
        "balancer",
        "gauge",
        "Age of the connection counts of each balancer, by its number, this sidecar's own first; absent before the first answer",
    ),
    described(
        "swarmtide_scaler_state",
        "state",
        "gauge",
        "1 for the state that holds for all services: enabled, dry-run, disabled",
    ),
    described(
        "swarmtide_scaler_memory_bytes",
        "",
        "gauge",
        "Estimated memory of decision records and state",
    ),
    described(
        "swarmtide_http_streams",
        "",
        "gauge",
        "Listeners to the backend set",
    ),
    described(
        "swarmtide_http_streams_refused_total",
        "",
        "counter",
        "Listeners turned away because there were lbsync.streams_max of them",
    ),
    described(
        "swarmtide_http_connections",
        "",
        "gauge",
        "Open connections of the HTTP listener",
    ),
    described(
        "swarmtide_http_connections_refused_total",
        "",
        "counter",
        "Connections closed at once because too many were open",
    ),
];

pub(super) fn describe() {
    for metric in PROCESS_METRICS {
        match metric.kind {
            "counter" => describe_counter!(metric.name, metric.help),
            "gauge" => describe_gauge!(metric.name, metric.help),
            _ => describe_histogram!(metric.name, metric.help),
        }
    }
}

/// Reasons that are shown at 0 before they occur; others appear when they do.
const DECODE_ERRORS: [&str; 4] = [
    "truncated_header",
    "unsupported_version",
    "sample_overrun",
    "record_overrun",
];

#[expect(
    clippy::cast_precision_loss,
    reason = "a gauge is a float; counts stay far below 2^53"
)]
const fn float(count: u64) -> f64 {
    count as f64
}

fn size(count: usize) -> f64 {
    float(count as u64)
}

pub(super) fn publish(shared: &Shared) {
    gauge!("swarmtide_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    sockets(shared);
    telemetry(shared);
    engine_api(shared);
    swarm_view(shared);
    connections(shared);
    scaler_engine(shared);
    gauge!("swarmtide_http_connections").set(size(shared.connections.open()));
    counter!("swarmtide_http_connections_refused_total").absolute(shared.connections.refused());
    gauge!("swarmtide_http_streams").set(size(shared.balancer.feed().open()));
    counter!("swarmtide_http_streams_refused_total").absolute(shared.balancer.feed().refused());
}

fn sockets(shared: &Shared) {
    let sockets = shared.listener.stats();
    let drops = sockets
        .iter()
        .filter_map(|socket| socket.kernel_drops)
        .sum();
    counter!("swarmtide_collector_kernel_drops_total").absolute(drops);
    counter!("swarmtide_collector_truncated_total").absolute(
        sockets
            .iter()
            .map(|socket| socket.datagrams_truncated)
            .sum(),
    );
    counter!("swarmtide_collector_receive_errors_total")
        .absolute(sockets.iter().map(|socket| socket.receive_errors).sum());
    let buffer = sockets
        .iter()
        .map(|socket| socket.receive_buffer_bytes)
        .min()
        .unwrap_or(0);
    gauge!("swarmtide_collector_receive_buffer_bytes").set(size(buffer));
}

fn telemetry(shared: &Shared) {
    let stats = shared.collector.stats();
    counter!("swarmtide_collector_datagrams_total").absolute(stats.datagrams);
    counter!("swarmtide_collector_bytes_total").absolute(stats.bytes);
    for (kind, count) in [
        ("container", stats.container_samples),
        ("host", stats.host_samples),
        ("flow", stats.flow_samples),
        ("other", stats.other_samples),
    ] {
        counter!("swarmtide_collector_samples_total", "kind" => kind).absolute(count);
    }
    for reason in DECODE_ERRORS {
        counter!("swarmtide_collector_decode_errors_total", "reason" => reason).absolute(0);
    }
    for (reason, count) in &stats.decode_errors {
        counter!("swarmtide_collector_decode_errors_total", "reason" => *reason).absolute(*count);
    }
    counter!("swarmtide_collector_sources_denied_total").absolute(stats.sources_denied);
    counter!("swarmtide_collector_datagrams_lost_total").absolute(stats.datagrams_lost);
    counter!("swarmtide_collector_datagrams_late_total").absolute(stats.datagrams_late);
    counter!("swarmtide_collector_datagrams_duplicate_total").absolute(stats.datagrams_duplicate);
    counter!("swarmtide_collector_agent_restarts_total").absolute(stats.agent_restarts);
    for (reason, count) in [
        ("interval_short", stats.intervals_too_short),
        ("sequence_reset", stats.sequence_resets),
        ("sequence_gap", stats.sequence_gaps),
        ("base_outdated", stats.base_outdated),
        ("interval_mismatch", stats.interval_mismatches),
        ("implausible", stats.counters_implausible),
        ("not_running", stats.not_running),
    ] {
        counter!("swarmtide_collector_deltas_dropped_total", "reason" => reason).absolute(count);
    }
    for (limit, count) in [
        ("agents", stats.agents_refused),
        ("data_sources", stats.data_sources_refused),
        ("name_bytes", stats.names_truncated),
    ] {
        counter!("swarmtide_collector_limit_hits_total", "limit" => limit).absolute(count);
    }
    gauge!("swarmtide_collector_agents").set(float(stats.agents));
    gauge!("swarmtide_collector_duplicate_agents").set(float(stats.agents_duplicate));
    gauge!("swarmtide_collector_data_sources").set(float(stats.data_sources));
}

fn engine_api(shared: &Shared) {
    let stats = shared.client.stats();
    counter!("swarmtide_engine_requests_total").absolute(stats.requests);
    for (kind, count) in stats.errors() {
        counter!("swarmtide_engine_errors_total", "kind" => kind.as_label()).absolute(count);
    }
}

fn swarm_view(shared: &Shared) {
    let observed = shared.watch.observed();
    counter!("swarmtide_view_relists_total", "result" => "complete")
        .absolute(observed.stats.relists);
    counter!("swarmtide_view_relists_total", "result" => "failed")
        .absolute(observed.stats.failed_relists);
    counter!("swarmtide_view_events_total").absolute(observed.stats.events);
    let Some(view) = observed.view else {
        gauge!("swarmtide_leader").set(0.0);
        return;
    };
    let age = shared.clock.now().saturating_sub(view.taken);
    let fresh = age <= shared.config.scaler.view_max_age.get();
    let leads = fresh && view.leadership == swarm::Leadership::Leader;
    gauge!("swarmtide_view_age_seconds").set(age.as_secs_f64());
    gauge!("swarmtide_leader").set(if leads { 1.0 } else { 0.0 });
    let unknown = view.nodes_unknown();
    let ready = view.nodes_ready();
    for (state, count) in [
        ("ready", ready),
        ("unknown", unknown),
        ("other", view.nodes.len() - ready - unknown),
    ] {
        gauge!("swarmtide_nodes", "state" => state).set(size(count));
    }
}

fn connections(shared: &Shared) {
    // Shown at 0 before anything fails.
    counter!("swarmtide_connections_errors_total").increment(0);
    for (number, age) in shared.rates().ages(shared.clock.now()).enumerate() {
        if let Some(age) = age {
            let gauge =
                gauge!("swarmtide_connections_age_seconds", "balancer" => number.to_string());
            gauge.set(age.as_secs_f64());
        }
    }
}

fn scaler_engine(shared: &Shared) {
    let engine = shared.engine();
    let stats = engine.stats();
    counter!("swarmtide_scaler_ticks_total").absolute(stats.ticks);
    gauge!("swarmtide_scaler_services").set(size(stats.tracked));
    gauge!("swarmtide_scaler_services_over_limit").set(size(stats.over_limit));
    counter!("swarmtide_scaler_changes_total", "direction" => "up").absolute(stats.scale_ups);
    counter!("swarmtide_scaler_changes_total", "direction" => "down").absolute(stats.scale_downs);
    for kind in scaler::HoldKind::ALL {
        let count = stats.holds.get(kind).copied().unwrap_or(0);
        counter!("swarmtide_scaler_holds_total", "reason" => kind.name()).absolute(count);
    }
    for outcome in ["applied", "conflict", "refused", "failed", "unknown"] {
        let count = stats.outcomes.get(outcome).copied().unwrap_or(0);
        counter!("swarmtide_scaler_writes_total", "outcome" => outcome).absolute(count);
    }
    gauge!("swarmtide_scaler_writes_in_flight").set(size(stats.in_flight));
    gauge!("swarmtide_scaler_memory_bytes").set(size(engine.memory_bytes()));
    let mode = engine.admin().global();
    for candidate in [
        scaler::AdminMode::Enabled,
        scaler::AdminMode::DryRun,
        scaler::AdminMode::Disabled,
    ] {
        let value = if candidate == mode { 1.0 } else { 0.0 };
        gauge!("swarmtide_scaler_state", "state" => candidate.name()).set(value);
    }
}

/// Those of the process that a balancer node has as well.
pub(super) fn of_node(text: &mut String, shared: &NodeShared) {
    let feed = shared.balancer.feed();
    let version: &[(&str, &str)] = &[("version", env!("CARGO_PKG_VERSION"))];
    for (name, labels, value) in [
        ("swarmtide_build_info", version, 1.0),
        (
            "swarmtide_http_connections",
            &[],
            size(shared.connections.open()),
        ),
        (
            "swarmtide_http_connections_refused_total",
            &[],
            float(shared.connections.refused()),
        ),
        ("swarmtide_http_streams", &[], size(feed.open())),
        (
            "swarmtide_http_streams_refused_total",
            &[],
            float(feed.refused()),
        ),
    ] {
        if let Some(metric) = PROCESS_METRICS.iter().find(|metric| metric.name == name) {
            head(text, metric);
            line(text, name, labels, value);
        }
    }
}
