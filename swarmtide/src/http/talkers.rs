//! Who talks to whom.

#![allow(
    unused_qualifications,
    reason = "utoipa's macro writes the path of query parameters in full"
)]

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{AppState, access::Params, problem::Problem};
use crate::talkers::{TopTalkers, top};

/// Most rows of an answer.
const LIMIT_MAX: usize = 1000;

/// How much is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct TalkersQuery {
    /// Most rows, 1 to 1000; 20 when absent.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

/// The largest conversations of the last minute between services, containers, nodes and what is outside, from sampled packets
#[utoipa::path(get, path = "/v1/talkers", tag = "telemetry", params(TalkersQuery),
    responses((status = 200, body = TopTalkers), (status = 400, body = Problem, content_type = "application/problem+json")))]
pub(super) async fn talkers(
    State(shared): State<AppState>,
    Params(query): Params<TalkersQuery>,
) -> Result<Json<TopTalkers>, Problem> {
    let limit = query.limit.unwrap_or(20);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(Problem::bad_request(format!(
            "limit {limit} is outside 1 to {LIMIT_MAX}"
        )));
    }
    let view = shared.watch.view();
    Ok(Json(top(
        &shared.collector,
        (view.as_deref(), &shared.past()),
        shared.clock.now(),
        limit,
    )))
}
