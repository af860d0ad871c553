//! The simulation over its real socket, read by a small HTTP client.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use simulation::{
    Fault, FaultKind, Load, ServiceConfig, Simulation, SimulationConfig, WorldConfig,
};
use tokio::net::UnixStream;

async fn send(socket: &Path, method: &str, path: &str, body: String) -> Response<Incoming> {
    try_send(socket, method, path, body).await.unwrap()
}

async fn try_send(
    socket: &Path,
    method: &str,
    path: &str,
    body: String,
) -> hyper::Result<Response<Incoming>> {
    let stream = UnixStream::connect(socket).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("Host", "docker")
        .body(Full::new(Bytes::from(body)))
        .unwrap();
    sender.send_request(request).await
}

async fn json_of(response: Response<Incoming>) -> Value {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&bytes).unwrap()
}

async fn get(socket: &Path, path: &str) -> Value {
    json_of(send(socket, "GET", path, String::new()).await).await
}

async fn start() -> (Simulation, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let mut world = WorldConfig::new(1, 2).service(ServiceConfig::replicated(
        "web",
        2,
        Some(0.5),
        Load::idle(),
    ));
    world.timing.start_delay = Duration::from_millis(100);
    world.timing.stop_delay_min = Duration::from_millis(100);
    world.timing.stop_delay_max = Duration::from_millis(150);
    let config = SimulationConfig::new(directory.path(), None, world);
    let simulation = Simulation::start(config).await.unwrap();
    let serving = |world: &simulation::World| world.engine().serving_tasks("web").count() == 2;
    assert!(simulation.wait_until(Duration::from_secs(5), serving).await);
    (simulation, directory)
}

#[tokio::test]
async fn scale_over_the_socket() {
    let (simulation, _directory) = start().await;
    let socket = simulation.socket();
    let ping = send(socket, "GET", "/_ping", String::new()).await;
    assert_eq!(ping.headers()["api-version"], simulation::API_VERSION);
    let service = get(socket, "/v1.45/services/web").await;
    let mut spec = service["Spec"].clone();
    spec["Mode"]["Replicated"]["Replicas"] = json!(3);
    let path = format!(
        "/services/web/update?version={}",
        service["Version"]["Index"]
    );
    let answer = send(socket, "POST", &path, spec.to_string()).await;
    assert_eq!(answer.status(), 200);
    let again = send(socket, "POST", &path, spec.to_string()).await;
    assert_eq!(again.status(), 500);
    let serving = |world: &simulation::World| world.engine().serving_tasks("web").count() == 3;
    assert!(simulation.wait_until(Duration::from_secs(5), serving).await);
    assert!(simulation.with(|world| world.engine().harm().is_none()));
    let path = socket.to_owned();
    simulation.shutdown().await;
    assert!(!path.exists());
}

#[tokio::test]
async fn events_arrive_as_they_happen() {
    let (simulation, _directory) = start().await;
    let path = r#"/events?filters=%7B%22type%22%3A%5B%22node%22%5D%7D"#;
    let mut events = send(simulation.socket(), "GET", path, String::new())
        .await
        .into_body();
    simulation.with(|world| {
        world.engine_mut().touch_service("web");
        world.engine_mut().set_availability("w1", "drain")
    });
    let frame = tokio::time::timeout(Duration::from_secs(5), events.frame())
        .await
        .unwrap();
    let bytes = frame.unwrap().unwrap().into_data().unwrap();
    let event: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(event["Type"], "node");
    assert_eq!(event["Actor"]["Attributes"]["availability.new"], "drain");
    assert_eq!(event["scope"], "swarm");
    drop(simulation);
    let rest = tokio::time::timeout(Duration::from_secs(5), events.collect()).await;
    assert!(rest.is_ok(), "the stream ends with the simulation");
}

#[tokio::test]
async fn faults_of_the_connection() {
    let (simulation, _directory) = start().await;
    let socket = simulation.socket();
    let fault = |kind| simulation.with(|world| world.set_faults(vec![Fault::always(kind)]));
    fault(FaultKind::Drop);
    assert!(
        try_send(socket, "GET", "/services", String::new())
            .await
            .is_err()
    );
    fault(FaultKind::Truncate);
    let response = send(socket, "GET", "/services", String::new()).await;
    assert!(response.into_body().collect().await.is_err());
    fault(FaultKind::Hang);
    let hanging = try_send(socket, "GET", "/services", String::new());
    assert!(
        tokio::time::timeout(Duration::from_millis(200), hanging)
            .await
            .is_err()
    );
    fault(FaultKind::Latency(Duration::from_millis(150)));
    let before = simulation.elapsed();
    assert!(get(socket, "/services").await.is_array());
    assert!(simulation.elapsed() - before >= Duration::from_millis(150));
    fault(FaultKind::DropAfterEffect);
    let spec = ServiceConfig::replicated("db", 1, None, Load::idle())
        .spec
        .to_string();
    assert!(
        try_send(socket, "POST", "/services/create", spec)
            .await
            .is_err()
    );
    assert!(simulation.with(|world| world.engine().service("db").is_some()));
}
