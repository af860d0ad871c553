//! What the swarm has room for, shared out among services: in a shortage lower priorities give way.
//!
//! A pure function of capacity and wishes: [`arbitrate`]. It does not know policies, telemetry or time; what a service wishes, and
//! whether it can be changed at all at the moment, is for the caller to say. Which tasks fit on which node is the swarm's business:
//! capacity is a sum over nodes, and [`Crowding`] lowers it to what really fitted when tasks find no node.
//!
//! Laws, each a test of its name in `tests/scaler/arbitration.rs`: a grant never leaves `floor..=wanted`; grants fit into the
//! capacity unless the floors alone do not; nobody above its floor while a higher priority that could use the room goes without; within a
//! priority what is missing is shared in proportion; the same input gives the same grants, also once they have been carried out.

mod crowding;
mod pool;
mod share;

use std::{cmp::Reverse, collections::BTreeSet};

use serde::{Deserialize, Serialize};

pub use crowding::Crowding;
pub use pool::{NodePool, PoolState};

/// The least priority, which a service has that names none.
pub const PRIORITY_DEFAULT: u16 = 0;

/// The highest priority that a service can name.
pub const PRIORITY_MAX: u16 = 1_000;

/// What the scheduler sets aside for one replica; 0 where the service reserves nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// CPU in billionths of a core.
    pub nano_cpus: u64,
    /// Memory in bytes.
    pub memory_bytes: u64,
}

/// An amount of everything that can run out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amounts {
    /// CPU in billionths of a core.
    pub nano_cpus: u64,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// Replicas.
    pub replicas: u64,
}

impl Amounts {
    /// What so many replicas take.
    #[must_use]
    pub const fn of(each: Reservation, replicas: u32) -> Self {
        let replicas = replicas as u64;
        Self {
            nano_cpus: each.nano_cpus.saturating_mul(replicas),
            memory_bytes: each.memory_bytes.saturating_mul(replicas),
            replicas,
        }
    }

    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            nano_cpus: self.nano_cpus.saturating_add(other.nano_cpus),
            memory_bytes: self.memory_bytes.saturating_add(other.memory_bytes),
            replicas: self.replicas.saturating_add(other.replicas),
        }
    }

    /// What is left of this without `other`, never less than nothing.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self {
            nano_cpus: self.nano_cpus.saturating_sub(other.nano_cpus),
            memory_bytes: self.memory_bytes.saturating_sub(other.memory_bytes),
            replicas: self.replicas.saturating_sub(other.replicas),
        }
    }

    /// Whether this is nothing at all.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.nano_cpus == 0 && self.memory_bytes == 0 && self.replicas == 0
    }

    /// Each of them: CPU, memory, replicas.
    pub(crate) const fn each(self) -> [u64; 3] {
        [self.nano_cpus, self.memory_bytes, self.replicas]
    }
}

/// What services that are scaled may use together; `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capacity {
    /// CPU in billionths of a core: the nodes', without what others reserve and without the headroom.
    pub nano_cpus: Option<u64>,
    /// Memory in bytes, likewise.
    pub memory_bytes: Option<u64>,
    /// Replicas.
    pub replicas: Option<u64>,
}

impl Capacity {
    /// The same with `limit` where that is less, as far as it concerns CPU and memory.
    #[must_use]
    pub fn at_most(self, limit: Self) -> Self {
        let least = |own: Option<u64>, other: Option<u64>| match (own, other) {
            (Some(own), Some(other)) => Some(own.min(other)),
            (one, other) => one.or(other),
        };
        Self {
            nano_cpus: least(self.nano_cpus, limit.nano_cpus),
            memory_bytes: least(self.memory_bytes, limit.memory_bytes),
            replicas: least(self.replicas, limit.replicas),
        }
    }

    /// Each limit, or the most that can be written.
    fn amounts(self) -> Amounts {
        Amounts {
            nano_cpus: self.nano_cpus.unwrap_or(u64::MAX),
            memory_bytes: self.memory_bytes.unwrap_or(u64::MAX),
            replicas: self.replicas.unwrap_or(u64::MAX),
        }
    }

    /// How much of `use_` is more than there is.
    #[must_use]
    pub fn lacking(self, use_: Amounts) -> Amounts {
        use_.minus(self.amounts())
    }

    /// How much is left beside `use_`; without a limit, the most that can be written.
    #[must_use]
    pub fn left(self, use_: Amounts) -> Amounts {
        let left = |limit: Option<u64>, used: u64| {
            limit.map_or(u64::MAX, |limit| limit.saturating_sub(used))
        };
        Amounts {
            nano_cpus: left(self.nano_cpus, use_.nano_cpus),
            memory_bytes: left(self.memory_bytes, use_.memory_bytes),
            replicas: left(self.replicas, use_.replicas),
        }
    }
}

/// What one service would have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    /// The higher, the later it gives way.
    pub priority: u16,
    /// Replicas that it keeps in any case: its minimum, or what it has when it cannot be changed now.
    pub floor: u32,
    /// Replicas that it has.
    pub current: u32,
    /// Replicas that it would have; taken for `floor` where it is less.
    pub wanted: u32,
    /// What each of them takes.
    pub each: Reservation,
}

impl Wish {
    fn wanted(&self) -> u32 {
        self.wanted.max(self.floor)
    }

    /// What it wants to keep of what it has.
    fn kept(&self) -> u32 {
        self.wanted().min(self.current).max(self.floor)
    }
}

/// Shares `capacity` out among `wishes`; the grants are in their order.
///
/// First everybody gets its floor. Then, from the highest priority to the lowest: what services want to keep of what they have,
/// then what they want beside it; where it is not enough for all of one priority, each gets the same share of what it asks for, to
/// the nearest replica that fits. So a service gives way to higher priorities only, never to an equal that grows.
#[must_use]
pub fn arbitrate(capacity: &Capacity, wishes: &[Wish]) -> Vec<u32> {
    let floors: Vec<u32> = wishes.iter().map(|wish| wish.floor).collect();
    let used = total(wishes, &floors);
    let mut left = capacity.left(used);
    let mut grants = floors;
    let priorities: BTreeSet<_> = wishes.iter().map(|wish| Reverse(wish.priority)).collect();
    for Reverse(priority) in priorities {
        for target in [Wish::kept, Wish::wanted] {
            let tier = wishes
                .iter()
                .enumerate()
                .filter(|(_, wish)| wish.priority == priority);
            let asks: Vec<_> = tier
                .filter_map(|(index, wish)| {
                    let given = grants.get(index).copied().unwrap_or_default();
                    share::Ask::new(index, wish.each, target(wish).saturating_sub(given))
                })
                .collect();
            for (index, more) in share::share(asks, &mut left) {
                if let Some(grant) = grants.get_mut(index) {
                    *grant = grant.saturating_add(more);
                }
            }
        }
    }
    grants
}

/// What so many replicas of each take together.
#[must_use]
pub fn total(wishes: &[Wish], replicas: &[u32]) -> Amounts {
    wishes
        .iter()
        .zip(replicas)
        .fold(Amounts::default(), |sum, (wish, replicas)| {
            sum.plus(Amounts::of(wish.each, *replicas))
        })
}
