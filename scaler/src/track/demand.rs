//! The demand for one metric over time, over all replicas: its level, its noise, its trend, how far it wanders, what is left undone.
//!
//! Everything is in the metric's own unit, found from the readings themselves, and bounded in memory. It knows no replicas.

use std::{collections::VecDeque, time::Duration};

/// Readings kept; the horizon of a forecast is at most half of them.
const CELLS_MAX: usize = 64;

/// The level is a mean over so long, where nothing says that it has moved.
const SLOW: Duration = Duration::from_secs(32);

/// Standard errors by which a shorter mean has to be above a longer one to be believed.
const SIGNIFICANT: f64 = 3.0;

/// Share of a single new reading in the variance.
const VARIANCE_WEIGHT: f64 = 0.02;

/// Share of the rises over the horizon that the drift covers.
const DRIFT_QUANTILE: f64 = 0.9;

/// A trend adds at most so many times the level.
const TREND_MAX: f64 = 1.0;

/// One metric's demand over time.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Demand {
    /// Readings at even distances, newest last.
    cells: VecDeque<f64>,
    /// The distance.
    step: Duration,
    /// When the newest cell began.
    at: Duration,
    /// Variance of the sum over one second.
    variance: Option<f64>,
    /// Quantile of the level's rise over the horizon.
    drift: f64,
    /// Demand beyond what was served, not yet worked off.
    backlog: f64,
    backlog_at: Option<Duration>,
}

/// What is expected at the horizon.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Outlook {
    /// The latest reading.
    pub(super) latest: f64,
    /// What the demand is, noise aside.
    pub(super) level: f64,
    /// What the trend adds by the horizon; never negative.
    pub(super) trend: f64,
    /// What the demand often rises by within the horizon without a trend.
    pub(super) drift: f64,
    /// Variance of the sum over one second.
    pub(super) variance: f64,
}

impl Demand {
    /// Takes a reading over `interval`; readings that overlap the one before replace it.
    pub(super) fn push(
        &mut self,
        demand: f64,
        interval: Duration,
        horizon: Duration,
        now: Duration,
    ) {
        let step = interval.clamp(Duration::from_secs(1), Duration::from_secs(60));
        let since = now.saturating_sub(self.at);
        let other_rhythm = step > self.step * 3 / 2 || step < self.step * 2 / 3;
        if other_rhythm || now < self.at || since > self.step * 4 {
            self.cells.clear();
        }
        if self.cells.is_empty() {
            self.step = step;
        } else if since < self.step * 3 / 4 {
            if let Some(newest) = self.cells.back_mut() {
                *newest = demand;
            }
            return;
        }
        self.note_variance(demand);
        if self.cells.len() >= CELLS_MAX {
            self.cells.pop_front();
        }
        self.cells.push_back(demand);
        self.at = now;
        self.note_drift(self.cells_in(horizon + self.step));
    }

    /// Half the squared distance of neighbours is the variance of one; jumps count as far as noise explains them.
    fn note_variance(&mut self, demand: f64) {
        let Some(before) = self.cells.back() else {
            return;
        };
        let seconds = self.step.as_secs_f64();
        let seen = (demand - before).powi(2) / 2.0 * seconds;
        self.variance = Some(match self.variance {
            None => seen,
            Some(known) => {
                let most = known.max(self.slow_level() * 0.1) * 9.0;
                known + VARIANCE_WEIGHT * (seen.min(most) - known)
            }
        });
    }

    /// The mean of `count` cells, beginning with the `skip` newest left out; as many as there are.
    fn mean(&self, skip: usize, count: usize) -> f64 {
        let cells = self.cells.iter().rev().skip(skip).take(count);
        let (sum, number) =
            cells.fold((0.0, 0.0), |(sum, number), cell| (sum + cell, number + 1.0));
        if number > 0.0 { sum / number } else { 0.0 }
    }

    /// The latest reading.
    pub(super) fn newest(&self) -> Option<f64> {
        self.cells.back().copied()
    }

    fn cells_in(&self, length: Duration) -> usize {
        let cells = length.as_secs_f64() / self.step.as_secs_f64().max(1.0);
        let mut count = 1;
        while count < CELLS_MAX / 2 && f64::from(u32::try_from(count).unwrap_or(u32::MAX)) < cells {
            count += 1;
        }
        count
    }

    fn slow_level(&self) -> f64 {
        self.mean(0, self.cells_in(SLOW).max(4))
    }

    /// Seconds that `count` cells are long, at most as many as there are.
    fn seconds(&self, count: usize) -> f64 {
        let count = u32::try_from(count.min(self.cells.len())).unwrap_or(u32::MAX);
        f64::from(count) * self.step.as_secs_f64()
    }

    /// Takes what was served at most since the last time into account.
    pub(super) fn work_off(&mut self, served_per_second: f64, longest: Duration, now: Duration) {
        let Some(latest) = self.cells.back() else {
            return;
        };
        let passed = now
            .saturating_sub(self.backlog_at.replace(now).unwrap_or(now))
            .min(self.step * 2);
        let most = served_per_second * longest.as_secs_f64();
        let more = (latest - served_per_second) * passed.as_secs_f64();
        self.backlog = (self.backlog + more).clamp(0.0, most.max(0.0));
    }

    /// Demand not yet worked off, in units.
    pub(super) const fn backlog(&self) -> f64 {
        self.backlog
    }

    /// The outlook over a horizon.
    pub(super) fn outlook(&self, horizon: Duration) -> Outlook {
        let variance = self.variance.unwrap_or_default();
        let level = self.level(variance);
        let seconds = horizon.as_secs_f64() + 1.5 * self.step.as_secs_f64();
        let trend = (self.slope(variance) * seconds).min(level * TREND_MAX);
        Outlook {
            latest: self.cells.back().copied().unwrap_or_default(),
            level,
            trend,
            drift: self.drift.min(level / 2.0),
            variance,
        }
    }

    /// The slow mean, unless a shorter one is above it by more than noise explains: then that.
    fn level(&self, variance: f64) -> f64 {
        let mut level = self.slow_level();
        let mut count = self.cells_in(SLOW).max(4);
        while count > 1 {
            count /= 2;
            let mean = self.mean(0, count);
            let error = (variance / self.seconds(count).max(1.0)).sqrt();
            if mean - SIGNIFICANT * error > level {
                level = mean;
            }
        }
        level
    }

    /// The steepest rise, over whatever length, that noise does not explain; per second.
    fn slope(&self, variance: f64) -> f64 {
        let mut steepest = 0.0_f64;
        let mut count = 1;
        while 2 * count < self.cells.len() && count <= CELLS_MAX / 4 {
            let seconds = self.seconds(count);
            let slope = (self.mean(0, count) - self.mean(count, count)) / seconds;
            let error = (2.0 * variance / seconds).sqrt() / seconds;
            if slope > SIGNIFICANT * error {
                steepest = steepest.max(slope);
            }
            count *= 2;
        }
        steepest
    }

    /// Follows the quantile of rises over the horizon: up by much when one is above it, down by little when one is below.
    fn note_drift(&mut self, ahead: usize) {
        let smooth = ahead.clamp(3, 15);
        if self.cells.len() < ahead + smooth {
            return;
        }
        let rise = self.mean(0, smooth) - self.mean(ahead, smooth);
        let stride = 0.02 * (rise.abs() + self.drift.abs());
        self.drift = if rise > self.drift {
            self.drift + stride * DRIFT_QUANTILE
        } else {
            self.drift - stride * (1.0 - DRIFT_QUANTILE)
        }
        .max(0.0);
    }

    /// Memory outside the value itself, in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        self.cells.capacity() * size_of::<f64>()
    }
}
