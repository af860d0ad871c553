//! Netlink messages in a buffer: writing a header around a body, and walking over what was received.

use netlink_packet_core::{Emitable, NetlinkBuffer, NetlinkHeader};

/// Length of a netlink header.
pub(super) const HEADER_LENGTH: usize = 16;

/// A message in a received buffer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message<'a> {
    pub(super) kind: u16,
    pub(super) flags: u16,
    pub(super) sequence: u32,
    pub(super) payload: &'a [u8],
}

/// The messages of one datagram. Ends at the first that is not whole, with `Err(())`.
#[derive(Debug)]
pub(super) struct Messages<'a> {
    rest: &'a [u8],
}

impl<'a> Messages<'a> {
    pub(super) fn new(datagram: &'a [u8]) -> Self {
        Self { rest: datagram }
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<Message<'a>, ()>;

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = std::mem::take(&mut self.rest);
        if bytes.is_empty() {
            return None;
        }
        let Ok(buffer) = NetlinkBuffer::new_checked(bytes) else {
            return Some(Err(()));
        };
        let length = usize::try_from(buffer.length()).unwrap_or(usize::MAX);
        let payload = bytes.get(HEADER_LENGTH..length).unwrap_or_default();
        let message = Message {
            kind: buffer.message_type(),
            flags: buffer.flags(),
            sequence: buffer.sequence_number(),
            payload,
        };
        let next = length.checked_next_multiple_of(4).unwrap_or(usize::MAX);
        self.rest = bytes.get(next..).unwrap_or_default();
        Some(Ok(message))
    }
}

/// Appends a message: a header, and the body that `fill` appends.
pub(super) fn write_message(
    out: &mut Vec<u8>,
    kind: u16,
    flags: u16,
    sequence: u32,
    fill: impl FnOnce(&mut Vec<u8>),
) {
    let start = out.len();
    out.extend([0; HEADER_LENGTH]);
    fill(out);
    let length = out.len().saturating_sub(start);
    let mut header = NetlinkHeader::default();
    header.length = u32::try_from(length).unwrap_or(u32::MAX);
    (header.message_type, header.flags) = (kind, flags);
    header.sequence_number = sequence;
    if let Some(place) = out.get_mut(start..start.saturating_add(HEADER_LENGTH)) {
        header.emit(place);
    }
    let padding = length.next_multiple_of(4).saturating_sub(length);
    out.extend(std::iter::repeat_n(0, padding));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            messages in prop::collection::vec((any::<u16>(), any::<u16>(), any::<u32>(), prop::collection::vec(any::<u8>(), 0..40)), 0..8),
        ) {
            let mut out = Vec::new();
            for (kind, flags, sequence, body) in &messages {
                write_message(&mut out, *kind, *flags, *sequence, |out| out.extend(body));
            }
            let read: Vec<_> = Messages::new(&out)
                .map(|message| message.unwrap())
                .map(|m| (m.kind, m.flags, m.sequence, m.payload.to_vec()))
                .collect();
            prop_assert_eq!(read, messages);
        }

        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let most = bytes.len().div_ceil(HEADER_LENGTH);
            prop_assert!(Messages::new(&bytes).count() <= most);
        }
    }
}
