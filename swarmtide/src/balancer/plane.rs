//! Which data plane the table is written to, opened as the configuration says.

use std::fmt;

use lbsync::{DataPlane, MemoryDataPlane};

use super::kernel::{KernelPlane, Namespace};
use crate::config::{DataPlaneKind, Lbsync};

/// A data plane with its name.
pub struct Plane {
    pub(super) plane: Box<dyn DataPlane + Send>,
    name: &'static str,
}

impl fmt::Debug for Plane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Why the data plane cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PlaneError {
    /// The kernel's IPVS cannot be opened.
    #[error("lbsync.data_plane")]
    Kernel(#[source] ipvs::Error),
}

impl Plane {
    /// Opens what the configuration names.
    ///
    /// # Errors
    /// When it is not there.
    pub fn open(config: &Lbsync) -> Result<Self, PlaneError> {
        match config.data_plane {
            DataPlaneKind::Memory => Ok(Self::memory()),
            DataPlaneKind::Ipvs => {
                let namespace = Namespace::of(config.netns.as_deref());
                let plane = KernelPlane::open(namespace).map_err(PlaneError::Kernel)?;
                Ok(Self::of("ipvs", Box::new(plane)))
            }
        }
    }

    /// A table in memory: kept, shown and counted, and nothing forwards by it.
    #[must_use]
    pub fn memory() -> Self {
        Self::of("memory", Box::new(MemoryDataPlane::new()))
    }

    /// A data plane of the caller's, under a name.
    #[must_use]
    pub fn of(name: &'static str, plane: Box<dyn DataPlane + Send>) -> Self {
        Self { plane, name }
    }

    /// What it is called.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }
}
