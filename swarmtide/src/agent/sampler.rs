//! The thread that samples packets: keeps a tap on each interface that is wanted, and hands samples to the agent's thread.
//!
//! Counters do not depend on it: without the right to listen it says so and ends.

use std::{
    collections::BTreeMap,
    io,
    sync::{
        Arc,
        atomic::Ordering,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    time::Duration,
};

use agent::{
    Outcome, Owners, Rates, Taken, Tapped, Wanted,
    kernel::{LinkChanges, Links, Roots, Tap, outward_indices, speed, wait},
    points,
};
use anyhow::Context as _;

use super::{Plan, Shared};
use crate::clock::Clock;

/// Body of a flow sample, and when it was taken.
pub(super) type Sampled = (Vec<u8>, Duration);

/// Most samples that wait for the agent's thread.
const QUEUE: usize = 4096;
/// Most interfaces that are tapped.
const TAPS_MAX: usize = 1024;
/// Longest wait for packets; then it looks whether interfaces came or went.
const TURN: Duration = Duration::from_millis(100);
/// Time between two looks at all interfaces when nothing is heard of them.
const LOOK: Duration = Duration::from_secs(10);
/// Age at which the packet counter of an interface is read again.
const POOL_AGE: Duration = Duration::from_millis(100);

/// The thread's state.
#[derive(Debug)]
pub(super) struct Sampler {
    clock: Clock,
    shared: Arc<Shared>,
    rates: Rates,
    wanted: Wanted,
    roots: Roots,
    links: Links,
    changes: LinkChanges,
    taps: BTreeMap<u32, Open>,
    queue: SyncSender<Sampled>,
    next_look: Duration,
}

/// A tap that is open.
#[derive(Debug)]
struct Open {
    tap: Tap,
    tapped: Tapped,
    /// The interface's packet counter when the tap was opened.
    begin: u64,
    /// When the counter was read last.
    read_at: Duration,
}

/// Why sampling ends for good.
#[derive(Debug)]
struct Denied(io::Error);

impl Sampler {
    /// Makes the state, and the end at which samples come out; `None` where nothing is to be sampled.
    pub(super) fn new(
        plan: &Plan,
        clock: Clock,
        shared: Arc<Shared>,
    ) -> anyhow::Result<Option<(Self, Receiver<Sampled>)>> {
        if !plan.rates.is_on() {
            return Ok(None);
        }
        let (queue, samples) = sync_channel(QUEUE);
        let sampler = Self {
            clock,
            shared,
            rates: plan.rates.clone(),
            wanted: plan.sampled.clone(),
            roots: plan.roots.clone(),
            links: Links::open().context("the interfaces cannot be listed")?,
            changes: LinkChanges::open().context("the kernel tells of no changes of interfaces")?,
            taps: BTreeMap::new(),
            queue,
            next_look: Duration::ZERO,
        };
        Ok(Some((sampler, samples)))
    }

    /// Samples until told to stop.
    pub(super) fn run(mut self) {
        while !self.shared.is_stopping() {
            let now = self.clock.now();
            if self.changes.any() || now >= self.next_look {
                self.next_look = now + LOOK;
                if let Err(Denied(error)) = self.look(now) {
                    tracing::warn!(
                        %error,
                        "packets are not sampled: that needs CAP_NET_RAW; counters go on"
                    );
                    break;
                }
            }
            let taps = self.taps.values().map(|open| &open.tap);
            match wait(taps, TURN) {
                Ok(ready) => self.take(&ready),
                Err(error) => {
                    tracing::warn!(%error, "cannot wait for packets");
                    std::thread::sleep(TURN);
                }
            }
        }
        self.taps.clear();
        self.publish();
    }

    /// Opens and closes taps as interfaces come and go.
    fn look(&mut self, now: Duration) -> Result<(), Denied> {
        let links = match self.links.list() {
            Ok(links) => links,
            Err(error) => {
                self.failed();
                tracing::warn!(%error, "the interfaces cannot be listed");
                return Ok(());
            }
        };
        let outward = if self.wanted.overlay {
            outward_indices(&self.roots)
        } else {
            Vec::new()
        };
        let points = points(&links, &self.wanted, &outward);
        self.taps
            .retain(|index, open| points.get(index) == Some(&open.tapped.taken));
        for link in &links {
            let Some(taken) = points.get(&link.index).copied() else {
                continue;
            };
            if self.taps.contains_key(&link.index) {
                continue;
            }
            let Some(rate) = self.rates.of(speed(&self.roots, &link.name)) else {
                continue;
            };
            if self.taps.len() >= TAPS_MAX {
                self.failed();
                tracing::warn!(interface = link.name, "not sampled: {TAPS_MAX} others are");
                break;
            }
            match Tap::open(link.index, rate, taken) {
                Ok(tap) => {
                    let open = Open {
                        tap,
                        tapped: Tapped::new(link.index, taken, rate),
                        begin: counter(taken, link.packets),
                        read_at: now,
                    };
                    tracing::debug!(interface = link.name, ?taken, rate, "sampled");
                    self.taps.insert(link.index, open);
                }
                Err(error) => {
                    self.failed();
                    if error.kind() == io::ErrorKind::PermissionDenied {
                        return Err(Denied(error));
                    }
                    tracing::warn!(interface = link.name, %error, "the interface cannot be sampled");
                }
            }
        }
        self.publish();
        Ok(())
    }

    fn take(&mut self, ready: &[bool]) {
        if !ready.contains(&true) {
            return;
        }
        let now = self.clock.now();
        let owners = self.shared.owners.load_full().unwrap_or_default();
        let Self {
            taps,
            links,
            queue,
            shared,
            ..
        } = self;
        for ((_, open), _) in taps.iter_mut().zip(ready).filter(|(_, ready)| **ready) {
            open.tap.clear_error();
            open.count(links, shared, now);
            open.drain((queue, shared), &owners, now);
        }
        self.shared.drain();
    }

    fn failed(&self) {
        let counters = &self.shared.counters;
        counters.sampling_errors.fetch_add(1, Ordering::Relaxed);
    }

    fn publish(&self) {
        let counters = &self.shared.counters;
        counters
            .sampled_interfaces
            .store(self.taps.len() as u64, Ordering::Relaxed);
    }
}

/// The counter of the packets that a tap chooses among.
fn counter(taken: Taken, [received, sent]: [u64; 2]) -> u64 {
    match taken {
        Taken::Incoming | Taken::Overlay => received,
        Taken::Outgoing => sent,
    }
}

impl Open {
    /// Reads how many packets there were to choose among, and how many samples were lost.
    fn count(&mut self, links: &mut Links, shared: &Shared, now: Duration) {
        if let Ok(drops) = self.tap.drops() {
            self.tapped.drops = self.tapped.drops.wrapping_add(drops);
            let counters = &shared.counters;
            counters
                .samples_lost
                .fetch_add(u64::from(drops), Ordering::Relaxed);
        }
        let is_old = now.saturating_sub(self.read_at) >= POOL_AGE;
        // No counter of the kernel's tells overlays' packets from the others.
        if is_old
            && self.tapped.taken != Taken::Overlay
            && let Ok(link) = links.one(self.tapped.index)
        {
            self.read_at = now;
            let seen = counter(self.tapped.taken, link.packets).wrapping_sub(self.begin);
            // The pool is 32 bits wide and wraps.
            self.tapped.pool = u32::try_from(seen & u64::from(u32::MAX)).unwrap_or(0);
        }
    }

    fn drain(
        &mut self,
        (queue, shared): (&SyncSender<Sampled>, &Shared),
        owners: &Owners,
        now: Duration,
    ) {
        let counters = &shared.counters;
        while let Some(packet) = self.tap.take() {
            if self.tapped.taken == Taken::Overlay {
                self.tapped.pool = self.tapped.pool.wrapping_add(self.tapped.rate);
            }
            match self.tapped.sample(&packet, owners) {
                Outcome::Sample(body) => match queue.try_send((body, now)) {
                    Ok(()) => {}
                    Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                        self.tapped.drops = self.tapped.drops.wrapping_add(1);
                        counters.samples_lost.fetch_add(1, Ordering::Relaxed);
                    }
                },
                Outcome::Duplicate => {
                    counters.duplicates.fetch_add(1, Ordering::Relaxed);
                }
                Outcome::Own => {}
            }
        }
    }
}
