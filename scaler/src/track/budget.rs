//! What a service may spend on being ready: how its replicas compare with those that a plain target would have, and whether load has
//! found too few of them.
//!
//! A plain target holds every replica at a fixed share of its capacity by a minute's mean. What a service's own policy saves against
//! that in the calm it may spend on what load has asked for in vain; where it spends more, it becomes frugal. Both sides are what the
//! targets asked for, not what was decided, so that a shadow policy has a budget of its own.

use std::time::Duration;

use super::demand::Demand;
use crate::policy::{Aim, Target};

/// Share of a replica's capacity that a plain target fills.
const PLAIN_SHARE: f64 = 0.7;

/// A plain target takes the mean over so long, and in a burst over so short a time.
const PLAIN_WINDOW: Duration = Duration::from_secs(60);
const PLAIN_BURST_WINDOW: Duration = Duration::from_secs(6);

/// What is asked for in a burst, as a multiple of what there is.
const PLAIN_BURST: f64 = 2.0;

/// What was spent is forgotten over so long, and what load lacked.
const SPENT_KEPT: Duration = Duration::from_secs(3600);
const LACKED_KEPT: Duration = Duration::from_secs(1800);

/// The books begin as if so much time had passed at [`SPENT_AT_START`].
const STARTED_WITH: Duration = Duration::from_secs(600);
const SPENT_AT_START: f64 = 0.95;

/// Shares of a plain target's cost between which a service goes from doing as it likes to being frugal, and from generous to that.
const FRUGAL: (f64, f64) = (0.97, 1.0);
const GENEROUS: (f64, f64) = (0.90, 0.97);

/// Share of the load that finds too few replicas from which on all that is saved is spent.
const LACKED_ENOUGH: f64 = 0.001;

/// Load has found too few replicas where so many seconds of their work wait.
const LATE_SECONDS: f64 = 0.4;

/// Longest time between two ticks that is counted.
const GAP_MAX: Duration = Duration::from_secs(10);

/// The books of one service.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Budget {
    at: Option<Duration>,
    /// Replica-seconds asked for, and those that a plain target would have asked for.
    spent: f64,
    plain: f64,
    /// Work that came, and what of it came while there were too few replicas.
    came: f64,
    lacked: f64,
    held: f64,
    burst_until: Option<Duration>,
}

/// What there is to note at a tick.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Entry {
    /// Replicas that the targets ask for, windows included.
    pub(super) asked: f64,
    /// Replicas that fill [`PLAIN_SHARE`] by the mean over [`PLAIN_WINDOW`] and over [`PLAIN_BURST_WINDOW`].
    pub(super) plain: f64,
    pub(super) plain_burst: f64,
    /// How long a replica takes to serve.
    pub(super) start_up: Duration,
    /// Replicas' worth of work that came, and of it what came while there were too few replicas.
    pub(super) came: f64,
    pub(super) lacked: f64,
}

impl Entry {
    /// With what one more target sees, where `capacity` is what the serving replicas carry of it: the target that asks for most counts.
    pub(super) fn with(self, demand: &Demand, target: Target, capacity: f64) -> Self {
        let value = target.value();
        let limited = target.aim() == Aim::Capacity;
        let share = if limited { PLAIN_SHARE } else { 1.0 };
        let plain = |window| demand.mean_over(window) / (value * share);
        let came = demand.latest() / value;
        let late = limited && demand.backlog() > LATE_SECONDS * capacity;
        Self {
            asked: self.asked,
            start_up: self.start_up,
            plain: self.plain.max(plain(PLAIN_WINDOW)),
            plain_burst: self.plain_burst.max(plain(PLAIN_BURST_WINDOW)),
            came: self.came.max(came),
            lacked: self.lacked.max(if late { came } else { 0.0 }),
        }
    }
}

impl Budget {
    /// Closes the time since the last tick.
    pub(super) fn note(&mut self, entry: Entry, (min, max): (f64, f64), now: Duration) {
        let bounded = |replicas: f64| replicas.ceil().clamp(min, max);
        let held = self.plain_target(entry, bounded, now);
        let Some(before) = self.at.replace(now) else {
            let started = STARTED_WITH.as_secs_f64() * held;
            (self.plain, self.spent) = (started, started * SPENT_AT_START);
            return;
        };
        let since = now.saturating_sub(before).min(GAP_MAX).as_secs_f64();
        let kept = |over: Duration| (-since / over.as_secs_f64()).exp();
        let spent_kept = kept(SPENT_KEPT);
        self.plain = self.plain * spent_kept + held * since;
        self.spent = self.spent * spent_kept + bounded(entry.asked) * since;
        let lacked_kept = kept(LACKED_KEPT);
        self.came = self.came * lacked_kept + entry.came * since;
        self.lacked = self.lacked * lacked_kept + entry.lacked * since;
    }

    /// Replicas that a plain target would hold.
    fn plain_target(&mut self, entry: Entry, bounded: impl Fn(f64) -> f64, now: Duration) -> f64 {
        let (slow, fast) = (bounded(entry.plain), bounded(entry.plain_burst));
        if self.at.is_some() && fast >= PLAIN_BURST * self.held {
            // It is not over before its replicas serve.
            let lasts = PLAIN_WINDOW.saturating_add(entry.start_up);
            self.burst_until = Some(now.saturating_add(lasts));
        }
        self.held = if self.burst_until.is_some_and(|until| now < until) {
            self.held.max(slow).max(fast)
        } else {
            slow.max((self.held / 2.0).floor())
        };
        self.held
    }

    /// What was asked for, as a share of what a plain target would have asked for.
    pub(super) fn share(&self) -> f64 {
        if self.plain > 0.0 {
            self.spent / self.plain
        } else {
            SPENT_AT_START
        }
    }

    /// How free with replicas the service may be: from -1, frugal, to 1, generous; 0 is neither.
    pub(super) fn freedom(&self) -> f64 {
        let share = self.share();
        let along = |(from, to): (f64, f64)| ((share - from) / (to - from)).clamp(0.0, 1.0);
        let lacked = if self.came > 0.0 {
            (self.lacked / self.came / LACKED_ENOUGH).min(1.0)
        } else {
            0.0
        };
        (1.0 - along(GENEROUS)) * lacked - along(FRUGAL)
    }
}
