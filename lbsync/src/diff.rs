//! The difference of two tables, as the smallest list of changes in a safe order.
//!
//! Laws: applying `diff(a, b)` to `a` gives `b` on what is owned and leaves the rest alone; `diff(b, b)` is empty.

use std::collections::BTreeMap;

use crate::config::{DestinationConfig, VirtualServiceConfig};
use crate::data_plane::{ListedDestination, ListedService, Listing};
use crate::key::{DestinationKey, VirtualServiceKey};
use crate::table::{Change, Step, Table, VirtualService};

/// What leads from the actual table to the desired one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The changes, in the order in which they are safe, which is that of their [`Step`]s: a virtual service before its
    /// destinations, what is added before what is deleted, weight 0 before a deletion, destinations before their
    /// virtual service's end.
    pub changes: Vec<Change>,
    /// Virtual services in the actual table that are not ours, left alone.
    pub foreign: Vec<VirtualServiceKey>,
    /// Virtual services that are desired where a foreign one is; left alone.
    pub blocked: Vec<VirtualServiceKey>,
}

/// Plans the changes that make `actual` equal to `desired`, as far as `owns` says that a virtual service is ours.
///
/// A virtual service that is desired and does not exist is made whatever `owns` says: from then on it is ours.
pub fn diff(actual: &Table, desired: &Table, owns: impl Fn(&VirtualServiceKey) -> bool) -> Plan {
    plan(actual, desired, owns)
}

/// As [`diff`], with the actual table as a data plane lists it.
pub(crate) fn diff_listing(
    actual: &Listing,
    desired: &Table,
    owns: impl Fn(&VirtualServiceKey) -> bool,
) -> Plan {
    plan(&actual.services, desired, owns)
}

/// A virtual service as it was found.
trait Found {
    type Destination;
    fn config(&self) -> &VirtualServiceConfig;
    fn destinations(&self) -> &BTreeMap<DestinationKey, Self::Destination>;
    fn destination(found: &Self::Destination) -> DestinationConfig;
}

impl Found for VirtualService {
    type Destination = DestinationConfig;

    fn config(&self) -> &VirtualServiceConfig {
        &self.config
    }

    fn destinations(&self) -> &BTreeMap<DestinationKey, DestinationConfig> {
        &self.destinations
    }

    fn destination(found: &DestinationConfig) -> DestinationConfig {
        *found
    }
}

impl Found for ListedService {
    type Destination = ListedDestination;

    fn config(&self) -> &VirtualServiceConfig {
        &self.config
    }

    fn destinations(&self) -> &BTreeMap<DestinationKey, ListedDestination> {
        &self.destinations
    }

    fn destination(found: &ListedDestination) -> DestinationConfig {
        found.config
    }
}

fn plan<F: Found>(
    actual: &BTreeMap<VirtualServiceKey, F>,
    desired: &Table,
    owns: impl Fn(&VirtualServiceKey) -> bool,
) -> Plan {
    let mut plan = Plan::default();
    let mut steps = Steps::default();
    for (key, wanted) in desired {
        match actual.get(key) {
            Some(_) if !owns(key) => plan.blocked.push(*key),
            Some(found) => steps.change_service(*key, found, wanted),
            None => steps.add_service(*key, wanted),
        }
    }
    for (key, found) in actual {
        if !owns(key) {
            plan.foreign.push(*key);
        } else if !desired.contains_key(key) {
            for (destination, found) in found.destinations() {
                steps.remove(*key, *destination, F::destination(found));
            }
            let delete = Change::DeleteService { service: *key };
            steps.delete_services.push(delete);
        }
    }
    plan.changes = steps.in_order();
    plan
}

/// The changes of each step.
#[derive(Default)]
struct Steps {
    services: Vec<Change>,
    destinations: Vec<Change>,
    quiesce: Vec<Change>,
    delete_destinations: Vec<Change>,
    delete_services: Vec<Change>,
}

impl Steps {
    fn in_order(self) -> Vec<Change> {
        let mut changes = self.services;
        changes.extend(self.destinations);
        changes.extend(self.quiesce);
        changes.extend(self.delete_destinations);
        changes.extend(self.delete_services);
        changes
    }

    fn remove(
        &mut self,
        service: VirtualServiceKey,
        destination: DestinationKey,
        config: DestinationConfig,
    ) {
        if config.weight != 0 {
            self.quiesce.push(Change::UpdateDestination {
                service,
                destination,
                config: config.quiesced(),
            });
        }
        self.delete_destinations.push(Change::DeleteDestination {
            service,
            destination,
        });
    }

    fn add_service(&mut self, service: VirtualServiceKey, wanted: &VirtualService) {
        self.services.push(Change::AddService {
            service,
            config: wanted.config.clone(),
        });
        for (destination, config) in &wanted.destinations {
            self.destinations.push(Change::AddDestination {
                service,
                destination: *destination,
                config: *config,
            });
        }
    }

    fn change_service<F: Found>(
        &mut self,
        service: VirtualServiceKey,
        found: &F,
        wanted: &VirtualService,
    ) {
        if *found.config() != wanted.config {
            self.services.push(Change::UpdateService {
                service,
                config: wanted.config.clone(),
            });
        }
        let mut present = found.destinations().iter().peekable();
        for (destination, config) in &wanted.destinations {
            while let Some((gone, found)) = present.next_if(|(key, _)| *key < destination) {
                self.remove(service, *gone, F::destination(found));
            }
            match present.next_if(|(key, _)| *key == destination) {
                None => self.destinations.push(Change::AddDestination {
                    service,
                    destination: *destination,
                    config: *config,
                }),
                Some((_, found)) if F::destination(found) == *config => {}
                Some(_) => self.update(service, *destination, *config),
            }
        }
        for (gone, found) in present {
            self.remove(service, *gone, F::destination(found));
        }
    }

    fn update(
        &mut self,
        service: VirtualServiceKey,
        destination: DestinationKey,
        config: DestinationConfig,
    ) {
        let update = Change::UpdateDestination {
            service,
            destination,
            config,
        };
        // Those that get nothing new come after those that take over.
        match update.step() {
            Step::Quiesce => self.quiesce.push(update),
            _ => self.destinations.push(update),
        }
    }
}

#[cfg(test)]
mod tests;
