//! What is worth telling people as it happens; the engine notes it, the shell writes it down and sends it on.
//!
//! Every decision is in the records; an event is for what somebody may want to be woken by, or to find a week later.

use serde::{Deserialize, Serialize};

use crate::{
    arbitration::PoolState,
    decide::ResetBy,
    hold::HoldKind,
    observation::ServiceName,
    outlier::{Outlier, ReplicaId},
    policy::Direction,
};

/// Most events kept until the shell takes them; further ones are dropped and counted.
pub const EVENTS_MAX: usize = 10_000;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Wall-clock time.
    pub unix_ms: u64,
    /// The service; `None` for what concerns the swarm as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceName>,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
    /// The same in a person's words.
    pub words: String,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EventKind {
    /// Replicas were changed.
    Scaled {
        /// Replicas before.
        from: u32,
        /// Replicas after.
        to: u32,
    },
    /// A change was decided and did not come about.
    NotScaled {
        /// Replicas before.
        from: u32,
        /// Replicas that were asked for.
        to: u32,
        /// How it ended: conflict, refused, failed, unknown.
        outcome: String,
    },
    /// A service is held for a new reason that is not part of its ordinary life.
    Held {
        /// The reason.
        reason: HoldKind,
    },
    /// It wants more replicas than its maximum.
    AtMaximum {
        /// Replicas it would have.
        wanted: u32,
        /// Its maximum.
        max: u32,
    },
    /// Telemetry cannot be acted on, for `telemetry_lost_after` by now.
    TelemetryLost {
        /// What is wrong with it.
        reason: HoldKind,
    },
    /// Telemetry can be acted on again.
    TelemetryBack,
    /// The swarm has no room for what a service would have.
    Shortage {
        /// Replicas it would have.
        wanted: u32,
        /// Replicas there is room for.
        granted: u32,
    },
    /// It has all the room again that it wants.
    ShortageOver,
    /// The swarm needs more nodes, has one to spare, or neither any more.
    NodePool(PoolState),
    /// A replica does much worse than its siblings.
    Outlier(Outlier),
    /// It no longer does, or is gone.
    OutlierOver(Outlier),
    /// A replica gets no new connections from the balancer any more.
    Quarantined {
        /// Which one.
        replica: ReplicaId,
    },
    /// It gets them again, or is gone.
    QuarantineOver {
        /// Which one.
        replica: ReplicaId,
    },
    /// A redeployed stack set replicas to its file's number, and so took some away.
    ReplicasReset {
        /// Replicas before.
        was: u32,
        /// Replicas that it set.
        to: u32,
        /// How that is known.
        by: ResetBy,
    },
    /// Those were put back, told beside `scaled`.
    Reasserted {
        /// Replicas before.
        from: u32,
        /// Replicas after.
        to: u32,
        /// Replicas before the stack was redeployed.
        was: u32,
    },
    /// A person paused changes of a service.
    Paused {
        /// Of which direction.
        direction: Direction,
        /// Until when, in Unix milliseconds.
        until_unix_ms: u64,
    },
}

impl EventKind {
    /// Every kind's name.
    pub const NAMES: &[&str] = &[
        "scaled",
        "not_scaled",
        "held",
        "at_maximum",
        "telemetry_lost",
        "telemetry_back",
        "shortage",
        "shortage_over",
        "node_pool",
        "outlier",
        "outlier_over",
        "quarantined",
        "quarantine_over",
        "replicas_reset",
        "reasserted",
        "paused",
    ];

    /// The kind's name, as in JSON.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Scaled { .. } => "scaled",
            Self::NotScaled { .. } => "not_scaled",
            Self::Held { .. } => "held",
            Self::AtMaximum { .. } => "at_maximum",
            Self::TelemetryLost { .. } => "telemetry_lost",
            Self::TelemetryBack => "telemetry_back",
            Self::Shortage { .. } => "shortage",
            Self::ShortageOver => "shortage_over",
            Self::NodePool(_) => "node_pool",
            Self::Outlier(_) => "outlier",
            Self::OutlierOver(_) => "outlier_over",
            Self::Quarantined { .. } => "quarantined",
            Self::QuarantineOver { .. } => "quarantine_over",
            Self::ReplicasReset { .. } => "replicas_reset",
            Self::Reasserted { .. } => "reasserted",
            Self::Paused { .. } => "paused",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_json_and_events_survive_it() {
        let kinds = [
            EventKind::Scaled { from: 1, to: 2 },
            EventKind::Held {
                reason: HoldKind::Rollout,
            },
            EventKind::TelemetryBack,
            EventKind::ReplicasReset {
                was: 6,
                to: 2,
                by: ResetBy::PresumedStackDeploy,
            },
            EventKind::NodePool(PoolState::Spare),
        ];
        for kind in kinds {
            assert!(EventKind::NAMES.contains(&kind.name()));
            let event = Event {
                unix_ms: 7,
                service: Some("web".into()),
                kind,
                words: "so it is".to_owned(),
            };
            let json = serde_json::to_value(&event).unwrap();
            assert_eq!(json["event"], event.kind.name());
            assert_eq!(serde_json::from_value::<Event>(json).unwrap(), event);
        }
    }
}
