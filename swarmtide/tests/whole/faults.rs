//! What must not make it act: silence, doubt, rollouts, lost leaders, an engine that fails.

use std::time::Duration;

use simulation::{Fault, FaultKind, UpdateState};

use crate::rig::{Rig, load, replicas, web, world};

/// Long enough for several ticks.
const A_WHILE: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn silence_of_one_node_is_not_idleness() {
    let rig = Rig::start(world(web(2.0))).await;
    rig.until("more replicas", |world| replicas(world) >= 5)
        .await;
    rig.simulation.with(|world| {
        world.agent_mut("w1").unwrap().traps_mut().silent = true;
        world.set_load("web", load(0.05));
    });
    rig.until_held("telemetry_partial").await;
    let before = rig.replicas();
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(rig.replicas(), before, "it shrank on partial telemetry");
    rig.simulation
        .with(|world| world.agent_mut("w1").unwrap().traps_mut().silent = false);
    rig.until("two replicas again", |world| replicas(world) == 2)
        .await;
    rig.posts();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_is_never_touched() {
    for state in [
        UpdateState::Paused,
        UpdateState::Updating,
        UpdateState::RollbackPaused,
    ] {
        let mut service = web(0.1);
        service.spec["Labels"]["swarmtide.max"] = "4".into();
        let rig = Rig::start(world(service)).await;
        rig.until_held("at_minimum").await;
        rig.simulation.with(|world| {
            assert!(world.engine_mut().set_update_state("web", Some(state)));
            world.set_load("web", load(5.0));
        });
        rig.until_held("rollout").await;
        tokio::time::sleep(A_WHILE).await;
        assert_eq!(rig.posts(), 0, "{state:?}");
        rig.simulation.with(|world| {
            world
                .engine_mut()
                .set_update_state("web", Some(UpdateState::Completed))
        });
        rig.until("it goes on", |world| replicas(world) > 2).await;
        rig.posts();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_fails_holds_everything_and_loses_nothing() {
    let rig = Rig::start(world(web(0.1))).await;
    rig.until_held("at_minimum").await;
    for kind in [
        FaultKind::Hang,
        FaultKind::NoLeader,
        FaultKind::Truncate,
        FaultKind::ServerError,
        FaultKind::NotManager,
    ] {
        rig.simulation.with(|world| {
            world.set_faults(vec![Fault::always(kind)]);
            world.set_load("web", load(5.0));
        });
        rig.until_held("view_stale").await;
        let (status, problem) = rig.get("/ready").await;
        assert_eq!(status, 503, "{kind:?}: {problem}");
        let posts = rig.posts();
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(rig.posts(), posts, "{kind:?}");
        let before = rig.replicas();
        rig.simulation.with(|world| world.set_faults(Vec::new()));
        rig.until("it goes on", |world| {
            replicas(world) > before || replicas(world) == 6
        })
        .await;
        rig.simulation
            .with(|world| world.set_load("web", load(0.1)));
        rig.until("back at two", |world| replicas(world) == 2).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partial_list_is_not_taken_for_the_whole() {
    let rig = Rig::start(world(web(0.1))).await;
    rig.until_held("at_minimum").await;
    rig.simulation
        .with(|world| world.set_faults(vec![Fault::always(FaultKind::ServerError).on("/tasks")]));
    rig.until_held("view_stale").await;
    rig.simulation
        .with(|world| world.set_load("web", load(5.0)));
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(rig.posts(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn conflicts_and_lost_answers_never_write_twice() {
    let rig = Rig::start(world(web(0.1))).await;
    rig.until_held("at_minimum").await;
    rig.simulation.with(|world| {
        world.set_faults(vec![Fault::always(FaultKind::Conflict).on("/services/")]);
        world.set_load("web", load(5.0));
    });
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(rig.replicas(), 2);
    rig.simulation.with(|world| {
        world.set_faults(vec![
            Fault::always(FaultKind::DropAfterEffect)
                .on("/services/")
                .sometimes(0.5),
        ])
    });
    rig.until("six replicas", |world| replicas(world) == 6)
        .await;
    // Nothing was written from a number that no longer held.
    let applied: Vec<_> = rig.simulation.with(|world| {
        let applied = world
            .engine()
            .posts()
            .filter(|post| post.outcome == simulation::Outcome::Applied);
        applied.map(|post| (post.from, post.to)).collect()
    });
    assert_eq!(
        applied,
        [
            (Some(2), Some(3)),
            (Some(3), Some(4)),
            (Some(4), Some(5)),
            (Some(5), Some(6))
        ]
    );
    rig.posts();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_happens_while_leader_or_nodes_are_unknown() {
    let rig = Rig::start(world(web(0.1))).await;
    rig.until_held("at_minimum").await;
    rig.simulation.with(|world| {
        world.set_load("web", load(5.0));
        world.engine_mut().change_leader();
    });
    let reasons = ["view_stale", "leadership_unknown", "nodes_unknown"];
    rig.until_held_for_any(&reasons).await;
    rig.until("it goes on", |world| replicas(world) > 2).await;
    rig.posts();
}

#[tokio::test(flavor = "multi_thread")]
async fn phantom_tasks_of_a_dead_node_are_not_counted() {
    let rig = Rig::start(world(web(0.45))).await;
    rig.until_held("within_band").await;
    rig.simulation
        .with(|world| assert!(world.engine_mut().kill_node("w1")));
    rig.until_held("within_band").await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    rig.until_held("within_band").await;
    let (_, service) = rig.get("/v1/services/web").await;
    assert_eq!(
        (&service["serving"], &service["replicas"]),
        (&2.into(), &2.into()),
        "{service:#}"
    );
    assert_eq!(rig.posts(), 0);
}
