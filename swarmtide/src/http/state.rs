//! Switching scaling on, off or to dry run, for all services or for one; it survives a restart.

use axum::{Json, extract::State};
use scaler::{AdminMode, AdminState};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    AppState,
    access::{MayWrite, Segment},
    problem::{Body, Problem},
};
use crate::sidecar::chain;

/// A state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum StateWord {
    /// Decide and act.
    Enabled,
    /// Do nothing.
    Disabled,
    /// Decide and record, but do not act.
    DryRun,
}

impl StateWord {
    const fn mode(self) -> AdminMode {
        match self {
            Self::Enabled => AdminMode::Enabled,
            Self::Disabled => AdminMode::Disabled,
            Self::DryRun => AdminMode::DryRun,
        }
    }

    pub(super) const fn of(mode: AdminMode) -> Self {
        match mode {
            AdminMode::Enabled => Self::Enabled,
            AdminMode::DryRun => Self::DryRun,
            AdminMode::Disabled => Self::Disabled,
        }
    }
}

/// A state to set.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewState {
    /// The state to set.
    state: StateWord,
}

/// The state that holds for all services, and those of single services.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct GlobalState {
    /// For all services.
    state: StateWord,
    /// Services with a state of their own.
    services: std::collections::BTreeMap<String, StateWord>,
}

/// A service's state.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ServiceState {
    /// The service's own state.
    state: StateWord,
    /// What is in effect: the more restrictive of its own and the one for all.
    effective: StateWord,
}

/// The state for all services
#[utoipa::path(get, path = "/v1/state", tag = "state", responses((status = 200, body = GlobalState)))]
pub(super) async fn global(State(shared): State<AppState>) -> Json<GlobalState> {
    Json(global_state(shared.engine().admin()))
}

/// Sets the state for all services; it survives a restart
#[utoipa::path(put, path = "/v1/state", security((), ("token" = [])), tag = "state", request_body = NewState, responses(
    (status = 200, body = GlobalState),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
    (status = 500, description = "It could not be kept, so it was not set", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn set_global(
    State(shared): State<AppState>,
    _: MayWrite,
    Body(new): Body<NewState>,
) -> Result<Json<GlobalState>, Problem> {
    let mode = new.state.mode();
    change(&shared, |admin| {
        admin.set_global(mode);
        Ok(())
    })
    .await?;
    tracing::info!(state = mode.name(), "scaling of all services");
    Ok(Json(global_state(shared.engine().admin())))
}

/// A service's state
#[utoipa::path(get, path = "/v1/services/{name}/state", tag = "state",
    params(("name" = String, Path, description = "Name of the service")),
    responses((status = 200, body = ServiceState), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn service(
    State(shared): State<AppState>,
    Segment(name): Segment<String>,
) -> Json<ServiceState> {
    Json(service_state(shared.engine().admin(), &name))
}

/// Sets a service's own state, known or not; it survives a restart
#[utoipa::path(put, path = "/v1/services/{name}/state", security((), ("token" = [])), tag = "state",
    params(("name" = String, Path, description = "Name of the service")),
    request_body = NewState, responses(
    (status = 200, body = ServiceState),
    (status = "4XX", body = Problem, content_type = "application/problem+json"),
    (status = 500, description = "It could not be kept, so it was not set", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn set_service(
    State(shared): State<AppState>,
    Segment(name): Segment<String>,
    _: MayWrite,
    Body(new): Body<NewState>,
) -> Result<Json<ServiceState>, Problem> {
    check_name(&name)?;
    let mode = new.state.mode();
    change(&shared, |admin| {
        admin.set_service(name.as_str().into(), mode)
    })
    .await?;
    tracing::info!(
        service = name,
        state = mode.name(),
        "scaling of one service"
    );
    Ok(Json(service_state(shared.engine().admin(), &name)))
}

/// A name that a service could have.
pub(super) fn check_name(name: &str) -> Result<(), Problem> {
    if name.is_empty() || name.len() > 255 || name.contains(char::is_control) {
        return Err(Problem::bad_request(
            "a service's name has 1 to 255 bytes and no control characters",
        ));
    }
    Ok(())
}

/// Writes the changed state to disk first, and only then lets it hold.
pub(super) async fn change(
    shared: &AppState,
    edit: impl Fn(&mut AdminState) -> Result<(), scaler::AdminError>,
) -> Result<(), Problem> {
    let file = shared.state_file.lock().await;
    let mut admin = shared.engine().admin().clone();
    edit(&mut admin).map_err(|error| Problem::bad_request(error.to_string()))?;
    file.write(&admin)
        .map_err(|error| Problem::internal(chain(&error)))?;
    // Nobody else changes it while the file is locked, so the same edit leads to the same state.
    match &shared.recording {
        None => shared.engine().set_admin(admin),
        Some(recording) => recording.in_order(|frames| {
            frames.admin(&admin, shared.clock.now());
            shared.engine().set_admin(admin);
        }),
    }
    Ok(())
}

fn global_state(admin: &AdminState) -> GlobalState {
    GlobalState {
        state: StateWord::of(admin.global()),
        services: admin
            .services()
            .map(|(name, mode)| (name.to_string(), StateWord::of(mode)))
            .collect(),
    }
}

fn service_state(admin: &AdminState, name: &str) -> ServiceState {
    let name = name.into();
    ServiceState {
        state: StateWord::of(admin.service(&name)),
        effective: StateWord::of(admin.effective(&name).mode),
    }
}
