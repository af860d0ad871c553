//! How many connections each service has had, for sidecars that scale by them.

use axum::{Json, extract::State};

use crate::{balancer::Balancer, sidecar::Counted};

/// Counters older than this are read anew for whoever asks next.
const OLD_MS: u64 = 1000;

/// Connections that the balancer has scheduled so far, by service. Asking makes it read its counters, at most once a second
#[utoipa::path(get, path = "/v1/connections", tag = "balancer", security((), ("token" = [])),
    responses((status = 200, body = Counted)))]
pub(super) async fn connections(State(balancer): State<Balancer>) -> Json<Counted> {
    let counted = balancer.counted();
    if counted.listed_age_ms.is_none_or(|age| age >= OLD_MS) {
        balancer.wake();
    }
    Json(counted)
}
