//! The reconciler's probes: what a shell asks of it, and tells it.

use std::time::Duration;

use super::Reconciler;
use crate::probe::{Probe, ProbeId, ProbeOutcome};
use crate::prober::Prober;

impl Reconciler {
    /// Returns the probes to begin now. Each must be answered with [`Reconciler::probe_finished`], within twice its
    /// timeout and a second; what is not is taken for a failure.
    ///
    /// Where too many are under way, the rest is due again as soon as an outcome comes.
    pub fn poll_probes(&mut self, now: Duration) -> Vec<Probe> {
        let (probes, changed) = self.prober.poll(self.config.probes_max, now);
        if changed {
            self.next_due = now;
        }
        probes
    }

    /// Takes in how a probe ended. Where that brings a destination in or out, a pass is due at once.
    pub fn probe_finished(&mut self, id: ProbeId, outcome: ProbeOutcome, now: Duration) {
        if self.prober.finished(id, outcome, now) {
            self.next_due = now;
        }
    }

    /// Returns when [`Reconciler::poll_probes`] should be called next; `None` where nothing is probed.
    #[must_use]
    pub fn next_probe_due(&self) -> Option<Duration> {
        self.prober.next_due()
    }

    /// Returns the prober, for its health and its counters.
    #[must_use]
    pub fn prober(&self) -> &Prober {
        &self.prober
    }
}
