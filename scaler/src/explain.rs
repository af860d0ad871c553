//! Decision records in a person's words: what was decided and why, then what would change it.
//!
//! Everything said is taken from the record, so that an old one reads as a new one does.

mod holds;
mod metrics;
mod outliers;
mod words;

use crate::{
    decide::{Clamp, Decision, Reset, ResetBy, ScaleReason},
    record::{DecisionRecord, RecordOutcome},
};

use words::{metric_name, metric_value, milliseconds, replicas};

impl DecisionRecord {
    /// The record in a few sentences.
    #[must_use]
    pub fn explain(&self) -> String {
        match &self.decision {
            Decision::Scale { from, to, reason } => self.explain_scale(*from, *to, *reason),
            Decision::Hold(reason) => {
                let lasted = self.last_unix_ms.saturating_sub(self.first_unix_ms);
                let lasted = if lasted == 0 {
                    String::new()
                } else {
                    format!(" for {}", milliseconds(lasted))
                };
                let (why, then) = self.hold_sentences(reason);
                let end = if why.ends_with(['.', '?', '!']) {
                    ""
                } else {
                    "."
                };
                join([
                    format!("Held at {}{lasted}: {why}{end}", replicas(self.replicas)),
                    then,
                    self.outlier_sentences(),
                    self.reset_sentence(),
                ])
            }
        }
    }

    fn explain_scale(&self, from: u32, to: u32, reason: ScaleReason) -> String {
        let what = match &self.outcome {
            Some(RecordOutcome::Applied { .. }) => "Scaled",
            Some(RecordOutcome::Pending) => "Scaling",
            Some(RecordOutcome::DryRun) => "Would scale",
            Some(
                RecordOutcome::Conflict
                | RecordOutcome::Refused { .. }
                | RecordOutcome::Failed { .. }
                | RecordOutcome::Unknown { .. },
            )
            | None => "Tried to scale",
        };
        let why = self.scale_reason(from, reason);
        join([
            format!("{what} from {from} to {}: {why}.", replicas(to)),
            self.clamp_sentences(),
            self.outlier_sentences(),
            self.outcome_sentence(),
            match reason {
                ScaleReason::Reasserted { .. } => String::new(),
                _ => self.reset_sentence(),
            },
        ])
    }

    fn scale_reason(&self, from: u32, reason: ScaleReason) -> String {
        let limit = |pick: fn(&crate::record::Limits) -> u32| {
            self.limits.as_ref().map(pick).unwrap_or_default()
        };
        match reason {
            ScaleReason::AboveHigh {
                metric,
                average,
                high,
            } => format!(
                "{} is {}, above the high mark {}",
                metric_name(metric),
                metric_value(metric, average, true),
                metric_value(metric, high, false)
            ),
            ScaleReason::BelowLow => format!(
                "{}; the others can carry the load",
                self.readings_sentence()
            ),
            ScaleReason::Target {
                metric,
                aim,
                demand,
                target,
            } => self.target_reason(metric, aim, demand, target),
            ScaleReason::BelowMinimum => format!(
                "{from} is below the minimum {}, which needs no telemetry",
                limit(|limits| limits.min)
            ),
            ScaleReason::AboveMaximum => format!(
                "{from} is above the maximum {}, which needs no telemetry",
                limit(|limits| limits.max)
            ),
            ScaleReason::GaveWay { wanted } => format!(
                "the swarm is short of room and others come first; it would have {}",
                replicas(wanted)
            ),
            ScaleReason::GivenBack => {
                "the swarm has room again for what it had given up".to_owned()
            }
            ScaleReason::Replaced { replica } => {
                format!("replica {replica} is in quarantine, and another takes its place")
            }
            ScaleReason::Reasserted { was, reset_to, by } => format!(
                "{}, and swarmtide.reassert puts back what was decided before",
                reset_words(by, was, reset_to)
            ),
        }
    }

    /// Replicas that a redeployed stack took away, and what comes of it.
    fn reset_sentence(&self) -> String {
        let Some(Reset {
            unix_ms,
            was,
            to,
            by,
            ..
        }) = self.reset
        else {
            return String::new();
        };
        let since = milliseconds(self.last_unix_ms.saturating_sub(unix_ms));
        let asserts = self.limits.is_some_and(|limits| limits.reassert);
        let then = if asserts {
            "that is put back when nothing stands in the way"
        } else {
            "swarmtide.reassert=true would put that back"
        };
        let what = reset_words(by, was, to);
        format!("Beside that, {since} before, {what}; {then}.")
    }

    fn clamp_sentences(&self) -> String {
        join(self.clamps.iter().map(|clamp| match clamp {
            Clamp::Maximum { wanted, to } => format!("It wanted {wanted}; the maximum is {to}."),
            Clamp::Minimum { wanted, to } => format!("It wanted {wanted}; the minimum is {to}."),
            Clamp::Stabilised { wanted, to } => {
                format!("It wanted {wanted}; a moment ago it had wanted {to}.")
            }
            Clamp::Rate { wanted, to } => {
                format!("It wanted {wanted}; its rates of change let it go to {to}.")
            }
            Clamp::Overshoot { metric, wanted, to } => {
                format!(
                    "It wanted {wanted}; with fewer than {to}, {} would be above its high mark.",
                    metric_name(*metric)
                )
            }
            Clamp::Room { wanted, to } => {
                format!("It wanted {wanted}; the swarm has room for {to}.")
            }
        }))
    }

    fn outcome_sentence(&self) -> String {
        match &self.outcome {
            None => String::new(),
            Some(RecordOutcome::Pending) => "The swarm has not answered yet.".to_owned(),
            Some(RecordOutcome::DryRun) => "This is a dry run: nothing was written.".to_owned(),
            Some(RecordOutcome::Applied { after_ms }) => format!("The swarm took it after {}.", milliseconds(*after_ms)),
            Some(RecordOutcome::Conflict) => {
                "Someone else changed the service at the same time, so nothing was written; it is decided anew.".to_owned()
            }
            Some(RecordOutcome::Refused { reason }) => format!("It was declined and nothing was written: {reason}"),
            Some(RecordOutcome::Failed { error }) => format!("It failed and nothing was written: {error}"),
            Some(RecordOutcome::Unknown { error }) => format!("No answer came, so it may or may not have happened: {error}"),
        }
    }

    /// What the policy would do if nothing stood in its way.
    fn proposal_sentence(&self) -> String {
        match self.proposal {
            None => String::new(),
            Some(proposal) => format!(
                "By its metrics it would go to {}: {}.",
                replicas(proposal.to),
                self.readings_sentence()
            ),
        }
    }
}

/// What a redeployed stack did, as far as it is known.
fn reset_words(by: ResetBy, was: u32, to: u32) -> String {
    match by {
        ResetBy::StackDeploy => format!("a stack deploy set it from {was} to {}", replicas(to)),
        ResetBy::PresumedStackDeploy => format!(
            "it was set from {was} to {}, the number of its stack's file, which looks like a stack deploy",
            replicas(to)
        ),
    }
}

/// Sentences to a paragraph; empty ones are dropped.
fn join(sentences: impl IntoIterator<Item = String>) -> String {
    sentences
        .into_iter()
        .filter(|sentence| !sentence.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}
