//! The kernel's text files to numbers. Pure; no byte string panics, and what is not there is `None`.
#![deny(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::panic
)]

pub mod address;
pub mod cgroup;
pub mod host;
pub mod network;
mod words;

#[cfg(test)]
mod laws;
