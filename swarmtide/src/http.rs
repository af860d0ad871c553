//! The HTTP API: health, metrics, services, states, telemetry and backends, and the OpenAPI document made from this code.
//!
//! It decides nothing: it shows what the parts know, and passes on what a person switches.

mod access;
mod auth;
mod backends;
mod connections;
mod event;
mod health;
mod journal;
mod node;
mod page;
mod pause;
mod problem;
mod replicas;
mod series;
mod server;
mod services;
mod sflow_rt;
mod shadows;
mod state;
mod stream;
mod talkers;
mod telemetry;

use std::sync::Arc;

use axum::{
    Router,
    extract::{DefaultBodyLimit, FromRef, Request},
    http::Uri,
    middleware::{Next, from_fn},
    routing::get,
};
use utoipa::{
    OpenApi,
    openapi::{
        OpenApi as Document,
        security::{Http, HttpAuthScheme, SecurityScheme},
    },
};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(crate) use auth::token;
pub use auth::{ReadAccess, TokenError, WriteAccess};
pub use node::node_router;
pub use problem::Problem;
pub use server::{Connections, serve};
pub(crate) use services::last_change;

use crate::{balancer::Balancer, sidecar::Shared};

type AppState = Arc<Shared>;

impl FromRef<AppState> for Balancer {
    fn from_ref(shared: &AppState) -> Self {
        shared.balancer.clone()
    }
}

#[derive(OpenApi)]
#[openapi(info(
    title = "Swarmtide",
    description = "Elastic services and a load balancer for Docker Swarm. Errors are JSON problem documents (RFC 9457). \
        Writes need `Authorization: Bearer TOKEN` unless the listener is on loopback, reads where `http.read_token_file` is set."
), modifiers(&Token))]
struct Head;

/// Declares the bearer token.
struct Token;

impl utoipa::Modify for Token {
    fn modify(&self, document: &mut Document) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", scheme);
    }
}

fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(Head::openapi())
        .routes(routes!(health::index))
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(health::metrics))
        .routes(routes!(health::document))
        .routes(routes!(services::list))
        .routes(routes!(services::one))
        .routes(routes!(services::decisions))
        .routes(routes!(replicas::replicas))
        .routes(routes!(series::series))
        .routes(routes!(stream::stream))
        .routes(routes!(state::service, state::set_service))
        .routes(routes!(shadows::shadows))
        .routes(routes!(pause::pauses, pause::pause, pause::resume))
        .routes(routes!(journal::journal))
        .routes(routes!(state::global, state::set_global))
        .routes(routes!(telemetry::agents))
        .routes(routes!(telemetry::of_service))
        .routes(routes!(telemetry::by_name))
        .routes(routes!(talkers::talkers))
        .routes(routes!(sflow_rt::version))
        .routes(routes!(sflow_rt::agents))
        .routes(routes!(sflow_rt::metrics))
        .routes(routes!(sflow_rt::of_agent))
        .routes(routes!(sflow_rt::lookup))
        .routes(routes!(sflow_rt::dump))
        .routes(routes!(sflow_rt::toggle))
        .routes(routes!(backends::backends))
        .routes(routes!(backends::balancer))
        .routes(routes!(connections::connections))
}

/// The OpenAPI document of the API.
#[must_use]
pub fn openapi() -> Document {
    routes().split_for_parts().1
}

/// The API as a service over what the sidecar shares.
pub fn router(shared: Arc<Shared>) -> Router {
    let (router, _) = routes().split_for_parts();
    let readers = Arc::clone(&shared);
    router
        .route(&format!("{}{{*path}}", page::PREFIX), get(page::file))
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .layer(DefaultBodyLimit::max(64 << 10))
        .layer(from_fn(move |request: Request, next: Next| {
            access::may_read(readers.readers.permit(&request), request, next)
        }))
        .with_state(shared)
}

async fn no_such_path(uri: Uri) -> Problem {
    Problem::not_found(format!("there is nothing at {}", uri.path()))
}

async fn no_such_method(uri: Uri) -> Problem {
    Problem::method_not_allowed(format!("{} does not know this method", uri.path()))
}
