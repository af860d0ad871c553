//! Reads the kernel's counters from cgroups and `/proc`. The shell of this crate; it never writes.

mod container;
mod file;
mod host;
mod interfaces;
mod links;
mod processes;
mod tap;
mod tree;

pub use container::{ContainerReader, Scratch};
pub use host::HostReader;
pub use interfaces::{addresses, outward_indices, speed};
pub use links::{LinkChanges, Links};
pub use tap::{Tap, wait};
pub use tree::{Found, Tree};

use std::path::PathBuf;

/// Where the kernel's file systems are mounted.
#[derive(Debug, Clone)]
pub struct Roots {
    /// `/proc`, or where the host's is mounted.
    pub proc: PathBuf,
    /// `/sys/fs/cgroup`
    pub cgroup: PathBuf,
    /// `/sys`
    pub sys: PathBuf,
}

impl Default for Roots {
    fn default() -> Self {
        Self {
            proc: "/proc".into(),
            cgroup: "/sys/fs/cgroup".into(),
            sys: "/sys".into(),
        }
    }
}
