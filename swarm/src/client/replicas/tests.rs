use std::time::Duration;

use super::*;
use crate::{
    ClientOptions,
    model::UpdateState,
    testing::{FakeEngine, Reply},
};

const SPEC: &str = r#"{ "Name":"web","Future":{"x":[1e-05,18446744073709551615]},"Mode":{"Replicated":{"Replicas":2}}}"#;

fn service(mode: &str, update: &str) -> String {
    let spec = SPEC.replace(r#"{"Replicated":{"Replicas":2}}"#, mode);
    format!(
        r#"{{"ID":"s1","Version":{{"Index":41}},"Spec":{spec},"PreviousSpec":{spec},"UpdateStatus":{update}}}"#
    )
}

/// An engine with one service, and what it says to an update.
fn engine(service: String, update: Reply) -> FakeEngine {
    FakeEngine::start(move |asked| {
        if asked.line.starts_with("POST") {
            update.clone()
        } else {
            Reply::Json(200, service.clone())
        }
    })
}

async fn set(engine: &FakeEngine, from: u32, to: u32) -> Result<Applied, SetReplicasError> {
    let options = ClientOptions {
        timeout: Duration::from_millis(200),
        ..ClientOptions::default()
    };
    engine
        .client(options)
        .set_replicas(&SetReplicas {
            service: ServiceId::from("s1"),
            from,
            to,
        })
        .await
}

#[tokio::test]
async fn posts_what_it_got_with_one_number_changed() {
    let reply = Reply::Json(200, r#"{"Warnings":["no digest","x",5]}"#.to_owned());
    let engine = engine(service(r#"{"Replicated":{"Replicas":2}}"#, "null"), reply);
    let applied = set(&engine, 2, 5).await.unwrap();
    assert_eq!(
        applied,
        Applied {
            replaced_index: 41,
            warnings: vec!["no digest".to_owned(), "x".to_owned()]
        }
    );
    let asked = engine.asked();
    assert_eq!(asked.len(), 2);
    // No version before the path: an older one would drop fields.
    assert_eq!(asked[0].line, "GET /services/s1");
    assert_eq!(asked[1].line, "POST /services/s1/update?version=41");
    assert_eq!(
        asked[1].body,
        SPEC.replace(r#""Replicas":2"#, r#""Replicas":5"#)
    );
    assert!(asked[1].headers.contains("content-type: application/json"));
    assert!(
        !asked[1].headers.contains("x-registry-auth"),
        "the engine would overwrite the credentials it has"
    );
}

#[tokio::test]
async fn refuses_without_writing() {
    let replicated = r#"{"Replicated":{"Replicas":2}}"#;
    let cases = [
        (r#"{"Global":{}}"#, "null", "not_replicated"),
        (
            r#"{"ReplicatedJob":{"MaxConcurrent":1}}"#,
            "null",
            "not_replicated",
        ),
        (r#"{"Replicated":{"Replicas":3}}"#, "null", "changed"),
        (r#"{"Replicated":{"Replicas":5}}"#, "null", "changed"),
        (replicated, r#"{"State":"updating"}"#, "rollout"),
        (replicated, r#"{"State":"paused"}"#, "rollout"),
        (replicated, r#"{"State":"rollback_started"}"#, "rollout"),
        (replicated, r#"{"State":"rollback_paused"}"#, "rollout"),
        (replicated, r#"{"State":"never heard of"}"#, "rollout"),
    ];
    for (mode, update, expected) in cases {
        let engine = engine(service(mode, update), Reply::Json(200, "{}".to_owned()));
        let error = set(&engine, 2, 5).await.unwrap_err();
        assert_eq!(error.as_label(), expected, "{mode} {update}: {error}");
        assert_eq!(
            engine.asked().len(),
            1,
            "{mode} {update}: nothing may be written"
        );
    }
    for update in [
        "null",
        r#"{"State":"completed"}"#,
        r#"{"State":"rollback_completed"}"#,
    ] {
        let engine = engine(
            service(replicated, update),
            Reply::Json(200, "{}".to_owned()),
        );
        assert!(
            set(&engine, 2, 5).await.unwrap().warnings.is_empty(),
            "{update}"
        );
    }
}

#[tokio::test]
async fn the_error_says_what_to_do_next() {
    let service = service(r#"{"Replicated":{"Replicas":2}}"#, "null");
    let message = |status, text: &str| Reply::Json(status, format!(r#"{{"message":"{text}"}}"#));
    let cases = [
        (
            message(
                500,
                "rpc error: code = Unknown desc = update out of sequence",
            ),
            "conflict",
        ),
        (message(409, "update out of sequence"), "conflict"),
        (message(404, "service s1 not found"), "not_found"),
        (
            message(
                400,
                "rpc error: code = InvalidArgument desc = name must be set",
            ),
            "refused",
        ),
        (
            message(503, "This node is not a swarm manager. Use ..."),
            "unavailable",
        ),
        (
            message(
                500,
                "rpc error: code = Unknown desc = The swarm does not have a leader. It's ...",
            ),
            "unavailable",
        ),
        (
            message(
                500,
                "rpc error: code = DeadlineExceeded desc = context deadline exceeded",
            ),
            "outcome_unknown",
        ),
        (message(500, "something else"), "outcome_unknown"),
        (message(502, "bad gateway"), "outcome_unknown"),
        (Reply::Hang, "outcome_unknown"),
        (Reply::Close, "outcome_unknown"),
    ];
    for (reply, expected) in cases {
        let engine = engine(service.clone(), reply.clone());
        let error = set(&engine, 2, 5).await.unwrap_err();
        assert_eq!(error.as_label(), expected, "{reply:?}: {error:?}");
        assert_eq!(engine.asked().len(), 2, "{reply:?}: a write is tried once");
    }
}

#[tokio::test]
async fn a_read_that_fails_writes_nothing() {
    let cases = [
        (
            Reply::Json(404, r#"{"message":"service s1 not found"}"#.to_owned()),
            "not_found",
        ),
        (Reply::Json(500, "{}".to_owned()), "unavailable"),
        (Reply::Json(200, "[]".to_owned()), "document"),
        (Reply::Hang, "unavailable"),
        (Reply::Close, "unavailable"),
    ];
    for (reply, expected) in cases {
        let answer = reply.clone();
        let engine = FakeEngine::start(move |_| answer.clone());
        let error = set(&engine, 2, 5).await.unwrap_err();
        assert_eq!(error.as_label(), expected, "{reply:?}: {error:?}");
        assert!(
            engine
                .asked()
                .iter()
                .all(|asked| asked.line.starts_with("GET")),
            "{reply:?}"
        );
    }
}

#[test]
fn an_identifier_stays_inside_its_segment() {
    assert_eq!(segment(&ServiceId::from("abc-1_2")), "abc-1_2");
    assert_eq!(
        segment(&ServiceId::from("../x?y=1#z ä%")),
        "%2E%2E%2Fx%3Fy%3D1%23z%20%C3%A4%25"
    );
}

#[test]
fn a_rollout_names_its_state() {
    let error = SetReplicasError::Rollout {
        state: UpdateState::Paused,
    };
    assert_eq!(
        error.to_string(),
        "the service's rollout is in state \"paused\""
    );
}
