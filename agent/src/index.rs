//! Data source indices of containers, as hsflowd gives them out: 100000 to 149999, by a hash of the UUID.

use std::collections::BTreeMap;

use crate::id::ContainerId;

/// First index of containers.
pub(crate) const FIRST: u32 = 100_000;
/// Number of indices.
pub(crate) const COUNT: u32 = 50_000;

/// Who has which index.
///
/// The index follows from the UUID, so it is the same after a restart of the agent, except where two containers collide; then
/// the later one takes the next that is free.
#[derive(Debug, Clone, Default)]
pub(crate) struct Indices {
    taken: BTreeMap<u32, ContainerId>,
}

impl Indices {
    /// Gives a container an index; `None` when all are taken.
    pub(crate) fn take(&mut self, id: &ContainerId) -> Option<u32> {
        let start = hash(&id.uuid()) % COUNT;
        let index = (0..COUNT)
            .map(|step| FIRST + (start + step) % COUNT)
            .find(|index| self.taken.get(index).is_none_or(|holder| holder == id))?;
        self.taken.insert(index, *id);
        Some(index)
    }

    /// Frees an index.
    pub(crate) fn free(&mut self, index: u32) {
        self.taken.remove(&index);
    }
}

/// FNV-1a, 32 bits.
fn hash(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u32) -> ContainerId {
        ContainerId::parse(&format!("{number:032x}{:032x}", 7)).unwrap()
    }

    #[test]
    fn indices_are_stable_unique_and_in_range() {
        let (mut one, mut other) = (Indices::default(), Indices::default());
        let first: Vec<_> = (0..2000).map(|n| one.take(&id(n)).unwrap()).collect();
        assert!(
            first
                .iter()
                .all(|index| (FIRST..FIRST + COUNT).contains(index))
        );
        let unique: std::collections::BTreeSet<_> = first.iter().collect();
        assert_eq!(unique.len(), first.len());
        assert_eq!(one.take(&id(5)), first.get(5).copied(), "asked twice");
        // In another order only those that collide move.
        let again: Vec<_> = (0..2000)
            .rev()
            .map(|n| other.take(&id(n)).unwrap())
            .collect();
        let moved = first.iter().zip(again.iter().rev()).filter(|(a, b)| a != b);
        assert!(moved.count() < 200);
    }

    #[test]
    fn no_index_is_given_out_when_all_are_taken() {
        let mut indices = Indices::default();
        for number in 0..COUNT {
            indices.taken.insert(FIRST + number, id(number));
        }
        assert_eq!(indices.take(&id(COUNT + 1)), None);
        indices.free(FIRST + 17);
        assert_eq!(indices.take(&id(COUNT + 1)), Some(FIRST + 17));
    }
}
