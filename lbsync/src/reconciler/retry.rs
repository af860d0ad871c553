//! Retries with backoff, each entry on its own.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::key::EntryKey;

/// How retries are spaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Wait after the first failure.
    pub initial: Duration,
    /// Longest wait.
    pub max: Duration,
}

impl Default for Backoff {
    /// From 200 ms, doubling, to 30 s.
    fn default() -> Self {
        Self {
            initial: Duration::from_millis(200),
            max: Duration::from_secs(30),
        }
    }
}

impl Backoff {
    pub(super) fn after(self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(20);
        self.initial.saturating_mul(1 << doublings).min(self.max)
    }
}

/// An entry that failed.
#[derive(Clone, Debug)]
pub(super) struct Retry {
    pub(super) failures: u32,
    pub(super) not_before: Duration,
    pub(super) error: String,
}

/// Entries that failed and have not succeeded since.
#[derive(Clone, Debug, Default)]
pub(super) struct Retries {
    entries: BTreeMap<EntryKey, Retry>,
}

impl Retries {
    pub(super) fn failed(
        &mut self,
        entry: EntryKey,
        error: String,
        backoff: Backoff,
        now: Duration,
    ) {
        let failures = self
            .entries
            .get(&entry)
            .map_or(0, |retry| retry.failures)
            .saturating_add(1);
        let not_before = now + backoff.after(failures);
        self.entries.insert(
            entry,
            Retry {
                failures,
                not_before,
                error,
            },
        );
    }

    pub(super) fn succeeded(&mut self, entry: &EntryKey) {
        self.entries.remove(entry);
    }

    /// True if the entry must wait.
    pub(super) fn waits(&self, entry: &EntryKey, now: Duration) -> bool {
        self.entries
            .get(entry)
            .is_some_and(|retry| retry.not_before > now)
    }

    pub(super) fn get(&self, entry: &EntryKey) -> Option<&Retry> {
        self.entries.get(entry)
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Forgets entries that nobody wants changed any more.
    pub(super) fn keep(&mut self, wanted: impl Fn(&EntryKey) -> bool) {
        self.entries.retain(|entry, _| wanted(entry));
    }

    /// When the next entry may be tried again.
    pub(super) fn next(&self) -> Option<Duration> {
        self.entries.values().map(|retry| retry.not_before).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let backoff = Backoff {
            initial: Duration::from_secs(1),
            max: Duration::from_secs(10),
        };
        let waits: Vec<_> = (1..7)
            .map(|failures| backoff.after(failures).as_secs())
            .collect();
        assert_eq!(waits, [1, 2, 4, 8, 10, 10]);
        assert_eq!(backoff.after(u32::MAX).as_secs(), 10);
    }
}
