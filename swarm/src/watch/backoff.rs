//! How long to wait: the interval after a success, longer and longer after failures, never twice the same.

use std::time::Duration;

/// Waits that double with each failure in a row, spread by up to a half so that many clients do not come at once.
#[derive(Debug)]
pub(super) struct Backoff {
    interval: Duration,
    max: Duration,
    failures: u32,
    random: u64,
}

impl Backoff {
    pub(super) fn new(interval: Duration, max: Duration, seed: u64) -> Self {
        Self {
            interval,
            max: max.max(interval),
            failures: 0,
            random: seed,
        }
    }

    /// True if the last look succeeded, or there was none.
    pub(super) fn is_calm(&self) -> bool {
        self.failures == 0
    }

    pub(super) fn succeeded(&mut self) -> Duration {
        self.failures = 0;
        self.interval
    }

    /// From half of the doubled wait to all of it, at most `max`.
    pub(super) fn failed(&mut self) -> Duration {
        let doubled = self
            .interval
            .saturating_mul(1 << self.failures.min(16))
            .min(self.max);
        self.failures = self.failures.saturating_add(1);
        let half = doubled / 2;
        half + half.mul_f64(self.next_fraction())
    }

    /// SplitMix64 (Steele, Lea and Flood, 2014), as a number from 0 to 1.
    fn next_fraction(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        f64::from(u32::try_from(z >> 32).unwrap_or(u32::MAX)) / f64::from(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn waits_grow_to_the_limit_and_fall_back_after_a_success() {
        let mut backoff = Backoff::new(SECOND, 10 * SECOND, 7);
        for doubled in [1, 2, 4, 8, 10, 10] {
            let wait = backoff.failed();
            assert!(
                wait >= SECOND * doubled / 2 && wait <= SECOND * doubled,
                "{wait:?} for {doubled}"
            );
        }
        assert!(!backoff.is_calm());
        assert_eq!(backoff.succeeded(), SECOND);
        assert!(backoff.is_calm());
        assert!(backoff.failed() <= SECOND);
    }

    #[test]
    fn the_same_seed_gives_the_same_waits_and_another_gives_others() {
        let waits = |seed| {
            let mut backoff = Backoff::new(SECOND, 10 * SECOND, seed);
            std::array::from_fn::<_, 8, _>(|_| backoff.failed())
        };
        assert_eq!(waits(1), waits(1));
        assert_ne!(waits(1), waits(2));
    }

    #[test]
    fn a_limit_below_the_interval_does_not_shorten_it() {
        let mut backoff = Backoff::new(10 * SECOND, SECOND, 0);
        assert!(backoff.failed() >= 5 * SECOND);
    }
}
