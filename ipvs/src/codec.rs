//! What IPVS says over generic netlink, as linux/ip_vs.h lays it out: bytes to types and back.
//!
//! Pure: no sockets here. [`Request::encode`] makes the body of a message, [`Reply::decode`] reads one; the netlink
//! header around it is the socket's business. Numbers that the kernel may add to are open (newtypes with constants),
//! attributes that this crate does not know are kept, and no bytes make a decoder panic.

pub(crate) mod attribute;
mod control;
mod daemon;
mod destination;
mod error;
mod name;
mod reply;
mod request;
mod service;
mod stats;

pub use attribute::RawAttribute;
pub use control::{Info, Timeouts, Version};
pub use daemon::{Daemon, DaemonState};
pub use destination::{
    Connections, Destination, DestinationConfig, DestinationKey, Forwarding, Tunnel, TunnelFlags,
    TunnelType,
};
pub use error::{DecodeError, Reason};
pub use name::{NAME_LENGTH_MAX, Name, NameError};
pub use reply::Reply;
pub use request::{Command, Request};
pub use service::{
    Family, Netmask, Persistence, Protocol, Scheduler, Service, ServiceConfig, ServiceFlags,
    ServiceKey,
};
pub use stats::Stats;

#[cfg(test)]
mod tests;

/// Name of the generic netlink family.
pub const FAMILY_NAME: &str = "IPVS";
/// Version of the generic netlink family.
pub const FAMILY_VERSION: u8 = 1;
