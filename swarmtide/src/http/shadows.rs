//! What candidates would do about a service.

use axum::{Json, extract::State};
use scaler::DecisionRecord;
use serde::Serialize;
use utoipa::ToSchema;

use super::{AppState, access::Segment, problem::Problem, services::no_service};

/// A candidate beside the live policy.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ShadowOfService {
    /// Its name.
    candidate: String,
    /// Replicas that it would have.
    replicas: u32,
    /// Since when it has been looking on, in milliseconds since 1970.
    since_unix_ms: u64,
    /// Changes that would have added replicas.
    scale_ups: u64,
    /// Changes that would have taken replicas away.
    scale_downs: u64,
    /// Its replicas over time.
    replica_seconds: f64,
    /// The live policy's over the same time.
    live_replica_seconds: f64,
    /// How long it would have had fewer replicas than the live policy.
    below_live_seconds: f64,
    /// How long it would have had more.
    above_live_seconds: f64,
    /// Its latest decision in a person's words.
    explanation: Option<String>,
    /// Its latest decision record.
    #[schema(value_type = Option<Object>)]
    decision: Option<DecisionRecord>,
}

/// What each candidate would do about a service, on the same telemetry at replicas of its own
#[utoipa::path(get, path = "/v1/services/{name}/shadows", tag = "services",
    params(("name" = String, Path, description = "Name of the service")),
    responses((status = 200, body = Vec<ShadowOfService>), (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json")))]
pub(super) async fn shadows(
    State(shared): State<AppState>,
    Segment(name): Segment<String>,
) -> Result<Json<Vec<ShadowOfService>>, Problem> {
    if shared.engine().service_status(&name).is_none() {
        return Err(no_service(&shared, &name));
    }
    let shadows = shared.shadows();
    let all = shadows.of_service(&name).map(|status| ShadowOfService {
        candidate: status.candidate.to_owned(),
        replicas: status.replicas,
        since_unix_ms: status.since_unix_ms,
        scale_ups: status.scale_ups,
        scale_downs: status.scale_downs,
        replica_seconds: status.replica_seconds,
        live_replica_seconds: status.live_replica_seconds,
        below_live_seconds: status.below_live_seconds,
        above_live_seconds: status.above_live_seconds,
        explanation: status.last.map(DecisionRecord::explain),
        decision: status.last.cloned(),
    });
    Ok(Json(all.collect()))
}
