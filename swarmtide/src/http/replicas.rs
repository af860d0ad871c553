//! The replicas of one service: where each runs, and what it does.

#![allow(
    unused_qualifications,
    reason = "utoipa's macro writes the path of query parameters in full"
)]

use std::{collections::BTreeMap, time::Duration};

use axum::{Json, extract::State};
use collector::{ContainerUuid, GroupMetrics, Member};
use scaler::Outlier;
use serde::{Deserialize, Serialize};
use swarm::{Phase, Service, Task, View};
use utoipa::{IntoParams, ToSchema};

use super::{
    AppState,
    access::{Params, Segment},
    problem::Problem,
};
use crate::sidecar::Shared;

/// Most replicas in one answer.
const LIMIT_MAX: usize = 2000;

/// How much is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ReplicasQuery {
    /// At most so many (1 to 2000); 500 when absent.
    #[param(minimum = 1, maximum = 2000)]
    limit: Option<usize>,
}

/// The replicas of a service.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Replicas {
    /// How many there are, also where fewer are listed.
    total: usize,
    /// Those on their way, those that serve and those that drain, by slot; what ended is left out.
    replicas: Vec<Replica>,
}

/// One replica.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Replica {
    /// The task's ID.
    task: String,
    /// The replica's number; absent in global services.
    slot: Option<u64>,
    /// The node's host name; absent while it has none.
    node: Option<String>,
    /// The first twelve digits of the container's ID; absent while there is none.
    container: Option<String>,
    /// starting, serving, draining, or unreachable (its node is not ready).
    phase: &'static str,
    /// Whether its counters are fresh.
    fresh: bool,
    /// Age of its counters, milliseconds.
    age_ms: Option<u64>,
    /// CPU used, cores.
    cpu_cores: Option<f64>,
    /// CPU used as a share of its limit, or of its host's cores.
    cpu_of_limit: Option<f64>,
    /// Memory, bytes.
    memory_bytes: Option<f64>,
    /// Bytes received per second.
    bytes_in: Option<f64>,
    /// Bytes sent per second.
    bytes_out: Option<f64>,
    /// How it stands out; absent when it does not.
    outlier: Option<Standing>,
}

/// How a replica stands out from its siblings.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct Standing {
    /// steal, cpu_per_byte or idle.
    kind: &'static str,
    /// The same in a person's words.
    words: String,
    /// Since when, in milliseconds since 1970.
    since_unix_ms: u64,
    /// The balancer gives it no new connections.
    quarantined: bool,
}

/// The replicas of a service, with what each does
#[utoipa::path(get, path = "/v1/services/{name}/replicas", tag = "services",
    params(("name" = String, Path, description = "Name of any service of the swarm"), ReplicasQuery),
    responses((status = 200, body = Replicas), (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json")))]
pub(super) async fn replicas(
    State(shared): State<AppState>,
    Segment(name): Segment<String>,
    Params(query): Params<ReplicasQuery>,
) -> Result<Json<Replicas>, Problem> {
    let limit = query.limit.unwrap_or(500);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(Problem::bad_request(format!("limit is 1 to {LIMIT_MAX}")));
    }
    let view = shared
        .watch
        .view()
        .ok_or_else(|| Problem::unavailable(shared.not_ready().join("; ")))?;
    let service = view
        .service_named(&name)
        .ok_or_else(|| Problem::not_found(format!("the swarm has no service {name:?}")))?;
    Ok(Json(of_service(&shared, &view, service, limit)))
}

fn of_service(shared: &Shared, view: &View, service: &Service, limit: usize) -> Replicas {
    let phase = |task: &Task| view.phase(task);
    let mut tasks: Vec<&Task> = service
        .tasks
        .iter()
        .filter(|task| phase(task) != Phase::Stopped)
        .collect();
    tasks.sort_by_key(|task| (task.slot, task.id.clone()));
    let total = tasks.len();
    tasks.truncate(limit);
    let members: Vec<[Member; 1]> = tasks.iter().map(|task| [member(task)]).collect();
    let groups: Vec<&[Member]> = members.iter().map(<[Member; 1]>::as_slice).collect();
    let metrics = shared.collector.observe(&groups, shared.clock.now());
    let outliers: BTreeMap<String, Outlier> = shared
        .engine()
        .outliers(&service.name)
        .into_iter()
        .map(|outlier| (outlier.replica.to_string(), outlier))
        .collect();
    let replicas = tasks
        .iter()
        .zip(metrics)
        .map(|(task, metrics)| replica(view, task, &metrics, &outliers));
    Replicas {
        total,
        replicas: replicas.collect(),
    }
}

fn member(task: &Task) -> Member {
    let id = task.container_id.as_ref();
    Member {
        uuid: id
            .and_then(|id| ContainerUuid::from_container_id(id.as_str()))
            .unwrap_or(ContainerUuid::UNKNOWN),
        cpu_limit_cores: task.resources.cpu_limit_cores,
        // Asked about alone: nothing to be left out of.
        aside: false,
    }
}

fn replica(
    view: &View,
    task: &Task,
    metrics: &GroupMetrics,
    outliers: &BTreeMap<String, Outlier>,
) -> Replica {
    let node = task.node_id.as_ref();
    let name = |id: &swarm::NodeId| {
        let node = view.nodes.get(id);
        node.map_or_else(|| id.to_string(), |node| node.hostname.clone())
    };
    let id = task.container_id.as_ref();
    let container: Option<String> = id.map(|id| id.as_str().chars().take(12).collect());
    let average = |summary: Option<collector::Summary>| summary.map(|summary| summary.avg);
    let millis = |age: Duration| u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
    let outlier = container.as_ref().and_then(|id| outliers.get(id));
    Replica {
        task: task.id.to_string(),
        slot: task.slot,
        node: node.map(name),
        container: container.clone(),
        phase: word(view.phase(task)),
        fresh: metrics.reporting > 0,
        age_ms: metrics.newest_age.map(millis),
        cpu_cores: average(metrics.cpu_cores),
        cpu_of_limit: average(metrics.cpu_of_limit),
        memory_bytes: average(metrics.memory_bytes),
        bytes_in: average(metrics.bytes_in),
        bytes_out: average(metrics.bytes_out),
        outlier: outlier.map(|outlier| Standing {
            kind: outlier.kind.name(),
            words: outlier.explain(),
            since_unix_ms: outlier.since_unix_ms,
            quarantined: outlier.quarantined,
        }),
    }
}

const fn word(phase: Phase) -> &'static str {
    match phase {
        Phase::Starting => "starting",
        Phase::Serving => "serving",
        Phase::Draining => "draining",
        Phase::Unreachable => "unreachable",
        Phase::Stopped => "stopped",
    }
}
