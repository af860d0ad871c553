//! Nomad Autoscaler: the `target-value` strategy on the processor use that Nomad itself reports, with the agent's defaults.
//!
//! Evaluated every 10 s (`default_evaluation_interval`). `factor = metric / target`; within 1 % nothing happens (`precision`), else the
//! count becomes `ceil(count * factor)`. After an action of either direction nothing for 5 minutes (`default_cooldown`).

use std::time::Duration;

use super::TARGET;
use crate::autoscaler::{Autoscaler, View};

const PRECISION: f64 = 0.01;
const EVALUATION_SECONDS: u64 = 10;
const COOLDOWN: Duration = Duration::from_secs(300);

/// The policy of one task group.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nomad {
    busy_before: f64,
    acted_at: Option<Duration>,
}

/// The strategy alone: another count for so many times the target.
fn target_value(count: f64, factor: f64) -> Option<f64> {
    if (1.0 - PRECISION..=1.0 + PRECISION).contains(&factor) {
        return None;
    }
    let next = (count * factor).ceil();
    (next != count).then_some(next)
}

impl Autoscaler for Nomad {
    fn tick(&mut self, view: &View<'_>) -> Option<u32> {
        // The client's own statistics are over the last second.
        let busy = if view.every(1, 0) {
            let since = view.meter().busy - self.busy_before;
            self.busy_before = view.meter().busy;
            since
        } else {
            return None;
        };
        let cooling = self.acted_at.is_some_and(|at| view.now() < at + COOLDOWN);
        if !view.every(EVALUATION_SECONDS, 0) || view.step() == 0 || cooling {
            return None;
        }
        let next = target_value(f64::from(view.spec()), busy / TARGET)?;
        let next = view.setup().bounded(next);
        if next == view.spec() {
            return None;
        }
        self.acted_at = Some(view.now());
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multiplies_and_rounds_up_outside_the_precision() {
        for (count, factor, expected) in [
            (4.0, 1.5, Some(6.0)),
            (4.0, 1.02, Some(5.0)),
            (4.0, 1.01, None),
            (4.0, 0.99, None),
            (4.0, 0.98, None),
            (100.0, 0.98, Some(98.0)),
            (4.0, 0.1, Some(1.0)),
        ] {
            assert_eq!(target_value(count, factor), expected, "{count} {factor}");
        }
    }
}
