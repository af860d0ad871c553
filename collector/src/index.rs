//! Which data source speaks for which container, over all shards; touched only when that changes.

use std::net::IpAddr;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::{agent::AgentKey, uuid::ContainerUuid};

/// Where a data source is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Location {
    pub(crate) shard: u32,
    pub(crate) slot: u32,
}

/// The owner of each container, and how many agents share an address.
///
/// **Invariant:** the index is locked before a shard, never while one is held.
#[derive(Debug, Default)]
pub(crate) struct Index {
    pub(crate) containers: HashMap<ContainerUuid, Location, RandomState>,
    agents: HashMap<(Option<IpAddr>, u32), u32, RandomState>,
    pub(crate) owner_changes: u64,
    pub(crate) agents_duplicate: u64,
}

impl Index {
    pub(crate) fn agent_added(&mut self, key: &AgentKey) {
        let count = self.agents.entry((key.agent, key.sub_agent)).or_default();
        *count += 1;
        self.agents_duplicate += u64::from(*count > 1);
    }

    pub(crate) fn agent_removed(&mut self, key: &AgentKey) {
        let name = (key.agent, key.sub_agent);
        let Some(count) = self.agents.get_mut(&name) else {
            return;
        };
        self.agents_duplicate -= u64::from(*count > 1);
        *count -= 1;
        if *count == 0 {
            self.agents.remove(&name);
        }
    }
}
