//! What people switched on and off, globally and per service, in a form that survives a restart.
//!
//! Reading and writing the file is the shell's business.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    observation::ServiceName,
    pause::{Paused, Pauses},
    policy::Direction,
};

/// Version of the serialised [`AdminState`].
pub const ADMIN_VERSION: u32 = 1;

/// Most services with a mode of their own.
pub const ADMIN_SERVICES_MAX: usize = 10_000;

/// Whether decisions are carried out, ordered from the least to the most restrictive.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum AdminMode {
    /// Decided and carried out.
    #[default]
    Enabled,
    /// Decided and recorded, not carried out.
    DryRun,
    /// Held.
    Disabled,
}

impl AdminMode {
    /// The mode's name in the HTTP API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::DryRun => "dry-run",
            Self::Disabled => "disabled",
        }
    }
}

/// Whose mode it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// All services'.
    Global,
    /// The one service's.
    Service,
}

/// The mode in effect for a service, and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effective {
    /// The more restrictive of the global mode and the service's own.
    pub mode: AdminMode,
    /// Whose it is; global when they are equal.
    pub by: Scope,
}

/// Why an administrative state was not taken over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdminError {
    /// The file was written by a version of the format that is not known here.
    #[error("administrative state has version {found}, known is {ADMIN_VERSION}")]
    Version {
        /// The version found.
        found: u32,
    },
    /// More than [`ADMIN_SERVICES_MAX`] services have a mode of their own.
    #[error("{count} services have a mode of their own, at most {ADMIN_SERVICES_MAX} can")]
    TooMany {
        /// How many there would be.
        count: usize,
    },
}

/// Everything that was switched by people.
///
/// A service's entry is kept by name and outlives the service: removing a stack and deploying it anew must not enable what a person
/// disabled. Setting a service to enabled removes its entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdminState {
    version: u32,
    global: AdminMode,
    #[serde(default)]
    services: BTreeMap<ServiceName, AdminMode>,
    #[serde(default, skip_serializing_if = "Pauses::is_empty")]
    pauses: Pauses,
}

impl Default for AdminState {
    fn default() -> Self {
        Self::new(AdminMode::Enabled)
    }
}

impl AdminState {
    /// A state in which only the global mode is set.
    #[must_use]
    pub const fn new(global: AdminMode) -> Self {
        Self {
            version: ADMIN_VERSION,
            global,
            services: BTreeMap::new(),
            pauses: Pauses::new(),
        }
    }

    /// Checks what was read from a file.
    ///
    /// # Errors
    /// [`AdminError::Version`], [`AdminError::TooMany`].
    pub fn check(&self) -> Result<(), AdminError> {
        if self.version != ADMIN_VERSION {
            return Err(AdminError::Version {
                found: self.version,
            });
        }
        let count = self.services.len().max(self.pauses.len());
        if count > ADMIN_SERVICES_MAX {
            return Err(AdminError::TooMany { count });
        }
        Ok(())
    }

    /// A service's pauses, over ones included until [`Self::pause`] is called next.
    #[must_use]
    pub fn paused(&self, name: &ServiceName) -> Paused {
        self.pauses.get(name)
    }

    /// Services with a pause that is not over at `unix_ms`, by name.
    pub fn pauses(&self, unix_ms: u64) -> impl Iterator<Item = (&ServiceName, Paused)> {
        self.pauses.running(unix_ms)
    }

    /// Pauses changes of a service in one direction until a time, replacing an earlier pause of that direction, and forgets all
    /// pauses that are over at `unix_ms`. A pause that ends by then is no pause.
    ///
    /// # Errors
    /// [`AdminError::TooMany`], with nothing changed.
    pub fn pause(
        &mut self,
        name: ServiceName,
        direction: Direction,
        until_unix_ms: u64,
        unix_ms: u64,
    ) -> Result<(), AdminError> {
        self.pauses.forget(unix_ms);
        self.pauses.pause(name, direction, until_unix_ms, unix_ms)
    }

    /// Ends a service's pause of a direction.
    pub fn resume(&mut self, name: &ServiceName, direction: Direction) {
        self.pauses.resume(name, direction);
    }

    /// The global mode.
    #[must_use]
    pub const fn global(&self) -> AdminMode {
        self.global
    }

    /// Sets the global mode.
    pub const fn set_global(&mut self, mode: AdminMode) {
        self.global = mode;
    }

    /// A service's own mode; enabled when none was set.
    #[must_use]
    pub fn service(&self, name: &ServiceName) -> AdminMode {
        self.services.get(name).copied().unwrap_or_default()
    }

    /// Sets a service's own mode, known or not.
    ///
    /// # Errors
    /// [`AdminError::TooMany`], with nothing changed.
    pub fn set_service(&mut self, name: ServiceName, mode: AdminMode) -> Result<(), AdminError> {
        if mode == AdminMode::Enabled {
            self.services.remove(&name);
            return Ok(());
        }
        if self.services.len() >= ADMIN_SERVICES_MAX && !self.services.contains_key(&name) {
            return Err(AdminError::TooMany {
                count: self.services.len() + 1,
            });
        }
        self.services.insert(name, mode);
        Ok(())
    }

    /// Services with a mode of their own other than enabled, by name.
    pub fn services(&self) -> impl Iterator<Item = (&ServiceName, AdminMode)> {
        self.services.iter().map(|(name, mode)| (name, *mode))
    }

    /// The mode in effect for a service: the more restrictive one.
    #[must_use]
    pub fn effective(&self, name: &ServiceName) -> Effective {
        let own = self.service(name);
        if own > self.global {
            Effective {
                mode: own,
                by: Scope::Service,
            }
        } else {
            Effective {
                mode: self.global,
                by: Scope::Global,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_restrictive_mode_is_in_effect() {
        use AdminMode::{Disabled, DryRun, Enabled};
        for (global, own, expected, by) in [
            (Enabled, Enabled, Enabled, Scope::Global),
            (Enabled, DryRun, DryRun, Scope::Service),
            (DryRun, Enabled, DryRun, Scope::Global),
            (DryRun, Disabled, Disabled, Scope::Service),
            (Disabled, DryRun, Disabled, Scope::Global),
        ] {
            let mut state = AdminState::new(global);
            state.set_service("web".into(), own).unwrap();
            assert_eq!(
                state.effective(&"web".into()),
                Effective { mode: expected, by },
                "{global:?} {own:?}"
            );
        }
    }

    #[test]
    fn survives_a_file() {
        let mut state = AdminState::new(AdminMode::DryRun);
        state
            .set_service("web".into(), AdminMode::Disabled)
            .unwrap();
        let text = serde_json::to_string(&state).unwrap();
        assert_eq!(
            text,
            r#"{"version":1,"global":"dry-run","services":{"web":"disabled"}}"#
        );
        assert_eq!(serde_json::from_str::<AdminState>(&text).unwrap(), state);
    }

    #[test]
    fn refuses_another_version() {
        let state: AdminState =
            serde_json::from_str(r#"{"version":2,"global":"enabled"}"#).unwrap();
        assert_eq!(state.check(), Err(AdminError::Version { found: 2 }));
    }
}
