//! The unix socket on which the world answers as an engine does.

use std::convert::Infallible;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, Limited, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue, SERVER};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tracing::debug;

use crate::api::{API_VERSION, Body, EventFilter, FaultKind, Reply, Request, event_json};
use crate::world::World;

/// Largest request body, bytes: what the engine allows for a spec is less.
const MAX_BODY: usize = 16 << 20;

pub(crate) type Shared = Arc<Mutex<World>>;

/// Why a connection is closed without an answer.
#[derive(Debug)]
struct Dropped;

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the simulation drops this connection")
    }
}

impl std::error::Error for Dropped {}

type ReplyBody = BoxBody<Bytes, Dropped>;

/// Runs `f` on the world.
pub(crate) fn with<R>(world: &Shared, f: impl FnOnce(&mut World) -> R) -> R {
    f(&mut world.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Accepts connections until the simulation ends.
pub(crate) async fn serve(listener: UnixListener, world: Shared, mut steps: watch::Receiver<bool>) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = ended(&mut steps) => return,
        };
        match accepted {
            Ok((stream, _)) => {
                tokio::spawn(connection(stream, Arc::clone(&world), steps.clone()));
            }
            Err(error) => {
                debug!(%error, "accept failed");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

async fn ended(steps: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, which is an end as well.
    if let Err(error) = steps.wait_for(|ended| *ended).await {
        debug!(%error, "the simulation is gone");
    }
}

async fn connection(stream: UnixStream, world: Shared, mut steps: watch::Receiver<bool>) {
    let for_requests = steps.clone();
    let service =
        service_fn(move |request| respond(request, Arc::clone(&world), for_requests.clone()));
    let serving = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        result = serving => if let Err(error) = result { debug!(%error, "connection ended") },
        () = ended(&mut steps) => {}
    }
}

async fn respond(
    request: hyper::Request<Incoming>,
    world: Shared,
    steps: watch::Receiver<bool>,
) -> Result<Response<ReplyBody>, Dropped> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, MAX_BODY)
        .collect()
        .await
        .map_err(|_| Dropped)?
        .to_bytes();
    let path = head.uri.path();
    let (latency, fault) = with(&world, |world| world.faults_for(path));
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    match fault {
        Some(FaultKind::Hang) => std::future::pending::<()>().await,
        Some(FaultKind::Drop) => return Err(Dropped),
        _ => {}
    }
    let query = head.uri.query().unwrap_or("");
    let request = Request {
        method: head.method.as_str(),
        path,
        query,
        body: &body,
    };
    let (reply, last_event) = with(&world, |world| {
        let reply = world.answer_with(&request, fault);
        (reply, world.engine().last_event())
    });
    if fault == Some(FaultKind::DropAfterEffect) {
        return Err(Dropped);
    }
    Ok(response(
        reply,
        fault,
        EventSource {
            world,
            steps,
            sequence: last_event,
        },
    ))
}

fn response(reply: Reply, fault: Option<FaultKind>, source: EventSource) -> Response<ReplyBody> {
    let (content_type, body) = match reply.body {
        Body::Text(text) => (
            "text/plain; charset=utf-8",
            whole(Bytes::from_static(text.as_bytes())),
        ),
        Body::Json(value) if fault == Some(FaultKind::Truncate) => {
            ("application/json", half(&value.to_string()))
        }
        Body::Json(value) => ("application/json", whole(Bytes::from(format!("{value}\n")))),
        Body::Events(filter) => ("application/json", source.stream(filter)),
    };
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(SERVER, HeaderValue::from_static("Docker/28.5.2 (linux)"));
    headers.insert("Api-Version", HeaderValue::from_static(API_VERSION));
    headers.insert("Ostype", HeaderValue::from_static("linux"));
    response
}

fn whole(bytes: Bytes) -> ReplyBody {
    Full::new(bytes)
        .map_err(|never: Infallible| match never {})
        .boxed()
}

/// The first half of a text, and then the connection breaks.
fn half(text: &str) -> ReplyBody {
    let bytes = text.as_bytes();
    let first = Bytes::copy_from_slice(bytes.get(..bytes.len() / 2).unwrap_or_default());
    let stream = futures_util::stream::unfold(Some(first), |first| async {
        match first {
            Some(bytes) if !bytes.is_empty() => Some((Ok(Frame::data(bytes)), Some(Bytes::new()))),
            Some(_) => {
                // Long enough for the first half to leave.
                tokio::time::sleep(Duration::from_millis(20)).await;
                Some((Err(Dropped), None))
            }
            None => None,
        }
    });
    BodyExt::boxed(StreamBody::new(stream))
}

/// Where a stream of events stands.
struct EventSource {
    world: Shared,
    steps: watch::Receiver<bool>,
    sequence: u64,
}

impl EventSource {
    /// Sends what happens from now on, one JSON document a line, until the client or the simulation goes.
    fn stream(self, filter: EventFilter) -> ReplyBody {
        let stream = futures_util::stream::unfold((self, filter), |(mut source, filter)| async {
            loop {
                let text = source.pending(&filter);
                if !text.is_empty() {
                    return Some((Ok(Frame::data(Bytes::from(text))), (source, filter)));
                }
                let ended = *source.steps.borrow_and_update();
                if ended || source.steps.changed().await.is_err() {
                    return None;
                }
            }
        });
        BodyExt::boxed(StreamBody::new(stream))
    }

    fn pending(&mut self, filter: &EventFilter) -> String {
        let after = self.sequence;
        let (text, last) = with(&self.world, |world| {
            let engine = world.engine();
            let lines = engine
                .events_after(after)
                .filter(|event| filter.matches(event))
                .map(|event| format!("{}\n", event_json(engine.clock(), event)));
            (lines.collect(), engine.last_event())
        });
        self.sequence = last;
        text
    }
}
