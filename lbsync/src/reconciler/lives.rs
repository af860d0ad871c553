//! What becomes of each destination over time: it joins, warms up, fails, comes back, drains and goes.
//!
//! A life is kept per destination that is wanted or listed. [`Lives::target`] turns the desired table, the listing, the
//! health and the time into the table to work towards; it decides nothing about how to get there.

mod serving;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::config::DestinationConfig;
use crate::data_plane::{ListedDestination, ListedService, Listing};
use crate::desired::{Desired, Origin};
use crate::key::{DestinationKey, Protocol, VirtualServiceKey};
use crate::ownership::Ownership;
use crate::prober::Prober;
use crate::share::Share;
use crate::table::{Table, VirtualService};

/// How long swarm takes from wanting a task gone to sending SIGTERM, from which the grace period counts: 1.2 s measured,
/// 3.2 s on an overlay network.
pub(super) const SIGTERM_DELAY: Duration = Duration::from_secs(4);

/// The life of a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Life {
    /// When this process first saw it.
    pub(super) since: Duration,
    /// How long the service behind it lets its containers take to end.
    pub(super) grace: Duration,
    /// While it drains: when that ends at the latest.
    pub(super) drain_until: Option<Duration>,
    /// It has been in, so that the floor counts it.
    pub(super) admitted: bool,
    /// It is not in: it joins, or failed, or drained until now.
    pub(super) out: bool,
    /// While its weight rises: when it has its full height.
    pub(super) full_at: Option<Duration>,
    /// It failed and stays in for the floor's sake.
    pub(super) held: bool,
}

/// How many destinations of a virtual service serve, and how many of them are fit to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Strength {
    /// Swarm says that they serve.
    pub(super) serving: usize,
    /// Of those, those that no probe says are down or not yet up.
    pub(super) healthy: usize,
    /// Of those that serve, those that are listed with a weight.
    pub(super) listed: usize,
    /// Of those that serve, those that failed and stay in for the floor's sake.
    pub(super) held: usize,
}

/// What lives are led by.
#[derive(Debug)]
pub(super) struct Look<'a> {
    pub(super) desired: &'a Desired,
    pub(super) listing: &'a Listing,
    pub(super) ownership: &'a Ownership,
    /// The share that stays in where a service says nothing.
    pub(super) floor: Share,
    /// Longest time that a destination drains.
    pub(super) drain_max: Duration,
    pub(super) now: Duration,
}

/// A pass over the lives.
struct Work<'a> {
    look: &'a Look<'a>,
    target: Target,
    prober: &'a mut Prober,
    /// What is left of the table that was worked towards before.
    before: Table,
}

/// The table to work towards, and when it will be another.
#[derive(Clone, Debug, Default)]
pub(super) struct Target {
    pub(super) table: Table,
    /// When a drain ends or a weight rises next.
    pub(super) next: Option<Duration>,
    /// How many destinations drain.
    pub(super) draining: usize,
    /// Virtual services that are exactly as they were in the table before, and were moved over from there.
    pub(super) moved: BTreeSet<VirtualServiceKey>,
    /// Strength of each desired virtual service.
    pub(super) strength: BTreeMap<VirtualServiceKey, Strength>,
}

impl Target {
    fn sooner(&mut self, at: Duration) {
        self.next = Some(self.next.map_or(at, |next| next.min(at)));
    }
}

/// The lives of one virtual service's destinations.
pub(super) type ServiceLives = BTreeMap<DestinationKey, Life>;

/// The lives of all destinations.
#[derive(Clone, Debug, Default)]
pub(super) struct Lives {
    pub(super) services: BTreeMap<VirtualServiceKey, ServiceLives>,
    /// Virtual services in which nothing changes by itself: all their destinations serve at full weight, unprobed.
    still: BTreeSet<VirtualServiceKey>,
}

impl Lives {
    pub(super) fn get(
        &self,
        service: &VirtualServiceKey,
        destination: &DestinationKey,
    ) -> Option<&Life> {
        self.services.get(service)?.get(destination)
    }

    /// Another table is desired: what is not the same in it has to be looked at.
    pub(super) fn desire(&mut self, before: &Desired, after: &Desired) {
        let policy = |desired: &Desired, key: &VirtualServiceKey| {
            let origin = desired.origins.get(key)?;
            Some((
                origin.stop_grace_period,
                origin.warm_up,
                origin.floor,
                origin.probe.clone(),
            ))
        };
        self.still.retain(|key| {
            before.table.get(key) == after.table.get(key)
                && policy(before, key) == policy(after, key)
        });
    }

    /// Lets time pass, and returns the table to work towards, and what the one before had besides.
    pub(super) fn target(
        &mut self,
        look: &Look<'_>,
        prober: &mut Prober,
        before: Table,
    ) -> (Target, Table) {
        prober.begin_round();
        let mut work = Work {
            look,
            target: Target::default(),
            prober,
            before,
        };
        for (key, wanted) in &look.desired.table {
            let listed = look.listing.services.get(key);
            if listed.is_some() && !look.ownership.owns(key) {
                // Somebody else's: the difference will say that it is in the way.
                work.target.table.insert(*key, wanted.clone());
                self.services.remove(key);
                continue;
            }
            if self.still.contains(key) && work.move_over(*key, listed) {
                continue;
            }
            let origin = look.desired.origins.get(key);
            let service = self.service(*key, Some((wanted, origin)), listed, &mut work);
            let service = service.map(|service| (*key, service));
            work.target.table.extend(service);
        }
        for (key, listed) in &look.listing.services {
            if look.desired.table.contains_key(key) || !look.ownership.owns(key) {
                continue;
            }
            let service = self.service(*key, None, Some(listed), &mut work);
            let service = service.map(|service| (*key, service));
            work.target.table.extend(service);
        }
        work.prober.end_round();
        self.services.retain(|key, lives| {
            !lives.is_empty()
                && (look.desired.table.contains_key(key) || look.listing.services.contains_key(key))
        });
        (work.target, work.before)
    }

    /// One virtual service; `None` where nothing keeps it.
    fn service(
        &mut self,
        key: VirtualServiceKey,
        wanted: Option<(&VirtualService, Option<&Origin>)>,
        listed: Option<&ListedService>,
        work: &mut Work<'_>,
    ) -> Option<VirtualService> {
        let look = work.look;
        let lives = self.services.entry(key).or_default();
        let serves = |destination: &DestinationKey| {
            wanted
                .and_then(|(wanted, _)| wanted.destinations.get(destination))
                .is_some_and(|config| config.weight > 0)
        };
        let is_listed = |destination: &DestinationKey| {
            listed.is_some_and(|listed| listed.destinations.contains_key(destination))
        };
        lives.retain(|destination, _| serves(destination) || is_listed(destination));
        let mut destinations = BTreeMap::new();
        let grace = wanted.and_then(|(_, origin)| Some(origin?.stop_grace_period));
        for (destination, found) in listed.iter().flat_map(|listed| &listed.destinations) {
            if serves(destination) {
                continue;
            }
            let life = lives
                .entry(*destination)
                .or_insert_with(|| Life::found(found, grace, look));
            if key.protocol != Protocol::Udp
                && let Some(config) = life.drain(found, look, &mut work.target)
            {
                destinations.insert(*destination, config);
            }
        }
        if let Some((wanted, origin)) = wanted {
            let mut service = serving::Service {
                key,
                wanted,
                origin,
                listed,
                lives,
                look,
            };
            service.target(&mut destinations, &mut work.target, work.prober);
        }
        let is_still = wanted.is_some_and(|(wanted, origin)| {
            lives.len() == wanted.destinations.len()
                && destinations.len() == wanted.destinations.len()
                && origin.is_none_or(|origin| origin.probe.is_none())
                && lives.values().all(Life::is_still)
        });
        match is_still {
            true => self.still.insert(key),
            false => self.still.remove(&key),
        };
        let config = match (wanted, listed) {
            (Some((wanted, _)), _) => wanted.config.clone(),
            (None, Some(listed)) if !destinations.is_empty() => listed.config.clone(),
            (None, _) => return None,
        };
        Some(VirtualService {
            config,
            destinations,
        })
    }
}

impl Work<'_> {
    /// Moves a virtual service over from the table before, if the same destinations are listed as it has there.
    fn move_over(&mut self, key: VirtualServiceKey, listed: Option<&ListedService>) -> bool {
        let (Some(before), Some(listed)) = (self.before.get(&key), listed) else {
            return false;
        };
        if !before.destinations.keys().eq(listed.destinations.keys()) {
            return false;
        }
        let weighty = listed
            .destinations
            .values()
            .filter(|found| found.config.weight > 0);
        let strength = Strength {
            serving: before.destinations.len(),
            healthy: before.destinations.len(),
            listed: weighty.count(),
            held: 0,
        };
        if let Some(service) = self.before.remove(&key) {
            self.target.table.insert(key, service);
            self.target.moved.insert(key);
            self.target.strength.insert(key, strength);
        }
        true
    }
}

impl Life {
    /// True if it is in at its full weight, and only the swarm can change that.
    fn is_still(&self) -> bool {
        !self.out && !self.held && self.drain_until.is_none() && self.full_at.is_none()
    }

    /// A destination that was there before us.
    fn found(found: &ListedDestination, grace: Option<Duration>, look: &Look<'_>) -> Self {
        Self {
            // After a restart the service may be unknown: then the longest patience is the safe one.
            grace: grace.unwrap_or(look.drain_max),
            admitted: true,
            out: found.config.weight == 0,
            ..Self::new(look.now)
        }
    }

    /// A destination that is not there yet.
    pub(super) fn new(now: Duration) -> Self {
        Self {
            since: now,
            grace: Duration::ZERO,
            drain_until: None,
            admitted: false,
            out: true,
            full_at: None,
            held: false,
        }
    }

    /// Returns how old the destination is.
    pub(super) fn age(&self, now: Duration) -> Duration {
        now.saturating_sub(self.since)
    }

    /// How a destination that nobody should come to any more is to be; `None` when it may go.
    ///
    /// It goes when a listing shows it at weight 0 without connections: a listing from before that says nothing of those
    /// that came since.
    fn drain(
        &mut self,
        found: &ListedDestination,
        look: &Look<'_>,
        target: &mut Target,
    ) -> Option<DestinationConfig> {
        let patience = (self.grace + SIGTERM_DELAY).min(look.drain_max);
        let until = *self.drain_until.get_or_insert(look.now + patience);
        (self.full_at, self.held) = (None, false);
        let empty = found.config.weight == 0 && found.connections.is_none();
        if empty || until <= look.now {
            return None;
        }
        target.draining += 1;
        target.sooner(until);
        Some(found.config.quiesced())
    }
}
