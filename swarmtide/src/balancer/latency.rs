//! A histogram of times, kept as plain counters so that any listener can publish it.

use std::time::Duration;

/// Upper bounds of the buckets, seconds.
pub(crate) const BOUNDS: [f64; 14] = [
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0,
];

/// Times counted by bucket.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Latency {
    /// How many were at most each bound, and above the one before.
    counts: [u64; BOUNDS.len()],
    /// All, those above the last bound included.
    pub(crate) count: u64,
    /// Their sum, seconds.
    pub(crate) sum: f64,
}

impl Latency {
    pub(crate) fn record(&mut self, took: Duration) {
        let seconds = took.as_secs_f64();
        let bucket = BOUNDS.iter().position(|bound| seconds <= *bound);
        if let Some(count) = bucket.and_then(|bucket| self.counts.get_mut(bucket)) {
            *count += 1;
        }
        self.count += 1;
        self.sum += seconds;
    }

    /// How many were at most each bound, as the text format wants them.
    pub(crate) fn cumulative(&self) -> impl Iterator<Item = (f64, u64)> {
        let sums = self.counts.iter().scan(0, |sum, count| {
            *sum += count;
            Some(*sum)
        });
        BOUNDS.into_iter().zip(sums)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative_and_what_is_beyond_counts_too() {
        let mut latency = Latency::default();
        for milliseconds in [1, 3, 3, 100_000] {
            latency.record(Duration::from_millis(milliseconds));
        }
        let at = |bound: f64| {
            let found = latency.cumulative().find(|(known, _)| *known == bound);
            found.unwrap().1
        };
        assert_eq!((at(0.000_5), at(0.001), at(0.005), at(60.0)), (0, 1, 3, 3));
        assert_eq!(latency.count, 4);
        assert!((latency.sum - 100.007).abs() < 1e-9);
    }
}
