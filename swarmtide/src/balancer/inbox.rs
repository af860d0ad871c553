//! What the worker has not taken in yet: the newest backend set and no older one.
//!
//! It is level-triggered: a set that comes before the last one was taken replaces it, so nothing queues up.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use lbsync::{BackendSet, ProbeId, ProbeOutcome};

/// What a source says.
#[derive(Debug, Clone)]
pub(super) struct Arrival {
    /// What there is to balance over; `None` when the source is away.
    pub(super) set: Option<Arc<BackendSet>>,
    /// When the list that shows it was begun, on the clock of this process.
    pub(super) listed: Duration,
}

/// Everything that has come since the worker last looked.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    pub(super) arrival: Option<Arrival>,
    /// Outcomes of probes.
    pub(super) probed: Vec<(ProbeId, ProbeOutcome)>,
    pub(super) wake: bool,
    pub(super) stop: bool,
}

impl Incoming {
    fn is_empty(&self) -> bool {
        self.arrival.is_none() && self.probed.is_empty() && !self.wake && !self.stop
    }
}

/// The one place between those who know something new and the worker.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    incoming: Mutex<Incoming>,
    changed: Condvar,
}

impl Inbox {
    pub(super) fn arrive(&self, arrival: Arrival) {
        self.put(|incoming| incoming.arrival = Some(arrival));
    }

    pub(super) fn probed(&self, id: ProbeId, outcome: ProbeOutcome) {
        self.put(|incoming| incoming.probed.push((id, outcome)));
    }

    pub(super) fn wake(&self) {
        self.put(|incoming| incoming.wake = true);
    }

    pub(super) fn stop(&self) {
        self.put(|incoming| incoming.stop = true);
    }

    fn put(&self, change: impl FnOnce(&mut Incoming)) {
        change(&mut self.lock());
        self.changed.notify_one();
    }

    /// Waits until something comes, at most for `patience`, and takes it all.
    pub(super) fn take(&self, patience: Duration) -> Incoming {
        let incoming = self.lock();
        let waited = self
            .changed
            .wait_timeout_while(incoming, patience, |incoming| incoming.is_empty());
        let (mut incoming, _) = waited.unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *incoming)
    }

    fn lock(&self) -> MutexGuard<'_, Incoming> {
        self.incoming.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_set_is_taken_and_only_once() {
        let inbox = Inbox::default();
        for listed in 1..=3 {
            inbox.arrive(Arrival {
                set: None,
                listed: Duration::from_secs(listed),
            });
        }
        let incoming = inbox.take(Duration::ZERO);
        assert_eq!(
            incoming.arrival.map(|arrival| arrival.listed),
            Some(Duration::from_secs(3))
        );
        assert!(inbox.take(Duration::ZERO).is_empty());
    }
}
