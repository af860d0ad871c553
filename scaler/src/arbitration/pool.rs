//! Whether the swarm needs more nodes, has too many, or neither: a signal for people and for what buys machines.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Amounts, Capacity};

/// How long something has to be lacking before nodes are asked for.
const NEEDED_AFTER: Duration = Duration::from_secs(30);

/// How long nothing may be lacking before they are not asked for any more.
const ENOUGH_AFTER: Duration = Duration::from_secs(120);

/// How long a whole node has to be idle before it is called spare.
const SPARE_AFTER: Duration = Duration::from_secs(900);

/// What the node pool should do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "pool", rename_all = "snake_case")]
pub enum PoolState {
    /// Nothing.
    #[default]
    Enough,
    /// Grow: services want more than there is.
    Needed {
        /// What they want beyond the capacity.
        lacking: Amounts,
        /// Nodes like the largest there is that would hold it; `None` where there is none to compare with.
        nodes: Option<u32>,
    },
    /// It could do without its largest node: all wishes and the headroom fit on the others.
    Spare,
}

impl PoolState {
    /// The state's name in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Enough => "enough",
            Self::Needed { .. } => "needed",
            Self::Spare => "spare",
        }
    }
}

/// The signal over time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodePool {
    state: PoolState,
    /// What the last look by itself would say, and since when.
    candidate: Option<(&'static str, Duration)>,
}

impl NodePool {
    /// The signal now.
    #[must_use]
    pub const fn state(&self) -> PoolState {
        self.state
    }

    /// Takes note of what all services want together, and says whether the kind of signal changed.
    ///
    /// `largest` is the largest node that takes tasks; `None` where there is one node at most, which is never spare.
    pub fn observe(
        &mut self,
        capacity: &Capacity,
        wanted: Amounts,
        largest: Option<Amounts>,
        now: Duration,
    ) -> bool {
        let seen = look(capacity, wanted, largest);
        let since = match self.candidate {
            Some((name, since)) if name == seen.name() => since,
            _ => now,
        };
        self.candidate = Some((seen.name(), since));
        let wait = match (self.state, seen) {
            (_, PoolState::Needed { .. }) => NEEDED_AFTER,
            (PoolState::Needed { .. }, _) | (_, PoolState::Enough) => ENOUGH_AFTER,
            (_, PoolState::Spare) => SPARE_AFTER,
        };
        let same = self.state.name() == seen.name();
        if same || now.saturating_sub(since) >= wait {
            self.state = seen;
        }
        !same && self.state == seen
    }
}

fn look(capacity: &Capacity, wanted: Amounts, largest: Option<Amounts>) -> PoolState {
    let lacking = capacity.lacking(wanted);
    if !lacking.is_zero() {
        let nodes = largest.and_then(|node| nodes_for(lacking, node));
        return PoolState::Needed { lacking, nodes };
    }
    let left = capacity.left(wanted);
    let limited = capacity.nano_cpus.is_some() && capacity.memory_bytes.is_some();
    let spare = largest.is_some_and(|node| {
        left.nano_cpus >= node.nano_cpus && left.memory_bytes >= node.memory_bytes
    });
    if limited && spare {
        PoolState::Spare
    } else {
        PoolState::Enough
    }
}

/// How many such nodes hold that much CPU and memory.
fn nodes_for(lacking: Amounts, node: Amounts) -> Option<u32> {
    let of = |lacking: u64, node: u64| {
        if lacking == 0 {
            Some(0)
        } else {
            (node > 0).then(|| lacking.div_ceil(node))
        }
    };
    let cpu = of(lacking.nano_cpus, node.nano_cpus)?;
    let memory = of(lacking.memory_bytes, node.memory_bytes)?;
    u32::try_from(cpu.max(memory))
        .ok()
        .filter(|nodes| *nodes > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: Amounts = Amounts {
        nano_cpus: 4,
        memory_bytes: 8,
        replicas: 0,
    };
    const CAPACITY: Capacity = Capacity {
        nano_cpus: Some(12),
        memory_bytes: Some(24),
        replicas: None,
    };

    fn cpus(nano_cpus: u64) -> Amounts {
        Amounts {
            nano_cpus,
            ..Amounts::default()
        }
    }

    #[test]
    fn nodes_are_needed_and_spare_only_when_it_lasts() {
        let mut pool = NodePool::default();
        let mut look = |at: u64, wanted| {
            let changed =
                pool.observe(&CAPACITY, cpus(wanted), Some(NODE), Duration::from_secs(at));
            (pool.state().name(), changed)
        };
        assert_eq!(look(0, 17), ("enough", false));
        assert_eq!(look(29, 17), ("enough", false));
        assert_eq!(look(30, 17), ("needed", true));
        assert_eq!(look(40, 12), ("needed", false));
        assert_eq!(look(50, 13), ("needed", false), "it comes and goes");
        assert_eq!(look(60, 12), ("needed", false));
        assert_eq!(look(180, 12), ("enough", true));
        assert_eq!(look(200, 8), ("enough", false));
        assert_eq!(look(1_100, 8), ("spare", true));
        assert_eq!(look(1_101, 11), ("spare", false));
        assert_eq!(look(1_221, 11), ("enough", true));
    }

    #[test]
    fn says_how_many_nodes_are_lacking() {
        let lacking = Amounts {
            nano_cpus: 9,
            memory_bytes: 1,
            replicas: 3,
        };
        assert_eq!(nodes_for(lacking, NODE), Some(3));
        let only_replicas = Amounts {
            replicas: 3,
            ..Amounts::default()
        };
        assert_eq!(nodes_for(only_replicas, NODE), None, "nodes do not help");
    }
}
