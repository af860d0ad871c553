//! What the reconciler needs of a data plane: list everything, make one change.
//!
//! The trait is shaped after a kernel: it fails with an errno, it may show a change late, and it holds entries of others.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::config::{DestinationConfig, VirtualServiceConfig};
use crate::key::{DestinationKey, EntryKey, FirewallMarkKey, VirtualServiceKey};
use crate::table::{Change, Table, VirtualService};

/// A place where virtual services live.
pub trait DataPlane {
    /// Lists every virtual service and destination, foreign ones included.
    ///
    /// # Errors
    ///
    /// Where the list could not be read in full; a list that may be partial is an error.
    fn list(&mut self) -> Result<Listing, DataPlaneError>;

    /// Makes one change. What it says may become visible in [`DataPlane::list`] only later.
    ///
    /// # Errors
    ///
    /// Where it was not made. "Exists" on an addition and "no such" on a deletion are errors here; the reconciler
    /// takes them for success.
    fn apply(&mut self, change: &Change) -> Result<(), DataPlaneError>;

    /// Makes changes in their order, and returns one result for each in the same order.
    ///
    /// None of them depends on the success of another in the same call, so that a kernel's data plane may send them all
    /// before it reads the first answer. A result that is missing counts as [`Errno::ETIMEDOUT`].
    fn apply_all(&mut self, changes: &[Change]) -> Vec<Result<(), DataPlaneError>> {
        changes.iter().map(|change| self.apply(change)).collect()
    }
}

/// Connections of a destination at the moment of the listing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connections {
    /// Established.
    pub active: u32,
    /// In any other state, on their way out for the most part.
    pub inactive: u32,
    /// Persistence templates: clients that would be sent here again. They are no connections.
    pub persistent: u32,
}

impl Connections {
    /// True if there are none, active or inactive. Persistence templates alone keep nothing alive.
    #[must_use]
    pub fn is_none(self) -> bool {
        self.active == 0 && self.inactive == 0
    }
}

/// Traffic of an entry since it was made or its counters were zeroed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// Connections scheduled.
    pub connections: u64,
    /// Packets from clients.
    pub packets_in: u64,
    /// Packets to clients; 0 where answers do not pass the balancer.
    pub packets_out: u64,
    /// Bytes from clients.
    pub bytes_in: u64,
    /// Bytes to clients; 0 where answers do not pass the balancer.
    pub bytes_out: u64,
}

/// A destination as listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListedDestination {
    /// How it behaves.
    pub config: DestinationConfig,
    /// What it still has.
    pub connections: Connections,
    /// What it had so far. It is not compared.
    pub traffic: Traffic,
}

/// A virtual service as listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListedService {
    /// How it behaves.
    pub config: VirtualServiceConfig,
    /// Its destinations.
    pub destinations: BTreeMap<DestinationKey, ListedDestination>,
    /// What it had so far. It is not compared.
    pub traffic: Traffic,
}

/// Everything that a data plane holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Virtual services by key.
    pub services: BTreeMap<VirtualServiceKey, ListedService>,
    /// Virtual services by firewall mark: always somebody else's, and never touched.
    pub firewall_marks: BTreeMap<FirewallMarkKey, ListedService>,
    /// Anything else that the table cannot express, in words: somebody else's too.
    pub inexpressible: Vec<String>,
}

impl Listing {
    /// Returns keys and configurations only.
    #[must_use]
    pub fn table(&self) -> Table {
        let service = |listed: &ListedService| VirtualService {
            config: listed.config.clone(),
            destinations: listed
                .destinations
                .iter()
                .map(|(key, listed)| (*key, listed.config))
                .collect(),
        };
        self.services
            .iter()
            .map(|(key, listed)| (*key, service(listed)))
            .collect()
    }

    /// Returns the entries that the table cannot express, in words.
    pub fn foreign(&self) -> impl Iterator<Item = String> {
        let marks = self.firewall_marks.keys().map(ToString::to_string);
        marks.chain(self.inexpressible.iter().cloned())
    }

    /// Returns the connections of a destination, none where it is not listed.
    #[must_use]
    pub fn connections(
        &self,
        service: &VirtualServiceKey,
        destination: &DestinationKey,
    ) -> Connections {
        let listed = self
            .services
            .get(service)
            .and_then(|service| service.destinations.get(destination));
        listed.map(|listed| listed.connections).unwrap_or_default()
    }
}

/// An error number of the kernel; those that IPVS is known for have names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Errno(pub i32);

impl Errno {
    /// Not permitted: `CAP_NET_ADMIN` is missing.
    pub const EPERM: Self = Self(1);
    /// No such destination, scheduler, or IPVS at all: it depends on what was attempted.
    pub const ENOENT: Self = Self(2);
    /// No such virtual service.
    pub const ESRCH: Self = Self(3);
    /// Interrupted: the table changed during the listing.
    pub const EINTR: Self = Self(4);
    /// Try again.
    pub const EAGAIN: Self = Self(11);
    /// Out of memory.
    pub const ENOMEM: Self = Self(12);
    /// Busy.
    pub const EBUSY: Self = Self(16);
    /// Exists.
    pub const EEXIST: Self = Self(17);
    /// Invalid argument.
    pub const EINVAL: Self = Self(22);
    /// No buffer space.
    pub const ENOBUFS: Self = Self(105);
    /// Timed out.
    pub const ETIMEDOUT: Self = Self(110);

    /// True where the change may have been made although this was the answer.
    #[must_use]
    pub fn leaves_doubt(self) -> bool {
        matches!(
            self,
            Self::EINTR | Self::EAGAIN | Self::ENOBUFS | Self::ETIMEDOUT
        )
    }

    /// Returns what the error number means for IPVS, where that is known and the same for every attempt.
    #[must_use]
    pub fn meaning(self) -> Option<&'static str> {
        Some(match self {
            Self::EPERM => "not permitted",
            Self::ESRCH => "no such virtual service",
            Self::EINTR => "interrupted",
            Self::EAGAIN => "try again",
            Self::ENOMEM => "out of memory",
            Self::EBUSY => "busy",
            Self::EEXIST => "exists",
            Self::EINVAL => "invalid argument",
            Self::ENOBUFS => "no buffer space",
            Self::ETIMEDOUT => "timed out",
            _ => return None,
        })
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.meaning() {
            Some(meaning) => write!(f, "{meaning} (errno {})", self.0),
            None => write!(f, "errno {}", self.0),
        }
    }
}

/// What was attempted when a data plane failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// Listing everything.
    List,
    /// Making a change.
    Apply(Box<Change>),
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::List => f.write_str("list virtual services"),
            Self::Apply(change) => change.fmt(f),
        }
    }
}

/// A failure of a data plane.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("cannot {attempt}: {}{}", self.meaning(), self.detail.as_deref().map(|detail| format!(": {detail}")).unwrap_or_default())]
pub struct DataPlaneError {
    /// What was attempted.
    pub attempt: Attempt,
    /// What the kernel said.
    pub errno: Errno,
    /// What the data plane adds to that, in words.
    pub detail: Option<Box<str>>,
}

impl DataPlaneError {
    /// A listing failed.
    #[must_use]
    pub fn list(errno: Errno) -> Self {
        Self {
            attempt: Attempt::List,
            errno,
            detail: None,
        }
    }

    /// A change failed.
    #[must_use]
    pub fn apply(change: &Change, errno: Errno) -> Self {
        Self {
            attempt: Attempt::Apply(Box::new(change.clone())),
            errno,
            detail: None,
        }
    }

    /// The same, with words of the data plane's own.
    #[must_use]
    pub fn with_detail(self, detail: impl Into<Box<str>>) -> Self {
        Self {
            detail: Some(detail.into()),
            ..self
        }
    }

    /// What the error number means for what was attempted: the kernel says "no such entry" for several things.
    fn meaning(&self) -> String {
        let missing = match &self.attempt {
            _ if self.errno != Errno::ENOENT => return self.errno.to_string(),
            Attempt::List => "the kernel has no IPVS",
            Attempt::Apply(change) => match change.entry() {
                EntryKey::Service(_) => "no such scheduler",
                EntryKey::Destination(..) => "no such destination",
            },
        };
        format!("{missing} (errno {})", self.errno.0)
    }

    /// True if what was wanted is so already: it exists on an addition, or is gone on a deletion.
    #[must_use]
    pub fn is_success(&self) -> bool {
        match &self.attempt {
            Attempt::Apply(change) if change.is_add() => self.errno == Errno::EEXIST,
            Attempt::Apply(change) if change.is_delete() => {
                matches!(self.errno, Errno::ENOENT | Errno::ESRCH)
            }
            Attempt::Apply(_) | Attempt::List => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Protocol;

    #[test]
    fn no_such_entry_means_what_was_attempted() {
        let service = VirtualServiceKey {
            address: [10, 30, 0, 1].into(),
            port: 80,
            protocol: Protocol::Tcp,
        };
        let config = VirtualServiceConfig::default();
        let add = Change::AddService { service, config };
        let error = DataPlaneError::apply(&add, Errno::ENOENT).with_detail("modprobe ip_vs_wrr");
        assert_eq!(
            error.to_string(),
            "cannot add virtual service tcp 10.30.0.1:80 scheduler wrr: no such scheduler (errno 2): modprobe ip_vs_wrr"
        );
        assert_eq!(
            DataPlaneError::list(Errno::ENOENT).to_string(),
            "cannot list virtual services: the kernel has no IPVS (errno 2)"
        );
    }
}
