//! Rows of virtual services: which nodes carry how much of each.

use std::collections::BTreeMap;

use lbsync::{DestinationPhase, VirtualServiceStatus};
use serde::Serialize;

use crate::sidecar::Shared;

/// What is said about the whole table.
#[derive(Debug, Serialize)]
struct Head {
    unix_ms: u64,
    enabled: bool,
    data_plane: &'static str,
    /// waiting, current, partial, away.
    source: &'static str,
    in_sync: bool,
    changes_pending: usize,
    drift_repaired: u64,
    changes: u64,
    errors: u64,
    listed_age_ms: Option<u64>,
    list_error: Option<String>,
    /// Entries of others, never touched.
    foreign: usize,
    virtual_services: usize,
    serving: usize,
    draining: usize,
    failing: usize,
    /// What keeps services from being balanced.
    problems: Vec<String>,
}

/// Problems that are named at most.
const PROBLEMS_MAX: usize = 20;

/// One virtual service.
#[derive(Debug, Serialize)]
struct Row<'a> {
    key: String,
    address: std::net::IpAddr,
    port: u16,
    protocol: lbsync::Protocol,
    service: Option<&'a str>,
    scheduler: &'a str,
    healthy: usize,
    swarm_serving: usize,
    weak: bool,
    in_sync: bool,
    error: Option<&'a str>,
    destinations: usize,
    weight: u64,
    active_connections: u64,
    draining: usize,
    failing: usize,
    nodes: Vec<NodeRow<'a>>,
}

/// What one node carries of it.
#[derive(Debug, Default, Serialize)]
struct NodeRow<'a> {
    node: &'a str,
    destinations: usize,
    weight: u64,
    active_connections: u64,
    draining: usize,
}

/// The head and the rows, as JSON.
pub(super) fn board(shared: &Shared) -> (String, Vec<(String, String)>) {
    let all = shared.balancer.status();
    let numbers = shared.balancer.numbers();
    let status = &all.status;
    let problem = |problem: &lbsync::Problem| format!("{}: {}", problem.service, problem.kind);
    let head = Head {
        unix_ms: shared.clock.unix_ms(),
        enabled: all.enabled,
        data_plane: all.data_plane,
        source: numbers.source,
        in_sync: status.in_sync,
        changes_pending: status.changes_pending,
        drift_repaired: status.stats.drift_repaired,
        changes: status.stats.changes_applied,
        errors: status.stats.changes_failed,
        listed_age_ms: status.listed_age_ms,
        list_error: status.list_error.clone(),
        foreign: numbers.foreign,
        virtual_services: numbers.virtual_services,
        serving: numbers.serving,
        draining: numbers.draining,
        failing: numbers.failing,
        problems: status
            .problems
            .iter()
            .take(PROBLEMS_MAX)
            .map(problem)
            .collect(),
    };
    let rows = status.virtual_services.iter().map(|service| {
        let row = row(service);
        // What was built from strings and numbers can be written.
        let json = serde_json::to_string(&row).unwrap_or_default();
        (row.key, json)
    });
    (
        serde_json::to_string(&head).unwrap_or_default(),
        rows.collect(),
    )
}

fn row(service: &VirtualServiceStatus) -> Row<'_> {
    let mut nodes: BTreeMap<&str, NodeRow<'_>> = BTreeMap::new();
    for destination in &service.destinations {
        let name = destination
            .tasks
            .first()
            .map_or("", |task| task.node.as_str());
        let node = nodes.entry(name).or_insert_with(|| NodeRow {
            node: name,
            ..NodeRow::default()
        });
        node.destinations += 1;
        node.weight += u64::from(destination.weight);
        node.active_connections += u64::from(destination.active_connections);
        node.draining += usize::from(is_draining(destination.phase));
    }
    let nodes: Vec<NodeRow<'_>> = nodes.into_values().collect();
    let failing = |phase| matches!(phase, DestinationPhase::Down | DestinationPhase::Held);
    let phases = || {
        service
            .destinations
            .iter()
            .map(|destination| destination.phase)
    };
    Row {
        key: format!("{} {} {}", service.protocol, service.address, service.port),
        address: service.address,
        port: service.port,
        protocol: service.protocol,
        service: service.service.as_deref(),
        scheduler: &service.scheduler,
        healthy: service.healthy,
        swarm_serving: service.swarm_serving,
        weak: service.weak,
        in_sync: service.in_sync && service.destinations.iter().all(|one| one.in_sync),
        error: service.error.as_deref(),
        destinations: service.destinations.len(),
        weight: nodes.iter().map(|node| node.weight).sum(),
        active_connections: nodes.iter().map(|node| node.active_connections).sum(),
        draining: nodes.iter().map(|node| node.draining).sum(),
        failing: phases().filter(|phase| failing(*phase)).count(),
        nodes,
    }
}

const fn is_draining(phase: DestinationPhase) -> bool {
    matches!(
        phase,
        DestinationPhase::Draining | DestinationPhase::Lingering | DestinationPhase::Leaving
    )
}
