//! The agent's own listener: is it alive, is it of use, what does it count.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use tokio::{net::TcpListener, sync::watch};

use super::Shared;

/// Serves until told to stop.
pub(super) async fn serve(
    listener: TcpListener,
    shared: Arc<Shared>,
    mut stop: watch::Receiver<bool>,
) {
    let router = Router::new()
        .route("/live", get(|| std::future::ready("live\n")))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .with_state(shared);
    let stopped = async move {
        // An end of the channel is an end as well.
        stop.wait_for(|stop| *stop).await.ok();
    };
    let served = axum::serve(listener, router).with_graceful_shutdown(stopped);
    if let Err(error) = served.await {
        tracing::error!(%error, "the agent's HTTP server failed");
    }
}

async fn ready(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    match shared.not_ready() {
        None => (StatusCode::OK, "ready\n".to_owned()),
        Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
    }
}

async fn metrics(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    let content = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, content)], shared.metrics())
}
