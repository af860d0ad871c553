//! Load that meets containers: what each one has done since it started.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::engine::{Engine, Running, Task, cpu_limit_nano, memory_limit};
use crate::load::{Demand, Load};
use crate::random::{Random, whole};
use crate::traffic::{Caller, Links, PACKET, Peer, Sickness};

/// Cores that a container uses without work.
const IDLE_CORES: f64 = 0.003;
/// Share of the traffic that comes in.
const INBOUND: f64 = 0.2;
/// How long the counters of an ended container are kept for its last sample.
const KEEP_ENDED: Duration = Duration::from_secs(5);
/// In this time a container that gets no new connections loses all but about a third of those that it has.
const DRAINING: Duration = Duration::from_secs(4);
/// Digits of a container's id that telemetry and autoscalers know it by.
const KNOWN_DIGITS: usize = 32;

/// Counters of one container since its start.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meter {
    pub(crate) cpu_seconds: f64,
    pub(crate) bytes_in: f64,
    pub(crate) bytes_out: f64,
    /// Bytes in use at the moment.
    pub(crate) memory: f64,
    /// Bytes of the limit; 0 means none.
    pub(crate) memory_limit: u64,
    /// Nano-CPUs of the limit; 0 means none.
    pub(crate) cpu_limit_nano: u64,
    /// With whom those bytes were exchanged.
    pub(crate) links: Links,
    /// When the container last worked.
    last_work: Duration,
}

/// What all containers of one node have done together since the simulation's start.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct NodeTotal {
    pub(crate) cpu_seconds: f64,
    pub(crate) bytes_in: f64,
    pub(crate) bytes_out: f64,
}

impl Meter {
    pub(crate) fn cpu_time_ms(&self) -> u64 {
        whole(self.cpu_seconds * 1000.0)
    }

    pub(crate) fn packets(bytes: f64) -> u64 {
        whole(bytes / PACKET)
    }
}

/// What a service's load was at the last step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ServiceLoad {
    /// Work that arrived.
    pub offered: Demand,
    /// Work that was done.
    pub served: Demand,
}

/// The loads of all services and the counters of all containers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Workload {
    loads: BTreeMap<String, Load>,
    last: BTreeMap<String, ServiceLoad>,
    meters: BTreeMap<String, Meter>,
    nodes: BTreeMap<String, NodeTotal>,
    /// How many times the processor time a container needs.
    cpu_factors: BTreeMap<String, f64>,
    /// Who calls a service, by its name.
    callers: BTreeMap<String, Vec<Caller>>,
    /// Services of which one replica is sick, by their names.
    sick: BTreeMap<String, Sickness>,
    /// Containers that get no new connections, by the first digits of their ids, and since when.
    drained: BTreeMap<String, Duration>,
}

/// Bytes received and sent within a step.
#[derive(Clone, Copy, Debug, Default)]
struct Bytes {
    received: f64,
    sent: f64,
}

impl Workload {
    pub(crate) fn set(&mut self, service: &str, load: Load) {
        self.loads.insert(service.to_owned(), load);
    }

    pub(crate) fn set_cpu_factor(&mut self, container: &str, factor: f64) {
        self.cpu_factors.insert(container.to_owned(), factor);
    }

    pub(crate) fn set_callers(&mut self, service: &str, callers: Vec<Caller>) {
        self.callers.insert(service.to_owned(), callers);
    }

    pub(crate) fn set_sick(&mut self, service: &str, sickness: Sickness) {
        self.sick.insert(service.to_owned(), sickness);
    }

    /// Replaces the containers that get no new connections.
    pub(crate) fn drain(&mut self, containers: &BTreeSet<String>, now: Duration) {
        self.drained.retain(|known, _| containers.contains(known));
        for container in containers {
            self.drained.entry(container.clone()).or_insert(now);
        }
    }

    pub(crate) fn remove(&mut self, service: &str) {
        self.loads.remove(service);
        self.last.remove(service);
        self.callers.remove(service);
        self.sick.remove(service);
    }

    pub(crate) fn last(&self, service: &str) -> ServiceLoad {
        self.last.get(service).copied().unwrap_or_default()
    }

    pub(crate) fn meter(&self, container: &str) -> Option<&Meter> {
        self.meters.get(container)
    }

    pub(crate) fn node_total(&self, node: &str) -> NodeTotal {
        self.nodes.get(node).copied().unwrap_or_default()
    }

    /// Lets every running container work for `span`, which ends now.
    pub(crate) fn work(
        &mut self,
        engine: &Engine,
        running: &Running<'_>,
        span: Duration,
        random: &mut Random,
    ) {
        let ids: BTreeMap<&str, &str> = if self.callers.is_empty() {
            BTreeMap::new()
        } else {
            let services = engine.services();
            services
                .map(|service| (service.name(), service.id.as_str()))
                .collect()
        };
        let mut calls: BTreeMap<String, Vec<(Peer, Bytes)>> = BTreeMap::new();
        for service in engine.services() {
            let noise = random.signed_unit();
            let load = self.loads.get(service.name());
            let offered = load
                .map(|load| load.at(engine.now(), noise))
                .unwrap_or_default();
            let containers = running.of(&service.id);
            let weights: Vec<f64> = containers
                .iter()
                .map(|task| self.weight(task, engine.now()))
                .collect();
            let all: f64 = weights.iter().sum();
            let callers = self.calling(&ids, running, service.name());
            let clients = clients(&callers);
            let sick = self.sick.get(service.name()).copied();
            let mut served = Demand::default();
            for (task, weight) in containers.iter().zip(weights) {
                // Where nobody gets new connections the old ones are spread as before.
                let weight = if all > 1e-6 {
                    weight / all
                } else {
                    1.0 / (containers.len().max(1) as f64)
                };
                let mut share = offered.scaled(weight * (1.0 + 0.02 * random.signed_unit()));
                share.cores *= self.cpu_factor(sick, task, engine.now());
                let done = self.work_in(engine, task, share, span);
                self.answer(task, &clients, bytes(done, span));
                served.cores += done.cores;
                served.bytes_per_second += done.bytes_per_second;
            }
            for (caller, share) in callers {
                let each = 1.0 / (running.of(&caller).len().max(1) as f64);
                let bytes = bytes(served, span).times(share * each);
                let called = Peer::Called(service.id.clone());
                calls.entry(caller).or_default().push((called, bytes));
            }
            let load = ServiceLoad { offered, served };
            self.last.insert(service.name().to_owned(), load);
        }
        for (caller, called) in &calls {
            for task in running.of(caller) {
                self.call(task, called);
            }
        }
        self.meters
            .retain(|_, meter| meter.last_work + KEEP_ENDED > engine.now());
    }

    /// How much of a service's work a container gets, set against one that gets its full part.
    fn weight(&self, task: &Task, now: Duration) -> f64 {
        if self.drained.is_empty() {
            return 1.0;
        }
        let known = task
            .container
            .as_deref()
            .and_then(|id| id.get(..KNOWN_DIGITS));
        known
            .and_then(|id| self.drained.get(id))
            .map_or(1.0, |since| {
                let passed = now.saturating_sub(*since).as_secs_f64();
                (-passed / DRAINING.as_secs_f64()).exp()
            })
    }

    /// How many times the processor time this container needs.
    fn cpu_factor(&self, sick: Option<Sickness>, task: &Task, now: Duration) -> f64 {
        let set = task
            .container
            .as_ref()
            .and_then(|id| self.cpu_factors.get(id));
        let sick = sick.filter(|sick| {
            let ran = task.running_since.map(|since| now.saturating_sub(since));
            task.slot == Some(sick.slot) && ran >= Some(sick.after)
        });
        set.copied()
            .or_else(|| sick.map(|sick| sick.cpu_factor))
            .unwrap_or(1.0)
    }

    /// The services (their ids) that call this one, with their shares. One without a container calls nobody.
    fn calling(
        &self,
        ids: &BTreeMap<&str, &str>,
        running: &Running<'_>,
        service: &str,
    ) -> Vec<(String, f64)> {
        let callers = self.callers.get(service).into_iter().flatten();
        callers
            .filter_map(|caller| {
                let id = *ids.get(caller.service.as_str())?;
                (!running.of(id).is_empty()).then(|| (id.to_owned(), caller.share))
            })
            .collect()
    }

    /// Notes to whom the bytes of a container that served went.
    fn answer(&mut self, task: &Task, clients: &[(Peer, f64)], bytes: Bytes) {
        let meter = task
            .container
            .as_ref()
            .and_then(|id| self.meters.get_mut(id));
        if let Some(meter) = meter {
            for (peer, share) in clients {
                let Bytes { received, sent } = bytes.times(*share);
                meter.links.add(peer, received, sent);
            }
        }
    }

    /// Counts calls where they come from: what the called services received was sent here, and the other way round.
    fn call(&mut self, task: &Task, called: &[(Peer, Bytes)]) {
        let container = task.container.as_deref().unwrap_or_default();
        let Some(meter) = self.meters.get_mut(container) else {
            return; // it has worked in this step, as all that run have
        };
        let mut all = Bytes::default();
        for (peer, Bytes { received, sent }) in called {
            meter.links.add(peer, *sent, *received);
            all.received += sent;
            all.sent += received;
        }
        meter.bytes_in += all.received;
        meter.bytes_out += all.sent;
        let node = task.node.as_deref().unwrap_or_default();
        if let Some(total) = self.nodes.get_mut(node) {
            total.bytes_in += all.received;
            total.bytes_out += all.sent;
        }
    }

    fn work_in(&mut self, engine: &Engine, task: &Task, share: Demand, span: Duration) -> Demand {
        let node = task.node.clone().unwrap_or_default();
        let cores = engine
            .node(&node)
            .map_or(1.0, |node| f64::from(node.config.cpus));
        let meter = self
            .meters
            .entry(task.container.clone().unwrap_or_default())
            .or_default();
        meter.last_work = engine.now();
        meter.cpu_limit_nano = cpu_limit_nano(&task.template);
        meter.memory_limit = memory_limit(&task.template);
        let most = match meter.cpu_limit_nano {
            0 => cores,
            nano => (nano as f64 / 1e9).min(cores),
        };
        let done = meter.work(share, most, span);
        let seconds = span.as_secs_f64();
        let total = self.nodes.entry(node).or_default();
        total.cpu_seconds += done.cores * seconds;
        let Bytes { received, sent } = bytes(done, span);
        total.bytes_in += received;
        total.bytes_out += sent;
        done
    }
}

/// Those that call, and who is outside with the rest.
fn clients(callers: &[(String, f64)]) -> Vec<(Peer, f64)> {
    let called = callers.iter().map(|(_, share)| share).sum::<f64>();
    let outside = (called < 1.0).then_some((Peer::Outside, 1.0 - called));
    let callers = callers.iter();
    callers
        .map(|(caller, share)| (Peer::Caller(caller.clone()), *share))
        .chain(outside)
        .collect()
}

/// The traffic of what was done.
fn bytes(done: Demand, span: Duration) -> Bytes {
    let all = done.bytes_per_second * span.as_secs_f64();
    Bytes {
        received: INBOUND * all,
        sent: (1.0 - INBOUND) * all,
    }
}

impl Bytes {
    fn times(self, share: f64) -> Self {
        Self {
            received: self.received * share,
            sent: self.sent * share,
        }
    }
}

impl Meter {
    /// Works for `span` and returns what was done. The network sees a little of what could not be done.
    fn work(&mut self, share: Demand, most_cores: f64, span: Duration) -> Demand {
        let cores = (share.cores + IDLE_CORES).min(most_cores);
        let done = if share.cores > cores {
            cores / share.cores
        } else {
            1.0
        };
        let bytes = share.bytes_per_second * (done + 0.1 * (1.0 - done));
        let seconds = span.as_secs_f64();
        self.cpu_seconds += cores * seconds;
        self.bytes_in += INBOUND * bytes * seconds;
        self.bytes_out += (1.0 - INBOUND) * bytes * seconds;
        let limit = if self.memory_limit == 0 {
            1e12
        } else {
            self.memory_limit as f64
        };
        self.memory = (3e7 + 6e7 * cores).min(limit);
        Demand {
            cores,
            bytes_per_second: bytes,
        }
    }
}
