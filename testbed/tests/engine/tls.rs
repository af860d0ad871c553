//! The Engine API over TCP with TLS: who is let in, and what the others are told.

use std::{fs, path::Path, time::Duration};

use swarm::{Client, ClientOptions, Endpoint, EngineError, ErrorKind, Leadership};

use crate::support::clean_swarm;

fn connect(host: &str, certificates: &Path) -> Client {
    let endpoint = Endpoint::parse(Some(host), Some(certificates), Some("1")).unwrap();
    Client::new(endpoint, ClientOptions::default()).unwrap()
}

async fn refusal(client: &Client) -> EngineError {
    client.snapshot(Duration::ZERO).await.unwrap_err()
}

/// A directory with these three files.
fn directory(ca: &Path, certificate: &Path, key: &Path) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, path) in [("ca.pem", ca), ("cert.pem", certificate), ("key.pem", key)] {
        fs::copy(path, directory.path().join(name)).unwrap();
    }
    directory
}

#[tokio::test]
async fn with_the_right_certificates_everything_works() {
    let swarm = clean_swarm();
    let client = connect(&swarm.tls_host("m1"), &swarm.certificates());
    for _ in 0..3 {
        assert_eq!(
            client.snapshot(Duration::ZERO).await.unwrap().leadership,
            Leadership::Leader
        );
    }
    assert!(!client.version().await.unwrap().api_version.is_empty());
    let id = swarm
        .create_service(&["--name", "web", "testbed/web:1"])
        .unwrap();
    client
        .set_replicas(&crate::support::change(&id.as_str().into(), 1, 2))
        .await
        .unwrap();
    crate::support::await_serving(&client, "web", 2).await;
}

#[tokio::test]
async fn an_engine_of_another_authority_is_not_trusted() {
    let swarm = clean_swarm();
    let error = refusal(&connect(
        &swarm.tls_host("m1"),
        &swarm.strange_certificates(),
    ))
    .await;
    assert_eq!(error.kind(), ErrorKind::Tls, "{error:?}");
    assert!(
        format!("{error:?}").contains("UnknownIssuer")
            || format!("{error:?}").contains("BadSignature"),
        "{error:?}"
    );
    assert!(!error.may_have_happened());
}

#[tokio::test]
async fn a_client_that_the_engine_does_not_know_is_told_so() {
    let swarm = clean_swarm();
    let (ours, stranger) = (swarm.certificates(), swarm.strange_certificates());
    let mixed = directory(
        &ours.join("ca.pem"),
        &stranger.join("cert.pem"),
        &stranger.join("key.pem"),
    );
    for _ in 0..5 {
        let error = refusal(&connect(&swarm.tls_host("m1"), mixed.path())).await;
        assert_eq!(error.kind(), ErrorKind::Tls, "{error:?}");
        assert!(error.to_string().contains("certificates"), "{error}");
    }
}

#[tokio::test]
async fn a_missing_certificate_names_its_file() {
    let swarm = clean_swarm();
    let ours = swarm.certificates();
    let part = directory(
        &ours.join("ca.pem"),
        &ours.join("cert.pem"),
        &ours.join("key.pem"),
    );
    fs::remove_file(part.path().join("cert.pem")).unwrap();
    let endpoint =
        Endpoint::parse(Some(&swarm.tls_host("m1")), Some(part.path()), Some("1")).unwrap();
    let error = Client::new(endpoint, ClientOptions::default()).unwrap_err();
    assert!(error.to_string().contains("cert.pem"), "{error}");
}

#[tokio::test]
async fn without_tls_the_engine_says_what_is_wrong() {
    let swarm = clean_swarm();
    let endpoint = Endpoint::parse(Some(&swarm.tls_host("m1")), None, None).unwrap();
    let error = refusal(&Client::new(endpoint, ClientOptions::default()).unwrap()).await;
    assert!(
        error
            .to_string()
            .contains("HTTP request to an HTTPS server"),
        "{error}"
    );
}

#[tokio::test]
async fn a_name_that_the_certificate_does_not_carry_is_refused() {
    let swarm = clean_swarm();
    let host = format!("tcp://{}:2376", swarm.ip("w1"));
    let good = connect(&host, &swarm.certificates());
    // The worker's certificate is fine, and the worker is no manager.
    assert_eq!(refusal(&good).await.kind(), ErrorKind::NotManager);
    let error = refusal(&connect(
        &format!("tcp://{}:2376", swarm.host_ip()),
        &swarm.certificates(),
    ))
    .await;
    assert_eq!(
        error.kind(),
        ErrorKind::Connect,
        "nobody listens there: {error:?}"
    );
}
