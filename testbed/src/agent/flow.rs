//! Sampled packets that were heard, and datagrams as a capture for other decoders.

use sflow::{DataSource, FlowRecord, FlowSample, Interface};

/// One sampled packet.
#[derive(Debug, Clone, PartialEq)]
pub struct HeardFlow {
    /// The agent's uptime, milliseconds.
    pub uptime_ms: u32,
    /// The sample's number.
    pub sequence: u32,
    /// What it was taken from.
    pub data_source: DataSource,
    /// One in so many.
    pub rate: u32,
    /// Packets to choose among, so far.
    pub pool: u32,
    /// Samples lost, so far.
    pub drops: u32,
    /// Where the packet came in, and where it went out.
    pub interfaces: [Interface; 2],
    /// Bytes of the frame, without its check sequence.
    pub bytes: u32,
    /// Length of the frame as the record has it, and what was taken off.
    pub lengths: [u32; 2],
    /// Its first bytes.
    pub header: Vec<u8>,
    /// Data sources of sender and receiver.
    pub ends: Option<[DataSource; 2]>,
}

impl HeardFlow {
    /// Reads a sample by itself; `None` when it has no header of a packet.
    #[must_use]
    pub fn of(sample: &FlowSample<'_>) -> Option<Self> {
        Self::read(sample, 0)
    }

    /// Reads a sample; `None` when it has no header of a packet.
    pub(super) fn read(sample: &FlowSample<'_>, uptime_ms: u32) -> Option<Self> {
        let mut heard = Self {
            uptime_ms,
            sequence: sample.sequence,
            data_source: sample.data_source,
            rate: sample.sampling_rate,
            pool: sample.sample_pool,
            drops: sample.drops,
            interfaces: [sample.input, sample.output],
            bytes: 0,
            lengths: [0; 2],
            header: Vec::new(),
            ends: None,
        };
        for record in sample.records().flatten() {
            match record {
                FlowRecord::SampledHeader(header) => {
                    heard.bytes = header.frame_length - header.stripped;
                    heard.lengths = [header.frame_length, header.stripped];
                    heard.header = header.header.as_bytes().to_vec();
                }
                FlowRecord::ExtendedEntities(ends) => {
                    heard.ends = Some([ends.src_ds, ends.dst_ds]);
                }
                _ => {}
            }
        }
        (!heard.header.is_empty()).then_some(heard)
    }
}

/// The datagrams as a capture (pcap, raw IPv4) of packets to sFlow's port.
#[must_use]
pub fn capture(datagrams: &[Vec<u8>]) -> Vec<u8> {
    const RAW: u32 = 101;
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, RAW] {
        file.extend(word.to_le_bytes());
    }
    for (number, datagram) in (0_u32..).zip(datagrams) {
        let udp = u16::try_from(datagram.len() + 8).unwrap_or(u16::MAX);
        let total = udp.saturating_add(20);
        let length = u32::from(total);
        for word in [number, 0, length, length] {
            file.extend(word.to_le_bytes());
        }
        let [a, b] = total.to_be_bytes();
        file.extend([0x45, 0, a, b, 0, 0, 0x40, 0, 64, 17, 0, 0]);
        file.extend([10, 0, 0, 1, 10, 0, 0, 2]);
        for half in [40_000, sflow::DEFAULT_PORT, udp, 0] {
            file.extend(half.to_be_bytes());
        }
        file.extend(datagram);
    }
    file
}
