//! A service's state for the people and programs that ask.

use serde::Serialize;

use super::Counters;
use crate::{
    admin::{AdminMode, Effective},
    decide::Decision,
    hold::HoldReason,
    labels::LabelError,
    observation::{ServiceId, ServiceName},
    policy::Policy,
    record::DecisionRecord,
};

/// A service's state after the last tick.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ServiceStatus<'a> {
    /// Its name.
    pub name: &'a ServiceName,
    /// Its ID.
    pub id: &'a ServiceId,
    /// Its own administrative mode.
    pub own_mode: AdminMode,
    /// The administrative mode in effect.
    pub effective: Effective,
    /// Its policy; `None` when the labels are invalid or it has opted out.
    pub policy: Option<&'a Policy>,
    /// What is wrong with its labels.
    pub label_errors: &'a [LabelError],
    /// Replicas asked for by the write under way.
    pub write_pending_to: Option<u32>,
    /// The latest record.
    pub last: Option<&'a DecisionRecord>,
    /// Its counters.
    pub counters: &'a Counters,
}

impl ServiceStatus<'_> {
    /// Why it is held now, and since when in Unix milliseconds; `None` when the last decision was to scale.
    #[must_use]
    pub fn held(&self) -> Option<(&HoldReason, u64)> {
        let record = self.last?;
        match &record.decision {
            Decision::Hold(reason) => Some((reason, record.first_unix_ms)),
            Decision::Scale { .. } => None,
        }
    }
}
