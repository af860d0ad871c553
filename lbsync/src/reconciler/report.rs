//! The reconciler's state, put together for people and programs.

use std::time::Duration;

use super::Reconciler;
use super::status::{DestinationPhase, DestinationStatus, Status, VirtualServiceStatus};
use crate::backend::BackendState;
use crate::config::DestinationConfig;
use crate::desired::{Problem, ProblemKind, TaskOrigin};
use crate::key::{DestinationKey, EntryKey, VirtualServiceKey};
use crate::table::VirtualService;

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Reconciler {
    /// Returns the state of everything.
    #[must_use]
    pub fn status(&self, now: Duration) -> Status {
        let age = |at: Duration| milliseconds(now.saturating_sub(at));
        Status {
            source: self.source.clone(),
            generation: self.set.map(|set| set.generation),
            set_age_ms: self.set.map(|set| age(set.at)),
            in_sync: self.in_sync(),
            changes_pending: self.plan.changes.len(),
            listed_age_ms: self.listed.map(age),
            list_error: self.list_error.as_ref().map(ToString::to_string),
            retrying: self.retries.len(),
            virtual_services: self.virtual_services(now),
            foreign: self.plan.foreign.clone(),
            inexpressible: self.listing.foreign().collect(),
            problems: self.problems(),
            stats: self.stats,
        }
    }

    fn problems(&self) -> Vec<Problem> {
        let blocked = self.plan.blocked.iter().filter_map(|key| {
            let service = self.desired.origins.get(key)?.service_name.clone();
            Some(Problem {
                service,
                kind: ProblemKind::Foreign {
                    virtual_service: *key,
                },
            })
        });
        self.desired
            .problems
            .iter()
            .cloned()
            .chain(blocked)
            .collect()
    }

    fn virtual_services(&self, now: Duration) -> Vec<VirtualServiceStatus> {
        let listed = self
            .listing
            .services
            .keys()
            .filter(|key| self.ownership.owns(key));
        let mut keys: Vec<_> = self.target.keys().chain(listed).copied().collect();
        keys.sort();
        keys.dedup();
        keys.into_iter()
            .map(|key| self.virtual_service(key, now))
            .collect()
    }

    fn virtual_service(&self, key: VirtualServiceKey, now: Duration) -> VirtualServiceStatus {
        let target = self.target.get(&key);
        let listed = self.listing.services.get(&key);
        let config = target
            .map(|target| &target.config)
            .or(listed.map(|listed| &listed.config));
        let (error, retry_in_ms) = self.failure(&EntryKey::Service(key), now);
        VirtualServiceStatus {
            address: key.address,
            port: key.port,
            protocol: key.protocol,
            service: self
                .desired
                .origins
                .get(&key)
                .map(|origin| origin.service_name.clone()),
            scheduler: config
                .map(|config| config.scheduler.to_string())
                .unwrap_or_default(),
            in_sync: target.map(|target| &target.config) == listed.map(|listed| &listed.config),
            error,
            retry_in_ms,
            destinations: self.destinations(key, target, now),
        }
    }

    fn destinations(
        &self,
        key: VirtualServiceKey,
        target: Option<&VirtualService>,
        now: Duration,
    ) -> Vec<DestinationStatus> {
        let wanted = target
            .into_iter()
            .flat_map(|target| target.destinations.keys());
        let listed = self.listing.services.get(&key);
        let listed = listed
            .into_iter()
            .flat_map(|listed| listed.destinations.keys());
        let mut keys: Vec<_> = wanted.chain(listed).copied().collect();
        keys.sort();
        keys.dedup();
        keys.into_iter()
            .map(|destination| {
                let config = target.and_then(|target| target.destinations.get(&destination));
                self.destination(key, destination, config.copied(), now)
            })
            .collect()
    }

    fn destination(
        &self,
        service: VirtualServiceKey,
        key: DestinationKey,
        wanted: Option<DestinationConfig>,
        now: Duration,
    ) -> DestinationStatus {
        let listed = self
            .listing
            .services
            .get(&service)
            .and_then(|listed| listed.destinations.get(&key));
        let listed_config = listed.map(|listed| listed.config);
        let connections = self.listing.connections(&service, &key);
        let origin = self.desired.origins.get(&service);
        let tasks = origin
            .and_then(|origin| origin.destinations.get(&key))
            .cloned()
            .unwrap_or_default();
        let (error, retry_in_ms) = self.failure(&EntryKey::Destination(service, key), now);
        let config = wanted.or(listed_config);
        DestinationStatus {
            address: key.address,
            port: key.port,
            weight: wanted.map_or(0, |wanted| wanted.weight),
            forward: config
                .map(|config| config.forward.to_string())
                .unwrap_or_default(),
            phase: self.phase(&service, &key, &tasks),
            active_connections: connections.active,
            inactive_connections: connections.inactive,
            in_sync: wanted == listed_config,
            tasks,
            error,
            retry_in_ms,
        }
    }

    fn phase(
        &self,
        service: &VirtualServiceKey,
        key: &DestinationKey,
        tasks: &[TaskOrigin],
    ) -> DestinationPhase {
        if tasks.iter().any(|task| task.state == BackendState::Serving) {
            DestinationPhase::Serving
        } else if !tasks.is_empty() {
            DestinationPhase::Draining
        } else if self.lingering.contains(service, key) {
            DestinationPhase::Lingering
        } else {
            DestinationPhase::Leaving
        }
    }

    fn failure(&self, entry: &EntryKey, now: Duration) -> (Option<String>, Option<u64>) {
        let retry = self.retries.get(entry);
        let wait = retry.map(|retry| milliseconds(retry.not_before.saturating_sub(now)));
        (retry.map(|retry| retry.error.clone()), wait)
    }
}
