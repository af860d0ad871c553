//! VIPs on interfaces.

use std::{
    net::{IpAddr, TcpStream},
    thread,
    time::Duration,
};

use ipvs::{
    NetNs,
    address::{Addresses, Interface},
};
use testbed::guest::{Network, in_guest, run};

const EEXIST: i32 = 17;
const ENODEV: i32 = 19;
const EADDRNOTAVAIL: i32 = 99;

const MARK: u8 = 0x53;
const PATIENCE: Duration = Duration::from_secs(5);

fn open(namespace: &str, interface: &str) -> (Addresses, Interface) {
    let mut addresses = Addresses::open_in(&NetNs::named(namespace).unwrap()).unwrap();
    let interface = addresses.interface(interface).unwrap();
    (addresses, interface)
}

#[test]
fn vips_come_and_go_as_ip_address_sees_them() {
    in_guest(|| {
        Network::new(0).unwrap();
        let (mut addresses, back) = open("lb", "back");
        assert_eq!((back.mtu, back.is_up), (1500, true));
        assert!(back.hardware.is_some());
        assert_eq!(addresses.interface("lo").unwrap().hardware, None);
        assert_eq!(addresses.interface("nowhere").unwrap_err().errno(), ENODEV);
        let vips: [IpAddr; 2] = ["10.9.0.1".parse().unwrap(), "fd09::1".parse().unwrap()];
        for vip in vips {
            let shown = |words: &str| {
                let command = format!("ip -o address show dev back {words}");
                let words: Vec<_> = command.split(' ').collect();
                run("lb", &words).unwrap()
            };
            addresses.add(&back, vip, MARK).unwrap();
            let error = addresses.add(&back, vip, MARK).unwrap_err();
            assert_eq!(error.errno(), EEXIST, "{error}");
            let text = shown(&format!("to {vip}"));
            let length = if vip.is_ipv4() { 32 } else { 128 };
            assert!(text.contains(&format!("{vip}/{length} ")), "{text}");
            assert!(!text.contains("tentative"), "{text}");
            let listed = addresses.list().unwrap();
            let ours: Vec<_> = listed.iter().filter(|bound| bound.address == vip).collect();
            assert_eq!(ours.len(), 1, "{listed:?}");
            assert_eq!(ours[0].mark, Some(MARK));
            assert_eq!(ours[0].interface, back.index);
            assert!(ours[0].is_usable);
            let others = listed.iter().filter(|bound| bound.mark == Some(MARK));
            assert_eq!(others.count(), 1, "{listed:?}");
            addresses.remove(&back, vip).unwrap();
            assert_eq!(shown(&format!("to {vip}")), "");
            let error = addresses.remove(&back, vip).unwrap_err();
            assert_eq!(error.errno(), EADDRNOTAVAIL, "{error}");
        }
    });
}

/// The hardware address that `near` has for an address.
fn neighbour(address: IpAddr) -> String {
    let address = address.to_string();
    let words = ["ip", "neighbour", "show", &address, "dev", "back"];
    run("near", &words).unwrap()
}

fn hardware(interface: &Interface) -> String {
    let bytes = interface
        .hardware
        .unwrap()
        .map(|byte| format!("{byte:02x}"));
    bytes.join(":")
}

#[test]
fn neighbours_are_told_where_a_vip_has_moved() {
    in_guest(|| {
        Network::new(0).unwrap();
        let (mut first, first_back) = open("lb", "back");
        let (mut second, second_back) = open("lb2", "back");
        for vip in ["10.2.0.99", "fd02::99"] {
            let address: IpAddr = vip.parse().unwrap();
            first.add(&first_back, address, MARK).unwrap();
            // Whatever comes of it, the address has been asked for.
            let ask = || TcpStream::connect_timeout(&(address, 9).into(), PATIENCE);
            NetNs::named("near").unwrap().run(ask).unwrap().ok();
            assert!(neighbour(address).contains(&hardware(&first_back)));
            first.remove(&first_back, address).unwrap();
            second.add(&second_back, address, MARK).unwrap();
            let moved = hardware(&second_back);
            // A neighbour that has just learnt an address does not change its mind within a second.
            let told = (0..50).any(|_| {
                second.announce(&second_back, address).unwrap();
                thread::sleep(Duration::from_millis(100));
                neighbour(address).contains(&moved)
            });
            assert!(told, "{}", neighbour(address));
        }
        // Nobody asks on these.
        let loopback = first.interface("lo").unwrap();
        first
            .announce(&loopback, "10.9.0.1".parse().unwrap())
            .unwrap();
    });
}
