//! With whom a container's bytes are exchanged: clients outside, services that call it, services that it calls.

use std::time::Duration;

/// Bytes of one packet, on average, as interfaces count them.
pub(crate) const PACKET: f64 = 700.0;

/// Who calls a service of the configuration; the rest of its traffic comes from outside.
#[derive(Clone, Debug, PartialEq)]
pub struct Caller {
    /// Name of the service that calls.
    pub service: String,
    /// Its share of the traffic (`0.0..=1.0`).
    pub share: f64,
}

/// What is wrong with one replica of a service: whatever container is in that slot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sickness {
    /// The replica's number.
    pub slot: u64,
    /// How long its container runs well.
    pub after: Duration,
    /// How many times the processor time it needs for the same work from then on.
    pub cpu_factor: f64,
}

/// Who is at the other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// Clients that are no part of the swarm.
    Outside,
    /// Containers of that service (its id), which call this one.
    Caller(String),
    /// Containers of that service (its id), which this one calls.
    Called(String),
}

/// What a container has exchanged with one kind of peer since its start, bytes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Link {
    pub(crate) peer: Peer,
    pub(crate) bytes_in: f64,
    pub(crate) bytes_out: f64,
}

/// The links of a container; they only ever grow in number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Links(Vec<Link>);

impl Links {
    pub(crate) fn add(&mut self, peer: &Peer, bytes_in: f64, bytes_out: f64) {
        if let Some(link) = self.0.iter_mut().find(|link| link.peer == *peer) {
            link.bytes_in += bytes_in;
            link.bytes_out += bytes_out;
            return;
        }
        self.0.push(Link {
            peer: peer.clone(),
            bytes_in,
            bytes_out,
        });
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Link> {
        self.0.iter()
    }
}
