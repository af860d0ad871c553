//! The parts of the executable: configuration, wiring, HTTP, subcommands.
//!
//! Everything that decides lives in the cores (`sflow`, `collector`, `swarm`, `scaler`, `lbsync`); this crate translates between
//! them and gives them sockets and a clock. It is a library beside the binary so that tests can start a whole sidecar.

pub mod agent;
pub mod balancer;
mod candidate_file;
pub mod cli;
pub mod client;
pub mod clock;
pub mod commands;
pub mod config;
pub mod doctor;
pub mod exposition;
pub mod http;
pub mod journal;
pub mod labels;
pub mod node;
pub mod overview;
pub mod recording;
pub mod replay;
pub mod series;
pub mod service_manager;
pub mod sflow_command;
pub mod sflow_rt;
pub mod sidecar;
pub mod state_file;
mod talkers;
pub mod webhook;
