//! What the swarm has room for, from its nodes and from what others reserve on them.
//!
//! Only reservations count: the scheduler places tasks by them, and by nothing that is measured.

use scaler::{
    Resources,
    arbitration::{Amounts, Capacity, Reservation},
};
use swarm::{
    Availability, Node, NodeState, Resources as TaskResources, Service, Task, TaskState, View,
};

use crate::config::CapacityConfig;

/// What the scheduler says of a task that fits nowhere, as the engine writes it since 17.06.
const NO_ROOM: &str = "insufficient resources";

/// What one task of a service sets aside.
pub(crate) fn reservation(service: &Service) -> Reservation {
    of(&service.resources)
}

/// Tasks that are wanted and that no node has room for.
pub(crate) fn unplaced(service: &Service) -> u32 {
    let waiting = service.tasks.iter().filter(|task| has_no_room(task));
    super::translate::number(waiting.count())
}

fn has_no_room(task: &Task) -> bool {
    task.node_id.is_none()
        && task.state == TaskState::Pending
        && matches!(task.desired, TaskState::Running | TaskState::Ready)
        && task.error.contains(NO_ROOM)
}

/// What services that are scaled may use together: what active, ready nodes have, without what tasks of other services reserve
/// there and without the headroom.
pub(crate) fn resources(view: &View, config: &CapacityConfig) -> Resources {
    let replicas = config.replicas;
    if !config.nodes {
        let capacity = Capacity {
            replicas,
            ..Capacity::default()
        };
        return Resources {
            capacity,
            largest_node: None,
        };
    }
    let nodes: Vec<Amounts> = view.nodes.values().filter_map(offered).collect();
    let all = nodes
        .iter()
        .copied()
        .fold(Amounts::default(), Amounts::plus);
    let usable = all.minus(taken_by_others(view));
    let percent = u128::from(config.headroom_percent);
    let without_headroom = |all: u64, usable: u64| {
        let headroom = u128::from(all) * percent / 100;
        usable.saturating_sub(u64::try_from(headroom).unwrap_or(u64::MAX))
    };
    let capacity = Capacity {
        nano_cpus: Some(without_headroom(all.nano_cpus, usable.nano_cpus)),
        memory_bytes: Some(without_headroom(all.memory_bytes, usable.memory_bytes)),
        replicas,
    };
    let largest_node = nodes
        .iter()
        .copied()
        .max_by_key(|node| (node.nano_cpus, node.memory_bytes))
        .filter(|_| nodes.len() > 1);
    Resources {
        capacity,
        largest_node,
    }
}

/// What a node has, if it takes tasks.
fn offered(node: &Node) -> Option<Amounts> {
    let takes_tasks = node.state == NodeState::Ready && node.availability == Availability::Active;
    takes_tasks.then(|| Amounts {
        nano_cpus: nano(node.cpus),
        memory_bytes: node.memory_bytes,
        replicas: 0,
    })
}

/// What tasks of services that are not scaled set aside on nodes that take tasks.
fn taken_by_others(view: &View) -> Amounts {
    let others = view
        .services
        .values()
        .filter(|service| scaler::labels::relevant(&service.labels).next().is_none());
    let tasks = others.flat_map(|service| &service.tasks);
    tasks
        .filter(|task| is_on_offered_node(view, task))
        .fold(Amounts::default(), |sum, task| {
            sum.plus(Amounts::of(of(&task.resources), 1))
        })
}

fn is_on_offered_node(view: &View, task: &Task) -> bool {
    let node = task.node_id.as_ref().and_then(|id| view.nodes.get(id));
    matches!(task.desired, TaskState::Running | TaskState::Ready)
        && node.and_then(offered).is_some()
}

fn of(resources: &TaskResources) -> Reservation {
    Reservation {
        nano_cpus: resources.cpu_reservation_cores.map_or(0, nano),
        memory_bytes: resources.memory_reservation_bytes.unwrap_or(0),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped just before; what is no number becomes 0"
)]
fn nano(cores: f64) -> u64 {
    (cores * 1e9).round().clamp(0.0, 1e18) as u64
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use std::time::Duration;
    use swarm::RawSwarm;

    use super::*;

    fn node(id: &str, cores: u64, state: &str, availability: &str) -> Value {
        json!({"ID": id, "Spec": {"Role": "worker", "Availability": availability},
            "Description": {"Resources": {"NanoCPUs": cores * 1_000_000_000, "MemoryBytes": cores << 30}},
            "Status": {"State": state}})
    }

    fn task(service: &str, id: &str, node: &str, cores: u64, error: &str) -> Value {
        let state = if node.is_empty() {
            "pending"
        } else {
            "running"
        };
        json!({"ID": id, "ServiceID": service, "NodeID": node, "DesiredState": "running",
            "Status": {"State": state, "Err": error},
            "Spec": {"Resources": {"Reservations": {"NanoCPUs": cores * 1_000_000_000}}}})
    }

    fn view() -> View {
        let service = |id: &str, labels: Value| {
            json!({"ID": id, "Spec": {"Name": id, "Labels": labels, "Mode": {"Replicated": {"Replicas": 3}},
                "TaskTemplate": {"Resources": {"Reservations": {"NanoCPUs": 2_000_000_000_u64, "MemoryBytes": 64}}}}})
        };
        let raw = RawSwarm {
            nodes: json!([
                node("n1", 4, "ready", "active"),
                node("n2", 8, "ready", "active"),
                node("n3", 16, "down", "active"),
                node("n4", 16, "ready", "drain"),
            ]),
            services: json!([
                service("web", json!({"swarmtide.enable": "true"})),
                service("db", json!({})),
            ]),
            tasks: json!([
                task("web", "t1", "n1", 2, ""),
                task(
                    "web",
                    "t2",
                    "",
                    2,
                    "no suitable node (insufficient resources on 2 nodes)"
                ),
                task(
                    "web",
                    "t3",
                    "",
                    2,
                    "no suitable node (host-mode port already in use on 2 nodes)"
                ),
                task("db", "t4", "n2", 3, ""),
                task("db", "t5", "n4", 5, ""),
            ]),
            ..RawSwarm::default()
        };
        raw.view(1, Duration::ZERO).unwrap()
    }

    #[test]
    fn capacity_is_what_active_nodes_have_beside_others_and_the_headroom() {
        let config = CapacityConfig {
            headroom_percent: 25,
            ..CapacityConfig::default()
        };
        let resources = resources(&view(), &config);
        let cores = |cores: u64| cores * 1_000_000_000;
        assert_eq!(resources.capacity.nano_cpus, Some(cores(12 - 3 - 3)));
        assert_eq!(resources.capacity.memory_bytes, Some(9 << 30));
        assert_eq!(
            resources.largest_node.map(|node| node.nano_cpus),
            Some(cores(8))
        );
    }

    #[test]
    fn only_tasks_that_fit_nowhere_are_without_a_node() {
        let view = view();
        let web = view.service_named("web").unwrap();
        assert_eq!(unplaced(web), 1);
        assert_eq!(reservation(web).nano_cpus, 2_000_000_000);
    }
}
