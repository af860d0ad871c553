//! The backend set as a stream, and balancer nodes that go by it.

use std::{net::SocketAddr, time::Duration};

use serde_json::Value;
use swarmtide::{
    client,
    config::{Config, Listen, Span},
    node::Node,
    sidecar::DockerEnvironment,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::rig::{PATIENCE, Rig, load, replicas, web, world};

/// A balanced service of two replicas.
fn balanced() -> simulation::ServiceConfig {
    web(0.1)
        .label("swarmtide.lb.vip", "10.30.0.1")
        .label("swarmtide.lb.port", "80")
}

/// An open stream of events, as text.
struct Stream {
    stream: TcpStream,
    text: String,
}

impl Stream {
    async fn open(url: &str, headers: &str) -> Self {
        let mut stream = TcpStream::connect(url.trim_start_matches("http://"))
            .await
            .unwrap();
        let request = format!(
            "GET /v1/backends HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n{headers}\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let text = String::new();
        Self { stream, text }
    }

    /// Reads until the text contains what is looked for.
    async fn until(&mut self, wanted: &str) {
        let work = async {
            while !self.text.contains(wanted) {
                let mut piece = [0; 4096];
                let count = self.stream.read(&mut piece).await.unwrap();
                assert!(count > 0, "ended without {wanted:?}: {}", self.text);
                self.text
                    .push_str(&String::from_utf8_lossy(&piece[..count]));
            }
        };
        if timeout(PATIENCE, work).await.is_err() {
            panic!("never {wanted:?}: {}", self.text);
        }
    }
}

async fn version(rig: &Rig) -> String {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let (_, set) = rig.get("/v1/backends").await;
        let settled = set["completeness"]["state"] == "complete"
            && set["services"][0]["backends"]
                .as_array()
                .is_some_and(|backends| backends.len() == 2);
        if settled {
            return set["version"].as_str().unwrap().to_owned();
        }
        assert!(tokio::time::Instant::now() < deadline, "{set:#}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_set_is_streamed_resumed_and_ended() {
    let mut rig = Rig::start(world(balanced())).await;
    let version = version(&rig).await;
    let (_, set) = rig.get("/v1/backends").await;
    assert_eq!(set["from"]["leadership"], "leader", "{set:#}");
    assert!(set["generation"]["index"].as_u64().unwrap() > 0, "{set:#}");
    assert!(set["virtual_services"].is_array(), "{set:#}");

    let mut fresh = Stream::open(&rig.url, "").await;
    fresh
        .until(&format!("event: backends\nid: {version}\n"))
        .await;
    assert!(fresh.text.contains("content-type: text/event-stream"));
    let resume = format!("Last-Event-ID: {version}\r\n");
    let mut resumed = Stream::open(&rig.url, &resume).await;
    resumed.until(": current").await;
    assert!(!resumed.text.contains("event:"), "{}", resumed.text);

    rig.simulation
        .with(|world| world.set_load("web", load(5.0)));
    rig.until("six replicas", |world| replicas(world) == 6)
        .await;
    resumed.until("event: backends").await;
    rig.simulation.with(|world| {
        world.set_faults(vec![simulation::Fault::always(simulation::FaultKind::Drop)])
    });
    resumed.until("event: away\ndata: ").await;

    // The end of the sidecar ends the streams at once; it would wait for requests under way.
    let sidecar = rig.sidecar.take().unwrap();
    timeout(PATIENCE, sidecar.stop()).await.unwrap();
    let mut rest = Vec::new();
    timeout(PATIENCE, resumed.stream.read_to_end(&mut rest))
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn listeners_are_bounded_and_may_need_a_token() {
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), "read-token-0123456").unwrap();
    let file = token.path().to_owned();
    let rig = Rig::start_with(world(balanced()), move |config| {
        config.lbsync.streams_max = 1;
        config.http.read_token_file = Some(file);
    })
    .await;
    let mut stranger = Stream::open(&rig.url, "").await;
    stranger.until("401 Unauthorized").await;
    let bearer = "Authorization: Bearer read-token-0123456\r\n";
    let mut first = Stream::open(&rig.url, bearer).await;
    first.until("event: backends").await;
    let mut second = Stream::open(&rig.url, bearer).await;
    second.until("503 Service Unavailable").await;
    assert_eq!(client::get(&rig.url, "/live").await.unwrap().0, 200);
    assert_eq!(client::get(&rig.url, "/metrics").await.unwrap().0, 401);
}

async fn node(sources: &[&str], token_file: Option<std::path::PathBuf>) -> Node {
    let any: SocketAddr = ([127, 0, 0, 1], 0).into();
    let mut config = Config::default();
    config.http.listen = Listen(any);
    config.lbsync.resync = Span::from_millis(500);
    config.lbsync.sources = sources.iter().map(|url| url.parse().unwrap()).collect();
    config.lbsync.source_token_file = token_file;
    Node::start(config, &DockerEnvironment::default())
        .await
        .unwrap()
}

async fn until(node: &Node, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
    let url = format!("http://{}", node.http_address());
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let (_, body) = client::get(&url, "/v1/balancer").await.unwrap();
        let table: Value = serde_json::from_slice(&body).unwrap();
        if fits(&table) {
            return table;
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "never {what}: {table:#}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn serving(table: &Value) -> usize {
    let destinations = table["virtual_services"][0]["destinations"].as_array();
    destinations
        .into_iter()
        .flatten()
        .filter(|destination| destination["phase"] == "serving")
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_an_engine_follows_sidecars_and_keeps_its_table_without_them() {
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), "read-token-0123456").unwrap();
    let file = token.path().to_owned();
    let mut rig = Rig::start_with(world(balanced()), move |config| {
        config.http.read_token_file = Some(file);
    })
    .await;
    // One of its two sources is never there.
    let sources = ["http://127.0.0.1:1", rig.url.as_str()];
    let node = node(&sources, Some(token.path().to_owned())).await;
    let table = until(&node, "two destinations", |table| {
        serving(table) == 2 && table["in_sync"] == true
    })
    .await;
    assert_eq!(table["sources"][0]["verdict"], "unheard", "{table:#}");
    assert_eq!(table["sources"][1]["verdict"], "chosen", "{table:#}");
    let url = format!("http://{}", node.http_address());
    assert_eq!(client::get(&url, "/ready").await.unwrap().0, 200);
    let (_, metrics) = client::get(&url, "/metrics").await.unwrap();
    let metrics = String::from_utf8(metrics).unwrap();
    assert!(
        metrics.contains("swarmtide_lb_virtual_services 1\n")
            && !metrics.contains("swarmtide_lb_change_seconds_count 0\n"),
        "{metrics}"
    );
    // What it goes by it passes on.
    let mut relayed = Stream::open(&url, "").await;
    relayed.until("event: backends").await;

    let sidecar = rig.sidecar.take().unwrap();
    sidecar.stop().await;
    let table = until(&node, "away", |table| table["source"]["state"] == "away").await;
    assert_eq!(serving(&table), 2, "{table:#}");
    assert_eq!(client::get(&url, "/ready").await.unwrap().0, 200);
    relayed.until("event: away").await;
    timeout(PATIENCE, node.stop()).await.unwrap();
}
