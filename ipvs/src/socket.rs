//! A netlink socket that blocks, for a bounded time, until the kernel has answered.

mod answer;
mod connection;
mod family;
mod message;

pub use connection::Traffic;
pub(crate) use connection::{Connection, Outgoing};
pub(crate) use family::resolve;
