//! Extractors whose rejections are problem documents.

use axum::{
    extract::{FromRequestParts, Path, Query, Request},
    http::request::Parts,
    middleware::Next,
    response::Response,
};
use serde::de::DeserializeOwned;

use super::{AppState, problem::Problem};

/// Passes on what may be read.
pub(super) async fn may_read(
    permitted: Result<(), Problem>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    permitted?;
    Ok(next.run(request).await)
}

/// A write that was permitted.
#[derive(Debug)]
pub(super) struct MayWrite;

impl FromRequestParts<AppState> for MayWrite {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        state.access.permit(&parts.headers).map(|()| Self)
    }
}

/// A path parameter.
#[derive(Debug)]
pub(super) struct Segment<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Segment<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(value) = Path::from_request_parts(parts, state)
            .await
            .map_err(|rejection| Problem::bad_request(rejection.body_text()))?;
        Ok(Self(value))
    }
}

/// Query parameters.
#[derive(Debug)]
pub(super) struct Params<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Query(value) = Query::from_request_parts(parts, state)
            .await
            .map_err(|rejection| Problem::bad_request(rejection.body_text()))?;
        Ok(Self(value))
    }
}
