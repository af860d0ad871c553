//! Rows that many look at: each listener gets those that changed since it last looked, however slow it is.
//!
//! Nothing is queued for anybody: a row has the version in which it last changed, and a listener the version that it has seen.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::body::Bytes;
use tokio::{
    sync::{Notify, watch},
    time::sleep,
};

/// Without news a listener gets a sign of life after this long.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// One row as JSON.
#[derive(Debug, Clone)]
struct Row {
    version: u64,
    json: Arc<str>,
}

/// All rows at one moment.
#[derive(Debug, Clone, Default)]
struct Rows {
    version: u64,
    /// What is said about all of them together, as JSON.
    head: String,
    rows: BTreeMap<String, Row>,
    /// The version in which a row last went.
    gone: u64,
    closed: bool,
}

/// What a board counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BoardStats {
    /// Listeners now.
    pub open: usize,
    /// Listeners turned away because there were too many.
    pub refused: u64,
    /// Bytes handed to listeners.
    pub sent_bytes: u64,
}

/// Counters that listeners share.
#[derive(Debug, Default)]
struct Counters {
    open: AtomicUsize,
    refused: AtomicU64,
    sent_bytes: AtomicU64,
}

/// Rows, and who looks at them.
#[derive(Debug)]
pub struct Board {
    rows: watch::Sender<Arc<Rows>>,
    awaited: Notify,
    counters: Arc<Counters>,
    most: usize,
}

impl Board {
    /// An empty board for at most so many listeners.
    pub(super) fn new(most: usize) -> Self {
        Self {
            rows: watch::channel(Arc::default()).0,
            awaited: Notify::new(),
            counters: Arc::default(),
            most,
        }
    }

    /// Returns when somebody has begun to listen.
    pub(super) async fn awaited(&self) {
        self.awaited.notified().await;
    }

    /// Replaces the rows; those that say the same keep their version.
    pub(super) fn publish(&self, head: String, rows: impl IntoIterator<Item = (String, String)>) {
        let before = Arc::clone(&self.rows.borrow());
        let version = before.version + 1;
        let row = |(name, json): (String, String)| {
            let known = before.rows.get(&name).filter(|row| *row.json == *json);
            let row = known.cloned().unwrap_or_else(|| Row {
                version,
                json: json.into(),
            });
            (name, row)
        };
        let rows: BTreeMap<String, Row> = rows.into_iter().map(row).collect();
        let lost = before.rows.keys().any(|name| !rows.contains_key(name));
        self.rows.send_replace(Arc::new(Rows {
            version,
            head,
            rows,
            gone: if lost { version } else { before.gone },
            closed: before.closed,
        }));
    }

    /// Ends all streams, and those that are opened from now on.
    pub(super) fn close(&self) {
        self.rows
            .send_modify(|rows| Arc::make_mut(rows).closed = true);
    }

    /// What it counted.
    #[must_use]
    pub fn stats(&self) -> BoardStats {
        BoardStats {
            open: self.counters.open.load(Ordering::Relaxed),
            refused: self.counters.refused.load(Ordering::Relaxed),
            sent_bytes: self.counters.sent_bytes.load(Ordering::Relaxed),
        }
    }

    /// Begins to listen; `first` is said with the first rows, as JSON. `None` when there are too many listeners.
    pub(crate) fn listen(&self, first: Option<String>) -> Option<Listener> {
        let place = Place(Arc::clone(&self.counters));
        if self.counters.open.fetch_add(1, Ordering::Relaxed) >= self.most {
            self.counters.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let rows = self.rows.subscribe();
        self.awaited.notify_one();
        Some(Listener {
            rows,
            seen: None,
            first,
            place,
        })
    }
}

/// A place among the listeners, given back when dropped.
#[derive(Debug)]
struct Place(Arc<Counters>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One listener.
#[derive(Debug)]
pub(crate) struct Listener {
    rows: watch::Receiver<Arc<Rows>>,
    /// The version that it has seen.
    seen: Option<u64>,
    first: Option<String>,
    place: Place,
}

impl Listener {
    /// The next event; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<Bytes> {
        if self.rows.borrow().closed {
            return None;
        }
        tokio::select! {
            changed = self.rows.changed() => changed.ok()?,
            () = sleep(HEARTBEAT) => return Some(Bytes::from_static(b": alive\n\n")),
        }
        let rows = Arc::clone(&self.rows.borrow_and_update());
        if rows.closed {
            return None;
        }
        let frame = frame(&rows, self.seen, self.first.take().as_deref());
        self.seen = Some(rows.version);
        let sent = &self.place.0.sent_bytes;
        sent.fetch_add(frame.len() as u64, Ordering::Relaxed);
        Some(frame)
    }
}

/// The event for who has seen a version: `full` when it replaces all rows.
fn frame(rows: &Rows, seen: Option<u64>, first: Option<&str>) -> Bytes {
    let since = seen.filter(|seen| rows.gone <= *seen);
    let changed: Vec<&str> = rows
        .rows
        .values()
        .filter(|row| since.is_none_or(|since| row.version > since))
        .map(|row| &*row.json)
        .collect();
    let full = since.is_none();
    let first = first.map(|first| format!(",\"first\":{first}"));
    Bytes::from(format!(
        "event: rows\nid: {}\ndata: {{\"full\":{full},\"head\":{},\"rows\":[{}]{}}}\n\n",
        rows.version,
        rows.head,
        changed.join(","),
        first.unwrap_or_default(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(names: &[(&str, &str)]) -> Vec<(String, String)> {
        let own = |(name, json): &(&str, &str)| ((*name).to_owned(), (*json).to_owned());
        names.iter().map(own).collect()
    }

    async fn next(listener: &mut Listener) -> serde_json::Value {
        let frame = listener.next().await.unwrap();
        let text = std::str::from_utf8(&frame).unwrap().to_owned();
        let data = text.lines().find_map(|line| line.strip_prefix("data: "));
        serde_json::from_str(data.unwrap()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_listener_gets_all_and_then_what_changed() {
        let board = Board::new(2);
        board.publish("1".to_owned(), rows(&[("old", "0")]));
        let mut listener = board.listen(Some("[7]".to_owned())).unwrap();
        board.awaited().await;
        board.publish("2".to_owned(), rows(&[("a", "1"), ("b", "2")]));
        let event = next(&mut listener).await;
        assert_eq!(
            event,
            serde_json::json!({"full": true, "head": 2, "rows": [1, 2], "first": [7]})
        );
        board.publish("3".to_owned(), rows(&[("a", "1"), ("b", "5")]));
        let event = next(&mut listener).await;
        assert_eq!(
            event,
            serde_json::json!({"full": false, "head": 3, "rows": [5]})
        );
        board.publish("4".to_owned(), rows(&[("a", "1")]));
        let event = next(&mut listener).await;
        assert_eq!(
            event,
            serde_json::json!({"full": true, "head": 4, "rows": [1]})
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_listener_gets_the_newest_of_each_row() {
        let board = Board::new(2);
        let mut slow = board.listen(None).unwrap();
        board.publish("1".to_owned(), rows(&[("a", "1"), ("b", "1")]));
        next(&mut slow).await;
        board.publish("2".to_owned(), rows(&[("a", "2"), ("b", "1")]));
        board.publish("3".to_owned(), rows(&[("a", "3"), ("b", "1")]));
        let event = next(&mut slow).await;
        assert_eq!(event["rows"], serde_json::json!([3]));
    }

    #[tokio::test(start_paused = true)]
    async fn listeners_are_counted_bounded_and_sent_away_at_the_end() {
        let board = Board::new(1);
        let mut listener = board.listen(None).unwrap();
        assert!(board.listen(None).is_none());
        assert_eq!((board.stats().open, board.stats().refused), (1, 1));
        assert_eq!(listener.next().await.unwrap(), ": alive\n\n");
        board.close();
        assert!(listener.next().await.is_none());
        drop(listener);
        assert_eq!(board.stats().open, 0);
        assert!(board.listen(None).unwrap().next().await.is_none());
    }
}
