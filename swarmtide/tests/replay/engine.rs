//! The Engine API of a replay on a unix socket: what the sidecar asks for, answered from a [`Swarm`] that the test changes.

use std::{
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    extract::State,
    http::{Method, StatusCode, Uri},
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};
use tokio::{net::UnixListener, sync::Semaphore, task::JoinHandle};

use crate::swarm::{Swarm, info_json, nodes_json, service_json};

/// What requests are answered from.
pub(crate) struct Engine {
    swarm: Mutex<Swarm>,
    pub(crate) gate: Gate,
}

/// Where writes wait until the replay lets them in.
pub(crate) struct Gate {
    waiting: AtomicUsize,
    passes: Semaphore,
}

impl Engine {
    pub(crate) fn new(swarm: Swarm) -> Self {
        let gate = Gate {
            waiting: AtomicUsize::new(0),
            passes: Semaphore::new(0),
        };
        Self {
            swarm: Mutex::new(swarm),
            gate,
        }
    }

    pub(crate) fn swarm(&self) -> MutexGuard<'_, Swarm> {
        self.swarm.lock().unwrap()
    }
}

impl Gate {
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    pub(crate) fn open(&self) {
        self.passes
            .add_permits(self.waiting.swap(0, Ordering::SeqCst));
    }

    async fn pass(&self) {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        self.passes.acquire().await.unwrap().forget();
    }
}

/// Starts to answer on `docker.sock` in `folder`.
pub(crate) fn serve(folder: &Path, engine: Arc<Engine>) -> JoinHandle<()> {
    let listener = UnixListener::bind(folder.join("docker.sock")).unwrap();
    let router = Router::new().fallback(answer).with_state(engine);
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() })
}

async fn answer(
    State(engine): State<Arc<Engine>>,
    method: Method,
    uri: Uri,
    body: String,
) -> Response {
    if uri.path().ends_with("/events") {
        // Nothing is ever announced: the timer has to do.
        return std::future::pending().await;
    }
    if method == Method::POST {
        engine.gate.pass().await;
    }
    let (status, json) = reply(&mut engine.swarm(), &method, &uri, &body);
    let headers = [
        ("api-version", "1.41"),
        ("content-type", "application/json"),
    ];
    (status, headers, json.to_string()).into_response()
}

fn reply(swarm: &mut Swarm, method: &Method, uri: &Uri, body: &str) -> (StatusCode, Value) {
    let segments: Vec<_> = uri.path().split('/').skip(1).collect();
    let json = match (method.as_str(), segments.as_slice()) {
        ("GET", ["info"]) => info_json(),
        ("GET", ["nodes"]) => nodes_json(),
        ("GET", ["services"]) => swarm.services_json(),
        ("GET", ["tasks"]) => swarm.tasks_json(),
        ("GET", ["services", name]) => service_json(swarm.service(name)),
        ("POST", ["services", name, "update"]) => {
            let query = uri.query().unwrap_or_default();
            let index = query.strip_prefix("version=").unwrap().parse().unwrap();
            match swarm.update(name, index, serde_json::from_str(body).unwrap()) {
                Ok(()) => json!({"Warnings": null}),
                Err(message) => {
                    return (
                        StatusCode::INTERNAL_SERVER_ERROR,
                        json!({"message": message}),
                    );
                }
            }
        }
        _ => {
            return (StatusCode::NOT_FOUND, json!({"message": "page not found"}));
        }
    };
    (StatusCode::OK, json)
}
