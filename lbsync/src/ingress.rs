//! Audits swarm's own IPVS tables, those of its ingress and of its overlay networks. It only reads.
//!
//! Swarm balances every service at its VIP by a virtual service with a firewall mark, scheduler rr, weight 1 and the
//! tasks' addresses on that network, in a namespace per network on every node (`ingress_sbox`, `lb_…`). Its tables go
//! wrong: endpoints of tasks that are gone stay (moby#30464), tasks that serve are left at weight 0 or out
//! (moby#41896). The mark says nothing about the service, so a virtual service is taken for that of the service which
//! most of its endpoints belong to.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

use serde::Serialize;

use crate::backend::BackendState;
use crate::data_plane::{ListedService, Listing};
use crate::key::FirewallMarkKey;

/// A network as the swarm has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IngressNetwork {
    /// The network's name, for people.
    pub name: String,
    /// Services that swarm balances on it at a VIP (not those with DNS round robin).
    pub services: Vec<IngressService>,
}

/// A service on a network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IngressService {
    /// Its name.
    pub name: String,
    /// Its running tasks.
    pub tasks: Vec<IngressTask>,
}

/// A task on a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngressTask {
    /// The task's id.
    pub task: String,
    /// Its address on the network.
    pub address: IpAddr,
    /// Whether it takes new connections.
    pub state: BackendState,
}

/// The IPVS table of one namespace.
#[derive(Clone, Debug, Default)]
pub struct IngressTable {
    /// The namespace, such as `ingress_sbox`.
    pub namespace: String,
    /// The network that it serves.
    pub network: IngressNetwork,
    /// What was read there.
    pub listing: Listing,
}

/// What is wrong in one of swarm's own tables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IngressFinding {
    /// The namespace.
    pub namespace: String,
    /// The network's name.
    pub network: String,
    /// The service, where one is known.
    pub service: Option<String>,
    /// The virtual service, where there is one.
    pub firewall_mark: Option<FirewallMarkKey>,
    /// The endpoint, where one is meant.
    pub endpoint: Option<IpAddr>,
    /// The task behind it, where one is known.
    pub task: Option<String>,
    /// What is wrong.
    #[serde(flatten)]
    pub fault: IngressFault,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum IngressFault {
    /// The service has tasks that serve, and no virtual service.
    NoVirtualService,
    /// None of the virtual service's endpoints belongs to a task that runs.
    PhantomService,
    /// The endpoint belongs to no task that runs, and gets connections all the same.
    Phantom {
        /// The weight at which it is listed.
        weight: u32,
    },
    /// The endpoint belongs to a task of another service.
    Misplaced {
        /// That service.
        belongs_to: String,
    },
    /// A task that serves is not there.
    Missing,
    /// A task that serves has a weight that is not 1.
    Weight {
        /// The weight at which it is listed.
        found: u32,
    },
}

impl fmt::Display for IngressFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (network {}", self.namespace, self.network)?;
        if let Some(service) = &self.service {
            write!(f, ", service {service}")?;
        }
        f.write_str("): ")?;
        if let Some(mark) = self.firewall_mark {
            write!(f, "{mark}: ")?;
        }
        if let Some(endpoint) = self.endpoint {
            write!(f, "endpoint {endpoint}")?;
        }
        if let Some(task) = &self.task {
            write!(f, " of task {task}")?;
        }
        match &self.fault {
            IngressFault::NoVirtualService => {
                f.write_str("tasks serve, and there is no virtual service")
            }
            IngressFault::PhantomService => f.write_str("no endpoint belongs to a running task"),
            IngressFault::Phantom { weight } => {
                write!(f, " belongs to no running task, and has weight {weight}")
            }
            IngressFault::Misplaced { belongs_to } => {
                write!(f, " belongs to the service {belongs_to}")
            }
            IngressFault::Missing => f.write_str(" is missing"),
            IngressFault::Weight { found } => write!(f, " has weight {found} instead of 1"),
        }
    }
}

/// Audits swarm's own tables against the swarm's view of its tasks.
///
/// View and tables are never of the same moment: what is found while tasks come and go should be looked for again some
/// seconds later before it is believed.
#[must_use]
pub fn ingress_audit(tables: &[IngressTable]) -> Vec<IngressFinding> {
    tables
        .iter()
        .flat_map(|table| Auditor::new(table).audit())
        .collect()
}

/// The audit of one table.
struct Auditor<'a> {
    table: &'a IngressTable,
    /// Service and task behind each address.
    owners: BTreeMap<IpAddr, (&'a IngressService, &'a IngressTask)>,
    findings: Vec<IngressFinding>,
}

impl<'a> Auditor<'a> {
    fn new(table: &'a IngressTable) -> Self {
        let services = table.network.services.iter();
        let owners = services.flat_map(|service| {
            let tasks = service.tasks.iter();
            tasks.map(move |task| (task.address, (service, task)))
        });
        Self {
            table,
            owners: owners.collect(),
            findings: Vec::new(),
        }
    }

    fn audit(mut self) -> Vec<IngressFinding> {
        let mut seen = BTreeSet::new();
        for (mark, found) in &self.table.listing.firewall_marks {
            match self.owner(found) {
                Some(service) => {
                    seen.insert(&service.name);
                    self.compare(*mark, found, service);
                }
                // Swarm keeps the virtual service of a service without tasks.
                None if found
                    .destinations
                    .values()
                    .all(|found| found.config.weight == 0) => {}
                None => self.find(None, Some(*mark), None, IngressFault::PhantomService),
            }
        }
        for service in &self.table.network.services {
            let serves = service.tasks.iter().any(IngressTask::serves);
            if serves && !seen.contains(&service.name) {
                self.find(Some(service), None, None, IngressFault::NoVirtualService);
            }
        }
        self.findings
    }

    /// The service that most endpoints belong to.
    fn owner(&self, found: &ListedService) -> Option<&'a IngressService> {
        let mut votes: BTreeMap<&str, (usize, &'a IngressService)> = BTreeMap::new();
        for destination in found.destinations.keys() {
            if let Some((service, _)) = self.owners.get(&destination.address) {
                votes.entry(&service.name).or_insert((0, service)).0 += 1;
            }
        }
        let most = votes.into_values().max_by_key(|(count, _)| *count);
        most.map(|(_, service)| service)
    }

    fn compare(
        &mut self,
        mark: FirewallMarkKey,
        found: &ListedService,
        service: &'a IngressService,
    ) {
        for (destination, listed) in &found.destinations {
            let (address, weight) = (destination.address, listed.config.weight);
            let fault = match self.owners.get(&address) {
                // At weight 0 it is on its way out.
                None if weight == 0 => continue,
                None => IngressFault::Phantom { weight },
                Some((owner, _)) if owner.name != service.name => IngressFault::Misplaced {
                    belongs_to: owner.name.clone(),
                },
                Some((_, task)) if task.serves() && weight != 1 => {
                    IngressFault::Weight { found: weight }
                }
                Some(_) => continue,
            };
            self.find(Some(service), Some(mark), Some(address), fault);
        }
        for task in service.tasks.iter().filter(|task| task.serves()) {
            let listed = found
                .destinations
                .keys()
                .any(|key| key.address == task.address);
            if !listed {
                self.find(
                    Some(service),
                    Some(mark),
                    Some(task.address),
                    IngressFault::Missing,
                );
            }
        }
    }

    fn find(
        &mut self,
        service: Option<&IngressService>,
        firewall_mark: Option<FirewallMarkKey>,
        endpoint: Option<IpAddr>,
        fault: IngressFault,
    ) {
        let task = endpoint.and_then(|endpoint| self.owners.get(&endpoint));
        self.findings.push(IngressFinding {
            namespace: self.table.namespace.clone(),
            network: self.table.network.name.clone(),
            service: service.map(|service| service.name.clone()),
            firewall_mark,
            endpoint,
            task: task.map(|(_, task)| task.task.clone()),
            fault,
        });
    }
}

impl IngressTask {
    fn serves(&self) -> bool {
        self.state == BackendState::Serving
    }
}

#[cfg(test)]
mod tests;
