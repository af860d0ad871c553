//! Questions and answers: one at a time, or many in one system call.

use std::io;
use std::time::Duration;

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR,
};
use netlink_sys::{Socket, SocketAddr};
use socket2::SockRef;

use super::answer::outcome;
use super::message::{Messages, write_message};
use crate::error::Fault;

/// Room for one datagram: the kernel makes none larger than 32 KiB.
const DATAGRAM_LENGTH_MAX: usize = 64 * 1024;

/// Requests sent at once. If all of them failed, the errors would still fit into the receive buffer (212 992 bytes by
/// default, of which one takes about 1 KiB).
const BATCH_MAX: usize = 128;

/// How often a listing is begun anew because the table changed meanwhile.
const LISTING_ATTEMPTS: u32 = 10;

/// Kinds below this are netlink's own.
const FIRST_KIND: u16 = 16;

/// What went over a socket since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Messages sent: one for each request.
    pub sent: u64,
    /// System calls that sent them.
    pub calls: u64,
    /// Messages received: entries of lists, answers, acknowledgements.
    pub received: u64,
}

/// A netlink socket with its counter of sequence numbers.
#[derive(Debug)]
pub(crate) struct Connection {
    socket: Socket,
    sequence: u32,
    sent: Vec<u8>,
    received: Vec<u8>,
    traffic: Traffic,
}

/// A message to send.
pub(crate) struct Outgoing<'a> {
    pub(crate) kind: u16,
    /// Flags besides `NLM_F_REQUEST` and those that say which answer is wanted.
    pub(crate) flags: u16,
    /// Appends the body.
    pub(crate) fill: &'a dyn Fn(&mut Vec<u8>),
}

/// How the list of a dump came out.
enum Dumped {
    Whole,
    Interrupted,
}

impl Connection {
    /// Opens a socket in the network namespace of the calling thread. No send and no receive takes longer than
    /// `patience`.
    pub(crate) fn open(protocol: isize, patience: Duration) -> Result<Self, Fault> {
        Self::try_open(protocol, patience).map_err(Fault::Socket)
    }

    fn try_open(protocol: isize, patience: Duration) -> io::Result<Self> {
        let mut socket = Socket::new(protocol)?;
        socket.bind_auto()?;
        // The kernel then refuses what other processes send here.
        socket.connect(&SocketAddr::new(0, 0))?;
        let options = SockRef::from(&socket);
        options.set_read_timeout(Some(patience))?;
        options.set_write_timeout(Some(patience))?;
        // Kernels before 4.3 and 4.12 lack these, and answer in more bytes or fewer words.
        for option in [socket.set_cap_ack(true), socket.set_ext_ack(true)] {
            option.or_else(|error| match error.raw_os_error() {
                Some(libc::ENOPROTOOPT) => Ok(()),
                _ => Err(error),
            })?;
        }
        Ok(Self {
            socket,
            sequence: 0,
            sent: Vec::new(),
            received: Vec::with_capacity(DATAGRAM_LENGTH_MAX),
            traffic: Traffic::default(),
        })
    }

    /// Has one thing done, and waits for the acknowledgement; what is answered before it goes to `on_body`.
    pub(crate) fn ask(
        &mut self,
        request: &Outgoing<'_>,
        mut on_body: impl FnMut(&[u8]) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.sent.clear();
        let sequence = self.append(request, NLM_F_ACK);
        self.send()?;
        loop {
            self.receive()?;
            for message in Messages::new(&self.received) {
                let message = message.map_err(|()| Fault::Unexpected)?;
                match message.kind {
                    _ if message.sequence != sequence => {}
                    NLMSG_ERROR => return outcome(message),
                    kind if kind < FIRST_KIND => {}
                    _ => on_body(message.payload)?,
                }
            }
        }
    }

    /// Has a list dumped. One that changed while it was dumped is begun anew.
    pub(crate) fn dump<T>(
        &mut self,
        request: &Outgoing<'_>,
        mut on_body: impl FnMut(&[u8]) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        for _ in 0..LISTING_ATTEMPTS {
            let mut list = Vec::new();
            let dumped = self.dump_once(request, |body| {
                list.push(on_body(body)?);
                Ok(())
            })?;
            match dumped {
                Dumped::Whole => return Ok(list),
                Dumped::Interrupted => {}
            }
        }
        Err(Fault::Changing {
            attempts: LISTING_ATTEMPTS,
        })
    }

    fn dump_once(
        &mut self,
        request: &Outgoing<'_>,
        mut on_body: impl FnMut(&[u8]) -> Result<(), Fault>,
    ) -> Result<Dumped, Fault> {
        self.sent.clear();
        let sequence = self.append(request, NLM_F_DUMP);
        self.send()?;
        // A fault in one entry must not leave the rest of the dump in the queue: the socket does no second dump then.
        let (mut dumped, mut fault) = (Dumped::Whole, None);
        loop {
            self.receive()?;
            for message in Messages::new(&self.received) {
                let message = message.map_err(|()| Fault::Unexpected)?;
                if message.sequence != sequence {
                    continue;
                }
                if message.flags & NLM_F_DUMP_INTR != 0 {
                    dumped = Dumped::Interrupted;
                }
                match message.kind {
                    NLMSG_ERROR => return outcome(message).map(|()| dumped),
                    NLMSG_DONE => {
                        outcome(message)?;
                        return fault.map_or(Ok(dumped), Err);
                    }
                    kind if kind < FIRST_KIND => {}
                    _ if fault.is_some() => {}
                    _ => fault = on_body(message.payload).err(),
                }
            }
        }
    }

    /// Has many things done, up to [`BATCH_MAX`] in one system call; returns an outcome for each, in order. One that
    /// fails does not stop the others.
    ///
    /// Only the last of a batch asks for an acknowledgement. The kernel works through a batch in order, and reports an
    /// error whether asked or not; so what has not been reported when the last is answered has been done.
    pub(crate) fn ask_all<'a>(
        &mut self,
        requests: impl ExactSizeIterator<Item = Outgoing<'a>>,
    ) -> Vec<Result<(), Fault>> {
        let mut outcomes = Vec::with_capacity(requests.len());
        let mut requests = requests.peekable();
        while requests.peek().is_some() {
            self.sent.clear();
            let first = self.sequence.wrapping_add(1);
            let mut reported: Vec<Option<Fault>> = Vec::new();
            while let Some(request) = requests.next() {
                reported.push(None);
                let is_last = requests.peek().is_none() || reported.len() == BATCH_MAX;
                self.append(&request, if is_last { NLM_F_ACK } else { 0 });
                if is_last {
                    break;
                }
            }
            // Where the last is not answered, nobody can tell what became of the others but the next listing.
            let lost = self.finish_batch(first, &mut reported).err();
            let lost = lost.map(|fault| fault.errno());
            outcomes.extend(reported.into_iter().map(|fault| match (fault, lost) {
                (Some(fault), _) => Err(fault),
                (None, Some(errno)) => Err(Fault::Socket(io::Error::from_raw_os_error(errno))),
                (None, None) => Ok(()),
            }));
        }
        outcomes
    }

    /// Sends a batch and takes what is reported, until the last is answered.
    fn finish_batch(&mut self, first: u32, reported: &mut [Option<Fault>]) -> Result<(), Fault> {
        self.send()?;
        let last = reported.len().saturating_sub(1);
        loop {
            self.receive()?;
            for message in Messages::new(&self.received) {
                let message = message.map_err(|()| Fault::Unexpected)?;
                let index = message.sequence.wrapping_sub(first);
                let Ok(index) = usize::try_from(index) else {
                    continue;
                };
                if message.kind != NLMSG_ERROR {
                    continue;
                }
                if let Some(place) = reported.get_mut(index) {
                    *place = outcome(message).err();
                    if index == last {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Appends a message to what is sent next, and returns its sequence number.
    fn append(&mut self, request: &Outgoing<'_>, wanted: u16) -> u32 {
        self.sequence = self.sequence.wrapping_add(1);
        self.traffic.sent = self.traffic.sent.saturating_add(1);
        let flags = request.flags | NLM_F_REQUEST | wanted;
        let out = &mut self.sent;
        write_message(out, request.kind, flags, self.sequence, request.fill);
        self.sequence
    }

    pub(crate) fn traffic(&self) -> Traffic {
        self.traffic
    }

    fn send(&mut self) -> Result<(), Fault> {
        self.traffic.calls = self.traffic.calls.saturating_add(1);
        retried(|| self.socket.send(&self.sent, 0)).map(|_| ())
    }

    fn receive(&mut self) -> Result<(), Fault> {
        let length = retried(|| {
            self.received.clear();
            self.socket.recv(&mut self.received, libc::MSG_TRUNC)
        })?;
        if length != self.received.len() {
            return Err(Fault::Unexpected);
        }
        let messages = u64::try_from(Messages::new(&self.received).count()).unwrap_or(0);
        self.traffic.received = self.traffic.received.saturating_add(messages);
        Ok(())
    }
}

/// Makes a system call again while signals interrupt it.
fn retried<T>(mut call: impl FnMut() -> io::Result<T>) -> Result<T, Fault> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(Fault::NoAnswer),
            outcome => return outcome.map_err(Fault::Socket),
        }
    }
}
