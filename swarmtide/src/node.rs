//! `swarmtide lbsync`: a balancer node, which is a balancer with a source, a listener of its own, and nothing else.
//!
//! The source is this host's Engine API where it is a manager, else streams from sidecars. Stopping leaves the table as it is.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use swarm::Client;
use tokio::{net::TcpListener, sync::watch, task::JoinSet, time::timeout};

use crate::{
    balancer::{self, Balancer, Plane, Streams},
    clock::Clock,
    config::{Config, DockerEnvironment},
    http::{self, Connections, ReadAccess},
    sidecar::{client, watch_swarm},
};

/// Longest wait for HTTP requests under way when the node stops.
const HTTP_DRAIN: Duration = Duration::from_secs(3);

/// What the node's tasks and its HTTP handlers have in common.
#[derive(Debug)]
pub struct NodeShared {
    /// The configuration in force.
    pub config: Config,
    /// The balancer.
    pub balancer: Balancer,
    /// Connections of the HTTP listener.
    pub connections: Arc<Connections>,
    /// Who may read over HTTP.
    pub readers: ReadAccess,
    /// Set when the node is about to stop.
    pub stopping: AtomicBool,
}

impl NodeShared {
    /// What keeps the node from being of use, in words; empty when it is ready.
    ///
    /// A source that went away later is none of these: the table that was last right still forwards.
    #[must_use]
    pub fn not_ready(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        if self.stopping.load(Ordering::Relaxed) {
            reasons.push("the balancer is stopping".to_owned());
        }
        let status = self.balancer.last_status();
        if status.source == lbsync::SourceStatus::Waiting {
            reasons.push("no complete backend set has come yet".to_owned());
        }
        if let Some(error) = &status.list_error {
            reasons.push(error.clone());
        }
        reasons
    }
}

/// A running balancer node.
#[derive(Debug)]
pub struct Node {
    shared: Arc<NodeShared>,
    http_address: SocketAddr,
    stop: watch::Sender<bool>,
    stop_http: watch::Sender<bool>,
    tasks: JoinSet<()>,
    http: JoinSet<std::io::Result<()>>,
}

impl Node {
    /// Builds the parts and starts them. Needs a tokio runtime.
    ///
    /// # Errors
    /// When a part cannot be built: the data plane, the engine's address, certificates, a token.
    pub async fn start(config: Config, docker: &DockerEnvironment) -> anyhow::Result<Self> {
        let plane = Plane::open(&config.lbsync)?;
        Self::start_on(config, docker, plane).await
    }

    /// As [`Self::start`], on a data plane of the caller's.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_on(
        mut config: Config,
        docker: &DockerEnvironment,
        plane: Plane,
    ) -> anyhow::Result<Self> {
        // Who starts a balancer node wants the table kept.
        config.lbsync.enabled = true;
        let address = config.http.listen.0;
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("http.listen: cannot bind TCP {address}"))?;
        let http_address = listener.local_addr()?;
        let readers = ReadAccess::for_readers(config.http.read_token_file.as_deref())?;
        let clock = Clock::start();
        let origin = Origin::of(&config, docker, &clock)?;
        let balancer = Balancer::start(&config.lbsync, clock.clone(), plane)
            .context("the balancer's thread cannot be started")?;
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let follow = origin.follow(config.clone(), clock, balancer.clone(), stopped.clone());
        tasks.spawn(follow);
        tasks.spawn(balancer.clone().supervise(stopped));
        let shared = Arc::new(NodeShared {
            config,
            balancer,
            connections: Arc::default(),
            readers,
            stopping: AtomicBool::new(false),
        });
        let mut http = JoinSet::new();
        let router = http::node_router(Arc::clone(&shared));
        let connections = Arc::clone(&shared.connections);
        let (stop_http, http_stopped) = watch::channel(false);
        http.spawn(http::serve(listener, router, connections, http_stopped));
        Ok(Self {
            shared,
            http_address,
            stop,
            stop_http,
            tasks,
            http,
        })
    }

    /// What the parts share.
    #[must_use]
    pub fn shared(&self) -> &Arc<NodeShared> {
        &self.shared
    }

    /// Where HTTP is served.
    #[must_use]
    pub const fn http_address(&self) -> SocketAddr {
        self.http_address
    }

    /// Waits until a part breaks, which none should.
    ///
    /// # Errors
    /// What broke.
    pub async fn broken(&mut self) -> anyhow::Error {
        tokio::select! {
            Some(ended) = self.tasks.join_next() => match ended {
                Ok(()) => anyhow::anyhow!("a part of the balancer ended by itself"),
                Err(error) => anyhow::Error::new(error).context("a part of the balancer broke"),
            },
            Some(ended) = self.http.join_next() => match ended {
                Ok(Ok(())) => anyhow::anyhow!("the HTTP server ended by itself"),
                Ok(Err(error)) => anyhow::Error::new(error).context("the HTTP server failed"),
                Err(error) => anyhow::Error::new(error).context("the HTTP server broke"),
            },
        }
    }

    /// Says no on `/ready`, ends the streams, leaves the table, and stops.
    pub async fn stop(mut self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        self.stop.send_replace(true);
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a part of the balancer broke while stopping");
            }
        }
        self.stop_http.send_replace(true);
        if timeout(HTTP_DRAIN, self.http.join_next()).await.is_err() {
            tracing::warn!("HTTP requests were still under way");
        }
    }
}

/// Where backend sets come from.
enum Origin {
    /// This host's engine.
    Engine(Box<Client>),
    /// Sidecars elsewhere.
    Sidecars(Streams),
}

impl Origin {
    fn of(config: &Config, docker: &DockerEnvironment, clock: &Clock) -> anyhow::Result<Self> {
        let lbsync = &config.lbsync;
        if lbsync.sources.is_empty() {
            return Ok(Self::Engine(Box::new(client(config, docker)?)));
        }
        let token = lbsync
            .source_token_file
            .as_deref()
            .map(|file| http::token("lbsync.source_token_file", file))
            .transpose()?;
        Ok(Self::Sidecars(Streams {
            urls: lbsync.sources.clone(),
            token,
            clock: clock.clone(),
        }))
    }

    /// Offers backend sets until told to stop.
    async fn follow(
        self,
        config: Config,
        clock: Clock,
        balancer: Balancer,
        stop: watch::Receiver<bool>,
    ) {
        match self {
            Self::Sidecars(streams) => balancer::listen(streams, balancer, stop).await,
            Self::Engine(client) => {
                let watch = watch_swarm(&config, *client, &clock);
                let source = balancer::Source {
                    watch: &watch,
                    clock: &clock,
                    max_age: config.scaler.view_max_age.get(),
                };
                balancer::follow(source, balancer, stop).await;
            }
        }
    }
}
