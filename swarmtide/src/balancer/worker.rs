//! The thread that owns the reconciler and its data plane.
//!
//! It sleeps until something comes or a pass is due; a set that changes the table is worked off at once.

use std::{sync::Arc, time::Duration};

use lbsync::{Existing, Ownership, Pass, Problem, Reconciler, ReconcilerConfig, SourceStatus};

use super::{Desk, inbox::Arrival, plane::Plane};
use crate::{clock::Clock, config::Lbsync};

/// Shortest pause between two passes of which nothing new came between.
const PAUSE: Duration = Duration::from_millis(20);

/// Longest pause, so that a clock moved by hand is noticed.
const LOOK: Duration = Duration::from_secs(1);

/// The reconciler that the configuration asks for.
pub(super) fn reconciler(config: &Lbsync) -> Reconciler {
    let settings = ReconcilerConfig {
        resync: config.resync.get(),
        ..ReconcilerConfig::default()
    };
    let ranges = config.ranges.iter().map(|range| range.0).collect();
    Reconciler::new(settings, Ownership::new(ranges, Existing::Adopt))
}

pub(super) struct Worker {
    desk: Arc<Desk>,
    clock: Clock,
    reconciler: Reconciler,
    plane: Plane,
    /// When the oldest change that the data plane does not have yet was listed.
    waiting: Option<Duration>,
    /// What the source last was, to say it once.
    source: SourceStatus,
    /// What was last found wrong with services.
    problems: Vec<Problem>,
}

impl Worker {
    pub(super) fn new(desk: Arc<Desk>, clock: Clock, reconciler: Reconciler, plane: Plane) -> Self {
        Self {
            desk,
            clock,
            source: reconciler.source().clone(),
            reconciler,
            plane,
            waiting: None,
            problems: Vec::new(),
        }
    }

    pub(super) fn run(mut self) {
        let mut patience = PAUSE;
        loop {
            let incoming = self.desk.inbox.take(patience);
            if incoming.stop {
                return;
            }
            let now = self.clock.now();
            if incoming.wake {
                self.reconciler.wake();
            }
            if let Some(arrival) = incoming.arrival {
                self.observe(&arrival, now);
            }
            if now >= self.reconciler.next_due() {
                self.pass(now);
            }
            let due = self.reconciler.next_due();
            patience = due.saturating_sub(self.clock.now()).clamp(PAUSE, LOOK);
        }
    }

    fn observe(&mut self, arrival: &Arrival, now: Duration) {
        let due = self.reconciler.next_due();
        self.reconciler.observe(arrival.set.as_deref(), now);
        if self.reconciler.next_due() < due {
            self.waiting.get_or_insert(arrival.listed);
        }
        let news = *self.reconciler.source() != self.source;
        if news {
            self.source = self.reconciler.source().clone();
            tell(&self.source);
        }
        let problems = &self.reconciler.desired().problems;
        let new_problems = *problems != self.problems;
        if new_problems {
            self.problems.clone_from(problems);
        }
        let mut published = self.desk.published();
        if self.source == SourceStatus::Current {
            published.confirm(now);
        }
        // Whatever else a set changes is shown after the pass that it makes due.
        if news || new_problems {
            published.renew(&self.reconciler, now);
        }
    }

    fn pass(&mut self, now: Duration) {
        let pass = self.reconciler.reconcile(&mut *self.plane.plane, now);
        log(&pass);
        let after = self.clock.now();
        let whole = pass.remaining == 0 && pass.list_error.is_none();
        let took = match whole {
            true => self.waiting.take().filter(|_| !pass.applied.is_empty()),
            false => None,
        };
        let mut published = self.desk.published();
        if let Some(listed) = took {
            published.latency.record(after.saturating_sub(listed));
        }
        published.renew(&self.reconciler, after);
    }
}

fn tell(source: &SourceStatus) {
    match source {
        SourceStatus::Waiting | SourceStatus::Current => {
            tracing::info!("the backend set is current");
        }
        SourceStatus::Partial { reason } => {
            tracing::warn!(reason, "the backend set may be partial; the table stays");
        }
        SourceStatus::Away => {
            tracing::warn!("the source of the backend set is away; the table stays");
        }
    }
}

fn log(pass: &Pass) {
    if let Some(error) = &pass.list_error {
        tracing::warn!(%error, "the data plane cannot be listed");
    }
    for error in &pass.failed {
        tracing::warn!(%error, "the data plane refuses a change");
    }
    for change in &pass.applied {
        tracing::info!(%change, "balancer");
    }
}
