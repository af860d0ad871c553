//! Listens to the engine's events, only to wake the lister.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::StreamExt;
use tokio::sync::Notify;

use super::{WatchConfig, WatchStats, backoff::Backoff};
use crate::client::Client;

/// A stream that is silent for so long is opened anew: the other end of a TCP connection may be gone without a word.
const MAX_SILENCE: Duration = Duration::from_secs(300);

#[derive(Debug, Default)]
pub(super) struct EventCounters {
    events: AtomicU64,
    lost: AtomicU64,
}

impl EventCounters {
    pub(super) fn read_into(&self, stats: &mut WatchStats) {
        stats.events = self.events.load(Ordering::Relaxed);
        stats.event_streams_lost = self.lost.load(Ordering::Relaxed);
    }
}

/// Runs for ever.
pub(super) async fn listen(
    client: Client,
    config: WatchConfig,
    wake: Arc<Notify>,
    counters: Arc<EventCounters>,
) {
    // Not the lister's own seed: the two should not wait in step.
    let mut backoff = Backoff::new(config.interval, config.max_backoff, !config.seed);
    loop {
        let mut stream = pin!(client.events());
        while let Ok(Some(Ok(()))) = tokio::time::timeout(MAX_SILENCE, stream.next()).await {
            backoff.succeeded();
            counters.events.fetch_add(1, Ordering::Relaxed);
            wake.notify_one();
        }
        counters.lost.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(backoff.failed()).await;
    }
}
