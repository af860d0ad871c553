//! A task that lists the swarm again and again, and publishes the newest view.
//!
//! The timer is what counts: every list is a full one, and an event only makes the next one come sooner. When the engine
//! does not answer, the last good view stays published with its time, and the error beside it. Each view remembers what the
//! engine forgets too early: see [`View::remember_ports`].

mod backoff;
mod events;

use std::{fmt, sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
};

use crate::{
    client::Client,
    error::{Chain, EngineError},
    view::View,
};
use backoff::Backoff;

/// Reads the shell's monotonic clock: the time since its epoch.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Duration + Send + Sync>);

impl Clock {
    /// A clock that calls `read`.
    pub fn new(read: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    fn now(&self) -> Duration {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// How often to look.
#[derive(Debug, Clone, Copy)]
pub struct WatchConfig {
    /// From the end of one list to the beginning of the next. Default 1 s; where backends are published, 0.5 s or less, so
    /// that a task that ends is seen before it gets SIGTERM.
    pub interval: Duration,
    /// How long after an event to look: what comes meanwhile costs nothing. Default 50 ms.
    pub debounce: Duration,
    /// The longest wait after failures. Default 10 s. The wait begins at `interval`, and doubles.
    pub max_backoff: Duration,
    /// A list that takes long is followed by a pause so many times as long: listing must not keep a core or the engine busy. Default 4.
    pub idle: u32,
    /// Whether to listen to events. Default true.
    pub events: bool,
    /// The seed of the jitter.
    pub seed: u64,
}

impl Default for WatchConfig {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(1),
            debounce: Duration::from_millis(50),
            max_backoff: Duration::from_secs(10),
            idle: 4,
            events: true,
            seed: 0,
        }
    }
}

/// What is known, and how well. The age of what is known is the time since `view.taken`.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// The last good view.
    pub view: Option<Arc<View>>,
    /// Why the newest list failed; `None` if it did not.
    pub error: Option<Arc<EngineError>>,
    /// Lists that failed in a row.
    pub failures: u32,
    /// Counters.
    pub stats: WatchStats,
}

/// Counters of a watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WatchStats {
    /// Lists that succeeded.
    pub relists: u64,
    /// Lists that failed.
    pub failed_relists: u64,
    /// Lists that came sooner because of an event or of [`Watch::look_now`].
    pub early_relists: u64,
    /// Events received.
    pub events: u64,
    /// Event streams that ended or could not be opened.
    pub event_streams_lost: u64,
}

/// A running watch. It ends when this is dropped.
#[derive(Debug)]
pub struct Watch {
    observed: watch::Receiver<Observed>,
    wake: Arc<Notify>,
    _tasks: JoinSet<()>,
}

impl Watch {
    /// Starts looking. Must be called inside a tokio runtime.
    #[must_use]
    pub fn start(client: Client, config: WatchConfig, clock: Clock) -> Self {
        let wake = Arc::new(Notify::new());
        let counters = Arc::new(events::EventCounters::default());
        let (publish, observed) = watch::channel(Observed::default());
        let mut tasks = JoinSet::new();
        if config.events {
            tasks.spawn(events::listen(
                client.clone(),
                config,
                Arc::clone(&wake),
                Arc::clone(&counters),
            ));
        }
        let lister = Lister {
            client,
            config,
            clock,
            wake: Arc::clone(&wake),
            counters,
            publish,
        };
        tasks.spawn(lister.run());
        Self {
            observed,
            wake,
            _tasks: tasks,
        }
    }

    /// What is known at this moment.
    #[must_use]
    pub fn observed(&self) -> Observed {
        self.observed.borrow().clone()
    }

    /// The last good view, if there was one.
    #[must_use]
    pub fn view(&self) -> Option<Arc<View>> {
        self.observed.borrow().view.clone()
    }

    /// A receiver that tells when something new was published. It sees the newest, not all.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Observed> {
        self.observed.clone()
    }

    /// Looks soon instead of at the next tick: after a write, for instance.
    pub fn look_now(&self) {
        self.wake.notify_one();
    }
}

struct Lister {
    client: Client,
    config: WatchConfig,
    clock: Clock,
    wake: Arc<Notify>,
    counters: Arc<events::EventCounters>,
    publish: watch::Sender<Observed>,
}

impl Lister {
    async fn run(self) {
        let mut backoff = Backoff::new(
            self.config.interval,
            self.config.max_backoff,
            self.config.seed,
        );
        let mut stats = WatchStats::default();
        loop {
            let wait = self.look(&mut backoff, &mut stats).await;
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.wake.notified(), if backoff.is_calm() => {
                    stats.early_relists += 1;
                    tokio::time::sleep(self.config.debounce).await;
                }
            }
        }
    }

    /// Lists once, publishes, and says how long to wait.
    async fn look(&self, backoff: &mut Backoff, stats: &mut WatchStats) -> Duration {
        // Pauses are on the runtime's time, so what they follow is measured in it: the shell's clock may be moved by hand.
        let began = tokio::time::Instant::now();
        let result = self.client.snapshot(self.clock.now()).await;
        let took = began.elapsed();
        match &result {
            Ok(_) => stats.relists += 1,
            Err(_) => stats.failed_relists += 1,
        }
        self.counters.read_into(stats);
        match result {
            Ok(mut view) => {
                if let Some(previous) = &self.publish.borrow().view {
                    view.remember_ports(previous);
                }
                if !backoff.is_calm() {
                    tracing::info!(engine = %self.client.endpoint(), "the engine answers again");
                }
                let wait = backoff.succeeded().max(took * self.config.idle);
                let view = Some(Arc::new(view));
                self.publish.send_replace(Observed {
                    view,
                    error: None,
                    failures: 0,
                    stats: *stats,
                });
                wait
            }
            Err(error) => {
                if backoff.is_calm() {
                    tracing::warn!(engine = %self.client.endpoint(), error = %Chain(&error), "cannot list the swarm");
                }
                let wait = backoff.failed();
                self.publish.send_modify(|observed| {
                    observed.error = Some(Arc::new(error));
                    observed.failures = observed.failures.saturating_add(1);
                    observed.stats = *stats;
                });
                wait
            }
        }
    }
}

#[cfg(test)]
mod tests;
