//! The thread that owns the reconciler and its data plane.
//!
//! It sleeps until something comes or a pass is due; a set that changes the table is worked off at once.

use std::{sync::Arc, time::Duration};

use lbsync::{Existing, Ownership, Pass, Problem, Reconciler, ReconcilerConfig, SourceStatus};

use super::{Desk, inbox::Arrival, memory::MemoryFile, plane::Plane, probes::Probes};
use crate::{clock::Clock, config::Lbsync};

/// Shortest pause between two passes of which nothing new came between.
const PAUSE: Duration = Duration::from_millis(20);

/// Longest pause, so that a clock moved by hand is noticed.
const LOOK: Duration = Duration::from_secs(1);

/// The reconciler that the configuration asks for, going on from what was kept over a restart.
pub(super) fn reconciler(config: &Lbsync, memory: &mut MemoryFile, now: Duration) -> Reconciler {
    let settings = ReconcilerConfig {
        resync: config.resync.get(),
        linger_max: config.drain_max.get(),
        ..ReconcilerConfig::default()
    };
    let ranges = config.ranges.iter().map(|range| range.0).collect();
    let ownership = Ownership::new(ranges, Existing::Adopt);
    match memory.read() {
        None => Reconciler::new(settings, ownership),
        Some(kept) => Reconciler::restore(settings, ownership, kept, memory.epoch_unix_ms(), now),
    }
}

/// What the thread works with.
pub(super) struct Worker {
    pub(super) desk: Arc<Desk>,
    pub(super) clock: Clock,
    pub(super) reconciler: Reconciler,
    pub(super) plane: Plane,
    pub(super) memory: MemoryFile,
    pub(super) probes: Probes,
    /// When the oldest change that the data plane does not have yet was listed.
    pub(super) waiting: Option<Duration>,
    /// What the source last was, to say it once.
    pub(super) source: SourceStatus,
    /// What was last found wrong with services.
    pub(super) problems: Vec<Problem>,
}

impl Worker {
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
            for (id, outcome) in incoming.probed {
                self.reconciler.probe_finished(id, outcome, now);
            }
            if let Some(arrival) = incoming.arrival {
                self.observe(&arrival, now);
            }
            for probe in self.reconciler.poll_probes(now) {
                self.probes.begin(probe, &self.desk);
            }
            if now >= self.reconciler.next_due() {
                self.pass(now);
            }
            patience = self.patience();
        }
    }

    /// Time until something is due.
    fn patience(&self) -> Duration {
        let now = self.clock.now();
        let pass = self.reconciler.next_due();
        let probe = self.reconciler.next_probe_due();
        let next = probe.map_or(pass, |probe| probe.min(pass));
        next.saturating_sub(now).clamp(PAUSE, LOOK)
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
        self.memory.keep(&self.reconciler);
        let pass = self.reconciler.reconcile(&mut *self.plane.plane, now);
        log(&pass);
        // What the pass itself decided, such as a destination that is out, must not wait for the next one.
        self.memory.keep(&self.reconciler);
        let after = self.clock.now();
        let whole = pass.remaining == 0 && pass.list_error.is_none();
        let listed = whole.then(|| self.waiting.take()).flatten();
        // A set that turned out to change nothing in the data plane is no change.
        let took = listed.filter(|_| pass.completed.is_some() && !pass.applied.is_empty());
        if pass.list_error.is_none() {
            self.plane.announce(&self.reconciler);
        }
        let mut published = self.desk.published();
        if let Some(listed) = took {
            published.latency.record(after.saturating_sub(listed));
        }
        published.vip_errors = self.plane.vip_errors();
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
