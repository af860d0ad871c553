//! The API as its users meet it: documents, problems, metrics, tokens.

use serde_json::Value;
use swarmtide::{client, config::Listen};

use crate::rig::{Rig, load, web, world};

#[tokio::test(flavor = "multi_thread")]
async fn every_get_answers_and_problems_are_documents() {
    let rig = Rig::start(world(web(0.5))).await;
    rig.until_held("within_band").await;
    for path in [
        "/",
        "/live",
        "/ready",
        "/v1/services",
        "/v1/services/web",
        "/v1/services/web/decisions",
        "/v1/services/web/state",
        "/v1/services/web/pause",
        "/v1/services/web/shadows",
        "/v1/journal",
        "/v1/journal?service=web&limit=5",
        "/v1/state",
        "/v1/agents",
        "/v1/backends",
        "/v1/metrics/web",
        "/v1/metrics/web?metric=vir_cpu_utilization&statistic=p95",
        "/v1/openapi.json",
    ] {
        let (status, body) = rig.get(path).await;
        assert_eq!(status, 200, "{path}: {body}");
    }
    for (path, expected) in [
        ("/nope", 404),
        ("/v1/services/nope", 404),
        ("/v1/services/%FF", 400),
        ("/v1/metrics/nope", 404),
        ("/v1/metrics/web?statistic=mode", 400),
        ("/v1/metrics/web?metric=nope", 400),
        ("/v1/services/web/decisions?at_unix_ms=x", 400),
        ("/v1/services/nope/shadows", 404),
        ("/v1/journal?event=nope", 400),
        ("/v1/journal?limit=0", 400),
    ] {
        let (status, body) = rig.get(path).await;
        assert_eq!(
            (status, &body["status"]),
            (expected, &expected.into()),
            "{path}: {body}"
        );
        assert!(
            body["detail"]
                .as_str()
                .is_some_and(|detail| !detail.is_empty()),
            "{path}: {body}"
        );
    }
    for body in [
        "",
        "{",
        "{}",
        r#"{"state": "on"}"#,
        r#"{"state": "enabled", "more": 1}"#,
    ] {
        let (status, problem) = rig.put("/v1/state", body).await;
        assert!((400..500).contains(&status), "{body:?}: {problem}");
        assert_eq!(problem["status"], status, "{body:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_of_a_service_are_right() {
    let rig = Rig::start(world(web(0.5))).await;
    rig.until_held("within_band").await;
    let (_, answer) = rig
        .get("/v1/metrics/web?metric=vir_cpu_utilization,vir_cpu_of_limit&statistic=avg")
        .await;
    assert_eq!(answer[0]["data_sources"], 2, "{answer}");
    let utilization = answer[0]["value"].as_f64().unwrap();
    assert!(
        (20.0..30.0).contains(&utilization),
        "a quarter of a core each: {answer}"
    );
    assert!(
        (0.4..0.6).contains(&answer[1]["value"].as_f64().unwrap()),
        "half of the limit: {answer}"
    );

    let (_, answer) = rig
        .get("/v1/metrics?name=web.*&metric=vir_cpu_utilization&statistic=count")
        .await;
    assert_eq!(answer[0]["value"], 2.0, "{answer}");
    let (_, answer) = rig.get("/v1/metrics?metric=cpu_num&statistic=sum").await;
    assert_eq!(
        (&answer[0]["value"], &answer[0]["data_sources"]),
        (&24.0.into(), &3.into()),
        "{answer}"
    );
    let (_, answer) = rig.get("/v1/metrics?name=nobody&metric=load_one").await;
    assert_eq!(
        (&answer[0]["value"], &answer[0]["data_sources"]),
        (&Value::Null, &0.into()),
        "{answer}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn exported_metrics_are_those_that_are_documented() {
    let rig = Rig::start(world(web(0.5))).await;
    rig.until_held("within_band").await;
    let (_, text) = rig.get("/metrics").await;
    let text = text.as_str().unwrap();
    // There is no balancer elsewhere that could be asked.
    let of_balancers = ["swarmtide_connections_age_seconds"];
    for metric in swarmtide::exposition::PROCESS_METRICS
        .iter()
        .filter(|metric| !of_balancers.contains(&metric.name))
        .chain(swarmtide::exposition::SERVICE_METRICS)
        .chain(swarmtide::exposition::TALKER_METRICS)
        .chain(swarmtide::exposition::FLEET_METRICS)
        .chain(swarmtide::exposition::PAGE_METRICS)
        .chain(swarmtide::exposition::balancer_metrics())
    {
        assert!(
            text.contains(&format!("# TYPE {} {}", metric.name, metric.kind)),
            "{} is not exported",
            metric.name
        );
    }
    for line in text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
    {
        let name = line.split(['{', ' ']).next().unwrap();
        let base = name
            .trim_end_matches("_bucket")
            .trim_end_matches("_sum")
            .trim_end_matches("_count");
        let known = swarmtide::exposition::PROCESS_METRICS
            .iter()
            .chain(swarmtide::exposition::SERVICE_METRICS)
            .chain(swarmtide::exposition::TALKER_METRICS)
            .chain(swarmtide::exposition::FLEET_METRICS)
            .chain(swarmtide::exposition::PAGE_METRICS)
            .chain(swarmtide::exposition::balancer_metrics());
        assert!(
            known
                .into_iter()
                .any(|metric| metric.name == name || metric.name == base),
            "{name} is not documented"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn off_loopback_a_write_needs_the_token() {
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), "0123456789abcdef0123\n").unwrap();
    let file = token.path().to_owned();
    let rig = Rig::start_with(world(web(0.5)), move |config| {
        config.http.listen = Listen(([0, 0, 0, 0], 0).into());
        config.http.token_file = Some(file);
    })
    .await;
    let url = rig.url.replace("0.0.0.0", "127.0.0.1");
    let body = || r#"{"state":"disabled"}"#.to_owned();
    assert_eq!(
        client::put(&url, "/v1/state", body(), None)
            .await
            .unwrap()
            .0,
        401
    );
    assert_eq!(
        client::put(&url, "/v1/state", body(), Some("wrong"))
            .await
            .unwrap()
            .0,
        401
    );
    assert_eq!(
        client::put(&url, "/v1/state", body(), Some("0123456789abcdef0123"))
            .await
            .unwrap()
            .0,
        200
    );
    assert_eq!(client::get(&url, "/v1/state").await.unwrap().0, 200);

    let closed = Rig::start_with(world(web(0.5)), |config| {
        config.http.listen = Listen(([0, 0, 0, 0], 0).into())
    })
    .await;
    let url = closed.url.replace("0.0.0.0", "127.0.0.1");
    assert_eq!(
        client::put(&url, "/v1/state", body(), None)
            .await
            .unwrap()
            .0,
        403
    );
    closed
        .simulation
        .with(|world| world.set_load("web", load(0.1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_bounded_and_others_still_get_answers_afterwards() {
    let rig = Rig::start(world(web(0.5))).await;
    let address = rig.url.trim_start_matches("http://").to_owned();
    let mut idle = Vec::new();
    for _ in 0..600 {
        idle.push(tokio::net::TcpStream::connect(&address).await.unwrap());
    }
    let refused = || {
        let text = rig.sidecar.as_ref().unwrap().shared();
        text.connections.refused()
    };
    let deadline = tokio::time::Instant::now() + crate::rig::PATIENCE;
    while refused() < 88 {
        assert!(
            tokio::time::Instant::now() < deadline,
            "{} refused",
            refused()
        );
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    drop(idle);
    while client::get(&rig.url, "/live").await.is_err() {
        assert!(
            tokio::time::Instant::now() < deadline,
            "it never answers again"
        );
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
