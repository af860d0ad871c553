//! Knative's pod autoscaler (KPA) on requests per second, with its defaults (`pkg/autoscaler/scaling/autoscaler.go`, `config-autoscaler`).
//!
//! A tick every 2 s; a stable window of 60 s and a panic window of a tenth of it, in buckets of one second. Panic begins when the panic
//! window asks for twice the ready replicas, lasts until 60 s after that was last so, and never shrinks. It starts in panic at the
//! replicas that it finds, because it has no history.

use std::time::Duration;

use super::{TARGET, window::Window};
use crate::autoscaler::{Autoscaler, View};

const STABLE_SECONDS: usize = 60;
const PANIC_SECONDS: usize = 6;
const TICK_SECONDS: u64 = 2;
const PANIC_THRESHOLD: f64 = 2.0;
const MAX_SCALE_UP_RATE: f64 = 1000.0;
const MAX_SCALE_DOWN_RATE: f64 = 2.0;

/// The autoscaler of one revision.
#[derive(Clone, Debug)]
pub struct Knative {
    requests: Window,
    panic_since: Option<Duration>,
    panic_replicas: f64,
    started: bool,
}

impl Default for Knative {
    fn default() -> Self {
        Self {
            requests: Window::new(STABLE_SECONDS),
            panic_since: None,
            panic_replicas: 0.0,
            started: false,
        }
    }
}

impl Knative {
    /// Begins at so many ready replicas.
    fn start(&mut self, ready: f64, now: Duration) {
        self.started = true;
        self.panic_since = (ready > 1.0).then_some(now);
        self.panic_replicas = ready;
    }

    /// Replicas for a load over the stable and over the panic window, both in replicas at their target.
    fn decide(&mut self, stable: f64, panic: f64, ready: f64, now: Duration) -> f64 {
        let ready = ready.max(1.0);
        let most = (MAX_SCALE_UP_RATE * ready).ceil();
        let least = (ready / MAX_SCALE_DOWN_RATE).floor();
        let within = |replicas: f64| replicas.ceil().max(least).min(most);
        let over = panic.ceil() / ready >= PANIC_THRESHOLD;
        let stable_window = Duration::from_secs(STABLE_SECONDS as u64);
        if over {
            self.panic_since = Some(now);
        } else if self
            .panic_since
            .is_some_and(|since| since + stable_window < now)
        {
            self.panic_since = None;
            self.panic_replicas = 0.0;
        }
        if self.panic_since.is_none() {
            return within(stable);
        }
        self.panic_replicas = self.panic_replicas.max(within(stable)).max(within(panic));
        self.panic_replicas
    }
}

impl Autoscaler for Knative {
    fn tick(&mut self, view: &View<'_>) -> Option<u32> {
        if view.every(1, 0) {
            self.requests.push(view.meter().offered_total);
        }
        let ready = f64::from(view.replicas().serving_count());
        if !self.started {
            self.start(ready, view.now());
        }
        if !view.every(TICK_SECONDS, 0) {
            return None;
        }
        let target = TARGET * view.setup().requests_per_replica();
        let stable = self.requests.growth(STABLE_SECONDS)? / target;
        let panic = self.requests.growth(PANIC_SECONDS)? / target;
        let wanted = self.decide(stable, panic, ready, view.now());
        Some(view.setup().bounded(wanted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn stable_rounds_up_and_shrinks_at_most_by_half() {
        let mut knative = Knative::default();
        assert_eq!(knative.decide(4.1, 4.1, 4.0, at(2)), 5.0);
        assert_eq!(knative.decide(1.0, 1.0, 9.0, at(4)), 4.0);
        assert_eq!(knative.decide(0.0, 0.0, 1.0, at(6)), 0.0);
    }

    #[test]
    fn panics_at_twice_the_ready_and_never_shrinks_in_it() {
        let mut knative = Knative::default();
        assert_eq!(knative.decide(4.0, 7.0, 4.0, at(2)), 4.0, "not twice");
        assert_eq!(knative.decide(4.0, 7.5, 4.0, at(4)), 8.0, "8 are twice 4");
        assert_eq!(knative.decide(2.0, 3.0, 8.0, at(6)), 8.0);
        assert_eq!(
            knative.decide(9.0, 3.0, 8.0, at(8)),
            9.0,
            "the larger window"
        );
        assert_eq!(knative.decide(2.0, 2.0, 9.0, at(64)), 9.0, "not yet over");
        assert_eq!(knative.decide(4.0, 2.0, 9.0, at(66)), 4.0, "60 s after");
    }

    #[test]
    fn starts_in_panic_at_what_it_finds() {
        let mut knative = Knative::default();
        knative.start(6.0, at(0));
        assert_eq!(knative.decide(1.0, 1.0, 6.0, at(2)), 6.0);
        assert_eq!(knative.decide(1.0, 1.0, 6.0, at(62)), 3.0);
        let mut alone = Knative::default();
        alone.start(1.0, at(0));
        assert_eq!(alone.decide(0.5, 0.5, 1.0, at(2)), 1.0);
    }
}
