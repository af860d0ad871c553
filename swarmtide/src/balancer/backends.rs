//! The backend set of a view of the swarm: running tasks by the address of their node and their host-mode ports.
//!
//! It decides only whether the view can be taken for the whole; what a task is good for is the view's to say.

use std::{collections::BTreeSet, time::Duration};

use collector::ContainerUuid;
use lbsync::{Backend, BackendPort, BackendSet, BackendState, Completeness, Generation, Protocol};
use swarm::{Phase, Service, Task, View};

/// Since when most nodes have not been ready.
#[derive(Debug, Default)]
pub(super) struct Doubt(Option<Duration>);

impl Doubt {
    /// Longest time that most nodes being down is taken for swarm's mistake: after the restart of its only manager it says so
    /// for 20 to 30 s, while their containers serve.
    const LONGEST: Duration = Duration::from_secs(60);

    /// Whether what the view shows can be taken for the whole.
    pub(super) fn judge(&mut self, view: &View, now: Duration) -> Completeness {
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

/// The backend set of a view.
pub(super) fn backend_set(
    view: &View,
    generation: Generation,
    completeness: Completeness,
    quarantine: &BTreeSet<ContainerUuid>,
) -> BackendSet {
    let balanced = |service: &&Service| {
        service
            .labels
            .keys()
            .any(|label| label.starts_with(lbsync::PREFIX))
    };
    BackendSet {
        cluster: view.engine.cluster_id.clone(),
        generation,
        completeness,
        services: view
            .services
            .values()
            .filter(balanced)
            .map(|service| offered(view, service))
            .collect(),
        quarantined: quarantined(view, quarantine),
    }
}

/// The tasks of those containers.
fn quarantined(view: &View, quarantine: &BTreeSet<ContainerUuid>) -> BTreeSet<String> {
    if quarantine.is_empty() {
        return BTreeSet::new();
    }
    let container =
        |task: &Task| ContainerUuid::from_container_id(task.container_id.as_ref()?.as_str());
    let tasks = view.services.values().flat_map(|service| &service.tasks);
    tasks
        .filter(|task| container(task).is_some_and(|id| quarantine.contains(&id)))
        .map(|task| task.id.to_string())
        .collect()
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
            index: 1,
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
