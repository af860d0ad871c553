//! The engine's quirks, each as measured on a real one.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::config::{ServiceConfig, nodes};
use crate::load::Load;

const SECOND: Duration = Duration::from_secs(1);

fn swarm(workers: u8, replicas: u64) -> Engine {
    let nodes = nodes(3, workers);
    let config = EngineConfig {
        seed: 1,
        epoch_unix_ms: 1_790_000_000_000,
        nodes,
        timing: Timing::default(),
    };
    let mut engine = Engine::new(config);
    engine.create_service(spec(replicas)).unwrap();
    run(&mut engine, 3 * SECOND);
    engine
}

fn spec(replicas: u64) -> Value {
    ServiceConfig::replicated("web", replicas, Some(0.5), Load::idle()).spec
}

fn run(engine: &mut Engine, span: Duration) {
    engine.advance(engine.now() + span);
}

fn scale(engine: &mut Engine, replicas: u64) -> Result<(), EngineError> {
    let service = engine.service("web").unwrap();
    let (index, mut spec) = (service.index, service.spec.clone());
    spec["Mode"]["Replicated"]["Replicas"] = json!(replicas);
    engine.update_service("web", index, spec)
}

fn serving(engine: &Engine) -> usize {
    engine.serving_tasks("web").count()
}

#[test]
fn a_task_starts_through_all_states_and_spreads() {
    let mut engine = swarm(3, 0);
    scale(&mut engine, 6).unwrap();
    let mut seen = Vec::new();
    for _ in 0..300 {
        let mut states: Vec<_> = engine.tasks_of("web").map(|task| task.state).collect();
        states.sort();
        seen.extend(states);
        seen.sort();
        seen.dedup();
        run(&mut engine, Duration::from_millis(5));
    }
    use TaskState as S;
    assert_eq!(
        seen,
        [
            S::New,
            S::Assigned,
            S::Accepted,
            S::Preparing,
            S::Starting,
            S::Running
        ]
    );
    let mut nodes: Vec<_> = engine
        .tasks_of("web")
        .filter_map(|task| task.node.clone())
        .collect();
    nodes.sort();
    nodes.dedup();
    assert_eq!(nodes.len(), 6, "one task on each of six nodes");
}

#[test]
fn starting_takes_about_the_start_delay() {
    let mut engine = swarm(1, 1);
    scale(&mut engine, 2).unwrap();
    run(&mut engine, Duration::from_millis(700));
    assert_eq!(serving(&engine), 1);
    run(&mut engine, Duration::from_millis(600));
    assert_eq!(serving(&engine), 2);
}

#[test]
fn scaling_down_says_remove_at_once_and_runs_on_for_a_while() {
    let mut engine = swarm(2, 3);
    scale(&mut engine, 2).unwrap();
    let going: Vec<_> = engine
        .tasks_of("web")
        .filter(|task| task.desired == TaskState::Remove)
        .collect();
    assert_eq!(going.len(), 1);
    assert_eq!(going[0].state, TaskState::Running);
    assert!(engine.container_runs(going[0]));
    let id = going[0].id.clone();
    run(&mut engine, SECOND);
    assert!(
        engine
            .tasks()
            .any(|task| task.id == id && task.state == TaskState::Running)
    );
    run(&mut engine, SECOND);
    assert!(
        !engine.tasks().any(|task| task.id == id),
        "the task object has disappeared"
    );
}

#[test]
fn a_stale_version_index_is_out_of_sequence() {
    let mut engine = swarm(1, 1);
    let service = engine.service("web").unwrap();
    let (index, spec) = (service.index, service.spec.clone());
    engine.touch_service("web");
    let error = engine.update_service("web", index, spec).unwrap_err();
    assert_eq!(error.status, 500);
    assert_eq!(
        error.message,
        "rpc error: code = Unknown desc = update out of sequence"
    );
    assert!(matches!(
        engine.posts().last().unwrap().outcome,
        Outcome::Refused(_)
    ));
    assert!(engine.harm().is_none());
}

#[test]
fn a_scale_restarts_nothing_and_is_logged_as_such() {
    let mut engine = swarm(2, 2);
    let before: Vec<_> = engine.tasks_of("web").map(|task| task.id.clone()).collect();
    scale(&mut engine, 4).unwrap();
    run(&mut engine, 3 * SECOND);
    assert_eq!(serving(&engine), 4);
    let after: Vec<_> = engine.tasks_of("web").map(|task| task.id.clone()).collect();
    assert!(before.iter().all(|id| after.contains(id)));
    let post = engine.posts().last().unwrap();
    assert_eq!(
        (post.from, post.to, post.other_changes.len()),
        (Some(2), Some(4), 0)
    );
    assert!(engine.harm().is_none());
}

#[test]
fn a_post_without_a_field_wipes_it_and_rolls_every_task() {
    let mut engine = swarm(2, 2);
    let before: Vec<_> = engine.tasks_of("web").map(|task| task.id.clone()).collect();
    let service = engine.service("web").unwrap();
    let (index, mut spec) = (service.index, service.spec.clone());
    spec["TaskTemplate"]["ContainerSpec"]
        .as_object_mut()
        .unwrap()
        .remove("Healthcheck");
    engine.update_service("web", index, spec.clone()).unwrap();
    let service = engine.service("web").unwrap();
    assert_eq!(service.update_state(), Some(UpdateState::Updating));
    assert_eq!(service.spec, spec);
    run(&mut engine, 20 * SECOND);
    let service = engine.service("web").unwrap();
    assert_eq!(service.update_state(), Some(UpdateState::Completed));
    let wanted: Vec<_> = engine
        .serving_tasks("web")
        .map(|task| task.id.clone())
        .collect();
    assert_eq!(wanted.len(), 2);
    assert!(wanted.iter().all(|id| !before.contains(id)));
    let post = engine.posts().last().unwrap();
    assert_eq!(
        post.other_changes,
        ["/TaskTemplate/ContainerSpec/Healthcheck"]
    );
    assert_eq!(engine.harm().other_changes, 1);
}

#[test]
fn scaling_a_paused_update_resumes_it_and_costs_a_good_task() {
    let mut engine = swarm(2, 4);
    let index = engine.service("web").unwrap().index;
    engine.set_update_state("web", Some(UpdateState::Paused));
    assert!(
        engine.service("web").unwrap().index > index,
        "the index moves without a client"
    );
    run(&mut engine, 10 * SECOND);
    assert_eq!(serving(&engine), 4);
    scale(&mut engine, 5).unwrap();
    assert_eq!(engine.harm().resumed_rollouts, 1);
    assert_eq!(
        engine.service("web").unwrap().update_state(),
        Some(UpdateState::Updating)
    );
    run(&mut engine, 10 * SECOND);
    assert!(serving(&engine) < 5, "the new task fails as well");
    assert_eq!(
        engine.service("web").unwrap().update_state(),
        Some(UpdateState::Paused)
    );
}

#[test]
fn a_held_update_stays_and_counts_writes() {
    let mut engine = swarm(1, 2);
    engine.set_update_state("web", Some(UpdateState::Updating));
    run(&mut engine, 5 * SECOND);
    scale(&mut engine, 3).unwrap();
    assert_eq!(engine.harm().writes_during_rollout, 1);
    run(&mut engine, 5 * SECOND);
    assert_eq!(
        engine.service("web").unwrap().update_state(),
        Some(UpdateState::Updating)
    );
    engine.set_update_state("web", None);
    assert_eq!(engine.service("web").unwrap().update_state(), None);
    assert_eq!(serving(&engine), 3);
}

#[test]
fn a_killed_node_leaves_phantoms_until_it_returns() {
    let mut engine = swarm(2, 10);
    let on_node = |engine: &Engine, name: &str| {
        let id = engine.node(name).unwrap().id.clone();
        engine
            .tasks_of("web")
            .filter(|task| task.node.as_ref() == Some(&id))
            .count()
    };
    assert_eq!(on_node(&engine, "w1"), 2);
    assert!(engine.kill_node("w1"));
    assert_eq!(serving(&engine), 8);
    run(&mut engine, 2 * SECOND);
    assert_eq!(
        engine.node("w1").unwrap().state,
        NodeState::Ready,
        "not noticed yet"
    );
    run(&mut engine, SECOND);
    assert_eq!(engine.node("w1").unwrap().state, NodeState::Down);
    run(&mut engine, 8 * SECOND);
    assert_eq!(serving(&engine), 10);
    let phantoms = |engine: &Engine| {
        let phantom =
            |task: &&Task| task.state == TaskState::Running && task.desired == TaskState::Shutdown;
        engine.tasks_of("web").filter(phantom).count()
    };
    assert_eq!(phantoms(&engine), 2);
    assert!(engine.start_node("w1"));
    run(&mut engine, 3 * SECOND);
    assert_eq!(engine.node("w1").unwrap().state, NodeState::Ready);
    assert_eq!((phantoms(&engine), serving(&engine)), (0, 10));
}

#[test]
fn a_quick_power_cycle_loses_the_containers_too() {
    let mut engine = swarm(0, 3);
    engine.kill_node("m2");
    run(&mut engine, SECOND / 2);
    engine.start_node("m2");
    assert_eq!(serving(&engine), 2);
    run(&mut engine, 12 * SECOND);
    assert_eq!(serving(&engine), 3);
}

#[test]
fn after_an_election_nodes_are_unknown_for_a_while() {
    let mut engine = swarm(2, 2);
    let old = engine
        .nodes()
        .find(|node| node.leader)
        .unwrap()
        .config
        .name
        .clone();
    assert!(engine.kill_node(&old));
    assert!(engine.is_leaderless());
    run(&mut engine, 11 * SECOND);
    assert!(!engine.is_leaderless());
    let leader = engine.nodes().find(|node| node.leader).unwrap();
    assert_ne!(leader.config.name, old);
    let states: Vec<_> = engine.nodes().map(|node| node.state).collect();
    assert!(
        states.contains(&NodeState::Unknown) || states.contains(&NodeState::Down),
        "{states:?}"
    );
    run(&mut engine, 40 * SECOND);
    assert_eq!(
        engine
            .nodes()
            .filter(|node| node.state == NodeState::Ready)
            .count(),
        4
    );
    assert_eq!(serving(&engine), 2);
}

#[test]
fn a_failed_task_is_replaced_after_the_restart_delay() {
    let mut engine = swarm(1, 2);
    assert!(engine.crash_task("web"));
    run(&mut engine, 3 * SECOND);
    assert_eq!(serving(&engine), 1);
    assert!(
        engine
            .tasks_of("web")
            .any(|task| task.desired == TaskState::Ready)
    );
    run(&mut engine, 4 * SECOND);
    assert_eq!(serving(&engine), 2);
}

#[test]
fn a_task_that_fits_nowhere_waits_and_says_why() {
    let mut engine = swarm(0, 0);
    engine.edit_service(
        "web",
        "/EndpointSpec/Ports/0",
        json!({
            "Protocol": "tcp", "TargetPort": 8080, "PublishedPort": 80, "PublishMode": "host",
        }),
    );
    scale(&mut engine, 4).unwrap();
    run(&mut engine, 3 * SECOND);
    assert_eq!(serving(&engine), 3);
    let waiting = engine
        .tasks_of("web")
        .find(|task| task.state == TaskState::Pending)
        .unwrap();
    let error = waiting.error.as_deref().unwrap();
    assert!(
        error.starts_with("no suitable node (host-mode port already in use"),
        "{error}"
    );
}

#[test]
fn a_global_service_follows_the_nodes() {
    let mut engine = swarm(2, 0);
    engine
        .create_service(ServiceConfig::global("agent", None, Load::idle()).spec)
        .unwrap();
    run(&mut engine, 3 * SECOND);
    assert_eq!(engine.serving_tasks("agent").count(), 5);
    assert!(engine.tasks_of("agent").all(|task| task.slot.is_none()));
    engine.set_availability("w1", "drain");
    run(&mut engine, 5 * SECOND);
    assert_eq!(engine.serving_tasks("agent").count(), 4);
    engine.kill_node("w2");
    run(&mut engine, 5 * SECOND);
    assert_eq!(engine.serving_tasks("agent").count(), 3);
    engine.start_node("w2");
    run(&mut engine, 5 * SECOND);
    assert_eq!(engine.serving_tasks("agent").count(), 4);
}

#[test]
fn removing_a_service_removes_its_tasks() {
    let mut engine = swarm(1, 3);
    assert!(engine.remove_service("web"));
    assert!(engine.service("web").is_none());
    run(&mut engine, 3 * SECOND);
    assert_eq!(engine.tasks().count(), 0);
    assert_eq!(engine.events_after(0).last().unwrap().action, "remove");
}

#[test]
fn equal_seeds_give_equal_histories() {
    let history = || {
        let mut engine = swarm(2, 5);
        engine.kill_node("w1");
        run(&mut engine, 20 * SECOND);
        engine
            .tasks()
            .map(|task| (task.id.clone(), task.state, task.index))
            .collect::<Vec<_>>()
    };
    assert_eq!(history(), history());
}

/// Whatever is done to a swarm, once it is left alone it has as many serving tasks as it wants.
#[test]
fn every_history_converges() {
    for seed in 0..200 {
        let mut random = Random::new(seed);
        let config = EngineConfig {
            seed,
            epoch_unix_ms: 0,
            nodes: nodes(3, 3),
            timing: Timing::default(),
        };
        let mut engine = Engine::new(config);
        engine.create_service(spec(3)).unwrap();
        for _ in 0..30 {
            let node = ["w1", "w2", "w3"][usize::try_from(random.below(3)).unwrap()];
            match random.below(7) {
                0 => drop(engine.kill_node(node)),
                1 => drop(engine.start_node(node)),
                2 => drop(engine.crash_task("web")),
                3 => engine.change_leader(),
                _ => scale(&mut engine, random.below(9)).unwrap(),
            }
            run(&mut engine, random.between(Duration::ZERO, 4 * SECOND));
        }
        for node in ["w1", "w2", "w3"] {
            engine.start_node(node);
        }
        scale(&mut engine, 4).unwrap();
        run(&mut engine, 120 * SECOND);
        let wanted = engine
            .tasks_of("web")
            .filter(|task| task.is_wanted())
            .count();
        assert_eq!((serving(&engine), wanted), (4, 4), "seed {seed}");
        let phantoms = engine
            .tasks_of("web")
            .filter(|task| task.state == TaskState::Running && !task.is_wanted());
        assert_eq!(phantoms.count(), 0, "seed {seed}");
    }
}
