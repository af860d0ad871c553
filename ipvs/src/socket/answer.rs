//! The end of an answer: `NLMSG_ERROR` and `NLMSG_DONE`, with the words that newer kernels add.

use netlink_packet_core::{NLM_F_ACK_TLVS, NLM_F_CAPPED, NLMSG_DONE};

use super::message::{HEADER_LENGTH, Message};
use crate::codec::attribute::Attributes;
use crate::error::Fault;

const NLMSGERR_ATTR_MSG: u16 = 1;

/// Reads the error number of `NLMSG_ERROR` or `NLMSG_DONE`; 0 is an acknowledgement.
pub(super) fn outcome(message: Message<'_>) -> Result<(), Fault> {
    let Some((code, rest)) = message.payload.split_first_chunk::<4>() else {
        // A kernel ends some lists without a number.
        return if message.kind == NLMSG_DONE {
            Ok(())
        } else {
            Err(Fault::Unexpected)
        };
    };
    match i32::from_ne_bytes(*code) {
        0 => Ok(()),
        errno => Err(Fault::refused(errno.saturating_neg(), words(message, rest))),
    }
}

/// Returns what the kernel says in words.
fn words(message: Message<'_>, rest: &[u8]) -> Option<Box<str>> {
    if message.flags & NLM_F_ACK_TLVS == 0 {
        return None;
    }
    let attributes = if message.kind == NLMSG_DONE {
        rest
    } else {
        // The request comes first: its header alone, or all of it.
        let length = rest.first_chunk::<4>().map(|l| u32::from_ne_bytes(*l))?;
        let length = if message.flags & NLM_F_CAPPED == 0 {
            usize::try_from(length).ok()?.checked_next_multiple_of(4)?
        } else {
            HEADER_LENGTH
        };
        rest.get(length..)?
    };
    let text = Attributes::new(attributes)
        .map_while(Result::ok)
        .find(|attribute| attribute.kind() == NLMSGERR_ATTR_MSG)?;
    let text = text.value.split(|byte| *byte == 0).next()?;
    (!text.is_empty()).then(|| String::from_utf8_lossy(text).into())
}

#[cfg(test)]
mod tests {
    use netlink_packet_core::NLMSG_ERROR;
    use proptest::prelude::*;

    use super::*;

    /// `NLMSG_ERROR` with EINVAL for a request of 20 bytes, capped, and the words "no such thing".
    fn refusal(flags: u16) -> Vec<u8> {
        let mut bytes = (-22_i32).to_ne_bytes().to_vec();
        bytes.extend(20_u32.to_ne_bytes());
        bytes.extend([0; 12]);
        if flags & NLM_F_CAPPED == 0 {
            bytes.extend([0; 4]);
        }
        bytes.extend(18_u16.to_ne_bytes());
        bytes.extend(NLMSGERR_ATTR_MSG.to_ne_bytes());
        bytes.extend(b"no such thing\0\0\0");
        bytes
    }

    fn read(kind: u16, flags: u16, payload: &[u8]) -> Result<(), String> {
        let message = Message {
            kind,
            flags,
            sequence: 0,
            payload,
        };
        outcome(message).map_err(|fault| fault.to_string())
    }

    #[test]
    fn words_of_the_kernel_are_kept() {
        let expected = Err("Invalid argument (errno 22): no such thing".to_owned());
        for flags in [NLM_F_ACK_TLVS, NLM_F_ACK_TLVS | NLM_F_CAPPED] {
            assert_eq!(read(NLMSG_ERROR, flags, &refusal(flags)), expected);
        }
        let without = read(NLMSG_ERROR, NLM_F_CAPPED, &refusal(NLM_F_CAPPED));
        assert_eq!(without, Err("Invalid argument (errno 22)".to_owned()));
        assert_eq!(read(NLMSG_ERROR, 0, &[0; 20]), Ok(()));
        assert_eq!(read(NLMSG_DONE, 0, &[]), Ok(()));
        assert!(read(NLMSG_ERROR, 0, &[]).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_outcome(
            done in any::<bool>(),
            flags in any::<u16>(),
            bytes in prop::collection::vec(any::<u8>(), 0..80),
        ) {
            let kind = if done { NLMSG_DONE } else { NLMSG_ERROR };
            prop_assert!(read(kind, flags, &bytes).is_ok_and(|()| true) || bytes.len() < 4 || bytes[..4] != [0; 4]);
        }
    }
}
