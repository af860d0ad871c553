//! A data plane in memory that can fail, lag and hold foreign entries as a kernel does: for tests and the demonstration.

use std::collections::VecDeque;

use crate::config::{DestinationConfig, VirtualServiceConfig};
use crate::data_plane::{
    Connections, DataPlane, DataPlaneError, Errno, ListedDestination, ListedService, Listing,
};
use crate::key::{DestinationKey, EntryKey, VirtualServiceKey};
use crate::table::{Change, Table};

/// How many changes the journal keeps.
const JOURNAL_MAX: usize = 100_000;

/// A failure that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What the data plane will say.
    pub errno: Errno,
    /// Which entry it strikes; `None` strikes any change.
    pub entry: Option<EntryKey>,
    /// How many changes it strikes before it is over.
    pub times: u32,
    /// The change is made although failure is reported, as when an answer is lost.
    pub takes_effect: bool,
}

/// A table in memory with the manners of a kernel.
#[derive(Clone, Debug, Default)]
pub struct MemoryDataPlane {
    listing: Listing,
    /// Changes accepted and not yet visible.
    pending: VecDeque<Change>,
    lag: usize,
    failures: Vec<Failure>,
    list_failures: VecDeque<Errno>,
    journal: VecDeque<Change>,
    lists: u64,
    connections_lost: u64,
}

impl MemoryDataPlane {
    /// An empty table.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns what it holds, changes that are not yet visible left out.
    #[must_use]
    pub fn table(&self) -> Table {
        self.listing.table()
    }

    /// Returns what it holds, connections included, without counting as a listing.
    #[must_use]
    pub fn holds(&self) -> &Listing {
        &self.listing
    }

    /// Returns the changes that were made through [`DataPlane::apply`], oldest first (the last hundred thousand).
    pub fn journal(&self) -> impl Iterator<Item = &Change> {
        self.journal.iter()
    }

    /// Returns how often it was listed.
    #[must_use]
    pub fn lists(&self) -> u64 {
        self.lists
    }

    /// Returns how many connections were lost because their destination was deleted.
    #[must_use]
    pub fn connections_lost(&self) -> u64 {
        self.connections_lost
    }

    /// Makes the next changes fail.
    pub fn fail(&mut self, failure: Failure) {
        self.failures.push(failure);
    }

    /// Makes the next listing fail.
    pub fn fail_list(&mut self, errno: Errno) {
        self.list_failures.push_back(errno);
    }

    /// Ends all failures.
    pub fn heal(&mut self) {
        self.failures.clear();
        self.list_failures.clear();
    }

    /// Makes changes visible only when that many others wait behind them, or at the next listing after this one.
    pub fn set_lag(&mut self, changes: usize) {
        self.lag = changes;
        self.settle(changes);
    }

    /// Does what somebody else does behind our back.
    pub fn meddle(&mut self, change: &Change) -> Result<(), DataPlaneError> {
        make(&mut self.listing, change)
            .map(|_| ())
            .map_err(|errno| DataPlaneError::apply(change, errno))
    }

    /// Sets the connections of a destination; nothing happens where there is none.
    pub fn set_connections(
        &mut self,
        service: &VirtualServiceKey,
        destination: &DestinationKey,
        connections: Connections,
    ) {
        let found = self.listing.services.get_mut(service);
        if let Some(found) = found.and_then(|service| service.destinations.get_mut(destination)) {
            found.connections = connections;
        }
    }

    fn settle(&mut self, leave: usize) {
        while self.pending.len() > leave {
            let Some(change) = self.pending.pop_front() else {
                return;
            };
            // What a late change finds may differ from what it found when it was accepted.
            if let Ok(lost) = make(&mut self.listing, &change) {
                self.connections_lost += lost;
            }
        }
    }

    /// Makes a change now, or puts it off; the answer is that of the table as it will be.
    fn accept(&mut self, change: &Change) -> Result<(), Errno> {
        if self.lag == 0 {
            self.connections_lost += make(&mut self.listing, change)?;
            return Ok(());
        }
        let mut ahead = self.listing.clone();
        for pending in &self.pending {
            if make(&mut ahead, pending).is_err() {
                continue; // somebody meddled since it was accepted
            }
        }
        make(&mut ahead, change)?;
        self.pending.push_back(change.clone());
        self.settle(self.lag);
        Ok(())
    }

    fn failure_for(&mut self, change: &Change) -> Option<Failure> {
        let entry = change.entry();
        let found = self
            .failures
            .iter()
            .position(|failure| failure.entry.is_none_or(|struck| struck == entry))?;
        let failure = self.failures.get_mut(found)?;
        failure.times = failure.times.saturating_sub(1);
        let struck = failure.clone();
        if struck.times == 0 {
            self.failures.remove(found);
        }
        Some(struck)
    }
}

impl DataPlane for MemoryDataPlane {
    fn list(&mut self) -> Result<Listing, DataPlaneError> {
        self.lists += 1;
        if let Some(errno) = self.list_failures.pop_front() {
            return Err(DataPlaneError::list(errno));
        }
        let listing = self.listing.clone();
        self.settle(0);
        if self.lag == 0 {
            return Ok(self.listing.clone());
        }
        Ok(listing)
    }

    fn apply(&mut self, change: &Change) -> Result<(), DataPlaneError> {
        let failure = self.failure_for(change);
        if let Some(failure) = failure.as_ref().filter(|failure| !failure.takes_effect) {
            return Err(DataPlaneError::apply(change, failure.errno));
        }
        self.accept(change)
            .map_err(|errno| DataPlaneError::apply(change, errno))?;
        if self.journal.len() >= JOURNAL_MAX {
            self.journal.pop_front();
        }
        self.journal.push_back(change.clone());
        match failure {
            Some(failure) => Err(DataPlaneError::apply(change, failure.errno)),
            None => Ok(()),
        }
    }
}

/// Makes a change as the kernel would, and returns how many connections that costs.
fn make(listing: &mut Listing, change: &Change) -> Result<u64, Errno> {
    let services = &mut listing.services;
    match change {
        Change::AddService { service, config } => {
            if services.contains_key(service) {
                return Err(Errno::EEXIST);
            }
            let added = ListedService {
                config: config.clone(),
                ..ListedService::default()
            };
            services.insert(*service, added);
            Ok(0)
        }
        Change::UpdateService { service, config } => {
            services.get_mut(service).ok_or(Errno::ESRCH)?.config = config.clone();
            Ok(0)
        }
        Change::DeleteService { service } => {
            let gone = services.remove(service).ok_or(Errno::ESRCH)?;
            Ok(gone
                .destinations
                .values()
                .map(|gone| u64::from(gone.connections.active))
                .sum())
        }
        Change::AddDestination {
            service,
            destination,
            config,
        } => {
            let found = services.get_mut(service).ok_or(Errno::ESRCH)?;
            if found.destinations.contains_key(destination) {
                return Err(Errno::EEXIST);
            }
            let added = ListedDestination {
                config: *config,
                ..ListedDestination::default()
            };
            found.destinations.insert(*destination, added);
            Ok(0)
        }
        Change::UpdateDestination {
            service,
            destination,
            config,
        } => {
            let found = services.get_mut(service).ok_or(Errno::ESRCH)?;
            found
                .destinations
                .get_mut(destination)
                .ok_or(Errno::ENOENT)?
                .config = *config;
            Ok(0)
        }
        Change::DeleteDestination {
            service,
            destination,
        } => {
            let found = services.get_mut(service).ok_or(Errno::ESRCH)?;
            let gone = found
                .destinations
                .remove(destination)
                .ok_or(Errno::ENOENT)?;
            Ok(u64::from(gone.connections.active))
        }
    }
}

/// A virtual service of somebody else, for tests: the changes that make it.
#[must_use]
pub fn foreign_service(
    service: VirtualServiceKey,
    destinations: &[(DestinationKey, DestinationConfig)],
) -> Vec<Change> {
    let config = VirtualServiceConfig::default();
    let add =
        |(destination, config): &(DestinationKey, DestinationConfig)| Change::AddDestination {
            service,
            destination: *destination,
            config: *config,
        };
    std::iter::once(Change::AddService { service, config })
        .chain(destinations.iter().map(add))
        .collect()
}
