//! Services: replicas, load, and why the last decision was as it was.

#![allow(
    unused_qualifications,
    reason = "utoipa's macro writes the path of query parameters in full"
)]

use axum::{Json, extract::State};
use scaler::{AdminMode, DecisionRecord, Engine, Policy, ServiceStatus};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    AppState,
    access::{Params, Segment},
    problem::Problem,
    state::StateWord,
};
use crate::sidecar::Seen;

/// A service that opted in.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Service {
    /// Its name.
    name: String,
    /// Its ID in the Engine API.
    id: String,
    /// The state in effect: the more restrictive of its own and the one for all.
    state: StateWord,
    /// Its own state.
    own_state: StateWord,
    /// Replicas in the spec.
    replicas: u32,
    /// Tasks that run, shall run, and sit on a ready node.
    serving: u32,
    /// Tasks on their way to running.
    starting: u32,
    /// Tasks that run but shall not.
    draining: u32,
    /// Least replicas; absent while its labels are invalid.
    min: Option<u32>,
    /// Most replicas.
    max: Option<u32>,
    /// Why it is held; absent when the last decision was to scale.
    hold: Option<String>,
    /// The last decision in a person's words.
    explanation: Option<String>,
    /// The last change of replicas, or attempt at one, in a person's words.
    last_change: Option<String>,
    /// When that was, in milliseconds since 1970.
    last_change_unix_ms: Option<u64>,
    /// What is wrong with its labels.
    label_errors: Vec<String>,
    /// What is wrong with its load-balancer labels.
    lb_label_errors: Vec<String>,
    /// Its policy, in numbers.
    #[schema(value_type = Option<Object>)]
    policy: Option<Policy>,
    /// What telemetry says: expected and reporting containers, CPU, memory, traffic, ages in seconds.
    #[schema(value_type = Object)]
    metrics: collector::GroupMetrics,
    /// Changes since the sidecar first saw it.
    scale_ups: u64,
    /// Changes that took replicas away.
    scale_downs: u64,
}

/// A service with its last decisions.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ServiceDetail {
    /// The service.
    #[serde(flatten)]
    service: Service,
    /// Decision records, the newest first; equal holds in a row are one.
    #[schema(value_type = Vec<Object>)]
    decisions: Vec<Decision>,
}

/// A decision record and its words.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Decision {
    /// The record.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    record: DecisionRecord,
    /// The record in a person's words.
    explanation: String,
}

/// Services that opted in
#[utoipa::path(get, path = "/v1/services", tag = "services", responses((status = 200, body = Vec<Service>)))]
pub(super) async fn list(State(shared): State<AppState>) -> Json<Vec<Service>> {
    let last = shared.last_tick.load();
    let engine = shared.engine();
    let balancer = &shared.balancer;
    let services = last.services.iter().filter_map(|(name, seen)| {
        let status = engine.service_status(name).filter(opted_in)?;
        Some(service(&engine, &status, seen, balancer.label_errors(name)))
    });
    Json(services.collect())
}

/// How much of one service is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct DetailQuery {
    /// At most so many decision records; all when absent.
    #[param(minimum = 0)]
    decisions: Option<usize>,
}

/// One service with its metrics and last decisions
#[utoipa::path(get, path = "/v1/services/{name}", tag = "services",
    params(("name" = String, Path, description = "Name of the service"), DetailQuery),
    responses((status = 200, body = ServiceDetail), (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json")))]
pub(super) async fn one(
    State(shared): State<AppState>,
    Segment(name): Segment<String>,
    Params(query): Params<DetailQuery>,
) -> Result<Json<ServiceDetail>, Problem> {
    let last = shared.last_tick.load();
    let engine = shared.engine();
    let found = last
        .services
        .get(&name)
        .zip(engine.service_status(&name).filter(opted_in));
    let Some((seen, status)) = found else {
        return Err(no_service(&shared, &name));
    };
    let service = service(&engine, &status, seen, shared.balancer.label_errors(&name));
    let decisions = engine
        .records(&name)
        .into_iter()
        .rev()
        .take(query.decisions.unwrap_or(usize::MAX))
        .map(decision)
        .collect();
    Ok(Json(ServiceDetail { service, decisions }))
}

/// Which decisions are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct DecisionQuery {
    /// The one decision in effect at this time, in milliseconds since 1970; alone.
    #[param(minimum = 0)]
    at_unix_ms: Option<u64>,
    /// In effect at this time or later, in milliseconds since 1970.
    #[param(minimum = 0)]
    from_unix_ms: Option<u64>,
    /// In effect at this time or before, in milliseconds since 1970.
    #[param(minimum = 0)]
    to_unix_ms: Option<u64>,
    /// Before the record of this `tick`: the last of the page before.
    #[param(minimum = 0)]
    before: Option<u64>,
    /// At most so many (1 to 1000); all when absent.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// Only those to change something, come about or not.
    #[serde(default)]
    #[param(required = false)]
    changes: bool,
}

impl DecisionQuery {
    fn admits(&self, record: &DecisionRecord) -> bool {
        self.from_unix_ms
            .is_none_or(|from| record.last_unix_ms >= from)
            && self.to_unix_ms.is_none_or(|to| record.first_unix_ms <= to)
            && self.before.is_none_or(|before| record.tick < before)
            && (!self.changes || matches!(record.decision, scaler::Decision::Scale { .. }))
    }
}

/// A service's decision records, the newest first; `before` with the last `tick` of a page gives the next page
#[utoipa::path(get, path = "/v1/services/{name}/decisions", tag = "services",
    params(("name" = String, Path, description = "Name of the service"), DecisionQuery),
    responses((status = 200, body = Vec<Decision>), (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json")))]
pub(super) async fn decisions(
    State(shared): State<AppState>,
    Segment(name): Segment<String>,
    Params(query): Params<DecisionQuery>,
) -> Result<Json<Vec<Decision>>, Problem> {
    let engine = shared.engine();
    if engine.service_status(&name).is_none() {
        return Err(no_service(&shared, &name));
    }
    let limit = query.limit.unwrap_or(usize::MAX);
    if limit == 0 {
        return Err(Problem::bad_request("limit is 1 to 1000"));
    }
    let records = match query.at_unix_ms {
        Some(at) => engine
            .record_at(&name, at)
            .into_iter()
            .map(decision)
            .collect(),
        None => engine
            .records(&name)
            .into_iter()
            .rev()
            .filter(|record| query.admits(record))
            .take(limit)
            .map(decision)
            .collect(),
    };
    Ok(Json(records))
}

fn decision(record: &DecisionRecord) -> Decision {
    Decision {
        record: record.clone(),
        explanation: record.explain(),
    }
}

fn opted_in(status: &ServiceStatus<'_>) -> bool {
    status.policy.is_some() || !status.label_errors.is_empty()
}

/// Says whether the swarm has no such service, or it has not opted in.
pub(super) fn no_service(shared: &AppState, name: &str) -> Problem {
    let view = shared.watch.view();
    match view {
        None => Problem::unavailable(shared.not_ready().join("; ")),
        Some(view) if view.service_named(name).is_some() => Problem::not_found(format!(
            "service {name:?} has not opted in: it lacks the label swarmtide.enable=true"
        )),
        Some(_) => Problem::not_found(format!("the swarm has no service {name:?}")),
    }
}

/// The latest record of a decision to scale.
pub(crate) fn last_change<'a>(engine: &'a Engine, name: &str) -> Option<&'a DecisionRecord> {
    let records = engine.records(name);
    records
        .into_iter()
        .rev()
        .find(|record| matches!(record.decision, scaler::Decision::Scale { .. }))
}

fn service(
    engine: &Engine,
    status: &ServiceStatus<'_>,
    seen: &Seen,
    lb_label_errors: Vec<String>,
) -> Service {
    let bounds = status.policy.map(Policy::bounds);
    let change = last_change(engine, status.name.as_str());
    Service {
        name: status.name.to_string(),
        id: status.id.to_string(),
        state: word(status.effective.mode),
        own_state: word(status.own_mode),
        replicas: seen.replicas,
        serving: seen.serving,
        starting: seen.starting,
        draining: seen.draining,
        min: bounds.map(|bounds| bounds.min()),
        max: bounds.map(|bounds| bounds.max()),
        hold: status
            .held()
            .map(|(reason, _)| reason.kind().name().to_owned()),
        explanation: status.last.map(DecisionRecord::explain),
        last_change: change.map(DecisionRecord::explain),
        last_change_unix_ms: change.map(|record| record.last_unix_ms),
        label_errors: status
            .label_errors
            .iter()
            .map(ToString::to_string)
            .collect(),
        lb_label_errors,
        policy: status.policy.cloned(),
        metrics: seen.metrics.clone(),
        scale_ups: status.counters.scale_ups,
        scale_downs: status.counters.scale_downs,
    }
}

const fn word(mode: AdminMode) -> StateWord {
    match mode {
        AdminMode::Enabled => StateWord::Enabled,
        AdminMode::DryRun => StateWord::DryRun,
        AdminMode::Disabled => StateWord::Disabled,
    }
}
