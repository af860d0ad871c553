//! A packet socket that sends Ethernet frames and receives nothing.

use std::io;

use socket2::{Domain, SockAddr, SockAddrStorage, Socket, Type};

/// `AF_PACKET`, raw.
#[derive(Debug)]
pub(super) struct PacketSocket(Socket);

impl PacketSocket {
    /// Opens it in the network namespace of the calling thread; takes `CAP_NET_RAW`.
    pub(super) fn open() -> io::Result<Self> {
        // Protocol 0: nothing is received.
        let socket = Socket::new(Domain::PACKET, Type::RAW, None)?;
        Ok(Self(socket))
    }

    pub(super) fn send(&self, interface: u32, frame: &[u8]) -> io::Result<()> {
        let to = link_address(interface)?;
        self.0.send_to(frame, &to).map(|_| ())
    }
}

/// Makes `struct sockaddr_ll` for an interface.
#[expect(
    unsafe_code,
    reason = "socket2 has no other way to make an address of this family"
)]
fn link_address(interface: u32) -> io::Result<SockAddr> {
    let index = i32::try_from(interface).map_err(io::Error::other)?;
    let mut storage = SockAddrStorage::zeroed();
    let length = {
        // SAFETY: the storage is zeroed, and large and aligned enough for the address of any family.
        let address = unsafe { storage.view_as::<libc::sockaddr_ll>() };
        address.sll_family = u16::try_from(libc::AF_PACKET).map_err(io::Error::other)?;
        address.sll_ifindex = index;
        size_of::<libc::sockaddr_ll>()
    };
    let length = libc::socklen_t::try_from(length).map_err(io::Error::other)?;
    // SAFETY: the storage holds an address of that family and of that length.
    Ok(unsafe { SockAddr::new(storage, length) })
}
