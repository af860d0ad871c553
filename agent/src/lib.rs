//! sFlow agent: container counters of the kernel as standard sFlow v5 datagrams.
//!
//! The core is [`Core`]: when which container is polled, sequence numbers, samples, datagrams. It does no I/O. The shell is
//! [`kernel`], which reads cgroups, `/proc` and interfaces, and taps interfaces for packets ([`Tapped`] makes samples of them). Neither talks to the Docker Engine nor sends anything: the caller
//! brings the containers' names, and has the socket.

mod address;
mod core;
pub mod counters;
pub mod hsflowd;
mod id;
mod index;
pub mod kernel;
mod packer;
mod packet;
pub mod parse;
mod points;
mod rates;
mod sample;
mod schedule;

pub use crate::{
    address::{AddressError, AddressRule, choose, outward},
    core::{Core, Poll, Settings, Stats},
    id::ContainerId,
    packet::{HEADER_BYTES, Outcome, Owners, Packet, Taken, Tapped},
    points::{Link, Wanted, points},
    rates::{RATE_MAX, Rates},
};
