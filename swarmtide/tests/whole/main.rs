//! The whole path on a simulated swarm: datagrams over UDP, the Engine API over a unix socket, the real sidecar in between.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod api;
mod balancing;
mod doctor;
mod faults;
mod outliers;
mod page;
mod recording;
mod rig;
mod scaling;
mod sflow_rt;
mod state;
mod streams;
mod talkers;
mod told;
