//! Addresses on interfaces: putting a VIP on one, taking it away, and telling the neighbours.
//!
//! Addresses carry a mark (`IFA_PROTO`, since Linux 5.18), so that a program can tell its own from those of others after
//! a restart. The neighbours are told by ARP and neighbour-discovery frames of our own over a packet socket, since the
//! kernel's `arp_notify` and `ndisc_notify` speak when an interface comes up or changes its hardware address, not when an
//! address is added.

mod announcement;
mod message;
mod packet;

use std::net::IpAddr;

use crate::PATIENCE;
use crate::codec::Name;
use crate::error::{Error, Fault};
use crate::netns::NetNs;
use crate::socket::{Connection, Outgoing};

use packet::PacketSocket;

/// `NETLINK_ROUTE`.
const PROTOCOL: isize = 0;

/// An interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its number.
    pub index: u32,
    /// Its name.
    pub name: Name,
    /// Largest packet that it carries, in bytes.
    pub mtu: u32,
    /// Whether it is up.
    pub is_up: bool,
    /// Its Ethernet address; `None` where neighbours are not asked for addresses: loopback, dummies, tunnels.
    pub hardware: Option<[u8; 6]>,
}

/// An address on an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BoundAddress {
    /// Number of the interface.
    pub interface: u32,
    /// The address.
    pub address: IpAddr,
    /// Length of its prefix; 32 or 128 for a VIP.
    pub prefix_length: u8,
    /// Who added it, where the kernel keeps that: 0 and `None` are unknown, 1 to 3 the kernel itself.
    pub mark: Option<u8>,
    /// False while it may not be used: being probed for duplicates, or found to be one.
    pub is_usable: bool,
}

/// Addresses in one network namespace. Every call blocks until the kernel has answered, for a few seconds at most.
#[derive(Debug)]
pub struct Addresses {
    connection: Connection,
    packets: Result<PacketSocket, i32>,
}

impl Addresses {
    /// Opens the network namespace of the calling thread. Needs no privilege yet.
    ///
    /// # Errors
    ///
    /// Where there is no socket to be had.
    pub fn open() -> Result<Self, Error> {
        let connection = Connection::open(PROTOCOL, PATIENCE);
        Ok(Self {
            connection: connection.map_err(|fault| fault.during("open rtnetlink"))?,
            packets: PacketSocket::open().map_err(|error| error.raw_os_error().unwrap_or(0)),
        })
    }

    /// Opens another network namespace, and stays there.
    ///
    /// # Errors
    ///
    /// As [`Addresses::open`], and where the namespace cannot be entered.
    pub fn open_in(namespace: &NetNs) -> Result<Self, Error> {
        namespace.run(Self::open)?
    }

    /// Returns an interface by its name.
    ///
    /// # Errors
    ///
    /// `ENODEV` where there is none; `EINVAL` where the name cannot be one.
    pub fn interface(&mut self, name: &str) -> Result<Interface, Error> {
        let looked_up = name
            .parse()
            .map_err(|_| Fault::refused(libc::EINVAL, Some("not an interface's name".into())))
            .and_then(|name| self.try_interface(name));
        looked_up.map_err(|fault| fault.during(format_args!("find interface {name}")))
    }

    fn try_interface(&mut self, name: Name) -> Result<Interface, Fault> {
        let mut found = None;
        let request = Outgoing {
            kind: message::GET_LINK,
            flags: 0,
            fill: &|out| message::write_link_query(name, out),
        };
        self.connection.ask(&request, |body| {
            found = Some(message::read_link(body)?);
            Ok(())
        })?;
        found.ok_or(Fault::Unexpected)
    }

    /// Lists the addresses of all interfaces.
    ///
    /// # Errors
    ///
    /// Where the list could not be had in full.
    pub fn list(&mut self) -> Result<Vec<BoundAddress>, Error> {
        let request = Outgoing {
            kind: message::GET_ADDRESS,
            flags: 0,
            fill: &message::write_address_query,
        };
        let listed = self
            .connection
            .dump(&request, |body| Ok(message::read_address(body)?));
        let listed = listed.map_err(|fault| fault.during("list addresses"))?;
        Ok(listed.into_iter().flatten().collect())
    }

    /// Adds an address with a full-length prefix.
    ///
    /// An IPv6 address is usable at once, without a search for duplicates, and is not chosen as the source of
    /// connections: several balancers may have it in turn.
    ///
    /// # Errors
    ///
    /// `EEXIST` where it is there already.
    pub fn add(&mut self, interface: &Interface, address: IpAddr, mark: u8) -> Result<(), Error> {
        let request = Outgoing {
            kind: message::NEW_ADDRESS,
            flags: message::CREATE_ONLY,
            fill: &|out| message::write_address(interface.index, address, Some(mark), out),
        };
        let added = self.connection.ask(&request, |_| Ok(()));
        added.map_err(|fault| fault.during(format_args!("add {address} to {}", interface.name)))
    }

    /// Removes an address with a full-length prefix.
    ///
    /// # Errors
    ///
    /// `EADDRNOTAVAIL` where it is not there.
    pub fn remove(&mut self, interface: &Interface, address: IpAddr) -> Result<(), Error> {
        let request = Outgoing {
            kind: message::DELETE_ADDRESS,
            flags: 0,
            fill: &|out| message::write_address(interface.index, address, None, out),
        };
        let removed = self.connection.ask(&request, |_| Ok(()));
        removed
            .map_err(|fault| fault.during(format_args!("remove {address} from {}", interface.name)))
    }

    /// Tells the neighbours that the address is here now: a gratuitous ARP request, or an unsolicited neighbour
    /// advertisement. Does nothing on an interface whose neighbours do not ask.
    ///
    /// # Errors
    ///
    /// Where the frame could not be sent; `EPERM` without `CAP_NET_RAW`.
    pub fn announce(&self, interface: &Interface, address: IpAddr) -> Result<(), Error> {
        let Some(hardware) = interface.hardware else {
            return Ok(());
        };
        let frame = announcement::frame(hardware, address);
        let sent = match &self.packets {
            Ok(packets) => packets.send(interface.index, &frame),
            Err(errno) => Err(std::io::Error::from_raw_os_error(*errno)),
        };
        sent.map_err(|error| {
            let announce = format_args!("announce {address} on {}", interface.name).to_string();
            Fault::Socket(error).during(announce)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_machine_has_a_loopback() {
        let mut addresses = Addresses::open().unwrap();
        let loopback = addresses.interface("lo").unwrap();
        assert_eq!(loopback.name, "lo".parse().unwrap());
        assert_eq!(loopback.hardware, None);
        let listed = addresses.list().unwrap();
        assert!(listed.iter().all(|bound| bound.prefix_length <= 128));
        let missing = addresses.interface("no-such-if").unwrap_err();
        assert_eq!(missing.errno(), libc::ENODEV, "{missing}");
        let absurd = addresses
            .interface("longer-than-a-name-may-be")
            .unwrap_err();
        assert_eq!(absurd.errno(), libc::EINVAL, "{absurd}");
    }
}
