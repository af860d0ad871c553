//! Every line of the reference decodings by sflowtool must follow from what this crate decodes, and nothing more may follow.
//!
//! A decoding is compared as a list of blocks (datagram header, sample header, record); within a block the lines are compared as a
//! set, so that the order of fields is free and their presence is not.
//!
//! sflowtool cuts host names at 63 bytes; no name in the captures is longer, so nothing is excepted here.
#![allow(
    clippy::unwrap_used,
    reason = "in a test, what is not there is a failure"
)]

#[path = "shared/captures.rs"]
mod captures;
#[path = "shared/sflowtool.rs"]
mod sflowtool;

use std::collections::BTreeMap;

use sflow::Datagram;

/// What sflowtool prints and no decoder of datagrams can know, or what it reads out of sampled packet headers, which this crate
/// leaves alone.
const SKIPPED: [&str; 22] = [
    // Where, when and how it read the capture.
    "datagramSourceIP",
    "unixSecondsUTC",
    "unixSecondsUTC_uS",
    "localtime",
    "pcapTimestamp",
    "pcapTimestamp_uS",
    // From the bytes of the sampled packet header.
    "dstMAC",
    "srcMAC",
    "ethernet_type",
    "IPSize",
    "ip.tot_len",
    "srcIP",
    "dstIP",
    "IPProtocol",
    "IPTOS",
    "IPTTL",
    "IPID",
    "TCPSrcPort",
    "TCPDstPort",
    "TCPFlags",
    // Lines that only mark an end.
    "endSample",
    "endDatagram",
];

/// The first line of each block.
const BLOCK_STARTS: [&str; 4] = [
    "startDatagram",
    "startSample",
    "counterBlock_tag",
    "flowBlock_tag",
];

type Block = BTreeMap<String, String>;

fn reference(capture: &str) -> Vec<Block> {
    let text =
        std::fs::read_to_string(captures::data(&format!("{capture}.reference.txt"))).unwrap();
    let mut blocks: Vec<Block> = Vec::new();
    for line in text.lines() {
        let (name, value) = line.split_once(' ').unwrap_or((line, ""));
        if SKIPPED.contains(&name) {
            continue;
        }
        if BLOCK_STARTS.contains(&name) {
            blocks.push(Block::new());
        }
        let value = if name.starts_with("start") { "" } else { value };
        let before = blocks
            .last_mut()
            .unwrap()
            .insert(name.to_owned(), value.to_owned());
        assert_eq!(before, None, "{name} twice in one block");
    }
    blocks
}

#[test]
fn captures_decode_as_sflowtool_says() {
    for capture in captures::CAPTURES {
        let expected = reference(capture);
        let mut actual = Vec::new();
        for bytes in captures::datagrams(capture) {
            let datagram = Datagram::decode(&bytes).unwrap();
            sflowtool::blocks(&datagram, bytes.len(), &mut actual);
        }
        for (index, (actual, expected)) in actual.iter().zip(&expected).enumerate() {
            assert_eq!(actual, expected, "block {index} of {capture}");
        }
        assert_eq!(actual.len(), expected.len(), "{capture}");
        assert!(expected.len() > 400, "{capture} is not empty");
    }
}
