//! Who talks to whom in the swarm's words: ends of sampled flows to services, containers, nodes, and what is outside.

mod past;

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    time::Duration,
};

use collector::{
    Collector, ContainerUuid,
    talkers::{Endpoint, Talker, WINDOW, error_percent},
};
use serde::Serialize;
use swarm::{Phase, View};
use utoipa::ToSchema;

pub(crate) use past::Past;

/// Most containers whose names are looked up for those that are no task.
const CONTAINERS_MAX: usize = 100_000;

/// What an end is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum EndKind {
    /// Tasks of a service.
    Service,
    /// A container that is no task the swarm lists.
    Container,
    /// A node itself.
    Node,
    /// Anything else.
    External,
}

/// One end of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
pub(crate) struct End {
    /// What it is.
    kind: EndKind,
    /// Name of the service, the container or the node; the address of what is outside.
    pub(crate) name: String,
}

/// Packets from one end to another.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Row {
    pub(crate) source: End,
    pub(crate) destination: End,
    /// `tcp`, `udp`, `icmp`, …, or the protocol's number.
    protocol: String,
    /// The server's port, which is the smaller of the two whichever way the packets go; 0 where the protocol has none.
    port: u16,
    /// Estimated from the samples, frames without their check sequence.
    pub(crate) bytes_per_second: f64,
    /// Estimated from the samples; what a network card was to cut up counts as one.
    packets_per_second: f64,
    /// Samples that the estimate rests on.
    samples: u64,
    /// The bytes are off by no more than this in 95 of 100 cases: 0 where every packet is sampled, with packets of one size
    /// 196 / sqrt(samples), with such of different sizes more.
    error_percent: f64,
}

/// The largest conversations of the last minute.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct TopTalkers {
    /// The window that samples count for.
    window_seconds: u64,
    /// Samples within it.
    samples: u64,
    /// Agents that sent samples within it.
    sampling_agents: usize,
    /// Of all conversations, also of those that are not listed.
    bytes_per_second: f64,
    /// Largest first, by bytes.
    pub(crate) talkers: Vec<Row>,
}

/// Of all flows between the same two ends.
#[derive(Default)]
struct Sums {
    bytes: u64,
    packets: u64,
    samples: u64,
    variance: u128,
}

/// The largest `limit` conversations.
pub(crate) fn top(
    collector: &Collector,
    (view, past): (Option<&View>, &Past),
    now: Duration,
    limit: usize,
) -> TopTalkers {
    let all = collector.talkers(now);
    let names = Names::of(collector, (view, past), &all.flows, now);
    let mut rows: BTreeMap<(End, End, u8, u16), Sums> = BTreeMap::new();
    for flow in &all.flows {
        let ends = [flow.source, flow.destination].map(|end| names.of_end(end));
        let [source, destination] = ends;
        let sums = rows
            .entry((source, destination, flow.protocol, flow.port))
            .or_default();
        sums.bytes = sums.bytes.saturating_add(flow.bytes);
        sums.packets = sums.packets.saturating_add(flow.packets);
        sums.samples = sums.samples.saturating_add(flow.samples);
        sums.variance = sums.variance.saturating_add(flow.variance);
    }
    let seconds = all.covered.as_secs_f64();
    let bytes = rows.values().map(|sums| sums.bytes as f64).sum::<f64>();
    let mut talkers: Vec<Row> = rows
        .into_iter()
        .map(|((source, destination, protocol, port), sums)| Row {
            source,
            destination,
            protocol: protocol_name(protocol),
            port,
            bytes_per_second: sums.bytes as f64 / seconds,
            packets_per_second: sums.packets as f64 / seconds,
            samples: sums.samples,
            error_percent: error_percent(sums.bytes, sums.variance),
        })
        .collect();
    talkers.sort_by(|a, b| f64::total_cmp(&b.bytes_per_second, &a.bytes_per_second));
    talkers.truncate(limit);
    TopTalkers {
        window_seconds: WINDOW.as_secs(),
        samples: all.samples,
        sampling_agents: all.agents,
        bytes_per_second: bytes / seconds,
        talkers,
    }
}

fn protocol_name(number: u8) -> String {
    match number {
        1 => "icmp".to_owned(),
        2 => "igmp".to_owned(),
        6 => "tcp".to_owned(),
        17 => "udp".to_owned(),
        50 => "esp".to_owned(),
        58 => "icmpv6".to_owned(),
        132 => "sctp".to_owned(),
        other => other.to_string(),
    }
}

/// Whose containers and addresses are whose.
#[derive(Debug, Default)]
struct Names {
    containers: HashMap<ContainerUuid, End>,
    /// `None` where services share an address, which networks of different drivers may.
    addresses: HashMap<IpAddr, Option<End>>,
    nodes: HashMap<IpAddr, String>,
    hosts: HashMap<IpAddr, String>,
}

impl Names {
    fn of(
        collector: &Collector,
        (view, past): (Option<&View>, &Past),
        flows: &[Talker],
        now: Duration,
    ) -> Self {
        let mut names = Self::default();
        if let Some(view) = view {
            names.take_view(view);
        }
        names.take_past(past);
        for agent in collector.agents(now) {
            if let Some(name) = agent.hostname {
                names.hosts.insert(agent.source, name);
            }
        }
        let ends = flows
            .iter()
            .flat_map(|flow| [flow.source, flow.destination]);
        let unknown =
            |end| matches!(end, Endpoint::Container(uuid) if !names.containers.contains_key(&uuid));
        // Listing containers costs; tasks of the swarm do not need it.
        if ends.into_iter().any(unknown) {
            for container in collector.containers(now, CONTAINERS_MAX) {
                if let Some(uuid) = container.uuid {
                    names.containers.entry(uuid).or_insert(End {
                        kind: EndKind::Container,
                        name: container.name,
                    });
                }
            }
        }
        names
    }

    fn take_view(&mut self, view: &View) {
        for service in view.services.values() {
            let end = End {
                kind: EndKind::Service,
                name: service.name.clone(),
            };
            for task in &service.tasks {
                // What has just ended may have talked within the window; its addresses may be another's by now.
                if let Some(uuid) = task
                    .container_id
                    .as_ref()
                    .and_then(|id| ContainerUuid::from_container_id(id.as_str()))
                {
                    self.containers.insert(uuid, end.clone());
                }
                if view.phase(task) == Phase::Stopped {
                    continue;
                }
                for address in &task.addresses {
                    self.addresses
                        .entry(address.address)
                        .and_modify(|known| *known = known.take().filter(|known| *known == end))
                        .or_insert_with(|| Some(end.clone()));
                }
            }
        }
        for node in view.nodes.values() {
            if let Some(address) = node.address {
                self.nodes.insert(address, node.hostname.clone());
            }
        }
    }

    /// Those that are gone, where nobody has what was theirs.
    fn take_past(&mut self, past: &Past) {
        for (uuid, service, addresses) in past.tasks() {
            let end = || End {
                kind: EndKind::Service,
                name: service.to_owned(),
            };
            self.containers.entry(uuid).or_insert_with(end);
            for address in addresses {
                self.addresses
                    .entry(*address)
                    .or_insert_with(|| Some(end()));
            }
        }
    }

    fn of_end(&self, end: Endpoint) -> End {
        let external = |address: IpAddr| End {
            kind: EndKind::External,
            name: address.to_string(),
        };
        let node = |name: &String| End {
            kind: EndKind::Node,
            name: name.clone(),
        };
        match end {
            Endpoint::Container(uuid) => {
                self.containers.get(&uuid).cloned().unwrap_or_else(|| End {
                    kind: EndKind::Container,
                    name: uuid.to_string().chars().take(12).collect(),
                })
            }
            Endpoint::Host(source) => {
                let name = self.nodes.get(&source).or_else(|| self.hosts.get(&source));
                End {
                    kind: EndKind::Node,
                    name: name.cloned().unwrap_or_else(|| source.to_string()),
                }
            }
            Endpoint::Address(address) => {
                let service = self.addresses.get(&address).cloned().flatten();
                service
                    .or_else(|| self.nodes.get(&address).map(node))
                    .unwrap_or_else(|| external(address))
            }
        }
    }
}

#[cfg(test)]
mod tests;
