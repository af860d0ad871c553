//! Decision records in a person's words: what was decided and why, then what would change it.
//!
//! Everything said is taken from the record, so that an old one reads as a new one does.

mod holds;
mod words;

use crate::{
    decide::{Clamp, Decision, ScaleReason},
    policy::Direction,
    record::{DecisionRecord, RecordOutcome},
};

use words::{count, metric_name, metric_value, milliseconds, replicas};

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
            self.outcome_sentence(),
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
        }
    }

    fn clamp_sentences(&self) -> String {
        join(self.clamps.iter().map(|clamp| match clamp {
            Clamp::Maximum { wanted, to } => format!("It wanted {wanted}; the maximum is {to}."),
            Clamp::Minimum { wanted, to } => format!("It wanted {wanted}; the minimum is {to}."),
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

    /// Every metric with its marks: "CPU is 62 % of the limit, between the marks 30 % and 70 %".
    fn readings_sentence(&self) -> String {
        let each = self.readings.iter().map(|reading| {
            let name = metric_name(reading.metric);
            let short = |value| metric_value(reading.metric, value, false);
            let (low, high) = (short(reading.low), short(reading.high));
            let Some(average) = reading.average else {
                return format!("{name} is not known");
            };
            let place = if average > reading.high {
                format!("above the high mark {high}")
            } else if average < reading.low {
                format!("below the low mark {low}")
            } else {
                format!("between the marks {low} and {high}")
            };
            format!(
                "{name} is {}, {place}",
                metric_value(reading.metric, average, true)
            )
        });
        each.collect::<Vec<_>>().join("; ")
    }

    /// What would make the service grow and shrink.
    fn marks_sentence(&self) -> String {
        let Some(limits) = &self.limits else {
            return String::new();
        };
        let marks = |pick: fn(&crate::record::Reading) -> f64, joint: &str| {
            let each = self.readings.iter().map(|reading| {
                format!(
                    "{} {}",
                    metric_name(reading.metric),
                    metric_value(reading.metric, pick(reading), false)
                )
            });
            each.collect::<Vec<_>>().join(joint)
        };
        let (up, down) = (
            limits.step.get(Direction::Up),
            limits.step.get(Direction::Down),
        );
        let grow = (self.replicas < limits.max).then(|| {
            format!(
                "add {} above {}",
                count(u64::from(up), "replica"),
                marks(|reading| reading.high, " or ")
            )
        });
        let shrink = (self.replicas > limits.min).then(|| {
            format!(
                "take {} away below {}",
                count(u64::from(down), "replica"),
                marks(|reading| reading.low, " and ")
            )
        });
        let both: Vec<_> = grow.into_iter().chain(shrink).collect();
        if both.is_empty() {
            String::new()
        } else {
            format!("It would {}.", both.join(", and "))
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

/// Sentences to a paragraph; empty ones are dropped.
fn join(sentences: impl IntoIterator<Item = String>) -> String {
    sentences
        .into_iter()
        .filter(|sentence| !sentence.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}
