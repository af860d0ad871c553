//! Whole machines, booted by systemd in a guest whose kernel has IPVS, with a real engine: what docs/ says about installing is done
//! there word for word.
//!
//! No registry can be reached: images are made beforehand, and have other names than the documents give them.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "this is test code, helpers included"
)]

#[path = "machine/containers.rs"]
mod containers;
#[path = "machine/debian.rs"]
mod debian;
#[path = "machine/named.rs"]
mod named;
#[path = "machine/shell.rs"]
mod shell;

use std::path::{Path, PathBuf};

use testbed::guest::is_guest;

/// The archive of the test workload's image, made on the host.
fn workload(test: &str) -> PathBuf {
    let archive = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("web-{test}.tar"));
    if !is_guest() {
        shell::host(&format!("testbed/image {}", archive.display()));
    }
    archive
}

/// A service that is scaled and balanced.
const WEB: &str = "docker service create --detach --no-resolve-image --name web --replicas 2 --limit-cpu 0.2 \
    --stop-signal SIGKILL --publish mode=host,target=8080 --label swarmtide.enable=true --label swarmtide.min=2 \
    --label swarmtide.max=5 --label swarmtide.lb.vip=10.30.0.1 --label swarmtide.lb.port=80 testbed/web:1";
