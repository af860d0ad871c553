//! What people install: the image, the stack and its overlay on a real swarm, the systemd units, the Debian package.
//!
//! No registry can be reached where this runs: the image is the Dockerfile's stage `prebuilt`, with the release binary. No Grafana
//! either: its part of the overlay is checked as text and by `docker stack config`, and never runs.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "this is test code, helpers included"
)]

#[path = "packaging/deb.rs"]
mod deb;
#[path = "packaging/files.rs"]
mod files;
#[path = "packaging/newcomer.rs"]
mod newcomer;
#[path = "packaging/overlay.rs"]
mod overlay;
#[path = "packaging/units.rs"]
mod units;

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs a command that has to succeed; what it printed.
#[track_caller]
fn run(command: &mut Command) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        status.success(),
        "{command:?}: {status}\n{}{}",
        text(&stdout),
        text(&stderr)
    );
    text(&stdout).trim_end().to_owned()
}
