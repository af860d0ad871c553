//! Queueing simulator, elasticity metrics and peer policies to judge autoscaling by.
//!
//! A [`Trace`] says how many requests come in each second. [`simulate()`] plays it, with Poisson arrivals, against one service
//! whose replicas an [`Autoscaler`] sets, and measures what SPEC RG's elasticity metrics measure. Peers are in [`peer`], each by
//! the rules of its source; [`product`] drives the project's own [`scaler::Engine`] with the telemetry that it really gets.
//!
//! Nothing here does I/O or reads a clock; equal inputs give equal results to the last bit.

pub mod autoscaler;
pub mod generate;
pub mod meter;
pub mod peer;
pub mod plot;
pub mod policies;
pub mod product;
pub mod queue;
mod random;
pub mod replicas;
pub mod score;
pub mod service;
pub mod setup;
pub mod shared;
pub mod simulate;
pub mod suite;
pub mod table;
pub mod telemetry;
pub mod trace;

pub use autoscaler::{Autoscaler, View};
pub use policies::{PolicyName, UnknownPolicy};
pub use score::Row;
pub use service::Totals;
pub use setup::{Setup, SetupError};
pub use shared::{Tenant, simulate_shared};
pub use simulate::{Arrivals, Sample, simulate, simulate_with};
pub use trace::{Trace, TraceError};
