//! Captures of real hsflowd through the whole path: datagrams over UDP and a scripted Engine API in, decisions and writes out.
//!
//! The sidecar is the real one, on a clock that the replay moves: each datagram arrives at its captured time, and time does not
//! go on before the sidecar has listed the swarm, decided, and written. So a replay takes seconds, its records bear the capture's
//! own time, and a stall of the machine changes nothing. The decisions are compared whole, as timelines of decision records.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod capture;
mod counters;
mod engine;
mod gap;
mod packets;
mod rig;
mod swarm;
