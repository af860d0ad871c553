//! The sidecar: its parts built from the configuration, wired together, run, and stopped in order.
//!
//! Sockets are bound before anything starts and handed in, so that tests and the demo bind their own.

mod capacity;
mod rates;
mod scaling;
mod shared;
mod told;
mod translate;

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use arc_swap::ArcSwap;
use collector::{
    AllowList, Collector,
    listener::{self, BoundListener, ListenConfig, ListenError, Listener},
};
use swarm::{Client, ClientOptions, Watch, WatchConfig};
use tokio::{net::TcpListener, sync::watch, task::JoinSet, time::timeout};

pub use crate::config::DockerEnvironment;
pub(crate) use rates::balancers;
pub use rates::{Counted, CountedService, Rates};
pub(crate) use scaling::{Senses, look};
pub use shared::{LastTick, Seen, Shared, chain};
pub use told::Told;
pub(crate) use translate::members;

use crate::{
    balancer::{self, Balancer, Plane},
    candidate_file,
    clock::Clock,
    config::Config,
    exposition::Recorder,
    http::{self, ReadAccess, WriteAccess},
    overview::{self, Overview},
    recording::Recording,
    series::Series,
    state_file::StateFile,
    talkers::Past,
};

/// Longest wait for HTTP requests under way when the sidecar stops.
const HTTP_DRAIN: Duration = Duration::from_secs(3);

/// Sockets that are bound and do not receive yet.
#[derive(Debug)]
pub struct Bound {
    http: TcpListener,
    sflow: BoundListener,
    recording: Option<Arc<Recording>>,
}

impl Bound {
    /// Binds what the configuration names.
    ///
    /// # Errors
    /// When an address cannot be bound; the error names it.
    pub async fn bind(config: &Config) -> anyhow::Result<Self> {
        let address = config.http.listen.0;
        let http = TcpListener::bind(address)
            .await
            .with_context(|| format!("http.listen: cannot bind TCP {address}"))?;
        let sflow = listener::bind(&ListenConfig {
            addresses: config
                .collector
                .listen
                .iter()
                .map(|listen| listen.0)
                .collect(),
            sockets_per_address: config.collector.sockets,
            receive_buffer_bytes: config.collector.receive_buffer.get(),
            ..ListenConfig::default()
        })
        .context("collector.listen")?;
        Ok(Self {
            http,
            sflow,
            recording: None,
        })
    }

    /// Has everything that decisions depend on written to a recording.
    #[must_use]
    pub fn with_recording(mut self, recording: Recording) -> Self {
        self.recording = Some(Arc::new(recording));
        self
    }

    /// Where HTTP is served.
    ///
    /// # Errors
    /// When the kernel does not say.
    pub fn http_address(&self) -> std::io::Result<SocketAddr> {
        self.http.local_addr()
    }

    /// Where sFlow is received.
    #[must_use]
    pub fn sflow_addresses(&self) -> Vec<SocketAddr> {
        self.sflow.local_addresses()
    }
}

/// A running sidecar.
#[derive(Debug)]
pub struct Sidecar {
    shared: Arc<Shared>,
    http_address: SocketAddr,
    stop: watch::Sender<bool>,
    stop_http: watch::Sender<bool>,
    tasks: JoinSet<()>,
    http: JoinSet<std::io::Result<()>>,
}

impl Sidecar {
    /// Builds the parts and starts them. Needs a tokio runtime.
    ///
    /// # Errors
    /// When a part cannot be built: the engine's address, certificates, the state folder, the token.
    pub fn start(config: Config, docker: &DockerEnvironment, bound: Bound) -> anyhow::Result<Self> {
        Self::start_with(Clock::start(), config, docker, bound)
    }

    /// As [`Self::start`], on a clock of the caller's: one moved by hand, for replays.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_with(
        clock: Clock,
        config: Config,
        docker: &DockerEnvironment,
        bound: Bound,
    ) -> anyhow::Result<Self> {
        let http_address = bound.http_address()?;
        let access = WriteAccess::decide(http_address, config.http.token_file.as_deref())?;
        let readers = ReadAccess::decide(config.http.read_token_file.as_deref(), &access)?;
        let state_file = StateFile::open(&config.state.directory)?;
        let admin = state_file
            .read()?
            .unwrap_or_else(|| scaler::AdminState::new(config.scaler.state));
        let client = client(&config, docker)?;
        let watch = watch_swarm(&config, client.clone(), &clock);
        let collector = Arc::new(Collector::new(collector_config(
            &config,
            bound.recording.is_some(),
        )));
        if let Some(recording) = &bound.recording {
            recording.in_order(|frames| frames.admin(&admin, clock.now()));
        }
        let listener = receive(bound.sflow, &collector, &clock, bound.recording.clone())?;
        let engine = scaler::Engine::new(
            config.scaler.settings(),
            config.scaler.defaults.clone(),
            admin,
        );
        let plane = Plane::open(&config.lbsync)?;
        let balancer = Balancer::start(&config.lbsync, clock.clone(), plane)
            .context("the balancer's thread cannot be started")?;
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let told = Told::start(&config, &clock, &mut tasks, &stopped)?;
        let shadows = shadows(&config)?;
        let shared = Arc::new(Shared {
            clock,
            collector,
            listener,
            watch,
            client,
            engine: Mutex::new(engine),
            shadows: Mutex::new(shadows),
            told,
            recording: bound.recording,
            balancer: balancer.clone(),
            rates: Mutex::new(Rates::new(balancers(&config))),
            balancers_token: balancers_token(&config)?,
            last_tick: ArcSwap::default(),
            past: Mutex::new(Past::default()),
            series: Mutex::new(series(&config)),
            overview: Overview::new(config.http.streams_max),
            state_file: tokio::sync::Mutex::new(state_file),
            recorder: Recorder::new(),
            connections: Arc::default(),
            access,
            readers,
            stopping: AtomicBool::new(false),
            config,
        });
        let (stop_http, http_stopped) = watch::channel(false);
        tasks.spawn(scaling::run(Arc::clone(&shared), stopped.clone()));
        tasks.spawn(follow(Arc::clone(&shared), stopped.clone()));
        tasks.spawn(rates::run(Arc::clone(&shared), stopped.clone()));
        tasks.spawn(balancer.supervise(stopped.clone()));
        tasks.spawn(overview::run(Arc::clone(&shared), stopped.clone()));
        tasks.spawn(expire(Arc::clone(&shared), stopped));
        let http = serve(bound.http, &shared, http_stopped);
        Ok(Self {
            shared,
            http_address,
            stop,
            stop_http,
            tasks,
            http,
        })
    }

    /// What the parts share, for the demo's view and for tests.
    #[must_use]
    pub fn shared(&self) -> &Arc<Shared> {
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
                Ok(()) => anyhow::anyhow!("a part of the sidecar ended by itself"),
                Err(error) => anyhow::Error::new(error).context("a part of the sidecar broke"),
            },
            Some(ended) = self.http.join_next() => match ended {
                Ok(Ok(())) => anyhow::anyhow!("the HTTP server ended by itself"),
                Ok(Err(error)) => anyhow::Error::new(error).context("the HTTP server failed"),
                Err(error) => anyhow::Error::new(error).context("the HTTP server broke"),
            },
        }
    }

    /// Says no on `/ready`, finishes the writes in hand, leaves the balancer's table, and stops.
    pub async fn stop(mut self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        self.stop.send_replace(true);
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a part of the sidecar broke while stopping");
            }
        }
        self.shared.told.close();
        if let Some(recording) = &self.shared.recording {
            recording.close();
        }
        self.stop_http.send_replace(true);
        if timeout(HTTP_DRAIN, self.http.join_next()).await.is_err() {
            tracing::warn!("HTTP requests were still under way");
        }
    }
}

/// The token for the balancers that are asked for their connections.
fn balancers_token(config: &Config) -> anyhow::Result<Option<String>> {
    let file = config.scaler.balancers_token_file.as_deref();
    let token = file.map(|file| http::token("scaler.balancers_token_file", file));
    Ok(token.transpose()?)
}

/// The Engine API, as the configuration and the environment name it.
pub(crate) fn client(config: &Config, docker: &DockerEnvironment) -> anyhow::Result<Client> {
    let endpoint = docker.endpoint(&config.engine).context("engine.host")?;
    let options = ClientOptions {
        timeout: config.engine.timeout.get(),
        limit_bytes: config.engine.answer_limit.get(),
    };
    Ok(Client::new(endpoint, options)?)
}

/// Begins to list the swarm. Needs a tokio runtime.
pub(crate) fn watch_swarm(config: &Config, client: Client, clock: &Clock) -> Watch {
    let watch_config = WatchConfig {
        interval: config.engine.interval.get(),
        seed: clock.unix_ms(),
        ..WatchConfig::default()
    };
    // Where the clock is moved by hand, the engine is nobody's, and a slow machine would only wait.
    let watch_config = if clock.goes_by_itself() {
        watch_config
    } else {
        WatchConfig {
            idle: 0,
            ..watch_config
        }
    };
    let clock = clock.clone();
    Watch::start(client, watch_config, swarm::Clock::new(move || clock.now()))
}

/// Offers the balancer what the swarm shows.
async fn follow(shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    if !shared.balancer.is_enabled() {
        _ = stop.wait_for(|stop| *stop).await;
        return;
    }
    let source = balancer::Source {
        watch: &shared.watch,
        clock: &shared.clock,
        max_age: shared.config.scaler.view_max_age.get(),
    };
    balancer::follow(source, shared.balancer.clone(), stop).await;
}

/// Begins to answer over HTTP.
fn serve(
    listener: TcpListener,
    shared: &Arc<Shared>,
    stopped: watch::Receiver<bool>,
) -> JoinSet<std::io::Result<()>> {
    let router = http::router(Arc::clone(shared));
    let connections = Arc::clone(&shared.connections);
    let mut http = JoinSet::new();
    http.spawn(http::serve(listener, router, connections, stopped));
    http
}

/// Where the page's charts come from.
fn series(config: &Config) -> Series {
    let http = &config.http;
    Series::new(http.series_window.get(), http.series_limit.get())
}

/// The policies to be tried beside the live one.
fn shadows(config: &Config) -> anyhow::Result<scaler::shadow::Shadows> {
    let files = config.shadow.candidates.iter();
    let candidates = files
        .map(|path| candidate_file::read(path))
        .collect::<Result<Vec<_>, _>>()
        .context("shadow.candidates")?;
    Ok(scaler::shadow::Shadows::new(
        candidates,
        config.scaler.settings(),
        config.scaler.defaults.clone(),
    ))
}

/// Starts the receive threads. A clock that goes by itself is read by them without a detour.
fn receive(
    sflow: BoundListener,
    collector: &Arc<Collector>,
    clock: &Clock,
    recording: Option<Arc<Recording>>,
) -> Result<Listener, ListenError> {
    let collector = Arc::clone(collector);
    if let Some(recording) = recording {
        let clock = clock.clone();
        return sflow.start_with(clock.epoch(), move |source, datagram, _| {
            recording.in_order(|frames| {
                let now = clock.now();
                frames.datagram(source, datagram, now);
                collector.ingest(source, datagram, now);
            });
        });
    }
    if clock.goes_by_itself() {
        return sflow.start(collector, clock.epoch());
    }
    let clock = clock.clone();
    sflow.start_with(clock.epoch(), move |source, datagram, _| {
        collector.ingest(source, datagram, clock.now());
    })
}

/// Forgets what is gone from telemetry, each second; ends when nobody receives any more.
async fn expire(shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            _ = ticks.tick() => forget(&shared),
        }
        if let Some(address) = shared.listener.broken() {
            tracing::error!(%address, "the thread that receives sFlow has ended");
            return;
        }
    }
}

fn forget(shared: &Shared) {
    let Some(recording) = &shared.recording else {
        return shared.collector.expire(shared.clock.now());
    };
    recording.in_order(|frames| {
        let now = shared.clock.now();
        frames.expire(now);
        shared.collector.expire(now);
    });
}

/// With `in_order` there is one shard, so that sums are added up in the same order each time: a recording lets in one at a time anyway.
pub(crate) fn collector_config(config: &Config, in_order: bool) -> collector::Config {
    let shards = collector::Config::default().shards;
    collector::Config {
        allow: AllowList::new(config.collector.allow.iter().map(|cidr| cidr.0).collect()),
        polling: config.collector.polling.get(),
        max_agents: config.collector.max_agents,
        max_data_sources: config.collector.max_data_sources,
        max_talkers: config.collector.max_talkers,
        shards: if in_order { 1 } else { shards },
        ..collector::Config::default()
    }
}
