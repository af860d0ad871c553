//! The watch on a real engine: events wake it, and what drains keeps its address.

use std::time::Duration;

use swarm::{Clock, Phase, Watch, WatchConfig};
use tokio::time::Instant;

use crate::support::{PATIENCE, await_serving, change, clean_swarm, client};

fn clock() -> Clock {
    let epoch = Instant::now();
    Clock::new(move || epoch.elapsed())
}

async fn wait_for(
    watch: &Watch,
    condition: impl FnMut(&swarm::Observed) -> bool,
) -> swarm::Observed {
    let mut receiver = watch.subscribe();
    tokio::time::timeout(PATIENCE, receiver.wait_for(condition))
        .await
        .expect("in time")
        .unwrap()
        .clone()
}

#[tokio::test]
async fn a_real_event_wakes_it() {
    let swarm = clean_swarm();
    swarm
        .create_service(&["--name", "web", "--replicas", "1", "testbed/web:1"])
        .unwrap();
    let client = client(&swarm, "m1");
    await_serving(&client, "web", 1).await;
    // Only an event can make this look again.
    let config = WatchConfig {
        interval: Duration::from_secs(3600),
        ..WatchConfig::default()
    };
    let watch = Watch::start(client, config, clock());
    wait_for(&watch, |observed| observed.view.is_some()).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let before = Instant::now();
    swarm
        .docker("m1", &["service", "scale", "--detach", "web=2"])
        .unwrap();
    let replicas = |observed: &swarm::Observed| {
        observed
            .view
            .as_ref()?
            .service_named("web")?
            .mode
            .replicas()
    };
    wait_for(&watch, |observed| replicas(observed) == Some(2)).await;
    assert!(
        before.elapsed() < config.interval / 10,
        "{:?}",
        before.elapsed()
    );
}

#[tokio::test]
async fn a_task_that_drains_keeps_its_port_until_it_ends() {
    let swarm = clean_swarm();
    swarm
        .create_service(&[
            "--name",
            "web",
            "--replicas",
            "3",
            "--publish",
            "mode=host,target=8080",
            "testbed/web:1",
        ])
        .unwrap();
    let client = client(&swarm, "m1");
    let id = await_serving(&client, "web", 3)
        .await
        .service_named("web")
        .unwrap()
        .id
        .clone();
    let config = WatchConfig {
        interval: Duration::from_millis(100),
        ..WatchConfig::default()
    };
    let watch = Watch::start(client.clone(), config, clock());
    wait_for(&watch, |observed| observed.view.is_some()).await;
    client.set_replicas(&change(&id, 3, 1)).await.unwrap();
    let (mut seen, mut forgotten) = (0, 0);
    loop {
        let view = watch.view().unwrap();
        let web = &view.services[&id];
        for task in view.draining(web) {
            seen += 1;
            assert_eq!(
                task.ports.len(),
                1,
                "a draining task without its port: {task:?}"
            );
        }
        let raw = client.snapshot(Duration::ZERO).await.unwrap();
        forgotten += raw
            .draining(&raw.services[&id])
            .filter(|task| task.ports.is_empty())
            .count();
        if view.count(web, Phase::Serving) == 1 && view.count(web, Phase::Draining) == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(seen > 4, "draining was seen {seen} times");
    assert!(
        forgotten > 0,
        "this engine does not forget the ports: remember_ports may go"
    );
}

#[tokio::test]
async fn backends_answer_where_the_view_says() {
    let swarm = clean_swarm();
    swarm
        .create_service(&[
            "--name",
            "web",
            "--replicas",
            "4",
            "--publish",
            "mode=host,target=8080",
            "testbed/web:1",
        ])
        .unwrap();
    let view = await_serving(&client(&swarm, "m1"), "web", 4).await;
    for task in view.serving(view.service_named("web").unwrap()) {
        let address = view.nodes[task.node_id.as_ref().unwrap()].address.unwrap();
        let answer = http_get(&format!("{address}:{}", task.ports[0].published)).await;
        let container = task.container_id.as_ref().unwrap().as_str();
        assert!(answer.contains(&container[..12]), "{answer}");
    }
}

async fn http_get(address: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}
