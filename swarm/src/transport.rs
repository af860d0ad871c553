//! HTTP to the engine: one pool of connections, a limit on time and on bytes for every answer.
//!
//! Paths are sent without a version prefix. The engine then speaks its own newest version, in which no field of a
//! specification is missing; an older version silently drops fields from what is posted.

mod connect;
mod tls;

use std::{error::Error, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited, combinators::UnsyncBoxBody};
use hyper::{Method, Request, Response, StatusCode, body::Incoming, header};
use hyper_util::{client::legacy, rt::TokioExecutor};
use serde_json::Value;

use crate::{
    endpoint::Endpoint,
    error::{Cause, ClientError, EngineError},
};
use connect::Connector;

type Body = UnsyncBoxBody<Bytes, Cause>;

/// Connections that are kept open while nothing is asked: one for each request of a snapshot.
const IDLE_CONNECTIONS: usize = 4;

/// A pool of connections to one engine. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Transport {
    pool: legacy::Client<Connector, Body>,
    base: Arc<str>,
    timeout: Duration,
    limit_bytes: usize,
}

/// A success and its body.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The `Api-Version` header; empty if there is none.
    pub(crate) api_version: String,
    pub(crate) body: Bytes,
}

impl Transport {
    /// Makes the pool; loads certificates, connects nothing.
    pub(crate) fn new(
        endpoint: &Endpoint,
        timeout: Duration,
        limit_bytes: usize,
    ) -> Result<Self, ClientError> {
        let connector = Connector::new(endpoint)?;
        let pool = legacy::Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .build(connector);
        Ok(Self {
            pool,
            base: endpoint.base().into(),
            timeout,
            limit_bytes,
        })
    }

    /// What stands before the path of every request.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// The limit on the time of one request.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Asks for `path` (with its query, percent-encoded).
    pub(crate) async fn get(&self, path: &str) -> Result<Answer, EngineError> {
        self.send(Method::GET, path, Bytes::new()).await
    }

    /// Posts JSON to `path` (with its query, percent-encoded).
    pub(crate) async fn post(&self, path: &str, json: String) -> Result<Answer, EngineError> {
        self.send(Method::POST, path, Bytes::from(json)).await
    }

    async fn send(&self, method: Method, path: &str, body: Bytes) -> Result<Answer, EngineError> {
        let name = format!("{method} {}", path.split('?').next().unwrap_or(path));
        match tokio::time::timeout(self.timeout, self.exchange(&name, method, path, body)).await {
            Ok(result) => result,
            Err(_) => Err(EngineError::Timeout {
                request: name,
                after: self.timeout,
            }),
        }
    }

    async fn exchange(
        &self,
        name: &str,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Answer, EngineError> {
        let mut request = Request::builder()
            .method(&method)
            .uri(format!("{}{path}", self.base));
        if method == Method::POST {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let request = request
            .body(
                Full::new(body)
                    .map_err(|never| match never {})
                    .boxed_unsync(),
            )
            .map_err(|source| EngineError::Transport {
                request: name.to_owned(),
                source: source.into(),
            })?;
        let response = self
            .pool
            .request(request)
            .await
            .map_err(|error| classify(name, error))?;
        self.read(name, response).await
    }

    async fn read(&self, name: &str, response: Response<Incoming>) -> Result<Answer, EngineError> {
        let status = response.status();
        let api_version = response
            .headers()
            .get("Api-Version")
            .and_then(|value| value.to_str().ok());
        let api_version = api_version.unwrap_or_default().to_owned();
        let limit_bytes = self.limit_bytes;
        let body = Limited::new(response.into_body(), limit_bytes)
            .collect()
            .await;
        let body = body.map_err(|source| match source.downcast::<LengthLimitError>() {
            Ok(_) => EngineError::TooLong {
                request: name.to_owned(),
                limit_bytes,
            },
            Err(source) => classify_cause(name, source),
        })?;
        let body = body.to_bytes();
        if status.is_success() {
            return Ok(Answer { api_version, body });
        }
        Err(EngineError::from_status(
            name,
            status.as_u16(),
            message(status, &body),
        ))
    }
}

/// The engine puts its message into `{"message": …}`; a proxy sends whatever it likes.
fn message(status: StatusCode, body: &[u8]) -> String {
    const MAX_CHARS: usize = 500;
    let json: Option<Value> = serde_json::from_slice(body).ok();
    let message = json
        .as_ref()
        .and_then(|value| value.get("message"))
        .and_then(Value::as_str);
    let text = message.map_or_else(|| String::from_utf8_lossy(body), Into::into);
    let text: String = text.trim().chars().take(MAX_CHARS).collect();
    if text.is_empty() {
        status.canonical_reason().unwrap_or("no message").to_owned()
    } else {
        text
    }
}

fn classify(request: &str, error: legacy::Error) -> EngineError {
    let request = request.to_owned();
    if has_tls_cause(&error) {
        return EngineError::Tls {
            request,
            source: error.into(),
        };
    }
    if error.is_connect() {
        return EngineError::Connect {
            request,
            source: error.into(),
        };
    }
    EngineError::Transport {
        request,
        source: error.into(),
    }
}

/// Makes an error of one whose type is lost; where it cannot be told, the request counts as sent.
pub(crate) fn classify_cause(request: &str, source: Cause) -> EngineError {
    let request = request.to_owned();
    match source.downcast::<legacy::Error>() {
        Ok(error) => classify(&request, *error),
        Err(source) if has_tls_cause(&*source) => EngineError::Tls { request, source },
        Err(source) => EngineError::Transport { request, source },
    }
}

/// True if TLS itself is among the causes. An I/O error hides its cause from `source`, so that is looked at too.
fn has_tls_cause(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<tokio_rustls::rustls::Error>() {
            return true;
        }
        let inner = error
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        if inner.is_some_and(|inner| has_tls_cause(inner)) {
            return true;
        }
        next = error.source();
    }
    false
}

impl Transport {
    /// Sends a request that bollard made over the same pool. The answer may be without end; bollard limits only the wait
    /// for its beginning.
    pub(crate) async fn forward(
        self,
        request: bollard::BollardRequest,
    ) -> Result<Response<Incoming>, bollard::errors::Error> {
        let request = request.map(|body| body.map_err(Cause::from).boxed_unsync());
        Ok(self.pool.request(request).await?)
    }
}
