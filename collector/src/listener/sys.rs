//! What the standard library and socket2 do not have: two socket options, a `recvfrom` that can be
//! ended, and a clock that is cheap to read. The only unsafe code of the crate.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, UdpSocket},
    os::fd::AsRawFd,
    time::{Duration, Instant},
};

use socket2::{SockRef, Socket};

/// Words that SO_MEMINFO yields (`SK_MEMINFO_VARS`).
const MEMINFO_WORDS: usize = 9;
/// The word that counts drops (`SK_MEMINFO_DROPS`).
const MEMINFO_DROPS: usize = 8;

/// Sets the receive buffer beyond `net.core.rmem_max`; needs CAP_NET_ADMIN.
pub(super) fn force_receive_buffer(socket: &Socket, bytes: usize) -> io::Result<()> {
    let value = libc::c_int::try_from(bytes).unwrap_or(libc::c_int::MAX);
    let length = socklen(size_of::<libc::c_int>())?;
    #[expect(
        unsafe_code,
        reason = "setsockopt reads `length` bytes of `value`, which lives through the call"
    )]
    let outcome = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_RCVBUFFORCE,
            (&raw const value).cast(),
            length,
        )
    };
    if outcome == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Datagrams the kernel dropped on this socket so far; right at once, unlike SO_RXQ_OVFL.
pub(super) fn kernel_drops(socket: &UdpSocket) -> io::Result<u32> {
    let mut words = [0u32; MEMINFO_WORDS];
    let mut length = socklen(size_of_val(&words))?;
    #[expect(
        unsafe_code,
        reason = "getsockopt writes at most `length` bytes, the size of `words`"
    )]
    let outcome = unsafe {
        let words = (&raw mut words).cast();
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_MEMINFO,
            words,
            &raw mut length,
        )
    };
    if outcome != 0 {
        return Err(io::Error::last_os_error());
    }
    words
        .get(MEMINFO_DROPS)
        .copied()
        .ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Receives one datagram: its length and source. Blocks.
///
/// `None` once [`wake`] was called; the standard library's `recv_from` panics then, because the kernel names no source.
#[inline]
pub(super) fn receive(
    socket: &UdpSocket,
    buffer: &mut [u8],
) -> io::Result<Option<(usize, SocketAddr)>> {
    // The longest address of the two families that a UDP socket can have.
    let mut source = libc::sockaddr_in6 {
        sin6_family: 0,
        sin6_port: 0,
        sin6_flowinfo: 0,
        sin6_addr: libc::in6_addr { s6_addr: [0; 16] },
        sin6_scope_id: 0,
    };
    let mut source_length = socklen(size_of_val(&source))?;
    #[expect(
        unsafe_code,
        reason = "recvfrom writes at most `buffer.len()` bytes to `buffer` and `source_length` to `source`"
    )]
    let length = unsafe {
        libc::recvfrom(
            socket.as_raw_fd(),
            buffer.as_mut_ptr().cast(),
            buffer.len(),
            0,
            (&raw mut source).cast(),
            &raw mut source_length,
        )
    };
    let Ok(length) = usize::try_from(length) else {
        return Err(io::Error::last_os_error());
    };
    Ok(source_of(&source).map(|source| (length, source)))
}

/// Reads an address of either family out of the room for the longer one; `None` where the kernel wrote none.
#[inline]
fn source_of(source: &libc::sockaddr_in6) -> Option<SocketAddr> {
    let port = u16::from_be(source.sin6_port);
    match libc::c_int::from(source.sin6_family) {
        // `sockaddr_in` has its port at the same place, and its address where the flow information is.
        libc::AF_INET => {
            let address = Ipv4Addr::from(source.sin6_flowinfo.to_ne_bytes());
            Some(SocketAddr::from((address, port)))
        }
        libc::AF_INET6 => {
            let address = Ipv6Addr::from(source.sin6_addr.s6_addr);
            Some(SocketAddr::from((address, port)))
        }
        _ => None,
    }
}

/// Ends a blocking `recv` on this socket, and every later one, at once.
///
/// Linux answers ENOTCONN, since the socket has no peer, and wakes all the same (`inet_shutdown`).
pub(super) fn wake(socket: &UdpSocket) {
    if let Err(error) = SockRef::from(socket).shutdown(Shutdown::Both)
        && error.raw_os_error() != Some(libc::ENOTCONN)
    {
        tracing::error!(%error, "cannot wake a receive thread");
    }
}

/// Time since an epoch, behind by at most one tick of the scheduler (1 to 10 ms), at a fifth of the price of [`Instant`].
///
/// Enough for ages and freshness; rates come from the agents' own clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct CoarseClock {
    /// What the kernel's monotonic clock showed at the epoch.
    epoch: Duration,
}

impl CoarseClock {
    pub(super) fn since(epoch: Instant) -> Self {
        let elapsed = epoch.elapsed();
        Self {
            epoch: monotonic(libc::CLOCK_MONOTONIC).saturating_sub(elapsed),
        }
    }

    pub(super) fn elapsed(self) -> Duration {
        monotonic(libc::CLOCK_MONOTONIC_COARSE).saturating_sub(self.epoch)
    }
}

/// One of the kernel's monotonic clocks, which differ only in how often they move.
fn monotonic(clock: libc::clockid_t) -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    #[expect(unsafe_code, reason = "clock_gettime fills the struct it is given")]
    // It fails only for clocks that do not exist; then the time stays zero.
    unsafe {
        libc::clock_gettime(clock, &raw mut time)
    };
    Duration::new(
        time.tv_sec.try_into().unwrap_or(0),
        time.tv_nsec.try_into().unwrap_or(0),
    )
}

fn socklen(bytes: usize) -> io::Result<libc::socklen_t> {
    libc::socklen_t::try_from(bytes).map_err(|_| io::ErrorKind::InvalidInput.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receives_from_both_families_and_is_woken() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(receiver) = UdpSocket::bind(address) else {
                assert!(address.starts_with('['), "only IPv6 may be absent");
                continue;
            };
            let sender = UdpSocket::bind(address).unwrap();
            let to = receiver.local_addr().unwrap();
            sender.send_to(b"12345", to).unwrap();
            let mut buffer = [0; 4];
            assert_eq!(
                receive(&receiver, &mut buffer).unwrap(),
                Some((4, sender.local_addr().unwrap()))
            );
            assert_eq!(&buffer, b"1234");
            std::thread::scope(|scope| {
                let waiting = scope.spawn(|| receive(&receiver, &mut [0; 4]).unwrap());
                std::thread::sleep(Duration::from_millis(20));
                wake(&receiver);
                assert_eq!(waiting.join().unwrap(), None);
            });
            assert_eq!(receive(&receiver, &mut buffer).unwrap(), None);
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "this is about the clock")]
    fn the_coarse_clock_keeps_up() {
        let epoch = Instant::now();
        let clock = CoarseClock::since(epoch);
        assert!(clock.elapsed() <= epoch.elapsed());
        // It lags by at most a tick, unless we are put to sleep between the two readings.
        let keeps_up = (0..1000).any(|_| {
            std::thread::sleep(Duration::from_millis(1));
            let lag = epoch.elapsed().saturating_sub(clock.elapsed());
            lag < Duration::from_millis(15)
        });
        assert!(keeps_up);
    }
}
