//! sFlow-RT's questions, asked of a sidecar on a simulated swarm.

use std::time::Duration;

use serde_json::Value;
use swarmtide::client;

use crate::rig::{PATIENCE, Rig, web, world};

/// Waits until both replicas have rates.
async fn settled() -> Rig {
    let rig = Rig::start(world(web(0.5))).await;
    rig.until_held("within_band").await;
    rig
}

#[tokio::test(flavor = "multi_thread")]
async fn the_origins_question_is_answered_as_the_origin_was() {
    let rig = settled().await;
    let (status, answer) = rig
        .get("/metric/ALL/avg:vir_cpu_utilization/json?vir_host_name=web%5C.*")
        .await;
    assert_eq!(status, 200, "{answer}");
    let one = &answer[0];
    assert_eq!(one["metricName"], "avg:vir_cpu_utilization");
    assert_eq!(one["metricN"], 2, "one for each replica: {one}");
    let value = one["metricValue"].as_f64().unwrap();
    assert!(
        (20.0..30.0).contains(&value),
        "a quarter of a core each: {one}"
    );
    assert!(one["lastUpdateMin"].as_u64() <= one["lastUpdateMax"].as_u64());
    assert!(
        one["agent"].is_null() && one["dataSource"].is_null(),
        "{one}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_metrics_and_dumps() {
    let rig = settled().await;
    let (_, agents) = rig.get("/agents/json").await;
    let agents = agents.as_object().unwrap();
    assert_eq!(agents.len(), 3, "{agents:?}");
    let (address, agent) = agents.iter().next().unwrap();
    assert!(
        agent["sFlowDatagramsReceived"].as_u64() > Some(0),
        "{agent}"
    );
    assert_eq!(agent["sFlowDatagramsLost"], 0);
    let (_, one) = rig.get(&format!("/agents/json?agent={address}")).await;
    assert_eq!(one.as_object().unwrap().len(), 1);

    let (_, metrics) = rig.get("/metrics/json").await;
    for name in ["load_one", "vir_cpu_utilization", "host_name", "vir_uuid"] {
        assert!(
            metrics[name].as_u64().is_some_and(|age| age < 30_000),
            "{name}: {metrics}"
        );
    }

    let (_, all) = rig.get(&format!("/metric/{address}/json")).await;
    let name = all["2.1.host_name"].as_str().unwrap().to_owned();
    assert!(all["2.1.cpu_num"].as_f64() > Some(0.0), "{all}");
    let (_, by_name) = rig
        .get(&format!(
            "/metric/{name}/any:2.1.host_name,min:cpu_num/json"
        ))
        .await;
    assert_eq!(by_name[0]["metricValue"], name.as_str(), "{by_name}");
    assert_eq!(by_name[1]["dataSource"], "2.1");
    assert_eq!(by_name[1]["agent"], address.as_str());

    let (_, dump) = rig.get("/dump/ALL/vir_host_name;vir_cpu_cores/json").await;
    let dump = dump.as_array().unwrap();
    assert_eq!(dump.len(), 4, "two metrics of two containers: {dump:?}");
    let source = dump[0]["dataSource"].as_str().unwrap();
    assert!(source.starts_with("3."), "{dump:?}");
    let (_, prefixed) = rig
        .get(&format!("/metric/ALL/{source}.vir_host_name/json"))
        .await;
    assert!(prefixed[0]["metricN"].as_u64() > Some(0), "{prefixed}");

    let (_, version) = rig.get("/version").await;
    assert!(
        version.as_str().unwrap().starts_with("swarmtide-"),
        "{version}"
    );
}

async fn count(rig: &Rig, query: &str) -> u64 {
    let (status, answer) = rig.get(query).await;
    assert_eq!(status, 200, "{query}: {answer}");
    answer[0]["metricN"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_are_over_containers_and_their_hosts() {
    let rig = settled().await;
    let (_, hosts) = rig.get("/dump/ALL/host_name/json").await;
    let hosts: Vec<&Value> = hosts.as_array().unwrap().iter().collect();
    assert_eq!(hosts.len(), 3);
    for (query, expected) in [
        ("/metric/ALL/load_one/json", 3),
        ("/metric/ALL/load_one/json?host_name=w*", 2),
        ("/metric/ALL/load_one/json?host_name=w1&host_name=m1", 2),
        ("/metric/ALL/load_one/json?os_name=linux", 3),
        ("/metric/ALL/load_one/json?os_name=windows", 0),
        ("/metric/ALL/load_one/json?host_name=w*&os_name=windows", 0),
        (
            "/metric/ALL/sum:vir_cpu_cores/json?vir_host_name=web.*&_=123",
            2,
        ),
        (
            "/metric/ALL/sum:vir_cpu_cores/json?vir_host_name=nothing*",
            0,
        ),
        ("/metric/m1;w1;w2/sum:vir_cpu_cores/json", 2),
        ("/metric/nobody/load_one/json", 0),
        ("/metric/ALL/ifinoctets/json", 0),
    ] {
        assert_eq!(count(&rig, query).await, expected, "{query}");
    }
    let mut on_hosts = 0;
    for host in ["m1", "w1", "w2"] {
        let query = format!("/metric/ALL/vir_cpu_cores/json?host_name={host}");
        on_hosts += count(&rig, &query).await;
    }
    assert_eq!(on_hosts, 2, "a container has its host's name too");
    let with_web = count(&rig, "/metric/ALL/load_one/json?vir_host_name=web.*").await;
    assert!((1..=2).contains(&with_web), "hosts that run it: {with_web}");

    for (query, words) in [
        ("/metric/ALL/mean:load_one/json", "mean"),
        ("/metric/ALL/load_one/json?hostname=w1", "hostname"),
        ("/metric/ALL/,/json", "no metric"),
    ] {
        let (status, problem) = rig.get(query).await;
        assert_eq!(status, 400, "{query}: {problem}");
        assert!(
            problem["detail"].as_str().unwrap().contains(words),
            "{problem}"
        );
    }
    assert_eq!(rig.get("/metric/nobody/json").await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_script_switches_only_where_that_is_switched_on() {
    let off = Rig::start(world(web(0.5))).await;
    let (status, problem) = off.get("/script/elb.js/json?state=disabled").await;
    assert_eq!(status, 404, "{problem}");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("sflow_rt.toggle")
    );

    let rig = Rig::start_with(world(web(0.5)), |config| config.sflow_rt.toggle = true).await;
    let (_, state) = rig.get("/script/elb.js/json").await;
    assert_eq!(state, serde_json::json!({"state": "enabled"}));
    let (_, state) = rig.get("/script/elb.js/json?state=disabled").await;
    assert_eq!(state, serde_json::json!({"state": "disabled"}));
    let (_, state) = rig.get("/v1/state").await;
    assert_eq!(state["state"], "disabled");
    assert_eq!(rig.get("/script/elb.js/json?state=on").await.0, 400);
    let (_, state) = rig.get("/script/elb.js/json?state=enabled").await;
    assert_eq!(state, serde_json::json!({"state": "enabled"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_script_needs_the_token_that_writes_need() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "0123456789abcdef\n").unwrap();
    let rig = Rig::start_with(world(web(0.5)), |config| {
        config.sflow_rt.toggle = true;
        config.http.token_file = Some(file.clone());
    })
    .await;
    let path = "/script/elb.js/json?state=disabled";
    assert_eq!(rig.get(path).await.0, 401);
    let (status, _) = client::get_with(&rig.url, path, Some("0123456789abcdef"))
        .await
        .unwrap();
    assert_eq!(status, 200);
    assert_eq!(rig.get("/v1/state").await.1["state"], "disabled");
}

#[tokio::test(flavor = "multi_thread")]
async fn containers_have_series_where_that_is_asked_for_and_no_more_than_allowed() {
    let off = settled().await;
    let (_, text) = off.get("/metrics").await;
    assert!(!text.as_str().unwrap().contains("swarmtide_container_"));

    let rig = Rig::start_with(world(web(0.5)), |config| config.metrics.containers = true).await;
    rig.until_held("within_band").await;
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let text = loop {
        let (_, text) = rig.get("/metrics").await;
        let text = text.as_str().unwrap().to_owned();
        if text
            .matches("swarmtide_container_cpu_cores{service=\"web\",task=\"web.")
            .count()
            == 2
        {
            break text;
        }
        assert!(tokio::time::Instant::now() < deadline, "{text}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert!(
        text.contains("swarmtide_container_cpu_cores{service=\"web\",task=\"web.1\",node=\""),
        "{text}"
    );
    assert!(
        text.contains("swarmtide_container_series_dropped 0\n"),
        "{text}"
    );

    let capped = Rig::start_with(world(web(0.5)), |config| {
        config.metrics.containers = true;
        config.metrics.containers_max = 1;
    })
    .await;
    capped.until_held("within_band").await;
    let (_, text) = capped.get("/metrics").await;
    let text = text.as_str().unwrap();
    assert_eq!(
        text.matches("swarmtide_container_cpu_cores{").count(),
        1,
        "{text}"
    );
    assert!(
        text.contains("swarmtide_container_series_dropped 10\n"),
        "{text}"
    );
}
