//! Keeps a data plane equal to the desired table: list, plan, execute, verify, and again on a timer.
//!
//! It reads no clock and starts no thread: `now` is an argument, and [`Reconciler::next_due`] says when to call again.
//! It never flushes; what is right stays as it is, over restarts too. Only virtual services that are ours are touched.

mod linger;
mod report;
mod retry;
mod status;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::backend::{BackendSet, Completeness, Generation};
use crate::data_plane::{DataPlane, DataPlaneError, Errno, Listing};
use crate::desired::{Desired, LastLabels, Problem, ProblemKind, desired_with};
use crate::diff::{Plan, diff};
use crate::key::{EntryKey, VirtualServiceKey};
use crate::ownership::{Existing, Ownership};
use crate::table::{Change, Table};
use linger::{Lingering, Patience, remember_grace};
pub use retry::Backoff;
use retry::Retries;
pub use status::{
    DestinationPhase, DestinationStatus, SourceStatus, Stats, Status, VirtualServiceStatus,
};

/// How a reconciler works.
#[derive(Clone, Debug)]
pub struct ReconcilerConfig {
    /// Time between two passes when nothing happens.
    pub resync: Duration,
    /// Most changes in one pass; the rest follows in the next, at once.
    pub changes_per_pass: usize,
    /// Wait between tries of an entry that fails, and of a listing that fails.
    pub backoff: Backoff,
    /// Longest time that connections of a destination without tasks are waited for, whatever the service's grace
    /// period. Zero deletes at once.
    pub linger_max: Duration,
    /// How often lingering destinations are looked at.
    pub linger_poll: Duration,
}

impl Default for ReconcilerConfig {
    /// Resync every 30 s, a thousand changes in one pass, lingering for at most 60 s.
    fn default() -> Self {
        Self {
            resync: Duration::from_secs(30),
            changes_per_pass: 1000,
            backoff: Backoff::default(),
            linger_max: Duration::from_secs(60),
            linger_poll: Duration::from_secs(1),
        }
    }
}

/// What one pass did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pass {
    /// Changes made.
    pub applied: Vec<Change>,
    /// Changes that failed.
    pub failed: Vec<DataPlaneError>,
    /// Changes put off: the pass was full, or the entry waits for its retry.
    pub deferred: usize,
    /// Changes still lacking when the data plane was listed after the work.
    pub remaining: usize,
    /// Why the data plane could not be listed, before the work or after it.
    pub list_error: Option<DataPlaneError>,
}

/// Keeps a data plane equal to what backend sets ask for.
#[derive(Clone, Debug)]
pub struct Reconciler {
    config: ReconcilerConfig,
    ownership: Ownership,
    source: SourceStatus,
    set: Option<SetSeen>,
    desired: Desired,
    last_labels: LastLabels,
    grace: BTreeMap<VirtualServiceKey, Duration>,
    lingering: Lingering,
    retries: Retries,
    list_failures: u32,
    list_error: Option<DataPlaneError>,
    listed: Option<Duration>,
    listing: Listing,
    /// The table that the last pass worked towards, lingering destinations included.
    target: Table,
    plan: Plan,
    /// True from a pass without anything to do until the desired table changes: a change needed then is drift.
    settled: bool,
    next_due: Duration,
    stats: Stats,
}

/// The set that the desired table was made from.
#[derive(Clone, Copy, Debug)]
struct SetSeen {
    generation: Generation,
    at: Duration,
}

impl Reconciler {
    /// Makes a reconciler that has no desired table yet, and therefore changes nothing.
    #[must_use]
    pub fn new(config: ReconcilerConfig, ownership: Ownership) -> Self {
        Self {
            config,
            ownership,
            source: SourceStatus::Waiting,
            set: None,
            desired: Desired::default(),
            last_labels: LastLabels::new(),
            grace: BTreeMap::new(),
            lingering: Lingering::default(),
            retries: Retries::default(),
            list_failures: 0,
            list_error: None,
            listed: None,
            listing: Listing::default(),
            target: Table::new(),
            plan: Plan::default(),
            settled: false,
            next_due: Duration::ZERO,
            stats: Stats::default(),
        }
    }

    /// Takes in what the source says; `None` says that it is away.
    ///
    /// A set that may be partial changes nothing but the status: the last table stays, and is still kept up.
    pub fn observe(&mut self, set: Option<&BackendSet>, now: Duration) {
        let Some(set) = set else {
            self.stats.sets_absent += 1;
            if self.set.is_some() {
                self.source = SourceStatus::Away;
            }
            return;
        };
        if let Completeness::Partial { reason } = &set.completeness {
            self.stats.sets_partial += 1;
            self.source = SourceStatus::Partial {
                reason: reason.clone(),
            };
            return;
        }
        self.stats.sets_complete += 1;
        self.source = SourceStatus::Current;
        let mut wanted = desired_with(set, &mut self.last_labels);
        self.refuse_outside_ranges(&mut wanted);
        let first = self.set.is_none();
        self.set = Some(SetSeen {
            generation: set.generation,
            at: now,
        });
        if first || wanted.table != self.desired.table {
            self.settled = false;
            self.next_due = now;
        }
        remember_grace(&mut self.grace, &wanted);
        self.desired = wanted;
    }

    fn refuse_outside_ranges(&self, wanted: &mut Desired) {
        let refused: Vec<_> = wanted
            .table
            .keys()
            .filter(|key| !self.ownership.permits(key.address))
            .copied()
            .collect();
        for key in refused {
            wanted.table.remove(&key);
            if let Some(origin) = wanted.origins.remove(&key) {
                let kind = ProblemKind::OutsideRanges { vip: key.address };
                wanted.problems.push(Problem {
                    service: origin.service_name,
                    kind,
                });
            }
        }
    }

    /// Asks for a pass as soon as possible, because something may have happened.
    pub fn wake(&mut self) {
        self.next_due = Duration::ZERO;
    }

    /// Returns when [`Reconciler::reconcile`] should be called next.
    #[must_use]
    pub fn next_due(&self) -> Duration {
        self.next_due
    }

    /// Makes one pass over the data plane, whether it is due or not.
    pub fn reconcile(&mut self, plane: &mut dyn DataPlane, now: Duration) -> Pass {
        self.stats.passes += 1;
        let mut pass = Pass::default();
        if let Err(error) = self.look(plane, now) {
            pass.list_error = Some(error);
            return pass;
        }
        if self.set.is_none() {
            self.next_due = now + self.config.resync;
            return pass;
        }
        self.execute(plane, now, &mut pass);
        let worked = !pass.applied.is_empty() || !pass.failed.is_empty();
        if worked && let Err(error) = self.look(plane, now) {
            pass.list_error = Some(error);
            return pass;
        }
        self.settled = self.plan.changes.is_empty();
        pass.remaining = self.plan.changes.len();
        self.next_due = self.when_next(&pass, now);
        pass
    }

    /// Lists the data plane and plans.
    fn look(&mut self, plane: &mut dyn DataPlane, now: Duration) -> Result<(), DataPlaneError> {
        match plane.list() {
            Ok(listing) => {
                (self.list_failures, self.list_error) = (0, None);
                (self.listing, self.listed) = (listing, Some(now));
                self.plan(now);
                Ok(())
            }
            Err(error) => {
                self.stats.list_failures += 1;
                self.list_failures = self.list_failures.saturating_add(1);
                self.list_error = Some(error.clone());
                self.next_due = now + self.config.backoff.after(self.list_failures);
                Err(error)
            }
        }
    }

    fn plan(&mut self, now: Duration) {
        let actual = self.listing.table();
        if self.set.is_none() {
            self.plan = Plan {
                foreign: actual.keys().copied().collect(),
                ..Plan::default()
            };
            return;
        }
        if self.ownership.existing == Existing::Adopt {
            for key in self
                .desired
                .table
                .keys()
                .filter(|key| actual.contains_key(key))
            {
                self.ownership.mark(*key);
            }
        }
        let mut target = self.desired.table.clone();
        if std::mem::take(&mut self.settled) {
            // What we left is not what we find: somebody else was here.
            let drift = diff(&actual, &self.target, |key| self.ownership.owns(key))
                .changes
                .len();
            self.stats.drift_repaired += u64::try_from(drift).unwrap_or(u64::MAX);
        }
        let patience = Patience {
            now,
            grace: &self.grace,
            max: self.config.linger_max,
        };
        self.lingering
            .extend(&mut target, &self.listing, &self.ownership, &patience);
        self.plan = diff(&actual, &target, |key| self.ownership.owns(key));
        self.target = target;
        let planned: BTreeSet<_> = self.plan.changes.iter().map(Change::entry).collect();
        self.retries.keep(|entry| planned.contains(entry));
        // An entry that we made remains ours until it is gone and nobody wants it back.
        let wanted = &self.desired.table;
        let patience = self.config.resync * 2;
        self.ownership.forget(
            |key| actual.contains_key(key) || wanted.contains_key(key),
            now,
            patience,
        );
        self.grace
            .retain(|key, _| actual.contains_key(key) || wanted.contains_key(key));
    }

    fn execute(&mut self, plane: &mut dyn DataPlane, now: Duration, pass: &mut Pass) {
        let mut broken: BTreeSet<EntryKey> = BTreeSet::new();
        let mut room = self.config.changes_per_pass;
        let changes = std::mem::take(&mut self.plan.changes);
        let mut changes = changes.into_iter().peekable();
        while let Some(step) = changes.peek().map(Change::step) {
            let mut batch = Vec::new();
            while let Some(change) = changes.next_if(|change| change.step() == step) {
                let entry = change.entry();
                let put_off =
                    room == 0 || is_hopeless(&change, &broken) || self.retries.waits(&entry, now);
                if put_off {
                    pass.deferred += 1;
                    broken.insert(entry);
                } else {
                    room -= 1;
                    batch.push(change);
                }
            }
            broken.extend(self.make(plane, batch, now, pass));
        }
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        self.stats.changes_applied += count(pass.applied.len());
        self.stats.changes_failed += count(pass.failed.len());
        self.stats.changes_deferred += count(pass.deferred);
    }

    /// Makes the changes of one step, and returns the entries that failed.
    fn make(
        &mut self,
        plane: &mut dyn DataPlane,
        batch: Vec<Change>,
        now: Duration,
        pass: &mut Pass,
    ) -> BTreeSet<EntryKey> {
        let mut broken = BTreeSet::new();
        let mut results = plane.apply_all(&batch).into_iter();
        for change in batch {
            let entry = change.entry();
            let silent = || Err(DataPlaneError::apply(&change, Errno::ETIMEDOUT));
            let result = results.next().unwrap_or_else(silent);
            if let Err(error) = &result
                && self.is_failure(&change, error)
            {
                broken.insert(entry);
                self.retries
                    .failed(entry, error.to_string(), self.config.backoff, now);
                pass.failed.push(error.clone());
            } else {
                self.retries.succeeded(&entry);
                if let (Change::AddService { service, .. }, Ok(())) = (&change, &result) {
                    self.ownership.mark(*service);
                }
                pass.applied.push(change);
            }
        }
        broken
    }

    /// Judges an error, and marks a virtual service as ours where we may have made it.
    fn is_failure(&mut self, change: &Change, error: &DataPlaneError) -> bool {
        let Change::AddService { service, .. } = change else {
            return !error.is_success();
        };
        if error.errno.leaves_doubt() {
            self.ownership.mark(*service);
        }
        // Somebody else was quicker; whether it becomes ours is decided when it is listed.
        !error.is_success() || !self.ownership.owns(service)
    }

    fn when_next(&self, pass: &Pass, now: Duration) -> Duration {
        let mut next = now + self.config.resync;
        let mut sooner = |at: Duration| next = next.min(at.max(now));
        if pass.remaining > 0 {
            // What failed waits for its retry; what was put off or is not visible yet is looked at again soon.
            let retry = self.retries.next().unwrap_or(now);
            let waiting_only = pass.applied.is_empty() && pass.remaining <= self.retries.len();
            sooner(if waiting_only {
                retry
            } else {
                now + self.config.backoff.initial
            });
            sooner(retry.max(now + self.config.backoff.initial));
        }
        if pass.remaining > 0
            && pass.applied.len() + pass.failed.len() >= self.config.changes_per_pass
        {
            sooner(now);
        }
        if self.lingering.len() > 0 {
            sooner(now + self.config.linger_poll);
            sooner(
                self.lingering
                    .next(now)
                    .unwrap_or(now + self.config.linger_poll),
            );
        }
        next
    }

    /// Returns the rule by which virtual services are ours, with the marks, which a shell may keep over a restart.
    #[must_use]
    pub fn ownership(&self) -> &Ownership {
        &self.ownership
    }

    /// Returns what the last complete backend set asks for.
    #[must_use]
    pub fn desired(&self) -> &Desired {
        &self.desired
    }

    /// Returns what is known about the backend set.
    #[must_use]
    pub fn source(&self) -> &SourceStatus {
        &self.source
    }

    /// Returns the counters.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// True if the data plane, when last listed, was as desired.
    #[must_use]
    pub fn in_sync(&self) -> bool {
        self.set.is_some()
            && self.listed.is_some()
            && self.list_error.is_none()
            && self.plan.changes.is_empty()
    }
}

/// True if a change makes no sense, or is not safe, after those that have failed in this pass.
fn is_hopeless(change: &Change, broken: &BTreeSet<EntryKey>) -> bool {
    let service = change.entry().service();
    match change {
        // Its destinations go first, and each of them at weight 0.
        Change::DeleteService { .. } => broken.iter().any(|entry| entry.service() == service),
        Change::DeleteDestination { .. } => broken.contains(&change.entry()),
        _ => broken.contains(&change.entry()) || broken.contains(&EntryKey::Service(service)),
    }
}

#[cfg(test)]
mod tests;
