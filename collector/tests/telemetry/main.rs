//! The collector against telemetry: captures of real hsflowd, simulated agents, and laws over arbitrary input.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod agents;
mod captures;
mod counters;
mod laws;
mod limits;
mod queries;
mod support;
mod talkers;
mod threads;
mod udp;
