use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::{
    ErrorKind, Leadership,
    testing::{FakeEngine, Reply, small_swarm},
};

fn quick() -> ClientOptions {
    ClientOptions {
        timeout: Duration::from_millis(200),
        limit_bytes: 10_000,
    }
}

#[tokio::test]
async fn a_snapshot_is_four_lists_over_connections_that_are_kept() {
    let engine = FakeEngine::start(|asked| small_swarm(asked, 3));
    let client = engine.client(quick());
    for generation in 1..=20 {
        let view = client.snapshot(Duration::from_secs(9)).await.unwrap();
        assert_eq!(
            (view.generation, view.taken),
            (generation, Duration::from_secs(9))
        );
        assert_eq!(view.leadership, Leadership::Leader);
        assert_eq!(view.engine.api_version, "1.41");
        assert_eq!(view.service_named("web").unwrap().mode.replicas(), Some(3));
    }
    assert_eq!(engine.asked().len(), 80);
    assert!(engine.connections() <= 4, "{}", engine.connections());
    assert_eq!(client.stats().requests, 80);
    assert_eq!(
        client.stats().errors().map(|(_, count)| count).sum::<u64>(),
        0
    );
}

#[tokio::test]
async fn one_list_that_fails_fails_the_snapshot() {
    let json = |status, body: &str| Reply::Json(status, body.to_owned());
    let cases = [
        (
            json(
                500,
                r#"{"message":"rpc error: code = DeadlineExceeded desc = ..."}"#,
            ),
            ErrorKind::NoLeader,
        ),
        (
            json(500, r#"{"message":"The swarm does not have a leader."}"#),
            ErrorKind::NoLeader,
        ),
        (
            json(503, r#"{"message":"This node is not a swarm manager."}"#),
            ErrorKind::NotManager,
        ),
        (json(418, "a teapot"), ErrorKind::Status),
        (json(200, "[{"), ErrorKind::Malformed),
        (json(200, r#"{"message":"x"}"#), ErrorKind::Parse),
        (
            json(200, &format!("[{}]", " ".repeat(10_000))),
            ErrorKind::TooLong,
        ),
        (Reply::Hang, ErrorKind::Timeout),
        (Reply::Close, ErrorKind::Transport),
    ];
    for list in ["GET /tasks", "GET /nodes", "GET /services"] {
        for (reply, expected) in cases.clone() {
            let answer = reply.clone();
            let engine = FakeEngine::start(move |asked| {
                if asked.line == list {
                    answer.clone()
                } else {
                    small_swarm(asked, 3)
                }
            });
            let client = engine.client(quick());
            let error = client.snapshot(Duration::ZERO).await.unwrap_err();
            assert_eq!(error.kind(), expected, "{list} {reply:?}: {error:?}");
            let counted: Vec<_> = client
                .stats()
                .errors()
                .filter(|(_, count)| *count > 0)
                .collect();
            assert_eq!(counted, [(expected, 1)], "{list} {reply:?}");
        }
    }
}

#[tokio::test]
async fn an_error_names_the_request_and_the_engines_message() {
    let engine =
        FakeEngine::start(|_| Reply::Json(418, r#"{"message":"short and stout"}"#.to_owned()));
    let error = engine
        .client(quick())
        .snapshot(Duration::ZERO)
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "GET /info: HTTP 418: short and stout");
    let client = Client::new(Endpoint::Unix("/nonexistent/docker.sock".into()), quick()).unwrap();
    let error = client.snapshot(Duration::ZERO).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(!error.may_have_happened());
    let chain = crate::error::Chain(&error).to_string();
    assert!(
        chain.contains("GET /info: cannot connect") && chain.contains("No such file"),
        "{chain}"
    );
}

#[tokio::test]
async fn a_worker_is_no_manager_and_not_an_empty_swarm() {
    let engine = FakeEngine::start(|asked| match asked.line.as_str() {
        "GET /info" => Reply::Json(
            200,
            r#"{"Swarm":{"NodeID":"w1","ControlAvailable":false}}"#.to_owned(),
        ),
        _ => Reply::Json(
            503,
            r#"{"message":"This node is not a swarm manager. Worker nodes can't ..."}"#.to_owned(),
        ),
    });
    let error = engine
        .client(quick())
        .snapshot(Duration::ZERO)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotManager);
}

#[tokio::test]
async fn connections_that_the_engine_closed_do_no_harm() {
    let count = AtomicU32::new(0);
    let engine = FakeEngine::start(move |asked| {
        // Every fifth request ends its connection after the answer's time.
        if count.fetch_add(1, Ordering::Relaxed) % 5 == 4 {
            Reply::Close
        } else {
            small_swarm(asked, 1)
        }
    });
    let client = engine.client(quick());
    let mut good = 0;
    for _ in 0..20 {
        good += u32::from(client.snapshot(Duration::ZERO).await.is_ok());
    }
    assert!(good >= 4, "{good}");
}

#[tokio::test]
async fn versions_and_events_go_through_bollard_over_the_same_pool() {
    let event =
        r#"{"Type":"service","Action":"update","Actor":{"ID":"s1"},"scope":"swarm","time":1}"#;
    let odd = r#"{"Type":"brandnew","Action":"explode","scope":"swarm"}"#;
    let lines = [event, odd]
        .map(|line| (Duration::ZERO, line.to_owned()))
        .to_vec();
    let engine = FakeEngine::start(move |asked| match asked.line.split('?').next() {
        Some("GET /version") => Reply::Json(
            200,
            r#"{"Version":"20.10.24","ApiVersion":"1.41","MinAPIVersion":"1.12"}"#.to_owned(),
        ),
        Some("GET /events") => Reply::Stream(lines.clone()),
        _ => small_swarm(asked, 1),
    });
    let client = engine.client(quick());
    let version = client.version().await.unwrap();
    assert_eq!(
        (version.version.as_str(), version.api_version.as_str()),
        ("20.10.24", "1.41")
    );
    let mut events = std::pin::pin!(client.events());
    assert!(matches!(events.next().await, Some(Ok(()))));
    assert!(
        matches!(events.next().await, Some(Ok(()))),
        "an unknown event is an event"
    );
    let asked = engine.asked();
    assert!(
        asked.iter().all(|asked| !asked.line.contains("/v1.")),
        "{asked:?}"
    );
    assert!(
        asked[1].line.contains("scope") && asked[1].line.contains("swarm"),
        "{asked:?}"
    );
}

#[tokio::test]
async fn event_streams_that_cannot_be_opened_end_with_an_error() {
    let engine = FakeEngine::start(|_| {
        Reply::Json(
            503,
            r#"{"message":"This node is not a swarm manager"}"#.to_owned(),
        )
    });
    let mut events = std::pin::pin!(engine.client(quick()).events());
    let Some(Err(error)) = events.next().await else {
        panic!("no error")
    };
    assert_eq!(error.kind(), ErrorKind::NotManager);
    assert!(events.next().await.is_none());
}

#[test]
fn certificates_that_are_missing_or_broken_name_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let certificates = crate::Certificates::in_directory(directory.path());
    let endpoint = Endpoint::Tls {
        host: "m1".to_owned(),
        port: 2376,
        certificates,
    };
    let failed = || Client::new(endpoint.clone(), quick()).unwrap_err();
    let error = failed();
    assert!(error.to_string().contains("ca.pem"), "{error}");
    std::fs::write(directory.path().join("ca.pem"), "nothing in here\n").unwrap();
    let ClientError::Certificate { what, .. } = failed() else {
        panic!("another error")
    };
    assert_eq!(what, "the authority's certificate");
}
