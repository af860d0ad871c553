//! The doctor on a simulated swarm: what it asks of an engine and of a sidecar, and what it makes of a node that falls silent.

use std::time::Duration;

use simulation::{Fault, FaultKind};
use swarmtide::{
    config::DockerEnvironment,
    doctor::{
        Finding, Severity,
        fleet::{self, ask::Asked},
    },
};

use crate::rig::{PATIENCE, Rig, config, web, world};

async fn examine(rig: &Rig, url: &str) -> Vec<Finding> {
    let config = config(rig.folder.path());
    let asked = Asked {
        config: &config,
        docker: &DockerEnvironment::default(),
        url,
        token: None,
    };
    fleet::judge(&fleet::ask::gather(&asked).await.unwrap())
}

/// Examines again until somebody finds what is looked for, all that is worse than good.
async fn until(rig: &Rig, what: &str, found: impl Fn(&[&Finding]) -> bool) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let findings = examine(rig, &rig.url).await;
        let bad: Vec<_> = findings
            .iter()
            .filter(|finding| finding.severity > Severity::Good)
            .collect();
        if found(&bad) {
            return;
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "never found: {what}: {bad:#?}"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn nothing(bad: &[&Finding]) -> bool {
    bad.is_empty()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swarm_is_examined_and_what_fails_is_named() {
    let rig = Rig::start(world(web(0.5))).await;
    until(&rig, "nothing wrong", nothing).await;

    let silence = |silent| {
        rig.simulation
            .with(|world| world.agent_mut("w1").unwrap().traps_mut().silent = silent);
    };
    silence(true);
    until(&rig, "the silent node", |bad| {
        let w1 = |finding: &&Finding| finding.subject.as_deref() == Some("w1");
        let node = bad.iter().copied().find(w1);
        node.is_some_and(|finding| finding.found.contains("silent for"))
    })
    .await;
    silence(false);
    until(&rig, "nothing wrong again", nothing).await;

    let faults = |faults| rig.simulation.with(|world| world.set_faults(faults));
    for (kind, words) in [
        (FaultKind::NoLeader, "has no leader"),
        (FaultKind::NotManager, "is no manager"),
        (FaultKind::Hang, "does not list the swarm"),
    ] {
        faults(vec![Fault::always(kind)]);
        let findings = examine(&rig, &rig.url).await;
        let engine = findings.iter().find(|finding| finding.id == "engine");
        let found = &engine.unwrap().found;
        assert!(found.contains(words), "{kind:?}: {found}");
    }
    faults(Vec::new());
    let findings = examine(&rig, "http://127.0.0.1:1").await;
    assert_eq!(
        (findings[0].id, findings[0].severity),
        ("sidecar", Severity::Error),
        "{findings:#?}"
    );
}
