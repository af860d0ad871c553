//! The listener of a balancer node: health, metrics, the table, and the backend set passed on.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{FromRef, Request, State},
    http::header,
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};

use super::{
    access, backends, connections, health, no_such_method, no_such_path, problem::Problem,
};
use crate::{balancer::Balancer, exposition, node::NodeShared};

type NodeState = Arc<NodeShared>;

impl FromRef<NodeState> for Balancer {
    fn from_ref(shared: &NodeState) -> Self {
        shared.balancer.clone()
    }
}

/// The node's API: `/live`, `/ready`, `/metrics`, `/v1/balancer`, `/v1/backends` and `/v1/connections`, as the sidecar has them.
pub fn node_router(shared: Arc<NodeShared>) -> Router {
    let readers = Arc::clone(&shared);
    Router::new()
        .route("/", get(index))
        .route("/live", get(health::live))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .route("/v1/backends", get(backends::backends))
        .route("/v1/balancer", get(backends::balancer))
        .route("/v1/connections", get(connections::connections))
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .layer(from_fn(move |request: Request, next: Next| {
            access::may_read(readers.readers.permit(&request), request, next)
        }))
        .with_state(shared)
}

async fn index() -> Json<Value> {
    Json(json!({
        "name": "swarmtide lbsync",
        "version": env!("CARGO_PKG_VERSION"),
        "paths": ["/v1/balancer", "/v1/backends", "/v1/connections", "/metrics", "/ready", "/live"],
    }))
}

async fn ready(State(shared): State<NodeState>) -> Result<&'static str, Problem> {
    let reasons = shared.not_ready();
    if reasons.is_empty() {
        Ok("ready\n")
    } else {
        Err(Problem::unavailable(reasons.join("; ")))
    }
}

async fn metrics(State(shared): State<NodeState>) -> Response {
    let text = exposition::of_node(&shared);
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}
