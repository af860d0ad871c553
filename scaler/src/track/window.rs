//! The extreme of the recommendations of a window.

use std::{collections::VecDeque, time::Duration};

/// Most steps that are remembered; beyond, the oldest counts until the next is due.
const STEPS_MAX: usize = 64;

/// Recommendations of a window that no later one outdoes, oldest and most extreme first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Extremes {
    steps: VecDeque<(Duration, u32)>,
}

impl Extremes {
    /// Adds a recommendation; returns the extreme of the window if it is an older one, and how long it still counts.
    pub(super) fn push(
        &mut self,
        wanted: u32,
        length: Duration,
        now: Duration,
        outdoes: fn(u32, u32) -> bool,
    ) -> Option<(u32, Duration)> {
        while self
            .steps
            .back()
            .is_some_and(|(_, old)| outdoes(wanted, *old))
        {
            self.steps.pop_back();
        }
        while self
            .steps
            .front()
            .is_some_and(|(at, _)| now.saturating_sub(*at) >= length || now < *at)
        {
            self.steps.pop_front();
        }
        if self.steps.len() >= STEPS_MAX {
            self.steps.pop_back();
        }
        self.steps.push_back((now, wanted));
        let (at, extreme) = *self.steps.front()?;
        (extreme != wanted).then(|| (extreme, length.saturating_sub(now.saturating_sub(at))))
    }

    /// Memory outside the value itself, in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        self.steps.capacity() * size_of::<(Duration, u32)>()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// It is the maximum of what the window holds.
        #[test]
        fn the_extreme_is_that_of_the_window(wanted in proptest::collection::vec(1..20_u32, 1..60), length in 0..40_u64) {
            let mut extremes = Extremes::default();
            let mut all: Vec<(u64, u32)> = Vec::new();
            for (now, wanted) in (0..).step_by(2).zip(wanted) {
                all.push((now, wanted));
                let seen = extremes.push(wanted, Duration::from_secs(length), Duration::from_secs(now), |new, old| new >= old);
                let expected = all.iter().filter(|(at, _)| now == *at || now - at < length).map(|(_, wanted)| *wanted).max().unwrap();
                prop_assert_eq!(seen.map_or(wanted, |(extreme, _)| extreme), expected);
            }
        }
    }
}
