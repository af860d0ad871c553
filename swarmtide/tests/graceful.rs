//! The built binary told to stop: `/ready` says no first, the write in hand is finished, the journal is whole, and it ends in time.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{
    fs,
    net::{SocketAddr, TcpListener, UdpSocket},
    os::unix::net::UnixDatagram,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use simulation::{
    Demand, Fault, FaultKind, Load, ServiceConfig, Simulation, SimulationConfig, WorldConfig,
};
use swarmtide::client;
use tokio::time::{Instant, sleep};

/// Long enough for anything here on a slow machine; nothing waits for it when all is well.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long the engine takes over the write that is in hand when the signal comes.
const SLOW: Duration = Duration::from_secs(4);

fn free_tcp() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

fn free_udp() -> SocketAddr {
    UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

fn swarmtide(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_swarmtide"));
    command
        .args(arguments)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command
}

/// A sidecar that is quick, on that engine.
fn sidecar(folder: &Path, http: SocketAddr, sflow: SocketAddr) -> Command {
    let mut command = swarmtide(&["run"]);
    command
        .env("SWARMTIDE_HTTP_LISTEN", http.to_string())
        .env("SWARMTIDE_COLLECTOR_LISTEN", sflow.to_string())
        .env("SWARMTIDE_COLLECTOR_POLLING", "600ms")
        .env("SWARMTIDE_ENGINE_INTERVAL", "100ms")
        .env("SWARMTIDE_ENGINE_TIMEOUT", "10s")
        .env("SWARMTIDE_SCALER_INTERVAL", "250ms")
        .env("SWARMTIDE_STATE_DIRECTORY", folder.join("state"))
        .env(
            "DOCKER_HOST",
            format!("unix://{}/docker.sock", folder.display()),
        )
        .stderr(fs::File::create(folder.join("log")).unwrap());
    command
}

/// A swarm whose one service needs more than it has.
async fn swarm(folder: &Path, sflow: SocketAddr) -> Simulation {
    let load = Load::Constant(Demand::new(2.0, 2e6));
    let web = ServiceConfig::replicated("web", 2, Some(0.5), load)
        .label("swarmtide.enable", "true")
        .label("swarmtide.min", "2")
        .label("swarmtide.max", "6")
        .label("swarmtide.cooldown", "1s");
    let mut world = WorldConfig::new(7, 2).service(web);
    world.agent.interval = Duration::from_millis(600);
    world.agent.first_sample_min = Duration::from_millis(300);
    world.agent.first_sample_max = Duration::from_millis(600);
    world.timing.start_delay = Duration::from_millis(300);
    Simulation::start(SimulationConfig::new(folder, Some(sflow), world))
        .await
        .unwrap()
}

async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "never happened: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}

fn terminate(child: &Child) {
    let status = Command::new("sh")
        .args(["-c", &format!("kill -s TERM {}", child.id())])
        .status();
    assert!(status.unwrap().success());
}

async fn code(child: &mut Child) -> Option<i32> {
    until("the end of the process", async || child.try_wait().unwrap())
        .await
        .code()
}

/// Waits until the engine has been asked to change replicas, or has done so.
async fn until_post(simulation: &Simulation) {
    until("a change of replicas", async || {
        let posts = simulation.with(|world| world.engine().posts().count());
        (posts > 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_write_in_hand_is_finished_while_ready_says_no() {
    let folder = tempfile::tempdir().unwrap();
    let (http, sflow) = (free_tcp(), free_udp());
    let simulation = swarm(folder.path(), sflow).await;
    let url = format!("http://{http}");
    // The answer comes late, so that the signal meets the write between its effect and its answer.
    simulation.with(|world| {
        world.set_faults(vec![
            Fault::always(FaultKind::Latency(SLOW)).on("/services/"),
        ]);
    });
    let mut child = sidecar(folder.path(), http, sflow).spawn().unwrap();
    let asked = until("a write in hand", async || {
        let (_, body) = client::get(&url, "/v1/services/web").await.ok()?;
        let service: serde_json::Value = serde_json::from_slice(&body).ok()?;
        (service["hold"] == "write_pending").then(Instant::now)
    })
    .await;
    terminate(&child);
    let refused = until("no on /ready", async || {
        let (status, body) = client::get(&url, "/ready").await.ok()?;
        let text = String::from_utf8_lossy(&body).into_owned();
        (status == 503 && text.contains("stopping")).then_some(text)
    })
    .await;
    assert!(
        child.try_wait().unwrap().is_none(),
        "it left the write: {refused}"
    );
    assert_eq!(code(&mut child).await, Some(0), "{:?}", log(folder.path()));
    assert!(asked.elapsed() < Duration::from_secs(25));
    until_post(&simulation).await;
    let (replicas, posts, unharmed) = simulation.with(|world| {
        let engine = world.engine();
        let service = engine.service("web").unwrap();
        (
            service.replicas(),
            engine.posts().count(),
            engine.harm().is_none(),
        )
    });
    assert!(replicas > Some(2) && posts == 1, "{replicas:?} {posts}");
    assert!(unharmed);
    let journal = fs::read_to_string(folder.path().join("state/journal/journal.jsonl")).unwrap();
    let told = journal
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .any(|event| event.to_string().contains("scaled"));
    assert!(told, "{journal}");
}

fn log(folder: &Path) -> String {
    fs::read_to_string(folder.join("log")).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_is_never_answered_does_not_keep_it() {
    let folder = tempfile::tempdir().unwrap();
    let (http, sflow) = (free_tcp(), free_udp());
    let simulation = swarm(folder.path(), sflow).await;
    simulation.with(|world| {
        world.set_faults(vec![Fault::always(FaultKind::Hang).on("/services/")]);
    });
    let url = format!("http://{http}");
    let mut command = sidecar(folder.path(), http, sflow);
    command.env("SWARMTIDE_ENGINE_TIMEOUT", "120s");
    let mut child = command.spawn().unwrap();
    until("a write in hand", async || {
        let (_, body) = client::get(&url, "/v1/services/web").await.ok()?;
        let service: serde_json::Value = serde_json::from_slice(&body).ok()?;
        (service["hold"] == "write_pending").then_some(())
    })
    .await;
    terminate(&child);
    let begin = Instant::now();
    // It is bounded by its own deadlines, which are shorter than that of a stack or unit.
    assert_eq!(code(&mut child).await, Some(0), "{:?}", log(folder.path()));
    assert!(begin.elapsed() < Duration::from_secs(25));
    assert!(
        log(folder.path()).contains("still unanswered"),
        "{:?}",
        log(folder.path())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_manager_hears_of_each_part_of_its_life_and_a_second_signal_ends_the_wait() {
    let folder = tempfile::tempdir().unwrap();
    let (http, sflow) = (free_tcp(), free_udp());
    let simulation = swarm(folder.path(), sflow).await;
    simulation.with(|world| {
        world.set_faults(vec![Fault::always(FaultKind::Hang).on("/services/")]);
    });
    let ear = UnixDatagram::bind(folder.path().join("notify")).unwrap();
    ear.set_read_timeout(Some(PATIENCE)).unwrap();
    let heard = |expected: &str| loop {
        let mut bytes = [0; 64];
        let length = ear.recv(&mut bytes).unwrap();
        let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
        if text == expected {
            return;
        }
        assert_eq!(text, "WATCHDOG=1", "while waiting for {expected}");
    };
    let mut command = sidecar(folder.path(), http, sflow);
    command
        .env("SWARMTIDE_ENGINE_TIMEOUT", "120s")
        .env("NOTIFY_SOCKET", folder.path().join("notify"))
        .env("WATCHDOG_USEC", "200000");
    let mut child = command.spawn().unwrap();
    tokio::task::block_in_place(|| {
        heard("READY=1");
        heard("WATCHDOG=1");
    });
    let url = format!("http://{http}");
    until("a write in hand", async || {
        let (_, body) = client::get(&url, "/v1/services/web").await.ok()?;
        let service: serde_json::Value = serde_json::from_slice(&body).ok()?;
        (service["hold"] == "write_pending").then_some(())
    })
    .await;
    terminate(&child);
    tokio::task::block_in_place(|| heard("STOPPING=1"));
    // The first signal once more, as `timeout` sends it to a program and to its group.
    terminate(&child);
    sleep(Duration::from_millis(800)).await;
    assert_eq!(child.try_wait().unwrap(), None);
    terminate(&child);
    assert_eq!(code(&mut child).await, Some(1));
    assert!(
        log(folder.path()).contains("a second signal"),
        "{}",
        log(folder.path())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_balancer_node_says_no_first_and_leaves_its_memory_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (http, sflow) = (free_tcp(), free_udp());
    let simulation = swarm(folder.path(), sflow).await;
    let mut child = swarmtide(&["lbsync"])
        .env("SWARMTIDE_HTTP_LISTEN", http.to_string())
        .env(
            "SWARMTIDE_LBSYNC_STATE_FILE",
            folder.path().join("lbsync.json"),
        )
        .env(
            "DOCKER_HOST",
            format!("unix://{}/docker.sock", folder.path().display()),
        )
        .stderr(fs::File::create(folder.path().join("log")).unwrap())
        .spawn()
        .unwrap();
    let url = format!("http://{http}");
    until("a balancer that is ready", async || {
        let (status, _) = client::get(&url, "/ready").await.ok()?;
        (status == 200).then_some(())
    })
    .await;
    terminate(&child);
    assert_eq!(code(&mut child).await, Some(0));
    let log = log(folder.path());
    assert!(log.contains("the table stays"), "{log}");
    drop(simulation);
}
