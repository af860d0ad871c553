//! Events to other systems: an HTTP POST for each, signed, tried again until it is taken or given up.
//!
//! Each URL has a queue and a task of its own, so that one that hangs holds up no other, and nobody who tells something waits. The
//! body is the event as JSON. `X-Swarmtide-Signature: t=SECONDS,v1=HEX` is the HMAC-SHA256 of `SECONDS.BODY` under the secret: the
//! receiver computes it anew and refuses what is old.

mod deliver;
mod url;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use ring::hmac;
use scaler::Event;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::{Instant, sleep, timeout_at},
};

use crate::clock::Clock;
pub use deliver::TlsError;
use deliver::{Client, DeliveryError};
pub use url::{Url, UrlError};

/// The first wait after an attempt that failed; doubles with each further one.
const BACK_OFF: Duration = Duration::from_secs(1);

/// The longest wait between attempts.
const BACK_OFF_MAX: Duration = Duration::from_secs(300);

/// How long what is queued may take when the sidecar stops.
const DRAIN: Duration = Duration::from_secs(2);

/// How events are sent.
#[derive(Debug, Clone)]
pub struct WebhookOptions {
    /// Where to.
    pub urls: Vec<Url>,
    /// What bodies are signed with; unsigned without.
    pub secret: Option<Vec<u8>>,
    /// Kinds of events that are sent; empty sends all.
    pub events: Vec<String>,
    /// Events that wait for one URL at most.
    pub queue: usize,
    /// Attempts for one event.
    pub attempts: u32,
    /// Longest wait for an answer.
    pub timeout: Duration,
    /// File with certificates of authorities (PEM) that `https` servers are verified by.
    pub ca_file: std::path::PathBuf,
}

/// Counts of one URL.
#[derive(Debug, Default)]
struct Counts {
    delivered: AtomicU64,
    retries: AtomicU64,
    given_up: AtomicU64,
    dropped: AtomicU64,
    waiting: AtomicU64,
}

/// What was counted for one URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookStats {
    /// The URL without its query, which may hold a secret.
    pub url: String,
    /// Events taken by the receiver.
    pub delivered: u64,
    /// Attempts that failed and were repeated.
    pub retries: u64,
    /// Events given up after the last attempt, or because the receiver refused.
    pub given_up: u64,
    /// Events dropped because the queue was full.
    pub dropped: u64,
    /// Events in the queue.
    pub waiting: u64,
}

#[derive(Debug)]
struct Hook {
    url: Url,
    sender: mpsc::Sender<Event>,
    counts: Arc<Counts>,
}

/// All URLs.
#[derive(Debug)]
pub struct Webhooks {
    hooks: Vec<Hook>,
    events: Vec<String>,
}

impl Webhooks {
    /// Makes the queues, and the tasks in `tasks` that empty them until `stop`.
    ///
    /// # Errors
    /// [`TlsError`] when an `https` URL is there and the authorities' certificates cannot be read.
    pub fn start(
        options: WebhookOptions,
        clock: &Clock,
        tasks: &mut JoinSet<()>,
        stop: &watch::Receiver<bool>,
    ) -> Result<Self, TlsError> {
        let WebhookOptions {
            urls,
            secret,
            events,
            queue,
            attempts,
            timeout,
            ca_file,
        } = options;
        let key = secret.map(|secret| hmac::Key::new(hmac::HMAC_SHA256, &secret));
        let mut hooks = Vec::with_capacity(urls.len());
        for url in urls {
            let (sender, receiver) = mpsc::channel(queue.max(1));
            let counts = Arc::new(Counts::default());
            let hook = Task {
                client: Client::new(&url, timeout, &ca_file)?,
                key: key.clone(),
                attempts: attempts.max(1),
                clock: clock.clone(),
                counts: Arc::clone(&counts),
                name: url.shown(),
            };
            tasks.spawn(hook.run(receiver, stop.clone()));
            hooks.push(Hook {
                url,
                sender,
                counts,
            });
        }
        Ok(Self { hooks, events })
    }

    /// Queues an event for every URL; never waits.
    pub fn tell(&self, event: &Event) {
        let wanted =
            self.events.is_empty() || self.events.iter().any(|wanted| wanted == event.kind.name());
        if !wanted {
            return;
        }
        for hook in &self.hooks {
            if hook.sender.try_send(event.clone()).is_ok() {
                hook.counts.waiting.fetch_add(1, Ordering::Relaxed);
            } else {
                hook.counts.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// What was counted, by URL.
    #[must_use]
    pub fn stats(&self) -> Vec<WebhookStats> {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let hooks = self.hooks.iter();
        hooks
            .map(|hook| WebhookStats {
                url: hook.url.shown(),
                delivered: read(&hook.counts.delivered),
                retries: read(&hook.counts.retries),
                given_up: read(&hook.counts.given_up),
                dropped: read(&hook.counts.dropped),
                waiting: read(&hook.counts.waiting),
            })
            .collect()
    }
}

/// What empties one URL's queue.
struct Task {
    client: Client,
    key: Option<hmac::Key>,
    attempts: u32,
    clock: Clock,
    counts: Arc<Counts>,
    name: String,
}

impl Task {
    async fn run(self, mut queue: mpsc::Receiver<Event>, mut stop: watch::Receiver<bool>) {
        loop {
            let event = tokio::select! {
                _ = stop.wait_for(|stop| *stop) => break,
                event = queue.recv() => event,
            };
            let Some(event) = event else { return };
            let delivered = tokio::select! {
                _ = stop.wait_for(|stop| *stop) => false,
                () = self.deliver(&event) => true,
            };
            if !delivered {
                return self.drain(Some(event), &mut queue).await;
            }
        }
        self.drain(None, &mut queue).await;
    }

    /// One attempt for each event that is left, as far as the time goes.
    async fn drain(&self, first: Option<Event>, queue: &mut mpsc::Receiver<Event>) {
        let deadline = Instant::now() + DRAIN;
        let mut next = first.or_else(|| queue.try_recv().ok());
        while let Some(event) = next {
            let body = body(&event);
            match timeout_at(deadline, self.attempt(&body)).await {
                Ok(Ok(())) => self.count(&self.counts.delivered),
                Ok(Err(_)) | Err(_) => self.count(&self.counts.given_up),
            }
            next = queue.try_recv().ok();
        }
    }

    /// Tries until the receiver takes it, refuses it, or the attempts are used up.
    async fn deliver(&self, event: &Event) {
        let body = body(event);
        let mut wait = BACK_OFF;
        for attempt in 1..=self.attempts {
            let error = match self.attempt(&body).await {
                Ok(()) => return self.count(&self.counts.delivered),
                Err(error) => error,
            };
            let last = attempt == self.attempts || error.is_final();
            if last {
                tracing::warn!(url = self.name, event = event.kind.name(), %error, attempt, "an event was not delivered");
                return self.count(&self.counts.given_up);
            }
            self.counts.retries.fetch_add(1, Ordering::Relaxed);
            sleep(wait).await;
            wait = (wait * 2).min(BACK_OFF_MAX);
        }
    }

    fn count(&self, counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
        self.counts.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    async fn attempt(&self, body: &str) -> Result<(), DeliveryError> {
        let seconds = self.clock.unix_ms() / 1000;
        let signature = self.key.as_ref().map(|key| sign(key, seconds, body));
        self.client.post(body.to_owned(), signature).await
    }
}

/// The value of the signature's header.
fn sign(key: &hmac::Key, unix_seconds: u64, body: &str) -> String {
    let tag = hmac::sign(key, format!("{unix_seconds}.{body}").as_bytes());
    let hex: String = tag
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("t={unix_seconds},v1={hex}")
}

/// An event can always be written: it has no map with keys that are no text.
fn body(event: &Event) -> String {
    serde_json::to_string(event).unwrap_or_default()
}

#[cfg(test)]
mod tests;
