//! The identity of a container on the wire. Does not look anything up.

use std::{
    fmt,
    hash::{Hash, Hasher},
};

use serde::{Serialize, Serializer};

/// The first 16 bytes of a container ID, as hsflowd sends them in `host_descr.uuid`.
///
/// The Engine API's 64 hex digits and the telemetry join on this value exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ContainerUuid(pub [u8; 16]);

impl ContainerUuid {
    /// The all-zero UUID, which sFlow uses for "unknown".
    pub const UNKNOWN: Self = Self([0; 16]);

    /// Reads the first 32 hex digits of a container ID; `None` when there are fewer or they are not hex.
    #[must_use]
    pub fn from_container_id(id: &str) -> Option<Self> {
        let digits: &[u8; 32] = id.as_bytes().first_chunk()?;
        let (mut bytes, mut seen) = ([0; 16], 0);
        for (byte, pair) in bytes.iter_mut().zip(digits.as_chunks().0) {
            let [high, low] = pair.map(|digit| NIBBLES[usize::from(digit)]);
            *byte = high << 4 | low & 0xf;
            seen |= high | low;
        }
        (seen != NOT_HEX).then_some(Self(bytes))
    }

    /// Whether this is the all-zero UUID.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        *self == Self::UNKNOWN
    }
}

impl fmt::Display for ContainerUuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Serialize for ContainerUuid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Whole words instead of what is derived, which hashes the length as well; every tick needs it for every container.
impl Hash for ContainerUuid {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u128(u128::from_ne_bytes(self.0));
    }
}

/// Stands for what is no hex digit; has all bits, so that it survives being joined with any digit.
const NOT_HEX: u8 = 0xff;

/// The value of each hex digit. A table, since a tick reads 100,000 container IDs in a large swarm.
const NIBBLES: [u8; 256] = {
    let mut nibbles = [NOT_HEX; 256];
    let mut value = 0;
    while value < 16 {
        let (lower, upper) = (b"0123456789abcdef"[value], b"0123456789ABCDEF"[value]);
        #[expect(clippy::cast_possible_truncation, reason = "it is below 16")]
        let nibble = value as u8;
        (nibbles[lower as usize], nibbles[upper as usize]) = (nibble, nibble);
        value += 1;
    }
    nibbles
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_first_16_bytes_of_a_container_id() {
        let id = "965e093c4f257fbe8c675da6d025578b0123456789abcdef0123456789abcdef";
        let uuid = ContainerUuid::from_container_id(id).unwrap();
        assert_eq!(uuid.to_string(), id[..32]);
        assert_eq!(ContainerUuid::from_container_id(&id[..31]), None);
        assert_eq!(
            ContainerUuid::from_container_id(&id.replace('9', "x")),
            None
        );
        assert_eq!(ContainerUuid::from_container_id("ää"), None);
    }
}
