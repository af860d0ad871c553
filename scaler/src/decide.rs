//! Policy, state, observation and swarm condition to a decision: a pure function.
//!
//! Checked in this order, and the first that applies is reported: whether the service can be scaled at all, whether this sidecar
//! may act, whether an earlier write is settled, whether a rollout runs; then what a redeployed stack took away and the bounds,
//! which need no telemetry because it was decided before and because the operator set them; then whether telemetry is complete; then the thresholds; then what speaks against that one direction.
//! [`HoldReason`] lists them in order.

mod guard;
mod reassert;
mod state;
mod threshold;
mod tracking;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    admin::Effective,
    hold::HoldReason,
    metric::Metric,
    observation::{Observation, SwarmCondition},
    outlier::ReplicaId,
    policy::{Aim, Direction, Policy},
    settings::Settings,
    track::Track,
};

pub use state::{
    InFlight, LastWrite, REASSERT_PAUSE, REASSERT_WITHIN, Reset, ResetBy, ServiceState,
};

/// Everything besides the policy that a decision depends on.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// The administrative mode in effect. Dry run decides as enabled does.
    pub admin: Effective,
    /// What the engine remembers of the service.
    pub state: &'a ServiceState,
    /// What the policy remembers of the service, advanced to this tick.
    pub track: &'a Track,
    /// The service as it is.
    pub observation: &'a Observation,
    /// The swarm as it is.
    pub swarm: &'a SwarmCondition,
    /// Since when this sidecar has led without a break; `None` when it does not lead.
    pub leader_since: Option<Duration>,
    /// Waits and ages.
    pub settings: &'a Settings,
}

/// What to do about a service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Decision {
    /// Set replicas. `to` lies in the policy's `min..=max` and differs from `from`.
    Scale {
        /// Replicas in the spec.
        from: u32,
        /// Replicas to ask for.
        to: u32,
        /// Why.
        #[serde(flatten)]
        reason: ScaleReason,
    },
    /// Do nothing.
    Hold(HoldReason),
}

/// Why replicas should change.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum ScaleReason {
    /// The average of a metric is above its high mark.
    AboveHigh {
        /// The metric that is furthest above, by ratio.
        metric: Metric,
        /// Its average.
        average: f64,
        /// Its high mark.
        high: f64,
    },
    /// The averages of all metrics are below their low marks.
    BelowLow,
    /// The demand takes another number of replicas at the target.
    Target {
        /// The metric that asks for most.
        metric: Metric,
        /// How its target is meant.
        aim: Aim,
        /// The demand over all replicas that is expected when a new one would serve, headroom not counted.
        demand: f64,
        /// The target per replica.
        target: f64,
    },
    /// Replicas are below the minimum.
    BelowMinimum,
    /// Replicas are above the maximum.
    AboveMaximum,
    /// The swarm is short of room, and it gives way to services of a higher priority or to what really fits.
    GaveWay {
        /// Replicas it would have.
        wanted: u32,
    },
    /// There is room again for what it gave up.
    GivenBack,
    /// Another replica beside one in quarantine.
    Replaced {
        /// The one in quarantine.
        replica: ReplicaId,
    },
    /// A redeployed stack had set replicas to its file's number.
    Reasserted {
        /// Replicas before.
        was: u32,
        /// Replicas that it had set.
        reset_to: u32,
        /// How that is known.
        by: ResetBy,
    },
}

/// What the policy would do if nothing stood in its way.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    /// Replicas it would ask for, before clamps.
    pub to: u32,
    /// Why.
    #[serde(flatten)]
    pub reason: ScaleReason,
}

/// What changed a proposal on its way to the decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "clamp", rename_all = "snake_case")]
pub enum Clamp {
    /// Lowered to the maximum.
    Maximum {
        /// Replicas before.
        wanted: u32,
        /// Replicas after.
        to: u32,
    },
    /// Raised to the minimum.
    Minimum {
        /// Replicas before.
        wanted: u32,
        /// Replicas after.
        to: u32,
    },
    /// Moved towards what was recommended within the stabilisation window.
    Stabilised {
        /// Replicas before.
        wanted: u32,
        /// Replicas after.
        to: u32,
    },
    /// Moved back to what the rates of change allow.
    Rate {
        /// Replicas before.
        wanted: u32,
        /// Replicas after.
        to: u32,
    },
    /// Raised because fewer would be above the high mark at the load seen.
    Overshoot {
        /// The metric that would be.
        metric: Metric,
        /// Replicas before.
        wanted: u32,
        /// Replicas after.
        to: u32,
    },
    /// Lowered to what the swarm has room for.
    Room {
        /// Replicas before.
        wanted: u32,
        /// Replicas after.
        to: u32,
    },
}

/// A decision and how it came about.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// What the policy would do; also when the decision is to hold, if telemetry can be trusted. `None`: no change, or no basis.
    pub proposal: Option<Proposal>,
    /// What changed the proposal, in order.
    pub clamps: Vec<Clamp>,
    /// What to do.
    pub decision: Decision,
}

impl Verdict {
    /// A hold without a proposal.
    pub(crate) const fn hold(reason: HoldReason) -> Self {
        Self {
            proposal: None,
            clamps: Vec::new(),
            decision: Decision::Hold(reason),
        }
    }
}

/// Decides about one service. Total: any observation whatsoever yields a verdict.
#[must_use]
pub fn decide(policy: &Policy, situation: &Situation<'_>, now: Duration) -> Verdict {
    let replicas = situation.observation.mode.replicas();
    if let Some(reason) = guard::before_bounds(situation, now) {
        let proposal = ask(policy, situation, now).ok().flatten();
        return Verdict {
            proposal,
            clamps: Vec::new(),
            decision: Decision::Hold(reason),
        };
    }
    let at_once =
        reassert::reassert(policy, situation, now).or_else(|| outside_bounds(policy, replicas));
    if let Some((to, reason)) = at_once {
        let decision = Decision::Scale {
            from: replicas,
            to,
            reason,
        };
        return Verdict {
            proposal: Some(Proposal { to, reason }),
            clamps: Vec::new(),
            decision,
        };
    }
    let hold = |proposal, clamps, reason| Verdict {
        proposal,
        clamps,
        decision: Decision::Hold(reason),
    };
    let proposal = match ask(policy, situation, now) {
        Ok(Some(proposal)) => proposal,
        Ok(None) => return hold(None, Vec::new(), HoldReason::WithinBand),
        Err(reason) => return hold(None, Vec::new(), reason),
    };
    let (mut clamps, tempered) = tracking::temper(policy, proposal, situation, now);
    let tempered = match tempered {
        Ok(to) => Proposal { to, ..proposal },
        Err(reason) => return hold(Some(proposal), clamps, reason),
    };
    let (bounded, to) = threshold::clamp(policy, tempered, situation.observation);
    clamps.extend(bounded);
    let direction = if proposal.to > replicas {
        Direction::Up
    } else {
        Direction::Down
    };
    if to == replicas {
        let reason = threshold::stuck(proposal, clamps.last().copied());
        return hold(Some(proposal), clamps, reason);
    }
    if let Some(reason) = guard::against(direction, policy, situation, now) {
        return hold(Some(proposal), clamps, reason);
    }
    Verdict {
        proposal: Some(proposal),
        clamps,
        decision: Decision::Scale {
            from: replicas,
            to,
            reason: proposal.reason,
        },
    }
}

/// What marks and targets ask for together: the most, when any asks for more; fewer only when all agree on fewer.
fn ask(
    policy: &Policy,
    situation: &Situation<'_>,
    now: Duration,
) -> Result<Option<Proposal>, HoldReason> {
    let marks = || threshold::propose(policy, situation, now);
    if policy.targets().is_empty() {
        return marks();
    }
    let targets = tracking::propose(situation);
    if policy.marks().len() == 0 {
        return targets;
    }
    let marks = marks();
    let replicas = situation.observation.mode.replicas();
    let grows = |asked: &Result<Option<Proposal>, HoldReason>| {
        asked
            .as_ref()
            .ok()
            .copied()
            .flatten()
            .filter(|proposal| proposal.to > replicas)
    };
    let most = grows(&marks)
        .into_iter()
        .chain(grows(&targets))
        .max_by_key(|proposal| proposal.to);
    if most.is_some() {
        return Ok(most);
    }
    let (marks, targets) = (marks?, targets?);
    Ok(marks.zip(targets).map(|(marks, targets)| {
        if marks.to > targets.to {
            marks
        } else {
            targets
        }
    }))
}

/// The bound to return to, in one go, when replicas lie outside.
fn outside_bounds(policy: &Policy, replicas: u32) -> Option<(u32, ScaleReason)> {
    let bounds = policy.bounds();
    if replicas < bounds.min() {
        Some((bounds.min(), ScaleReason::BelowMinimum))
    } else if replicas > bounds.max() {
        Some((bounds.max(), ScaleReason::AboveMaximum))
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
