//! Rows for the page as server-sent events.

#![allow(
    unused_qualifications,
    reason = "utoipa's macro writes the path of query parameters in full"
)]

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    AppState, access::Params, backends::event_stream, event::ServerSentEvent, problem::Problem,
};

/// Points of a spark line.
const SPARK_POINTS: usize = 40;

/// What is looked at.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum View {
    /// A row for each service that opted in.
    Services,
    /// A row for each virtual service of the balancer.
    Balancer,
}

/// Which rows are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct StreamQuery {
    /// `services` or `balancer`.
    #[param(inline)]
    view: View,
}

/// Small rows about all services, or all virtual services, once a second: only those that changed
///
/// Each event `rows` is JSON: `rows`, `head` (what is said about all of them together), and `full`, true when the rows replace
/// all that came before. The first of `services` has in `first.sparks` the load of each service over the last points, in per cent
/// of its mark. A listener that is slow gets the newest of each row. A comment every 5 s shows that the stream lives.
#[utoipa::path(get, path = "/v1/stream", tag = "page", security((), ("token" = [])), params(StreamQuery),
    responses(
        (status = 200, content((ServerSentEvent = "text/event-stream"))),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "There are too many listeners", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn stream(
    State(shared): State<AppState>,
    Params(query): Params<StreamQuery>,
) -> Result<Response, Problem> {
    let overview = &shared.overview;
    let listener = match query.view {
        View::Services => overview.services.listen(Some(first(&shared))),
        View::Balancer => overview.balancer.listen(None),
    };
    let listener = listener.ok_or_else(|| {
        Problem::unavailable(
            "there are too many listeners to the page's streams (http.streams_max)",
        )
    })?;
    let frames = futures_util::stream::unfold(listener, |mut listener| async {
        let frame = listener.next().await?;
        Some((Ok::<_, std::convert::Infallible>(frame), listener))
    });
    Ok(event_stream(frames).into_response())
}

/// Spark lines, and the time between their points.
fn first(shared: &AppState) -> String {
    let series = shared.series();
    let (step_ms, sparks) = (series.interval_ms(), series.sparks(SPARK_POINTS));
    serde_json::json!({ "step_ms": step_ms, "sparks": sparks }).to_string()
}
