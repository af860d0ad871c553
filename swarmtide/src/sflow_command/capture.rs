//! Reading capture files: pcap of either byte order with micro- or nanoseconds, and pcapng.

mod pcapng;

use std::io::{ErrorKind, Read};

use pcapng::Pcapng;

/// No frame is longer; a file that says so is damaged.
const MAX_FRAME_BYTES: u32 = 16 << 20;

const NANOS_PER_SECOND: i128 = 1_000_000_000;

/// One captured frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) link_type: u32,
    /// When it was captured, where the file says so.
    pub(super) timestamp: Option<jiff::Timestamp>,
    pub(super) bytes: Vec<u8>,
}

/// Why a capture cannot be read, or not further.
#[derive(Debug, thiserror::Error)]
pub(super) enum CaptureError {
    #[error("the file could not be read")]
    Read(#[source] std::io::Error),
    #[error("the file is empty or too short for a capture")]
    Empty,
    #[error("this is no capture file: it begins with {0:02x?}, which is neither pcap nor pcapng")]
    UnknownFormat([u8; 4]),
    #[error("the capture is truncated: it ends in the middle of a packet")]
    Truncated,
    #[error("the capture is damaged: it tells of a packet of {0} bytes")]
    TooLong(u32),
}

/// A capture file that is read frame by frame.
pub(super) struct Capture<R> {
    input: R,
    format: Format,
}

enum Format {
    Pcap(Pcap),
    Pcapng(Pcapng),
}

/// What the header of a pcap file says.
#[derive(Debug, Clone, Copy)]
struct Pcap {
    order: Order,
    link_type: u32,
    nanos_per_tick: i128,
}

/// The byte order of the machine that wrote a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Big,
    Little,
}

impl Order {
    fn uint(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Big => u32::from_be_bytes(bytes),
            Self::Little => u32::from_le_bytes(bytes),
        }
    }

    /// Reads the word at `at`, or 0 where there is none.
    fn word(self, bytes: &[u8], at: usize) -> u32 {
        bytes
            .get(at..)
            .and_then(<[u8]>::first_chunk)
            .map_or(0, |bytes| self.uint(*bytes))
    }
}

impl<R: Read> Capture<R> {
    /// Reads the beginning of a file and finds out what it is.
    pub(super) fn open(mut input: R) -> Result<Self, CaptureError> {
        let mut magic = [0; 4];
        if fill(&mut input, &mut magic)? < magic.len() {
            return Err(CaptureError::Empty);
        }
        let (order, nanos_per_tick) = match magic {
            [0xa1, 0xb2, 0xc3, 0xd4] => (Order::Big, 1000),
            [0xd4, 0xc3, 0xb2, 0xa1] => (Order::Little, 1000),
            [0xa1, 0xb2, 0x3c, 0x4d] => (Order::Big, 1),
            [0x4d, 0x3c, 0xb2, 0xa1] => (Order::Little, 1),
            pcapng::SECTION_HEADER => {
                let mut pcapng = Pcapng::default();
                pcapng.section(&mut input)?;
                return Ok(Self {
                    input,
                    format: Format::Pcapng(pcapng),
                });
            }
            other => return Err(CaptureError::UnknownFormat(other)),
        };
        let mut header = [0; 20];
        if fill(&mut input, &mut header)? < header.len() {
            return Err(CaptureError::Empty);
        }
        // The upper bits say how many bytes of frame check sequence there are.
        let link_type = order.word(&header, 16) & 0x03ff_ffff;
        Ok(Self {
            input,
            format: Format::Pcap(Pcap {
                order,
                link_type,
                nanos_per_tick,
            }),
        })
    }

    /// Reads the next frame; `None` at the end of the file.
    pub(super) fn next_frame(&mut self) -> Result<Option<Frame>, CaptureError> {
        match &mut self.format {
            Format::Pcap(pcap) => pcap.next_frame(&mut self.input),
            Format::Pcapng(pcapng) => pcapng.next_frame(&mut self.input),
        }
    }
}

impl Pcap {
    fn next_frame(self, input: &mut impl Read) -> Result<Option<Frame>, CaptureError> {
        let mut header = [0; 16];
        match fill(input, &mut header)? {
            0 => return Ok(None),
            16 => {}
            _ => return Err(CaptureError::Truncated),
        }
        let seconds = i128::from(self.order.word(&header, 0));
        let ticks = i128::from(self.order.word(&header, 4));
        let bytes = take(input, self.order.word(&header, 8))?;
        let timestamp = jiff::Timestamp::from_nanosecond(
            seconds * NANOS_PER_SECOND + ticks * self.nanos_per_tick,
        )
        .ok();
        Ok(Some(Frame {
            link_type: self.link_type,
            timestamp,
            bytes,
        }))
    }
}

/// Fills the buffer as far as the input goes; returns how far.
fn fill(input: &mut impl Read, buffer: &mut [u8]) -> Result<usize, CaptureError> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match input.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(CaptureError::Read(error)),
        }
    }
    Ok(filled)
}

/// Reads exactly `length` bytes.
fn take(input: &mut impl Read, length: u32) -> Result<Vec<u8>, CaptureError> {
    if length > MAX_FRAME_BYTES {
        return Err(CaptureError::TooLong(length));
    }
    let mut bytes = vec![0; length as usize];
    if fill(input, &mut bytes)? < bytes.len() {
        return Err(CaptureError::Truncated);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Builds a pcap of one frame `[1, 2, 3]` at 1.000002 s (or 1.000000002 s).
    fn pcap(magic: u32, word: fn(u32) -> [u8; 4]) -> Vec<u8> {
        let header = [magic, 0x0002_0004, 0, 0, 65_535, 113];
        let packet = [1, 2, 3, 3];
        let words: Vec<u8> = header.into_iter().chain(packet).flat_map(word).collect();
        [&words[..], &[1, 2, 3]].concat()
    }

    fn first(bytes: &[u8]) -> Frame {
        let mut capture = Capture::open(bytes).unwrap();
        let frame = capture.next_frame().unwrap().unwrap();
        assert_eq!(capture.next_frame().unwrap(), None);
        frame
    }

    #[test]
    fn both_byte_orders_and_both_resolutions() {
        for (magic, time) in [
            (0xa1b2_c3d4, "1970-01-01T00:00:01.000002Z"),
            (0xa1b2_3c4d, "1970-01-01T00:00:01.000000002Z"),
        ] {
            for word in [u32::to_be_bytes, u32::to_le_bytes] {
                let frame = first(&pcap(magic, word));
                assert_eq!(
                    (frame.link_type, frame.bytes.as_slice()),
                    (113, &[1, 2, 3][..])
                );
                assert_eq!(frame.timestamp.unwrap().to_string(), time);
            }
        }
    }

    #[test]
    fn a_truncated_file_gives_what_it_has() {
        let whole = pcap(0xa1b2_c3d4, u32::to_be_bytes);
        let twice = [&whole[..], &whole[24..]].concat();
        for length in whole.len() + 1..twice.len() {
            let mut capture = Capture::open(&twice[..length]).unwrap();
            assert!(capture.next_frame().unwrap().is_some());
            assert!(
                matches!(capture.next_frame(), Err(CaptureError::Truncated)),
                "{length}"
            );
        }
    }

    #[test]
    fn what_is_no_capture_is_refused() {
        let error = |bytes: &[u8]| Capture::open(bytes).err().unwrap().to_string();
        assert!(error(b"").contains("empty"));
        assert!(error(b"GIF89a").contains("no capture file"));
        assert!(error(&[0xa1, 0xb2, 0xc3, 0xd4, 0]).contains("too short"));
    }

    #[test]
    fn a_wild_length_is_not_allocated() {
        let mut bytes = pcap(0xa1b2_c3d4, u32::to_be_bytes);
        bytes[32..36].copy_from_slice(&[0xff; 4]);
        let mut capture = Capture::open(&bytes[..]).unwrap();
        assert!(matches!(
            capture.next_frame(),
            Err(CaptureError::TooLong(u32::MAX))
        ));
    }
}
