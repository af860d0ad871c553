//! A small seeded generator, so that one seed gives one history.
//!
//! Not for anything that must be secret.

use std::time::Duration;

/// A seeded generator of pseudo-random numbers (splitmix64).
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

impl Random {
    /// Makes a generator; equal seeds give equal sequences.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            state: seed ^ 0x5177_6172_6d74_6964,
        }
    }

    /// Returns the next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number in `0..bound`; 0 for a bound of 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next_u64().checked_rem(bound).unwrap_or(0)
    }

    /// Returns a number in `0.0..1.0`.
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Returns a number in `-1.0..1.0`.
    pub fn signed_unit(&mut self) -> f64 {
        self.unit() * 2.0 - 1.0
    }

    /// Returns true with the given probability (`0.0..=1.0`).
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Returns a duration in `low..=high`.
    pub fn between(&mut self, low: Duration, high: Duration) -> Duration {
        low + high.saturating_sub(low).mul_f64(self.unit())
    }

    /// Returns a swarm object id: 25 characters of `0-9a-z`.
    pub fn object_id(&mut self) -> String {
        (0..25)
            .filter_map(|_| char::from_digit(self.small(36), 36))
            .collect()
    }

    /// Returns a container id: 64 hexadecimal digits.
    pub fn container_id(&mut self) -> String {
        (0..4)
            .map(|_| format!("{:016x}", self.next_u64()))
            .collect()
    }

    fn small(&mut self, bound: u32) -> u32 {
        u32::try_from(self.below(u64::from(bound))).unwrap_or(0)
    }
}

/// Rounds a number down to a whole one: 0 for what is negative or not a number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float to integer cast saturates, which is what is wanted here"
)]
pub(crate) fn whole(value: f64) -> u64 {
    value as u64
}

/// The low 32 bits: sFlow counters of 32 bits wrap.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a counter of 32 bits wraps"
)]
pub(crate) fn wrapping_u32(value: u64) -> u32 {
    value as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_give_equal_sequences() {
        let (mut a, mut b) = (Random::new(7), Random::new(7));
        assert_eq!(a.object_id(), b.object_id());
        assert_eq!(a.container_id(), b.container_id());
        assert_ne!(Random::new(8).next_u64(), Random::new(7).next_u64());
    }

    #[test]
    fn ids_have_the_engines_form() {
        let mut random = Random::new(1);
        assert_eq!(random.object_id().len(), 25);
        let id = random.container_id();
        assert_eq!(id.len(), 64);
        assert!(id.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }
}
