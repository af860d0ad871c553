//! A run on a simulated swarm is recorded, and played again.

use std::collections::BTreeMap;

use simulation::{Simulation, SimulationConfig};
use swarmtide::{
    recording::{Header, Recording},
    replay,
    sidecar::{Bound, DockerEnvironment, Sidecar},
};

use crate::rig::{PATIENCE, config, load, replicas, web, world};

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
    let simulation = SimulationConfig::new(folder.path(), sflow, world(web(0.5)));
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
    simulation.with(|world| world.set_load("web", load(0.1)));
    until("shrinking", 2, 3).await;
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
