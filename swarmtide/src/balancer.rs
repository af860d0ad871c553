//! The balancer: backend sets in, a data plane kept equal to them, its state out.
//!
//! One thread of its own owns reconciler and data plane, since a kernel is asked over blocking sockets; everybody else talks
//! to [`Balancer`]. `swarmtide run` has one beside the scaler, `swarmtide lbsync` is little else. What it does deliberately not
//! decide: what the table should be, which is `lbsync`'s.

mod backends;
mod engine_source;
mod feed;
mod inbox;
pub mod kernel;
pub(crate) mod latency;
mod memory;
mod plane;
mod probes;
mod status;
mod streams;
pub mod wire;
mod worker;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use arc_swap::ArcSwap;
use collector::ContainerUuid;
use lbsync::{BackendSet, SourceState};
use tokio::sync::watch;

pub(crate) use engine_source::{Source, follow};
pub use feed::{Feed, Listener};
pub use plane::{Plane, PlaneError};
pub use status::{BalancerStatus, Expected, Numbers, SOURCES, TablePlace};
pub(crate) use streams::{Streams, follow as listen};

use crate::{clock::Clock, config::Lbsync, sidecar::Counted};
use inbox::{Arrival, Inbox};
use kernel::Namespace;
use latency::Latency;
use memory::MemoryFile;
use probes::Probes;
use status::Published;
use wire::{Teller, WireSet};
use worker::Worker;

/// A balancer that runs, shared by all who offer it sets or ask about it. Its thread ends with the last of them.
#[derive(Debug, Clone)]
pub struct Balancer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    enabled: bool,
    plane: &'static str,
    place: TablePlace,
    clock: Clock,
    feed: Feed,
    sources: ArcSwap<Vec<SourceState>>,
    quarantine: ArcSwap<BTreeSet<ContainerUuid>>,
    desk: Arc<Desk>,
    ended: watch::Receiver<()>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the thread and everybody else have in common.
#[derive(Debug)]
struct Desk {
    inbox: Inbox,
    published: Mutex<Published>,
}

impl Desk {
    fn published(&self) -> MutexGuard<'_, Published> {
        // A panic elsewhere leaves a state that is whole.
        self.published
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.desk.inbox.stop();
    }
}

/// A set as it is offered, with what others have to know about it.
#[derive(Debug)]
pub(crate) struct Offer {
    pub(crate) set: Arc<BackendSet>,
    pub(crate) from: Teller,
    /// When the list that shows it was begun, on this process' clock.
    pub(crate) listed: Duration,
}

impl Balancer {
    /// Starts the thread on a data plane; none starts where `lbsync.enabled` is false.
    ///
    /// # Errors
    /// When the thread cannot be made.
    pub fn start(config: &Lbsync, clock: Clock, plane: Plane) -> std::io::Result<Self> {
        let mut memory = MemoryFile::new(config.state_file.clone(), &clock);
        let now = clock.now();
        let reconciler = worker::reconciler(config, &mut memory, now);
        let desk = Arc::new(Desk {
            inbox: Inbox::default(),
            published: Mutex::new(Published::of(&reconciler, now)),
        });
        let (alive, ended) = watch::channel(());
        let name = plane.name();
        let worker = Worker {
            desk: Arc::clone(&desk),
            clock: clock.clone(),
            source: reconciler.source().clone(),
            problems: Vec::new(),
            waiting: None,
            probes: Probes::new(Namespace::of(config.netns.as_deref())),
            reconciler,
            plane,
            memory,
        };
        let thread = if config.enabled {
            let builder = thread::Builder::new().name("balancer".to_owned());
            Some(builder.spawn(move || {
                let _alive = alive;
                worker.run();
            })?)
        } else {
            None
        };
        Ok(Self(Arc::new(Inner {
            enabled: config.enabled,
            plane: name,
            place: TablePlace {
                netns: config.netns.clone(),
                ranges: config.ranges.iter().map(ToString::to_string).collect(),
            },
            clock,
            feed: Feed::new(config.streams_max),
            sources: ArcSwap::default(),
            quarantine: ArcSwap::default(),
            desk,
            ended,
            thread: Mutex::new(thread),
        })))
    }

    /// Whether a table is kept at all (`lbsync.enabled`).
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.0.enabled
    }

    /// Takes in what a source offers, for the table and for those who listen.
    pub(crate) fn offer(&self, offer: Offer) {
        let age = self.0.clock.now().saturating_sub(offer.listed);
        self.0.feed.publish(WireSet {
            version: String::new(),
            age_ms: u64::try_from(age.as_millis()).unwrap_or(u64::MAX),
            from: offer.from,
            set: (*offer.set).clone(),
        });
        let mut set = offer.set;
        if !set.quarantined.is_empty() {
            Arc::make_mut(&mut set).isolate();
        }
        self.0.desk.inbox.arrive(Arrival {
            set: Some(set),
            listed: offer.listed,
        });
    }

    /// Takes in a set that says why it is not to be gone by.
    pub(crate) fn source_doubtful(&self, set: BackendSet, reason: &str) {
        self.0.feed.away(reason);
        self.0.desk.inbox.arrive(Arrival {
            set: Some(Arc::new(set)),
            listed: self.0.clock.now(),
        });
    }

    /// Where the table is.
    pub(crate) fn place(&self) -> &TablePlace {
        &self.0.place
    }

    /// The table as it should be, for an audit.
    pub(crate) fn expected(&self) -> Arc<Expected> {
        Arc::clone(&self.0.desk.published().expected)
    }

    /// Takes in that there is no source to go by.
    pub(crate) fn source_away(&self, reason: &str) {
        self.0.feed.away(reason);
        self.0.desk.inbox.arrive(Arrival {
            set: None,
            listed: self.0.clock.now(),
        });
    }

    /// Sets who shall get no new connections; it is part of what this host's engine shows from now on.
    pub(crate) fn set_quarantine(&self, containers: BTreeSet<ContainerUuid>) {
        if **self.0.quarantine.load() != containers {
            self.0.quarantine.store(Arc::new(containers));
        }
    }

    /// Who shall get no new connections.
    pub(crate) fn quarantine(&self) -> Arc<BTreeSet<ContainerUuid>> {
        self.0.quarantine.load_full()
    }

    pub(crate) fn set_sources(&self, sources: Vec<SourceState>) {
        self.0.sources.store(Arc::new(sources));
    }

    /// The sidecars that sets come from; none where they come from this host's engine.
    pub(crate) fn sources(&self) -> Arc<Vec<SourceState>> {
        self.0.sources.load_full()
    }

    /// Asks for a comparison with the data plane as soon as possible.
    pub fn wake(&self) {
        self.0.desk.inbox.wake();
    }

    /// The set for those who listen.
    #[must_use]
    pub fn feed(&self) -> &Feed {
        &self.0.feed
    }

    /// The table and its state.
    #[must_use]
    pub fn status(&self) -> BalancerStatus {
        BalancerStatus {
            enabled: self.0.enabled,
            data_plane: self.0.plane,
            sources: self.0.sources.load().to_vec(),
            status: self.0.desk.published().status_at(self.0.clock.now()),
        }
    }

    /// Connections that the table has scheduled so far, without a copy of all of it.
    pub(crate) fn counted(&self) -> Counted {
        let published = self.0.desk.published();
        Counted {
            listed_age_ms: published.listed_age_ms(self.0.clock.now()),
            ..Counted::of(&published.status)
        }
    }

    /// The table as of the last pass, its ages as they were then.
    pub(crate) fn last_status(&self) -> Arc<lbsync::Status> {
        Arc::clone(&self.0.desk.published().status)
    }

    /// The table in numbers.
    #[must_use]
    pub fn numbers(&self) -> Numbers {
        self.0.desk.published().numbers
    }

    /// Times from the beginning of the list that showed a change to the moment that the data plane had it.
    pub(crate) fn latency(&self) -> Latency {
        self.0.desk.published().latency
    }

    /// What keeps a service from being balanced.
    #[must_use]
    pub fn label_errors(&self, service: &str) -> Vec<String> {
        let published = self.0.desk.published();
        let problems = published.status.problems.iter();
        problems
            .filter(|problem| problem.service == service)
            .map(|problem| problem.kind.to_string())
            .collect()
    }

    /// Waits until told to stop, ends all streams and the thread, and leaves the table as it is. Returns early when the thread
    /// breaks.
    pub(crate) async fn supervise(self, mut stop: watch::Receiver<bool>) {
        let mut ended = self.0.ended.clone();
        let broken = async {
            if self.0.enabled {
                // Nothing is ever sent: it changes only by being closed.
                while ended.changed().await.is_ok() {}
            } else {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => {}
            () = broken => return,
        }
        self.0.feed.close();
        self.0.desk.inbox.stop();
        let thread = {
            let mut thread = self.0.thread.lock().unwrap_or_else(PoisonError::into_inner);
            thread.take()
        };
        if let Some(thread) = thread {
            let joined = tokio::task::spawn_blocking(move || thread.join()).await;
            if !matches!(joined, Ok(Ok(()))) {
                tracing::error!("the balancer's thread broke while stopping");
            }
        }
    }
}
