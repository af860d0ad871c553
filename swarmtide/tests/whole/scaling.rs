//! Replicas follow load, and nothing else of a service changes.

use std::time::Duration;

use crate::rig::{Rig, load, replicas, web, world};

#[tokio::test(flavor = "multi_thread")]
async fn replicas_follow_load_up_and_down_within_their_bounds() {
    let rig = Rig::start(world(web(0.2))).await;
    rig.until_held("at_minimum").await;
    rig.simulation
        .with(|world| world.set_load("web", load(10.0)));
    rig.until("six replicas", |world| replicas(world) == 6)
        .await;
    rig.until_held("at_maximum").await;
    rig.simulation
        .with(|world| world.set_load("web", load(0.1)));
    rig.until("two replicas", |world| replicas(world) == 2)
        .await;
    rig.until_held("at_minimum").await;

    let steps: Vec<_> = rig.simulation.with(|world| {
        world
            .engine()
            .posts()
            .map(|post| (post.from, post.to))
            .collect()
    });
    assert_eq!(rig.posts(), 8, "{steps:?}");
    assert!(
        steps
            .iter()
            .all(|(from, to)| from.unwrap().abs_diff(to.unwrap()) == 1),
        "{steps:?}"
    );
    assert!(
        steps.iter().all(|(_, to)| (2..=6).contains(&to.unwrap())),
        "{steps:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_alone_can_drive_a_service() {
    let service = web(0.05)
        .label("swarmtide.cpu.high", "off")
        .label("swarmtide.bytes.high", "400kB/s")
        .label("swarmtide.bytes.low", "100kB/s");
    let rig = Rig::start(world(service)).await;
    rig.until_held("at_minimum").await;
    let demand = simulation::Demand::new(0.1, 2e6);
    rig.simulation
        .with(|world| world.set_load("web", simulation::Load::Constant(demand)));
    rig.until("more replicas", |world| replicas(world) >= 4)
        .await;
    assert!(rig.posts() >= 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_did_not_opt_in_or_has_bad_labels_is_left_alone() {
    let mut plain = web(4.0);
    plain.spec["Labels"] = serde_json::json!({});
    let rig = Rig::start(world(plain)).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!((rig.replicas(), rig.posts()), (2, 0));
    let (status, problem) = rig.get("/v1/services/web").await;
    assert_eq!(status, 404);
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("swarmtide.enable"),
        "{problem}"
    );

    let rig = Rig::start(world(web(4.0).label("swarmtide.cpu.hihg", "70%"))).await;
    rig.until_held("invalid_labels").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (_, service) = rig.get("/v1/services/web").await;
    let error = service["label_errors"][0].as_str().unwrap();
    assert!(
        error.contains("swarmtide.cpu.hihg") && error.contains("did you mean"),
        "{error}"
    );
    assert_eq!(rig.posts(), 0);
}
