//! Other autoscalers, each by the rules of its source and with the measurements that it would have.
//!
//! All of them track the same load, [`TARGET`], so that they differ in how they react and not in what they are told to reach;
//! those that have two marks instead get the marks of their source.

pub mod aws;
pub mod elb;
pub mod hpa;
pub mod knative;
pub mod nomad;
mod window;

/// The load that target-tracking peers aim at, as a share of what a replica can do: Knative's own default
/// (`container-concurrency-target-percentage`).
pub const TARGET: f64 = 0.7;
