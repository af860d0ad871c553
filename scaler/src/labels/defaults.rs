//! Values for labels that a service does not have.

use std::{collections::BTreeMap, num::NonZeroU32, time::Duration};

use serde::Deserialize;

use super::{LabelError, read, value::Mark};
use crate::{metric::Metric, policy::Policy};

/// Values for labels that a service does not have, as a table of the configuration file.
///
/// Keys are the labels' names with `_` for `.`, values in the labels' syntax. There is none for `enable`: a service opts in by itself.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Defaults {
    /// `swarmtide.min`.
    #[serde(deserialize_with = "read::count")]
    pub min: u32,
    /// `swarmtide.max`.
    #[serde(deserialize_with = "read::count")]
    pub max: u32,
    /// `swarmtide.cpu.high`; `None` = off.
    #[serde(deserialize_with = "read::some_cpu")]
    pub cpu_high: Option<Mark>,
    /// `swarmtide.cpu.low`, for services that do not set their own high mark; `None` = half the high mark.
    #[serde(deserialize_with = "read::some_cpu")]
    pub cpu_low: Option<Mark>,
    /// `swarmtide.bytes.high`; `None` = off.
    #[serde(deserialize_with = "read::some_bytes")]
    pub bytes_high: Option<Mark>,
    /// `swarmtide.bytes.low`, for services that do not set their own high mark; `None` = half the high mark.
    #[serde(deserialize_with = "read::some_bytes")]
    pub bytes_low: Option<Mark>,
    /// `swarmtide.step`; `None` = 1.
    #[serde(deserialize_with = "read::some_step")]
    pub step: Option<NonZeroU32>,
    /// `swarmtide.step.up`; `None` = `step`.
    #[serde(deserialize_with = "read::some_step")]
    pub step_up: Option<NonZeroU32>,
    /// `swarmtide.step.down`; `None` = `step`.
    #[serde(deserialize_with = "read::some_step")]
    pub step_down: Option<NonZeroU32>,
    /// `swarmtide.cooldown`; `None` = 10 s for growing, 60 s for shrinking.
    #[serde(deserialize_with = "read::some_duration")]
    pub cooldown: Option<Duration>,
    /// `swarmtide.cooldown.up`; `None` = `cooldown`.
    #[serde(deserialize_with = "read::some_duration")]
    pub cooldown_up: Option<Duration>,
    /// `swarmtide.cooldown.down`; `None` = `cooldown`.
    #[serde(deserialize_with = "read::some_duration")]
    pub cooldown_down: Option<Duration>,
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            min: 1,
            max: 10,
            cpu_high: Some(Mark::At(Metric::CpuOfLimit, 0.7)),
            cpu_low: None,
            bytes_high: None,
            bytes_low: None,
            step: None,
            step_up: None,
            step_down: None,
            cooldown: None,
            cooldown_up: None,
            cooldown_down: None,
        }
    }
}

impl Defaults {
    /// Whether a service that sets nothing but `swarmtide.enable=true` gets a policy.
    ///
    /// Defaults without any high mark pass: then each service has to bring its own.
    ///
    /// # Errors
    /// What does not go together, under the labels' names.
    pub fn check(&self) -> Result<(), Vec<LabelError>> {
        let enable = BTreeMap::from([("swarmtide.enable".to_owned(), "true".to_owned())]);
        match Policy::from_labels(self, &enable) {
            Ok(_) => Ok(()),
            Err(errors) if errors.iter().all(LabelError::is_no_marks) => Ok(()),
            Err(errors) => Err(errors),
        }
    }
}
