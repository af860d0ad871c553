//! The balancer's shell: the backend set out of the swarm's view, and the reconciler on its timer.
//!
//! The data plane is the one in memory: the table is kept, shown and counted, but no kernel forwards by it yet.

use std::{sync::Arc, time::Duration};

use lbsync::{
    Backend, BackendPort, BackendSet, BackendState, Completeness, DestinationPhase, Existing,
    Generation, MemoryDataPlane, Ownership, Protocol, Reconciler, ReconcilerConfig, SourceStatus,
    Status,
};
use serde::Serialize;
use swarm::{Phase, Service, Task, View};
use tokio::{sync::watch, time::sleep};

use super::shared::Shared;
use crate::config::Lbsync;

/// What the table is written to.
const DATA_PLANE: &str = "memory";

/// States of the backend set.
pub(crate) const SOURCES: [&str; 4] = ["waiting", "current", "partial", "away"];

/// Shortest pause between two looks at the swarm's view.
const PAUSE: Duration = Duration::from_millis(20);

/// Longest pause, so that a view that has grown old is noticed.
const LOOK: Duration = Duration::from_secs(1);

/// The reconciler with its data plane.
#[derive(Debug)]
pub struct Balancer {
    enabled: bool,
    reconciler: Reconciler,
    plane: MemoryDataPlane,
    doubt: Doubt,
    /// As of the last pass, for those who ask often.
    status: Status,
}

/// What `GET /v1/backends` shows.
#[derive(Debug, Serialize)]
pub struct BalancerStatus {
    /// Whether the table is kept at all (`lbsync.enabled`).
    pub enabled: bool,
    /// What the table is written to: `memory` keeps and shows it, and nothing is forwarded.
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
    /// Entries that others had changed and that were put right.
    pub drift_repaired: u64,
    /// Comparisons made.
    pub passes: u64,
    /// State of the backend set: waiting, current, partial, away.
    pub source: &'static str,
}

impl Balancer {
    /// A balancer that knows no backends yet.
    #[must_use]
    pub fn new(config: &Lbsync) -> Self {
        let reconciler_config = ReconcilerConfig {
            resync: config.resync.get(),
            ..ReconcilerConfig::default()
        };
        let ownership = Ownership::new(
            config.ranges.iter().map(|range| range.0).collect(),
            Existing::Adopt,
        );
        let reconciler = Reconciler::new(reconciler_config, ownership);
        Self {
            enabled: config.enabled,
            status: reconciler.status(Duration::ZERO),
            reconciler,
            plane: MemoryDataPlane::new(),
            doubt: Doubt::default(),
        }
    }

    /// Takes in what the swarm offers; `None` when the view is too old to go by.
    fn observe(&mut self, set: Option<&BackendSet>, now: Duration) {
        self.reconciler.observe(set, now);
    }

    /// Makes a pass if one is due, and says when to come back.
    fn step(&mut self, now: Duration) -> Duration {
        if now >= self.reconciler.next_due() {
            let pass = self.reconciler.reconcile(&mut self.plane, now);
            for error in &pass.failed {
                tracing::warn!(%error, "the data plane refuses a change");
            }
            for change in &pass.applied {
                tracing::info!(?change, "balancer");
            }
            self.status = self.reconciler.status(now);
        }
        self.reconciler.next_due().saturating_sub(now)
    }

    /// The table and its state.
    #[must_use]
    pub fn status(&self, now: Duration) -> BalancerStatus {
        BalancerStatus {
            enabled: self.enabled,
            data_plane: DATA_PLANE,
            status: self.reconciler.status(now),
        }
    }

    /// The table in numbers.
    #[must_use]
    pub fn numbers(&self) -> Numbers {
        let destinations = || {
            self.status
                .virtual_services
                .iter()
                .flat_map(|service| &service.destinations)
        };
        let serving = destinations()
            .filter(|destination| destination.phase == DestinationPhase::Serving)
            .count();
        let stats = &self.status.stats;
        Numbers {
            virtual_services: self.status.virtual_services.len(),
            serving,
            draining: destinations().count() - serving,
            foreign: self.status.foreign.len(),
            problems: self.status.problems.len(),
            changes: stats.changes_applied,
            errors: stats.changes_failed,
            drift_repaired: stats.drift_repaired,
            passes: stats.passes,
            source: match self.reconciler.source() {
                SourceStatus::Waiting => SOURCES[0],
                SourceStatus::Current => SOURCES[1],
                SourceStatus::Partial { .. } => SOURCES[2],
                SourceStatus::Away => SOURCES[3],
            },
        }
    }

    /// What keeps a service from being balanced.
    #[must_use]
    pub fn label_errors(&self, service: &str) -> Vec<String> {
        let problems = self.status.problems.iter();
        problems
            .filter(|problem| problem.service == service)
            .map(|problem| problem.kind.to_string())
            .collect()
    }
}

/// Keeps the table until told to stop, and leaves it as it is then.
pub(crate) async fn run(shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    if !shared.config.lbsync.enabled {
        _ = stop.wait_for(|stop| *stop).await;
        return;
    }
    let mut observed = shared.watch.subscribe();
    loop {
        let wait = pass(&shared);
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = sleep(wait.clamp(PAUSE, LOOK)) => {}
            changed = observed.changed() => if changed.is_err() { return },
        }
    }
}

fn pass(shared: &Shared) -> Duration {
    let now = shared.clock.now();
    let fresh = shared
        .watch
        .view()
        .filter(|view| now.saturating_sub(view.taken) <= shared.config.scaler.view_max_age.get());
    let mut balancer = shared.balancer();
    let set = fresh.map(|view| {
        let completeness = balancer.doubt.judge(&view, now);
        backend_set(&view, completeness)
    });
    balancer.observe(set.as_ref(), now);
    balancer.step(now)
}

/// Since when most nodes have not been ready.
#[derive(Debug, Default)]
struct Doubt(Option<Duration>);

impl Doubt {
    /// Longest time that most nodes being down is taken for swarm's mistake: after the restart of its only manager it says so
    /// for 20 to 30 s, while their containers serve.
    const LONGEST: Duration = Duration::from_secs(60);

    /// Whether what the view shows can be taken for the whole.
    fn judge(&mut self, view: &View, now: Duration) -> Completeness {
        let (unknown, ready, all) = (view.nodes_unknown(), view.nodes_ready(), view.nodes.len());
        if ready * 2 > all {
            self.0 = None;
        }
        if unknown > 0 {
            let reason = format!("swarm does not know the state of {unknown} nodes");
            return Completeness::Partial { reason };
        }
        if ready * 2 > all {
            return Completeness::Complete;
        }
        let since = *self.0.get_or_insert(now);
        if now.saturating_sub(since) >= Self::LONGEST {
            return Completeness::Complete;
        }
        let reason = format!("only {ready} of {all} nodes are ready");
        Completeness::Partial { reason }
    }
}

/// The backend set of a view: running tasks by the address of their node and their host-mode ports.
fn backend_set(view: &View, completeness: Completeness) -> BackendSet {
    let balanced = |service: &&Service| {
        service
            .labels
            .keys()
            .any(|label| label.starts_with(lbsync::PREFIX))
    };
    BackendSet {
        cluster: view.engine.cluster_id.clone(),
        generation: Generation {
            index: view.generation,
            listed_unix_ms: 0,
        },
        completeness,
        services: view
            .services
            .values()
            .filter(balanced)
            .map(|service| offered(view, service))
            .collect(),
    }
}

fn offered(view: &View, service: &Service) -> lbsync::Service {
    let backends = service.tasks.iter().filter_map(|task| {
        let state = match view.phase(task) {
            Phase::Serving => BackendState::Serving,
            Phase::Draining => BackendState::Draining,
            Phase::Starting | Phase::Unreachable | Phase::Stopped => return None,
        };
        Some(backend(view, task, state))
    });
    lbsync::Service {
        id: service.id.to_string(),
        name: service.name.clone(),
        labels: service.labels.clone(),
        created: service.created_unix_ms.unwrap_or(0),
        stop_grace_period: service.stop_grace_period,
        backends: backends.collect(),
    }
}

fn backend(view: &View, task: &Task, state: BackendState) -> Backend {
    let node = task.node_id.as_ref().and_then(|id| view.nodes.get(id));
    let ports = task.ports.iter().filter_map(|port| {
        let protocol = match port.protocol {
            swarm::Protocol::Tcp => Protocol::Tcp,
            swarm::Protocol::Udp => Protocol::Udp,
            swarm::Protocol::Sctp => Protocol::Sctp,
            swarm::Protocol::Other(_) => return None,
        };
        Some(BackendPort {
            target: port.target,
            published: port.published,
            protocol,
        })
    });
    Backend {
        task: task.id.to_string(),
        node: node.map_or_else(String::new, |node| node.hostname.clone()),
        address: node.and_then(|node| node.address),
        ports: ports.collect(),
        state,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use swarm::{Availability, EngineInfo, Leadership, Node, NodeId, NodeState, Role};

    use super::*;

    fn view(states: &[NodeState]) -> View {
        let node = |(index, state): (usize, &NodeState)| {
            let id = NodeId::from(index.to_string().as_str());
            let node = Node {
                id: id.clone(),
                hostname: String::new(),
                address: None,
                state: state.clone(),
                availability: Availability::Active,
                role: Role::Worker,
                leader: false,
                reachable_manager: false,
                cpus: 1.0,
                memory_bytes: 0,
            };
            (id, node)
        };
        View {
            generation: 1,
            taken: Duration::ZERO,
            engine: EngineInfo {
                node_id: NodeId::from("0"),
                hostname: String::new(),
                cluster_id: String::new(),
                version: String::new(),
                api_version: String::new(),
            },
            leadership: Leadership::Leader,
            services: BTreeMap::new(),
            nodes: states.iter().enumerate().map(node).collect(),
        }
    }

    #[test]
    fn most_nodes_down_is_doubted_for_a_while_and_then_believed() {
        use NodeState::{Down, Ready, Unknown};
        let second = Duration::from_secs(1);
        let mut doubt = Doubt::default();
        let mut complete = |states: &[NodeState], at: u32| {
            doubt.judge(&view(states), second * at) == Completeness::Complete
        };
        assert!(complete(&[Ready, Ready], 0));
        assert!(complete(&[Ready, Ready, Down], 1), "one of three");
        assert!(!complete(&[Ready, Unknown], 2));
        assert!(!complete(&[Ready, Down], 3));
        assert!(!complete(&[Ready, Down], 62));
        assert!(complete(&[Ready, Down], 63), "it has been long enough");
        assert!(complete(&[Ready, Down], 900));
        assert!(complete(&[Ready, Ready], 901));
        assert!(!complete(&[Ready, Down], 902), "it begins anew");
    }
}
