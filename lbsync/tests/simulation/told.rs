//! What the reconciler was told, kept apart from it: the standard by which its deeds are judged.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use lbsync::{
    BackendSet, Desired, DestinationKey, Listing, ProbeOutcome, Share, VirtualServiceKey, desired,
};

pub(crate) type Place = (VirtualServiceKey, DestinationKey);

/// What was told.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) desired: Desired,
    /// Since when a destination has not been wanted.
    unwanted: BTreeMap<Place, Duration>,
    /// Destinations that serve and have had a weight since they do.
    been_in: BTreeSet<Place>,
    /// Of those that serve, the ones whose probes have not yet succeeded often enough since they do.
    unproven: BTreeSet<Place>,
    /// The process is new, has no state file, and has not yet acted.
    pub(crate) ignorant: bool,
    /// What the probes of a destination said.
    probes: BTreeMap<DestinationKey, Probes>,
}

/// Outcomes in a row.
#[derive(Default)]
struct Probes {
    failures: u32,
    successes: u32,
    /// It failed, and has not succeeded twice since.
    down: bool,
}

impl Told {
    /// A complete set was observed.
    pub(crate) fn tell(&mut self, set: &BackendSet, now: Duration) {
        let before = std::mem::replace(&mut self.desired, desired(set));
        for (service, found) in before.table {
            for destination in found.destinations.into_keys() {
                self.seen((service, destination), now);
            }
        }
        for (service, found) in &self.desired.table {
            for destination in found.destinations.keys() {
                let place = (*service, *destination);
                if self.unwanted.contains_key(&place) || !self.been_in.contains(&place) {
                    self.unproven.insert(place);
                    self.probes.entry(*destination).or_default().successes = 0;
                }
            }
        }
        let desired = &self.desired;
        let serves = |place: &Place| serves(desired, place);
        self.unproven.retain(serves);
        self.unwanted.retain(|place, _| !serves(place));
        self.been_in.retain(serves);
    }

    /// Such a destination is there; unless it is wanted, its grace begins no earlier than now.
    pub(crate) fn seen(&mut self, place: Place, now: Duration) {
        if !self.serves(&place) {
            self.unwanted.entry(place).or_insert(now);
        }
    }

    /// A process that has no state file knows of those that it finds listed.
    pub(crate) fn listed(&mut self, listing: &Listing) {
        if !self.ignorant {
            return;
        }
        self.been_in.retain(|(service, destination)| {
            let listed = listing.services.get(service);
            listed.is_some_and(|listed| listed.destinations.contains_key(destination))
        });
    }

    pub(crate) fn serves(&self, place: &Place) -> bool {
        serves(&self.desired, place)
    }

    pub(crate) fn came_in(&mut self, place: Place) {
        if self.serves(&place) {
            self.been_in.insert(place);
        }
    }

    pub(crate) fn unwanted_since(&self, place: &Place) -> Option<Duration> {
        self.unwanted.get(place).copied()
    }

    pub(crate) fn probed(&mut self, destination: DestinationKey, outcome: Option<&ProbeOutcome>) {
        let probes = self.probes.entry(destination).or_default();
        match outcome {
            Some(ProbeOutcome::Connected | ProbeOutcome::Status(_)) => {
                probes.failures = 0;
                probes.successes += 1;
                probes.down &= probes.successes < 2;
            }
            Some(ProbeOutcome::Failed(_)) | None => {
                probes.successes = 0;
                probes.failures += 1;
            }
        }
        let desired = &self.desired;
        let falls = desired.origins.values().filter_map(|origin| {
            let probe = origin.probe.as_ref()?;
            origin
                .destinations
                .contains_key(&destination)
                .then_some(probe.fall)
        });
        let fall = falls.min().unwrap_or(1);
        // The loss of an outcome is noticed later, and may count for more then.
        probes.down |= probes.failures >= fall || outcome.is_none();
        if probes.successes >= 2 {
            self.unproven.retain(|(_, one)| *one != destination);
        }
    }

    /// Whether a destination that serves may be at weight 0: it is probed, and it has failed or never been in.
    pub(crate) fn may_be_out(&self, place: &Place) -> bool {
        let origin = self.desired.origins.get(&place.0);
        if origin.is_none_or(|origin| origin.probe.is_none()) {
            return false;
        }
        let down = self.probes.get(&place.1).is_some_and(|probes| probes.down);
        down || self.unproven.contains(place) || !self.been_in.contains(place)
    }

    /// How many destinations of a virtual service must be in: of those that have been.
    pub(crate) fn floor(&self, service: &VirtualServiceKey) -> usize {
        let origin = self.desired.origins.get(service);
        let floor = origin.and_then(|origin| origin.floor);
        let all = self.been_in.iter().filter(|(one, _)| one == service);
        floor.unwrap_or(Share::THIRTY_PERCENT).at_least(all.count())
    }
}

fn serves(desired: &Desired, (service, destination): &Place) -> bool {
    let found = desired.table.get(service);
    let found = found.and_then(|found| found.destinations.get(destination));
    found.is_some_and(|config| config.weight > 0)
}
