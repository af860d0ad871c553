//! The newest backend set for everybody who listens: encoded once, and handed to each when it has room.
//!
//! A listener that is slow misses what lies between: only the newest set matters. Nothing is queued.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::body::Bytes;
use tokio::{sync::watch, time::sleep};

use super::wire::WireSet;

/// The event that carries a set.
pub(super) const BACKENDS: &str = "backends";

/// The comment that says that the listener knows the newest set.
pub(super) const CURRENT: &str = "current";

/// The event that says that the sidecar cannot see the swarm at present.
pub(super) const AWAY: &str = "away";

/// Time between two signs of life on a stream.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(5);

/// What is published at the moment.
#[derive(Debug, Clone, Default)]
struct Published {
    set: Option<Arc<WireSet>>,
    /// The event that tells it, or that there is none at present.
    frame: Bytes,
    away: bool,
    closed: bool,
}

/// The newest set, and who listens.
#[derive(Debug)]
pub struct Feed {
    published: watch::Sender<Published>,
    open: Arc<AtomicUsize>,
    refused: AtomicU64,
    most: usize,
}

impl Feed {
    /// A feed without a set, for at most so many listeners.
    pub(super) fn new(most: usize) -> Self {
        Self {
            published: watch::channel(Published::default()).0,
            open: Arc::default(),
            refused: AtomicU64::new(0),
            most,
        }
    }

    /// Publishes a set if it says anything new.
    pub(super) fn publish(&self, mut set: WireSet) {
        self.published.send_if_modified(|published| {
            let known = published.set.as_ref();
            let same = known.is_some_and(|known| known.says_the_same(&set));
            if same && !published.away {
                return false;
            }
            set.set_version();
            published.frame = frame(&set);
            published.set = Some(Arc::new(set));
            published.away = false;
            true
        });
    }

    /// Says that the swarm cannot be seen from here.
    pub(super) fn away(&self, reason: &str) {
        self.published.send_if_modified(|published| {
            let news = !published.away;
            published.away = true;
            published.frame = away(reason);
            news
        });
    }

    /// Ends all streams, and those that are opened from now on.
    pub(super) fn close(&self) {
        self.published
            .send_modify(|published| published.closed = true);
    }

    /// The newest set.
    #[must_use]
    pub fn current(&self) -> Option<Arc<WireSet>> {
        self.published.borrow().set.clone()
    }

    /// Listeners now.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Listeners turned away because there were too many.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Begins to listen; who names the newest version is not told it again. `None` when there are too many listeners.
    pub fn listen(&self, last_event_id: Option<&str>) -> Option<Listener> {
        let place = Place(Arc::clone(&self.open));
        if self.open.fetch_add(1, Ordering::Relaxed) >= self.most {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let mut published = self.published.subscribe();
        let greeting = {
            let now = published.borrow_and_update();
            let version = now.set.as_ref().map(|set| set.version.as_str());
            if !now.away && version.is_some() && version == last_event_id {
                Greeting::Current
            } else if now.frame.is_empty() {
                Greeting::Waiting
            } else {
                Greeting::Frame
            }
        };
        Some(Listener {
            published,
            greeting: Some(greeting),
            _place: place,
        })
    }
}

/// A place among the listeners, given back when dropped.
#[derive(Debug)]
struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a listener is told first.
#[derive(Debug)]
enum Greeting {
    /// It knows the newest set.
    Current,
    /// There is no set yet.
    Waiting,
    /// The newest set, or that there is none at present.
    Frame,
}

/// One listener.
#[derive(Debug)]
pub struct Listener {
    published: watch::Receiver<Published>,
    /// What comes first.
    greeting: Option<Greeting>,
    _place: Place,
}

impl Listener {
    /// The next thing to send; `None` at the end.
    pub async fn next(&mut self) -> Option<Bytes> {
        if let Some(greeting) = self.greeting.take() {
            let now = self.published.borrow().clone();
            return (!now.closed).then(|| match greeting {
                Greeting::Current => Bytes::from(format!(": {CURRENT}\n\n")),
                Greeting::Waiting => Bytes::from_static(b": waiting\n\n"),
                Greeting::Frame => now.frame,
            });
        }
        tokio::select! {
            changed = self.published.changed() => {
                changed.ok()?;
                let now = self.published.borrow_and_update().clone();
                (!now.closed).then_some(now.frame)
            }
            () = sleep(HEARTBEAT) => Some(Bytes::from_static(b": alive\n\n")),
        }
    }
}

fn frame(set: &WireSet) -> Bytes {
    // What was built from strings and numbers can be written.
    let data = serde_json::to_string(set).unwrap_or_default();
    Bytes::from(format!(
        "event: {BACKENDS}\nid: {}\ndata: {data}\n\n",
        set.version
    ))
}

fn away(reason: &str) -> Bytes {
    let data = serde_json::json!({ "reason": reason });
    Bytes::from(format!("event: {AWAY}\ndata: {data}\n\n"))
}

#[cfg(test)]
mod tests {
    use lbsync::{BackendSet, Completeness, Generation};

    use super::*;
    use crate::balancer::wire::Teller;

    fn publish(feed: &Feed, names: &[&str], generation: u64) {
        let service = |name: &&str| lbsync::Service {
            id: (*name).to_owned(),
            name: (*name).to_owned(),
            labels: [].into(),
            created: 0,
            stop_grace_period: Duration::ZERO,
            backends: Vec::new(),
        };
        feed.publish(WireSet {
            version: String::new(),
            age_ms: 0,
            from: Teller::default(),
            set: BackendSet {
                cluster: String::new(),
                generation: Generation {
                    index: generation,
                    listed_unix_ms: generation,
                },
                completeness: Completeness::Complete,
                services: names.iter().map(service).collect(),
                quarantined: [].into(),
            },
        });
    }

    async fn text(listener: &mut Listener) -> String {
        String::from_utf8(listener.next().await.unwrap().to_vec()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_listener_gets_the_newest_set_and_signs_of_life() {
        let feed = Feed::new(8);
        publish(&feed, &["a"], 1);
        let mut listener = feed.listen(None).unwrap();
        assert!(
            text(&mut listener)
                .await
                .starts_with("event: backends\nid: 1-1-")
        );
        for index in 2..=9 {
            publish(&feed, &["a", &index.to_string()], index);
        }
        let newest = text(&mut listener).await;
        assert!(newest.contains("id: 9-9-"), "{newest}");
        assert_eq!(text(&mut listener).await, ": alive\n\n");
        let version = feed.current().unwrap().version.clone();
        let mut resumed = feed.listen(Some(&version)).unwrap();
        assert_eq!(text(&mut resumed).await, ": current\n\n");
        let mut behind = feed.listen(Some("1-1-0")).unwrap();
        assert!(text(&mut behind).await.contains("id: 9-9-"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_set_that_says_nothing_new_is_not_sent_again() {
        let feed = Feed::new(1);
        publish(&feed, &["a"], 1);
        let mut listener = feed.listen(None).unwrap();
        text(&mut listener).await;
        publish(&feed, &["a"], 2);
        assert_eq!(text(&mut listener).await, ": alive\n\n");
        feed.away("the engine does not answer");
        let away = text(&mut listener).await;
        assert!(away.starts_with("event: away\ndata: "), "{away}");
        feed.away("it still does not");
        assert_eq!(text(&mut listener).await, ": alive\n\n");
        publish(&feed, &["a"], 3);
        let back = text(&mut listener).await;
        assert!(back.contains("id: 3-3-"), "{back}");
    }

    #[tokio::test]
    async fn listeners_are_bounded_and_the_end_is_told() {
        let feed = Feed::new(1);
        let mut listener = feed.listen(None).unwrap();
        assert!(feed.listen(None).is_none());
        assert_eq!((feed.open(), feed.refused()), (1, 1));
        text(&mut listener).await;
        feed.close();
        assert_eq!(listener.next().await, None);
        drop(listener);
        assert_eq!(feed.open(), 0);
    }
}
