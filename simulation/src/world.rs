//! A whole simulated world without sockets: swarm, load, and the nodes' sFlow agents.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::agent::{Agent, Outgoing};
use crate::api::{self, Fault, FaultKind, Reply, Request};
use crate::config::{ServiceConfig, WorldConfig};
use crate::engine::{Engine, EngineConfig, EngineError};
use crate::load::Load;
use crate::random::Random;
use crate::workload::{ServiceLoad, Workload};

/// A simulated swarm under load whose nodes produce sFlow datagrams. Pure: time is an argument.
#[derive(Debug)]
pub struct World {
    engine: Engine,
    workload: Workload,
    agents: BTreeMap<String, Agent>,
    faults: Vec<Fault>,
    random: Random,
    /// Longest stretch of work that is computed in one piece.
    longest_step: Duration,
}

impl World {
    /// Makes a world at simulated zero.
    ///
    /// # Errors
    ///
    /// Where the engine refuses one of the services.
    pub fn new(config: WorldConfig) -> Result<Self, EngineError> {
        let engine = Engine::new(EngineConfig {
            seed: config.seed,
            epoch_unix_ms: config.epoch_unix_ms,
            nodes: config.nodes,
            timing: config.timing,
        });
        let mut random = Random::new(config.seed.wrapping_add(1));
        let agents = engine
            .nodes()
            .map(|node| {
                (
                    node.id.clone(),
                    Agent::new(node, config.agent.clone(), random.next_u64()),
                )
            })
            .collect();
        let mut world = Self {
            engine,
            workload: Workload::default(),
            agents,
            faults: Vec::new(),
            random,
            longest_step: config.longest_step.max(Duration::from_millis(1)),
        };
        for service in config.services {
            world.add_service(service)?;
        }
        Ok(world)
    }

    /// Lets everything happen until `now`, and returns the datagrams that the nodes sent on the way, in order.
    pub fn advance(&mut self, now: Duration) -> Vec<Outgoing> {
        let mut sent = Vec::new();
        while self.engine.now() < now {
            let before = self.engine.now();
            let next = now.min(before + self.longest_step);
            self.engine.advance(next);
            let running = self.engine.running();
            self.workload
                .work(&self.engine, &running, next - before, &mut self.random);
            for agent in self.agents.values_mut() {
                agent.advance(&self.engine, &running, &self.workload, &mut sent);
            }
        }
        sent
    }

    /// Returns the swarm: services, tasks, nodes, posts, harm.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Returns the swarm for changes: kill nodes, set update states, change the leader, edit services.
    pub fn engine_mut(&mut self) -> &mut Engine {
        &mut self.engine
    }

    /// Returns the sFlow agent of a node (by name or id), for traps.
    pub fn agent_mut(&mut self, node: &str) -> Option<&mut Agent> {
        let id = self.engine.node(node)?.id.clone();
        self.agents.get_mut(&id)
    }

    /// Returns the sFlow agents of all nodes, for traps.
    pub fn agents_mut(&mut self) -> impl Iterator<Item = &mut Agent> {
        self.agents.values_mut()
    }

    /// Adds a service with its load, and returns its id.
    ///
    /// # Errors
    ///
    /// Where the engine refuses it.
    pub fn add_service(&mut self, service: ServiceConfig) -> Result<String, EngineError> {
        let id = self.engine.create_service(service.spec)?;
        if let Some(created) = self.engine.service(&id) {
            self.workload.set(created.name(), service.load);
            if !service.callers.is_empty() {
                self.workload.set_callers(created.name(), service.callers);
            }
            if let Some(sickness) = service.sick {
                self.workload.set_sick(created.name(), sickness);
            }
        }
        Ok(id)
    }

    /// Removes a service and its load. Returns false where there is none of that name or id.
    pub fn remove_service(&mut self, name: &str) -> bool {
        let Some(name) = self
            .engine
            .service(name)
            .map(|service| service.name().to_owned())
        else {
            return false;
        };
        self.workload.remove(&name);
        self.engine.remove_service(&name)
    }

    /// Makes a container need so many times the processor time for the same work, as one that something is wrong with does.
    pub fn set_cpu_factor(&mut self, container: &str, factor: f64) {
        self.workload.set_cpu_factor(container, factor);
    }

    /// Says which containers get no new connections, by the first 32 digits of their ids, as a balancer would see to:
    /// what they serve dies away within seconds, and the others of their services get it. Those that are not named any
    /// more get their part again.
    pub fn drain(&mut self, containers: &BTreeSet<String>) {
        self.workload.drain(containers, self.engine.now());
    }

    /// Changes the load of the service of that name.
    pub fn set_load(&mut self, service: &str, load: Load) {
        self.workload.set(service, load);
    }

    /// Returns what load the service of that name had at the last step.
    #[must_use]
    pub fn load(&self, service: &str) -> ServiceLoad {
        self.workload.last(service)
    }

    /// Replaces the faults of the Engine API; an empty list heals it.
    pub fn set_faults(&mut self, faults: Vec<Fault>) {
        self.faults = faults;
    }

    /// Answers a request, with those faults that need no socket.
    pub fn answer(&mut self, request: &Request<'_>) -> Reply {
        let (_, fault) = self.faults_for(request.path);
        self.answer_with(request, fault)
    }

    /// Throws the dice: how long a request waits, and what goes wrong with it.
    pub(crate) fn faults_for(&mut self, path: &str) -> (Duration, Option<FaultKind>) {
        let mut latency = Duration::ZERO;
        let mut struck = None;
        for fault in &self.faults {
            if !fault.strikes(path, &mut self.random) {
                continue;
            }
            match fault.kind {
                FaultKind::Latency(more) => latency += more,
                kind => struck = struck.or(Some(kind)),
            }
        }
        (latency, struck)
    }

    pub(crate) fn answer_with(&mut self, request: &Request<'_>, fault: Option<FaultKind>) -> Reply {
        match fault {
            Some(FaultKind::NoLeader) => Reply::error(&EngineError::no_leader()),
            Some(FaultKind::NotManager) => Reply::error(&EngineError::not_a_manager()),
            Some(FaultKind::ServerError) => {
                Reply::error(&EngineError::new(500, "simulated server error"))
            }
            Some(FaultKind::Conflict) if request.method == "POST" => {
                let mut segments = request
                    .path
                    .split('/')
                    .skip_while(|segment| *segment != "services");
                if let Some(service) = segments.nth(1) {
                    self.engine.touch_service(service);
                }
                api::answer(&mut self.engine, request)
            }
            _ => api::answer(&mut self.engine, request),
        }
    }
}

#[cfg(test)]
mod tests;
