//! The decision record: what was seen, what was proposed, what was decided, what became of it.

use serde::{Deserialize, Serialize};

use crate::{
    admin::Effective,
    decide::{Clamp, Decision, Proposal, Reset},
    metric::Metric,
    observation::ServiceName,
    outlier::Outlier,
    policy::{Direction, PerDirection, Policy},
    time::millis,
    track::MetricProposal,
};

/// Longest text kept from an engine's error, in characters.
pub const MESSAGE_MAX: usize = 200;

/// The first [`MESSAGE_MAX`] characters.
pub(crate) fn bounded_text(text: &str) -> String {
    text.chars().take(MESSAGE_MAX).collect()
}

/// How a write ended, as the shell reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The engine took it.
    Applied,
    /// The service changed in the meantime ("update out of sequence"); nothing was written.
    Conflict,
    /// The shell or the engine declined, for instance because a rollout began; nothing was written.
    Refused {
        /// What was said.
        reason: String,
    },
    /// It failed for certain; nothing was written.
    Failed {
        /// What was said.
        error: String,
    },
    /// No answer came; it may have been applied, or still be.
    Unknown {
        /// What was said.
        error: String,
    },
}

impl Outcome {
    /// The outcome's name as a metric label.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Conflict => "conflict",
            Self::Refused { .. } => "refused",
            Self::Failed { .. } => "failed",
            Self::Unknown { .. } => "unknown",
        }
    }

    /// What was said, or the outcome's name.
    #[must_use]
    pub fn message(&self) -> &str {
        match self {
            Self::Applied | Self::Conflict => self.name(),
            Self::Refused { reason: text }
            | Self::Failed { error: text }
            | Self::Unknown { error: text } => text,
        }
    }

    /// The same outcome with its text cut to [`MESSAGE_MAX`] characters.
    #[must_use]
    pub(crate) fn bounded(mut self) -> Self {
        if let Self::Refused { reason: text }
        | Self::Failed { error: text }
        | Self::Unknown { error: text } = &mut self
        {
            *text = bounded_text(text);
        }
        self
    }
}

/// What became of a decision to scale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum RecordOutcome {
    /// The write is under way.
    Pending,
    /// Dry run: nothing was written.
    DryRun,
    /// Written.
    Applied {
        /// Time from the decision to the answer.
        after_ms: u64,
    },
    /// Someone else changed the service at the same time; nothing was written.
    Conflict,
    /// Declined; nothing was written.
    Refused {
        /// What was said.
        reason: String,
    },
    /// Failed; nothing was written.
    Failed {
        /// What was said.
        error: String,
    },
    /// Not answered.
    Unknown {
        /// What was said.
        error: String,
    },
}

/// One metric as it was seen, with the marks it was held against.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// The metric.
    pub metric: Metric,
    /// Average over the replicas that reported, in the metric's unit; `None` when nothing was reported or it was no finite number.
    pub average: Option<f64>,
    /// The high mark, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    /// The low mark, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// Replicas that reported.
    pub reporting: u32,
    /// Replicas that were asked for.
    pub expected: u32,
    /// Age of the oldest counters; `None` when nothing was reported.
    pub oldest_age_ms: Option<u64>,
}

/// The numbers of the policy that was decided with.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Least replicas.
    pub min: u32,
    /// Most replicas.
    pub max: u32,
    /// Replicas added or taken at a time.
    pub step: PerDirection<u32>,
    /// Wait after a change.
    pub cooldown_ms: PerDirection<u64>,
    /// How near to their targets averages change nothing; `None` without targets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<f64>,
    /// Whether it puts back what a redeployed stack takes away.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reassert: bool,
}

impl From<&Policy> for Limits {
    fn from(policy: &Policy) -> Self {
        let step = PerDirection {
            up: policy.step(Direction::Up),
            down: policy.step(Direction::Down),
        };
        let cooldown_ms = PerDirection {
            up: millis(policy.cooldown(Direction::Up)),
            down: millis(policy.cooldown(Direction::Down)),
        };
        Self {
            min: policy.bounds().min(),
            max: policy.bounds().max(),
            step,
            cooldown_ms,
            tolerance: (!policy.targets().is_empty()).then(|| policy.tracking().tolerance()),
            reassert: policy.reassert(),
        }
    }
}

/// One decision about one service, or a stretch of equal ones: of those, the inputs and numbers are the latest.
///
/// [`Self::explain`] puts it in a person's words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DecisionRecord {
    /// The service.
    pub service: ServiceName,
    /// Tick of the first of the equal decisions.
    pub tick: u64,
    /// Wall-clock time of the first.
    pub first_unix_ms: u64,
    /// Wall-clock time of the latest.
    pub last_unix_ms: u64,
    /// How many ticks in a row decided the same.
    pub count: u64,
    /// The administrative mode in effect.
    pub admin: Effective,
    /// Replicas in the spec.
    pub replicas: u32,
    /// Tasks that serve.
    pub serving: u32,
    /// Tasks on their way.
    pub starting: u32,
    /// Tasks that drain.
    pub draining: u32,
    /// The policy's numbers; `None` when the labels were invalid.
    pub limits: Option<Limits>,
    /// The policy's metrics as they were seen.
    pub readings: Vec<Reading>,
    /// What each target asks for, as far as its telemetry can be judged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<MetricProposal>,
    /// Replicas that do much worse than their siblings. Those in quarantine count neither in `targets` nor in averages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outliers: Vec<Outlier>,
    /// From asking for a replica to its serving, as measured; the horizon of forecasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_up_ms: Option<u64>,
    /// Replicas that a redeployed stack took away a while ago, and that nobody has changed since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset: Option<Reset>,
    /// What the policy would do if nothing stood in its way.
    pub proposal: Option<Proposal>,
    /// What changed the proposal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clamps: Vec<Clamp>,
    /// What was decided.
    pub decision: Decision,
    /// What became of it; `None` for a hold.
    pub outcome: Option<RecordOutcome>,
}

/// The stages that a decision goes through, in order: what the metrics ask for, what windows of stabilisation leave of it, then rates
/// of change, then bounds and high marks, then the swarm's room, and the end. A hold ends where it began.
pub const STAGES: [&str; 6] = ["proposed", "windows", "rates", "bounds", "room", "decided"];

/// The place of a clamp's stage in [`STAGES`].
const fn stage_of(clamp: &Clamp) -> usize {
    match clamp {
        Clamp::Stabilised { .. } => 1,
        Clamp::Rate { .. } => 2,
        Clamp::Maximum { .. } | Clamp::Minimum { .. } | Clamp::Overshoot { .. } => 3,
        Clamp::Room { .. } => 4,
    }
}

const fn replicas_after(clamp: &Clamp) -> u32 {
    match clamp {
        Clamp::Stabilised { to, .. }
        | Clamp::Rate { to, .. }
        | Clamp::Maximum { to, .. }
        | Clamp::Minimum { to, .. }
        | Clamp::Overshoot { to, .. }
        | Clamp::Room { to, .. } => *to,
    }
}

impl DecisionRecord {
    /// Replicas after each of the [`STAGES`].
    #[must_use]
    pub fn stages(&self) -> [u32; STAGES.len()] {
        let proposed = self.proposal.map_or(self.replicas, |proposal| proposal.to);
        let after = |stage: usize, before: u32| {
            let clamps = self.clamps.iter();
            let here = clamps.filter(|clamp| stage_of(clamp) == stage);
            here.fold(before, |_, clamp| replicas_after(clamp))
        };
        let windows = after(1, proposed);
        let rates = after(2, windows);
        let bounds = after(3, rates);
        let room = after(4, bounds);
        let decided = match self.decision {
            Decision::Scale { to, .. } => to,
            Decision::Hold(_) => self.replicas,
        };
        [proposed, windows, rates, bounds, room, decided]
    }

    /// Whether `next` says the same as this record, so that it only prolongs it.
    ///
    /// Holds are the same when their kind, replicas, administrative mode and policy are; what was written is never the same as anything.
    #[must_use]
    pub(crate) fn continues(&self, next: &Self) -> bool {
        let same = match (&self.decision, &next.decision) {
            (Decision::Hold(now), Decision::Hold(then)) => now.kind() == then.kind(),
            (Decision::Scale { to: now, .. }, Decision::Scale { to: then, .. }) => {
                now == then
                    && self.outcome == Some(RecordOutcome::DryRun)
                    && next.outcome == Some(RecordOutcome::DryRun)
            }
            (Decision::Hold(_), Decision::Scale { .. })
            | (Decision::Scale { .. }, Decision::Hold(_)) => false,
        };
        same && self.replicas == next.replicas
            && self.admin == next.admin
            && self.limits == next.limits
    }

    /// Memory outside the record itself, in bytes; texts of holds are not counted.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.readings.capacity() * size_of::<Reading>()
            + self.targets.capacity() * size_of::<MetricProposal>()
            + self.outliers.capacity() * size_of::<Outlier>()
            + self.clamps.capacity() * size_of::<Clamp>()
    }
}
