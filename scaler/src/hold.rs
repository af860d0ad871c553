//! Why a service is held: one reason for each precondition of a decision.

use serde::{Deserialize, Serialize};

use crate::{
    admin::Scope, labels::LabelError, metric::Metric, observation::Rollout, policy::Direction,
};

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal,)*) => {
        /// A hold's kind, without its numbers: the label of counters, and what tells one stretch of holding from the next.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum HoldKind {
            $($(#[$doc])* $kind,)*
        }

        impl HoldKind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$kind,)*];

            /// The kind's name in metrics and JSON.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }
        }
    };
}

kinds! {
    /// See [`HoldReason::InvalidLabels`].
    InvalidLabels = "invalid_labels",
    /// See [`HoldReason::NotReplicated`].
    NotReplicated = "not_replicated",
    /// See [`HoldReason::Disabled`].
    Disabled = "disabled",
    /// See [`HoldReason::ViewStale`].
    ViewStale = "view_stale",
    /// See [`HoldReason::NotLeader`].
    NotLeader = "not_leader",
    /// See [`HoldReason::LeadershipUnknown`].
    LeadershipUnknown = "leadership_unknown",
    /// See [`HoldReason::NodesUnknown`].
    NodesUnknown = "nodes_unknown",
    /// See [`HoldReason::WritePending`].
    WritePending = "write_pending",
    /// See [`HoldReason::AwaitingView`].
    AwaitingView = "awaiting_view",
    /// See [`HoldReason::Conflict`].
    Conflict = "conflict",
    /// See [`HoldReason::OutcomeUnknown`].
    OutcomeUnknown = "outcome_unknown",
    /// See [`HoldReason::BackOff`].
    BackOff = "back_off",
    /// See [`HoldReason::Rollout`].
    Rollout = "rollout",
    /// See [`HoldReason::ScaledToZero`].
    ScaledToZero = "scaled_to_zero",
    /// See [`HoldReason::NotServing`].
    NotServing = "not_serving",
    /// See [`HoldReason::Draining`].
    Draining = "draining",
    /// See [`HoldReason::TelemetryMissing`].
    TelemetryMissing = "telemetry_missing",
    /// See [`HoldReason::TelemetryPartial`].
    TelemetryPartial = "telemetry_partial",
    /// See [`HoldReason::TelemetryStale`].
    TelemetryStale = "telemetry_stale",
    /// See [`HoldReason::TelemetryInvalid`].
    TelemetryInvalid = "telemetry_invalid",
    /// See [`HoldReason::Settling`].
    Settling = "settling",
    /// See [`HoldReason::WithinBand`].
    WithinBand = "within_band",
    /// See [`HoldReason::Burst`].
    Burst = "burst",
    /// See [`HoldReason::Stabilising`].
    Stabilising = "stabilising",
    /// See [`HoldReason::RateLimited`].
    RateLimited = "rate_limited",
    /// See [`HoldReason::AtMaximum`].
    AtMaximum = "at_maximum",
    /// See [`HoldReason::AtMinimum`].
    AtMinimum = "at_minimum",
    /// See [`HoldReason::WouldOvershoot`].
    WouldOvershoot = "would_overshoot",
    /// See [`HoldReason::WarmUp`].
    WarmUp = "warm_up",
    /// See [`HoldReason::Failing`].
    Failing = "failing",
    /// See [`HoldReason::Cooldown`].
    Cooldown = "cooldown",
    /// See [`HoldReason::WriteBudget`].
    WriteBudget = "write_budget",
    /// See [`HoldReason::ChangeBudget`].
    ChangeBudget = "change_budget",
    /// See [`HoldReason::Paused`].
    Paused = "paused",
    /// See [`HoldReason::Shortage`].
    Shortage = "shortage",
}

/// Why nothing is done, with the numbers that say how far it is from being done.
///
/// In the order in which they are checked: when several apply, the first is the one reported.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum HoldReason {
    /// The service's labels cannot be used.
    InvalidLabels {
        /// What is wrong, label by label.
        errors: Vec<LabelError>,
    },
    /// The service is not in replicated mode.
    NotReplicated {
        /// Its mode as Docker writes it.
        mode: String,
    },
    /// A person switched scaling off.
    Disabled {
        /// For all services or for this one.
        by: Scope,
    },
    /// The view of the swarm is too old, or there is none yet.
    ViewStale {
        /// Its age; `None` when there is none.
        age_ms: Option<u64>,
    },
    /// Another manager leads; its sidecar acts.
    NotLeader {
        /// Who leads, if known.
        leader: Option<String>,
    },
    /// It is not known who leads.
    LeadershipUnknown {
        /// What is known about why.
        why: String,
    },
    /// The swarm does not know the state of some of its nodes, as after an election.
    NodesUnknown {
        /// Nodes in state unknown.
        count: u32,
    },
    /// A write for this service has not been answered yet.
    WritePending {
        /// Replicas asked for.
        to: u32,
        /// How long it has been under way.
        since_ms: u64,
    },
    /// A write was applied; the view is still from before it.
    AwaitingView {
        /// Replicas asked for.
        to: u32,
    },
    /// Someone else changed the service at the same time; the view is still from before that.
    Conflict,
    /// A write was not answered; it may yet be applied.
    OutcomeUnknown {
        /// Replicas asked for.
        to: u32,
        /// Wait that is left, unless the view shows the write done.
        remaining_ms: u64,
    },
    /// Writes failed or were refused; the next waits.
    BackOff {
        /// Wait that is left.
        remaining_ms: u64,
        /// Failures in a row.
        failures: u32,
        /// What the last one said.
        last: String,
    },
    /// A rollout is not finished; changing replicas now would restart or resume it.
    Rollout {
        /// Where it stands.
        state: Rollout,
    },
    /// The spec asks for no replicas: a person stopped the service, since the scaler never goes below 1.
    ScaledToZero,
    /// Fewer tasks serve than the spec asks for.
    NotServing {
        /// Tasks that serve.
        serving: u32,
        /// Tasks that are on their way.
        starting: u32,
    },
    /// Tasks run that are not wanted any more; holds shrinking, and growing while more serve than the spec asks for.
    Draining {
        /// Tasks that serve.
        serving: u32,
        /// Tasks that drain.
        draining: u32,
    },
    /// No replica reports a metric that the policy needs.
    TelemetryMissing {
        /// The metric.
        metric: Metric,
    },
    /// Not every replica reports.
    TelemetryPartial {
        /// The metric.
        metric: Metric,
        /// Replicas that report.
        reporting: u32,
        /// Replicas that serve.
        expected: u32,
    },
    /// The oldest counters are too old.
    TelemetryStale {
        /// The metric.
        metric: Metric,
        /// Their age.
        age_ms: u64,
    },
    /// An average is negative or no finite number.
    TelemetryInvalid {
        /// The metric.
        metric: Metric,
    },
    /// Some rates reach back to before the last change of serving replicas.
    Settling {
        /// The metric.
        metric: Metric,
        /// How far back they reach: age of the oldest counters and the interval they are over.
        reach_ms: u64,
        /// How long ago they changed.
        changed_ms: u64,
    },
    /// No metric is above its high mark, and not all are below their low marks; the demand takes as many replicas as there are.
    WithinBand,
    /// It would shrink, but a burst was on a moment ago.
    Burst {
        /// Wait that is left, unless it goes on.
        remaining_ms: u64,
    },
    /// It would change, but a moment ago it had no reason to.
    Stabilising {
        /// Which way it would go.
        direction: Direction,
        /// Replicas recommended then.
        wanted: u32,
        /// How long that still counts.
        remaining_ms: u64,
    },
    /// It has changed as much as the rates of this direction allow.
    RateLimited {
        /// Which way it would go.
        direction: Direction,
    },
    /// It wants more replicas than the maximum.
    AtMaximum {
        /// Replicas it would ask for.
        wanted: u32,
    },
    /// It would shrink, but is at the minimum.
    AtMinimum,
    /// It would shrink, but fewer replicas would be above the high mark at the load seen.
    WouldOvershoot {
        /// The metric.
        metric: Metric,
    },
    /// It would shrink, but this sidecar started or became leader a moment ago.
    WarmUp {
        /// Wait that is left.
        remaining_ms: u64,
    },
    /// It would shrink, but tasks of it failed a moment ago: load that falls then is no lack of demand.
    Failing {
        /// Wait that is left, unless another fails.
        remaining_ms: u64,
    },
    /// The last change was a moment ago.
    Cooldown {
        /// Which way it would go.
        direction: Direction,
        /// Wait that is left.
        remaining_ms: u64,
    },
    /// As many changes were begun within a minute, over all services, as may be.
    ChangeBudget {
        /// Changes of the last minute.
        changes: u32,
    },
    /// As many writes are under way, over all services, as may be.
    WriteBudget {
        /// Writes under way.
        in_flight: u32,
    },
    /// A person paused changes in this direction.
    Paused {
        /// Which way it would go.
        direction: Direction,
        /// When the pause ends, in Unix milliseconds.
        until_unix_ms: u64,
    },
    /// The swarm has no room for more of it, or a higher priority needs the room.
    Shortage {
        /// Replicas it would have.
        wanted: u32,
        /// Replicas there is room for.
        granted: u32,
    },
}

impl HoldKind {
    /// Whether it only bridges the time until a change has come to its end, which the record of the change tells by itself.
    pub(crate) const fn is_passing(self) -> bool {
        matches!(
            self,
            Self::WritePending | Self::AwaitingView | Self::Conflict
        )
    }
}

impl HoldReason {
    /// The kind of hold.
    #[must_use]
    pub const fn kind(&self) -> HoldKind {
        match self {
            Self::InvalidLabels { .. } => HoldKind::InvalidLabels,
            Self::NotReplicated { .. } => HoldKind::NotReplicated,
            Self::Disabled { .. } => HoldKind::Disabled,
            Self::ViewStale { .. } => HoldKind::ViewStale,
            Self::NotLeader { .. } => HoldKind::NotLeader,
            Self::LeadershipUnknown { .. } => HoldKind::LeadershipUnknown,
            Self::NodesUnknown { .. } => HoldKind::NodesUnknown,
            Self::WritePending { .. } => HoldKind::WritePending,
            Self::AwaitingView { .. } => HoldKind::AwaitingView,
            Self::Conflict => HoldKind::Conflict,
            Self::OutcomeUnknown { .. } => HoldKind::OutcomeUnknown,
            Self::BackOff { .. } => HoldKind::BackOff,
            Self::Rollout { .. } => HoldKind::Rollout,
            Self::ScaledToZero => HoldKind::ScaledToZero,
            Self::NotServing { .. } => HoldKind::NotServing,
            Self::Draining { .. } => HoldKind::Draining,
            Self::TelemetryMissing { .. } => HoldKind::TelemetryMissing,
            Self::TelemetryPartial { .. } => HoldKind::TelemetryPartial,
            Self::TelemetryStale { .. } => HoldKind::TelemetryStale,
            Self::TelemetryInvalid { .. } => HoldKind::TelemetryInvalid,
            Self::Settling { .. } => HoldKind::Settling,
            Self::WithinBand => HoldKind::WithinBand,
            Self::Burst { .. } => HoldKind::Burst,
            Self::Stabilising { .. } => HoldKind::Stabilising,
            Self::RateLimited { .. } => HoldKind::RateLimited,
            Self::AtMaximum { .. } => HoldKind::AtMaximum,
            Self::AtMinimum => HoldKind::AtMinimum,
            Self::WouldOvershoot { .. } => HoldKind::WouldOvershoot,
            Self::WarmUp { .. } => HoldKind::WarmUp,
            Self::Failing { .. } => HoldKind::Failing,
            Self::Cooldown { .. } => HoldKind::Cooldown,
            Self::ChangeBudget { .. } => HoldKind::ChangeBudget,
            Self::WriteBudget { .. } => HoldKind::WriteBudget,
            Self::Paused { .. } => HoldKind::Paused,
            Self::Shortage { .. } => HoldKind::Shortage,
        }
    }
}
