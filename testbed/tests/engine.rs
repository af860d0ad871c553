//! The swarm crate against a real Docker Engine: one manager and two workers, shared by all tests here.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "this is test code, helpers included"
)]

#[path = "engine/support.rs"]
mod support;

#[path = "engine/broken_nodes.rs"]
mod broken_nodes;
#[path = "engine/scaling.rs"]
mod scaling;
#[path = "engine/tls.rs"]
mod tls;
#[path = "engine/watching.rs"]
mod watching;
