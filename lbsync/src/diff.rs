//! The difference of two tables, as the smallest list of changes in a safe order.
//!
//! Laws: applying `diff(a, b)` to `a` gives `b` on what is owned and leaves the rest alone; `diff(b, b)` is empty.

use crate::config::DestinationConfig;
use crate::key::{DestinationKey, VirtualServiceKey};
use crate::table::{Change, Table, VirtualService};

/// What leads from the actual table to the desired one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The changes, in the order in which they are safe: a virtual service before its destinations, what is added
    /// before what is deleted, weight 0 before a deletion, destinations before their virtual service's end.
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
    let mut plan = Plan::default();
    let mut removals = Removals::default();
    for (key, wanted) in desired {
        match actual.get(key) {
            Some(_) if !owns(key) => plan.blocked.push(*key),
            Some(found) => change_service(*key, found, wanted, &mut plan.changes, &mut removals),
            None => add_service(*key, wanted, &mut plan.changes),
        }
    }
    for (key, found) in actual {
        if !owns(key) {
            plan.foreign.push(*key);
        } else if !desired.contains_key(key) {
            for (destination, config) in &found.destinations {
                removals.remove(*key, *destination, *config);
            }
            removals
                .services
                .push(Change::DeleteService { service: *key });
        }
    }
    plan.changes.extend(removals.quiesce);
    plan.changes.extend(removals.destinations);
    plan.changes.extend(removals.services);
    plan
}

/// What goes, in the order in which it goes.
#[derive(Default)]
struct Removals {
    quiesce: Vec<Change>,
    destinations: Vec<Change>,
    services: Vec<Change>,
}

impl Removals {
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
        self.destinations.push(Change::DeleteDestination {
            service,
            destination,
        });
    }
}

fn add_service(service: VirtualServiceKey, wanted: &VirtualService, changes: &mut Vec<Change>) {
    changes.push(Change::AddService {
        service,
        config: wanted.config.clone(),
    });
    for (destination, config) in &wanted.destinations {
        changes.push(Change::AddDestination {
            service,
            destination: *destination,
            config: *config,
        });
    }
}

fn change_service(
    service: VirtualServiceKey,
    found: &VirtualService,
    wanted: &VirtualService,
    changes: &mut Vec<Change>,
    removals: &mut Removals,
) {
    if found.config != wanted.config {
        changes.push(Change::UpdateService {
            service,
            config: wanted.config.clone(),
        });
    }
    for (destination, config) in &wanted.destinations {
        if !found.destinations.contains_key(destination) {
            changes.push(Change::AddDestination {
                service,
                destination: *destination,
                config: *config,
            });
        }
    }
    for (destination, present) in &found.destinations {
        match wanted.destinations.get(destination) {
            None => removals.remove(service, *destination, *present),
            Some(config) if config == present => {}
            Some(config) => {
                let update = Change::UpdateDestination {
                    service,
                    destination: *destination,
                    config: *config,
                };
                // Those that get nothing new come after those that take over.
                match config.weight {
                    0 => removals.quiesce.push(update),
                    _ => changes.push(update),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
