//! Backend set to desired table.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;
use thiserror::Error;

use crate::backend::{Backend, BackendSet, BackendState, Service};
use crate::config::{DestinationConfig, ForwardingMethod};
use crate::key::{DestinationKey, VirtualServiceKey};
use crate::labels::{LabelError, ServiceLabels};
use crate::probe::ProbeSpec;
use crate::share::Share;
use crate::table::{Table, VirtualService};

/// The table that a backend set asks for, and where each entry comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Desired {
    /// The table.
    pub table: Table,
    /// The service behind each virtual service.
    pub origins: BTreeMap<VirtualServiceKey, Origin>,
    /// What could not be done, by service.
    pub problems: Vec<Problem>,
}

/// The service behind a virtual service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The service's id.
    pub service_id: String,
    /// The service's name.
    pub service_name: String,
    /// How long connections of a destination that is gone are waited for at most.
    pub stop_grace_period: Duration,
    /// How its destinations are probed, if they are.
    pub probe: Option<ProbeSpec>,
    /// The share of its destinations that stays in whatever the probe says; `None` for the configured one.
    pub floor: Option<Share>,
    /// The time in which the weight of a destination that joins others rises; zero for at once.
    pub warm_up: Duration,
    /// The tasks behind each destination.
    pub destinations: BTreeMap<DestinationKey, Vec<TaskOrigin>>,
}

/// A task behind a destination.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct TaskOrigin {
    /// The task's id.
    pub task: String,
    /// The node's host name or id.
    pub node: String,
    /// Whether it takes new connections.
    pub state: BackendState,
}

/// Something that a service's owner has to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The service's name.
    pub service: String,
    /// What is wrong.
    pub kind: ProblemKind,
}

/// What is wrong with a service.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ProblemKind {
    /// A label cannot be used; the service has no virtual service, or keeps the one that it had.
    #[error("{error}")]
    Label {
        /// Which, and why.
        error: LabelError,
    },
    /// An older service has the same virtual service, and keeps it.
    #[error("{virtual_service} belongs to the service {owner}")]
    Conflict {
        /// The virtual service.
        virtual_service: VirtualServiceKey,
        /// Name of the service that has it.
        owner: String,
    },
    /// The VIP lies outside of the ranges that the configuration allows.
    #[error("the VIP {vip} is outside of the ranges that the configuration allows")]
    OutsideRanges {
        /// The VIP.
        vip: IpAddr,
    },
    /// A virtual service of somebody else is where this one should be; it is left alone.
    #[error("{virtual_service} exists already and is not ours")]
    Foreign {
        /// The virtual service.
        virtual_service: VirtualServiceKey,
    },
    /// A running task publishes no fitting port in host mode.
    #[error("task {task} publishes no fitting port in host mode")]
    NoPort {
        /// The task's id.
        task: String,
    },
    /// A running task publishes several ports in host mode and no label says which is meant.
    #[error("task {task} publishes several ports in host mode; set swarmtide.lb.target")]
    SeveralPorts {
        /// The task's id.
        task: String,
    },
    /// The node of a running task has no known address.
    #[error("the address of node {node} is not known")]
    NoAddress {
        /// The node.
        node: String,
    },
    /// The forwarding method keeps the port, and the published one is another.
    #[error("forwarding by {forward} needs the published port to be {expected}, not {published}")]
    PortDiffers {
        /// The forwarding method.
        forward: ForwardingMethod,
        /// The virtual service's port.
        expected: u16,
        /// The port on the node.
        published: u16,
    },
    /// VIP and node are not both IPv4 or both IPv6.
    #[error(
        "node address {address} is of another family than the VIP, which forwarding by {forward} cannot cross"
    )]
    FamilyDiffers {
        /// The forwarding method.
        forward: ForwardingMethod,
        /// The node's address.
        address: IpAddr,
    },
}

/// What the labels of a service asked for when they could last be read, by the service's id.
pub(crate) type LastLabels = BTreeMap<String, ServiceLabels>;

/// Turns a backend set into the table that it asks for.
///
/// Draining backends have weight 0. Backends with the same address and port become one destination whose weight is that
/// of those that serve, taken together. Health and warm-up are not in it: they are for [`crate::Reconciler`]. Where two services claim one virtual service, the older keeps it. A service whose labels
/// cannot be used has no virtual service; a [`crate::Reconciler`] keeps the one that it had.
#[must_use]
pub fn desired(set: &BackendSet) -> Desired {
    desired_with(set, &mut LastLabels::new())
}

/// As [`desired`], but a service whose labels cannot be used keeps the virtual service that it had: a slip in a label
/// must not take a running service off its VIP.
pub(crate) fn desired_with(set: &BackendSet, last: &mut LastLabels) -> Desired {
    let mut desired = Desired::default();
    let mut services: Vec<&Service> = set.services.iter().collect();
    services.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
    let mut seen = LastLabels::new();
    for service in services {
        let labels = match ServiceLabels::from_labels(&service.labels) {
            Ok(labels) => labels,
            Err(errors) => {
                for error in errors {
                    desired.problem(service, ProblemKind::Label { error });
                }
                last.get(&service.id).cloned()
            }
        };
        if let Some(labels) = labels {
            desired.add(service, &labels);
            seen.insert(service.id.clone(), labels);
        }
    }
    *last = seen;
    desired
}

impl Desired {
    pub(crate) fn problem(&mut self, service: &Service, kind: ProblemKind) {
        self.problems.push(Problem {
            service: service.name.clone(),
            kind,
        });
    }

    fn add(&mut self, service: &Service, labels: &ServiceLabels) {
        let key = labels.virtual_service;
        if let Some(owner) = self.origins.get(&key) {
            let owner = owner.service_name.clone();
            return self.problem(
                service,
                ProblemKind::Conflict {
                    virtual_service: key,
                    owner,
                },
            );
        }
        let mut destinations: BTreeMap<DestinationKey, Vec<TaskOrigin>> = BTreeMap::new();
        for backend in &service.backends {
            match destination(backend, labels) {
                Ok(destination) => destinations
                    .entry(destination)
                    .or_default()
                    .push(TaskOrigin {
                        task: backend.task.clone(),
                        node: backend.node.clone(),
                        state: backend.state,
                    }),
                Err(kind) => self.problem(service, kind),
            }
        }
        for tasks in destinations.values_mut() {
            tasks.sort();
            tasks.dedup();
        }
        // A service that warms up needs steps between nothing and the weight of one task.
        let steps = match labels.warm_up.is_zero() {
            true => 1,
            false => WARM_UP_STEPS,
        };
        let mut template = labels.destination;
        template.weight *= steps;
        let configs = destinations
            .iter()
            .map(|(key, tasks)| (*key, config(template, tasks)));
        let virtual_service = VirtualService {
            config: labels.config.clone(),
            destinations: configs.collect(),
        };
        self.table.insert(key, virtual_service);
        let origin = Origin {
            service_id: service.id.clone(),
            service_name: service.name.clone(),
            stop_grace_period: service.stop_grace_period,
            probe: labels.probe.clone(),
            floor: labels.floor,
            warm_up: labels.warm_up,
            destinations,
        };
        self.origins.insert(key, origin);
    }
}

fn config(template: DestinationConfig, tasks: &[TaskOrigin]) -> DestinationConfig {
    let serving = tasks
        .iter()
        .filter(|task| task.state == BackendState::Serving)
        .count();
    let weight = u32::try_from(serving)
        .unwrap_or(u32::MAX)
        .saturating_mul(template.weight);
    DestinationConfig {
        weight: weight.min(WEIGHT_MAX),
        ..template
    }
}

/// Steps in which the weight of a destination rises while it warms up. All weights of the virtual service are multiples
/// of it but those that rise: wrr sends runs of connections to one destination where weights have no common divisor.
pub(crate) const WARM_UP_STEPS: u32 = 10;

/// Largest weight that IPVS takes.
const WEIGHT_MAX: u32 = 65_535;

fn destination(backend: &Backend, labels: &ServiceLabels) -> Result<DestinationKey, ProblemKind> {
    let vip = labels.virtual_service;
    let forward = labels.destination.forward;
    let fits = |target: u16| labels.target.is_none_or(|wanted| wanted == target);
    let ports: BTreeSet<_> = backend
        .ports
        .iter()
        .filter(|port| port.protocol == vip.protocol && fits(port.target))
        .map(|port| port.published)
        .collect();
    let port = match (ports.first(), ports.len()) {
        (Some(port), 1) => *port,
        (Some(_), _) if labels.target.is_none() => {
            return Err(ProblemKind::SeveralPorts {
                task: backend.task.clone(),
            });
        }
        // One container port published at several ports of the node: any leads there; the lowest is always the same.
        (Some(port), _) => *port,
        (None, _) => {
            return Err(ProblemKind::NoPort {
                task: backend.task.clone(),
            });
        }
    };
    let address = backend.address.ok_or_else(|| ProblemKind::NoAddress {
        node: backend.node.clone(),
    })?;
    if address.is_ipv4() != vip.address.is_ipv4() && !forward.crosses_families() {
        return Err(ProblemKind::FamilyDiffers { forward, address });
    }
    if forward.keeps_port() && port != vip.port {
        return Err(ProblemKind::PortDiffers {
            forward,
            expected: vip.port,
            published: port,
        });
    }
    Ok(DestinationKey { address, port })
}

#[cfg(test)]
pub(crate) mod tests;
