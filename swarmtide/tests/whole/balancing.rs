//! The table of virtual services follows the tasks that serve.

use std::{collections::BTreeSet, time::Duration};

use serde_json::Value;

use crate::rig::{PATIENCE, Rig, load, replicas, web, world};

async fn table(rig: &Rig) -> Value {
    let (status, table) = rig.get("/v1/backends").await;
    assert_eq!(status, 200, "{table}");
    table
}

fn destinations(table: &Value, phase: &str) -> BTreeSet<String> {
    let destinations = table["virtual_services"][0]["destinations"].as_array();
    let fitting = destinations
        .into_iter()
        .flatten()
        .filter(|destination| destination["phase"] == phase);
    fitting
        .map(|destination| format!("{}:{}", destination["address"], destination["port"]))
        .collect()
}

/// Where the simulated engine says that the service's tasks can be reached.
fn truth(rig: &Rig) -> BTreeSet<String> {
    rig.simulation.with(|world| {
        let engine = world.engine();
        engine
            .serving_tasks("web")
            .map(|task| {
                let node = engine.node(task.node.as_deref().unwrap()).unwrap();
                format!("\"{}\":{}", node.config.address, task.ports[0].published)
            })
            .collect()
    })
}

/// Waits until the table is true and has so many serving destinations.
async fn until_true(rig: &Rig, count: usize) -> Value {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let table = table(rig).await;
        let serving = destinations(&table, "serving");
        if serving.len() == count && serving == truth(rig) && table["in_sync"] == true {
            return table;
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "{table:#} is not {:?}",
            truth(rig)
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn destinations_follow_the_serving_tasks_and_drain_before_they_go() {
    let service = web(0.1)
        .label("swarmtide.lb.vip", "10.30.0.1")
        .label("swarmtide.lb.port", "80");
    let mut world = world(service);
    world.timing.stop_delay_min = Duration::from_secs(2);
    world.timing.stop_delay_max = Duration::from_secs(3);
    let rig = Rig::start(world).await;
    let table = until_true(&rig, 2).await;
    assert_eq!(table["virtual_services"][0]["address"], "10.30.0.1");
    assert_eq!(table["virtual_services"][0]["port"], 80);

    rig.simulation
        .with(|world| world.set_load("web", load(5.0)));
    rig.until("six replicas", |world| replicas(world) == 6)
        .await;
    until_true(&rig, 6).await;

    rig.simulation
        .with(|world| world.set_load("web", load(0.1)));
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let table = self::table(&rig).await;
        let draining = table["virtual_services"][0]["destinations"]
            .as_array()
            .unwrap()
            .iter()
            .find(|d| d["phase"] == "draining");
        if let Some(draining) = draining {
            assert_eq!(draining["weight"], 0, "{draining}");
            break;
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "nothing ever drained: {table:#}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    rig.until("two replicas", |world| replicas(world) == 2)
        .await;
    until_true(&rig, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_stays_while_the_engine_is_away() {
    let service = web(0.1)
        .label("swarmtide.lb.vip", "10.30.0.1")
        .label("swarmtide.lb.port", "80");
    let rig = Rig::start(world(service)).await;
    let before = destinations(&until_true(&rig, 2).await, "serving");
    rig.simulation.with(|world| {
        world.set_faults(vec![simulation::Fault::always(simulation::FaultKind::Drop)])
    });
    rig.until_held("view_stale").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let table = table(&rig).await;
    assert_eq!(destinations(&table, "serving"), before, "{table:#}");
    assert_eq!(table["source"]["state"], "away", "{table:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_label_is_reported_and_does_not_stop_scaling() {
    let service = web(5.0)
        .label("swarmtide.lb.vip", "10.30.0.1")
        .label("swarmtide.lb.prot", "80");
    let rig = Rig::start(world(service)).await;
    rig.until("more replicas", |world| replicas(world) > 2)
        .await;
    let (_, service) = rig.get("/v1/services/web").await;
    let errors = service["lb_label_errors"].to_string();
    assert!(
        errors.contains("swarmtide.lb.prot") && errors.contains("swarmtide.lb.port"),
        "{errors}"
    );
}
