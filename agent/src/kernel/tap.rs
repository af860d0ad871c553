//! A tap on one interface: the kernel chooses packets at random, cuts them to their first bytes, and puts those into a ring.
//!
//! All other packets cost a few instructions of a filter. The interface does not become promiscuous.

mod filter;
mod sys;

use std::{io, time::Duration};

use crate::packet::{HEADER_BYTES, Packet, Taken};

/// A tap.
#[derive(Debug)]
pub struct Tap {
    ring: sys::Ring,
    next: usize,
}

impl Tap {
    /// Opens a tap that takes one in `rate` packets.
    ///
    /// # Errors
    /// Without CAP_NET_RAW (`PermissionDenied`), on an interface that is not there, for want of memory.
    pub fn open(index: u32, rate: u32, taken: Taken) -> io::Result<Self> {
        let program = filter::program(rate, taken, HEADER_BYTES);
        let ring = sys::Ring::open(index, &program, taken != Taken::Outgoing);
        Ok(Self {
            ring: ring.map_err(denied)?,
            next: 0,
        })
    }

    /// Takes the next packet, if there is one.
    pub fn take(&mut self) -> Option<Packet> {
        let frame = self.ring.take(self.next)?;
        self.next = (self.next + 1) % sys::FRAMES;
        packet(&frame)
    }

    /// Packets chosen since this was asked last for which the ring had no room.
    ///
    /// # Errors
    /// The kernel does not say.
    pub fn drops(&self) -> io::Result<u32> {
        self.ring.drops()
    }

    /// Takes note of an error, such as that of an interface that went down, which would make [`wait`] return at once for ever.
    pub fn clear_error(&self) {
        self.ring.clear_error();
    }
}

/// Where packet sockets are closed to a service as a family (systemd's `RestrictAddressFamilies`), that is a right it lacks.
fn denied(error: io::Error) -> io::Error {
    if error.raw_os_error() == Some(libc::EAFNOSUPPORT) {
        io::Error::new(io::ErrorKind::PermissionDenied, error)
    } else {
        error
    }
}

/// Waits until one of the taps has a packet, at most so long; says which do.
///
/// # Errors
/// The kernel refuses to wait.
pub fn wait<'a>(taps: impl Iterator<Item = &'a Tap>, time: Duration) -> io::Result<Vec<bool>> {
    sys::wait(taps.map(|tap| &tap.ring), time)
}

/// Reads a frame of the ring (`tpacket2_hdr`).
fn packet(frame: &[u8; sys::FRAME]) -> Option<Packet> {
    const VLAN_VALID: u32 = 1 << 4;
    const VLAN_TPID_VALID: u32 = 1 << 6;
    const VLAN_TPID: u16 = 0x8100;
    const VLAN_AT: usize = 12;
    let word = |at: usize| Some(u32::from_ne_bytes(*frame.get(at..)?.first_chunk()?));
    let half = |at: usize| Some(u16::from_ne_bytes(*frame.get(at..)?.first_chunk()?));
    let (status, mut length, caught) = (word(0)?, word(4)?, word(8)?);
    let begin = usize::from(half(12)?);
    let caught = usize::try_from(caught).ok()?.min(HEADER_BYTES);
    let mut header = frame.get(begin..begin + caught)?.to_vec();
    if status & VLAN_VALID != 0 && header.len() >= VLAN_AT {
        let kind = if status & VLAN_TPID_VALID == 0 {
            VLAN_TPID
        } else {
            half(26)?
        };
        let [a, b] = kind.to_be_bytes();
        let [c, d] = half(24)?.to_be_bytes();
        header.splice(VLAN_AT..VLAN_AT, [a, b, c, d]);
        header.truncate(HEADER_BYTES);
        length = length.saturating_add(4);
    }
    Some(Packet { length, header })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(status: u32, tci: u16, tpid: u16) -> [u8; sys::FRAME] {
        let mut frame = [0; sys::FRAME];
        frame[0..4].copy_from_slice(&status.to_ne_bytes());
        frame[4..8].copy_from_slice(&1500_u32.to_ne_bytes());
        frame[8..12].copy_from_slice(&20_u32.to_ne_bytes());
        frame[12..14].copy_from_slice(&66_u16.to_ne_bytes());
        frame[24..26].copy_from_slice(&tci.to_ne_bytes());
        frame[26..28].copy_from_slice(&tpid.to_ne_bytes());
        for (number, byte) in frame[66..86].iter_mut().enumerate() {
            *byte = u8::try_from(number).unwrap();
        }
        frame
    }

    #[test]
    fn a_vlan_tag_that_was_taken_off_is_put_back() {
        let plain = packet(&frame(1, 0, 0)).unwrap();
        assert_eq!((plain.length, plain.header.len()), (1500, 20));
        let tagged = packet(&frame(1 | 1 << 4, 5, 0)).unwrap();
        assert_eq!((tagged.length, tagged.header.len()), (1504, 24));
        assert_eq!(tagged.header[10..18], [10, 11, 0x81, 0, 0, 5, 12, 13]);
        let outer = packet(&frame(1 | 1 << 4 | 1 << 6, 5, 0x88a8)).unwrap();
        assert_eq!(outer.header[12..14], [0x88, 0xa8]);
    }

    #[test]
    fn a_frame_that_lies_is_left_out() {
        let mut bad = frame(1, 0, 0);
        bad[12..14].copy_from_slice(&300_u16.to_ne_bytes());
        assert_eq!(packet(&bad), None);
        bad = frame(1, 0, 0);
        bad[8..12].copy_from_slice(&u32::MAX.to_ne_bytes());
        assert_eq!(packet(&bad).unwrap().header.len(), HEADER_BYTES);
    }
}
