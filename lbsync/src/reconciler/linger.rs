//! Destinations that nobody wants any more and that still have connections.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::data_plane::Listing;
use crate::desired::Desired;
use crate::key::{DestinationKey, Protocol, VirtualServiceKey};
use crate::ownership::Ownership;
use crate::table::{Table, VirtualService};

/// Destinations on their way out, each with the moment at which patience ends.
#[derive(Clone, Debug, Default)]
pub(super) struct Lingering {
    until: BTreeMap<(VirtualServiceKey, DestinationKey), Duration>,
}

/// How long a destination that is gone may keep its connections.
#[derive(Clone, Debug)]
pub(super) struct Patience<'a> {
    pub(super) now: Duration,
    /// The grace period of the service that a virtual service last belonged to.
    pub(super) grace: &'a BTreeMap<VirtualServiceKey, Duration>,
    pub(super) max: Duration,
}

impl Lingering {
    /// Adds to the desired table, at weight 0, what is in the actual one, is ours, is not desired, and has connections
    /// that may still end by themselves.
    pub(super) fn extend(
        &mut self,
        table: &mut Table,
        listing: &Listing,
        ownership: &Ownership,
        patience: &Patience<'_>,
    ) {
        let mut until = BTreeMap::new();
        for (key, listed) in &listing.services {
            if !ownership.owns(key) || key.protocol == Protocol::Udp {
                continue;
            }
            // After a restart the service may be unknown: then the longest patience is the safe one.
            let grace = patience
                .grace
                .get(key)
                .copied()
                .unwrap_or(patience.max)
                .min(patience.max);
            for (destination, found) in &listed.destinations {
                let wanted = table
                    .get(key)
                    .is_some_and(|wanted| wanted.destinations.contains_key(destination));
                if wanted || found.connections.is_none() {
                    continue;
                }
                let end = self
                    .until
                    .get(&(*key, *destination))
                    .copied()
                    .unwrap_or(patience.now + grace);
                until.insert((*key, *destination), end);
                if end <= patience.now {
                    continue;
                }
                let service = table.entry(*key).or_insert_with(|| VirtualService {
                    config: listed.config.clone(),
                    destinations: BTreeMap::new(),
                });
                service
                    .destinations
                    .insert(*destination, found.config.quiesced());
            }
        }
        self.until = until;
    }

    pub(super) fn contains(
        &self,
        service: &VirtualServiceKey,
        destination: &DestinationKey,
    ) -> bool {
        self.until.contains_key(&(*service, *destination))
    }

    pub(super) fn len(&self) -> usize {
        self.until.len()
    }

    /// When patience with the next of them ends.
    pub(super) fn next(&self, now: Duration) -> Option<Duration> {
        self.until.values().filter(|end| **end > now).min().copied()
    }
}

/// Remembers the grace periods of the services behind the virtual services.
pub(super) fn remember_grace(grace: &mut BTreeMap<VirtualServiceKey, Duration>, desired: &Desired) {
    for (key, origin) in &desired.origins {
        grace.insert(*key, origin.stop_grace_period);
    }
}
