//! `swarmtide agent` on real containers: what it says, judged against the kernel's own counters and known work.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "this is test code, helpers included"
)]

#[path = "agent/accuracy.rs"]
mod accuracy;
#[path = "agent/cost.rs"]
mod cost;
#[path = "agent/dashboard.rs"]
mod dashboard;
#[path = "agent/disk.rs"]
mod disk;
#[path = "agent/judges.rs"]
mod judges;
#[path = "agent/life.rs"]
mod life;
#[path = "agent/sampling.rs"]
mod sampling;
#[path = "agent/support.rs"]
mod support;
#[path = "agent/v2.rs"]
mod v2;
