//! What one metric asks for: the outlook of its demand divided by what a replica carries.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::demand::{Outlook, SLOW};
use crate::{
    metric::Metric,
    policy::{Aim, Predict, REPLICAS_LIMIT, Target, Tracking},
};

/// Share of a limit from which on a metric no longer shows the demand.
const SATURATED: f64 = 0.95;

/// Replicas are multiplied by this while a metric is at its limit.
const SATURATED_GROWTH: f64 = 2.0;

/// The chance that work waits too long that the headroom over a capacity leaves, as its natural logarithm: one in a thousand.
const WAIT_CHANCE_LN: f64 = -6.9;

/// A backlog is worked off within so many seconds of its being seen.
const DRAIN_SECONDS: f64 = 2.0;

/// A backlog below this part of a second's capacity is noise.
const BACKLOG_MIN: f64 = 0.25;

/// Standard errors of the level that are kept free.
const LEVEL_ERRORS: f64 = 3.0;

/// What is kept free where the budget allows most and least, as multiples of what is kept free otherwise.
const MARGIN_GENEROUS: f64 = 2.0;
const MARGIN_FRUGAL: f64 = 0.2;

/// What one metric asks for, and from what; demands are over all replicas, in the metric's unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricProposal {
    /// The metric.
    pub metric: Metric,
    /// How the target is meant.
    pub aim: Aim,
    /// The target per replica.
    pub target: f64,
    /// Demand as last read.
    pub demand: f64,
    /// Demand without its noise.
    pub level: f64,
    /// What trend and drift add until a new replica would serve.
    pub ahead: f64,
    /// What is kept free so that work need not wait.
    pub headroom: f64,
    /// What working off a backlog asks for.
    pub backlog: f64,
    /// Whether the metric is at its limit, so that the demand is not known.
    pub saturated: bool,
    /// Replicas that serve but do not report, and should.
    pub missing: u32,
    /// What the season expects, if enough days are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub season: Option<f64>,
    /// The interval at which the demand repeats, in seconds, and the highest until a new replica would serve if it does so again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rhythm: Option<(f64, f64)>,
    /// How free with replicas the budget let it be, from -1, frugal, to 1, generous.
    #[serde(default)]
    pub freedom: f64,
    /// Of the replicas asked for, those that no forecast asks for.
    pub sure: u32,
    /// Replicas asked for.
    pub to: u32,
}

/// What a proposal is made from besides the outlook.
#[derive(Clone, Copy, Debug)]
pub(super) struct Basis<'a> {
    pub(super) target: Target,
    pub(super) tracking: &'a Tracking,
    /// The average as read.
    pub(super) average: f64,
    pub(super) serving: u32,
    pub(super) replicas: u32,
    pub(super) missing: u32,
    pub(super) backlog: f64,
    pub(super) season: Option<f64>,
    /// The interval at which the demand repeats, and the highest that the last one had until the horizon.
    pub(super) rhythm: Option<(Duration, f64)>,
    /// How free with replicas the budget lets it be, from -1 to 1.
    pub(super) freedom: f64,
}

impl Basis<'_> {
    /// The replicas that the outlook asks for.
    pub(super) fn propose(&self, outlook: &Outlook) -> MetricProposal {
        let value = self.target.value();
        let capacity = self.target.aim() == Aim::Capacity;
        let (ahead, drift) = self.ahead(outlook);
        let expected = outlook.level + ahead;
        let seen = self.backlog > value * f64::from(self.serving) * BACKLOG_MIN;
        let backlog = if capacity && seen {
            self.backlog / DRAIN_SECONDS
        } else {
            0.0
        };
        let free = |demand| {
            if capacity {
                self.headroom(demand, outlook.variance)
            } else {
                0.0
            }
        };
        let headroom = free(expected);
        let limit = self.target.metric().ceiling();
        let saturated = limit.is_some_and(|limit| self.average >= limit * SATURATED);
        let mut wanted = (expected + headroom + backlog) / value;
        let calm = outlook.level + drift;
        let mut sure = (calm + free(calm)) / value;
        if saturated {
            wanted = wanted.max(f64::from(self.serving) * SATURATED_GROWTH);
            sure = sure.max(f64::from(self.serving));
        }
        let to = self.rounded(wanted, expected / value, saturated);
        MetricProposal {
            metric: self.target.metric(),
            aim: self.target.aim(),
            target: value,
            demand: outlook.latest,
            level: outlook.level,
            ahead,
            headroom,
            backlog,
            saturated,
            missing: self.missing,
            season: self.season,
            rhythm: self
                .rhythm
                .map(|(period, highest)| (period.as_secs_f64(), highest)),
            freedom: self.freedom,
            sure: self.rounded(sure, calm / value, saturated).min(to),
            to,
        }
    }

    /// What is expected to come on top of the level, and how much of it is drift.
    fn ahead(&self, outlook: &Outlook) -> (f64, f64) {
        let predict = self.tracking.predict();
        let capacity = self.target.aim() == Aim::Capacity;
        let drift = if capacity && predict.trend() {
            outlook.drift * self.margin()
        } else {
            0.0
        };
        let trend = if predict.trend() { outlook.trend } else { 0.0 };
        let season = self.season.filter(|_| predict == Predict::Seasonal);
        let rhythm = self.rhythm.filter(|_| predict.trend());
        let again = season
            .unwrap_or_default()
            .max(rhythm.map_or(0.0, |(_, highest)| highest));
        ((trend + drift).max(again - outlook.level), drift)
    }

    /// Work waits longer than `w` with a probability of about `exp(-2 d b / v)` (heavy traffic) with `d` free capacity, `b = w *
    /// capacity` and `v` the variance per second; solved for `d`, capacity being demand and `d` together. On top comes what the level may be wrong by.
    fn headroom(&self, expected: f64, variance: f64) -> f64 {
        let margin = self.margin();
        let twice = -WAIT_CHANCE_LN * margin * variance / self.tracking.wait().as_secs_f64();
        // d (expected + d) = twice / 2
        let half = expected / 2.0;
        let wait = (half * half + twice / 2.0).sqrt() - half;
        wait + LEVEL_ERRORS * margin * (variance / SLOW.as_secs_f64()).sqrt()
    }

    /// What is kept free, as a multiple of what is kept free where the budget does not matter.
    fn margin(&self) -> f64 {
        if self.freedom >= 0.0 {
            MARGIN_GENEROUS.powf(self.freedom)
        } else {
            MARGIN_FRUGAL.powf((-2.0 * self.freedom - 1.0).max(0.0))
        }
    }

    /// Within the tolerance nothing changes; missing replicas count as idle when it grows, as on target when it shrinks; and neither
    /// turns the direction round.
    fn rounded(&self, wanted: f64, on_target: f64, saturated: bool) -> u32 {
        let serving = f64::from(self.serving.max(1));
        let near = (on_target / serving - 1.0).abs() <= self.tracking.tolerance();
        if self.target.aim() == Aim::Average && near && !saturated {
            return self.replicas;
        }
        let up = count(wanted);
        if up >= self.replicas {
            return up;
        }
        up.saturating_add(self.missing).min(self.replicas)
    }
}

/// Whole replicas for a number of them; a millionth of one is not asked for.
fn count(wanted: f64) -> u32 {
    let whole = (wanted - 1e-6).ceil().clamp(1.0, f64::from(REPLICAS_LIMIT));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to 1..=REPLICAS_LIMIT just above; NaN becomes 0, which the bounds raise"
    )]
    let whole = whole as u32;
    whole
}
