//! Carrying out a plan, step by step.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Pass, Reconciler};
use crate::data_plane::{DataPlane, DataPlaneError, Errno};
use crate::key::EntryKey;
use crate::table::Change;

impl Reconciler {
    /// Carries out the plan as far as the pass has room.
    pub(super) fn execute(&mut self, plane: &mut dyn DataPlane, now: Duration, pass: &mut Pass) {
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
}

/// True if a change makes no sense, or is not safe, after those that have failed in this pass.
fn is_hopeless(change: &Change, broken: &BTreeSet<EntryKey>) -> bool {
    if broken.is_empty() {
        return false;
    }
    let service = change.entry().service();
    match change {
        // Its destinations go first, and each of them at weight 0.
        Change::DeleteService { .. } => broken.iter().any(|entry| entry.service() == service),
        Change::DeleteDestination { .. } => broken.contains(&change.entry()),
        _ => broken.contains(&change.entry()) || broken.contains(&EntryKey::Service(service)),
    }
}
