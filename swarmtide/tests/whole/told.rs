//! Pauses, candidates, and what people are told, over the API of a whole sidecar.

use std::time::Duration;

use serde_json::{Value, json};
use swarmtide::client;

use crate::rig::{PATIENCE, Rig, load, web, world};

/// Asks until the answer is as it should be.
async fn until(rig: &Rig, path: &str, what: &str, done: impl Fn(&Value) -> bool) -> Value {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let (_, answer) = rig.get(path).await;
        if done(&answer) {
            return answer;
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "never {what}: {answer:#}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_is_kept_and_ends_when_told() {
    let mut rig = Rig::start(world(web(0.5))).await;
    rig.until_held("within_band").await;
    let path = "/v1/services/web/pause";
    let pause = json!({"direction": "up", "until": "2027-05-01T00:00:00Z"}).to_string();
    let until_2027 = json!({"up_until": "2027-05-01T00:00:00Z"});
    assert_eq!(rig.put(path, &pause).await, (200, until_2027.clone()));
    rig.simulation
        .with(|world| world.set_load("web", load(1.4)));
    rig.until_held("paused").await;
    rig.restart_sidecar().await;
    rig.until_held("paused").await;
    assert_eq!(rig.get(path).await, (200, until_2027));
    assert_eq!(rig.replicas(), 2, "it would have grown");
    for body in [
        r#"{"direction": "up", "until": "1999-01-01T00:00:00Z"}"#,
        r#"{"direction": "up"}"#,
        r#"{"direction": "sideways", "until": "2027-05-01T00:00:00Z"}"#,
    ] {
        let (status, problem) = rig.put(path, body).await;
        assert!((400..500).contains(&status), "{body}: {problem}");
    }
    let (status, body) = client::delete(&rig.url, "/v1/services/web/pause", None)
        .await
        .unwrap();
    assert_eq!((status, body.as_slice()), (200, b"{}".as_slice()));
    rig.until("growth", |world| crate::rig::replicas(world) > 2)
        .await;
    let told = until(&rig, "/v1/journal?event=paused", "told", |lines| {
        lines[0]["service"] == "web"
    })
    .await;
    assert_eq!(told.as_array().unwrap().len(), 1);
    until(&rig, "/v1/journal?event=scaled&limit=1", "told", |lines| {
        lines[0]["from"] == 2
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn candidates_of_a_file_and_of_a_label_are_shown_with_metrics() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("roomy.toml");
    std::fs::write(&file, "[labels]\nmin = \"5\"\n").unwrap();
    let service = web(0.5).label("swarmtide.shadow.tight", "max = 2");
    let rig = Rig::start_with(world(service), |config| {
        config.shadow.candidates = vec![file];
    })
    .await;
    let shadows = until(&rig, "/v1/services/web/shadows", "shown", |shadows| {
        shadows[0]["replicas"] == 5 && shadows[1]["replicas"] == 2
    })
    .await;
    assert_eq!(
        (&shadows[0]["candidate"], &shadows[1]["candidate"]),
        (&"roomy".into(), &"tight".into())
    );
    assert_eq!(rig.replicas(), 2, "nothing that they decide is written");
    let (_, metrics) = rig.get("/metrics").await;
    let metrics = metrics.as_str().unwrap();
    for line in [
        "swarmtide_shadow_replicas{service=\"web\",candidate=\"roomy\"} 5",
        "swarmtide_node_pool{state=\"needed\"} 0",
        "swarmtide_journal_events_total{result=\"dropped\"} 0",
    ] {
        assert!(metrics.contains(line), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn decisions_come_in_pages() {
    let rig = Rig::start(world(web(0.5))).await;
    rig.until_held("within_band").await;
    let path = "/v1/services/web/decisions";
    let (_, all) = rig.get(path).await;
    let all = all.as_array().unwrap().clone();
    assert!(all.len() >= 2, "{all:?}");
    let (_, first) = rig.get(&format!("{path}?limit=1")).await;
    assert_eq!(first[0]["tick"], all[0]["tick"]);
    let tick = &all[0]["tick"];
    let (_, second) = rig.get(&format!("{path}?limit=1&before={tick}")).await;
    assert_eq!(second[0]["tick"], all[1]["tick"]);
    let at = &all[1]["first_unix_ms"];
    let (_, older) = rig.get(&format!("{path}?to_unix_ms={at}")).await;
    assert!(older.as_array().unwrap().len() < all.len());
    let (_, newer) = rig
        .get(&format!("{path}?from_unix_ms=99999999999999"))
        .await;
    assert_eq!(newer, json!([]));
}
