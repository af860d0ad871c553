//! The one write, and what must keep it from happening.

use std::{path::PathBuf, process::Command, sync::Arc, time::Duration};

use serde_json::Value;
use swarm::{Mode, SetReplicasError, UpdateState};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{UnixListener, UnixStream},
};

use crate::support::{
    await_service, await_serving, change, clean_swarm, client, client_at, containers, look,
};

#[tokio::test]
async fn up_and_down() {
    let swarm = clean_swarm();
    swarm
        .create_service(&["--name", "web", "--replicas", "1", "testbed/web:1"])
        .unwrap();
    let client = client(&swarm, "m1");
    let before = await_serving(&client, "web", 1).await;
    let web = before.service_named("web").unwrap();
    let applied = client.set_replicas(&change(&web.id, 1, 4)).await.unwrap();
    assert_eq!(applied.replaced_index, web.version_index);
    let up = await_serving(&client, "web", 4).await;
    assert!(up.service_named("web").unwrap().version_index > web.version_index);
    assert!(
        containers(&up, "web").contains(&containers(&before, "web")[0]),
        "the first task is not replaced"
    );
    client.set_replicas(&change(&web.id, 4, 2)).await.unwrap();
    await_serving(&client, "web", 2).await;
    client.set_replicas(&change(&web.id, 2, 0)).await.unwrap();
    await_serving(&client, "web", 0).await;
    assert_eq!(
        client.stats().errors().map(|(_, count)| count).sum::<u64>(),
        0
    );
}

#[tokio::test]
async fn every_option_survives_and_no_task_restarts() {
    let swarm = clean_swarm();
    swarm.create_every_option_service("every").unwrap();
    let client = client(&swarm, "m1");
    let before = await_serving(&client, "every", 2).await;
    let id = before.service_named("every").unwrap().id.clone();
    let old = client.read_service(&id).await.unwrap();
    client.set_replicas(&change(&id, 2, 5)).await.unwrap();
    let up = await_serving(&client, "every", 5).await;
    let new = client.read_service(&id).await.unwrap();
    assert_eq!(new.mode(), Mode::Replicated { replicas: 5 });
    assert_eq!(
        new.spec(),
        old.with_replicas(5).unwrap(),
        "byte for byte, but for the number"
    );
    assert_eq!(new.update(), &UpdateState::None, "no rollout was started");
    let kept = containers(&up, "every");
    assert!(
        containers(&before, "every")
            .iter()
            .all(|container| kept.contains(container)),
        "a task was replaced"
    );

    client.set_replicas(&change(&id, 5, 2)).await.unwrap();
    await_serving(&client, "every", 2).await;
    assert_eq!(
        client.read_service(&id).await.unwrap().spec(),
        old.spec(),
        "back to what it was, byte for byte"
    );
    // What a typed client loses.
    for option in [
        "Healthcheck",
        "CapabilityDrop",
        "Ulimits",
        "Sysctls",
        "Pids",
        "MaxReplicas",
        "RollbackConfig",
    ] {
        assert!(
            old.spec().contains(option),
            "the service was made without {option}"
        );
    }
}

#[tokio::test]
async fn refuses_what_is_gone_or_not_replicated_or_changed() {
    let swarm = clean_swarm();
    let global = swarm
        .create_service(&["--name", "everywhere", "--mode", "global", "testbed/web:1"])
        .unwrap();
    let web = swarm
        .create_service(&["--name", "web", "--replicas", "2", "testbed/web:1"])
        .unwrap();
    let client = client(&swarm, "m1");
    let error = client
        .set_replicas(&change(&"nosuchservice".into(), 1, 2))
        .await
        .unwrap_err();
    assert!(
        matches!(error, SetReplicasError::NotFound { .. }),
        "{error:?}"
    );
    let error = client
        .set_replicas(&change(&global.as_str().into(), 1, 2))
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            SetReplicasError::NotReplicated { mode: Mode::Global }
        ),
        "{error:?}"
    );
    let error = client
        .set_replicas(&change(&web.as_str().into(), 3, 4))
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            SetReplicasError::Changed {
                expected: 3,
                found: 2
            }
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_change_that_comes_between_is_a_conflict() {
    let swarm = clean_swarm();
    let id = swarm
        .create_service(&["--name", "web", "--replicas", "1", "testbed/web:1"])
        .unwrap();
    let id = id.as_str().into();
    let direct = client(&swarm, "m1");
    await_serving(&direct, "web", 1).await;

    let socket = swarm.socket("m1");
    let host = format!("unix://{}", socket.display());
    let rival = Arc::new(move || {
        let arguments = [
            "--host",
            &host,
            "service",
            "update",
            "--detach",
            "--quiet",
            "--label-add",
            "rival=1",
            "web",
        ];
        let output = Command::new("docker").args(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    });
    let directory = tempfile::tempdir().unwrap();
    let proxied = client_at(&proxy(&directory, socket, rival));
    let error = proxied.set_replicas(&change(&id, 1, 3)).await.unwrap_err();
    let SetReplicasError::Conflict { version_index } = error else {
        panic!("{error:?}")
    };

    let view = look(&direct).await;
    let web = view.service_named("web").unwrap();
    assert!(web.version_index > version_index);
    assert_eq!(
        web.mode,
        Mode::Replicated { replicas: 1 },
        "nothing was written"
    );
    assert_eq!(web.labels["rival"], "1");
    // Looked at again, it works.
    direct.set_replicas(&change(&id, 1, 2)).await.unwrap();
    await_serving(&direct, "web", 2).await;
}

#[tokio::test]
async fn of_many_that_decide_at_once_one_wins() {
    let swarm = clean_swarm();
    let id = swarm
        .create_service(&["--name", "web", "--replicas", "1", "testbed/web:1"])
        .unwrap();
    let id = id.as_str().into();
    let client = client(&swarm, "m1");
    await_serving(&client, "web", 1).await;
    let mut rivals = tokio::task::JoinSet::new();
    for replicas in 2..=9 {
        let (client, change) = (client.clone(), change(&id, 1, replicas));
        rivals.spawn(async move { client.set_replicas(&change).await.map(|_| change.to) });
    }
    let results = rivals.join_all().await;
    let winners: Vec<u32> = results
        .iter()
        .filter_map(|result| result.as_ref().ok().copied())
        .collect();
    assert_eq!(winners.len(), 1, "{results:?}");
    for error in results.iter().filter_map(|result| result.as_ref().err()) {
        assert!(
            matches!(
                error,
                SetReplicasError::Conflict { .. } | SetReplicasError::Changed { .. }
            ),
            "{error:?}"
        );
    }
    let view = look(&client).await;
    assert_eq!(
        view.service_named("web").unwrap().mode.replicas(),
        Some(winners[0])
    );
}

#[tokio::test]
async fn a_rollout_is_left_alone() {
    let swarm = clean_swarm();
    let id = swarm
        .create_service(&[
            "--name",
            "web",
            "--replicas",
            "3",
            "--update-monitor",
            "2s",
            "--restart-delay",
            "1s",
            "testbed/web:1",
        ])
        .unwrap();
    let id = id.as_str().into();
    let client = client(&swarm, "m1");
    let old = containers(&await_serving(&client, "web", 3).await, "web");
    let update = |arguments: &[&str]| {
        let mut all = vec![
            "service",
            "update",
            "--detach",
            "--quiet",
            "--no-resolve-image",
        ];
        all.extend(arguments);
        swarm.docker("m1", &all).unwrap();
    };
    let refused = async |state: UpdateState| {
        await_service(&client, "web", |_, service| service.update == state).await;
        let index = client.read_service(&id).await.unwrap().version_index();
        let error = client.set_replicas(&change(&id, 3, 4)).await.unwrap_err();
        assert!(
            matches!(&error, SetReplicasError::Rollout { state: found } if *found == state),
            "{error:?}"
        );
        assert_eq!(
            client.read_service(&id).await.unwrap().version_index(),
            index,
            "nothing was written"
        );
    };
    // A release that ends with an error pauses after its first task.
    update(&["--args", "fail", "web"]);
    refused(UpdateState::Updating).await;
    refused(UpdateState::Paused).await;
    let view = look(&client).await;
    let web = view.service_named("web").unwrap();
    assert!(
        web.update_message.contains("paused"),
        "{:?}",
        web.update_message
    );
    // Tasks of the bad release flicker; what counts is the old one's that are left.
    let left = async || {
        let now = containers(&look(&client).await, "web");
        old.iter()
            .filter(|container| now.contains(container))
            .count()
    };
    let before = left().await;
    assert!(before > 0, "some of the old release live");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(left().await, before, "a refused change resumes nothing");

    update(&["--args", "8080", "web"]);
    await_service(&client, "web", |_, service| {
        service.update == UpdateState::Completed
    })
    .await;
    client.set_replicas(&change(&id, 3, 4)).await.unwrap();
    await_serving(&client, "web", 4).await;
}

#[tokio::test]
async fn what_the_engine_says_about_itself() {
    let swarm = clean_swarm();
    let client = client(&swarm, "m1");
    let version = client.version().await.unwrap();
    let info: Value = serde_json::from_str(
        &swarm
            .docker("m1", &["version", "--format", "{{json .Server}}"])
            .unwrap(),
    )
    .unwrap();
    assert_eq!(info["Version"], version.version);
    assert_eq!(info["ApiVersion"], version.api_version);
    let view = look(&client).await;
    assert_eq!(
        (view.engine.version.as_str(), view.engine.hostname.as_str()),
        (version.version.as_str(), "m1")
    );
    assert_eq!(view.engine.api_version, version.api_version);
}

#[test]
fn a_node_is_a_machine_of_its_own() {
    let swarm = clean_swarm();
    assert_eq!(swarm.exec("w2", &["hostname"]).unwrap(), "w2");
    let addresses = swarm
        .exec(
            "w2",
            &["ip", "-4", "-brief", "address", "show", "dev", "eth0"],
        )
        .unwrap();
    assert!(
        addresses.contains(&swarm.ip("w2").to_string()),
        "{addresses}"
    );
    assert!(swarm.exec("w2", &["false"]).is_err());
    assert_eq!(swarm.nodes(), ["m1", "w1", "w2"]);
}

/// A socket that passes everything on to the engine, and calls `before_post` when a POST is on its way.
fn proxy(
    directory: &tempfile::TempDir,
    engine: PathBuf,
    before_post: Arc<impl Fn() + Send + Sync + 'static>,
) -> PathBuf {
    let path = directory.path().join("proxy.sock");
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let engine = UnixStream::connect(&engine).await.unwrap();
            let before_post = Arc::clone(&before_post);
            let ((mut from_client, mut to_client), (mut from_engine, mut to_engine)) =
                (client.into_split(), engine.into_split());
            tokio::spawn(async move { tokio::io::copy(&mut from_engine, &mut to_client).await });
            tokio::spawn(async move {
                let mut buffer = vec![0; 65536];
                while let Ok(length @ 1..) = from_client.read(&mut buffer).await {
                    if buffer.starts_with(b"POST ") {
                        before_post();
                    }
                    to_engine.write_all(&buffer[..length]).await.unwrap();
                }
            });
        }
    });
    path
}
