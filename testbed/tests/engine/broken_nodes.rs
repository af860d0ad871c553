//! What is left of a node that died, and of one that cannot be reached.

use std::time::{Duration, Instant};

use swarm::{ErrorKind, Leadership, NodeState, Phase};
use testbed::Swarm;

use crate::support::{PATIENCE, await_service, await_serving, clean_swarm, client, look};

/// Turns the node on again also when the test fails, and waits until a worker is ready.
struct PowerOn<'a>(&'a Swarm, &'a str);

impl Drop for PowerOn<'_> {
    fn drop(&mut self) {
        self.0.start_node(self.1).ok();
        if self.1 == "m1" {
            return;
        }
        let ready = || {
            self.0
                .docker(
                    "m1",
                    &["node", "inspect", "--format", "{{.Status.State}}", self.1],
                )
                .ok()
        };
        let is_ready = || ready().is_some_and(|state| state == "ready").then_some(());
        testbed::wait_for("the node is ready again", PATIENCE, is_ready).ok();
    }
}

#[tokio::test]
async fn a_dead_nodes_tasks_do_not_serve() {
    let swarm = clean_swarm();
    swarm
        .create_service(&[
            "--name",
            "everywhere",
            "--mode",
            "global",
            "--restart-delay",
            "1s",
            "testbed/web:1",
        ])
        .unwrap();
    let client = client(&swarm, "m1");
    await_serving(&client, "everywhere", 3).await;
    swarm.kill("w2").unwrap();
    let power_on = PowerOn(&swarm, "w2");
    let view = await_service(&client, "everywhere", |view, _| view.nodes_ready() == 2).await;
    let service = view.service_named("everywhere").unwrap();
    let dead = view
        .nodes
        .values()
        .find(|node| node.hostname == "w2")
        .unwrap();
    assert_eq!(dead.state, NodeState::Down);
    assert_eq!(view.count(service, Phase::Serving), 2);
    let phantoms: Vec<_> = view.in_phase(service, Phase::Unreachable).collect();
    assert_eq!(phantoms.len(), 1, "{:#?}", service.tasks);
    assert_eq!(
        (&phantoms[0].node_id, phantoms[0].state.as_word()),
        (&Some(dead.id.clone()), "running")
    );
    // The engine itself counts it.
    let shown = swarm
        .docker("m1", &["service", "ls", "--format", "{{.Replicas}}"])
        .unwrap();
    assert!(shown.starts_with("3/"), "{shown}");
    drop(power_on);
    await_serving(&client, "everywhere", 3).await;
}

/// Connections that were kept open are reset, each at its next use, and a dying engine resets new ones too; after them
/// there is nobody to connect to. No answer comes in between.
#[expect(
    clippy::disallowed_methods,
    reason = "a test against real components lives in real time"
)]
async fn await_nobody_there(client: &swarm::Client) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let error = client.snapshot(Duration::ZERO).await.unwrap_err();
        match error.kind() {
            ErrorKind::Connect => return,
            ErrorKind::Transport if Instant::now() < deadline => {}
            _ => panic!("{error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_manager_that_restarts_says_that_it_does_not_know_its_workers() {
    let swarm = clean_swarm();
    swarm
        .create_service(&[
            "--name",
            "web",
            "--replicas",
            "3",
            "--restart-delay",
            "1s",
            "testbed/web:1",
        ])
        .unwrap();
    let client = client(&swarm, "m1");
    await_serving(&client, "web", 3).await;
    swarm.kill("m1").unwrap();
    let power_on = PowerOn(&swarm, "m1");
    await_nobody_there(&client).await;
    drop(power_on);
    // It knows its tasks from its disk, and of the workers nothing: `docker service ls` shows 3/3 at this moment.
    let view = look(&client).await;
    assert_eq!(view.leadership, Leadership::Leader);
    assert_eq!(
        (view.nodes_unknown(), view.nodes_ready()),
        (2, 1),
        "{:#?}",
        view.nodes
    );
    let web = view.service_named("web").unwrap();
    assert_eq!(view.count(web, Phase::Unreachable), 2, "{:#?}", web.tasks);
    // Workers that are left alone come back only after 20 to 30 s.
    for node in ["w1", "w2"] {
        swarm.kill(node).unwrap();
        drop(PowerOn(&swarm, node));
    }
    await_serving(&client, "web", 3).await;
}

#[tokio::test]
async fn a_worker_is_no_manager() {
    let swarm = clean_swarm();
    let error = client(&swarm, "w1")
        .snapshot(Duration::ZERO)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotManager);
    assert_eq!(look(&client(&swarm, "m1")).await.nodes_unknown(), 0);
}
