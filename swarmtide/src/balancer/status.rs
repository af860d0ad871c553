//! What is known about the table, as of the last pass, for those who ask often.

use std::{sync::Arc, time::Duration};

use lbsync::{DestinationPhase, Reconciler, SourceStatus, Status};
use serde::Serialize;

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
    /// Destinations at weight 0, or about to leave.
    pub draining: usize,
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
        }
    }

    /// Takes over the state after a pass.
    pub(super) fn renew(&mut self, reconciler: &Reconciler, now: Duration) {
        self.status = Arc::new(reconciler.status(now));
        self.numbers = Numbers::of(&self.status);
        self.at = now;
    }

    /// Notes that a complete set came, which changed nothing.
    pub(super) fn confirm(&mut self, now: Duration) {
        self.offered = Some(now);
    }

    /// The state with its ages as of `now`.
    pub(super) fn status_at(&self, now: Duration) -> Status {
        let passed = now.saturating_sub(self.at).as_millis();
        let passed = u64::try_from(passed).unwrap_or(u64::MAX);
        let older = |age: &mut Option<u64>| {
            if let Some(age) = age {
                *age = age.saturating_add(passed);
            }
        };
        let nearer = |wait: &mut Option<u64>| {
            if let Some(wait) = wait {
                *wait = wait.saturating_sub(passed);
            }
        };
        let mut status = (*self.status).clone();
        if let (Some(age), Some(offered)) = (&mut status.set_age_ms, self.offered) {
            *age = u64::try_from(now.saturating_sub(offered).as_millis()).unwrap_or(u64::MAX);
        }
        older(&mut status.listed_age_ms);
        for service in &mut status.virtual_services {
            nearer(&mut service.retry_in_ms);
            for destination in &mut service.destinations {
                nearer(&mut destination.retry_in_ms);
            }
        }
        status
    }
}

impl Numbers {
    fn of(status: &Status) -> Self {
        let destinations = || {
            status
                .virtual_services
                .iter()
                .flat_map(|service| &service.destinations)
        };
        let serving = destinations()
            .filter(|destination| destination.phase == DestinationPhase::Serving)
            .count();
        let stats = &status.stats;
        Self {
            virtual_services: status.virtual_services.len(),
            serving,
            draining: destinations().count() - serving,
            foreign: status.foreign.len(),
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
