//! A share of a number of destinations.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A share in whole percent, 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Share(u8);

impl Share {
    /// What the reconciler keeps in unless it is told otherwise.
    pub const THIRTY_PERCENT: Self = Self(30);

    /// Returns a share; `None` above 100.
    #[must_use]
    pub const fn percent(percent: u8) -> Option<Self> {
        match percent {
            0..=100 => Some(Self(percent)),
            _ => None,
        }
    }

    /// Returns how many of `all` are no less than this share.
    #[must_use]
    pub fn at_least(self, all: usize) -> usize {
        all.saturating_mul(usize::from(self.0)).div_ceil(100)
    }

    /// Returns how many of `all` are no more than this share.
    #[must_use]
    pub fn at_most(self, all: usize) -> usize {
        all.saturating_mul(usize::from(self.0)) / 100
    }

    /// Returns the share that is so many points larger, 100 % at most.
    #[must_use]
    pub fn plus(self, points: u8) -> Self {
        Self(self.0.saturating_add(points).min(100))
    }
}

impl TryFrom<u8> for Share {
    type Error = &'static str;

    fn try_from(percent: u8) -> Result<Self, &'static str> {
        Self::percent(percent).ok_or("a share is at most 100 percent")
    }
}

impl From<Share> for u8 {
    fn from(share: Share) -> Self {
        share.0
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_round_to_the_safe_side() {
        let third = Share::percent(30).unwrap();
        let kept: Vec<_> = (0..=4).map(|all| third.at_least(all)).collect();
        assert_eq!(kept, [0, 1, 1, 1, 2]);
        assert_eq!((third.at_most(4), third.plus(90).at_most(7)), (1, 7));
        assert_eq!(Share::percent(101), None);
    }
}
