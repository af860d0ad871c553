//! One stream of backend sets: opened, read, and its end told with its reason.

use std::time::Duration;

use axum::http::{HeaderName, StatusCode, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{Request, Response, body::Bytes, body::Incoming};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpStream,
    sync::mpsc,
    task::JoinSet,
    time::{error::Elapsed, timeout},
};

use super::events::{Item, Parser, TooLong};
use crate::{
    balancer::{
        feed::{AWAY, BACKENDS, CURRENT, HEARTBEAT},
        wire::WireSet,
    },
    clock::Clock,
    config::SourceUrl,
};

/// Longest wait for a connection, and for the head of the answer.
const OPEN: Duration = Duration::from_secs(5);

/// Longest silence of a stream, which tells that it lives more often than that.
pub(super) const SILENCE: Duration = Duration::from_secs(HEARTBEAT.as_secs() * 3);

/// Longest answer that is read where there should be a stream.
const LONGEST_PROBLEM: usize = 64 << 10;

/// What a stream says.
#[derive(Debug)]
pub(super) enum Update {
    /// A set.
    Set(Box<WireSet>),
    /// The set that was known when the stream was opened is still the newest.
    Resumed,
    /// What was said last still holds.
    Alive,
    /// The sidecar cannot see the swarm, or says something that cannot be read.
    Away(String),
}

/// Where updates of one source go.
#[derive(Debug)]
pub(super) struct Tell {
    pub(super) source: usize,
    pub(super) clock: Clock,
    pub(super) news: mpsc::Sender<News>,
}

/// An update of a source, and when it came.
#[derive(Debug)]
pub(super) struct News {
    pub(super) source: usize,
    pub(super) update: Update,
    pub(super) at: Duration,
}

impl Tell {
    pub(super) async fn tell(&self, update: Update) {
        let news = News {
            source: self.source,
            update,
            at: self.clock.now(),
        };
        // It is closed only when the whole process stops.
        _ = self.news.send(news).await;
    }
}

/// Why a stream ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum StreamError {
    /// No connection came about.
    #[error("cannot be reached")]
    Connect(#[source] std::io::Error),
    /// The other side does not answer.
    #[error("does not answer within {} s", OPEN.as_secs())]
    Slow(#[from] Elapsed),
    /// HTTP broke.
    #[error("the connection broke")]
    Http(#[from] hyper::Error),
    /// The answer is no stream.
    #[error("answers {status}: {detail}")]
    Refused {
        /// HTTP status.
        status: StatusCode,
        /// What it says.
        detail: String,
    },
    /// An event is too long.
    #[error(transparent)]
    TooLong(#[from] TooLong),
    /// Nothing came for too long.
    #[error("has been silent for {} s", SILENCE.as_secs())]
    Silent,
    /// The other side closed the stream.
    #[error("has ended the stream")]
    Ended,
}

/// Reads the stream at `url` until it ends, and tells why it did. `last` is the version that is known, kept up to date.
pub(super) async fn read(
    url: &SourceUrl,
    token: Option<&str>,
    last: &mut String,
    tell: &Tell,
) -> StreamError {
    // The task that drives the connection ends with this set.
    let mut driver = JoinSet::new();
    let answer = match timeout(OPEN, open(url, token, last, &mut driver)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => return error,
        Err(elapsed) => return elapsed.into(),
    };
    match events(answer, last, tell).await {
        Ok(()) => StreamError::Ended,
        Err(error) => error,
    }
}

async fn open(
    url: &SourceUrl,
    token: Option<&str>,
    last: &str,
    driver: &mut JoinSet<hyper::Result<()>>,
) -> Result<Response<Incoming>, StreamError> {
    let stream = TcpStream::connect(url.authority())
        .await
        .map_err(StreamError::Connect)?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    driver.spawn(connection);
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.uri_mut() = hyper::Uri::from_static("/v1/backends");
    let mut set = |name: HeaderName, value: &str| {
        // What cannot stand in a header is not sent; the other side then says what it lacks.
        if let Ok(value) = value.parse() {
            request.headers_mut().insert(name, value);
        }
    };
    set(header::HOST, url.authority());
    set(header::ACCEPT, "text/event-stream");
    if !last.is_empty() {
        set(HeaderName::from_static("last-event-id"), last);
    }
    if let Some(token) = token {
        set(header::AUTHORIZATION, &format!("Bearer {token}"));
    }
    let answer = sender.send_request(request).await?;
    let kind = answer.headers().get(header::CONTENT_TYPE);
    let is_stream = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
    if answer.status() == StatusCode::OK && is_stream {
        return Ok(answer);
    }
    let status = answer.status();
    let body = Limited::new(answer.into_body(), LONGEST_PROBLEM);
    let body = body
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes);
    let problem = serde_json::from_slice::<serde_json::Value>(&body.unwrap_or_default());
    let detail = problem
        .ok()
        .and_then(|problem| problem["detail"].as_str().map(str::to_owned));
    Err(StreamError::Refused {
        status,
        detail: detail.unwrap_or_else(|| "no stream of events".to_owned()),
    })
}

async fn events(
    answer: Response<Incoming>,
    last: &mut String,
    tell: &Tell,
) -> Result<(), StreamError> {
    let mut body = answer.into_body();
    let mut parser = Parser::default();
    loop {
        let frame = match timeout(SILENCE, body.frame()).await {
            Err(_) => return Err(StreamError::Silent),
            Ok(None) => return Ok(()),
            Ok(Some(frame)) => frame?,
        };
        let Ok(bytes) = frame.into_data() else {
            continue;
        };
        let mut items = Vec::new();
        parser.feed(&bytes, |item| items.push(item))?;
        // Of several sets only the newest matters.
        let newest = items
            .iter()
            .rposition(|item| matches!(item, Item::Event { .. }));
        for (index, item) in items.into_iter().enumerate() {
            match item {
                Item::Comment(word) if word == CURRENT => tell.tell(Update::Resumed).await,
                Item::Comment(_) => tell.tell(Update::Alive).await,
                Item::Event { kind, id, data } if Some(index) == newest => {
                    let update = update(&kind, &data);
                    if matches!(update, Update::Set(_)) {
                        *last = id;
                    } else {
                        last.clear();
                    }
                    tell.tell(update).await;
                }
                Item::Event { .. } => {}
            }
        }
    }
}

fn update(kind: &str, data: &str) -> Update {
    match kind {
        BACKENDS => match serde_json::from_str(data) {
            Ok(set) => Update::Set(Box::new(set)),
            Err(error) => Update::Away(format!("its backend set cannot be read: {error}")),
        },
        AWAY => {
            let said = serde_json::from_str::<serde_json::Value>(data).unwrap_or_default();
            let reason = said["reason"].as_str().unwrap_or("it gives no reason");
            Update::Away(format!("it cannot see the swarm: {reason}"))
        }
        _ => Update::Alive,
    }
}
