//! Compares what a data plane holds with what it should hold, entry by entry and in words. It changes nothing.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::config::{DestinationConfig, VirtualServiceConfig};
use crate::data_plane::{ListedDestination, ListedService, Listing};
use crate::key::{DestinationKey, EntryKey, VirtualServiceKey};
use crate::ownership::Ownership;
use crate::reconciler::{DestinationPhase, Reconciler};

/// A virtual service as it should be, in a form that can be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedService {
    /// Its key.
    pub key: VirtualServiceKey,
    /// How it should behave.
    pub config: VirtualServiceConfig,
    /// Name of the service behind it; `None` where it is on its way out.
    pub service: Option<String>,
    /// Its destinations.
    pub destinations: Vec<ExpectedDestination>,
}

/// A destination as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedDestination {
    /// Its key.
    pub key: DestinationKey,
    /// How it should behave.
    pub config: DestinationConfig,
    /// What it is doing.
    pub phase: DestinationPhase,
    /// Ids of the tasks behind it.
    pub tasks: Vec<String>,
}

/// What an audit found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Audit {
    /// Where the data plane is not as it should be.
    pub findings: Vec<Finding>,
    /// What it holds of others, which is no fault.
    pub foreign: Vec<String>,
    /// Virtual services that should be there.
    pub services: usize,
    /// Destinations that should be there.
    pub destinations: usize,
}

impl Audit {
    /// True if the data plane is as it should be.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }
}

/// An entry that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The virtual service.
    pub virtual_service: VirtualServiceKey,
    /// The destination, where one is meant.
    pub destination: Option<DestinationKey>,
    /// Name of the service behind it, where one is.
    pub service: Option<String>,
    /// Ids of the tasks behind it, where they are known.
    pub tasks: Vec<String>,
    /// What is wrong.
    #[serde(flatten)]
    pub fault: Fault,
}

/// What is wrong with an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum Fault {
    /// It is not there.
    Missing,
    /// It is there and should not be.
    Extra,
    /// It has another weight.
    Weight {
        /// What it should be.
        expected: u32,
        /// What it is.
        found: u32,
    },
    /// It behaves otherwise.
    Config {
        /// How it should.
        expected: String,
        /// How it does.
        found: String,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entry = match self.destination {
            Some(destination) => EntryKey::Destination(self.virtual_service, destination),
            None => EntryKey::Service(self.virtual_service),
        };
        write!(f, "{entry}")?;
        if let Some(service) = &self.service {
            write!(f, " (service {service}")?;
            if let Some(task) = self.tasks.first() {
                write!(f, ", task {task}")?;
            }
            f.write_str(")")?;
        }
        match &self.fault {
            Fault::Missing => f.write_str(" is missing"),
            Fault::Extra => f.write_str(" should not be there"),
            Fault::Weight { expected, found } => {
                write!(f, " has weight {found} instead of {expected}")
            }
            Fault::Config { expected, found } => write!(f, " is {found} instead of {expected}"),
        }
    }
}

/// Compares a listing with what is expected.
///
/// Virtual services that are not expected are extra where `ownership` says that they are ours, else foreign. Those that
/// are expected are taken for ours. A destination that only drains may be gone already.
#[must_use]
pub fn audit(expected: &[ExpectedService], listing: &Listing, ownership: &Ownership) -> Audit {
    let mut audit = Audit {
        foreign: listing.foreign().collect(),
        ..Audit::default()
    };
    let mut wanted = BTreeMap::new();
    for service in expected {
        wanted.insert(service.key, service);
        audit.services += 1;
        audit.destinations += service.destinations.len();
        match listing.services.get(&service.key) {
            Some(found) => audit.compare(service, found),
            None if service.destinations.iter().all(is_leaving) && service.service.is_none() => {}
            None => audit.find(service, None, Fault::Missing),
        }
    }
    for (key, found) in &listing.services {
        if wanted.contains_key(key) {
            continue;
        }
        if ownership.owns(key) {
            let nobodys = ExpectedService {
                key: *key,
                config: found.config.clone(),
                service: None,
                destinations: Vec::new(),
            };
            audit.find(&nobodys, None, Fault::Extra);
        } else {
            audit.foreign.push(EntryKey::Service(*key).to_string());
        }
    }
    audit
}

/// True if it is no fault that a destination is gone.
fn is_leaving(destination: &ExpectedDestination) -> bool {
    use DestinationPhase::{Draining, Leaving, Lingering};
    matches!(destination.phase, Draining | Lingering | Leaving)
}

impl Audit {
    fn find(
        &mut self,
        service: &ExpectedService,
        destination: Option<&ExpectedDestination>,
        fault: Fault,
    ) {
        self.findings.push(Finding {
            virtual_service: service.key,
            destination: destination.map(|destination| destination.key),
            service: service.service.clone(),
            tasks: destination
                .map(|destination| destination.tasks.clone())
                .unwrap_or_default(),
            fault,
        });
    }

    fn compare(&mut self, service: &ExpectedService, found: &ListedService) {
        if service.config != found.config {
            let fault = Fault::Config {
                expected: service.config.to_string(),
                found: found.config.to_string(),
            };
            self.find(service, None, fault);
        }
        let mut extra = found.destinations.clone();
        for destination in &service.destinations {
            match extra.remove(&destination.key) {
                Some(found) => self.compare_destination(service, destination, &found),
                None if is_leaving(destination) => {}
                None => self.find(service, Some(destination), Fault::Missing),
            }
        }
        for (key, found) in extra {
            let nobodys = ExpectedDestination {
                key,
                config: found.config,
                phase: DestinationPhase::Leaving,
                tasks: Vec::new(),
            };
            self.find(service, Some(&nobodys), Fault::Extra);
        }
    }

    fn compare_destination(
        &mut self,
        service: &ExpectedService,
        expected: &ExpectedDestination,
        found: &ListedDestination,
    ) {
        let (wanted, is) = (expected.config, found.config);
        if wanted == is {
            return;
        }
        let same_but_weight = DestinationConfig {
            weight: wanted.weight,
            ..is
        };
        let fault = match same_but_weight == wanted {
            true => Fault::Weight {
                expected: wanted.weight,
                found: is.weight,
            },
            false => Fault::Config {
                expected: wanted.to_string(),
                found: is.to_string(),
            },
        };
        self.find(service, Some(expected), fault);
    }
}

impl Reconciler {
    /// Returns the table that the last pass worked towards, with names, as [`audit`] takes it. Virtual services that
    /// are blocked by foreign ones are left out.
    #[must_use]
    pub fn expected(&self) -> Vec<ExpectedService> {
        let ours = self
            .target()
            .iter()
            .filter(|(key, _)| !self.is_blocked(key));
        ours.map(|(key, service)| ExpectedService {
            key: *key,
            config: service.config.clone(),
            service: self
                .desired()
                .origins
                .get(key)
                .map(|origin| origin.service_name.clone()),
            destinations: service
                .destinations
                .iter()
                .map(|(destination, config)| ExpectedDestination {
                    key: *destination,
                    config: *config,
                    phase: self.phase(key, destination),
                    tasks: self
                        .tasks(key, destination)
                        .iter()
                        .map(|task| task.task.clone())
                        .collect(),
                })
                .collect(),
        })
        .collect()
    }
}

#[cfg(test)]
mod tests;
