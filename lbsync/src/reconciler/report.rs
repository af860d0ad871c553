//! The reconciler's state, put together for people and programs.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Reconciler;
use super::status::{Counts, DestinationPhase, DestinationStatus, Status, VirtualServiceStatus};
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
            counts: self.counts(),
            vips: self.vips(),
            retrying: self.retries.len(),
            virtual_services: self.virtual_services(now),
            foreign: self.plan.foreign.clone(),
            inexpressible: self.listing.foreign().collect(),
            problems: self.problems(),
            stats: self.stats,
            probes: self.prober.stats(),
        }
    }

    /// Returns how many destinations are doing what; cheap enough for every pass.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let table = &self.target.table;
        let mut counts = Counts {
            virtual_services: table.len(),
            ..Counts::default()
        };
        for (key, service) in table {
            for destination in service.destinations.keys() {
                let count = match self.phase(key, destination) {
                    DestinationPhase::Serving => &mut counts.serving,
                    DestinationPhase::WarmingUp => &mut counts.warming_up,
                    DestinationPhase::Held => &mut counts.held,
                    DestinationPhase::Joining => &mut counts.joining,
                    DestinationPhase::Down => &mut counts.down,
                    DestinationPhase::Draining
                    | DestinationPhase::Lingering
                    | DestinationPhase::Leaving => &mut counts.draining,
                };
                *count += 1;
            }
            // Those that have never been in are not in the table.
            let lives = self.lives.services.get(key);
            let new = lives.into_iter().flatten().filter(|(destination, life)| {
                !life.admitted && !service.destinations.contains_key(destination)
            });
            counts.joining += new.count();
        }
        counts
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
        let keys: BTreeSet<_> = self.target.table.keys().chain(listed).collect();
        keys.into_iter()
            .map(|key| self.virtual_service(*key, now))
            .collect()
    }

    fn virtual_service(&self, key: VirtualServiceKey, now: Duration) -> VirtualServiceStatus {
        let target = self.target.table.get(&key);
        let listed = self.listing.services.get(&key);
        let config = target
            .map(|target| &target.config)
            .or(listed.map(|listed| &listed.config));
        let (error, retry_in_ms) = self.failure(&EntryKey::Service(key), now);
        let origin = self.desired.origins.get(&key);
        let strength = self.target.strength.get(&key).copied().unwrap_or_default();
        let config = config.cloned().unwrap_or_default();
        VirtualServiceStatus {
            address: key.address,
            port: key.port,
            protocol: key.protocol,
            service: origin.map(|origin| origin.service_name.clone()),
            scheduler: config.scheduler.to_string(),
            config,
            probe: origin
                .and_then(|origin| origin.probe.as_ref())
                .map(|probe| probe.kind.to_string()),
            healthy: strength.healthy,
            swarm_serving: strength.serving,
            weak: self.weak.contains(&key),
            traffic: listed.map(|listed| listed.traffic).unwrap_or_default(),
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
        let lives = self.lives.services.get(&key);
        let living = lives.into_iter().flat_map(|lives| lives.keys());
        let keys: BTreeSet<_> = wanted.chain(listed).chain(living).collect();
        keys.into_iter()
            .map(|destination| {
                let config = target.and_then(|target| target.destinations.get(destination));
                self.destination(key, *destination, config.copied(), now)
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
        let (error, retry_in_ms) = self.failure(&EntryKey::Destination(service, key), now);
        let config = wanted.or(listed_config);
        let life = self.lives.get(&service, &key);
        let left = |at: Duration| milliseconds(at.saturating_sub(now));
        DestinationStatus {
            address: key.address,
            port: key.port,
            weight: wanted.map_or(0, |wanted| wanted.weight),
            listed_weight: listed_config.map(|config| config.weight),
            forward: config
                .map(|config| config.forward.to_string())
                .unwrap_or_default(),
            config: config.unwrap_or_default(),
            phase: self.phase(&service, &key),
            active_connections: connections.active,
            inactive_connections: connections.inactive,
            persistent_connections: connections.persistent,
            traffic: listed.map(|listed| listed.traffic).unwrap_or_default(),
            health: self.prober.health(&service, &key).cloned(),
            age_ms: life.map_or(0, |life| milliseconds(life.age(now))),
            drain_ends_in_ms: life.and_then(|life| life.drain_until).map(left),
            full_in_ms: life.and_then(|life| life.full_at).map(left),
            in_sync: wanted == listed_config,
            tasks: self.tasks(&service, &key).to_vec(),
            error,
            retry_in_ms,
        }
    }

    pub(crate) fn tasks(&self, service: &VirtualServiceKey, key: &DestinationKey) -> &[TaskOrigin] {
        let origin = self.desired.origins.get(service);
        let tasks = origin.and_then(|origin| origin.destinations.get(key));
        tasks.map_or(&[], Vec::as_slice)
    }

    pub(crate) fn phase(
        &self,
        service: &VirtualServiceKey,
        key: &DestinationKey,
    ) -> DestinationPhase {
        let tasks = self.tasks(service, key);
        let serves = tasks.iter().any(|task| task.state == BackendState::Serving);
        let life = self.lives.get(service, key);
        match life {
            Some(life) if serves && life.held => DestinationPhase::Held,
            Some(life) if serves && life.full_at.is_some() => DestinationPhase::WarmingUp,
            Some(life) if serves && life.out && !life.admitted => DestinationPhase::Joining,
            Some(life) if serves && life.out => DestinationPhase::Down,
            _ if serves => DestinationPhase::Serving,
            _ if !tasks.is_empty() => DestinationPhase::Draining,
            Some(life) if life.drain_until.is_some() => DestinationPhase::Lingering,
            _ => DestinationPhase::Leaving,
        }
    }

    fn failure(&self, entry: &EntryKey, now: Duration) -> (Option<String>, Option<u64>) {
        let retry = self.retries.get(entry);
        let wait = retry.map(|retry| milliseconds(retry.not_before.saturating_sub(now)));
        (retry.map(|retry| retry.error.clone()), wait)
    }
}
