//! Samples to datagrams: as many as fit and were read together, with the uptime of that moment.

use std::{net::IpAddr, time::Duration};

use sflow::{Address, Datagram, Opaque, RawSample, Sample, Tag};

/// `counters_sample`.
pub(crate) const COUNTERS: Tag = Tag::new(0, 2);
/// `flow_sample`.
pub(crate) const FLOWS: Tag = Tag::new(0, 1);
/// Samples read further apart than this get datagrams of their own, since a datagram has one uptime.
const SKEW: Duration = Duration::from_millis(1);
/// Bytes of tag and length before a sample.
const SAMPLE_HEADER: usize = 8;

/// Collects samples and gives datagrams.
#[derive(Debug)]
pub(crate) struct Packer {
    agent: IpAddr,
    sub_agent: u32,
    limit: usize,
    sequence: u32,
    pending: Vec<(Tag, Vec<u8>)>,
    size: usize,
    /// When the first pending sample was read.
    since: Duration,
    ready: Vec<Vec<u8>>,
}

impl Packer {
    /// `limit`: most bytes of a datagram; a sample that is longer goes alone.
    pub(crate) const fn new(agent: IpAddr, sub_agent: u32, limit: usize) -> Self {
        Self {
            agent,
            sub_agent,
            limit,
            sequence: 0,
            pending: Vec::new(),
            size: 0,
            since: Duration::ZERO,
            ready: Vec::new(),
        }
    }

    /// Adds a sample whose counters were read at `at`, since the agent's start.
    pub(crate) fn add(&mut self, tag: Tag, body: Vec<u8>, at: Duration) {
        let size = SAMPLE_HEADER + body.len();
        let full = self.header() + self.size + size > self.limit;
        if full || at.abs_diff(self.since) > SKEW {
            self.flush();
        }
        if self.pending.is_empty() {
            self.since = at;
        }
        self.size += size;
        self.pending.push((tag, body));
    }

    /// Takes the datagrams, the unfinished one too.
    pub(crate) fn take(&mut self) -> Vec<Vec<u8>> {
        self.flush();
        std::mem::take(&mut self.ready)
    }

    const fn header(&self) -> usize {
        match self.agent {
            IpAddr::V4(_) => 28,
            IpAddr::V6(_) => 40,
        }
    }

    fn flush(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        self.sequence = self.sequence.wrapping_add(1);
        let samples: Vec<_> = self
            .pending
            .iter()
            .map(|(tag, body)| {
                Sample::Unknown(RawSample {
                    tag: *tag,
                    data: Opaque::new(body),
                })
            })
            .collect();
        let uptime = u64::try_from(self.since.as_millis()).unwrap_or(u64::MAX);
        let datagram = Datagram::new(
            Address::from(self.agent),
            self.sub_agent,
            self.sequence,
            crate::sample::wrapped(uptime),
            &samples,
        );
        self.ready.push(datagram.encode());
        self.pending.clear();
        self.size = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packer() -> Packer {
        Packer::new(IpAddr::from([10, 0, 0, 1]), 7, 200)
    }

    #[test]
    fn samples_share_a_datagram_while_they_fit_and_were_read_together() {
        let mut packer = packer();
        let at = Duration::from_millis(1500);
        for _ in 0..3 {
            packer.add(COUNTERS, vec![0; 60], at);
        }
        packer.add(COUNTERS, vec![0; 12], at + Duration::from_millis(9));
        packer.add(COUNTERS, vec![0; 4000], at + Duration::from_millis(9));
        let datagrams = packer.take();
        let found: Vec<_> = datagrams
            .iter()
            .map(|bytes| {
                let datagram = Datagram::decode(bytes).unwrap();
                (
                    datagram.sequence,
                    datagram.uptime_ms,
                    datagram.samples().count(),
                )
            })
            .collect();
        assert_eq!(
            found,
            [(1, 1500, 2), (2, 1500, 1), (3, 1509, 1), (4, 1509, 1)]
        );
        assert!(datagrams.iter().take(3).all(|bytes| bytes.len() <= 200));
        assert!(packer.take().is_empty());
    }
}
