//! Events from the journal.

#![allow(
    unused_qualifications,
    reason = "utoipa's macro writes the path of query parameters in full"
)]

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{AppState, access::Params, problem::Problem};
use crate::journal::{Filter, Line};

/// Most lines in one answer.
const LIMIT_MAX: usize = 1_000;

/// Which events are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct JournalQuery {
    /// Of this service only.
    service: Option<String>,
    /// Of this kind only, as `scaled`.
    event: Option<String>,
    /// Not before this time, in milliseconds since 1970.
    #[param(minimum = 0)]
    from_unix_ms: Option<u64>,
    /// Not after this time, in milliseconds since 1970.
    #[param(minimum = 0)]
    to_unix_ms: Option<u64>,
    /// Before the line of this number: the last of the page before.
    #[param(minimum = 0)]
    before: Option<u64>,
    /// At most so many (1 to 1000); 100 when absent.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

/// Events, the newest first; `before` with the last `seq` of a page gives the next page
#[utoipa::path(get, path = "/v1/journal", tag = "journal", params(JournalQuery),
    responses((status = 200, body = Vec<Object>), (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No journal is kept", body = Problem, content_type = "application/problem+json"),
        (status = 500, body = Problem, content_type = "application/problem+json")))]
pub(super) async fn journal(
    State(shared): State<AppState>,
    Params(query): Params<JournalQuery>,
) -> Result<Json<Vec<Line>>, Problem> {
    let limit = query.limit.unwrap_or(100);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(Problem::bad_request(format!("limit is 1 to {LIMIT_MAX}")));
    }
    if let Some(event) = &query.event
        && !scaler::EventKind::NAMES.contains(&event.as_str())
    {
        let known = scaler::EventKind::NAMES.join(", ");
        return Err(Problem::bad_request(format!(
            "event {event:?} is none of {known}"
        )));
    }
    if shared.told.journal().is_none() {
        return Err(Problem::not_found(
            "no journal is kept: journal.enabled is false",
        ));
    }
    let filter = Filter {
        service: query.service,
        event: query.event,
        from_unix_ms: query.from_unix_ms,
        to_unix_ms: query.to_unix_ms,
        before_seq: query.before,
        limit,
    };
    // The disk may be slow: not on a thread that serves others.
    let found = tokio::task::spawn_blocking(move || {
        let journal = shared.told.journal();
        journal.map_or_else(|| Ok(Vec::new()), |journal| journal.find(&filter))
    });
    match found.await {
        Ok(Ok(lines)) => Ok(Json(lines)),
        Ok(Err(error)) => Err(Problem::internal(format!(
            "the journal cannot be read: {error}"
        ))),
        Err(error) => Err(Problem::internal(error.to_string())),
    }
}
