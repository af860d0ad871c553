//! Candidates beside the live policy: each is an engine of its own on the same observations, and nothing that it decides is written.
//!
//! A candidate lays labels over those of the services; what labels can say, it can try. It has replicas of its own, which follow its
//! own decisions and start up as slowly as the service's: what it is shown of load is the service's, spread over those. What the
//! service could not show is not seen: CPU ends at 100 % of the replicas that really were there, and whoever would have waited does
//! not come again. Pauses and switches concern the live policy only.

mod candidate;
mod virtual_service;

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

use crate::{
    admin::AdminState,
    decide::Decision,
    engine::{Engine, Inputs, ServiceInput},
    labels::{Defaults, SHADOW_PREFIX},
    observation::ServiceName,
    record::{DecisionRecord, Outcome},
    settings::Settings,
};

pub use candidate::{Candidate, CandidateError};
use virtual_service::VirtualService;

/// Most candidates, from the configuration and from labels together.
pub const CANDIDATES_MAX: usize = 8;

/// What one candidate would do about one service, and what it would have cost so far.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShadowStatus<'a> {
    /// The candidate.
    pub candidate: &'a str,
    /// Replicas that it would have.
    pub replicas: u32,
    /// Since when it has been looking on, in Unix milliseconds.
    pub since_unix_ms: u64,
    /// Changes that would have added replicas.
    pub scale_ups: u64,
    /// Changes that would have taken replicas away.
    pub scale_downs: u64,
    /// Its replicas over time.
    pub replica_seconds: f64,
    /// The live policy's over the same time.
    pub live_replica_seconds: f64,
    /// How long it would have had fewer replicas than the live policy.
    pub below_live_seconds: f64,
    /// How long it would have had more.
    pub above_live_seconds: f64,
    /// Its latest decision.
    pub last: Option<&'a DecisionRecord>,
}

/// One candidate and what it has come to.
#[derive(Debug)]
pub struct Shadow {
    candidate: Candidate,
    engine: Engine,
    services: BTreeMap<ServiceName, VirtualService>,
}

impl Shadow {
    /// A candidate that has seen nothing yet.
    #[must_use]
    pub fn new(candidate: Candidate, settings: Settings, defaults: Defaults) -> Self {
        Self {
            candidate,
            engine: Engine::new(settings, defaults, AdminState::default()),
            services: BTreeMap::new(),
        }
    }

    /// The candidate.
    #[must_use]
    pub const fn candidate(&self) -> &Candidate {
        &self.candidate
    }

    /// Looks on at one tick of the live engine.
    pub fn tick(&mut self, inputs: &Inputs<'_>, now: Duration, unix_ms: u64) {
        let mut seen = Vec::with_capacity(inputs.services.len());
        for input in &inputs.services {
            if !self.candidate.concerns(input.name.as_str(), input.labels) {
                continue;
            }
            let service = self
                .services
                .entry(input.name.clone())
                .or_insert_with(|| VirtualService::new(input, now, unix_ms));
            service.look(&self.candidate, input, now);
            seen.push(input);
        }
        let services = seen
            .into_iter()
            .filter_map(|input| {
                let service = self.services.get(&input.name)?;
                Some(ServiceInput {
                    name: input.name.clone(),
                    id: input.id.clone(),
                    labels: service.labels(),
                    observation: service.observation(input, now),
                    reservation: input.reservation,
                    unplaced: 0,
                    replicas: Vec::new(),
                })
            })
            .collect();
        let own = Inputs {
            swarm: inputs.swarm.clone(),
            services,
            resources: inputs.resources,
        };
        for command in self.engine.tick(&own, now, unix_ms) {
            if let Some(service) = self.services.get_mut(&command.service) {
                service.scale(command.to, now);
            }
            self.engine
                .completed(&command, Outcome::Applied, now, unix_ms);
        }
        drop(self.engine.take_events());
        let engine = &self.engine;
        self.services
            .retain(|name, _| engine.service_status(name.as_str()).is_some());
    }

    /// What it would do about a service; `None` where it has not looked at it.
    #[must_use]
    pub fn status(&self, name: &str) -> Option<ShadowStatus<'_>> {
        let service = self.services.get(name)?;
        let status = self.engine.service_status(name)?;
        Some(ShadowStatus {
            candidate: self.candidate.name(),
            replicas: service.replicas(),
            since_unix_ms: service.since_unix_ms(),
            scale_ups: status.counters.scale_ups,
            scale_downs: status.counters.scale_downs,
            replica_seconds: service.account().replica_seconds,
            live_replica_seconds: service.account().live_replica_seconds,
            below_live_seconds: service.account().below_live_seconds,
            above_live_seconds: service.account().above_live_seconds,
            last: status.last,
        })
    }

    /// Its records about a service, oldest first.
    #[must_use]
    pub fn records(&self, name: &str) -> Vec<&DecisionRecord> {
        self.engine.records(name)
    }

    /// Services that it looks at, by name.
    pub fn services(&self) -> impl Iterator<Item = &ServiceName> {
        self.services.keys()
    }

    /// Replicas that it would have, and whether its latest decision changes them.
    #[must_use]
    pub fn replicas(&self, name: &str) -> Option<(u32, bool)> {
        let service = self.services.get(name)?;
        let status = self.engine.service_status(name)?;
        let scales = status
            .last
            .is_some_and(|record| matches!(record.decision, Decision::Scale { .. }));
        Some((service.replicas(), scales))
    }

    fn memory_bytes(&self) -> usize {
        let services = self.services.values().map(VirtualService::bytes);
        self.engine.memory_bytes() + services.sum::<usize>()
    }
}

/// All candidates: those of the configuration, and those that labels name.
#[derive(Debug)]
pub struct Shadows {
    settings: Settings,
    defaults: Defaults,
    shadows: BTreeMap<String, Shadow>,
    over_limit: usize,
}

impl Shadows {
    /// The candidates of the configuration; those beyond [`CANDIDATES_MAX`] are left out, and counted.
    #[must_use]
    pub fn new(
        candidates: impl IntoIterator<Item = Candidate>,
        settings: Settings,
        defaults: Defaults,
    ) -> Self {
        let mut shadows = Self {
            settings,
            defaults,
            shadows: BTreeMap::new(),
            over_limit: 0,
        };
        for candidate in candidates {
            shadows.add(candidate);
        }
        shadows
    }

    fn add(&mut self, candidate: Candidate) {
        if self.shadows.len() >= CANDIDATES_MAX {
            self.over_limit += 1;
            return;
        }
        let name = candidate.name().to_owned();
        let (settings, defaults) = (self.settings.clone(), self.defaults.clone());
        self.shadows
            .insert(name, Shadow::new(candidate, settings, defaults));
    }

    /// Lets every candidate look on at one tick of the live engine.
    pub fn tick(&mut self, inputs: &Inputs<'_>, now: Duration, unix_ms: u64) {
        self.over_limit = 0;
        for name in named_by_labels(inputs) {
            if !self.shadows.contains_key(&name) {
                self.add(Candidate::of_labels(&name));
            }
        }
        for shadow in self.shadows.values_mut() {
            shadow.tick(inputs, now, unix_ms);
        }
        self.shadows
            .retain(|_, shadow| shadow.candidate.is_configured() || !shadow.services.is_empty());
    }

    /// What every candidate would do about a service.
    pub fn of_service<'a>(&'a self, name: &'a str) -> impl Iterator<Item = ShadowStatus<'a>> {
        self.shadows
            .values()
            .filter_map(|shadow| shadow.status(name))
    }

    /// All candidates, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Shadow> {
        self.shadows.values()
    }

    /// Candidates left out in the last tick.
    #[must_use]
    pub const fn over_limit(&self) -> usize {
        self.over_limit
    }

    /// Estimated memory, in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.shadows.values().map(Shadow::memory_bytes).sum()
    }
}

/// The candidates that labels name, each once.
fn named_by_labels(inputs: &Inputs<'_>) -> std::collections::BTreeSet<String> {
    let labels = inputs.services.iter().flat_map(|input| {
        input
            .labels
            .range(SHADOW_PREFIX.to_owned()..)
            .map(|(label, _)| label)
            .take_while(|label| label.starts_with(SHADOW_PREFIX))
    });
    labels
        .filter_map(|label| label.strip_prefix(SHADOW_PREFIX))
        .map(str::to_owned)
        .collect()
}
