//! Pauses of one service in one direction, with an end; they survive a restart.

#![allow(
    unused_qualifications,
    reason = "utoipa's macro writes the path of query parameters in full"
)]

use axum::{Json, extract::State};
use scaler::{AdminState, Direction, Event, EventKind};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    AppState,
    access::{MayWrite, Params, Segment},
    problem::{Body, Problem},
    state::{change, check_name},
};

/// Which changes are meant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Directions {
    /// Adding replicas.
    Up,
    /// Taking replicas away.
    Down,
    /// Either.
    #[default]
    Both,
}

impl Directions {
    const fn each(self) -> &'static [Direction] {
        match self {
            Self::Up => &[Direction::Up],
            Self::Down => &[Direction::Down],
            Self::Both => &[Direction::Up, Direction::Down],
        }
    }
}

/// A pause to set.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPause {
    /// Which changes are paused.
    #[serde(default)]
    direction: Directions,
    /// When the pause ends, as in RFC 3339 (`2026-11-21T18:00:00Z`), at most a year from now.
    #[schema(value_type = String, format = DateTime)]
    until: jiff::Timestamp,
}

/// When a service's pauses end.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Pauses {
    /// Of adding replicas; absent when they may be added.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    up_until: Option<jiff::Timestamp>,
    /// Of taking replicas away.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    down_until: Option<jiff::Timestamp>,
}

/// Which pauses end.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct DirectionQuery {
    /// `up`, `down`, or `both` when absent.
    #[param(inline)]
    direction: Option<Directions>,
}

/// The longest pause.
const LONGEST_MS: u64 = 366 * 24 * 3_600_000;

/// A service's pauses
#[utoipa::path(get, path = "/v1/services/{name}/pause", tag = "state",
    params(("name" = String, Path, description = "Name of the service")),
    responses((status = 200, body = Pauses), (status = 400, body = Problem, content_type = "application/problem+json")))]
pub(super) async fn pauses(
    State(shared): State<AppState>,
    Segment(name): Segment<String>,
) -> Json<Pauses> {
    Json(of(shared.engine().admin(), &name, shared.clock.unix_ms()))
}

/// Pauses changes of a service until a time, known or not; it survives a restart
#[utoipa::path(put, path = "/v1/services/{name}/pause", security((), ("token" = [])), tag = "state",
    params(("name" = String, Path, description = "Name of the service")),
    request_body = NewPause, responses(
    (status = 200, body = Pauses),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
    (status = 500, description = "It could not be kept, so it was not set", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn pause(
    State(shared): State<AppState>,
    Segment(name): Segment<String>,
    _: MayWrite,
    Body(new): Body<NewPause>,
) -> Result<Json<Pauses>, Problem> {
    check_name(&name)?;
    let now = shared.clock.unix_ms();
    let until = u64::try_from(new.until.as_millisecond()).unwrap_or(0);
    if until <= now || until - now > LONGEST_MS {
        return Err(Problem::bad_request(
            "until is not between now and a year from now",
        ));
    }
    change(&shared, |admin| {
        new.direction
            .each()
            .iter()
            .try_for_each(|direction| admin.pause(name.as_str().into(), *direction, until, now))
    })
    .await?;
    for direction in new.direction.each() {
        let doing = match direction {
            Direction::Up => "growing",
            Direction::Down => "shrinking",
        };
        shared.told.tell(&[Event {
            unix_ms: now,
            service: Some(name.as_str().into()),
            kind: EventKind::Paused {
                direction: *direction,
                until_unix_ms: until,
            },
            words: format!("A person paused {doing} until {}.", new.until),
        }]);
    }
    Ok(Json(of(shared.engine().admin(), &name, now)))
}

/// Ends a service's pauses
#[utoipa::path(delete, path = "/v1/services/{name}/pause", security((), ("token" = [])), tag = "state",
    params(("name" = String, Path, description = "Name of the service"), DirectionQuery), responses(
    (status = 200, body = Pauses),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
    (status = 500, description = "It could not be kept, so they go on", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn resume(
    State(shared): State<AppState>,
    Segment(name): Segment<String>,
    Params(query): Params<DirectionQuery>,
    _: MayWrite,
) -> Result<Json<Pauses>, Problem> {
    let directions = query.direction.unwrap_or_default();
    change(&shared, |admin| {
        for direction in directions.each() {
            admin.resume(&name.as_str().into(), *direction);
        }
        Ok(())
    })
    .await?;
    tracing::info!(service = name, ?directions, "a pause was ended");
    Ok(Json(of(
        shared.engine().admin(),
        &name,
        shared.clock.unix_ms(),
    )))
}

fn of(admin: &AdminState, name: &str, unix_ms: u64) -> Pauses {
    let paused = admin.paused(&name.into());
    let end = |direction| {
        let until = i64::try_from(paused.until(direction, unix_ms)?).ok()?;
        jiff::Timestamp::from_millisecond(until).ok()
    };
    Pauses {
        up_until: end(Direction::Up),
        down_until: end(Direction::Down),
    }
}
