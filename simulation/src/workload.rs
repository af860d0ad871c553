//! Load that meets containers: what each one has done since it started.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::engine::{Engine, Running, Task, cpu_limit_nano, memory_limit};
use crate::load::{Demand, Load};
use crate::random::{Random, whole};

/// Cores that a container uses without work.
const IDLE_CORES: f64 = 0.003;
/// Share of the traffic that comes in.
const INBOUND: f64 = 0.2;
/// How long the counters of an ended container are kept for its last sample.
const KEEP_ENDED: Duration = Duration::from_secs(5);
/// Bytes in a packet, on average.
const PACKET: f64 = 700.0;

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
}

impl Workload {
    pub(crate) fn set(&mut self, service: &str, load: Load) {
        self.loads.insert(service.to_owned(), load);
    }

    pub(crate) fn set_cpu_factor(&mut self, container: &str, factor: f64) {
        self.cpu_factors.insert(container.to_owned(), factor);
    }

    pub(crate) fn remove(&mut self, service: &str) {
        self.loads.remove(service);
        self.last.remove(service);
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
        for service in engine.services() {
            let noise = random.signed_unit();
            let load = self.loads.get(service.name());
            let offered = load
                .map(|load| load.at(engine.now(), noise))
                .unwrap_or_default();
            let containers = running.of(&service.id);
            let share = offered.scaled(1.0 / (containers.len().max(1) as f64));
            let mut served = Demand::default();
            for task in containers {
                let mut own_share = share.scaled(1.0 + 0.02 * random.signed_unit());
                let factor = task
                    .container
                    .as_ref()
                    .and_then(|id| self.cpu_factors.get(id));
                own_share.cores *= factor.copied().unwrap_or(1.0);
                let done = self.work_in(engine, task, own_share, span);
                served.cores += done.cores;
                served.bytes_per_second += done.bytes_per_second;
            }
            let load = ServiceLoad { offered, served };
            self.last.insert(service.name().to_owned(), load);
        }
        self.meters
            .retain(|_, meter| meter.last_work + KEEP_ENDED > engine.now());
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
        total.bytes_in += INBOUND * done.bytes_per_second * seconds;
        total.bytes_out += (1.0 - INBOUND) * done.bytes_per_second * seconds;
        done
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
