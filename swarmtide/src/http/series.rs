//! What one service did in the last hour, for charts.

#![allow(
    unused_qualifications,
    reason = "utoipa's macro writes the path of query parameters in full"
)]

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    AppState,
    access::{Params, Segment},
    problem::Problem,
    services::no_service,
};
use crate::series::{POINTS_MAX, SeriesAnswer};

/// Which stretch is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct SeriesQuery {
    /// Not before this time, in milliseconds since 1970; all there is when absent.
    #[param(minimum = 0)]
    from: Option<u64>,
    /// About so many steps at most (1 to 900); 300 when absent.
    #[param(minimum = 1, maximum = 900)]
    points: Option<usize>,
}

/// What a service did in the last hour (`http.series_window`), in columns: replicas, load, metrics, candidates
#[utoipa::path(get, path = "/v1/services/{name}/series", tag = "page",
    params(("name" = String, Path, description = "Name of the service"), SeriesQuery),
    responses((status = 200, body = SeriesAnswer), (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such service, or nothing is known of it yet", body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json")))]
pub(super) async fn series(
    State(shared): State<AppState>,
    Segment(name): Segment<String>,
    Params(query): Params<SeriesQuery>,
) -> Result<Json<SeriesAnswer>, Problem> {
    let points = query.points.unwrap_or(300);
    if !(1..=POINTS_MAX).contains(&points) {
        return Err(Problem::bad_request(format!("points is 1 to {POINTS_MAX}")));
    }
    let answer = shared
        .series()
        .answer(&name, query.from.unwrap_or(0), points);
    if let Some(answer) = answer {
        return Ok(Json(answer));
    }
    let known = shared.engine().service_status(&name).is_some();
    Err(if known {
        Problem::not_found(format!("nothing is known yet of service {name:?}"))
    } else {
        no_service(&shared, &name)
    })
}
