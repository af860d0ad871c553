//! A client with typed models of the engine's objects reads the simulation, and its round trip does the known harm.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use bollard::Docker;
use bollard::models::{NodeState, TaskState};
use bollard::query_parameters::UpdateServiceOptionsBuilder;
use futures_util::StreamExt;
use simulation::{
    Load, ServiceConfig, Simulation, SimulationConfig, UpdateState, World, WorldConfig,
};

async fn start() -> (Simulation, Docker, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let mut world = WorldConfig::new(1, 2)
        .service(ServiceConfig::replicated("web", 2, Some(0.5), Load::idle()))
        .service(ServiceConfig::global("agent", None, Load::idle()));
    world.timing.start_delay = Duration::from_millis(50);
    let config = SimulationConfig::new(directory.path(), None, world);
    let simulation = Simulation::start(config).await.unwrap();
    let path = simulation.socket().to_str().unwrap();
    let docker = Docker::connect_with_unix(path, 5, bollard::API_DEFAULT_VERSION).unwrap();
    let serving = |world: &World| world.engine().serving_tasks("web").count() == 2;
    assert!(simulation.wait_until(Duration::from_secs(5), serving).await);
    (simulation, docker, directory)
}

#[tokio::test]
async fn every_object_parses() {
    let (simulation, docker, _directory) = start().await;
    assert_eq!(docker.ping().await.unwrap(), "OK");
    let version = docker.version().await.unwrap();
    assert_eq!(
        version.api_version.as_deref(),
        Some(simulation::API_VERSION)
    );
    let swarm = docker.info().await.unwrap().swarm.unwrap();
    assert_eq!(
        (swarm.control_available, swarm.nodes),
        (Some(true), Some(3))
    );
    let nodes = docker.list_nodes(None).await.unwrap();
    assert!(
        nodes
            .iter()
            .all(|node| node.status.as_ref().unwrap().state == Some(NodeState::READY))
    );
    let tasks = docker.list_tasks(None).await.unwrap();
    let running = |state: &Option<TaskState>| *state == Some(TaskState::RUNNING);
    assert!(
        tasks
            .iter()
            .any(|task| running(&task.status.as_ref().unwrap().state))
    );
    simulation.with(|world| {
        world
            .engine_mut()
            .set_update_state("web", Some(UpdateState::Paused))
    });
    for service in docker.list_services(None).await.unwrap() {
        let name = service.spec.unwrap().name.unwrap();
        let inspected = docker.inspect_service(&name, None).await.unwrap();
        assert_eq!(inspected.id, service.id);
        assert_eq!(inspected.update_status.is_some(), name == "web");
    }
}

#[tokio::test]
async fn a_typed_round_trip_loses_the_health_check() {
    let (simulation, docker, _directory) = start().await;
    let mut events = docker.events(None);
    let listening = tokio::spawn(async move { events.next().await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let service = docker.inspect_service("web", None).await.unwrap();
    let index = service.version.unwrap().index.unwrap();
    let options = UpdateServiceOptionsBuilder::new()
        .version(i32::try_from(index).unwrap())
        .build();
    docker
        .update_service("web", service.spec.unwrap(), options, None)
        .await
        .unwrap();
    let event = listening.await.unwrap().unwrap().unwrap();
    assert_eq!(event.action.as_deref(), Some("update"));
    simulation.with(|world| {
        let post = world.engine().posts().last().unwrap();
        let lost = "/TaskTemplate/ContainerSpec/Healthcheck".to_owned();
        assert!(
            post.other_changes.contains(&lost),
            "{:?}",
            post.other_changes
        );
        assert_eq!(world.engine().harm().other_changes, 1);
    });
}
