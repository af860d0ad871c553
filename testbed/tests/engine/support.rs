//! What these tests have in common.

use std::{path::Path, time::Duration};

use swarm::{Client, ClientOptions, Endpoint, Phase, Service, ServiceId, SetReplicas, View};
use testbed::{Swarm, SwarmGuard};
use tokio::time::Instant;

/// How long the swarm may take for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

/// The shared swarm, with all nodes ready and without any service.
pub(crate) fn clean_swarm() -> SwarmGuard {
    let swarm = Swarm::shared().unwrap();
    let all_ready = || {
        let states = swarm
            .docker("m1", &["node", "ls", "--format", "{{.Status}}"])
            .ok()?;
        (states.lines().count() == 3 && states.lines().all(|state| state == "Ready")).then_some(())
    };
    testbed::wait_for("all nodes are ready", PATIENCE, all_ready).unwrap();
    swarm.remove_services().unwrap();
    swarm
}

pub(crate) fn client(swarm: &Swarm, node: &str) -> Client {
    client_at(&swarm.socket(node))
}

pub(crate) fn client_at(socket: &Path) -> Client {
    Client::new(Endpoint::Unix(socket.to_owned()), ClientOptions::default()).unwrap()
}

pub(crate) async fn look(client: &Client) -> View {
    client.snapshot(Duration::ZERO).await.unwrap()
}

/// Lists every 50 ms until the service of that name is as wanted; the view in which it was. An engine that does not answer
/// (yet) is asked again.
pub(crate) async fn await_service(
    client: &Client,
    name: &str,
    wanted: impl Fn(&View, &Service) -> bool,
) -> View {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let seen = client.snapshot(Duration::ZERO).await;
        let late = Instant::now() > deadline;
        match seen {
            Ok(view)
                if view
                    .service_named(name)
                    .is_some_and(|service| wanted(&view, service)) =>
            {
                return view;
            }
            Ok(view) => assert!(!late, "not in time: {:#?}", view.service_named(name)),
            Err(error) => assert!(!late, "not in time: {error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until that many tasks serve and no other is about.
pub(crate) async fn await_serving(client: &Client, name: &str, count: usize) -> View {
    await_service(client, name, |view, service| {
        view.count(service, Phase::Serving) == count
            && service
                .tasks
                .iter()
                .all(|task| matches!(view.phase(task), Phase::Serving | Phase::Stopped))
    })
    .await
}

pub(crate) fn change(id: &ServiceId, from: u32, to: u32) -> SetReplicas {
    SetReplicas {
        service: id.clone(),
        from,
        to,
    }
}

/// The containers of the tasks that serve.
pub(crate) fn containers(view: &View, name: &str) -> Vec<String> {
    let service = view.service_named(name).unwrap();
    let mut found: Vec<_> = view
        .serving(service)
        .map(|task| task.container_id.as_ref().unwrap().to_string())
        .collect();
    found.sort();
    found
}
