//! The agent's thread: looks for containers, reads those that are due, sends datagrams.

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    sync::{Arc, atomic::Ordering, mpsc::Receiver},
    time::Duration,
};

use agent::{
    ContainerId, Core, Poll, Settings, choose,
    kernel::{ContainerReader, Found, HostReader, Roots, Scratch, Tree, addresses},
    outward,
};
use anyhow::Context as _;

use super::{
    Plan, Shared, opted::may_be_scaled, owners::OwnersReader, sampler::Sampled, shared::Named,
};
use crate::clock::Clock;

/// Time between two walks through the cgroup tree when nothing happens.
const LOOK: Duration = Duration::from_secs(1);
/// Polls that are due within this of each other are made in one go; what they read is still told apart by its time.
const GATHER: Duration = Duration::from_millis(5);

/// The thread's state.
#[derive(Debug)]
pub(super) struct Poller {
    clock: Clock,
    shared: Arc<Shared>,
    core: Core,
    roots: Roots,
    tree: Tree,
    host: HostReader,
    readers: BTreeMap<ContainerId, (u64, ContainerReader)>,
    scratch: Scratch,
    sockets: Vec<(SocketAddr, UdpSocket)>,
    /// Samples of packets, and whose addresses are whose, where packets are sampled.
    samples: Option<(Receiver<Sampled>, OwnersReader)>,
    interval: Duration,
    other_interval: Duration,
    next_look: Duration,
}

impl Poller {
    /// Makes the state; opens the cgroup tree and chooses the agent's address.
    pub(super) fn new(
        plan: &Plan,
        clock: Clock,
        collectors: &[SocketAddr],
        shared: Arc<Shared>,
    ) -> anyhow::Result<Self> {
        let tree = Tree::open(&plan.roots.cgroup).context("agent.cgroup")?;
        let own = addresses().context("the interfaces' addresses cannot be listed")?;
        let route = collectors
            .first()
            .and_then(|collector| route_to(*collector).ok())
            .filter(|address| !address.is_loopback())
            .or_else(|| outward(&own))
            .unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let address = choose(&plan.address, route, &own).context("agent.address")?;
        let core = Core::new(Settings {
            datagram_bytes: plan.datagram_bytes,
            host_interval: plan.host_interval,
            extensions: plan.extensions,
            containers_max: plan.max_containers,
            ..Settings::new(address)
        });
        tracing::info!(
            %address,
            cgroup = tree.version(),
            names = if shared.by_engine { "engine" } else { "cgroup" },
            "the agent polls"
        );
        Ok(Self {
            host: HostReader::new(&plan.roots, None),
            clock,
            shared,
            core,
            roots: plan.roots.clone(),
            tree,
            readers: BTreeMap::new(),
            scratch: Scratch::default(),
            sockets: Vec::new(),
            samples: None,
            interval: plan.interval,
            other_interval: plan.other_interval,
            next_look: Duration::ZERO,
        })
    }

    /// Has samples of packets sent among the others.
    pub(super) fn take_samples_from(&mut self, samples: Receiver<Sampled>) {
        self.samples = Some((samples, OwnersReader::default()));
    }

    /// Polls until told to stop.
    pub(super) fn run(mut self) {
        let mut wanted = false;
        while !self.shared.is_stopping() {
            let begin = self.clock.now();
            if wanted || begin >= self.next_look {
                self.look(begin);
                self.next_look = begin + LOOK;
            }
            while let Some(poll) = self.core.due(self.clock.now()) {
                self.poll(poll);
            }
            self.take_samples();
            self.send();
            self.publish(begin);
            let now = self.clock.now();
            let next = self
                .core
                .next_due()
                .unwrap_or(self.next_look)
                .min(self.next_look);
            wanted = self.shared.wait(next.saturating_sub(now).max(GATHER));
        }
        self.take_samples();
        self.send();
    }

    fn take_samples(&mut self) {
        if let Some((samples, _)) = &self.samples {
            for (body, at) in samples.try_iter() {
                self.core.take_flow(body, at);
            }
        }
    }

    /// Finds the containers that are there, and lets go of those that are not.
    fn look(&mut self, now: Duration) {
        let found = match self.tree.containers() {
            Ok(found) => found,
            Err(error) => {
                // A walk that failed must not look like an empty node.
                tracing::warn!(%error, "the cgroup tree cannot be read");
                return;
            }
        };
        if let Some(name) = self.shared.host_name.load().as_ref() {
            self.host.rename(name);
        }
        let named = self.shared.named.load_full();
        let mut gone: BTreeMap<ContainerId, ()> = self.readers.keys().map(|id| (*id, ())).collect();
        for found in found {
            let Some((name, interval)) = self.describe(&found.id, named.as_deref()) else {
                continue;
            };
            gone.remove(&found.id);
            self.take_in(&found, &name, interval, now);
        }
        for id in gone.into_keys() {
            self.let_go(&id, now);
        }
        if let Some((_, owners)) = &mut self.samples {
            let kernel = (&self.roots, &mut self.scratch);
            owners.look((&self.shared, &self.core), &mut self.readers, kernel, now);
        }
    }

    /// Name and interval of a container; `None` for one that is not this engine's.
    fn describe(&self, id: &ContainerId, named: Option<&Named>) -> Option<(String, Duration)> {
        if !self.shared.by_engine {
            return Some((id.to_string(), self.interval));
        }
        let container = named?.get(id)?;
        let opted = self.shared.opted.load();
        let interval = if may_be_scaled(container, opted.as_deref()) {
            self.interval
        } else {
            self.other_interval
        };
        Some((container.name.clone(), interval))
    }

    fn take_in(&mut self, found: &Found, name: &str, interval: Duration, now: Duration) {
        let known = self.readers.get(&found.id).map(|(inode, _)| *inode);
        if known.is_some_and(|inode| inode != found.inode) {
            self.let_go(&found.id, now);
        }
        if !self.core.appear(found.id, name, interval, now) {
            return;
        }
        self.readers
            .entry(found.id)
            .or_insert_with(|| (found.inode, ContainerReader::new(&self.tree, found)));
    }

    fn let_go(&mut self, id: &ContainerId, now: Duration) {
        self.readers.remove(id);
        self.core.vanish(id, now);
    }

    fn poll(&mut self, poll: Poll) {
        let clock = || self.clock.now();
        match poll {
            Poll::Host => {
                let containers = self.readers.len();
                let (counters, at) =
                    self.host
                        .read(&self.roots, containers, &mut self.scratch, clock);
                self.core.take_host(&counters, at);
            }
            Poll::Container(id) => {
                let read = self
                    .readers
                    .get_mut(&id)
                    .and_then(|(_, reader)| reader.read(&self.roots, &mut self.scratch, clock));
                match read {
                    Some((counters, at)) => self.core.take(&id, &counters, at),
                    None => self.let_go(&id, self.clock.now()),
                }
            }
        }
    }

    fn send(&mut self) {
        let datagrams = self.core.datagrams();
        if datagrams.is_empty() {
            return;
        }
        self.connect();
        let counters = &self.shared.counters;
        for (_, socket) in &self.sockets {
            for datagram in &datagrams {
                // An error may be that of an earlier datagram, refused by a collector that is not up.
                let sent = socket.send(datagram).or_else(|_| socket.send(datagram));
                match sent {
                    Ok(count) => {
                        counters.datagrams.fetch_add(1, Ordering::Relaxed);
                        counters.bytes.fetch_add(count as u64, Ordering::Relaxed);
                    }
                    Err(error) => {
                        counters.send_errors.fetch_add(1, Ordering::Relaxed);
                        tracing::debug!(%error, "a datagram cannot be sent");
                    }
                }
            }
        }
    }

    /// Has a socket for each collector.
    fn connect(&mut self) {
        let wanted = self.shared.collectors.load();
        let wanted = wanted
            .as_ref()
            .map(|list| list.as_slice())
            .unwrap_or_default();
        if self.sockets.len() == wanted.len()
            && self
                .sockets
                .iter()
                .zip(wanted)
                .all(|((have, _), want)| have == want)
        {
            return;
        }
        self.sockets.retain(|(address, _)| wanted.contains(address));
        for address in wanted {
            if self.sockets.iter().any(|(have, _)| have == address) {
                continue;
            }
            match connected(*address) {
                Ok(socket) => self.sockets.push((*address, socket)),
                Err(error) => {
                    tracing::warn!(collector = %address, %error, "no socket to the collector")
                }
            }
        }
    }

    fn publish(&self, begin: Duration) {
        let stats = self.core.stats();
        let counters = &self.shared.counters;
        let busy = self.clock.now().saturating_sub(begin);
        for (counter, value) in [
            (&counters.containers, stats.containers as u64),
            (&counters.container_samples, stats.container_samples),
            (&counters.host_samples, stats.host_samples),
            (&counters.flow_samples, stats.flow_samples),
            (&counters.polls_missed, stats.polls_missed),
            (&counters.resets, stats.resets),
            (&counters.refused, stats.refused),
        ] {
            counter.store(value, Ordering::Relaxed);
        }
        let busy = u64::try_from(busy.as_micros()).unwrap_or(0);
        counters.busy_us.fetch_add(busy, Ordering::Relaxed);
    }
}

fn connected(address: SocketAddr) -> io::Result<UdpSocket> {
    let any: IpAddr = match address {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(address)?;
    // A full buffer costs a datagram, not an interval.
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// The address that datagrams to a collector leave from.
fn route_to(collector: SocketAddr) -> io::Result<IpAddr> {
    Ok(connected(collector)?.local_addr()?.ip())
}
