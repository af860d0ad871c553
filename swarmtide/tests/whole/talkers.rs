//! Who talks to whom keeps its names while services shrink.

use serde_json::Value;
use simulation::{Sampling, ServiceConfig};

use crate::rig::{PATIENCE, Rig, load, replicas, web, world};

/// Bytes a second of web and of what has no name, as far as it talks.
fn named(talkers: &Value) -> (f64, f64) {
    let (mut web, mut nameless) = (0.0, 0.0);
    for row in talkers["talkers"].as_array().into_iter().flatten() {
        let bytes = row["bytes_per_second"].as_f64().unwrap();
        let ends = [&row["source"], &row["destination"]];
        if ends.iter().any(|end| end["name"] == "web") {
            web += bytes;
        }
        // Containers' addresses on the overlay network and inside their nodes.
        let inner = |end: &&Value| {
            let name = end["name"].as_str().unwrap();
            end["kind"] == "container" || name.starts_with("10.0.") || name.starts_with("172.18.")
        };
        if ends.iter().any(inner) {
            nameless += bytes;
        }
    }
    (web, nameless)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_just_ended_keeps_its_name() {
    let mut web = web(0.2)
        .label("swarmtide.cpu.low", "30%")
        .label("swarmtide.min", "1")
        .network("shop");
    web.spec["Mode"]["Replicated"]["Replicas"] = 5.into();
    let api = ServiceConfig::replicated("api", 3, None, load(0.5))
        .network("shop")
        .called_by("web", 0.8);
    let mut world = world(web).service(api);
    world.agent.sampling = Some(Sampling {
        rate: 20,
        samples_per_second_max: 1000,
    });
    let rig = Rig::start(world).await;
    rig.until("five, and less than that again", |world| {
        replicas(world) <= 2
    })
    .await;
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let (_, talkers) = rig.get("/v1/talkers?limit=1000").await;
        let gone = rig
            .simulation
            .with(|world| world.engine().tasks_of("web").count() <= 2);
        let (known, nameless) = named(&talkers);
        if gone && known > 0.0 {
            assert_eq!(nameless, 0.0, "{talkers:#}");
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "{talkers:#}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}
