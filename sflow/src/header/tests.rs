//! Packets as containers send them, and every way to cut them.

use proptest::prelude::*;

use super::*;

const MACS: [u8; 12] = [2, 66, 172, 17, 0, 3, 2, 66, 172, 17, 0, 2];

fn ipv4(protocol: u8, fragment: [u8; 2], payload: &[u8]) -> Vec<u8> {
    let header = [
        0x45,
        0,
        0,
        60,
        0,
        1,
        fragment[0],
        fragment[1],
        64,
        protocol,
        0,
        0,
        10,
        0,
        1,
        5,
        10,
        0,
        1,
        6,
    ];
    [&header[..], payload].concat()
}

fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let address = |last| [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last];
    [
        &[0x60, 0, 0, 0, 0, 20, next, 64][..],
        &address(1),
        &address(2),
        payload,
    ]
    .concat()
}

fn frame(tags: &[u8], kind: u16, packet: &[u8]) -> Vec<u8> {
    [&MACS[..], tags, &kind.to_be_bytes(), packet].concat()
}

#[track_caller]
fn check(frame: &[u8], vlan: Option<u16>, expected: &str) {
    let found = PacketHeader::ethernet(frame);
    assert_eq!(found.vlan, vlan);
    let macs = found.macs.unwrap().map(|mac| mac.to_string());
    assert_eq!(macs, ["02:42:ac:11:00:02", "02:42:ac:11:00:03"]);
    let words = found.ip.map(|ip| {
        format!(
            "{} > {} {} {:?}",
            ip.source, ip.destination, ip.protocol, ip.ports
        )
    });
    assert_eq!(words.unwrap_or_default(), expected);
}

#[test]
fn what_containers_send() {
    const TCP: [u8; 4] = [0x9d, 0xd2, 0, 80];
    let v4 = ipv4(6, [0x40, 0], &TCP);
    let words = "10.0.1.5 > 10.0.1.6 6 Some([40402, 80])";
    check(&frame(&[], 0x0800, &v4), None, words);
    check(&frame(&[0x81, 0, 0x20, 7], 0x0800, &v4), Some(7), words);
    let two = [0x88, 0xa8, 0, 9, 0x81, 0, 0, 7];
    check(&frame(&two, 0x0800, &v4), Some(9), words);
    let icmp = ipv4(1, [0, 0], &[8, 0, 1, 2]);
    check(
        &frame(&[], 0x0800, &icmp),
        None,
        "10.0.1.5 > 10.0.1.6 1 None",
    );
    let later = ipv4(17, [0, 185], &TCP);
    check(
        &frame(&[], 0x0800, &later),
        None,
        "10.0.1.5 > 10.0.1.6 17 None",
    );
    let v6 = ipv6(17, &TCP);
    check(
        &frame(&[], 0x86dd, &ipv6(17, &[&TCP[..], &[0; 4]].concat())),
        None,
        "fd00::1 > fd00::2 17 Some([40402, 80])",
    );
    assert_eq!(
        PacketHeader::ethernet(&frame(&[], 0x86dd, &v6))
            .ip
            .unwrap()
            .ports,
        Some([40402, 80])
    );
    let options = ipv6(0, &[&[6, 0, 0, 0, 0, 0, 0, 0][..], &TCP, &[0; 16]].concat());
    check(
        &frame(&[], 0x86dd, &options),
        None,
        "fd00::1 > fd00::2 6 Some([40402, 80])",
    );
    let fragment = ipv6(
        44,
        &[&[6, 0, 1, 1, 0, 0, 0, 0][..], &TCP, &[0; 16]].concat(),
    );
    check(
        &frame(&[], 0x86dd, &fragment),
        None,
        "fd00::1 > fd00::2 6 None",
    );
    check(&frame(&[], 0x0806, &[0; 28]), None, "");
    let arp = PacketHeader::read(HeaderProtocol::IPV4, &v4);
    assert_eq!((arp.macs, arp.ip.unwrap().ports), (None, Some([40402, 80])));
    assert_eq!(
        PacketHeader::read(HeaderProtocol::PPP, &v4),
        PacketHeader::default()
    );
}

#[test]
fn an_overlays_packet_is_found_inside_vxlan() {
    let inner = frame(&[], 0x0800, &ipv4(6, [0, 0], &[0, 80, 0x9d, 0xd2]));
    let vxlan = |flags: u8| {
        let udp = [0xd4, 0x31, 0x12, 0xb5, 0, 0, 0, 0];
        let payload = [&udp[..], &[flags, 0, 0, 0, 0, 16, 1, 0], &inner].concat();
        frame(&[], 0x0800, &ipv4(17, [0, 0], &payload))
    };
    let bytes = vxlan(8);
    let outer = PacketHeader::ethernet(&bytes);
    let found = outer.inside_vxlan().unwrap().ip.unwrap();
    assert_eq!(found.ports, Some([80, 40402]));
    assert_eq!(PacketHeader::ethernet(&vxlan(0)).inside_vxlan(), None);
    assert_eq!(PacketHeader::ethernet(&inner).inside_vxlan(), None);
}

proptest! {
    #[test]
    fn no_bytes_panic_it(protocol in 0_u32..16, bytes in proptest::collection::vec(any::<u8>(), 0..160)) {
        let found = PacketHeader::read(HeaderProtocol(protocol), &bytes);
        std::hint::black_box(found.inside_vxlan());
    }

    #[test]
    fn a_cut_packet_says_the_same_or_less(
        tags in 0_usize..3,
        version_6 in any::<bool>(),
        protocol in prop_oneof![Just(6_u8), Just(17), Just(1), Just(44), any::<u8>()],
        payload in proptest::collection::vec(any::<u8>(), 0..60),
        cut in 0_usize..130,
    ) {
        let tags = [0x81, 0, 0, 5].repeat(tags);
        let whole = if version_6 {
            frame(&tags, 0x86dd, &ipv6(protocol, &payload))
        } else {
            frame(&tags, 0x0800, &ipv4(protocol, [0, 0], &payload))
        };
        let all = PacketHeader::ethernet(&whole);
        let part = PacketHeader::ethernet(&whole[..cut.min(whole.len())]);
        prop_assert!(part.macs.is_none_or(|macs| Some(macs) == all.macs));
        prop_assert!(part.vlan.is_none_or(|vlan| Some(vlan) == all.vlan));
        if let Some(ip) = part.ip {
            let whole = all.ip.unwrap();
            prop_assert_eq!((ip.source, ip.destination), (whole.source, whole.destination));
            // An IPv6 header that is cut among its extensions ends at the one that is cut.
            prop_assert!(ip.protocol == whole.protocol || version_6);
        }
    }
}
