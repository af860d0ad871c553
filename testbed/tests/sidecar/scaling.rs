//! Up, down, and what must hold it, on one manager and two workers.

use std::{process::Command, time::Duration};

use serde_json::Value;
use testbed::Swarm;

use crate::{
    process::{PATIENCE, Sidecar},
    telemetry::Telemetry,
};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

pub(crate) const LABELS: [&str; 10] = [
    "--label",
    "swarmtide.enable=true",
    "--label",
    "swarmtide.min=2",
    "--label",
    "swarmtide.max=5",
    "--label",
    "swarmtide.lb.vip=10.30.0.1",
    "--label",
    "swarmtide.lb.port=80",
];

/// A service of two replicas that opted in.
pub(crate) fn create_web(swarm: &Swarm, more: &[&str]) {
    let mut arguments = vec![
        "--name",
        "web",
        "--replicas",
        "2",
        "--limit-cpu",
        "0.5",
        "--restart-delay",
        "1s",
        "--publish",
        "mode=host,target=8080",
    ];
    arguments.extend(LABELS);
    arguments.extend(more);
    arguments.push("testbed/web:1");
    swarm.create_service(&arguments).unwrap();
}

pub(crate) fn spec(swarm: &Swarm, node: &str, name: &str) -> Value {
    let text = swarm
        .docker(
            node,
            &["service", "inspect", "--format", "{{json .Spec}}", name],
        )
        .unwrap();
    serde_json::from_str(&text).unwrap()
}

pub(crate) fn replicas(swarm: &Swarm, node: &str, name: &str) -> u64 {
    spec(swarm, node, name)["Mode"]["Replicated"]["Replicas"]
        .as_u64()
        .unwrap()
}

pub(crate) fn until_replicas(swarm: &Swarm, sidecar: &Sidecar, count: u64) {
    let reached = testbed::wait_for(&format!("{count} replicas"), PATIENCE, || {
        (replicas(swarm, "m1", "web") == count).then_some(())
    });
    reached.unwrap_or_else(|error| panic!("{error}\n{:#}", sidecar.service("web")));
}

fn running_tasks(swarm: &Swarm, name: &str) -> Vec<String> {
    let filter = [
        "service",
        "ps",
        "--filter",
        "desired-state=running",
        "--format",
        "{{.ID}}",
        name,
    ];
    let mut tasks: Vec<_> = swarm
        .docker("m1", &filter)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    tasks.sort();
    tasks
}

#[test]
fn replicas_follow_telemetry_up_and_down_and_nothing_else_changes() {
    let swarm = Swarm::shared().unwrap();
    swarm.remove_services().unwrap();
    swarm.create_every_option_service("web").unwrap();
    let labels = [
        "swarmtide.enable=true",
        "swarmtide.min=2",
        "swarmtide.max=4",
        "swarmtide.lb.vip=10.30.0.1",
        "swarmtide.lb.port=80",
    ];
    let mut update = vec!["service", "update", "--detach", "--quiet"];
    for label in &labels {
        update.extend(["--label-add", label]);
    }
    update.push("web");
    swarm.docker("m1", &update).unwrap();
    let before = spec(&swarm, "m1", "web");
    let sidecar = Sidecar::start(&swarm.socket("m1"));
    let telemetry = Telemetry::start(vec![swarm.socket("m1")], vec![sidecar.sflow], SECOND, 0.05);
    sidecar.until_held("web", &["at_minimum"]);
    let tasks = running_tasks(&swarm, "web");

    telemetry.set_cores(3.0);
    until_replicas(&swarm, &sidecar, 4);
    sidecar.until_held("web", &["at_maximum"]);
    let mut up = spec(&swarm, "m1", "web");
    assert_eq!(up["Mode"]["Replicated"]["Replicas"].take(), 4);
    let mut expected = before.clone();
    expected["Mode"]["Replicated"]["Replicas"].take();
    assert_eq!(up, expected, "something besides the replicas changed");
    let now = running_tasks(&swarm, "web");
    assert!(
        tasks.iter().all(|task| now.contains(task)),
        "a task was restarted: {tasks:?} {now:?}"
    );

    let backends = testbed::wait_for("four destinations", PATIENCE, || {
        let table = sidecar.get("/v1/backends");
        let destinations = table["virtual_services"][0]["destinations"]
            .as_array()?
            .clone();
        (destinations.len() == 4).then_some(destinations)
    });
    let backends = backends.unwrap();
    for destination in &backends {
        let url = format!(
            "http://{}:{}/",
            destination["address"].as_str().unwrap(),
            destination["port"]
        );
        let answered = Command::new("curl")
            .args(["-sf", "--max-time", "5", &url])
            .output()
            .unwrap();
        assert!(answered.status.success(), "{url} does not answer");
    }

    telemetry.set_cores(0.05);
    until_replicas(&swarm, &sidecar, 2);
    sidecar.until_held("web", &["at_minimum"]);
    let after = running_tasks(&swarm, "web");
    assert!(
        after.iter().all(|task| now.contains(task)),
        "a task was restarted: {now:?} {after:?}"
    );
    assert_eq!(spec(&swarm, "m1", "web"), before);
}

/// A loaded service at its maximum of five, whose telemetry is complete.
pub(crate) fn at_five(swarm: &Swarm, more: &[&str]) -> (Sidecar, Telemetry) {
    swarm.remove_services().unwrap();
    create_web(swarm, more);
    let sidecar = Sidecar::start(&swarm.socket("m1"));
    let telemetry = Telemetry::start(vec![swarm.socket("m1")], vec![sidecar.sflow], SECOND, 1.5);
    until_replicas(swarm, &sidecar, 5);
    sidecar.until_held("web", &CONTENT);
    (sidecar, telemetry)
}

/// Reasons for which a service with all that it needs is held.
pub(crate) const CONTENT: [&str; 3] = ["at_maximum", "within_band", "would_overshoot"];

#[test]
fn silence_is_not_idleness() {
    let swarm = Swarm::shared().unwrap();
    let (sidecar, telemetry) = at_five(&swarm, &[]);
    telemetry.set_silent(true);
    let silent = ["telemetry_missing", "telemetry_partial", "telemetry_stale"];
    sidecar.until_held("web", &silent);
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(replicas(&swarm, "m1", "web"), 5, "it shrank in silence");
    telemetry.set_silent(false);
    sidecar.until_held("web", &CONTENT);
}

#[test]
fn over_tls_and_switched_off_by_rest() {
    let swarm = Swarm::shared().unwrap();
    swarm.remove_services().unwrap();
    create_web(&swarm, &[]);
    let certificates = swarm.certificates().display().to_string();
    let sidecar = Sidecar::start_with(&[
        ("DOCKER_HOST", &swarm.tls_host("m1")),
        ("DOCKER_CERT_PATH", &certificates),
        ("DOCKER_TLS_VERIFY", "1"),
    ]);
    let telemetry = Telemetry::start(vec![swarm.socket("m1")], vec![sidecar.sflow], SECOND, 0.05);
    sidecar.until_held("web", &["at_minimum"]);
    sidecar.put("/v1/services/web/state", r#"{"state": "disabled"}"#);
    telemetry.set_cores(3.0);
    sidecar.until_held("web", &["disabled"]);
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(replicas(&swarm, "m1", "web"), 2);
    sidecar.put("/v1/services/web/state", r#"{"state": "enabled"}"#);
    until_replicas(&swarm, &sidecar, 5);
}
