//! What the metrics say: with their marks, and against their targets.

use super::words::{count, metric_name, metric_value, replicas};
use crate::{
    metric::Metric,
    policy::{Aim, Direction},
    record::{DecisionRecord, Limits, Reading},
    track::MetricProposal,
};

impl DecisionRecord {
    /// Every metric: "CPU is 62 % of the limit, between the marks 30 % and 70 %".
    pub(super) fn readings_sentence(&self) -> String {
        let marks = self.readings.iter().filter_map(marks_part);
        let targets = self.targets.iter().map(target_part);
        let unread = self.readings.iter().filter(|reading| {
            reading.high.is_none()
                && !self
                    .targets
                    .iter()
                    .any(|target| target.metric == reading.metric)
        });
        let unread = unread.map(|reading| format!("{} is not known", metric_name(reading.metric)));
        marks
            .chain(targets)
            .chain(unread)
            .collect::<Vec<_>>()
            .join("; ")
    }

    /// Why the target of a metric asks for another number of replicas.
    pub(super) fn target_reason(
        &self,
        metric: Metric,
        aim: Aim,
        demand: f64,
        target: f64,
    ) -> String {
        let proposal = self
            .targets
            .iter()
            .find(|proposal| proposal.metric == metric && proposal.aim == aim);
        match proposal {
            Some(proposal) => target_part(proposal),
            None => format!(
                "{} will be {} in all, and {} {}",
                metric_name(metric),
                metric_value(metric, demand, false),
                aim_words(aim),
                metric_value(metric, target, false)
            ),
        }
    }

    /// What would make the service grow and shrink.
    pub(super) fn marks_sentence(&self) -> String {
        let Some(limits) = &self.limits else {
            return String::new();
        };
        let marked: Vec<_> = self
            .readings
            .iter()
            .filter(|reading| reading.high.is_some())
            .collect();
        if marked.is_empty() {
            return self.targets_sentence(limits);
        }
        let marks = |pick: fn(&Reading) -> Option<f64>, joint: &str| {
            let each = marked.iter().filter_map(|reading| {
                let value = metric_value(reading.metric, pick(reading)?, false);
                Some(format!("{} {value}", metric_name(reading.metric)))
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

    /// From which demand on the leading target asks for more or for fewer, at the headroom of now.
    fn targets_sentence(&self, limits: &Limits) -> String {
        let Some(target) = self.targets.iter().max_by_key(|target| target.to) else {
            return String::new();
        };
        let near = match target.aim {
            Aim::Average => limits.tolerance.unwrap_or_default(),
            Aim::Capacity => 0.0,
        };
        let free = target.headroom + target.backlog;
        let replicas = f64::from(self.replicas.max(limits.min));
        let value = |carried: f64| metric_value(target.metric, (carried - free).max(0.0), false);
        let up = replicas * target.target * (1.0 + near);
        let down = ((replicas - 1.0) * target.target).min(replicas * target.target * (1.0 - near));
        let grow = (self.replicas < limits.max).then(|| format!("grow above {}", value(up)));
        let shrink = (self.replicas > limits.min && down > free)
            .then(|| format!("shrink at {} or below", value(down)));
        let both: Vec<_> = grow.into_iter().chain(shrink).collect();
        if both.is_empty() {
            return String::new();
        }
        format!(
            "With {} expected over all replicas it would {}.",
            metric_name(target.metric),
            both.join(", and ")
        )
    }
}

/// A metric with its marks; `None` without marks.
fn marks_part(reading: &Reading) -> Option<String> {
    let (high, low) = (reading.high?, reading.low?);
    let name = metric_name(reading.metric);
    let short = |value| metric_value(reading.metric, value, false);
    let Some(average) = reading.average else {
        return Some(format!("{name} is not known"));
    };
    let place = if average > high {
        format!("above the high mark {}", short(high))
    } else if average < low {
        format!("below the low mark {}", short(low))
    } else {
        format!("between the marks {} and {}", short(low), short(high))
    };
    Some(format!(
        "{name} is {}, {place}",
        metric_value(reading.metric, average, true)
    ))
}

/// "new connections are 63/s in all, 80/s with what trend and headroom add, and a replica carries 10/s: 8 replicas".
fn target_part(proposal: &MetricProposal) -> String {
    let value = |value| metric_value(proposal.metric, value, false);
    let name = metric_name(proposal.metric);
    let needed = proposal.level + proposal.ahead + proposal.headroom + proposal.backlog;
    let mut parts = vec![format!(
        "{name}: {} over all replicas",
        value(proposal.demand)
    )];
    if proposal.saturated {
        parts.push("at its limit, so that the demand is not known".to_owned());
    }
    for (what, amount) in [
        ("expected to come", proposal.ahead),
        ("kept free", proposal.headroom),
        ("to work off a backlog", proposal.backlog),
    ] {
        if amount > needed * 0.01 {
            parts.push(format!("{} {what}", value(amount)));
        }
    }
    if let Some((seconds, highest)) = proposal.rhythm {
        parts.push(format!(
            "repeats every {seconds:.0} s and had {} at this place of the last time",
            value(highest)
        ));
    }
    if proposal.freedom <= -0.1 {
        parts.push("little kept free since it has cost as much as a plain target".to_owned());
    } else if proposal.freedom >= 0.1 {
        parts.push("more kept free since load found too few replicas".to_owned());
    }
    format!(
        "{}; {} {}, which takes {}",
        parts.join(", "),
        aim_words(proposal.aim),
        value(proposal.target),
        replicas(proposal.to)
    )
}

const fn aim_words(aim: Aim) -> &'static str {
    match aim {
        Aim::Average => "a replica shall have",
        Aim::Capacity => "a replica carries",
    }
}
