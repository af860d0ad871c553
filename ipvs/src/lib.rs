#![deny(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::panic
)]
//! Codec and client for the kernel's IP Virtual Server over generic netlink.
//!
//! ```no_run
//! use ipvs::codec::{DestinationConfig, Forwarding, Scheduler, ServiceConfig, ServiceKey};
//! use ipvs::{Ipvs, NetNs};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut ipvs = Ipvs::open()?; // or Ipvs::open_in(&NetNs::named("lb")?)?
//! let service = ServiceKey::tcp("10.30.0.1:80".parse()?);
//! ipvs.add_service(service, ServiceConfig::new(Scheduler::WRR))?;
//! let destination = "10.0.0.2:8080".parse::<std::net::SocketAddr>()?.into();
//! ipvs.add_destination(service, destination, DestinationConfig::new(Forwarding::Masq, 1))?;
//! for listed in ipvs.list()? {
//!     println!("{} {}", listed.service.key, listed.service.config.scheduler);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! - [`codec`] is pure: [`codec::Request`] to bytes, bytes to [`codec::Reply`], after linux/ip_vs.h.
//! - [`Ipvs`] is the socket: list, add, set, delete, one by one or ([`Ipvs::apply_all`]) many in one system call;
//!   timeouts, counters, connection-sync daemons. It blocks, for seconds at most, and never hangs.
//! - [`NetNs`] is a network namespace; [`Ipvs`] may be opened inside one, and whatever else makes sockets may be run
//!   inside one.
//! - [`address::Addresses`] puts VIPs on interfaces and tells the neighbours.
//! - [`Error`] says what was attempted and the kernel's errno.
//!
//! The crate keeps no state and has no opinion: it neither diffs nor reconciles, and it cannot flush.

pub mod address;
pub mod codec;

mod client;
mod error;
mod netns;
mod socket;

pub use client::{Ipvs, ListedService};
pub use error::{Error, Fault};
pub use netns::NetNs;
pub use socket::Traffic;

/// How long a send or a receive may take. A kernel answers in microseconds, but a command may wait for its locks.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);
