//! Which virtual services are ours.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

use crate::key::VirtualServiceKey;

/// A range of addresses: `10.30.0.0/16`, `2001:db8::/32`, or a single address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    address: IpAddr,
    length: u8,
}

/// Why a text is no range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not an IPv4 or IPv6 address with an optional prefix length, such as 10.30.0.0/16")]
pub struct PrefixError;

impl Prefix {
    /// True if the address lies in the range.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let shift = 32u32.saturating_sub(u32::from(self.length));
                let high = |address: u32| address.checked_shr(shift).unwrap_or(0);
                high(own.to_bits()) == high(other.to_bits())
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let shift = 128u32.saturating_sub(u32::from(self.length));
                let high = |address: u128| address.checked_shr(shift).unwrap_or(0);
                high(own.to_bits()) == high(other.to_bits())
            }
            _ => false,
        }
    }
}

impl FromStr for Prefix {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, PrefixError> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| PrefixError)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let length = length.map_or(Ok(most), |length| length.parse().map_err(|_| PrefixError))?;
        if length > most {
            return Err(PrefixError);
        }
        Ok(Self { address, length })
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

/// What to do with a virtual service that existed before us under the key that a label claims.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Existing {
    /// It becomes ours: after a restart it is most likely what we made ourselves, and the label is a claim.
    #[default]
    Adopt,
    /// It stays foreign, is reported and not touched, unless it lies in our ranges or bears our mark.
    LeaveAlone,
}

/// The rule by which a virtual service is ours, and the marks on those that are.
#[derive(Clone, Debug, Default)]
pub struct Ownership {
    /// Virtual services with a VIP in one of these ranges are ours, whoever made them. Where there are any, a label
    /// that claims a VIP outside of them is refused.
    pub ranges: Vec<Prefix>,
    /// What to do with those that existed before.
    pub existing: Existing,
    /// Each with the moment since which it is neither listed nor wanted.
    marks: BTreeMap<VirtualServiceKey, Option<Duration>>,
}

impl Ownership {
    /// A rule without marks.
    #[must_use]
    pub fn new(ranges: Vec<Prefix>, existing: Existing) -> Self {
        Self {
            ranges,
            existing,
            marks: BTreeMap::new(),
        }
    }

    /// Adds marks that were kept over a restart.
    #[must_use]
    pub fn with_marks(mut self, marks: impl IntoIterator<Item = VirtualServiceKey>) -> Self {
        self.marks
            .extend(marks.into_iter().map(|service| (service, None)));
        self
    }

    /// True if the virtual service is ours.
    #[must_use]
    pub fn owns(&self, service: &VirtualServiceKey) -> bool {
        self.marks.contains_key(service)
            || self
                .ranges
                .iter()
                .any(|range| range.contains(service.address))
    }

    /// True if labels may claim this VIP.
    #[must_use]
    pub fn permits(&self, vip: IpAddr) -> bool {
        self.ranges.is_empty() || self.ranges.iter().any(|range| range.contains(vip))
    }

    /// Returns the virtual services that bear our mark: made or adopted by us, and not gone since.
    pub fn marks(&self) -> impl Iterator<Item = VirtualServiceKey> {
        self.marks.keys().copied()
    }

    pub(crate) fn mark(&mut self, service: VirtualServiceKey) {
        self.marks.insert(service, None);
    }

    /// Takes the mark off what has been gone for longer than `patience`; a data plane may show late what we made.
    pub(crate) fn forget(
        &mut self,
        is_there: impl Fn(&VirtualServiceKey) -> bool,
        now: Duration,
        patience: Duration,
    ) {
        self.marks.retain(|key, gone_since| {
            if is_there(key) {
                *gone_since = None;
                return true;
            }
            *gone_since.get_or_insert(now) + patience > now
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(prefix: &str, inside: &str, outside: &str) {
        let prefix: Prefix = prefix.parse().unwrap();
        assert!(prefix.contains(inside.parse().unwrap()));
        assert!(!prefix.contains(outside.parse().unwrap()));
    }

    #[test]
    fn ranges() {
        check("10.30.0.0/16", "10.30.255.1", "10.31.0.1");
        check("10.30.0.1", "10.30.0.1", "10.30.0.2");
        check("0.0.0.0/0", "192.0.2.1", "::1");
        check("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::1");
        check("::/0", "2001:db8::1", "10.0.0.1");
        for bad in [
            "",
            "10.0.0.0/33",
            "10.0.0/8",
            "::/129",
            "10.0.0.0/x",
            "10.0.0.0/",
        ] {
            assert_eq!(bad.parse::<Prefix>(), Err(PrefixError), "{bad}");
        }
    }
}
