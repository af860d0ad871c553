//! Whose addresses are whose on this node: read anew when containers come and go, and from time to time.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use agent::{
    ContainerId, Core, Owners,
    kernel::{ContainerReader, Roots, Scratch, addresses},
};

use super::Shared;

/// Time between two looks at everybody's addresses when no container came or went.
const AGAIN: Duration = Duration::from_secs(10);
/// A container that has just come may get its addresses a moment later.
const SOON: Duration = Duration::from_secs(1);

/// When to look next, and how many containers there were.
#[derive(Debug, Default)]
pub(super) struct OwnersReader {
    next: Duration,
    known: Vec<ContainerId>,
}

impl OwnersReader {
    /// Reads the addresses, if it is time, and publishes them.
    pub(super) fn look(
        &mut self,
        (shared, core): (&Shared, &Core),
        readers: &mut BTreeMap<ContainerId, (u64, ContainerReader)>,
        (roots, scratch): (&Roots, &mut Scratch),
        now: Duration,
    ) {
        let changed = !readers.keys().eq(self.known.iter());
        if !changed && now < self.next {
            return;
        }
        self.next = now + if changed { SOON } else { AGAIN };
        self.known = readers.keys().copied().collect();
        let mut owners = Owners::default();
        match addresses() {
            Ok(own) => own
                .iter()
                .filter(|entry| !entry.address.is_loopback())
                .for_each(|entry| owners.add_host(entry.address)),
            Err(error) => tracing::warn!(%error, "the host's own addresses cannot be listed"),
        }
        let collectors = shared.collectors.load_full().unwrap_or_default();
        for collector in collectors.iter() {
            owners.add_collector(*collector);
        }
        for (id, (_, reader)) in readers {
            let Some(source) = core.data_source(id) else {
                continue;
            };
            for address in reader.addresses(roots, scratch) {
                owners.add(address, source);
            }
        }
        shared.owners.store(Some(Arc::new(owners)));
    }
}
