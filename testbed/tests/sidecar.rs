//! The whole `swarmtide` binary on a real swarm: hsflowd-shaped telemetry in, real replicas out.
//!
//! In most tests the telemetry is made here, of the containers that really run: no hsflowd can be installed where this runs, and
//! a load that a test chooses is exact. In `closed_loop` nothing is made up: `swarmtide agent` reads what wrk's load does.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "this is test code, helpers included"
)]

#[path = "sidecar/closed_loop.rs"]
mod closed_loop;
#[path = "sidecar/failover.rs"]
mod failover;
#[path = "sidecar/process.rs"]
mod process;
#[path = "sidecar/reasons.rs"]
mod reasons;
#[path = "sidecar/scaling.rs"]
mod scaling;
#[path = "sidecar/stack.rs"]
mod stack;
#[path = "sidecar/stack_deploy.rs"]
mod stack_deploy;
#[path = "sidecar/step.rs"]
mod step;
#[path = "sidecar/talkers.rs"]
mod talkers;
#[path = "sidecar/telemetry.rs"]
mod telemetry;
