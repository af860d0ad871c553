//! What no crate has: packet sockets with a filter and a ring, and waiting for them. The only unsafe code of the crate.

use std::{
    io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    ptr::{self, NonNull},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use super::filter::Instruction;

/// Bytes of a frame of the ring: the kernel's header of 66 bytes, and at least 128 of the packet.
pub(super) const FRAME: usize = 256;
/// Frames of a ring, 32 KiB of memory that the kernel keeps for it.
pub(super) const FRAMES: usize = 128;
const BLOCK: usize = 4096;

/// A packet socket and its ring, which both sides see.
#[derive(Debug)]
pub(super) struct Ring {
    socket: OwnedFd,
    memory: NonNull<u8>,
}

#[expect(
    unsafe_code,
    reason = "the mapping belongs to this value alone and to no thread"
)]
unsafe impl Send for Ring {}

impl Ring {
    /// Opens a socket on an interface. It hears nothing before its filter is in place.
    pub(super) fn open(
        index: u32,
        program: &[Instruction],
        ignore_outgoing: bool,
    ) -> io::Result<Self> {
        let socket = socket()?;
        let version = libc::tpacket_versions::TPACKET_V2 as libc::c_int;
        set(&socket, libc::SOL_PACKET, libc::PACKET_VERSION, &version)?;
        if ignore_outgoing {
            // Spares the kernel a copy of each outgoing packet's head; before Linux 4.20 the filter alone has to do.
            let on: libc::c_int = 1;
            set(&socket, libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING, &on).ok();
        }
        attach(&socket, program)?;
        let size = FRAME * FRAMES;
        let request = libc::tpacket_req {
            tp_block_size: narrow(BLOCK)?,
            tp_block_nr: narrow(size / BLOCK)?,
            tp_frame_size: narrow(FRAME)?,
            tp_frame_nr: narrow(FRAMES)?,
        };
        set(&socket, libc::SOL_PACKET, libc::PACKET_RX_RING, &request)?;
        let memory = map(&socket, size)?;
        let ring = Self { socket, memory };
        bind(&ring.socket, index)?;
        Ok(ring)
    }

    /// Copies a frame that the kernel has filled, and gives it back to it; `None` when it has not.
    pub(super) fn take(&self, frame: usize) -> Option<[u8; FRAME]> {
        let at = (frame % FRAMES) * FRAME;
        #[expect(
            unsafe_code,
            reason = "`at` lies in the mapping, aligned to 256; while the status says user the kernel does not touch the frame"
        )]
        unsafe {
            let start = self.memory.add(at).as_ptr();
            let status = AtomicU32::from_ptr(start.cast());
            if status.load(Ordering::Acquire) & libc::TP_STATUS_USER == 0 {
                return None;
            }
            let mut copy = [0; FRAME];
            ptr::copy_nonoverlapping(start, copy.as_mut_ptr(), FRAME);
            status.store(libc::TP_STATUS_KERNEL, Ordering::Release);
            Some(copy)
        }
    }

    /// Packets dropped since this was asked last; asking sets the kernel's count to zero.
    pub(super) fn drops(&self) -> io::Result<u32> {
        let mut counts = libc::tpacket_stats {
            tp_packets: 0,
            tp_drops: 0,
        };
        let mut length = narrow(size_of_val(&counts))?;
        #[expect(
            unsafe_code,
            reason = "getsockopt writes at most `length` bytes, the size of `counts`"
        )]
        let outcome = unsafe {
            libc::getsockopt(
                self.socket.as_raw_fd(),
                libc::SOL_PACKET,
                libc::PACKET_STATISTICS,
                (&raw mut counts).cast(),
                &raw mut length,
            )
        };
        checked(outcome).map(|()| counts.tp_drops)
    }

    pub(super) fn clear_error(&self) {
        socket2::SockRef::from(&self.socket).take_error().ok();
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        #[expect(
            unsafe_code,
            reason = "the mapping is ours, of this size, and nobody uses it any more"
        )]
        // It fails only for what is no mapping.
        unsafe {
            libc::munmap(self.memory.as_ptr().cast(), FRAME * FRAMES)
        };
    }
}

/// Waits until one has a packet; says which have.
pub(super) fn wait<'a>(
    rings: impl Iterator<Item = &'a Ring>,
    time: Duration,
) -> io::Result<Vec<bool>> {
    let mut all: Vec<libc::pollfd> = rings
        .map(|ring| libc::pollfd {
            fd: ring.socket.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        })
        .collect();
    let count = libc::nfds_t::try_from(all.len()).unwrap_or(0);
    let time = libc::c_int::try_from(time.as_millis()).unwrap_or(libc::c_int::MAX);
    #[expect(unsafe_code, reason = "poll reads and writes `count` entries of `all`")]
    let outcome = unsafe { libc::poll(all.as_mut_ptr(), count, time) };
    if outcome < 0 {
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    Ok(all.iter().map(|entry| entry.revents != 0).collect())
}

/// A packet socket of no protocol: it hears nothing yet.
fn socket() -> io::Result<OwnedFd> {
    let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    #[expect(unsafe_code, reason = "socket has no pointer among its arguments")]
    let number = unsafe { libc::socket(libc::AF_PACKET, kind, 0) };
    if number < 0 {
        return Err(io::Error::last_os_error());
    }
    #[expect(unsafe_code, reason = "the descriptor is new and nobody else's")]
    let socket = unsafe { OwnedFd::from_raw_fd(number) };
    Ok(socket)
}

fn attach(socket: &OwnedFd, program: &[Instruction]) -> io::Result<()> {
    let mut code: Vec<libc::sock_filter> = program
        .iter()
        .map(|(code, jt, jf, k)| libc::sock_filter {
            code: *code,
            jt: *jt,
            jf: *jf,
            k: *k,
        })
        .collect();
    let wanted = libc::sock_fprog {
        len: u16::try_from(code.len()).map_err(|_| io::ErrorKind::InvalidInput)?,
        filter: code.as_mut_ptr(),
    };
    // `code` lives until the kernel has copied it.
    set(socket, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &wanted)
}

fn map(socket: &OwnedFd, size: usize) -> io::Result<NonNull<u8>> {
    #[expect(
        unsafe_code,
        reason = "a new mapping of the ring, which overlaps no other"
    )]
    let memory = unsafe {
        libc::mmap(
            ptr::null_mut(),
            size,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED,
            socket.as_raw_fd(),
            0,
        )
    };
    if memory == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(memory.cast()).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Has the socket hear every protocol of one interface.
fn bind(socket: &OwnedFd, index: u32) -> io::Result<()> {
    let every = u16::try_from(libc::ETH_P_ALL).map_err(|_| io::ErrorKind::InvalidInput)?;
    let address = libc::sockaddr_ll {
        sll_family: u16::try_from(libc::AF_PACKET).map_err(|_| io::ErrorKind::InvalidInput)?,
        sll_protocol: every.to_be(),
        sll_ifindex: i32::try_from(index).map_err(|_| io::ErrorKind::InvalidInput)?,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    let length = narrow(size_of_val(&address))?;
    #[expect(
        unsafe_code,
        reason = "bind reads `length` bytes of `address`, which lives through the call"
    )]
    let outcome = unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), length) };
    checked(outcome)
}

fn set<T>(socket: &OwnedFd, level: libc::c_int, name: libc::c_int, value: &T) -> io::Result<()> {
    let length = narrow(size_of::<T>())?;
    #[expect(
        unsafe_code,
        reason = "setsockopt reads `length` bytes of `value`, which lives through the call"
    )]
    let outcome = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            ptr::from_ref(value).cast(),
            length,
        )
    };
    checked(outcome)
}

fn checked(outcome: libc::c_int) -> io::Result<()> {
    if outcome == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

fn narrow(bytes: usize) -> io::Result<u32> {
    u32::try_from(bytes).map_err(|_| io::ErrorKind::InvalidInput.into())
}
