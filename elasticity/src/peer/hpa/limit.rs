//! Stabilisation and rate limits of the default `behavior`.
//!
//! Shrinks to the highest recommendation of a window, grows at once. At most doubles or adds 4 pods, whichever is more, within 15 s;
//! may take everything away within 15 s.

use std::{collections::VecDeque, time::Duration};

const PERIOD: Duration = Duration::from_secs(15);
const UP_FACTOR: f64 = 2.0;
const UP_PODS: f64 = 4.0;

/// Recommendations and changes of the past, as far as they count.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    scale_down_window: Duration,
    recommendations: VecDeque<(Duration, f64)>,
    added: VecDeque<(Duration, f64)>,
}

impl Limits {
    pub(super) const fn new(scale_down_window: Duration) -> Self {
        Self {
            scale_down_window,
            recommendations: VecDeque::new(),
            added: VecDeque::new(),
        }
    }

    /// What becomes of a recommendation.
    pub(super) fn apply(&mut self, current: f64, wanted: f64, now: Duration) -> f64 {
        let window = self.scale_down_window;
        while self
            .recommendations
            .front()
            .is_some_and(|(at, _)| *at + window <= now)
        {
            self.recommendations.pop_front();
        }
        self.recommendations.push_back((now, wanted));
        let highest = self
            .recommendations
            .iter()
            .fold(wanted, |highest, (_, wanted)| highest.max(*wanted));
        let stable = if wanted > current {
            wanted
        } else {
            current.min(highest)
        };
        while self
            .added
            .front()
            .is_some_and(|(at, _)| *at + PERIOD <= now)
        {
            self.added.pop_front();
        }
        let before = current - self.added.iter().map(|(_, count)| count).sum::<f64>();
        let most = (before * UP_FACTOR).ceil().max(before + UP_PODS);
        // A limit that is already exceeded stops growth, it takes nothing back.
        stable.min(most.max(current))
    }

    /// Takes note of a change.
    pub(super) fn changed(&mut self, by: f64, now: Duration) {
        if by > 0.0 {
            self.added.push_back((now, by));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn shrinks_to_the_highest_of_the_window() {
        let mut limits = Limits::new(at(300));
        assert_eq!(limits.apply(10.0, 9.0, at(0)), 9.0);
        assert_eq!(limits.apply(9.0, 3.0, at(15)), 9.0);
        assert_eq!(limits.apply(9.0, 5.0, at(299)), 9.0);
        assert_eq!(limits.apply(9.0, 2.0, at(300)), 5.0);
        assert_eq!(limits.apply(5.0, 2.0, at(314)), 5.0);
        assert_eq!(limits.apply(5.0, 2.0, at(599)), 2.0);
    }

    #[test]
    fn grows_at_once_but_only_twofold_or_by_four() {
        let mut limits = Limits::new(at(300));
        assert_eq!(limits.apply(2.0, 30.0, at(0)), 6.0);
        limits.changed(4.0, at(0));
        assert_eq!(limits.apply(6.0, 30.0, at(14)), 6.0, "the period is spent");
        assert_eq!(limits.apply(6.0, 30.0, at(15)), 12.0);
        limits.changed(6.0, at(15));
        assert_eq!(limits.apply(12.0, 30.0, at(30)), 24.0);
        assert_eq!(limits.apply(12.0, 13.0, at(45)), 13.0);
    }
}
