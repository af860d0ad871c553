//! What a service's demand was at the same time on the days before, in quarters of an hour, for a week.

/// Length of a slot, in milliseconds.
const SLOT_MS: u64 = 15 * 60 * 1000;

/// Slots of a day.
const DAY: u64 = 96;

/// Slots kept.
const SLOTS: u64 = 7 * DAY;

/// Days that have to be known before one is forecast.
const DAYS_MIN: u32 = 2;

/// The highest demand of each slot of the last week.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Season {
    /// By slot number modulo [`SLOTS`]; negative is unknown. Empty before the first slot has ended.
    slots: Vec<f32>,
    current: Option<(u64, f64)>,
}

impl Season {
    /// Takes a level at a wall-clock time; times that go back are passed over.
    pub(super) fn note(&mut self, level: f64, unix_ms: u64) {
        let slot = unix_ms / SLOT_MS;
        match &mut self.current {
            Some((current, highest)) if *current == slot => *highest = highest.max(level),
            Some((current, _)) if *current > slot => {}
            Some((current, highest)) => {
                let (ended, highest) = (*current, *highest);
                self.end(ended, highest, slot);
                self.current = Some((slot, level));
            }
            None => self.current = Some((slot, level)),
        }
    }

    fn end(&mut self, ended: u64, highest: f64, next: u64) {
        if self.slots.is_empty() {
            self.slots = (0..SLOTS).map(|_| -1.0).collect();
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a profile of single precision is plenty"
        )]
        self.put(ended, highest as f32);
        for skipped in (ended + 1..next).take(SLOTS.try_into().unwrap_or(usize::MAX)) {
            self.put(skipped, -1.0);
        }
    }

    fn put(&mut self, slot: u64, value: f32) {
        let place = usize::try_from(slot % SLOTS).unwrap_or_default();
        if let Some(place) = self.slots.get_mut(place) {
            *place = value;
        }
    }

    /// What the demand will be at most from one time to another, if enough days are known: the mean over the days, and as much weight
    /// again for the same day of the week.
    pub(super) fn forecast(&self, from_unix_ms: u64, to_unix_ms: u64) -> Option<f64> {
        let slots = from_unix_ms / SLOT_MS..=to_unix_ms / SLOT_MS;
        slots
            .take(4)
            .filter_map(|slot| self.of(slot))
            .reduce(f64::max)
    }

    fn of(&self, slot: u64) -> Option<f64> {
        let (mut sum, mut days) = (0.0, 0);
        for day in 1..=7 {
            let Some(before) = slot.checked_sub(day * DAY) else {
                break;
            };
            let place = usize::try_from(before % SLOTS).ok()?;
            let seen = self.slots.get(place).copied().map(f64::from);
            if let Some(seen) = seen.filter(|seen| *seen >= 0.0) {
                let weight = if day == 7 { days.max(1) } else { 1 };
                sum += seen * f64::from(weight);
                days += weight;
            }
        }
        (days >= DAYS_MIN).then(|| sum / f64::from(days))
    }

    /// Memory outside the value itself, in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        self.slots.capacity() * size_of::<f32>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000;

    /// Days of 100 at noon and 10 otherwise, beginning at a midnight.
    fn days(count: u64) -> Season {
        let mut season = Season::default();
        for minute in 0..count * 24 * 60 {
            let hour = minute / 60 % 24;
            season.note(if hour == 12 { 100.0 } else { 10.0 }, minute * 60_000);
        }
        season
    }

    #[test]
    fn a_daily_peak_is_forecast_once_two_days_are_known() {
        let noon = |day: u64| (day * 24 + 12) * HOUR;
        let peak = |season: &Season, day| season.forecast(noon(day), noon(day) + 60_000);
        assert_eq!(peak(&days(1), 1), None);
        assert_eq!(peak(&days(2), 2), Some(100.0));
        assert_eq!(peak(&days(9), 9), Some(100.0));
        let season = days(3);
        assert_eq!(
            season.forecast(noon(3) - HOUR, noon(3) - HOUR + 60_000),
            Some(10.0)
        );
        assert_eq!(
            season.forecast(noon(3) - 30_000, noon(3) + 30_000),
            Some(100.0),
            "both slots count"
        );
    }

    #[test]
    fn a_gap_is_unknown_and_not_zero() {
        let mut season = days(2);
        season.note(50.0, 9 * 24 * HOUR);
        assert_eq!(
            season.forecast(9 * 24 * HOUR + HOUR, 9 * 24 * HOUR + HOUR),
            None
        );
    }
}
