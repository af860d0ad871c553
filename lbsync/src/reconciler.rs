//! Keeps a data plane equal to the desired table: list, plan, execute, verify, and again on a timer.
//!
//! It reads no clock and starts no thread: `now` is an argument, and [`Reconciler::next_due`] says when to call again.
//! It never flushes; what is right stays as it is, over restarts too. Only virtual services that are ours are touched.

mod execute;
mod lives;
mod memory;
mod probing;
mod report;
mod retry;
mod status;
mod vips;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::backend::{BackendSet, Completeness, Generation};
use crate::data_plane::{DataPlane, DataPlaneError, Listing};
use crate::desired::{Desired, LastLabels, Problem, ProblemKind, desired_with};
use crate::diff::{Plan, diff_listing};
use crate::key::VirtualServiceKey;
use crate::ownership::{Existing, Ownership};
use crate::prober::Prober;
use crate::share::Share;
use crate::table::{Change, Table};
use lives::{Lives, Look, Target};
pub use memory::{Memory, RememberedDestination};
pub use retry::Backoff;
use retry::Retries;
pub use status::{
    Counts, DestinationPhase, DestinationStatus, SourceStatus, Stats, Status, VirtualServiceStatus,
};
pub use vips::{Announcement, VipStatus};

/// Longest wait until a listing that failed is tried again: it is cheap, and nothing can be done without it.
const LISTING_WAIT_MAX: Duration = Duration::from_secs(2);

/// How a reconciler works.
#[derive(Clone, Debug)]
pub struct ReconcilerConfig {
    /// Time between two passes when nothing happens.
    pub resync: Duration,
    /// Most changes in one pass; the rest follows in the next, at once.
    pub changes_per_pass: usize,
    /// Wait between tries of an entry that fails, and of a listing that fails.
    pub backoff: Backoff,
    /// Longest time that connections of a destination that drains are waited for, whatever the service's grace period.
    /// Zero deletes at once.
    pub linger_max: Duration,
    /// How often draining destinations are looked at.
    pub linger_poll: Duration,
    /// Share of the destinations that stays in whatever probes say, where a service's labels say nothing.
    pub floor: Share,
    /// Points above the floor at which a VIP that was withdrawn is announced again.
    pub announce_above_floor: u8,
    /// How long a restart waits for the source before it works towards the set that it remembers.
    pub remembered_after: Duration,
    /// Most probes under way at the same time.
    pub probes_max: usize,
}

impl Default for ReconcilerConfig {
    /// Resync every 30 s, a thousand changes in one pass, draining for at most 60 s, a floor of 30 %.
    fn default() -> Self {
        Self {
            resync: Duration::from_secs(30),
            changes_per_pass: 1000,
            backoff: Backoff::default(),
            linger_max: Duration::from_secs(60),
            linger_poll: Duration::from_secs(1),
            floor: Share::THIRTY_PERCENT,
            announce_above_floor: 10,
            remembered_after: Duration::from_secs(5),
            probes_max: 256,
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
    /// Where this pass brought a new desired table fully into the data plane: when the first set with it was observed.
    /// The way from there to the end of the pass is for the shell to time.
    pub completed: Option<Duration>,
}

/// Keeps a data plane equal to what backend sets ask for.
#[derive(Clone, Debug)]
pub struct Reconciler {
    config: ReconcilerConfig,
    ownership: Ownership,
    source: SourceStatus,
    /// The last complete set, and when it last came.
    set: Option<SetSeen>,
    /// That set, of the generation with which it last changed.
    remembered_set: Option<BackendSet>,
    /// While the only set is one that is remembered: when it is worked towards.
    remembered_until: Option<Duration>,
    desired: Desired,
    last_labels: LastLabels,
    lives: Lives,
    prober: Prober,
    retries: Retries,
    list_failures: u32,
    list_error: Option<DataPlaneError>,
    listed: Option<Duration>,
    listing: Listing,
    /// What the last pass worked towards.
    target: Target,
    plan: Plan,
    /// True from a pass without anything to do until the desired table changes: a change needed then is drift.
    settled: bool,
    /// Since when a new desired table is not fully in the data plane.
    changed: Option<Duration>,
    /// Virtual services that were too weak when last looked at.
    weak: BTreeSet<VirtualServiceKey>,
    next_due: Duration,
    stats: Stats,
}

/// The generation of the set that the desired table was made from.
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
            remembered_set: None,
            remembered_until: None,
            desired: Desired::default(),
            last_labels: LastLabels::new(),
            lives: Lives::default(),
            prober: Prober::default(),
            retries: Retries::default(),
            list_failures: 0,
            list_error: None,
            listed: None,
            listing: Listing::default(),
            target: Target::default(),
            plan: Plan::default(),
            settled: false,
            changed: None,
            weak: BTreeSet::new(),
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
        let remembered = self.remembered_until.take().is_some();
        if remembered {
            self.next_due = now;
        }
        let last = self.remembered_set.as_ref();
        if last.is_some_and(|last| last.services == set.services) {
            self.set = Some(SetSeen {
                generation: set.generation,
                at: now,
            });
            return;
        }
        self.take_over(set.clone(), now);
    }

    /// Makes a set the one to work towards.
    fn take_over(&mut self, set: BackendSet, now: Duration) {
        let mut wanted = desired_with(&set, &mut self.last_labels);
        self.refuse_outside_ranges(&mut wanted);
        let first = self.set.is_none();
        self.set = Some(SetSeen {
            generation: set.generation,
            at: now,
        });
        self.remembered_set = Some(set);
        if first || wanted.table != self.desired.table {
            self.settled = false;
            self.changed.get_or_insert(now);
        }
        // Even where the table is the same, a probe or the warm-up may not be.
        self.next_due = now;
        self.lives.desire(&self.desired, &wanted);
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

    /// Returns when [`Reconciler::reconcile`] should be called next. Probes have a timetable of their own.
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
        if !self.acts(now) {
            let wait = now + self.config.resync;
            self.next_due = self.remembered_until.map_or(wait, |until| until.min(wait));
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
        if self.settled {
            pass.completed = self.changed.take();
        }
        self.next_due = self.when_next(&pass, now);
        pass
    }

    /// True if there is a table to work towards.
    fn acts(&self, now: Duration) -> bool {
        self.set.is_some() && self.remembered_until.is_none_or(|until| until <= now)
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
                let wait = self.config.backoff.after(self.list_failures);
                self.next_due = now + wait.min(LISTING_WAIT_MAX);
                Err(error)
            }
        }
    }

    fn plan(&mut self, now: Duration) {
        let actual = &self.listing.services;
        if !self.acts(now) {
            self.plan = Plan {
                foreign: actual.keys().copied().collect(),
                ..Plan::default()
            };
            return;
        }
        if self.ownership.existing == Existing::Adopt {
            let wanted = self.desired.table.keys();
            for key in wanted.filter(|key| actual.contains_key(key)) {
                self.ownership.mark(*key);
            }
        }
        let look = Look {
            desired: &self.desired,
            listing: &self.listing,
            ownership: &self.ownership,
            floor: self.config.floor,
            drain_max: self.config.linger_max,
            now,
        };
        let before = std::mem::take(&mut self.target.table);
        let (target, before) = self.lives.target(&look, &mut self.prober, before);
        let owns = |key: &VirtualServiceKey| self.ownership.owns(key);
        let plan = diff_listing(&self.listing, &target.table, owns);
        if std::mem::take(&mut self.settled) && !plan.changes.is_empty() {
            // What we left is not what we find: somebody else was here.
            let is_moved = |key: &VirtualServiceKey| target.moved.contains(key);
            let changes = plan.changes.iter();
            let moved = changes.filter(|change| is_moved(&change.entry().service()));
            let rest = diff_listing(&self.listing, &before, |key| owns(key) && !is_moved(key));
            let drift = moved.count() + rest.changes.len();
            self.stats.drift_repaired += u64::try_from(drift).unwrap_or(u64::MAX);
        }
        (self.plan, self.target) = (plan, target);
        if self.retries.len() > 0 {
            let planned: BTreeSet<_> = self.plan.changes.iter().map(Change::entry).collect();
            self.retries.keep(|entry| planned.contains(entry));
        }
        // An entry that we made remains ours until it is gone and nobody wants it back.
        let wanted = &self.desired.table;
        let patience = self.config.resync * 2;
        self.ownership.forget(
            |key| actual.contains_key(key) || wanted.contains_key(key),
            now,
            patience,
        );
        self.judge_strength();
    }

    fn when_next(&self, pass: &Pass, now: Duration) -> Duration {
        let mut next = now + self.config.resync;
        let mut sooner = |at: Duration| next = next.min(at.max(now));
        let waits_only = pass.applied.is_empty() && pass.remaining <= self.retries.len();
        if pass.remaining > 0 {
            // What failed waits for its retry; what was put off or is not visible yet is looked at again soon.
            let retry = self.retries.next().unwrap_or(now);
            sooner(if waits_only {
                retry
            } else {
                now + self.config.backoff.initial
            });
            sooner(retry.max(now + self.config.backoff.initial));
        }
        let full = pass.applied.len() + pass.failed.len() >= self.config.changes_per_pass;
        // After weight 0 comes the deletion of those without connections; it need not wait for a timer.
        let follows = self.plan.changes.iter().all(Change::is_delete)
            && !pass.applied.iter().any(Change::is_delete);
        if pass.remaining > 0 && !waits_only && (full || follows) {
            sooner(now);
        }
        if self.target.draining > 0 {
            sooner(now + self.config.linger_poll);
        }
        if let Some(at) = self.target.next {
            sooner(at);
        }
        next
    }

    /// Returns the rule by which virtual services are ours, with the marks.
    #[must_use]
    pub fn ownership(&self) -> &Ownership {
        &self.ownership
    }

    /// Returns what the last complete backend set asks for.
    #[must_use]
    pub fn desired(&self) -> &Desired {
        &self.desired
    }

    /// Returns the table that the last pass worked towards: the desired one, after health, warm-up and drain.
    #[must_use]
    pub fn target(&self) -> &Table {
        &self.target.table
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

    /// Returns the data plane's table when it was last listed.
    #[must_use]
    pub fn listing(&self) -> &Listing {
        &self.listing
    }

    /// True if a foreign virtual service was where this one should be.
    pub(crate) fn is_blocked(&self, service: &VirtualServiceKey) -> bool {
        self.plan.blocked.contains(service)
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

/// Strengths, for those who decide about VIPs.
type Strengths = BTreeMap<VirtualServiceKey, lives::Strength>;

#[cfg(test)]
mod tests;
