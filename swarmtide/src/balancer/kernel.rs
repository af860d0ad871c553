//! The kernel's IPVS as a data plane.
//!
//! Words of `lbsync` to words of `ipvs` and back (`translate`); the socket, opened anew where it has failed or where
//! its network namespace is no longer the one of that name; VIPs on an interface ([`KernelVips`]). It decides nothing.

mod translate;
mod vips;

use std::error::Error as _;
use std::path::PathBuf;

use ipvs::{Fault, Ipvs, NetNs};
use lbsync::{Attempt, Change, DataPlane, DataPlaneError, Errno, Listing};

pub use vips::{BoundVip, KernelVips};

/// Where a namespace is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Namespace {
    /// The one of this process.
    Own,
    /// One made by `ip netns add`.
    Named(String),
    /// One that a file stands for, as Docker keeps them under `/run/docker/netns`.
    Path(PathBuf),
}

impl Namespace {
    /// The one that `lbsync.netns` names: a name, or a path, which has a slash; unset is this process's own.
    #[must_use]
    pub fn of(netns: Option<&str>) -> Self {
        match netns {
            None => Self::Own,
            Some(path) if path.contains('/') => Self::Path(path.into()),
            Some(name) => Self::Named(name.to_owned()),
        }
    }

    /// Opens it; `None` for this process's own.
    ///
    /// # Errors
    ///
    /// Where there is none.
    pub fn open(&self) -> Result<Option<NetNs>, ipvs::Error> {
        match self {
            Self::Own => Ok(None),
            Self::Named(name) => NetNs::named(name).map(Some),
            Self::Path(path) => NetNs::from_path(path).map(Some),
        }
    }
}

/// The kernel's IPVS in one network namespace.
#[derive(Debug)]
pub struct KernelPlane {
    namespace: Namespace,
    opened: Option<Opened>,
}

#[derive(Debug)]
struct Opened {
    netns: Option<NetNs>,
    ipvs: Ipvs,
}

impl KernelPlane {
    /// Opens IPVS in a namespace.
    ///
    /// # Errors
    ///
    /// Where there is no such namespace, or the kernel has no IPVS.
    pub fn open(namespace: Namespace) -> Result<Self, ipvs::Error> {
        let mut plane = Self {
            namespace,
            opened: None,
        };
        plane.ipvs()?;
        Ok(plane)
    }

    /// Returns the socket, opened if it is not, or if the namespace has been replaced by another of its name.
    fn ipvs(&mut self) -> Result<&mut Ipvs, ipvs::Error> {
        let opened = match self.opened.take() {
            Some(opened) if opened.netns.as_ref().is_none_or(NetNs::is_current) => opened,
            _ => {
                let netns = self.namespace.open()?;
                let ipvs = netns.as_ref().map_or_else(Ipvs::open, Ipvs::open_in)?;
                Opened { netns, ipvs }
            }
        };
        Ok(&mut self.opened.insert(opened).ipvs)
    }

    /// Returns what went over the socket that is open now.
    #[must_use]
    pub fn traffic(&self) -> ipvs::Traffic {
        let opened = self.opened.as_ref();
        opened
            .map(|opened| opened.ipvs.traffic())
            .unwrap_or_default()
    }

    /// Lists everything, with the kernel's own words where that fails.
    ///
    /// # Errors
    ///
    /// Where the list could not be had in full.
    pub fn try_list(&mut self) -> Result<Listing, ipvs::Error> {
        let listed = self.ipvs().and_then(Ipvs::list);
        if listed.is_err() {
            // Where the module was loaded anew, the family has another number.
            self.opened = None;
        }
        Ok(translate::listing(&listed?))
    }
}

impl DataPlane for KernelPlane {
    fn list(&mut self) -> Result<Listing, DataPlaneError> {
        let listed = self.try_list();
        listed.map_err(|error| explained(DataPlaneError::list(Errno(error.errno())), &error))
    }

    fn apply(&mut self, change: &Change) -> Result<(), DataPlaneError> {
        let results = self.apply_all(std::slice::from_ref(change));
        let lost = || Err(DataPlaneError::apply(change, Errno::ETIMEDOUT));
        results.into_iter().next().unwrap_or_else(lost)
    }

    fn apply_all(&mut self, changes: &[Change]) -> Vec<Result<(), DataPlaneError>> {
        let failed = |change: &Change, error: &ipvs::Error| {
            let errno = Errno(error.errno());
            Err(explained(DataPlaneError::apply(change, errno), error))
        };
        let requests: Vec<_> = changes.iter().map(translate::request).collect();
        let sent: Vec<_> = requests.iter().flatten().cloned().collect();
        let ipvs = match self.ipvs() {
            Ok(ipvs) => ipvs,
            Err(error) => {
                return changes
                    .iter()
                    .map(|change| failed(change, &error))
                    .collect();
            }
        };
        let mut outcomes = ipvs.apply_all(&sent).into_iter();
        let mut results = Vec::with_capacity(changes.len());
        let mut broken = false;
        for (change, request) in changes.iter().zip(requests) {
            results.push(match request.and_then(|_| outcomes.next()) {
                Some(Ok(())) => Ok(()),
                Some(Err(error)) => {
                    broken |= !matches!(error.fault(), Fault::Refused { .. });
                    failed(change, &error)
                }
                None => Err(DataPlaneError::apply(change, Errno::EINVAL)
                    .with_detail("the kernel has no such thing")),
            });
        }
        if broken {
            self.opened = None;
        }
        results
    }
}

/// Adds what an error of `ipvs` says beyond its number.
fn explained(failure: DataPlaneError, error: &ipvs::Error) -> DataPlaneError {
    let scheduler = match &failure.attempt {
        Attempt::Apply(change) => match change.as_ref() {
            Change::AddService { config, .. } | Change::UpdateService { config, .. } => {
                Some(&config.scheduler)
            }
            _ => None,
        },
        Attempt::List => None,
    };
    let mut words = match (error.fault(), scheduler) {
        (Fault::Refused { message, .. }, _) if message.is_some() => {
            message.as_deref().unwrap_or_default().to_owned()
        }
        (Fault::Refused { .. }, Some(scheduler)) if failure.errno == Errno::ENOENT => {
            format!("`modprobe ip_vs_{scheduler}` loads it")
        }
        (Fault::Refused { .. }, _) => return failure,
        (fault, _) => fault.to_string(),
    };
    let mut source = error.source();
    while let Some(cause) = source {
        words.push_str(": ");
        words.push_str(&cause.to_string());
        source = cause.source();
    }
    failure.with_detail(words)
}
