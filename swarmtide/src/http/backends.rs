//! The backend set and the balancer's table, as JSON or as a stream of server-sent events.

#![allow(
    unused_qualifications,
    reason = "utoipa's macro writes the path of query parameters in full"
)]

use axum::{
    Json,
    body::Body,
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::IntoParams;

use super::{access::Params, event::ServerSentEvent, problem::Problem};
use crate::balancer::Balancer;

/// The backend set and the table: services with their tasks, version, completeness, who says it; virtual services, problems.
///
/// With `Accept: text/event-stream` the set comes as server-sent events, one `backends` event for each set that says anything
/// new, and `away` while the sidecar cannot see the swarm; a comment every 5 s shows that the stream lives. A listener that is
/// slow gets the newest set only.
#[utoipa::path(get, path = "/v1/backends", tag = "balancer", security((), ("token" = [])),
    params(("Last-Event-ID" = Option<String>, Header, description = "The version that the listener has: it is not sent again")),
    responses(
        (status = 200, content((Object = "application/json"), (ServerSentEvent = "text/event-stream"))),
        (status = 503, description = "There are too many listeners", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn backends(
    State(balancer): State<Balancer>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if wants_events(&headers) {
        return events(&balancer, &headers);
    }
    Ok(Json(both(&balancer)?).into_response())
}

/// Which part of the table is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct BalancerQuery {
    /// The virtual services of this service only, and nothing of `expected`.
    service: Option<String>,
}

/// The balancer's table as it is and as it should be (`expected`), which entries are its own, and where the table is
#[utoipa::path(get, path = "/v1/balancer", tag = "balancer", security((), ("token" = [])), params(BalancerQuery),
    responses((status = 200, body = Object), (status = 400, body = Problem, content_type = "application/problem+json")))]
pub(super) async fn balancer(
    State(balancer): State<Balancer>,
    Params(query): Params<BalancerQuery>,
) -> Result<Json<Map<String, Value>>, Problem> {
    let mut status = balancer.status();
    if let Some(name) = &query.service {
        let services = &mut status.status.virtual_services;
        services.retain(|one| one.service.as_ref() == Some(name));
    }
    let mut all = object(&status)?;
    if query.service.is_none() {
        all.extend(object(&*balancer.expected())?);
    }
    all.extend(object(balancer.place())?);
    Ok(Json(all))
}

/// The table's state, with the set over it: they share no field but `generation`, which is the set's.
fn both(balancer: &Balancer) -> Result<Map<String, Value>, Problem> {
    let mut all = object(&balancer.status())?;
    if let Some(set) = balancer.feed().current() {
        all.extend(object(&*set)?);
    }
    Ok(all)
}

fn object(value: &impl serde::Serialize) -> Result<Map<String, Value>, Problem> {
    match serde_json::to_value(value) {
        Ok(Value::Object(object)) => Ok(object),
        _ => Err(Problem::internal("the table cannot be written as JSON")),
    }
}

fn wants_events(headers: &HeaderMap) -> bool {
    let accept = headers.get_all(header::ACCEPT).iter();
    accept
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|range| range.split(';').next())
        .any(|range| range.trim().eq_ignore_ascii_case("text/event-stream"))
}

fn events(balancer: &Balancer, headers: &HeaderMap) -> Result<Response, Problem> {
    let last = headers
        .get("last-event-id")
        .and_then(|value| value.to_str().ok());
    let listener = balancer.feed().listen(last).ok_or_else(|| {
        Problem::unavailable("there are too many listeners to the backend set (lbsync.streams_max)")
    })?;
    let frames = futures_util::stream::unfold(listener, |mut listener| async {
        let frame = listener.next().await?;
        Some((Ok::<_, std::convert::Infallible>(frame), listener))
    });
    Ok(event_stream(frames).into_response())
}

/// An answer of server-sent events.
pub(super) fn event_stream<S>(frames: S) -> impl IntoResponse
where
    S: futures_util::Stream<Item = Result<axum::body::Bytes, std::convert::Infallible>>
        + Send
        + 'static,
{
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, Body::from_stream(frames))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_for_those_who_ask() {
        let wants = |accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            wants_events(&headers)
        };
        assert!(wants("text/event-stream"));
        assert!(wants("application/json;q=0.5, Text/Event-Stream;q=1"));
        assert!(!wants("*/*"));
        assert!(!wants("application/json"));
        assert!(!wants_events(&HeaderMap::new()));
    }
}
