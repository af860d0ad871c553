//! The datagram: `sample_datagram_v5`.

use std::net::Ipv4Addr;

use crate::address::Address;
use crate::error::{DecodeError, ErrorKind};
use crate::sample::Sample;
use crate::sequence::{Iter, Sequence};
use crate::wire::{self, FixedValue, Input, Value};

/// One sFlow version 5 datagram.
///
/// On the wire: version (5), agent address, sub-agent, sequence number, uptime, number of samples, samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Datagram<'a> {
    /// The address the agent gives itself; not always unique, and not always the address the datagram came from.
    pub agent: Address,
    /// Which of the agent's independent senders this is.
    pub sub_agent: u32,
    /// Counts the datagrams of this agent and sub-agent.
    pub sequence: u32,
    /// Milliseconds since the agent started; wraps after 49.7 days.
    pub uptime_ms: u32,
    samples: Sequence<'a, Sample<'a>>,
}

impl<'a> Datagram<'a> {
    /// Makes a datagram of samples, for encoding.
    #[must_use]
    pub const fn new(
        agent: Address,
        sub_agent: u32,
        sequence: u32,
        uptime_ms: u32,
        samples: &'a [Sample<'a>],
    ) -> Self {
        Self {
            agent,
            sub_agent,
            sequence,
            uptime_ms,
            samples: Sequence::new(samples),
        }
    }

    /// Reads a datagram's header; the samples are read by [`samples`](Self::samples).
    ///
    /// # Errors
    /// The header is not complete, of another version than 5, or its agent address is of a type that is not known.
    #[inline(always)]
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        match Self::header_ipv4(bytes) {
            Some(datagram) => Ok(datagram),
            None => Self::decode_any(bytes),
        }
    }

    /// Reads the header that nearly all datagrams have, of version 5 with an IPv4 agent address, at its fixed offsets.
    #[inline(always)]
    fn header_ipv4(bytes: &'a [u8]) -> Option<Self> {
        const SIZE: usize = 28;
        const IPV4: u32 = 1;
        let (header, samples) = bytes.split_first_chunk::<SIZE>()?;
        if u32::at(header, 0) != crate::VERSION || u32::at(header, 4) != IPV4 {
            return None;
        }
        Some(Self {
            agent: Address::Ipv4(Ipv4Addr::at(header, 8)),
            sub_agent: u32::at(header, 12),
            sequence: u32::at(header, 16),
            uptime_ms: u32::at(header, 20),
            samples: Sequence::from_wire(
                samples,
                u32::at(header, 24),
                wire::wire_length(bytes.len()),
            ),
        })
    }

    #[inline(never)]
    fn decode_any(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut input = Input::new(bytes);
        let end = wire::wire_length(bytes.len());
        Self::header(&mut input, end)
            .map_err(|kind| DecodeError::new(kind, input.offset(end), None))
    }

    fn header(input: &mut Input<'a>, end: u32) -> Result<Self, ErrorKind> {
        let short = ErrorKind::TruncatedHeader;
        let version = input.uint().ok_or(short)?;
        if version != crate::VERSION {
            return Err(ErrorKind::UnsupportedVersion(version));
        }
        let agent = Address::read(input).map_err(|kind| {
            if kind == ErrorKind::ArrayOverrun {
                short
            } else {
                kind
            }
        })?;
        let sub_agent = input.uint().ok_or(short)?;
        let sequence = input.uint().ok_or(short)?;
        let uptime_ms = input.uint().ok_or(short)?;
        let count = input.uint().ok_or(short)?;
        Ok(Self {
            agent,
            sub_agent,
            sequence,
            uptime_ms,
            samples: Sequence::from_wire(input.rest(), count, end),
        })
    }

    /// Returns how many samples the header announces; there may be fewer.
    #[must_use]
    pub fn sample_count(&self) -> u32 {
        self.samples.announced()
    }

    /// Goes through the samples; a bad one is an error and the walk goes on behind it.
    #[inline(always)]
    pub fn samples(&self) -> Iter<'a, Sample<'a>> {
        self.samples.iter()
    }

    /// Returns the bytes of the datagram.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode_into(&mut out);
        out
    }

    /// Appends the bytes of the datagram to `out`.
    pub fn encode_into(&self, out: &mut Vec<u8>) {
        wire::put_uint(out, crate::VERSION);
        self.agent.write(out);
        wire::put_uint(out, self.sub_agent);
        wire::put_uint(out, self.sequence);
        wire::put_uint(out, self.uptime_ms);
        self.samples.write(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_error(bytes: &[u8], reason: &str, offset: u32) {
        let error = Datagram::decode(bytes).unwrap_err();
        assert_eq!(
            (error.reason(), error.offset()),
            (reason, offset),
            "{error}"
        );
    }

    #[test]
    fn header_errors_have_a_reason_and_a_place() {
        check_error(&[], "truncated_header", 0);
        check_error(&[0, 0, 0, 4, 0, 0, 0, 1], "unsupported_version", 4);
        check_error(&[0, 0, 0, 5, 0, 0, 0, 3], "unknown_address_type", 8);
        check_error(&[0, 0, 0, 5, 0, 0, 0, 2, 1, 2, 3, 4], "truncated_header", 8);
        check_error(
            &[0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 1],
            "truncated_header",
            12,
        );
    }

    #[test]
    fn every_kind_of_agent_address() {
        for agent in [
            Address::Unknown,
            Address::from([10, 0, 0, 1]),
            Address::Ipv6(std::net::Ipv6Addr::LOCALHOST),
        ] {
            let bytes = Datagram::new(agent, 1, 2, 3, &[]).encode();
            let datagram = Datagram::decode(&bytes).unwrap();
            assert_eq!(
                (
                    datagram.agent,
                    datagram.sub_agent,
                    datagram.sequence,
                    datagram.uptime_ms
                ),
                (agent, 1, 2, 3)
            );
            assert_eq!(datagram.samples().count(), 0);
        }
    }
}
