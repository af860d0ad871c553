//! What the sidecar's tasks and its HTTP handlers have in common.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use collector::{Collector, GroupMetrics, listener::Listener};
use swarm::ServiceId;

use super::{Counted, Rates, told::Told};
use crate::{
    balancer::Balancer,
    clock::Clock,
    config::Config,
    exposition::Recorder,
    http::{Connections, ReadAccess, WriteAccess},
    overview::Overview,
    series::Series,
    state_file::StateFile,
    talkers::Past,
};

/// What the last tick saw of a service that has labels of ours.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Its ID.
    pub id: ServiceId,
    /// Replicas in the spec; 0 where the mode has none.
    pub replicas: u32,
    /// Tasks that serve.
    pub serving: u32,
    /// Tasks on their way.
    pub starting: u32,
    /// Tasks that run but shall not.
    pub draining: u32,
    /// What telemetry says about the containers of the serving tasks.
    pub metrics: GroupMetrics,
}

/// The inputs of one tick, kept for those who ask between ticks.
#[derive(Debug, Default)]
pub struct LastTick {
    /// When it was, since the clock's epoch; `None` before the first.
    pub at: Option<Duration>,
    /// How long it took.
    pub took: Duration,
    /// Services with labels of ours, by name.
    pub services: BTreeMap<String, Seen>,
}

/// Everything that more than one task of the sidecar uses.
#[derive(Debug)]
pub struct Shared {
    /// The one clock.
    pub clock: Clock,
    /// The configuration in force.
    pub config: Config,
    /// Telemetry.
    pub collector: Arc<Collector>,
    /// The UDP sockets.
    pub listener: Listener,
    /// The swarm as last listed.
    pub watch: swarm::Watch,
    /// The Engine API.
    pub client: swarm::Client,
    /// Decisions; locked for a tick and for short looks, never across an await.
    pub engine: Mutex<scaler::Engine>,
    /// Policies beside the live one; locked after the engine where both are.
    pub shadows: Mutex<scaler::shadow::Shadows>,
    /// Where events go.
    pub told: Told,
    /// Where everything that decisions depend on is written, if it is.
    pub recording: Option<Arc<crate::recording::Recording>>,
    /// Tasks that were lately, for the names of who talks.
    pub(crate) past: Mutex<Past>,
    /// What services did in the last hour, for the page.
    pub series: Mutex<Series>,
    /// What the page shows of all of them.
    pub overview: Overview,
    /// The load balancer's table.
    pub balancer: Balancer,
    /// New connections as balancers count them; locked after the engine where both are.
    pub rates: Mutex<Rates>,
    /// The bearer token for balancers elsewhere.
    pub balancers_token: Option<String>,
    /// What the last tick saw.
    pub last_tick: ArcSwap<LastTick>,
    /// What survives a restart; locked while a change is being written.
    pub state_file: tokio::sync::Mutex<StateFile>,
    /// The metrics of this sidecar.
    pub recorder: Recorder,
    /// Connections of the HTTP listener.
    pub connections: Arc<Connections>,
    /// Who may write over HTTP.
    pub access: WriteAccess,
    /// Who may read over HTTP.
    pub readers: ReadAccess,
    /// Set when the sidecar is about to stop.
    pub stopping: AtomicBool,
}

impl Shared {
    /// The scaler's engine.
    pub fn engine(&self) -> MutexGuard<'_, scaler::Engine> {
        lock(&self.engine)
    }

    /// Policies beside the live one.
    pub fn shadows(&self) -> MutexGuard<'_, scaler::shadow::Shadows> {
        lock(&self.shadows)
    }

    /// New connections as balancers count them.
    pub fn rates(&self) -> MutexGuard<'_, Rates> {
        lock(&self.rates)
    }

    /// Takes in what a balancer counted.
    pub(crate) fn note_connections(&self, balancer: usize, counted: &Counted) {
        match &self.recording {
            None => self.rates().note(balancer, counted, self.clock.now()),
            Some(recording) => recording.in_order(|frames| {
                let now = self.clock.now();
                frames.connections(balancer, counted, now);
                self.rates().note(balancer, counted, now);
            }),
        }
    }

    /// Whether any service scales by connections, or a candidate would.
    pub(crate) fn wants_connections(&self) -> bool {
        let view = self.watch.view();
        let services = view.iter().flat_map(|view| view.services.values());
        let mut labels = services.flat_map(|service| &service.labels);
        let about =
            |text: &str| text.starts_with(scaler::labels::PREFIX) && text.contains("connections.");
        labels.any(|(label, value)| about(label) || value.contains("connections."))
    }

    /// The tasks of the last minute.
    pub(crate) fn past(&self) -> MutexGuard<'_, Past> {
        lock(&self.past)
    }

    /// What services did in the last hour; locked after engine and shadows where they are too.
    pub fn series(&self) -> MutexGuard<'_, Series> {
        lock(&self.series)
    }

    /// What keeps the sidecar from being of use, in words; empty when it is ready.
    pub fn not_ready(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        if self.stopping.load(Ordering::Relaxed) {
            reasons.push("the sidecar is stopping".to_owned());
        }
        let observed = self.watch.observed();
        let now = self.clock.now();
        match &observed.view {
            None => reasons.push("the swarm has not been listed yet".to_owned()),
            Some(view) => {
                let age = now.saturating_sub(view.taken);
                if age > self.config.scaler.view_max_age.get() {
                    reasons.push(format!("the swarm was last listed {} s ago", age.as_secs()));
                }
            }
        }
        if let (false, Some(error)) = (reasons.is_empty(), &observed.error) {
            reasons.push(chain(error.as_ref()));
        }
        reasons
    }
}

/// An error with its causes, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        text.push_str(": ");
        text.push_str(&source.to_string());
        cause = source.source();
    }
    text
}

/// A panic elsewhere leaves state that is whole between calls: go on.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
