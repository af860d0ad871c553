//! The sFlow agent of a node: its parts built from the configuration, run, and stopped in order.
//!
//! One thread reads the kernel and sends, another one samples packets where that is wanted; a task beside it asks the engine for names. The agent reads and never writes.

mod collectors;
mod engine;
mod http;
mod opted;
mod owners;
mod poller;
mod sampler;
mod settings;
mod shared;

use std::{sync::Arc, thread::JoinHandle};

use anyhow::Context as _;
use tokio::{net::TcpListener, sync::watch, task::JoinSet};

pub use settings::{HsflowdError, Plan, plan};
pub use shared::AGENT_METRICS;
pub(crate) use shared::Shared;

use crate::clock::Clock;
use poller::Poller;
use sampler::Sampler;

/// A running agent.
#[derive(Debug)]
pub struct Running {
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    stop_http: watch::Sender<bool>,
    tasks: JoinSet<()>,
    threads: Vec<JoinHandle<()>>,
}

impl Running {
    /// Builds the parts and starts them. Needs a tokio runtime.
    ///
    /// # Errors
    /// When a part cannot be built: no cgroup tree, an interface that is not there, a socket that cannot be bound.
    pub async fn start(plan: Plan) -> anyhow::Result<Self> {
        let clock = Clock::start();
        let addresses = collectors::resolve(&plan.collectors).await;
        let listener = match plan.listen {
            Some(address) => Some(
                TcpListener::bind(address)
                    .await
                    .with_context(|| format!("agent.listen: cannot bind TCP {address}"))?,
            ),
            None => None,
        };
        let shared = Arc::new(Shared::new(plan.engine.is_some()));
        let mut poller = Poller::new(&plan, clock.clone(), &addresses, Arc::clone(&shared))?;
        let sampler = Sampler::new(&plan, clock, Arc::clone(&shared))?;
        let (stop, stopped) = watch::channel(false);
        let (stop_http, http_stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        tasks.spawn(collectors::keep(
            plan.collectors.clone(),
            addresses,
            Arc::clone(&shared),
            stopped.clone(),
        ));
        if let Some(client) = plan.engine.clone() {
            tasks.spawn(engine::keep(
                client.clone(),
                Arc::clone(&shared),
                stopped.clone(),
            ));
            tasks.spawn(opted::keep(
                client,
                opted::Sidecars {
                    urls: plan.sidecars.clone(),
                    token_file: plan.sidecar_token_file.clone(),
                },
                Arc::clone(&shared),
                stopped,
            ));
        }
        if let Some(listener) = listener {
            tasks.spawn(http::serve(listener, Arc::clone(&shared), http_stopped));
        }
        let mut threads = Vec::new();
        if let Some((sampler, samples)) = sampler {
            poller.take_samples_from(samples);
            threads.push(start("sampler", move || sampler.run())?);
        }
        threads.push(start("agent", move || poller.run())?);
        Ok(Self {
            shared,
            stop,
            stop_http,
            tasks,
            threads,
        })
    }

    /// Waits until a part breaks, which none should.
    pub async fn broken(&mut self) -> anyhow::Error {
        match self.tasks.join_next().await {
            Some(Err(error)) => anyhow::Error::new(error).context("a part of the agent broke"),
            Some(Ok(())) => anyhow::anyhow!("a part of the agent ended by itself"),
            None => std::future::pending().await,
        }
    }

    /// Says no on `/ready`, stops polling, sends what is left, and ends.
    pub async fn stop(mut self) {
        self.shared.stop();
        self.stop.send_replace(true);
        for thread in self.threads.drain(..) {
            let joined = tokio::task::spawn_blocking(move || thread.join()).await;
            if !matches!(joined, Ok(Ok(()))) {
                tracing::error!("the agent's thread broke");
            }
        }
        self.stop_http.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
    }
}

fn start(name: &str, body: impl FnOnce() + Send + 'static) -> anyhow::Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(body)
        .context("cannot start the agent's thread")
}
