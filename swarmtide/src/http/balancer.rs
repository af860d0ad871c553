//! The backend set as the balancer's table has it.

use axum::{Json, extract::State};

use super::AppState;
use crate::sidecar::BalancerStatus;

/// Virtual services with their destinations, what keeps services from being balanced, and the table's state
#[utoipa::path(get, path = "/v1/backends", tag = "balancer", responses((status = 200, body = Object)))]
pub(super) async fn backends(State(shared): State<AppState>) -> Json<BalancerStatus> {
    Json(shared.balancer().status(shared.clock.now()))
}
