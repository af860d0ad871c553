//! A container that something is wrong with: found by its counters, put in quarantine, and another beside it.

use std::time::Duration;

use serde_json::Value;
use swarmtide::config::Span;

use crate::rig::{PATIENCE, Rig, replicas, web, world};

/// The weights of the destinations, by task.
fn weights(table: &Value) -> Vec<(String, u64)> {
    let destinations = table["virtual_services"][0]["destinations"].as_array();
    destinations
        .into_iter()
        .flatten()
        .filter_map(|destination| {
            let task = destination["tasks"][0]["task"].as_str()?;
            Some((task.to_owned(), destination["weight"].as_u64()?))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_sick_is_found_isolated_and_replaced() {
    let service = web(0.6)
        .label("swarmtide.min", "3")
        .label("swarmtide.outliers", "quarantine")
        .label("swarmtide.lb.vip", "10.30.0.1")
        .label("swarmtide.lb.port", "80");
    let mut rig = Rig::start_with(world(service), |config| {
        config.scaler.outlier_settle = Span::from_millis(1500);
        config.scaler.outlier_after = Span::from_millis(1500);
    })
    .await;
    rig.until("three replicas", |world| {
        replicas(world) == 3 && world.engine().serving_tasks("web").count() == 3
    })
    .await;
    let (task, container) = rig.simulation.with(|world| {
        let task = world.engine().serving_tasks("web").next().unwrap();
        let (id, container) = (task.id.clone(), task.container.clone().unwrap());
        world.set_cpu_factor(&container, 2.4);
        (id, container)
    });
    rig.until("a fourth beside it", |world| replicas(world) == 4)
        .await;
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let (_, table) = rig.get("/v1/backends").await;
        let weights = weights(&table);
        // Without connections a destination of weight 0 is soon gone.
        let serving = weights.iter().filter(|(_, weight)| *weight > 0);
        let serving: Vec<_> = serving.map(|(task, _)| task).collect();
        if serving.len() == 3 && !serving.contains(&&task) {
            assert_eq!(table["quarantined"][0], task.as_str());
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "{table:#}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (_, service) = rig.get("/v1/services/web").await;
    let text = service.to_string();
    assert!(text.contains("\"replaced\""), "{service:#}");
    let (_, journal) = rig.get("/v1/journal?event=quarantined").await;
    let words = journal[0]["words"].as_str().unwrap_or_default();
    assert!(words.contains(&container[..12]), "{journal:#}");
    let (_, metrics) = rig.get("/metrics").await;
    let metrics = metrics.as_str().unwrap();
    assert!(
        metrics.contains("swarmtide_service_quarantined{service=\"web\"} 1"),
        "{metrics}"
    );
    assert_eq!(rig.posts(), 2, "to the minimum, and one more");
    rig.sidecar.take().unwrap().stop().await;
}
