//! Pauses that people set: no change of one service in one direction until a time.
//!
//! They are kept in the [administrative state](crate::AdminState) by the service's name, and outlive the service.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    admin::{ADMIN_SERVICES_MAX, AdminError},
    observation::ServiceName,
    policy::Direction,
};

/// When a service's pauses end, in Unix milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paused {
    /// Of growing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up: Option<u64>,
    /// Of shrinking.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub down: Option<u64>,
}

impl Paused {
    /// When the pause of a direction ends, if it is not over at `unix_ms`.
    #[must_use]
    pub fn until(&self, direction: Direction, unix_ms: u64) -> Option<u64> {
        let until = match direction {
            Direction::Up => self.up,
            Direction::Down => self.down,
        };
        until.filter(|until| *until > unix_ms)
    }

    const fn set(&mut self, direction: Direction, until: Option<u64>) {
        match direction {
            Direction::Up => self.up = until,
            Direction::Down => self.down = until,
        }
    }

    /// Those that are not over.
    fn running(self, unix_ms: u64) -> Option<Self> {
        let left = Self {
            up: self.until(Direction::Up, unix_ms),
            down: self.until(Direction::Down, unix_ms),
        };
        (left != Self::default()).then_some(left)
    }
}

/// The pauses of all services.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Pauses(BTreeMap<ServiceName, Paused>);

impl Pauses {
    pub(crate) const fn new() -> Self {
        Self(BTreeMap::new())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn get(&self, name: &ServiceName) -> Paused {
        self.0.get(name).copied().unwrap_or_default()
    }

    pub(crate) fn running(&self, unix_ms: u64) -> impl Iterator<Item = (&ServiceName, Paused)> {
        self.0
            .iter()
            .filter_map(move |(name, paused)| Some((name, paused.running(unix_ms)?)))
    }

    pub(crate) fn forget(&mut self, unix_ms: u64) {
        self.0.retain(|_, paused| paused.running(unix_ms).is_some());
    }

    pub(crate) fn pause(
        &mut self,
        name: ServiceName,
        direction: Direction,
        until_unix_ms: u64,
        unix_ms: u64,
    ) -> Result<(), AdminError> {
        if until_unix_ms <= unix_ms {
            self.resume(&name, direction);
            return Ok(());
        }
        if self.0.len() >= ADMIN_SERVICES_MAX && !self.0.contains_key(&name) {
            let count = self.0.len() + 1;
            return Err(AdminError::TooMany { count });
        }
        self.0
            .entry(name)
            .or_default()
            .set(direction, Some(until_unix_ms));
        Ok(())
    }

    pub(crate) fn resume(&mut self, name: &ServiceName, direction: Direction) {
        if let Some(paused) = self.0.get_mut(name) {
            paused.set(direction, None);
            if *paused == Paused::default() {
                self.0.remove(name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{AdminMode, AdminState, policy::Direction};

    #[test]
    fn a_pause_ends_by_itself_and_survives_a_file() {
        let mut state = AdminState::new(AdminMode::Enabled);
        let web = "web".into();
        state
            .pause("web".into(), Direction::Down, 5_000, 1_000)
            .unwrap();
        let text = serde_json::to_string(&state).unwrap();
        assert!(
            text.ends_with(r#","pauses":{"web":{"down":5000}}}"#),
            "{text}"
        );
        let mut state: AdminState = serde_json::from_str(&text).unwrap();
        let paused = state.paused(&web);
        assert_eq!(paused.until(Direction::Down, 4_999), Some(5_000));
        assert_eq!(paused.until(Direction::Down, 5_000), None);
        assert_eq!(paused.until(Direction::Up, 2_000), None);
        assert_eq!(state.pauses(4_999).count(), 1);
        assert_eq!(state.pauses(5_000).count(), 0);
        state
            .pause("api".into(), Direction::Up, 9_000, 6_000)
            .unwrap();
        assert_eq!(state.paused(&web).down, None, "forgotten when over");
        state.resume(&"api".into(), Direction::Up);
        assert!(!serde_json::to_string(&state).unwrap().contains("pauses"));
    }
}
