//! One replica more or less when the average load leaves a band: sFlow-RT's `elb.js`, and AMEST's swarm-autoscaler.
//!
//! `elb.js` looks every 2 s at averages that hsflowd polls every 10 s, and acts only when as many containers report as replicas were
//! asked for. AMEST's looks every 300 s at the engine's own statistics and knows no such condition.

use std::time::Duration;

use crate::autoscaler::{Autoscaler, View};

/// The band and the rhythm.
#[derive(Clone, Copy, Debug)]
pub struct StepByOne {
    interval_seconds: u64,
    polling: Duration,
    high: f64,
    low: f64,
    complete: bool,
}

impl StepByOne {
    /// `elb.js`: every 2 s on 10-s counters, between 30 % and 70 %.
    #[must_use]
    pub const fn elb() -> Self {
        Self {
            interval_seconds: 2,
            polling: Duration::from_secs(10),
            high: 0.7,
            low: 0.3,
            complete: true,
        }
    }

    /// AMEST's swarm-autoscaler with its defaults: every 300 s (`AUTOSCALER_INTERVAL`), between 25 % and 85 %.
    #[must_use]
    pub const fn amest() -> Self {
        Self {
            interval_seconds: 300,
            polling: Duration::from_secs(2),
            high: 0.85,
            low: 0.25,
            complete: false,
        }
    }

    /// What it asks for at so many replicas and such an average.
    fn decide(&self, replicas: u32, average: f64) -> Option<u32> {
        if average > self.high {
            Some(replicas + 1)
        } else if average < self.low {
            Some(replicas.saturating_sub(1))
        } else {
            None
        }
    }
}

impl Autoscaler for StepByOne {
    fn polling(&self) -> Duration {
        self.polling
    }

    fn tick(&mut self, view: &View<'_>) -> Option<u32> {
        if !view.every(self.interval_seconds, 0) {
            return None;
        }
        let seen = view.telemetry();
        if seen.reporting == 0 || (self.complete && seen.reporting != view.spec()) {
            return None;
        }
        // elb.js looks at processor time and at bytes; the load here moves both alike.
        self.decide(view.spec(), seen.average.cpu)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_by_one_outside_the_band() {
        for (average, expected) in [
            (0.71, Some(6)),
            (0.7, None),
            (0.5, None),
            (0.3, None),
            (0.29, Some(4)),
        ] {
            assert_eq!(StepByOne::elb().decide(5, average), expected, "{average}");
        }
        assert_eq!(StepByOne::amest().decide(5, 0.86), Some(6));
        assert_eq!(StepByOne::amest().decide(5, 0.3), None);
        assert_eq!(StepByOne::amest().decide(5, 0.2), Some(4));
    }
}
