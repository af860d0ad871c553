//! Asks the engine, and sets replicas.

mod containers;
mod counters;
mod replicas;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bollard::{Docker, query_parameters::EventsOptionsBuilder};
use futures_util::{Stream, StreamExt};
use serde_json::Value;

pub use containers::{LocalContainer, ServiceLabels};
pub use counters::ClientStats;
pub use replicas::{Applied, SetReplicas};

use crate::{
    endpoint::Endpoint,
    error::{ClientError, EngineError},
    parse::RawSwarm,
    transport::{Answer, Transport, classify_cause},
    view::View,
};
use counters::Counters;

/// Limits of a client.
#[derive(Debug, Clone, Copy)]
pub struct ClientOptions {
    /// How long one request may take, connecting and reading included. Default: 5 s; the engine itself would wait for
    /// 20 s when a leader is lost.
    pub timeout: Duration,
    /// How long one answer may be. Default: 256 MiB (about 80,000 tasks).
    pub limit_bytes: usize,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(5),
            limit_bytes: 256 << 20,
        }
    }
}

/// A client of one engine. Clones share its connections and counters.
#[derive(Debug, Clone)]
pub struct Client {
    endpoint: Endpoint,
    transport: Transport,
    docker: Docker,
    generation: Arc<AtomicU64>,
    counters: Arc<Counters>,
}

/// The versions of an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineVersion {
    /// The engine's version, such as "20.10.24".
    pub version: String,
    /// The newest version of the API that it speaks, such as "1.41".
    pub api_version: String,
    /// The oldest version of the API that it speaks.
    pub min_api_version: String,
}

impl Client {
    /// Makes a client. Loads certificates and connects nothing, so it succeeds while the engine is down.
    ///
    /// # Errors
    ///
    /// When a certificate or key cannot be loaded.
    pub fn new(endpoint: Endpoint, options: ClientOptions) -> Result<Self, ClientError> {
        let transport = Transport::new(&endpoint, options.timeout, options.limit_bytes)?;
        let for_bollard = transport.clone();
        let docker = Docker::connect_with_custom_transport(
            move |request| for_bollard.clone().forward(request),
            Some(transport.base()),
            options.timeout.as_secs().max(1),
            bollard::API_DEFAULT_VERSION,
        )
        .map_err(ClientError::Events)?;
        Ok(Self {
            endpoint,
            transport,
            docker,
            generation: Arc::default(),
            counters: Arc::default(),
        })
    }

    /// Where the engine listens.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Requests and their failures since the client was made.
    #[must_use]
    pub fn stats(&self) -> ClientStats {
        self.counters.read()
    }

    /// Asks for the engine's versions.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn version(&self) -> Result<EngineVersion, EngineError> {
        let limit = self.transport.timeout();
        let result = match tokio::time::timeout(limit, self.docker.version()).await {
            Ok(Ok(found)) => Ok(EngineVersion {
                version: found.version.unwrap_or_default(),
                api_version: found.api_version.unwrap_or_default(),
                min_api_version: found.min_api_version.unwrap_or_default(),
            }),
            Ok(Err(error)) => Err(from_bollard("GET /version", limit, error)),
            Err(_) => Err(EngineError::Timeout {
                request: "GET /version".to_owned(),
                after: limit,
            }),
        };
        self.counted(result)
    }

    /// Lists everything. `now`: the caller's clock, read just before.
    ///
    /// # Errors
    ///
    /// When any of the lists cannot be had or read in full, and when the engine is no manager: a part of the swarm must
    /// not look like the whole.
    pub async fn snapshot(&self, now: Duration) -> Result<View, EngineError> {
        let lists = self.lists().await?;
        let generation = self
            .generation
            .fetch_add(1, Ordering::Relaxed)
            .saturating_add(1);
        // Ten thousand tasks are 10 MB of JSON and 0.3 s of work: not on a thread that others wait for.
        let work = tokio::task::spawn_blocking(move || Ok(lists.read()?.view(generation, now)?));
        let result = work
            .await
            .unwrap_or_else(|error| match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime is shutting down.
                Err(error) => Err(EngineError::Transport {
                    request: "snapshot".to_owned(),
                    source: error.into(),
                }),
            });
        self.counters.note(result)
    }

    /// Lists everything as the engine's own JSON: for captures and bug reports.
    ///
    /// # Errors
    ///
    /// When any of the lists cannot be had, and when the engine is no manager.
    pub async fn snapshot_raw(&self) -> Result<RawSwarm, EngineError> {
        let lists = self.lists().await?;
        self.counters.note(lists.read())
    }

    async fn lists(&self) -> Result<Lists, EngineError> {
        let (info, nodes, services, tasks) = tokio::join!(
            self.get("/info"),
            self.get("/nodes"),
            self.get("/services"),
            self.get("/tasks")
        );
        Ok(Lists {
            info: info?,
            nodes: nodes?,
            services: services?,
            tasks: tasks?,
        })
    }

    /// Changes of services and nodes as they are announced: only good for looking sooner. Tasks are never announced.
    /// Each item stands for at least one change; the stream ends when the connection does.
    pub fn events(&self) -> impl Stream<Item = Result<(), EngineError>> + Send + 'static {
        let filters = std::collections::HashMap::from([
            ("scope", vec!["swarm"]),
            ("type", vec!["service", "node"]),
        ]);
        let options = EventsOptionsBuilder::new().filters(&filters).build();
        let limit = self.transport.timeout();
        self.docker
            .events(Some(options))
            .map(move |event| match event {
                // An event of a kind that bollard does not know is an event all the same.
                Ok(_) | Err(bollard::errors::Error::JsonDataError { .. }) => Ok(()),
                Err(error) => Err(from_bollard("GET /events", limit, error)),
            })
    }

    async fn get(&self, path: &str) -> Result<Answer, EngineError> {
        self.counted(self.transport.get(path).await)
    }

    /// Counts one request and its failure.
    fn counted<T>(&self, result: Result<T, EngineError>) -> Result<T, EngineError> {
        self.counters.count_request();
        self.counters.note(result)
    }
}

/// The answers that a snapshot is made of, not yet read.
struct Lists {
    info: Answer,
    nodes: Answer,
    services: Answer,
    tasks: Answer,
}

impl Lists {
    fn read(self) -> Result<RawSwarm, EngineError> {
        Ok(RawSwarm {
            info: json("GET /info", &self.info)?,
            nodes: json("GET /nodes", &self.nodes)?,
            services: json("GET /services", &self.services)?,
            tasks: json("GET /tasks", &self.tasks)?,
            api_version: self.info.api_version,
        })
    }
}

fn json(request: &str, answer: &Answer) -> Result<Value, EngineError> {
    serde_json::from_slice(&answer.body).map_err(|source| EngineError::Malformed {
        request: request.to_owned(),
        source,
    })
}

fn from_bollard(request: &str, after: Duration, error: bollard::errors::Error) -> EngineError {
    use bollard::errors::Error;
    match error {
        Error::DockerResponseServerError {
            status_code,
            message,
        } => EngineError::from_status(request, status_code, message),
        Error::RequestTimeoutError => EngineError::Timeout {
            request: request.to_owned(),
            after,
        },
        Error::HyperLegacyError { err } => classify_cause(request, err.into()),
        other => classify_cause(request, other.into()),
    }
}

#[cfg(test)]
mod tests;
