//! A data plane that judges every change before it makes it.

use std::time::Duration;

use lbsync::{Change, DataPlane, DataPlaneError, Listing, MemoryDataPlane, Protocol, Table};

use crate::told::{Place, Told};

/// How long swarm takes to send SIGTERM, which the drain waits for beyond the grace period.
const SIGTERM_DELAY: Duration = Duration::from_secs(4);

/// Longest drain in the simulation's configuration.
pub(crate) const LINGER_MAX: Duration = Duration::from_secs(30);

pub(crate) struct Kernel<'a> {
    pub(crate) plane: &'a mut MemoryDataPlane,
    pub(crate) told: &'a mut Told,
    pub(crate) foreign: &'a Table,
    pub(crate) grace: Duration,
    pub(crate) now: Duration,
    /// Changes become visible late, so that nothing can be said of what is there.
    pub(crate) lags: bool,
    /// Answers after so many of a batch are lost.
    pub(crate) answers: usize,
    pub(crate) fault: Option<String>,
}

impl Kernel<'_> {
    fn blame(&mut self, change: &Change, why: &str) {
        self.fault.get_or_insert(format!("{why}: {change}"));
    }

    fn judge(&mut self, change: &Change, listing: &Listing) {
        let service = change.entry().service();
        if self.foreign.contains_key(&service) {
            self.blame(change, "a foreign entry is touched");
        }
        match change {
            Change::DeleteDestination {
                service,
                destination,
            } => self.judge_deletion(change, (*service, *destination), listing),
            Change::DeleteService { service } => {
                let found = listing.services.get(service);
                let destinations = found
                    .into_iter()
                    .flat_map(|found| found.destinations.keys());
                for destination in destinations {
                    if !self.lags {
                        self.blame(change, "a virtual service is deleted before it is empty");
                    }
                    self.judge_deletion(change, (*service, *destination), listing);
                }
                let serves = self.told.desired.table.contains_key(service);
                if serves {
                    self.blame(change, "a virtual service that is wanted is deleted");
                }
            }
            Change::UpdateDestination {
                service,
                destination,
                config,
            }
            | Change::AddDestination {
                service,
                destination,
                config,
            } => {
                let place = (*service, *destination);
                if config.weight > 0 {
                    self.told.came_in(place);
                } else if self.told.serves(&place) && !self.told.may_be_out(&place) {
                    self.blame(change, "a destination that serves is taken out");
                }
            }
            Change::AddService { .. } | Change::UpdateService { .. } => {}
        }
    }

    fn judge_deletion(&mut self, change: &Change, place: Place, listing: &Listing) {
        if self.told.serves(&place) {
            return self.blame(change, "a destination that serves is deleted");
        }
        let found = listing.services.get(&place.0);
        let found = found.and_then(|found| found.destinations.get(&place.1));
        if !self.lags && found.is_some_and(|found| found.config.weight > 0) {
            self.blame(change, "a destination is deleted before it is quiesced");
        }
        let connections = listing.connections(&place.0, &place.1);
        if place.0.protocol == Protocol::Udp || connections.is_none() {
            return;
        }
        let patience = (self.grace + SIGTERM_DELAY).min(LINGER_MAX);
        let end = self
            .told
            .unwanted_since(&place)
            .map(|since| since + patience);
        if end.is_none_or(|end| end > self.now) {
            self.blame(
                change,
                "a destination is deleted with connections before its grace",
            );
        }
    }
}

impl DataPlane for Kernel<'_> {
    fn list(&mut self) -> Result<Listing, DataPlaneError> {
        let listing = self.plane.list()?;
        self.told.listed(&listing);
        for (service, found) in &listing.services {
            for destination in found.destinations.keys() {
                self.told.seen((*service, *destination), self.now);
            }
        }
        Ok(listing)
    }

    fn apply(&mut self, change: &Change) -> Result<(), DataPlaneError> {
        let listing = self.plane.holds().clone();
        self.judge(change, &listing);
        self.plane.apply(change)
    }

    fn apply_all(&mut self, changes: &[Change]) -> Vec<Result<(), DataPlaneError>> {
        let mut results: Vec<_> = changes.iter().map(|change| self.apply(change)).collect();
        results.truncate(self.answers);
        results
    }
}
