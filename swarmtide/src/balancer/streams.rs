//! Backend sets from sidecars elsewhere: a stream from each, reopened when it ends, and the newest set of all.
//!
//! Which of several sets is to be gone by is `lbsync`'s to decide; here are the connections and the clock.

mod backoff;
mod connection;
mod events;

use std::{sync::Arc, time::Duration};

use lbsync::{Choice, Sources, SourcesConfig, Verdict};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::sleep,
};

use super::{Balancer, Offer, wire::Teller};
use crate::{clock::Clock, config::SourceUrl, sidecar::chain};
use backoff::Backoff;
use connection::{News, SILENCE, Tell, Update};

/// Longest pause, so that sources that have grown old are noticed.
const LOOK: Duration = Duration::from_secs(1);

/// Sidecars to listen to.
#[derive(Debug)]
pub(crate) struct Streams {
    /// Where they are.
    pub(crate) urls: Vec<SourceUrl>,
    /// The bearer token that they want.
    pub(crate) token: Option<String>,
    /// The clock of this process.
    pub(crate) clock: Clock,
}

/// Offers the newest set of all until told to stop.
pub(crate) async fn follow(streams: Streams, balancer: Balancer, mut stop: watch::Receiver<bool>) {
    let (tell, mut news) = mpsc::channel(64);
    let mut readers = JoinSet::new();
    let token: Option<Arc<str>> = streams.token.map(Arc::from);
    for (source, url) in streams.urls.iter().enumerate() {
        let tell = Tell {
            source,
            clock: streams.clock.clone(),
            news: tell.clone(),
        };
        readers.spawn(keep_reading(url.clone(), token.clone(), tell));
    }
    let mut newest = Newest::new(&streams.urls);
    loop {
        let news = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = sleep(LOOK) => None,
            news = news.recv() => news,
        };
        if let Some(news) = news {
            newest.take(news);
        }
        newest.offer(&balancer, streams.clock.now());
    }
}

/// The sources, with what only the shell has to know of them.
struct Newest {
    sources: Sources,
    tellers: Vec<(Teller, Duration)>,
    /// Those that live and say that they cannot see the swarm: a sign of life is no confirmation.
    away: Vec<bool>,
}

impl Newest {
    fn new(urls: &[SourceUrl]) -> Self {
        let config = SourcesConfig { max_age: SILENCE };
        let names = urls.iter().map(|url| url.as_str().to_owned());
        Self {
            sources: Sources::new(names, config),
            tellers: vec![(Teller::default(), Duration::ZERO); urls.len()],
            away: vec![false; urls.len()],
        }
    }

    fn take(&mut self, news: News) {
        let News { source, update, at } = news;
        let (Some(teller), Some(away)) = (self.tellers.get_mut(source), self.away.get_mut(source))
        else {
            return;
        };
        match update {
            Update::Set(set) => {
                *away = false;
                *teller = (set.from, Duration::from_millis(set.age_ms));
                self.sources.receive(source, set.set, at);
            }
            Update::Resumed => {
                *away = false;
                self.sources.alive(source, at);
            }
            Update::Alive if *away => {}
            Update::Alive => self.sources.alive(source, at),
            Update::Away(reason) => {
                *away = true;
                self.sources.failed(source, reason);
            }
        }
    }

    /// Hands the balancer what there is to go by.
    fn offer(&mut self, balancer: &Balancer, now: Duration) {
        let choice = self.sources.choose(now);
        let doubt = match choice {
            Choice::Doubtful(reason) => Some(reason.to_owned()),
            Choice::Set(_) | Choice::Away => None,
        };
        let mut set = choice.to_set();
        if let Some(set) = &mut set {
            set.quarantined = self.sources.quarantined(now);
        }
        let states = self.sources.status(now);
        let chosen = states
            .iter()
            .position(|state| state.verdict == Verdict::Chosen);
        let teller = chosen.and_then(|chosen| self.tellers.get(chosen)).cloned();
        match (set, doubt) {
            (None, _) => balancer.source_away("no sidecar tells a backend set"),
            (Some(set), Some(reason)) => balancer.source_doubtful(set, &reason),
            (Some(set), None) => {
                let (from, age) = teller.unwrap_or_default();
                balancer.offer(Offer {
                    set: Arc::new(set),
                    from,
                    listed: now.saturating_sub(age),
                });
            }
        }
        balancer.set_sources(states);
    }
}

/// Reads one sidecar's stream again and again.
async fn keep_reading(url: SourceUrl, token: Option<Arc<str>>, tell: Tell) {
    let index = u64::try_from(tell.source).unwrap_or(0);
    let mut backoff = Backoff::new(tell.clock.unix_ms().wrapping_add(index << 32));
    let mut last = String::new();
    loop {
        let begun = tell.clock.now();
        let error = connection::read(&url, token.as_deref(), &mut last, &tell).await;
        let reason = chain(&error);
        tracing::warn!(source = %url, reason, "the stream of backend sets ended");
        tell.tell(Update::Away(reason)).await;
        // A stream that lasted was a good one.
        if tell.clock.now().saturating_sub(begun) > SILENCE {
            backoff.succeeded();
        }
        sleep(backoff.failed()).await;
    }
}
