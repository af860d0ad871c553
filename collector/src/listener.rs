//! The UDP shell: sockets, receive threads, buffers and the kernel's drop counts. Does not decode anything.
//!
//! Each socket has one thread that blocks in `recv`. Several sockets on one address share its load by SO_REUSEPORT, which
//! keeps all datagrams of one agent on one socket and so in order. `recvmmsg` is not used: on the kernels measured it gained nothing.

mod sys;

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use serde::Serialize;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use thiserror::Error;

use crate::core::Collector;

/// Where and how to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenConfig {
    /// Addresses to bind. `[::]` takes IPv4 as well, unless `0.0.0.0` is listed with the same port; where the host has no
    /// IPv6 it becomes `0.0.0.0`. Port 0 takes a free port.
    pub addresses: Vec<SocketAddr>,
    /// Sockets, and receive threads, for each address; at least 1.
    pub sockets_per_address: usize,
    /// Receive buffer asked of the kernel for each socket, bytes. One datagram of 1,400 bytes takes 2,304.
    pub receive_buffer_bytes: usize,
    /// Longer datagrams are dropped and counted, bytes.
    pub max_datagram_bytes: usize,
}

impl Default for ListenConfig {
    fn default() -> Self {
        Self {
            addresses: vec![SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 6343)],
            sockets_per_address: 2,
            receive_buffer_bytes: 16 << 20,
            max_datagram_bytes: 16 << 10,
        }
    }
}

/// Why listening failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ListenError {
    /// The configuration names no address.
    #[error("no address to listen on")]
    NoAddress,
    /// A socket could not be made or bound.
    #[error("cannot bind UDP {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A receive thread could not be started.
    #[error("cannot start a receive thread")]
    Thread(#[source] io::Error),
}

/// Counts of one socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SocketStats {
    /// The bound address.
    pub address: SocketAddr,
    /// Datagrams received.
    pub datagrams: u64,
    /// Bytes received.
    pub bytes: u64,
    /// Datagrams longer than `max_datagram_bytes`, dropped.
    pub datagrams_truncated: u64,
    /// Errors of `recv`.
    pub receive_errors: u64,
    /// Datagrams the kernel dropped for want of buffer; `None` where it does not say (SO_MEMINFO).
    pub kernel_drops: Option<u64>,
    /// Receive buffer the kernel granted, bytes (Linux grants twice what is asked, for its own use).
    pub receive_buffer_bytes: usize,
}

/// Bound sockets that do not receive yet.
#[derive(Debug)]
pub struct BoundListener {
    sockets: Vec<Bound>,
    max_datagram_bytes: usize,
}

/// Running receive threads. Dropping it stops them.
#[derive(Debug)]
pub struct Listener {
    sockets: Vec<Arc<Receiver>>,
    threads: Vec<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
}

#[derive(Debug)]
struct Bound {
    socket: UdpSocket,
    address: SocketAddr,
    receive_buffer_bytes: usize,
}

#[derive(Debug)]
struct Receiver {
    bound: Bound,
    counts: Counts,
}

/// On a cache line of its own, since each receive thread writes its own for every datagram.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Counts {
    datagrams: AtomicU64,
    bytes: AtomicU64,
    truncated: AtomicU64,
    errors: AtomicU64,
}

/// Binds all sockets of `config`.
///
/// # Errors
/// When there is no address, or one cannot be bound.
pub fn bind(config: &ListenConfig) -> Result<BoundListener, ListenError> {
    let mut sockets = Vec::new();
    for address in &config.addresses {
        let v4_apart = config.addresses.contains(&SocketAddr::new(
            IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            address.port(),
        ));
        let mut address = *address;
        let own = sockets.len();
        for _ in 0..config.sockets_per_address.max(1) {
            let first = sockets.len() == own;
            let open = |address| {
                if first {
                    claim(address, v4_apart)?;
                }
                open(address, v4_apart, config.receive_buffer_bytes)
            };
            let bound = open(address)
                .or_else(|source| match without_ipv6(address, &source) {
                    Some(v4) if !v4_apart => open(v4),
                    _ => Err(source),
                })
                .map_err(|source| ListenError::Bind { address, source })?;
            address = bound.address;
            sockets.push(bound);
        }
    }
    if sockets.is_empty() {
        return Err(ListenError::NoAddress);
    }
    Ok(BoundListener {
        sockets,
        max_datagram_bytes: config.max_datagram_bytes.max(1),
    })
}

impl BoundListener {
    /// The addresses of all sockets, with their real ports.
    #[must_use]
    pub fn local_addresses(&self) -> Vec<SocketAddr> {
        self.sockets.iter().map(|bound| bound.address).collect()
    }

    /// Starts receiving into `collector`; times are counted from `epoch`.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn start(self, collector: Arc<Collector>, epoch: Instant) -> Result<Listener, ListenError> {
        self.start_with(epoch, move |source, datagram, now| {
            collector.ingest(source, datagram, now)
        })
    }

    /// Starts receiving into any function of source, datagram and time since `epoch`.
    ///
    /// The time lags by at most a tick of the kernel's scheduler (1 to 10 ms): it is for ages, and cheap to read.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn start_with<F>(self, epoch: Instant, sink: F) -> Result<Listener, ListenError>
    where
        F: Fn(SocketAddr, &[u8], Duration) + Send + Sync + 'static,
    {
        let sink = Arc::new(sink);
        let mut listener = Listener {
            sockets: Vec::new(),
            threads: Vec::new(),
            stop: Arc::default(),
        };
        for (number, bound) in self.sockets.into_iter().enumerate() {
            let receiver = Arc::new(Receiver {
                bound,
                counts: Counts::default(),
            });
            listener.sockets.push(Arc::clone(&receiver));
            let (sink, stop, max_bytes) = (
                Arc::clone(&sink),
                Arc::clone(&listener.stop),
                self.max_datagram_bytes,
            );
            let clock = sys::CoarseClock::since(epoch);
            let thread = thread::Builder::new()
                .name(format!("sflow-rx-{number}"))
                .spawn(move || {
                    receiver.run(max_bytes, &stop, |source, datagram| {
                        sink(source, datagram, clock.elapsed())
                    })
                })
                .map_err(ListenError::Thread)?;
            listener.threads.push(thread);
        }
        Ok(listener)
    }
}

impl Listener {
    /// The addresses of all sockets, with their real ports.
    #[must_use]
    pub fn local_addresses(&self) -> Vec<SocketAddr> {
        self.sockets
            .iter()
            .map(|receiver| receiver.bound.address)
            .collect()
    }

    /// Counts of each socket. Asks the kernel for its drops, so call it every second or so, not for every datagram.
    #[must_use]
    pub fn stats(&self) -> Vec<SocketStats> {
        self.sockets
            .iter()
            .map(|receiver| receiver.stats())
            .collect()
    }

    /// Returns the address of a socket whose thread has ended, which none does before it is stopped.
    #[must_use]
    pub fn broken(&self) -> Option<SocketAddr> {
        let threads = self.sockets.iter().zip(&self.threads);
        let mut ended = threads.filter(|(_, thread)| thread.is_finished());
        ended.next().map(|(receiver, _)| receiver.bound.address)
    }

    /// Stops receiving and waits for the threads.
    pub fn stop(mut self) {
        self.stop_threads();
    }

    fn stop_threads(&mut self) {
        self.stop.store(true, Ordering::Release);
        for receiver in &self.sockets {
            sys::wake(&receiver.bound.socket);
        }
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a receive thread panicked");
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stop_threads();
    }
}

impl Receiver {
    fn run(&self, max_bytes: usize, stop: &AtomicBool, sink: impl Fn(SocketAddr, &[u8])) {
        // One byte more than is accepted, so that what is too long shows.
        let mut buffer = vec![0; max_bytes + 1];
        loop {
            let received = sys::receive(&self.bound.socket, &mut buffer);
            if stop.load(Ordering::Acquire) {
                return;
            }
            match received {
                Ok(None) => return,
                Ok(Some((length, source))) => {
                    add(&self.counts.datagrams, 1);
                    add(&self.counts.bytes, length as u64);
                    match buffer
                        .get(..length)
                        .filter(|datagram| datagram.len() <= max_bytes)
                    {
                        Some(datagram) => sink(source, datagram),
                        None => add(&self.counts.truncated, 1),
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    add(&self.counts.errors, 1);
                    tracing::debug!(%error, address = %self.bound.address, "recv failed");
                    thread::sleep(Duration::from_millis(10));
                }
            }
        }
    }

    fn stats(&self) -> SocketStats {
        SocketStats {
            address: self.bound.address,
            datagrams: self.counts.datagrams.load(Ordering::Relaxed),
            bytes: self.counts.bytes.load(Ordering::Relaxed),
            datagrams_truncated: self.counts.truncated.load(Ordering::Relaxed),
            receive_errors: self.counts.errors.load(Ordering::Relaxed),
            kernel_drops: sys::kernel_drops(&self.bound.socket).ok().map(u64::from),
            receive_buffer_bytes: self.bound.receive_buffer_bytes,
        }
    }
}

/// Adds to a counter that only this thread writes, without the cost of a locked instruction.
fn add(counter: &AtomicU64, amount: u64) {
    counter.store(counter.load(Ordering::Relaxed) + amount, Ordering::Relaxed);
}

/// Makes sure that nobody else receives on the address: with SO_REUSEPORT the kernel would share its datagrams out between us,
/// without a word.
fn claim(address: SocketAddr, v4_apart: bool) -> io::Result<()> {
    if address.port() == 0 {
        return Ok(());
    }
    socket(address, v4_apart)?.bind(&SockAddr::from(address))
}

fn socket(address: SocketAddr, v4_apart: bool) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    if address.is_ipv6() && address.ip().is_unspecified() {
        socket.set_only_v6(v4_apart)?;
    }
    Ok(socket)
}

fn open(address: SocketAddr, v4_apart: bool, receive_buffer_bytes: usize) -> io::Result<Bound> {
    let socket = socket(address, v4_apart)?;
    socket.set_reuse_port(true)?;
    if sys::force_receive_buffer(&socket, receive_buffer_bytes).is_err() {
        // Without CAP_NET_ADMIN the kernel cuts to net.core.rmem_max.
        socket.set_recv_buffer_size(receive_buffer_bytes)?;
    }
    socket.bind(&SockAddr::from(address))?;
    let receive_buffer_bytes = socket.recv_buffer_size()?;
    let socket = UdpSocket::from(socket);
    let address = socket.local_addr()?;
    Ok(Bound {
        socket,
        address,
        receive_buffer_bytes,
    })
}

/// The IPv4 address to fall back to when the host does not do IPv6.
fn without_ipv6(address: SocketAddr, error: &io::Error) -> Option<SocketAddr> {
    let no_ipv6 = matches!(
        error.raw_os_error(),
        Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL)
    );
    let any = address.is_ipv6() && address.ip().is_unspecified();
    (no_ipv6 && any).then(|| SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), address.port()))
}
