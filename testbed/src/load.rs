//! A web server and clients that ask it without a pause, for tests of a load balancer: every request is counted, and every
//! one that fails is kept with its cause.
//!
//! HTTP/1.1 with as much as both ends need: a request without a body, a response with a length, connections that stay open.

mod client;
mod server;

pub use client::{Pace, Report, run};
pub use server::serve;
