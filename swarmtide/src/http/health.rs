//! Is it alive, is it of use, and what does it count.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{AppState, page, problem::Problem};

/// What the sidecar is and where to look on.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Index {
    /// Always `swarmtide`.
    name: &'static str,
    /// Its version.
    version: &'static str,
    /// The leadership of this node: leader, follower, unknown, not-manager.
    leadership: String,
    /// Paths to look at.
    paths: &'static [&'static str],
}

/// What this is, and where to look on
///
/// Who accepts `text/html` gets the page.
#[utoipa::path(get, path = "/", tag = "health", responses(
    (status = 200, content((Index = "application/json"), (String = "text/html")))))]
pub(super) async fn index(
    State(shared): State<AppState>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if page::wants_page(&headers) {
        return page::page(&headers);
    }
    let view = shared.watch.view();
    let index = Index {
        name: "swarmtide",
        version: env!("CARGO_PKG_VERSION"),
        leadership: view
            .map_or("unknown", |view| view.leadership.as_word())
            .to_owned(),
        paths: &[
            "/v1/services",
            "/v1/state",
            "/v1/agents",
            "/v1/backends",
            "/metrics",
            "/ready",
            "/v1/openapi.json",
        ],
    };
    Ok(([(header::VARY, "Accept")], Json(index)).into_response())
}

/// Answers while the process lives
#[utoipa::path(get, path = "/live", tag = "health", responses((status = 200, body = String, content_type = "text/plain")))]
pub(super) async fn live() -> &'static str {
    "live\n"
}

/// Answers 200 when the swarm is seen and telemetry can arrive, else 503 with the reasons
#[utoipa::path(get, path = "/ready", tag = "health", responses(
    (status = 200, body = String, content_type = "text/plain"),
    (status = 503, body = Problem, content_type = "application/problem+json")
))]
pub(super) async fn ready(State(shared): State<AppState>) -> Result<&'static str, Problem> {
    let reasons = shared.not_ready();
    if reasons.is_empty() {
        Ok("ready\n")
    } else {
        Err(Problem::unavailable(reasons.join("; ")))
    }
}

/// Metrics in Prometheus' text format
#[utoipa::path(get, path = "/metrics", tag = "health", responses((status = 200, body = String, content_type = "text/plain")))]
pub(super) async fn metrics(State(shared): State<AppState>) -> Response {
    let text = shared.recorder.render(&shared);
    (
        [(
            header::CONTENT_TYPE,
            "text/plain; version=0.0.4; charset=utf-8",
        )],
        text,
    )
        .into_response()
}

/// This document
#[utoipa::path(get, path = "/v1/openapi.json", tag = "health", responses((status = 200, body = Object, content_type = "application/json")))]
pub(super) async fn document() -> Json<utoipa::openapi::OpenApi> {
    Json(super::openapi())
}
