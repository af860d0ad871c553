//! The scaler from outside: its engine over time, its laws, a service under a wave of load, its explanations and its memory.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of tests may panic as tests do"
)]

mod arbitration;
mod engine;
mod events;
mod explanations;
mod history;
mod laws;
mod outliers;
mod reassert;
mod room;
mod shadow;
mod simulation;
mod target_laws;
mod targets;
mod world;
