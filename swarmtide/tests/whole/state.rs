//! Enabled, disabled, dry run: over REST, for all and for one, surviving a restart.

use std::time::Duration;

use crate::rig::{Rig, load, replicas, web, world};

#[tokio::test(flavor = "multi_thread")]
async fn states_are_obeyed_and_survive_a_restart() {
    let mut rig = Rig::start(world(web(0.1))).await;
    rig.until_held("at_minimum").await;
    let (status, state) = rig.put("/v1/state", r#"{"state": "disabled"}"#).await;
    assert_eq!((status, &state["state"]), (200, &"disabled".into()));
    rig.until_held("disabled").await;
    rig.simulation
        .with(|world| world.set_load("web", load(5.0)));
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(rig.posts(), 0);

    rig.restart_sidecar().await;
    rig.until_held("disabled").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(rig.posts(), 0, "it forgot that it was disabled");

    rig.put("/v1/services/web/state", r#"{"state": "dry-run"}"#)
        .await;
    rig.put("/v1/state", r#"{"state": "enabled"}"#).await;
    rig.simulation
        .wait_until(Duration::from_secs(4), |_| false)
        .await;
    let (_, service) = rig.get("/v1/services/web").await;
    assert_eq!(service["state"], "dry-run");
    let decisions = service["decisions"].as_array().unwrap();
    let proposed = decisions
        .iter()
        .find(|record| record["outcome"]["outcome"] == "dry_run");
    assert!(proposed.is_some(), "{service:#}");
    assert_eq!(rig.posts(), 0, "a dry run wrote");

    rig.put("/v1/services/web/state", r#"{"state": "enabled"}"#)
        .await;
    rig.until("it acts", |world| replicas(world) > 2).await;
    rig.posts();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_state_file_stops_the_start_instead_of_enabling_everything() {
    let mut rig = Rig::start(world(web(0.1))).await;
    rig.put("/v1/state", r#"{"state": "disabled"}"#).await;
    rig.sidecar.take().unwrap().stop().await;
    let file = rig.folder.path().join("state/state.json");
    std::fs::write(&file, "{\"version\":1,").unwrap();
    let config = crate::rig::config(rig.folder.path());
    let bound = swarmtide::sidecar::Bound::bind(&config).await.unwrap();
    let error = swarmtide::sidecar::Sidecar::start(
        config,
        &swarmtide::sidecar::DockerEnvironment::default(),
        bound,
    )
    .unwrap_err();
    assert!(format!("{error:#}").contains("state.json"), "{error:#}");
}
