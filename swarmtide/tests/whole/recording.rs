//! A run on a simulated swarm is recorded, and played again.

use std::collections::BTreeMap;

use scaler::{Decision, ScaleReason};
use simulation::{Simulation, SimulationConfig, World};
use swarmtide::{
    recording::{Header, Recording},
    replay,
    sidecar::{Bound, DockerEnvironment, Sidecar},
};

use crate::rig::{PATIENCE, config, load, replicas, web, world};

/// The stack is deployed again: its file says two replicas, and has a new label.
fn deploy(world: &mut World) {
    let engine = world.engine_mut();
    let service = engine.service("web").unwrap();
    let (index, mut spec) = (service.index, service.spec.clone());
    spec["Mode"]["Replicated"]["Replicas"] = 2.into();
    spec["Labels"]["release"] = "2".into();
    engine.update_service("web", index, spec).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_gives_the_same_decisions_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.rec");
    let config = config(folder.path());
    let header = Header {
        program: "test".to_owned(),
        unix_ms: 0,
        config: toml::to_string(&config).unwrap(),
        environment: BTreeMap::new(),
    };
    let recording = Recording::create(&path, 1 << 30, &header).unwrap();
    let bound = Bound::bind(&config)
        .await
        .unwrap()
        .with_recording(recording);
    let sflow = bound.sflow_addresses().first().copied();
    let service = web(0.5)
        .label("com.docker.stack.namespace", "shop")
        .label("swarmtide.reassert", "true");
    let simulation = SimulationConfig::new(folder.path(), sflow, world(service));
    let simulation = Simulation::start(simulation).await.unwrap();
    let docker = DockerEnvironment::default();
    let sidecar = Sidecar::start(config, &docker, bound).unwrap();
    let until = async |what: &str, least: u64, most: u64| {
        let there = simulation
            .wait_until(PATIENCE, |world| (least..=most).contains(&replicas(world)))
            .await;
        assert!(there, "{what}");
    };
    simulation.with(|world| world.set_load("web", load(1.4)));
    until("growth", 4, 6).await;
    simulation.with(deploy);
    until("what the deployment took away", 4, 6).await;
    simulation.with(|world| world.set_load("web", load(0.1)));
    until("shrinking", 2, 3).await;
    let reasserted = |record: &&scaler::DecisionRecord| {
        let Decision::Scale { reason, .. } = record.decision else {
            return false;
        };
        matches!(reason, ScaleReason::Reasserted { .. })
    };
    let records = sidecar
        .shared()
        .engine()
        .records("web")
        .into_iter()
        .filter(reasserted)
        .count();
    assert_eq!(records, 1);
    sidecar.stop().await;
    simulation.shutdown().await;

    let overlay = BTreeMap::from([("min".to_owned(), "5".to_owned())]);
    let candidate = scaler::shadow::Candidate::new("roomy", overlay);
    let replayed = replay::replay(&path, vec![candidate]).unwrap();
    assert!(!replayed.torn);
    assert!(replayed.decisions >= 5, "{replayed:?}");
    assert_eq!(
        (replayed.different, replayed.differences.len()),
        (0, 0),
        "{:#?}",
        replayed.differences
    );
    let tracks = &replayed.services["web"];
    let policies: Vec<_> = tracks.iter().map(|track| track.policy.as_str()).collect();
    assert_eq!(policies, ["live", "roomy"]);
    let (live, roomy) = (tracks[0].measures, tracks[1].measures);
    assert!(roomy.cost > live.cost && live.cost > 0.0, "{tracks:?}");
    assert!(live.changes_per_hour > 0.0);
    let svg = elasticity::plot::svg(&replayed.charts()).unwrap();
    assert!(svg.starts_with("<svg") && svg.contains("roomy"), "{svg}");
}
