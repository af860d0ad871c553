//! Demand that comes back at even intervals of up to half an hour: how long the interval is, and what the last one had at this place.
//!
//! It compares the demand with itself, one lag at a time. A lag is taken for the interval when the demand is much nearer to what it was
//! then than to what it was at some shorter lag, over more than one interval: a random walk is nearest to what it was just before, and
//! constant demand is as near to one lag as to another.

use std::{collections::VecDeque, time::Duration};

/// Shortest length of a cell.
const CELL: Duration = Duration::from_secs(4);

/// Cells kept; the longest interval is one less.
const CELLS_MAX: usize = 512;

/// The shortest interval, in cells.
const LAG_MIN: usize = 6;

/// Intervals over which a lag has to have held, beyond the first.
const HELD_INTERVALS: f64 = 1.5;

/// Errors are means over so many cells, for all lags alike, so that they can be compared.
const ERROR_CELLS: u32 = 384;

/// A lag is the interval when its error is at most this part of the largest of shorter lags.
const EVEN: f64 = 0.35;

/// What does not change by this part of its mean repeats nothing.
const TELLING: f64 = 0.1;

/// One that is shorter is preferred unless its error is so many times as large.
const SHORTER: f64 = 1.15;

/// Cells by which a repetition may come early or late.
const JITTER: usize = 1;

/// What repeats in one metric's demand.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Rhythm {
    /// Means over even lengths of time, newest last.
    cells: VecDeque<f32>,
    /// The mean distance from the demand a lag ago, by lag.
    errors: Vec<f32>,
    /// Cells ever seen without a gap.
    seen: u32,
    length: Duration,
    slot: u64,
    sum: f64,
    readings: u32,
    lag: Option<usize>,
}

impl Rhythm {
    /// Takes a reading of the demand; readings come about every `step`.
    pub(super) fn note(&mut self, demand: f64, step: Duration, now: Duration) {
        let length = step.max(CELL);
        let slot = slot(now, length);
        if length != self.length || slot < self.slot || slot > self.slot + 4 {
            *self = Self {
                length,
                slot,
                ..Self::default()
            };
        }
        if slot > self.slot && self.readings > 0 {
            let mean = self.sum / f64::from(self.readings);
            for _ in self.slot..slot {
                self.end_cell(mean);
            }
            (self.sum, self.readings) = (0.0, 0);
            self.lag = self.interval();
        }
        self.slot = slot;
        self.sum += demand;
        self.readings += 1;
    }

    fn end_cell(&mut self, mean: f64) {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "single precision is plenty to compare with"
        )]
        let mean = mean as f32;
        self.errors.resize(CELLS_MAX, 0.0);
        // The cell before is one lag away, as the newest is not in yet.
        let lags = (1_u32..).zip(self.cells.iter().rev());
        for ((lag, before), error) in lags.zip(self.errors.iter_mut().skip(1)) {
            let compared = self.seen.saturating_sub(lag) + 1;
            let weight = compared.min(ERROR_CELLS) as f32;
            *error += ((mean - before).abs() - *error) / weight;
        }
        if self.cells.len() >= CELLS_MAX {
            self.cells.pop_front();
        }
        self.cells.push_back(mean);
        self.seen = self.seen.saturating_add(1);
    }

    /// The lag at which the demand repeats, in cells.
    fn interval(&self) -> Option<usize> {
        let mean = self.cells.iter().copied().map(f64::from).sum::<f64>();
        let mean = mean / self.cells.len().max(1) as f64;
        let mut largest = 0.0_f32;
        let mut best: Option<(usize, f64)> = None;
        for (lag, error) in self.errors.iter().enumerate().skip(1) {
            let intervals = 1.0 + HELD_INTERVALS;
            if f64::from(self.seen) < lag as f64 * intervals {
                break;
            }
            let part = f64::from(*error) / f64::from(largest.max(f32::MIN_POSITIVE));
            let tells = f64::from(largest) >= TELLING * mean;
            largest = largest.max(*error);
            let shorter = best.is_none_or(|(_, least)| part * SHORTER < least);
            if tells && lag >= LAG_MIN && part <= EVEN && shorter {
                best = Some((lag, part));
            }
        }
        best.map(|(lag, _)| lag)
    }

    /// The interval, if the demand has one.
    pub(super) fn period(&self) -> Option<Duration> {
        let lag = u32::try_from(self.lag?).ok()?;
        Some(self.length * lag)
    }

    /// The highest demand until the horizon, if it goes as it went an interval ago.
    pub(super) fn forecast(&self, horizon: Duration) -> Option<f64> {
        let lag = self.lag?;
        let cells = horizon.as_millis().div_ceil(self.length.as_millis().max(1));
        let ahead = usize::try_from(cells).unwrap_or(CELLS_MAX) + 1 + JITTER;
        // The cell that is under way was `lag - 1` before the newest.
        let first = self.cells.len().checked_sub(lag)?;
        let highest = self
            .cells
            .iter()
            .skip(first.saturating_sub(JITTER))
            .take((ahead + JITTER).min(lag + JITTER));
        highest.copied().map(f64::from).reduce(f64::max)
    }

    /// Memory outside the value itself, in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        (self.cells.capacity() + self.errors.capacity()) * size_of::<f32>()
    }
}

fn slot(now: Duration, length: Duration) -> u64 {
    u64::try_from(now.as_millis() / length.as_millis().max(1)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// What a demand of so many seconds taught.
    fn taught(seconds: u64, demand: impl Fn(u64) -> f64) -> Rhythm {
        let mut rhythm = Rhythm::default();
        for second in (0..seconds).step_by(2) {
            rhythm.note(demand(second), at(2), at(1000 + second));
        }
        rhythm
    }

    /// Noise without a pattern, from -1 to 1.
    fn noise(second: u64) -> f64 {
        let mut mixed = second.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        f64::from(u16::try_from(mixed >> 48).unwrap_or_default()) / 32_768.0 - 1.0
    }

    #[test]
    fn a_square_wave_is_forecast_after_two_and_a_half_intervals() {
        let square =
            |second: u64| if second % 180 < 30 { 300.0 } else { 60.0 } + 8.0 * noise(second);
        assert_eq!(taught(350, square).period(), None);
        let rhythm = taught(720, square);
        let period = rhythm.period().unwrap();
        assert!((at(176)..=at(184)).contains(&period), "{period:?}");
        // The next pulse begins at once, the one before it ended long ago.
        assert!(rhythm.forecast(at(8)).unwrap() > 250.0);
        let after = taught(780, square).forecast(at(30)).unwrap();
        assert!(after < 80.0, "{after}");
    }

    #[test]
    fn neither_constant_demand_nor_a_walk_has_an_interval() {
        assert_eq!(taught(3600, |_| 100.0).period(), None);
        let steady = taught(3600, |second| 100.0 + 20.0 * noise(second));
        assert_eq!(steady.period(), None);
        let walk = |second: u64| (0..=second / 2).map(noise).sum::<f64>() + 200.0;
        assert_eq!(taught(3600, walk).period(), None);
        assert_eq!(taught(3600, |second| second as f64).period(), None);
    }

    #[test]
    fn a_step_is_no_interval() {
        for after in 1..60 {
            let step = |second: u64| if second < 200 { 200.0 } else { 20.0 };
            assert_eq!(taught(200 + 4 * after, step).period(), None, "{after}");
        }
    }

    #[test]
    fn a_gap_begins_anew() {
        let mut rhythm = taught(720, |second| if second % 60 < 20 { 90.0 } else { 10.0 });
        assert!(rhythm.period().is_some());
        rhythm.note(10.0, at(2), at(5000));
        assert_eq!(rhythm.period(), None);
    }
}
