//! What the demo has to show besides scaling: who talks to whom, and a replica that is sick.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "support/demo.rs"]
mod support;

use std::{process::Command, time::Duration};

use serde_json::Value;
use support::Demo;
use swarmtide::client;
use tokio::time::{Instant, sleep};

/// Long enough on a slow machine; nothing waits for it when all is well.
const PATIENCE: Duration = Duration::from_secs(180);

/// Asks until what it says will do.
async fn until(demo: &Demo, path: &str, says: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = client::get(&demo.url, path).await;
        let answer = answer.ok().filter(|(status, _)| *status == 200);
        let answer = answer.map_or(Value::Null, |(_, body)| {
            serde_json::from_slice(&body).unwrap()
        });
        if says(&answer) {
            return answer;
        }
        assert!(Instant::now() < deadline, "{path}: {answer:#}");
        sleep(Duration::from_millis(300)).await;
    }
}

fn list<'a>(answer: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    answer[key].as_array().into_iter().flatten()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_has_talkers_and_a_replica_that_is_sick() {
    let demo = Demo::start(|_| true);
    // Services on both ends, each way, and somebody outside.
    let talk = |answer: &Value, from: &str, to: &str| {
        list(answer, "talkers").any(|row| {
            let is = |end: &Value, name: &str| match name {
                "" => end["kind"] == "external",
                name => end["kind"] == "service" && end["name"] == name,
            };
            is(&row["source"], from) && is(&row["destination"], to) && row["port"] == 8080
        })
    };
    let pairs = [
        ("web", "api"),
        ("api", "web"),
        ("api", "worker"),
        ("worker", "api"),
        ("web", "worker"),
        ("", "web"),
        ("web", ""),
    ];
    let talkers = until(&demo, "/v1/talkers?limit=100", |answer| {
        pairs.iter().all(|(from, to)| talk(answer, from, to))
    })
    .await;
    assert_eq!(talkers["sampling_agents"], 3);
    let sum: f64 = list(&talkers, "talkers")
        .map(|row| row["bytes_per_second"].as_f64().unwrap())
        .sum();
    let all = talkers["bytes_per_second"].as_f64().unwrap();
    assert!((sum / all - 1.0).abs() < 1e-6, "{sum} of {all}");

    let sick = |answer: &Value| {
        let mut outliers =
            list(answer, "replicas").filter(|replica| replica["outlier"].is_object());
        outliers.next().cloned()
    };
    let replicas = until(&demo, "/v1/services/worker/replicas", |answer| {
        sick(answer).is_some_and(|replica| replica["outlier"]["quarantined"] == true)
    })
    .await;
    let replica = sick(&replicas).unwrap();
    assert_eq!(replica["slot"], 2);
    assert_eq!(replica["outlier"]["kind"], "cpu_per_byte");
    let words = replica["outlier"]["words"].as_str().unwrap();
    assert!(words.contains("s of CPU for each MB of traffic"), "{words}");
    // It loses its clients, and stays told as what it was.
    until(&demo, "/v1/services/worker/replicas", |answer| {
        sick(answer).is_some_and(|replica| {
            replica["outlier"]["quarantined"] == true
                && replica["bytes_in"]
                    .as_f64()
                    .is_some_and(|bytes| bytes < 1000.0)
        })
    })
    .await;
    let ask = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_swarmtide"))
            .args(arguments)
            .args(["--url", &demo.url])
            .output();
        String::from_utf8_lossy(&output.unwrap().stdout).into_owned()
    };
    for arguments in [&["why", "worker"][..], &["top"][..]] {
        let text = ask(arguments);
        assert!(text.contains("it is in quarantine"), "{text}");
    }
}
