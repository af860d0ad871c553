//! The demand for one metric over time, over all replicas: its level, its noise, its trend, how far it wanders, what is left undone.
//!
//! Everything is found from the readings themselves, in the metric's own unit or without any, and bounded in memory. It knows no
//! replicas. Nothing here is a setting: what differs between services is measured.

use std::{collections::VecDeque, time::Duration};

use super::rhythm::Rhythm;

/// Readings kept; a horizon is at most half of them.
const CELLS_MAX: usize = 64;

/// The level is a mean over so long, where nothing says that it has moved.
pub(super) const SLOW: Duration = Duration::from_secs(32);

/// Standard errors by which a mean has to be above another to be believed.
const SIGNIFICANT: f64 = 4.0;

/// Weight of a new reading in the dispersion.
const DISPERSION_WEIGHT: f64 = 0.02;

/// Neighbouring readings overlap where replicas are polled one after another, which takes this from the variance between them.
const OVERLAP: f64 = 1.5;

/// A rise that has lasted for a time is carried on for at most so many times that.
const CARRIED_ON: f64 = 3.0;

/// Of a trend's certain and likely parts, how much of the difference is counted.
const LIKELY_SHARE: f64 = 0.5;

/// A trend adds at most so many times the level.
const TREND_MAX: f64 = 1.0;

/// How much of a trend is taken to come true before any has been seen to; and the weight of each that has been seen.
const GAIN_UNKNOWN: f64 = 1.0;
const GAIN_PRIOR: f64 = 0.3;
const GAIN_KEPT: f64 = 0.99;
const GAIN_MAX: f64 = 1.2;

/// A trend below this part of the level teaches nothing.
const TREND_TELLING: f64 = 0.1;

/// Share of the rises within a horizon that the drift covers.
const DRIFT_QUANTILE: f64 = 0.94;

/// Step of the quantile's search, as a part of drift and noise.
const DRIFT_STRIDE: f64 = 0.04;

/// A rise of so many times drift and noise is a burst, which says nothing about how far calm demand wanders.
const BURST: f64 = 4.0;

/// Drift counts up to this part of the level, and is covered so many times over: those that it leaves out go further.
const DRIFT_MAX: f64 = 0.25;
const DRIFT_COVERED: f64 = 1.5;

/// One metric's demand over time.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Demand {
    /// Readings at even distances, newest last.
    cells: VecDeque<f64>,
    /// The distance.
    step: Duration,
    /// When the newest cell began.
    at: Duration,
    /// Variance over one second in multiples of the level: that of a Poisson process is the size of one event.
    dispersion: Option<f64>,
    /// Quantile of the relative rise over the horizon.
    drift: f64,
    /// What extrapolated trends promised, squared, and that times what came; both forgotten as new ones come.
    promised: f64,
    kept: f64,
    /// The last demand of which nearly every replica told its part.
    known: f64,
    /// Demand beyond what was served, not yet worked off.
    backlog: f64,
    backlog_at: Option<Duration>,
    rhythm: Rhythm,
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
        self.note_dispersion(demand);
        if self.cells.len() >= CELLS_MAX {
            self.cells.pop_front();
        }
        self.cells.push_back(demand);
        self.at = now;
        self.note_drift(self.cells_in(horizon + self.step));
        self.note_gain(horizon);
    }

    /// Half the squared distance of two readings is the variance of one; jumps count as far as noise explains them.
    fn note_dispersion(&mut self, demand: f64) {
        let Some(before) = self.cells.iter().rev().nth(1) else {
            return;
        };
        let mean = f64::midpoint(demand, *before);
        if mean <= 0.0 {
            return;
        }
        let seen = (demand - before).powi(2) / 2.0 / mean * self.step.as_secs_f64() * OVERLAP;
        self.dispersion = Some(self.dispersion.map_or(seen, |known| {
            // From nothing it has to be able to grow.
            let most = known.max(mean * 1e-4) * 9.0;
            known + DISPERSION_WEIGHT * (seen.min(most) - known)
        }));
    }

    /// Follows the quantile of relative rises over the horizon: far up when one is above it, a little down when one is below.
    fn note_drift(&mut self, ahead: usize) {
        let smooth = ahead.clamp(3, 15);
        let base = self.mean(ahead, smooth);
        if self.cells.len() < ahead + smooth || base <= 0.0 {
            return;
        }
        let rise = self.mean(0, smooth) / base - 1.0;
        let dispersion = self.dispersion.unwrap_or_default();
        let scale = self.drift + (dispersion / base / self.seconds(smooth)).sqrt();
        if rise > BURST * scale {
            return;
        }
        let stride = DRIFT_STRIDE * scale;
        self.drift = if rise > self.drift {
            self.drift + stride * DRIFT_QUANTILE
        } else {
            self.drift - stride * (1.0 - DRIFT_QUANTILE)
        }
        .max(0.0);
    }

    /// The last demand of which nearly every replica told its part.
    pub(super) const fn known(&self) -> f64 {
        self.known
    }

    /// Nearly every replica told its part of this demand.
    pub(super) const fn know(&mut self, demand: f64) {
        self.known = demand;
    }

    /// Takes what was served at most since the last time into account; nothing waits for longer than `longest`.
    pub(super) fn work_off(&mut self, served_per_second: f64, longest: Duration, now: Duration) {
        let Some(latest) = self.cells.back() else {
            return;
        };
        let since = now.saturating_sub(self.backlog_at.replace(now).unwrap_or(now));
        let more = (latest - served_per_second) * since.min(self.step * 2).as_secs_f64();
        let most = served_per_second * longest.as_secs_f64();
        self.backlog = (self.backlog + more).clamp(0.0, most.max(0.0));
    }

    /// Demand not yet worked off, in units.
    pub(super) const fn backlog(&self) -> f64 {
        self.backlog
    }

    /// Takes a reading into account for what repeats.
    pub(super) fn note_rhythm(&mut self, demand: f64, now: Duration) {
        self.rhythm.note(demand, self.step, now);
    }

    /// The interval at which the demand repeats, and the highest until the horizon and a reading beyond it if it does so again.
    pub(super) fn rhythm(&self, horizon: Duration) -> Option<(Duration, f64)> {
        let ahead = horizon.saturating_add(self.step);
        self.rhythm.period().zip(self.rhythm.forecast(ahead))
    }

    /// The latest reading.
    pub(super) fn latest(&self) -> f64 {
        self.cells.back().copied().unwrap_or_default()
    }

    /// The mean of the readings of so long.
    pub(super) fn mean_over(&self, length: Duration) -> f64 {
        self.mean(0, self.cells_in(length))
    }

    /// The outlook over a horizon.
    pub(super) fn outlook(&self, horizon: Duration) -> Outlook {
        let dispersion = self.dispersion.unwrap_or_default();
        let level = self.level(dispersion);
        let variance = dispersion * level;
        // A reading is as old as its interval is long, on average, and half of that again until the next.
        let late = (self.step * 3 / 2).as_secs_f64();
        let rise = |seconds| self.rise(0, dispersion, level, seconds);
        let near = rise(late);
        let far = (rise(horizon.as_secs_f64() + late) - near).max(0.0);
        let trend = (near + far * self.gain()).min(level * TREND_MAX);
        Outlook {
            latest: self.cells.back().copied().unwrap_or_default(),
            level,
            trend,
            drift: level * DRIFT_COVERED * self.drift.min(DRIFT_MAX),
            variance,
        }
    }

    /// Learns how much of extrapolated trends comes true: the trend as it was seen a horizon ago against what came.
    fn note_gain(&mut self, horizon: Duration) {
        let ahead = self.cells_in(horizon);
        let dispersion = self.dispersion.unwrap_or_default();
        let level = self.mean(ahead, 2);
        let promised = self.rise(ahead, dispersion, level, self.seconds(ahead));
        if promised <= TREND_TELLING * level {
            return;
        }
        let came = self.mean(0, 2) - level;
        // Relative to the level, so that large demands do not drown what small ones taught.
        let (promised, came) = (promised / level.max(1e-9), came / level.max(1e-9));
        let promised_most = promised.min(TREND_MAX);
        let came = came.clamp(-promised_most, promised_most * GAIN_MAX);
        self.kept = self.kept * GAIN_KEPT + promised_most * came;
        self.promised = self.promised * GAIN_KEPT + promised_most * promised_most;
    }

    /// How much of an extrapolated trend is taken to come true.
    fn gain(&self) -> f64 {
        ((GAIN_UNKNOWN * GAIN_PRIOR + self.kept) / (GAIN_PRIOR + self.promised)).max(0.0)
    }

    /// The slow mean, unless a shorter one is above it by more than noise explains: then that.
    fn level(&self, dispersion: f64) -> f64 {
        let slow = self.slow_level();
        let mut level = slow;
        let mut count = self.cells_in(SLOW).max(4);
        while count > 1 {
            count /= 2;
            let mean = self.mean(0, count);
            if mean - significant(dispersion, slow, self.seconds(count)) > level {
                level = mean;
            }
        }
        level
    }

    /// The steepest rise, over whatever length, beyond what noise explains, carried on for so many seconds.
    fn rise(&self, skip: usize, dispersion: f64, level: f64, ahead: f64) -> f64 {
        let mut most = 0.0_f64;
        let mut count = 1;
        while skip + 2 * count < self.cells.len() && count <= CELLS_MAX / 4 {
            let seconds = self.seconds(count);
            let rise = self.mean(skip, count) - self.mean(skip + count, count);
            let certain = rise - significant(2.0 * dispersion, level, seconds);
            if certain > 0.0 {
                let likely = certain + LIKELY_SHARE * (rise - certain);
                most = most.max(likely / seconds * ahead.min(CARRIED_ON * seconds));
            }
            count *= 2;
        }
        most
    }

    fn slow_level(&self) -> f64 {
        self.mean(0, self.cells_in(SLOW).max(4))
    }

    /// The mean of `count` cells, beginning with the `skip` newest left out; as many as there are.
    fn mean(&self, skip: usize, count: usize) -> f64 {
        let cells = self.cells.iter().rev().skip(skip).take(count);
        let (sum, number) =
            cells.fold((0.0, 0.0), |(sum, number), cell| (sum + cell, number + 1.0));
        if number > 0.0 { sum / number } else { 0.0 }
    }

    /// Cells that a length takes, at most half of those kept.
    fn cells_in(&self, length: Duration) -> usize {
        let cells = length.as_millis().div_ceil(self.step.as_millis().max(1));
        usize::try_from(cells)
            .unwrap_or(CELLS_MAX)
            .clamp(1, CELLS_MAX / 2)
    }

    /// Seconds that `count` cells are long, at least one.
    fn seconds(&self, count: usize) -> f64 {
        let count = u32::try_from(count.min(self.cells.len())).unwrap_or(u32::MAX);
        (f64::from(count) * self.step.as_secs_f64()).max(1.0)
    }

    /// Memory outside the value itself, in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        self.cells.capacity() * size_of::<f64>() + self.rhythm.heap_bytes()
    }
}

/// How far above a level noise alone takes a mean over so many seconds; few events are skewed, which the second part allows for.
fn significant(dispersion: f64, level: f64, seconds: f64) -> f64 {
    let error = (dispersion * level / seconds).sqrt();
    SIGNIFICANT * error + SIGNIFICANT * SIGNIFICANT / 4.0 * dispersion / seconds
}
