//! The table of virtual services and their destinations, and the changes that lead from one table to another.

use std::collections::BTreeMap;
use std::fmt;

use crate::config::{DestinationConfig, VirtualServiceConfig};
use crate::key::{DestinationKey, EntryKey, VirtualServiceKey};

/// A virtual service with its destinations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VirtualService {
    /// How it behaves.
    pub config: VirtualServiceConfig,
    /// Where it leads to.
    pub destinations: BTreeMap<DestinationKey, DestinationConfig>,
}

/// Virtual services by key.
pub type Table = BTreeMap<VirtualServiceKey, VirtualService>;

/// One step: small enough for a data plane to do at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Makes a virtual service without destinations.
    AddService {
        /// Which.
        service: VirtualServiceKey,
        /// How it behaves.
        config: VirtualServiceConfig,
    },
    /// Changes how a virtual service behaves, in place.
    UpdateService {
        /// Which.
        service: VirtualServiceKey,
        /// How it behaves from now on.
        config: VirtualServiceConfig,
    },
    /// Removes a virtual service and what destinations it still has.
    DeleteService {
        /// Which.
        service: VirtualServiceKey,
    },
    /// Adds a destination.
    AddDestination {
        /// To which virtual service.
        service: VirtualServiceKey,
        /// Which.
        destination: DestinationKey,
        /// How it behaves.
        config: DestinationConfig,
    },
    /// Changes a destination's forwarding method or weight, in place: its connections stay.
    UpdateDestination {
        /// Of which virtual service.
        service: VirtualServiceKey,
        /// Which.
        destination: DestinationKey,
        /// How it behaves from now on.
        config: DestinationConfig,
    },
    /// Removes a destination.
    DeleteDestination {
        /// Of which virtual service.
        service: VirtualServiceKey,
        /// Which.
        destination: DestinationKey,
    },
}

/// The steps of a plan, in the order in which they are safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Virtual services are added and changed.
    Services,
    /// Destinations are added and changed.
    Destinations,
    /// Destinations get weight 0: those that take over are there.
    Quiesce,
    /// Destinations are deleted, all of them at weight 0.
    DeleteDestinations,
    /// Virtual services are deleted, all of them empty.
    DeleteServices,
}

impl Change {
    /// Returns the key of the entry that changes.
    #[must_use]
    pub fn entry(&self) -> EntryKey {
        match self {
            Self::AddService { service, .. }
            | Self::UpdateService { service, .. }
            | Self::DeleteService { service } => EntryKey::Service(*service),
            Self::AddDestination {
                service,
                destination,
                ..
            }
            | Self::UpdateDestination {
                service,
                destination,
                ..
            }
            | Self::DeleteDestination {
                service,
                destination,
            } => EntryKey::Destination(*service, *destination),
        }
    }

    /// Returns the step of a plan that this belongs to. Steps follow each other; within one, no change needs another.
    #[must_use]
    pub fn step(&self) -> Step {
        match self {
            Self::AddService { .. } | Self::UpdateService { .. } => Step::Services,
            Self::UpdateDestination { config, .. } if config.weight == 0 => Step::Quiesce,
            Self::AddDestination { .. } | Self::UpdateDestination { .. } => Step::Destinations,
            Self::DeleteDestination { .. } => Step::DeleteDestinations,
            Self::DeleteService { .. } => Step::DeleteServices,
        }
    }

    /// True if this adds an entry.
    #[must_use]
    pub fn is_add(&self) -> bool {
        matches!(self, Self::AddService { .. } | Self::AddDestination { .. })
    }

    /// True if this deletes an entry.
    #[must_use]
    pub fn is_delete(&self) -> bool {
        matches!(
            self,
            Self::DeleteService { .. } | Self::DeleteDestination { .. }
        )
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entry = self.entry();
        match self {
            Self::AddService { config, .. } => {
                write!(f, "add {entry} {config}")
            }
            Self::UpdateService { config, .. } => {
                write!(f, "update {entry} {config}")
            }
            Self::AddDestination { config, .. } => {
                write!(f, "add {entry} {config}")
            }
            Self::UpdateDestination { config, .. } => {
                write!(f, "update {entry} {config}")
            }
            Self::DeleteService { .. } | Self::DeleteDestination { .. } => {
                write!(f, "delete {entry}")
            }
        }
    }
}

/// Makes a change in a table. What is there already, or not there any more, is no error; a destination of a virtual
/// service that is not there is ignored.
pub fn apply(table: &mut Table, change: &Change) {
    match change {
        Change::AddService { service, config } => {
            table.entry(*service).or_default().config = config.clone();
        }
        Change::UpdateService { service, config } => {
            if let Some(found) = table.get_mut(service) {
                found.config = config.clone();
            }
        }
        Change::DeleteService { service } => {
            table.remove(service);
        }
        Change::AddDestination {
            service,
            destination,
            config,
        } => {
            if let Some(found) = table.get_mut(service) {
                found.destinations.insert(*destination, *config);
            }
        }
        Change::UpdateDestination {
            service,
            destination,
            config,
        } => {
            let found = table
                .get_mut(service)
                .and_then(|found| found.destinations.get_mut(destination));
            if let Some(found) = found {
                *found = *config;
            }
        }
        Change::DeleteDestination {
            service,
            destination,
        } => {
            if let Some(found) = table.get_mut(service) {
                found.destinations.remove(destination);
            }
        }
    }
}
