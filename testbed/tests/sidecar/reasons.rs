//! What a person on call reads when something is wrong with telemetry, nodes or rollouts: the right reason in the decision records,
//! from `swarmtide why` and in the journal; and nothing shrinks meanwhile, however idle what still reports looks.

use std::{net::SocketAddr, time::Duration};

use serde_json::Value;
use testbed::{Agent, Swarm};

use crate::{
    closed_loop,
    process::{PATIENCE, Sidecar},
    scaling::{CONTENT, at_five, replicas, until_replicas},
};

/// Work that leaves every replica idle.
const IDLE: f64 = 0.01;

/// What a record says of a decision to change replicas: from, to, and how many replicas reported of how many.
fn shrinks(sidecar: &Sidecar, name: &str) -> Vec<Value> {
    let records = sidecar.decisions(name).into_iter();
    records
        .filter(|record| {
            let decision = &record["decision"];
            decision["action"] == "scale" && decision["to"].as_u64() < decision["from"].as_u64()
        })
        .collect()
}

/// Nothing shrank but on complete telemetry of all the replicas that were asked for.
#[track_caller]
fn assert_shrank_with_open_eyes(sidecar: &Sidecar, name: &str) {
    let shrinks = shrinks(sidecar, name);
    assert!(!shrinks.is_empty(), "{:#?}", sidecar.decisions(name));
    for record in shrinks {
        let (replicas, reading) = (&record["replicas"], &record["readings"][0]);
        assert_eq!(
            (
                &record["serving"],
                &reading["reporting"],
                &reading["expected"]
            ),
            (replicas, replicas, replicas),
            "{record:#}"
        );
    }
}

/// Idle replicas on one worker: the scaler would take two of four away.
fn create_idle(swarm: &Swarm, name: &str, node: &str) {
    let constraint = format!("node.hostname=={node}");
    let arguments = [
        "--name",
        name,
        "--replicas",
        "4",
        "--limit-cpu",
        "0.2",
        "--constraint",
        &constraint,
        "--label",
        "swarmtide.enable=true",
        "--label",
        "swarmtide.min=2",
        "testbed/web:1",
    ];
    swarm.create_service(&arguments).unwrap();
}

/// Replicas of which telemetry has fresh counters, by the averages that it gives.
fn reporting(sidecar: &Sidecar, name: &str) -> Option<u64> {
    sidecar.service(name)["metrics"]["cpu_of_limit"]["count"].as_u64()
}

#[test]
fn the_service_whose_agent_died_is_left_alone_and_says_so_while_others_are_scaled() {
    let swarm = Swarm::shared().unwrap();
    swarm.remove_services().unwrap();
    create_idle(&swarm, "deaf", "w1");
    create_idle(&swarm, "heard", "w2");
    let collector =
        SocketAddr::from((swarm.host_ip(), closed_loop::free_udp_port(swarm.host_ip())));
    let agent = |node| Agent::on_node(&swarm, node, &[collector], &[]).unwrap();
    let (host, listen) = (
        format!("unix://{}", swarm.socket("m1").display()),
        collector.to_string(),
    );
    let sidecar = Sidecar::start_with(&[
        ("DOCKER_HOST", &host),
        ("SWARMTIDE_COLLECTOR_LISTEN", &listen),
        ("SWARMTIDE_SCALER_STATE", "disabled"),
        ("SWARMTIDE_SCALER_TELEMETRY_LOST_AFTER", "3s"),
    ]);
    let (first, _second) = (agent("w1"), agent("w2"));
    for name in ["deaf", "heard"] {
        testbed::wait_for(&format!("telemetry of {name}"), PATIENCE, || {
            (reporting(&sidecar, name) == Some(4)).then_some(())
        })
        .unwrap_or_else(|error| panic!("{error}\n{:#}", sidecar.service(name)));
    }

    drop(first);
    testbed::wait_for("the silence is noticed", PATIENCE, || {
        (reporting(&sidecar, "deaf") != Some(4)).then_some(())
    })
    .unwrap();
    sidecar.put("/v1/state", r#"{"state": "enabled"}"#);
    let gone = ["telemetry_missing", "telemetry_partial", "telemetry_stale"];
    let reason = sidecar.until_held("deaf", &gone);
    let lost = sidecar.until_told("deaf", "telemetry_lost");
    assert!(gone.contains(&lost["reason"].as_str().unwrap()), "{lost:#}");
    let heard = testbed::wait_for("the other service shrinks", PATIENCE, || {
        (replicas(&swarm, "m1", "heard") == 2).then_some(())
    });
    heard.unwrap_or_else(|error| panic!("{error}\n{:#}", sidecar.service("heard")));
    assert_eq!(replicas(&swarm, "m1", "deaf"), 4, "it shrank in silence");
    assert_eq!(shrinks(&sidecar, "deaf"), [Value::Null; 0]);
    assert_eq!(sidecar.journal("heard", "telemetry_lost"), [Value::Null; 0]);
    let said = sidecar.why(&["deaf"]);
    assert!(
        said.starts_with("Held at 4 replicas for ") && said.contains("report"),
        "{said}"
    );
    let record = sidecar.decision("deaf", &reason);
    let reading = &record["readings"][0];
    assert!(
        reading["reporting"].as_u64() < reading["expected"].as_u64(),
        "{record:#}"
    );

    let _again = agent("w1");
    let back = testbed::wait_for("what was heard again shrinks", PATIENCE, || {
        (replicas(&swarm, "m1", "deaf") == 2).then_some(())
    });
    back.unwrap_or_else(|error| panic!("{error}\n{:#}", sidecar.service("deaf")));
    assert_shrank_with_open_eyes(&sidecar, "deaf");
    sidecar.until_told("deaf", "telemetry_back");
}

#[test]
fn a_node_that_dies_with_its_replicas_is_no_lack_of_load() {
    let swarm = Swarm::shared().unwrap();
    let workers = ["--constraint", "node.role==worker"];
    let (sidecar, telemetry) = at_five(&swarm, &workers);
    // Its tasks stay "running" for ever, but do not serve.
    swarm.kill("w2").unwrap();
    let doubtful = [
        "not_serving",
        "telemetry_partial",
        "nodes_unknown",
        "draining",
    ];
    let first = sidecar.until_held("web", &doubtful);
    // What is left has nothing to do, by its own counters.
    telemetry.set_cores(IDLE);
    assert_eq!(replicas(&swarm, "m1", "web"), 5);
    let at = sidecar.decision("web", &first)["first_unix_ms"]
        .as_u64()
        .unwrap();
    // All five serve on the node that is left before anything else happens; then there really is too much.
    until_replicas(&swarm, &sidecar, 2);
    assert_shrank_with_open_eyes(&sidecar, "web");
    let reasons = sidecar.reasons("web");
    assert!(
        reasons.iter().any(|reason| reason == "not_serving"),
        "{reasons:?}"
    );
    let at = jiff::Timestamp::from_millisecond(i64::try_from(at).unwrap()).unwrap();
    let said = sidecar.why(&["web", "--at", &at.to_string()]);
    assert!(said.contains("Held at 5 replicas"), "{said}");

    swarm.start_node("w2").unwrap();
    let state = ["node", "inspect", "--format", "{{.Status.State}}", "w2"];
    let is_ready = || swarm.docker("m1", &state).ok().filter(|s| s == "ready");
    testbed::wait_for("the node is back", PATIENCE, is_ready).unwrap();
}

/// The state of the service's rollout.
fn rollout(swarm: &Swarm) -> String {
    let format = "{{with .UpdateStatus}}{{.State}}{{end}}";
    let state = ["service", "inspect", "--format", format, "web"];
    swarm.docker("m1", &state).unwrap()
}

/// Waits for a state of the rollout while the service is idle; nothing may be written meanwhile.
fn until_rollout(swarm: &Swarm, wanted: &str) {
    testbed::wait_for(&format!("the rollout is {wanted}"), PATIENCE, || {
        let state = rollout(swarm);
        // In this order: a change of replicas after the end of the rollout is none of its business.
        let replicas = replicas(swarm, "m1", "web");
        if state == "updating" && rollout(swarm) == "updating" {
            assert_eq!(replicas, 5, "it wrote into a rollout");
        }
        (state == wanted).then_some(())
    })
    .unwrap();
}

#[test]
fn rollouts_are_left_alone_slow_ones_and_those_that_failed() {
    let swarm = Swarm::shared().unwrap();
    let slow = ["--update-monitor", "1s", "--update-delay", "1s"];
    let (sidecar, telemetry) = at_five(&swarm, &slow);
    let update = |more: &[&str]| {
        let mut arguments = vec!["service", "update", "--detach", "--quiet"];
        arguments.extend(more);
        arguments.push("web");
        swarm.docker("m1", &arguments).unwrap();
    };
    update(&["--env-add", "RELEASE=2"]);
    sidecar.until_held("web", &["rollout"]);
    telemetry.set_cores(IDLE);
    let record = sidecar.decision("web", "rollout");
    assert_eq!(record["decision"]["state"], "updating", "{record:#}");
    assert!(
        sidecar
            .why(&["web"])
            .contains("a rollout is running, and a change of replicas would interfere with it")
    );
    assert_eq!(sidecar.until_told("web", "held")["reason"], "rollout");
    until_rollout(&swarm, "completed");
    until_replicas(&swarm, &sidecar, 2);
    assert_shrank_with_open_eyes(&sidecar, "web");

    // A change of replicas would resume the bad release and kill what is left of the good one.
    telemetry.set_cores(1.5);
    until_replicas(&swarm, &sidecar, 5);
    sidecar.until_held("web", &CONTENT);
    let before = shrinks(&sidecar, "web").len();
    update(&["--args", "fail"]);
    until_rollout(&swarm, "paused");
    telemetry.set_cores(IDLE);
    testbed::wait_for("the pause in the record", PATIENCE, || {
        let service = sidecar.service("web");
        let record = &service["decisions"][0];
        (record["decision"]["state"] == "paused").then_some(())
    })
    .unwrap_or_else(|error| panic!("{error}\n{:#}", sidecar.service("web")));
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(
        (replicas(&swarm, "m1", "web"), rollout(&swarm).as_str()),
        (5, "paused")
    );
    assert_eq!(shrinks(&sidecar, "web").len(), before);
    let said = sidecar.why(&["web"]);
    assert!(
        said.contains("a rollout is paused") && said.contains("A person has to finish it"),
        "{said}"
    );
}
