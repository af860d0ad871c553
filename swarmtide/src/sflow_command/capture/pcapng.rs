//! pcapng (draft-ietf-opsawg-pcapng): sections, interfaces, and the packets in enhanced and simple packet blocks.

use std::io::Read;

use super::{CaptureError, Frame, NANOS_PER_SECOND, Order, fill, take};

/// The type of a section header block, which reads the same in both byte orders.
pub(super) const SECTION_HEADER: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

const INTERFACE_DESCRIPTION: u32 = 1;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

/// More interfaces than any machine has in a capture; what a file has beyond is not known.
const MAX_INTERFACES: usize = 65_536;

/// What the blocks so far have said.
#[derive(Debug, Default)]
pub(super) struct Pcapng {
    order: Option<Order>,
    interfaces: Vec<Interface>,
}

#[derive(Debug, Clone, Copy)]
struct Interface {
    link_type: u32,
    ticks_per_second: u64,
    offset_seconds: i64,
}

impl Pcapng {
    /// Reads the rest of a section header block, behind its type.
    pub(super) fn section(&mut self, input: &mut impl Read) -> Result<(), CaptureError> {
        let mut start = [0; 8];
        if fill(input, &mut start)? < start.len() {
            return Err(CaptureError::Truncated);
        }
        let [a, b, c, d, magic @ ..] = start;
        let order = match magic {
            [0x1a, 0x2b, 0x3c, 0x4d] => Order::Big,
            [0x4d, 0x3c, 0x2b, 0x1a] => Order::Little,
            other => return Err(CaptureError::UnknownFormat(other)),
        };
        // Of the block's length, type, length and magic are read.
        take(input, padded(order.uint([a, b, c, d])).saturating_sub(12))?;
        self.order = Some(order);
        self.interfaces.clear();
        Ok(())
    }

    pub(super) fn next_frame(
        &mut self,
        input: &mut impl Read,
    ) -> Result<Option<Frame>, CaptureError> {
        loop {
            let mut kind = [0; 4];
            match fill(input, &mut kind)? {
                0 => return Ok(None),
                4 => {}
                _ => return Err(CaptureError::Truncated),
            }
            if kind == SECTION_HEADER {
                self.section(input)?;
                continue;
            }
            let order = self.order.unwrap_or(Order::Little);
            let mut length = [0; 4];
            if fill(input, &mut length)? < length.len() {
                return Err(CaptureError::Truncated);
            }
            let block = take(input, padded(order.uint(length)).saturating_sub(8))?;
            // The length stands at the end once more.
            let body = block
                .get(..block.len().saturating_sub(4))
                .unwrap_or_default();
            match order.uint(kind) {
                INTERFACE_DESCRIPTION if self.interfaces.len() < MAX_INTERFACES => {
                    self.interfaces.push(interface(order, body))
                }
                ENHANCED_PACKET => return Ok(Some(self.enhanced(order, body)?)),
                SIMPLE_PACKET => return Ok(Some(self.simple(order, body)?)),
                _ => {}
            }
        }
    }

    fn enhanced(&self, order: Order, body: &[u8]) -> Result<Frame, CaptureError> {
        let interface = self
            .interfaces
            .get(order.word(body, 0) as usize)
            .ok_or(CaptureError::Truncated)?;
        let ticks = (u64::from(order.word(body, 4)) << 32) | u64::from(order.word(body, 8));
        let bytes = body
            .get(20..)
            .and_then(|data| data.get(..order.word(body, 12) as usize))
            .ok_or(CaptureError::Truncated)?;
        let nanos = i128::from(ticks) * NANOS_PER_SECOND / i128::from(interface.ticks_per_second);
        let nanos = nanos + i128::from(interface.offset_seconds) * NANOS_PER_SECOND;
        let timestamp = jiff::Timestamp::from_nanosecond(nanos).ok();
        Ok(Frame {
            link_type: interface.link_type,
            timestamp,
            bytes: bytes.to_vec(),
        })
    }

    fn simple(&self, order: Order, body: &[u8]) -> Result<Frame, CaptureError> {
        let interface = self.interfaces.first().ok_or(CaptureError::Truncated)?;
        let data = body.get(4..).ok_or(CaptureError::Truncated)?;
        let length = data.len().min(order.word(body, 0) as usize);
        let bytes = data.get(..length).unwrap_or_default().to_vec();
        Ok(Frame {
            link_type: interface.link_type,
            timestamp: None,
            bytes,
        })
    }
}

/// Lengths of blocks are multiples of four; what is not is rounded up.
fn padded(length: u32) -> u32 {
    length.checked_next_multiple_of(4).unwrap_or(u32::MAX)
}

/// Reads an interface description: link type and, in its options, the resolution of timestamps.
fn interface(order: Order, body: &[u8]) -> Interface {
    const END_OF_OPTIONS: u32 = 0;
    const RESOLUTION: u32 = 9;
    const OFFSET: u32 = 14;
    let half = |bytes: &[u8], at: usize| {
        let [a, b] = bytes
            .get(at..)
            .and_then(<[u8]>::first_chunk)
            .copied()
            .unwrap_or_default();
        match order {
            Order::Big => u32::from(u16::from_be_bytes([a, b])),
            Order::Little => u32::from(u16::from_le_bytes([a, b])),
        }
    };
    let mut interface = Interface {
        link_type: half(body, 0),
        ticks_per_second: 1_000_000,
        offset_seconds: 0,
    };
    let mut options = body.get(8..).unwrap_or_default();
    while options.len() >= 4 && half(options, 0) != END_OF_OPTIONS {
        let (code, length) = (half(options, 0), half(options, 2) as usize);
        let value = options.get(4..).unwrap_or_default();
        match (code, value.first()) {
            (RESOLUTION, Some(&resolution)) if length > 0 => {
                interface.ticks_per_second = ticks_per_second(resolution)
            }
            (OFFSET, Some(_)) if length >= 8 => interface.offset_seconds = offset(order, value),
            _ => {}
        }
        options = value.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    interface
}

/// Reads `if_tsresol`: a power of ten, or of two where the highest bit is set.
fn ticks_per_second(resolution: u8) -> u64 {
    let exponent = u32::from(resolution & 0x7f);
    let base: u64 = if resolution & 0x80 == 0 { 10 } else { 2 };
    base.checked_pow(exponent).unwrap_or(u64::MAX)
}

fn offset(order: Order, value: &[u8]) -> i64 {
    let (high, low) = match order {
        Order::Big => (order.word(value, 0), order.word(value, 4)),
        Order::Little => (order.word(value, 4), order.word(value, 0)),
    };
    ((u64::from(high) << 32) | u64::from(low)).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::super::Capture;

    fn block(kind: u32, body: &[u8], word: fn(u32) -> [u8; 4]) -> Vec<u8> {
        let padded = [body, &vec![0; body.len().wrapping_neg() & 3]].concat();
        let length = word(u32::try_from(padded.len() + 12).unwrap());
        [&word(kind)[..], &length, &padded, &length].concat()
    }

    fn words(words: &[u32], word: fn(u32) -> [u8; 4]) -> Vec<u8> {
        words.iter().copied().flat_map(word).collect()
    }

    fn half(little: bool, value: u16) -> [u8; 2] {
        if little {
            value.to_le_bytes()
        } else {
            value.to_be_bytes()
        }
    }

    #[test]
    fn packets_of_both_byte_orders() {
        for (word, little) in [
            (u32::to_be_bytes as fn(u32) -> [u8; 4], false),
            (u32::to_le_bytes, true),
        ] {
            let resolution = [&half(little, 9)[..], &half(little, 1), &[9, 0, 0, 0]].concat();
            let description = [&half(little, 113)[..], &[0, 0], &[0; 4], &resolution].concat();
            let packet = [&words(&[0, 0, 2_000_000_005, 3, 3], word)[..], &[1, 2, 3]].concat();
            let simple = [&words(&[2], word)[..], &[7, 8]].concat();
            let file = [
                block(
                    0x0a0d_0d0a,
                    &words(&[0x1a2b_3c4d, 1, u32::MAX, u32::MAX], word),
                    word,
                ),
                block(1, &description, word),
                block(5, &[1, 2, 3, 4, 5], word),
                block(6, &packet, word),
                block(3, &simple, word),
            ]
            .concat();
            let mut capture = Capture::open(&file[..]).unwrap();
            let frame = capture.next_frame().unwrap().unwrap();
            assert_eq!(
                (frame.link_type, frame.bytes.as_slice()),
                (113, &[1, 2, 3][..])
            );
            assert_eq!(
                frame.timestamp.unwrap().to_string(),
                "1970-01-01T00:00:02.000000005Z"
            );
            let frame = capture.next_frame().unwrap().unwrap();
            assert_eq!(
                (frame.timestamp, frame.bytes.as_slice()),
                (None, &[7, 8][..])
            );
            assert_eq!(capture.next_frame().unwrap(), None);
            for length in 12..file.len() {
                let Ok(mut capture) = Capture::open(&file[..length]) else {
                    continue;
                };
                while let Ok(Some(_)) = capture.next_frame() {}
            }
        }
    }
}
