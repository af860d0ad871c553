//! One packet in how many is sampled on an interface, by its speed. Pure.

use std::collections::BTreeMap;

/// The rates that were asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rates {
    /// One in so many where nothing else holds; 0 is off.
    pub all: u32,
    /// The same of interfaces of exactly this speed, bits a second (`sampling.10G` of hsflowd); 0 is off.
    pub by_speed: BTreeMap<u64, u32>,
    /// Bits a second for each one of a rate (`sampling.bps_ratio` of hsflowd).
    pub bps_ratio: Option<u64>,
}

/// Rarest sampling.
pub const RATE_MAX: u32 = 1 << 24;

impl Rates {
    /// Whether anything may be sampled.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.all > 0 || self.by_speed.values().any(|rate| *rate > 0)
    }

    /// The rate of an interface, with its speed in bits a second where the kernel knows it; `None` is off.
    #[must_use]
    pub fn of(&self, speed: Option<u64>) -> Option<u32> {
        let exact = speed.and_then(|speed| self.by_speed.get(&speed).copied());
        let by_ratio = || {
            let ratio = self.bps_ratio.filter(|ratio| *ratio > 0)?;
            u32::try_from(speed? / ratio).ok().filter(|rate| *rate > 0)
        };
        let rate = match exact {
            Some(rate) => rate,
            None if self.all == 0 => 0,
            None => by_ratio().unwrap_or(self.all),
        };
        (rate > 0).then_some(rate.min(RATE_MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exact_speed_wins_over_the_ratio_and_that_over_the_rest() {
        let giga = 1_000_000_000;
        let rates = Rates {
            all: 400,
            by_speed: [(10 * giga, 2_000), (giga, 0)].into(),
            bps_ratio: Some(1_000_000),
        };
        assert_eq!(rates.of(Some(10 * giga)), Some(2_000));
        assert_eq!(rates.of(Some(giga)), None);
        assert_eq!(rates.of(Some(40 * giga)), Some(40_000));
        assert_eq!(rates.of(Some(10_000)), Some(400), "slower than the ratio");
        assert_eq!(rates.of(None), Some(400));
        let plain = Rates {
            all: 400,
            ..Rates::default()
        };
        assert_eq!(plain.of(Some(10 * giga)), Some(400));
        assert!(plain.is_on() && !Rates::default().is_on());
        assert_eq!(Rates::default().of(Some(giga)), None);
    }
}
