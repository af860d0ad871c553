//! What is known about the table, as of the last pass, for those who ask often.

use std::{sync::Arc, time::Duration};

use lbsync::{
    Announcement, ExpectedService, Reconciler, SourceState, SourceStatus, Status, VirtualServiceKey,
};
use serde::{Deserialize, Serialize};

use super::latency::Latency;

/// States of the backend set.
pub const SOURCES: [&str; 4] = ["waiting", "current", "partial", "away"];

/// The table and its state, part of what `GET /v1/backends` shows.
#[derive(Debug, Serialize)]
pub struct BalancerStatus {
    /// Whether the table is kept at all (`lbsync.enabled`).
    pub enabled: bool,
    /// What the table is written to: `memory` keeps and shows it, and nothing is forwarded; `ipvs` is the kernel.
    pub data_plane: &'static str,
    /// The sidecars that backend sets come from; none where they come from this host's engine.
    pub sources: Vec<SourceState>,
    /// The table, its state, and what keeps services from being balanced.
    #[serde(flatten)]
    pub status: Status,
}

/// The balancer in numbers, for `/metrics`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Numbers {
    /// Virtual services.
    pub virtual_services: usize,
    /// Destinations that take new connections.
    pub serving: usize,
    /// Destinations that keep their connections and get no new ones.
    pub draining: usize,
    /// Destinations whose weight rises.
    pub warming_up: usize,
    /// Destinations that wait for their first good probes.
    pub joining: usize,
    /// Destinations whose probe fails, those kept in for the floor's sake included.
    pub failing: usize,
    /// VIPs to be announced.
    pub vips_announced: usize,
    /// VIPs withdrawn for want of healthy destinations.
    pub vips_withdrawn: usize,
    /// VIPs that could not be put up or taken down.
    pub vip_errors: u64,
    /// Probes made.
    pub probes: u64,
    /// Probes that failed.
    pub probes_failed: u64,
    /// Entries of others.
    pub foreign: usize,
    /// Services that asked for a virtual service and have a problem.
    pub problems: usize,
    /// Changes applied.
    pub changes: u64,
    /// Changes refused.
    pub errors: u64,
    /// Listings of the data plane that failed.
    pub list_errors: u64,
    /// Changes that the data plane lacked when last listed.
    pub pending: usize,
    /// Entries that others had changed and that were put right.
    pub drift_repaired: u64,
    /// Comparisons made.
    pub passes: u64,
    /// State of the backend set: waiting, current, partial, away.
    pub source: &'static str,
}

/// What the thread shows of its reconciler.
#[derive(Debug)]
pub(super) struct Published {
    /// As of the last pass.
    pub(super) status: Arc<Status>,
    /// When that was.
    at: Duration,
    /// When the source last offered a complete set.
    offered: Option<Duration>,
    pub(super) numbers: Numbers,
    pub(super) latency: Latency,
    pub(super) vip_errors: u64,
    /// The table as it should be, for an audit.
    pub(super) expected: Arc<Expected>,
}

/// Where the table is and by what rule entries are ours, for an audit.
#[derive(Debug, Serialize, Deserialize)]
pub struct TablePlace {
    /// The network namespace; null for that of the process.
    pub netns: Option<String>,
    /// Ranges of VIPs in which every virtual service is ours.
    pub ranges: Vec<String>,
}

/// What an audit compares the data plane with.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Expected {
    /// Virtual services that bear our mark.
    pub marks: Vec<VirtualServiceKey>,
    /// The table as it should be.
    pub expected: Vec<ExpectedService>,
}

impl Published {
    pub(super) fn of(reconciler: &Reconciler, now: Duration) -> Self {
        let status = Arc::new(reconciler.status(now));
        Self {
            numbers: Numbers::of(&status),
            status,
            at: now,
            offered: None,
            latency: Latency::default(),
            vip_errors: 0,
            expected: Arc::default(),
        }
    }

    /// Takes over the state after a pass.
    pub(super) fn renew(&mut self, reconciler: &Reconciler, now: Duration) {
        self.status = Arc::new(reconciler.status(now));
        self.numbers = Numbers {
            vip_errors: self.vip_errors,
            ..Numbers::of(&self.status)
        };
        self.expected = Arc::new(Expected {
            marks: reconciler.ownership().marks().collect(),
            expected: reconciler.expected(),
        });
        self.at = now;
    }

    /// Notes that a complete set came, which changed nothing.
    pub(super) fn confirm(&mut self, now: Duration) {
        self.offered = Some(now);
    }

    /// Milliseconds since the data plane was last listed, as of `now`.
    pub(super) fn listed_age_ms(&self, now: Duration) -> Option<u64> {
        let age = self.status.listed_age_ms?;
        Some(age.saturating_add(self.passed_ms(now)))
    }

    /// Milliseconds since this state was that of the moment.
    fn passed_ms(&self, now: Duration) -> u64 {
        let passed = now.saturating_sub(self.at).as_millis();
        u64::try_from(passed).unwrap_or(u64::MAX)
    }

    /// The state with its ages as of `now`.
    pub(super) fn status_at(&self, now: Duration) -> Status {
        let passed = self.passed_ms(now);
        let nearer = |wait: &mut Option<u64>| {
            if let Some(wait) = wait {
                *wait = wait.saturating_sub(passed);
            }
        };
        let mut status = (*self.status).clone();
        if let (Some(age), Some(offered)) = (&mut status.set_age_ms, self.offered) {
            *age = u64::try_from(now.saturating_sub(offered).as_millis()).unwrap_or(u64::MAX);
        }
        status.listed_age_ms = self.listed_age_ms(now);
        for service in &mut status.virtual_services {
            nearer(&mut service.retry_in_ms);
            for destination in &mut service.destinations {
                nearer(&mut destination.retry_in_ms);
                nearer(&mut destination.drain_ends_in_ms);
                nearer(&mut destination.full_in_ms);
                destination.age_ms = destination.age_ms.saturating_add(passed);
            }
        }
        status
    }
}

impl Numbers {
    fn of(status: &Status) -> Self {
        let (counts, stats) = (&status.counts, &status.stats);
        let announced = |vip: &&lbsync::VipStatus| vip.announcement == Announcement::Announce;
        let vips_announced = status.vips.iter().filter(announced).count();
        Self {
            virtual_services: counts.virtual_services,
            serving: counts.serving,
            draining: counts.draining,
            warming_up: counts.warming_up,
            joining: counts.joining,
            failing: counts.down + counts.held,
            vips_announced,
            vips_withdrawn: status.vips.len() - vips_announced,
            vip_errors: 0,
            probes: status.probes.probes_begun,
            probes_failed: status.probes.probes_failed + status.probes.probes_lost,
            foreign: status.foreign.len() + status.inexpressible.len(),
            problems: status.problems.len(),
            changes: stats.changes_applied,
            errors: stats.changes_failed,
            list_errors: stats.list_failures,
            pending: status.changes_pending,
            drift_repaired: stats.drift_repaired,
            passes: stats.passes,
            source: match status.source {
                SourceStatus::Waiting => SOURCES[0],
                SourceStatus::Current => SOURCES[1],
                SourceStatus::Partial { .. } => SOURCES[2],
                SourceStatus::Away => SOURCES[3],
            },
        }
    }
}
