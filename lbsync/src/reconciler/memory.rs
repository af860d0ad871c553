//! What a reconciler remembers over a restart, be it `kill -9`, and how it goes on from there.
//!
//! It works without: then a weight 0 is recognised in the listing, and a drain begins anew when it is first seen.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::lives::Life;
use super::{Reconciler, ReconcilerConfig, SourceStatus};
use crate::backend::BackendSet;
use crate::key::{DestinationKey, VirtualServiceKey};
use crate::ownership::Ownership;
use crate::prober::Place;

/// What is kept over a restart. A shell compares it with what it last wrote, and writes it before each pass where it
/// differs, so that it is never older than the data plane.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// Virtual services that bear our mark.
    pub marks: Vec<VirtualServiceKey>,
    /// The last complete backend set, of the generation with which it last changed.
    pub set: Option<BackendSet>,
    /// Destinations that are doing something; the others that serve were in.
    pub destinations: Vec<RememberedDestination>,
    /// Virtual services that had too few healthy destinations.
    pub weak: Vec<VirtualServiceKey>,
}

/// A destination that drains, warms up, joins or is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RememberedDestination {
    /// The virtual service.
    pub service: VirtualServiceKey,
    /// The destination.
    pub destination: DestinationKey,
    /// How long the service behind it lets its containers take to end, milliseconds.
    pub grace_ms: u64,
    /// While it drains: when that ends at the latest, Unix milliseconds.
    pub drain_until_unix_ms: Option<u64>,
    /// While its weight rises: when it has its full height, Unix milliseconds.
    pub full_at_unix_ms: Option<u64>,
    /// It has been in.
    pub admitted: bool,
    /// It is not in.
    pub out: bool,
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Reconciler {
    /// Returns what to keep over a restart. `epoch_unix_ms` is the Unix time, in milliseconds, at the zero of `now`; as
    /// long as it stays the same, equal memories need not be written again.
    #[must_use]
    pub fn memory(&self, epoch_unix_ms: u64) -> Memory {
        // Rounded up: a drain must not end sooner for having been written down.
        let unix = |at: Duration| {
            epoch_unix_ms.saturating_add(milliseconds(at + Duration::from_nanos(999_999)))
        };
        let remember = |(service, destination): Place, life: &Life| RememberedDestination {
            service,
            destination,
            grace_ms: milliseconds(life.grace),
            drain_until_unix_ms: life.drain_until.map(unix),
            full_at_unix_ms: life.full_at.map(unix),
            admitted: life.admitted,
            out: life.out,
        };
        let mut destinations = Vec::new();
        for (service, lives) in &self.lives.services {
            for (destination, life) in lives {
                if life.out || life.drain_until.is_some() || life.full_at.is_some() {
                    destinations.push(remember((*service, *destination), life));
                }
            }
        }
        // Those that no pass has seen yet are about to join.
        for place in self.serving() {
            if self.lives.get(&place.0, &place.1).is_none() {
                destinations.push(remember(place, &Life::new(Duration::ZERO)));
            }
        }
        Memory {
            marks: self.ownership.marks().collect(),
            set: self.remembered_set.clone(),
            destinations,
            weak: self.weak.iter().copied().collect(),
        }
    }

    /// The destinations that are desired and serve.
    fn serving(&self) -> impl Iterator<Item = Place> {
        self.desired.table.iter().flat_map(|(key, service)| {
            let serving = service.destinations.iter();
            let serving = serving.filter(|(_, config)| config.weight > 0);
            serving.map(|(destination, _)| (*key, *destination))
        })
    }

    /// Makes a reconciler that goes on where another left off; `epoch_unix_ms` is the Unix time at the zero of `now`.
    ///
    /// A set that is remembered counts as one whose source is away. It is worked towards only after
    /// [`ReconcilerConfig::remembered_after`], if the source has not spoken by then: it may be older than the data plane.
    #[must_use]
    pub fn restore(
        config: ReconcilerConfig,
        ownership: Ownership,
        memory: Memory,
        epoch_unix_ms: u64,
        now: Duration,
    ) -> Self {
        let ownership = ownership.with_marks(memory.marks);
        let mut reconciler = Self::new(config, ownership);
        if let Some(set) = memory.set {
            reconciler.take_over(set, now);
            reconciler.source = SourceStatus::Away;
            reconciler.changed = None;
            reconciler.remembered_until = Some(now + reconciler.config.remembered_after);
        }
        // A clock that was set back in the meantime must not make a drain longer than a new one would be.
        let at = |unix_ms: u64, most: Duration| {
            Duration::from_millis(unix_ms.saturating_sub(epoch_unix_ms)).min(now + most)
        };
        let linger_max = reconciler.config.linger_max;
        // Whoever was neither joining nor anything else was in.
        for (service, destination) in reconciler.serving().collect::<Vec<_>>() {
            let origin = reconciler.desired.origins.get(&service);
            let life = Life {
                grace: origin.map_or(linger_max, |origin| origin.stop_grace_period),
                admitted: true,
                out: false,
                ..Life::new(now)
            };
            let lives = reconciler.lives.services.entry(service);
            lives.or_default().insert(destination, life);
        }
        for remembered in memory.destinations {
            let origin = reconciler.desired.origins.get(&remembered.service);
            let warm_up = origin.map_or(Duration::ZERO, |origin| origin.warm_up);
            let life = Life {
                grace: Duration::from_millis(remembered.grace_ms),
                drain_until: remembered
                    .drain_until_unix_ms
                    .map(|until| at(until, linger_max)),
                full_at: remembered.full_at_unix_ms.map(|full| at(full, warm_up)),
                admitted: remembered.admitted,
                out: remembered.out,
                ..Life::new(now)
            };
            let lives = reconciler.lives.services.entry(remembered.service);
            lives.or_default().insert(remembered.destination, life);
        }
        reconciler.weak = memory.weak.into_iter().collect();
        reconciler
    }
}
