//! A small HTTP client for the subcommands that ask a running sidecar.
//!
//! It speaks plain HTTP to one address; the sidecar's listener has no TLS of its own.

use std::time::Duration;

use anyhow::{Context as _, bail};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Method, Request, body::Bytes, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

const TIMEOUT: Duration = Duration::from_secs(5);
const LONGEST_ANSWER: usize = 64 << 20;

/// Gets `path` from the sidecar at `url` and returns the status and the body.
///
/// # Errors
/// When the sidecar cannot be reached or does not answer within 5 s.
pub async fn get(url: &str, path: &str) -> anyhow::Result<(u16, Vec<u8>)> {
    call(url, path, &Method::GET, None, None).await
}

/// As [`get`], with a bearer token when one is given.
///
/// # Errors
/// As [`get`].
pub async fn get_with(
    url: &str,
    path: &str,
    token: Option<&str>,
) -> anyhow::Result<(u16, Vec<u8>)> {
    call(url, path, &Method::GET, None, token).await
}

/// Puts a JSON `body` to `path`, with a bearer token when one is given.
///
/// # Errors
/// As [`get`].
pub async fn put(
    url: &str,
    path: &str,
    body: String,
    token: Option<&str>,
) -> anyhow::Result<(u16, Vec<u8>)> {
    call(url, path, &Method::PUT, Some(body), token).await
}

/// Deletes `path`, with a bearer token when one is given.
///
/// # Errors
/// As [`get`].
pub async fn delete(url: &str, path: &str, token: Option<&str>) -> anyhow::Result<(u16, Vec<u8>)> {
    call(url, path, &Method::DELETE, None, token).await
}

async fn call(
    url: &str,
    path: &str,
    method: &Method,
    body: Option<String>,
    token: Option<&str>,
) -> anyhow::Result<(u16, Vec<u8>)> {
    let authority = url
        .strip_prefix("http://")
        .with_context(|| format!("{url:?} is not http://HOST:PORT"))?
        .trim_end_matches('/');
    let work = async {
        let stream = TcpStream::connect(authority).await.with_context(|| {
            format!("no sidecar answers at {url}; is `swarmtide run` up, and is --url right?")
        })?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let driver = tokio::spawn(connection);
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, authority);
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(Full::new(Bytes::from(body.unwrap_or_default())))?;
        let answer = sender.send_request(request).await?;
        let status = answer.status().as_u16();
        let collected = Limited::new(answer.into_body(), LONGEST_ANSWER)
            .collect()
            .await;
        driver.abort();
        match collected {
            Ok(collected) => Ok((status, collected.to_bytes().to_vec())),
            Err(error) => bail!("the answer to {path} broke off: {error}"),
        }
    };
    tokio::time::timeout(TIMEOUT, work)
        .await
        .with_context(|| format!("{url} did not answer within {} s", TIMEOUT.as_secs()))?
}
