//! Reads a capture: a little-endian pcap of Ethernet frames with IPv4 and UDP, as tcpdump writes it.

use std::{path::PathBuf, time::Duration};

/// The datagrams of a capture.
pub(crate) struct Capture {
    /// When the first datagram was seen, Unix milliseconds.
    pub(crate) start_unix_ms: u64,
    /// Time since the first, and the UDP payload.
    pub(crate) datagrams: Vec<(Duration, Vec<u8>)>,
}

/// Ethernet, IPv4 without options, UDP.
const HEADERS: usize = 14 + 20 + 8;

impl Capture {
    pub(crate) fn read(name: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("../sflow/tests/data")
            .join(name);
        let bytes =
            std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        assert_eq!((word(0), word(20)), (0xa1b2_c3d4, 1), "{name}");
        let (mut frames, mut at) = (Vec::new(), 24);
        while at < bytes.len() {
            let time =
                Duration::from_secs(word(at).into()) + Duration::from_micros(word(at + 4).into());
            let end = at + 16 + word(at + 8) as usize;
            frames.push((time, bytes[at + 16 + HEADERS..end].to_vec()));
            at = end;
        }
        let start = frames[0].0;
        let since_start = |(time, payload)| (time - start, payload);
        Self {
            start_unix_ms: u64::try_from(start.as_millis()).unwrap(),
            datagrams: frames.into_iter().map(since_start).collect(),
        }
    }

    pub(crate) fn end(&self) -> Duration {
        self.datagrams.last().unwrap().0
    }
}
