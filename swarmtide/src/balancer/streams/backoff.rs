//! Waits between tries to reach a sidecar: doubling, bounded, and spread so that not all balancers come at once.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(10);

/// Waits, growing with each failure.
#[derive(Debug)]
pub(super) struct Backoff {
    failures: u32,
    /// State of the jitter (xorshift64); never 0.
    state: u64,
}

impl Backoff {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            failures: 0,
            state: seed | 1,
        }
    }

    pub(super) fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// The wait after one more failure: between half and all of what the number of failures asks for.
    pub(super) fn failed(&mut self) -> Duration {
        let whole = FIRST
            .saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX))
            .min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        let share = u32::try_from(self.state % 1024).unwrap_or(0);
        whole / 2 + whole / 2 * share / 1024
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_differ_and_begin_anew() {
        let (mut one, mut other) = (Backoff::new(2), Backoff::new(40));
        let waits: Vec<_> = (0..40).map(|_| one.failed()).collect();
        assert!(waits[0] >= FIRST / 2 && waits[0] <= FIRST);
        assert!(waits.iter().all(|wait| *wait <= LONGEST));
        assert!(waits[39] >= LONGEST / 2);
        assert!(waits.iter().any(|wait| *wait != other.failed()));
        one.succeeded();
        assert!(one.failed() <= FIRST);
    }
}
