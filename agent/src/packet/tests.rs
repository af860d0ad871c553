use proptest::prelude::*;
use sflow::{Datagram, RawSample, Tag};

use super::*;

const WEB: [u8; 4] = [172, 17, 0, 2];
const DB: [u8; 4] = [172, 17, 0, 3];
const GATEWAY: [u8; 4] = [172, 17, 0, 1];
const FAR: [u8; 4] = [192, 0, 2, 9];

fn owners() -> Owners {
    let mut owners = Owners::default();
    owners.add(WEB.into(), DataSource::logical(100_001));
    owners.add(DB.into(), DataSource::logical(100_002));
    owners.add_host(GATEWAY.into());
    owners.add_collector((FAR, 6343).into());
    owners
}

fn tcp(from: [u8; 4], to: [u8; 4]) -> Packet {
    let mut header = vec![2; 12];
    header.extend([8, 0, 0x45, 0, 0, 60, 0, 0, 0, 0, 64, 6, 0, 0]);
    header.extend(from);
    header.extend(to);
    header.extend([0x9d, 0xd2, 0, 80]);
    Packet {
        length: 1514,
        header,
    }
}

/// Puts the body into a datagram and says what is in it.
fn words(body: &[u8]) -> String {
    let sample = Sample::Unknown(RawSample {
        tag: Tag::new(0, 1),
        data: Opaque::new(body),
    });
    let bytes = Datagram::new([10, 0, 0, 1].into(), 7, 1, 1, &[sample]).encode();
    let datagram = Datagram::decode(&bytes).unwrap();
    let Some(Ok(Sample::Flow(flow))) = datagram.samples().next() else {
        panic!("{bytes:?}");
    };
    let mut words = format!(
        "{} {} 1:{} {}/{} {}>{}",
        flow.sequence,
        flow.data_source,
        flow.sampling_rate,
        flow.sample_pool,
        flow.drops,
        flow.input,
        flow.output
    );
    for record in flow.records() {
        match record.unwrap() {
            FlowRecord::SampledHeader(header) => {
                words.push_str(&format!(
                    " {} {} {} {}",
                    header.protocol.0,
                    header.frame_length,
                    header.stripped,
                    header.header.as_bytes().len()
                ));
            }
            FlowRecord::ExtendedEntities(ends) => {
                words.push_str(&format!(" {}>{}", ends.src_ds, ends.dst_ds));
            }
            other => panic!("{other:?}"),
        }
    }
    words
}

#[track_caller]
fn check(taken: Taken, packet: &Packet, expected: &str) {
    let mut tapped = Tapped::new(9, taken, 400);
    (tapped.pool, tapped.drops) = (4_000, 3);
    let found = match tapped.sample(packet, &owners()) {
        Outcome::Sample(body) => words(&body),
        Outcome::Duplicate => "duplicate".to_owned(),
        Outcome::Own => "own".to_owned(),
    };
    assert_eq!(found, expected);
}

#[test]
fn a_packet_is_tied_to_its_containers() {
    check(
        Taken::Incoming,
        &tcp(WEB, DB),
        "1 0:9 1:400 4000/3 9>0 1 1518 4 38 3:100001>3:100002",
    );
    check(
        Taken::Incoming,
        &tcp(WEB, FAR),
        "1 0:9 1:400 4000/3 9>0 1 1518 4 38 3:100001>0:0",
    );
    check(
        Taken::Outgoing,
        &tcp(FAR, WEB),
        "1 0:9 1:400 4000/3 0>9 1 1518 4 38 0:0>3:100001",
    );
    check(
        Taken::Outgoing,
        &tcp(GATEWAY, WEB),
        &format!(
            "1 0:9 1:400 4000/3 {}>9 1 1518 4 38 2:1>3:100001",
            0x3fff_ffff
        ),
    );
    check(Taken::Outgoing, &tcp(DB, WEB), "duplicate");
    let arp = Packet {
        length: 42,
        header: vec![8; 42],
    };
    check(Taken::Incoming, &arp, "1 0:9 1:400 4000/3 9>0 1 46 4 42");
}

#[test]
fn the_agents_own_datagrams_are_left_out() {
    let mut own = tcp(GATEWAY, FAR);
    own.header[23] = 17;
    own.header.truncate(36);
    own.header.extend(6343_u16.to_be_bytes());
    check(Taken::Outgoing, &own, "own");
    own.header[37] += 1;
    let other = format!("1 0:9 1:400 4000/3 {}>9 1 1518 4 38 2:1>0:0", 0x3fff_ffff);
    check(Taken::Outgoing, &own, &other);
}

#[test]
fn an_address_that_two_have_is_nobodys() {
    let mut owners = owners();
    owners.add(WEB.into(), DataSource::logical(100_001));
    assert_eq!(owners.of(WEB.into()), Some(DataSource::logical(100_001)));
    owners.add(WEB.into(), DataSource::logical(100_002));
    owners.add(WEB.into(), DataSource::logical(100_001));
    assert_eq!(owners.of(WEB.into()), None);
}

#[test]
fn sequence_numbers_count_samples_not_duplicates() {
    let mut tapped = Tapped::new(9, Taken::Outgoing, 1);
    let mut last = String::new();
    for packet in [tcp(FAR, WEB), tcp(DB, WEB), tcp(FAR, DB)] {
        if let Outcome::Sample(body) = tapped.sample(&packet, &owners()) {
            last = words(&body);
        }
    }
    assert!(last.starts_with("2 0:9 1:1 "), "{last}");
}

proptest! {
    #[test]
    fn no_packet_panics_it(header in proptest::collection::vec(any::<u8>(), 0..128), length in any::<u32>()) {
        let packet = Packet { length, header };
        if let Outcome::Sample(body) = Tapped::new(1, Taken::Incoming, 1).sample(&packet, &owners()) {
            words(&body);
        }
    }
}
