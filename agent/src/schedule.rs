//! When each data source is polled: polls of one interval are spread evenly over it and keep their place.
//!
//! Pure: time is an argument. It polls nothing itself.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// A timetable of polls.
///
/// A poll has a phase within its interval, which it keeps: intervals do not drift, and no burst builds up. A newcomer takes
/// the middle of the widest gap between the phases that are taken.
#[derive(Debug, Clone)]
pub(crate) struct Schedule<K> {
    entries: BTreeMap<K, Entry>,
    queue: BTreeSet<(Duration, K)>,
    /// Taken phases of each interval, with how many polls share each.
    phases: BTreeMap<Duration, BTreeMap<Duration, usize>>,
    missed: u64,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    interval: Duration,
    phase: Duration,
    due: Duration,
    /// Not polled yet.
    fresh: bool,
}

impl<K: Ord + Clone> Default for Schedule<K> {
    fn default() -> Self {
        Self {
            entries: BTreeMap::new(),
            queue: BTreeSet::new(),
            phases: BTreeMap::new(),
            missed: 0,
        }
    }
}

impl<K: Ord + Clone> Schedule<K> {
    /// Polls `key` at once, and then every `interval` (at least 1 ms); changes the interval of a key that is there.
    pub(crate) fn set(&mut self, key: K, interval: Duration, now: Duration) {
        let interval = interval.max(Duration::from_millis(1));
        if let Some(entry) = self.entries.get(&key) {
            if entry.interval == interval {
                return;
            }
            self.remove(&key);
        }
        let phase = self.widest_gap(interval);
        *self
            .phases
            .entry(interval)
            .or_default()
            .entry(phase)
            .or_default() += 1;
        let entry = Entry {
            interval,
            phase,
            due: now,
            fresh: true,
        };
        self.entries.insert(key.clone(), entry);
        self.queue.insert((now, key));
    }

    /// Forgets a key.
    pub(crate) fn remove(&mut self, key: &K) {
        let Some(entry) = self.entries.remove(key) else {
            return;
        };
        self.queue.remove(&(entry.due, key.clone()));
        if let Some(phases) = self.phases.get_mut(&entry.interval) {
            let left = phases.get_mut(&entry.phase).map_or(0, |count| {
                *count = count.saturating_sub(1);
                *count
            });
            if left == 0 {
                phases.remove(&entry.phase);
            }
            if phases.is_empty() {
                self.phases.remove(&entry.interval);
            }
        }
    }

    /// When the next poll is due.
    #[must_use]
    pub(crate) fn next(&self) -> Option<Duration> {
        self.queue.first().map(|(due, _)| *due)
    }

    /// Takes a poll that is due, and sets the next one of the same key to its place in a later interval.
    pub(crate) fn pop(&mut self, now: Duration) -> Option<K> {
        self.queue.first().filter(|(due, _)| *due <= now)?;
        let (due, key) = self.queue.pop_first()?;
        let entry = self.entries.get_mut(&key)?;
        // Half an interval at least, so that the second poll of a newcomer yields a rate.
        let fresh = std::mem::replace(&mut entry.fresh, false);
        let earliest = if fresh { now + entry.interval / 2 } else { now };
        let next = after(earliest, entry.phase, entry.interval);
        let skipped = next.saturating_sub(due).as_nanos() / entry.interval.as_nanos();
        self.missed += u64::try_from(skipped.saturating_sub(1)).unwrap_or(u64::MAX);
        entry.due = next;
        self.queue.insert((next, key.clone()));
        Some(key)
    }

    /// Polls that were skipped because their time had passed.
    #[must_use]
    pub(crate) const fn missed(&self) -> u64 {
        self.missed
    }

    /// Number of keys.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.entries.len()
    }

    /// The middle of the widest gap between the phases of an interval, which is a circle.
    fn widest_gap(&self, interval: Duration) -> Duration {
        let Some(phases) = self.phases.get(&interval) else {
            return Duration::ZERO;
        };
        let Some((first, _)) = phases.first_key_value() else {
            return Duration::ZERO;
        };
        let ends = phases.keys().skip(1).copied().chain([*first + interval]);
        let widest = phases
            .keys()
            .zip(ends)
            .map(|(begin, end)| (end.saturating_sub(*begin), *begin))
            .reduce(|best, gap| if gap.0 > best.0 { gap } else { best });
        let (width, begin) = widest.unwrap_or((interval, Duration::ZERO));
        let middle = begin + width / 2;
        middle.checked_sub(interval).unwrap_or(middle)
    }
}

/// The first moment of the grid `phase + k × interval` that is later than `now`.
fn after(now: Duration, phase: Duration, interval: Duration) -> Duration {
    let Some(since) = now.checked_sub(phase) else {
        return phase;
    };
    let past = since.as_nanos() % interval.as_nanos();
    let wait = interval.saturating_sub(Duration::from_nanos(u64::try_from(past).unwrap_or(0)));
    now + wait
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn polls_are_spread_and_keep_their_place() {
        let mut schedule = Schedule::default();
        for key in 0..200_u32 {
            schedule.set(key, SECOND, Duration::ZERO);
        }
        let mut polls: BTreeMap<u32, Vec<Duration>> = BTreeMap::new();
        let mut now = Duration::ZERO;
        let end = SECOND * 6;
        while now < end {
            while let Some(key) = schedule.pop(now) {
                polls.entry(key).or_default().push(now);
            }
            now = schedule.next().unwrap();
        }
        let mut busiest: BTreeMap<u128, u32> = BTreeMap::new();
        for times in polls.values() {
            // After the newcomer's second poll the interval is exact.
            for pair in times[1..].windows(2) {
                assert_eq!(pair[1] - pair[0], SECOND);
            }
            let second = times[1];
            assert!(
                second >= SECOND / 2 && second <= SECOND * 3 / 2,
                "{second:?}"
            );
            *busiest.entry(times[2].as_millis() / 50).or_default() += 1;
        }
        assert!(
            busiest.values().all(|count| *count <= 20),
            "a burst: {busiest:?}"
        );
        assert_eq!(schedule.missed(), 0);
    }

    #[test]
    fn what_was_missed_is_counted_and_not_made_up_for() {
        let mut schedule = Schedule::default();
        schedule.set("a", SECOND, Duration::ZERO);
        assert_eq!(schedule.pop(Duration::ZERO), Some("a"));
        assert_eq!(schedule.pop(SECOND * 5), Some("a"));
        assert_eq!(schedule.pop(SECOND * 5), None);
        assert_eq!(schedule.missed(), 4);
        assert_eq!(schedule.next(), Some(SECOND * 6));
    }

    proptest! {
        #[test]
        fn a_key_is_polled_once_an_interval_whatever_comes_and_goes(
            steps in proptest::collection::vec((0_u8..12, 0_u8..4, 0_u64..900), 1..200)
        ) {
            let mut schedule = Schedule::default();
            let mut now = Duration::ZERO;
            let mut there: BTreeSet<u8> = BTreeSet::new();
            for (key, action, wait_ms) in steps {
                match action {
                    0 => { schedule.remove(&key); there.remove(&key); }
                    1 => { schedule.set(key, SECOND * 10, now); there.insert(key); }
                    _ => { schedule.set(key, SECOND, now); there.insert(key); }
                }
                let mut popped = BTreeSet::new();
                while let Some(key) = schedule.pop(now) {
                    prop_assert!(there.contains(&key));
                    prop_assert!(popped.insert(key), "{key} twice");
                }
                prop_assert_eq!(schedule.len(), there.len());
                prop_assert!(schedule.next().is_none_or(|next| next > now));
                now += Duration::from_millis(wait_ms);
            }
        }
    }
}
