//! Which data plane the table is written to, opened as the configuration says, and the VIPs in front of it.

use std::{collections::BTreeSet, fmt, net::IpAddr};

use lbsync::{Announcement, DataPlane, MemoryDataPlane, Reconciler, SourceStatus};

use super::kernel::{KernelPlane, KernelVips, Namespace};
use crate::config::{DataPlaneKind, Lbsync, Vips};

/// A data plane with its name, and the interface that VIPs are put on.
pub struct Plane {
    pub(super) plane: Box<dyn DataPlane + Send>,
    vips: Option<KernelVips>,
    vip_errors: u64,
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
    /// The kernel has no IPVS, the namespace is not there, or we may not.
    #[error("lbsync.data_plane = \"ipvs\" cannot be used; `swarmtide doctor` says what is missing")]
    Kernel(#[source] ipvs::Error),
    /// The interface for VIPs is not there.
    #[error("lbsync.interface cannot be used")]
    Interface(#[source] ipvs::Error),
}

impl Plane {
    /// Opens what the configuration names.
    ///
    /// # Errors
    /// When it is not there.
    pub fn open(config: &Lbsync) -> Result<Self, PlaneError> {
        if config.data_plane == DataPlaneKind::Memory {
            return Ok(Self::memory());
        }
        let namespace = Namespace::of(config.netns.as_deref());
        let plane = KernelPlane::open(namespace.clone()).map_err(PlaneError::Kernel)?;
        let mut plane = Self::of("ipvs", Box::new(plane));
        if let (Vips::Manage, Some(interface)) = (config.vips, &config.interface) {
            let vips = KernelVips::open(namespace, interface).map_err(PlaneError::Interface)?;
            plane.vips = Some(vips);
        }
        Ok(plane)
    }

    /// A table in memory: kept, shown and counted, and nothing forwards by it.
    #[must_use]
    pub fn memory() -> Self {
        Self::of("memory", Box::new(MemoryDataPlane::new()))
    }

    /// A data plane of the caller's, under a name.
    #[must_use]
    pub fn of(name: &'static str, plane: Box<dyn DataPlane + Send>) -> Self {
        Self {
            plane,
            vips: None,
            vip_errors: 0,
            name,
        }
    }

    /// What it is called.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// VIPs that could not be put up or taken down.
    pub(super) const fn vip_errors(&self) -> u64 {
        self.vip_errors
    }

    /// Puts VIPs up and takes them down as the reconciler says, where that is ours to do.
    pub(super) fn announce(&mut self, reconciler: &Reconciler) {
        let Some(vips) = &mut self.vips else {
            return;
        };
        let wanted = reconciler.vips();
        // Before there is a table an empty list says nothing.
        if wanted.is_empty() && *reconciler.source() != SourceStatus::Current {
            return;
        }
        let up: BTreeSet<IpAddr> = wanted
            .iter()
            .filter(|vip| vip.announcement == Announcement::Announce)
            .map(|vip| vip.vip)
            .collect();
        let bound = match vips.list() {
            Ok(bound) => bound,
            Err(error) => {
                tracing::warn!(%error, "VIPs cannot be listed");
                self.vip_errors += 1;
                return;
            }
        };
        for vip in &up {
            if bound.iter().any(|bound| bound.address == *vip) {
                continue;
            }
            match vips.bind(*vip) {
                Ok(_) => tracing::info!(%vip, "VIP put up"),
                Err(error) => {
                    tracing::warn!(%vip, %error, "VIP cannot be put up");
                    self.vip_errors += 1;
                }
            }
        }
        for bound in bound {
            let vip = bound.address;
            if !bound.is_ours || up.contains(&vip) {
                continue;
            }
            match vips.unbind(vip) {
                Ok(_) => tracing::info!(%vip, "VIP taken down"),
                Err(error) => {
                    tracing::warn!(%vip, %error, "VIP cannot be taken down");
                    self.vip_errors += 1;
                }
            }
        }
    }
}
