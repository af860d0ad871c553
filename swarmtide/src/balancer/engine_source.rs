//! The backend set out of this host's Engine API: every view of the swarm becomes an offer.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use collector::ContainerUuid;
use lbsync::Generation;
use swarm::{View, Watch};
use tokio::{sync::watch, time::sleep};

use super::{
    Balancer, Offer,
    backends::{Doubt, backend_set},
    wire::Teller,
};
use crate::clock::Clock;

/// Longest pause, so that a view that has grown old is noticed.
const LOOK: Duration = Duration::from_secs(1);

/// Where views come from, and how old one may be.
#[derive(Debug)]
pub(crate) struct Source<'a> {
    /// The swarm as last listed.
    pub(crate) watch: &'a Watch,
    /// The clock that views are stamped with.
    pub(crate) clock: &'a Clock,
    /// A view older than this is none.
    pub(crate) max_age: Duration,
}

/// Offers what the swarm shows until told to stop.
pub(crate) async fn follow(
    source: Source<'_>,
    balancer: Balancer,
    mut stop: watch::Receiver<bool>,
) {
    let mut observed = source.watch.subscribe();
    let mut doubt = Doubt::default();
    let mut index = 0;
    loop {
        let now = source.clock.now();
        let fresh = observed
            .borrow_and_update()
            .view
            .clone()
            .filter(|view| now.saturating_sub(view.taken) <= source.max_age);
        match fresh {
            Some(view) => {
                index = index.max(view.index);
                let quarantine = balancer.quarantine();
                let seen = (index, quarantine.as_ref());
                balancer.offer(offer(&view, &mut doubt, seen, source.clock));
            }
            None => balancer.source_away("the engine does not answer"),
        }
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = sleep(LOOK) => {}
            changed = observed.changed() => if changed.is_err() { return },
        }
    }
}

/// `index` is the highest that was seen: the removal of the newest object must not make a set look older.
fn offer(
    view: &View,
    doubt: &mut Doubt,
    (index, quarantine): (u64, &BTreeSet<ContainerUuid>),
    clock: &Clock,
) -> Offer {
    let now = clock.now();
    let completeness = doubt.judge(view, now);
    let age = now.saturating_sub(view.taken).as_millis();
    let age = u64::try_from(age).unwrap_or(u64::MAX);
    let generation = Generation {
        index,
        listed_unix_ms: clock.unix_ms().saturating_sub(age),
    };
    Offer {
        set: Arc::new(backend_set(view, generation, completeness, quarantine)),
        from: Teller {
            node: view.engine.node_id.to_string(),
            hostname: view.engine.hostname.clone(),
            leadership: view.leadership.as_word().to_owned(),
        },
        listed: view.taken,
    }
}
