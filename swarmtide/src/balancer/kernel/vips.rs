//! VIPs on an interface.
//!
//! An address that we add bears our mark, so that it is known for ours after a restart (Linux 5.18 and later; before
//! that, only until the process ends). One that somebody else has added stays.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipvs::NetNs;
use ipvs::address::{Addresses, Interface};

use super::Namespace;

/// Marks addresses that we have added; `ip address show` prints it as `proto 0x53`.
const MARK: u8 = b'S';

/// No such address on that interface.
const EADDRNOTAVAIL: i32 = 99;
const EEXIST: i32 = 17;

/// An address of full length on the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BoundVip {
    /// The address.
    pub address: IpAddr,
    /// Whether we have added it.
    pub is_ours: bool,
}

/// VIPs on one interface of a network namespace.
#[derive(Debug)]
pub struct KernelVips {
    namespace: Namespace,
    interface: String,
    opened: Option<(Option<NetNs>, Addresses)>,
    added: BTreeSet<IpAddr>,
}

impl KernelVips {
    /// Opens an interface.
    ///
    /// # Errors
    ///
    /// Where there is no such namespace, or no such interface in it.
    pub fn open(namespace: Namespace, interface: &str) -> Result<Self, ipvs::Error> {
        let mut vips = Self {
            namespace,
            interface: interface.to_owned(),
            opened: None,
            added: BTreeSet::new(),
        };
        vips.interface()?;
        Ok(vips)
    }

    /// Lists the addresses on the interface that may be VIPs: those with a prefix of full length.
    ///
    /// # Errors
    ///
    /// Where they cannot be listed.
    pub fn list(&mut self) -> Result<Vec<BoundVip>, ipvs::Error> {
        let (addresses, interface) = self.interface()?;
        let listed = addresses.list()?;
        let on_interface = listed.into_iter().filter(|bound| {
            let full_length = if bound.address.is_ipv4() { 32 } else { 128 };
            bound.interface == interface.index && bound.prefix_length == full_length
        });
        let vips = on_interface.map(|bound| BoundVip {
            address: bound.address,
            is_ours: bound.mark == Some(MARK) || self.added.contains(&bound.address),
        });
        Ok(vips.collect())
    }

    /// Puts a VIP on the interface and tells the neighbours. Returns false where it was there already, whoever added it.
    ///
    /// # Errors
    ///
    /// Where it is not there now. That the neighbours could not be told is only logged: they learn it by asking.
    pub fn bind(&mut self, vip: IpAddr) -> Result<bool, ipvs::Error> {
        let (addresses, interface) = self.interface()?;
        match addresses.add(&interface, vip, MARK) {
            Ok(()) => {}
            Err(error) if error.errno() == EEXIST => return Ok(false),
            Err(error) => return Err(error),
        }
        if let Err(error) = addresses.announce(&interface, vip) {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a VIP is up and its neighbours have not been told"
            );
        }
        self.added.insert(vip);
        Ok(true)
    }

    /// Takes a VIP off the interface. Returns false where it was not there, or is not ours and stays.
    ///
    /// # Errors
    ///
    /// Where it is there still.
    pub fn unbind(&mut self, vip: IpAddr) -> Result<bool, ipvs::Error> {
        let bound = self.list()?;
        if !bound.contains(&BoundVip {
            address: vip,
            is_ours: true,
        }) {
            return Ok(false);
        }
        let (addresses, interface) = self.interface()?;
        let removed = match addresses.remove(&interface, vip) {
            Ok(()) => true,
            Err(error) if error.errno() == EADDRNOTAVAIL => false,
            Err(error) => return Err(error),
        };
        self.added.remove(&vip);
        Ok(removed)
    }

    /// Returns the socket and the interface as they are now: either may have been replaced by another of its name.
    fn interface(&mut self) -> Result<(&mut Addresses, Interface), ipvs::Error> {
        let opened = match self.opened.take() {
            Some(opened) if opened.0.as_ref().is_none_or(NetNs::is_current) => opened,
            _ => {
                let netns = self.namespace.open()?;
                let addresses = netns
                    .as_ref()
                    .map_or_else(Addresses::open, Addresses::open_in)?;
                self.added.clear();
                (netns, addresses)
            }
        };
        let (_, addresses) = self.opened.insert(opened);
        let interface = addresses.interface(&self.interface)?;
        Ok((addresses, interface))
    }
}
