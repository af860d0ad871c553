//! Where packets are sampled, so that each is seen once: what comes into a bridge, by a port or from the host itself. Pure.
//!
//! A packet that crosses a bridge comes in somewhere and goes out somewhere; only its coming in is looked at. So a packet from
//! one container to another counts once, though it is seen on two interfaces, and the bridge need not be promiscuous.

use std::collections::BTreeMap;

use crate::packet::Taken;

/// An interface.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Link {
    /// ifIndex.
    pub index: u32,
    /// Name.
    pub name: String,
    /// The bridge (or another master) that it is a port of.
    pub master: Option<u32>,
    /// Whether it is a bridge.
    pub is_bridge: bool,
    /// Packets received and sent so far.
    pub packets: [u64; 2],
}

/// Where to sample.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Names of bridges and of other interfaces; `*` stands for any run of characters.
    pub interfaces: Vec<String>,
    /// Whether overlay networks' packets that come to the node are sampled.
    pub overlay: bool,
}

/// The interfaces to tap, each with what is taken there.
#[must_use]
pub fn points(links: &[Link], wanted: &Wanted, outward: &[u32]) -> BTreeMap<u32, Taken> {
    let named = |link: &Link| {
        let mut patterns = wanted.interfaces.iter();
        patterns.any(|pattern| matches(pattern.as_bytes(), link.name.as_bytes()))
    };
    let mut points = BTreeMap::new();
    if wanted.overlay {
        points.extend(outward.iter().map(|index| (*index, Taken::Overlay)));
    }
    for link in links.iter().filter(|link| named(link)) {
        if link.is_bridge {
            let ports = links.iter().filter(|port| port.master == Some(link.index));
            points.extend(ports.map(|port| (port.index, Taken::Incoming)));
            points.insert(link.index, Taken::Outgoing);
        } else {
            points.insert(link.index, Taken::Incoming);
        }
    }
    points
}

/// Whether a name fits a pattern.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => {
            (0..=name.len()).any(|at| matches(rest, name.get(at..).unwrap_or_default()))
        }
        (Some((wanted, pattern)), Some((found, name))) => wanted == found && matches(pattern, name),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(index: u32, name: &str, master: u32, is_bridge: bool) -> Link {
        Link {
            index,
            name: name.to_owned(),
            master: (master > 0).then_some(master),
            is_bridge,
            packets: [0; 2],
        }
    }

    #[test]
    fn every_packet_comes_into_a_bridge_once() {
        let links = [
            link(1, "lo", 0, false),
            link(2, "eth0", 0, false),
            link(3, "docker0", 0, true),
            link(4, "veth1", 3, false),
            link(5, "veth2", 3, false),
            link(6, "br-0a1b", 0, true),
            link(7, "veth3", 6, false),
            link(8, "virbr0", 0, true),
            link(9, "vnet0", 8, false),
        ];
        let wanted = |interfaces: &[&str], overlay| Wanted {
            interfaces: interfaces.iter().map(|&name| name.to_owned()).collect(),
            overlay,
        };
        let found = points(&links, &wanted(&["docker0", "br-*"], true), &[2]);
        let expected = [
            (2, Taken::Overlay),
            (3, Taken::Outgoing),
            (4, Taken::Incoming),
            (5, Taken::Incoming),
            (6, Taken::Outgoing),
            (7, Taken::Incoming),
        ];
        assert_eq!(found, expected.into());
        // Whoever names the node's own interface gets all that comes in there, overlays' packets among it.
        let found = points(&links, &wanted(&["eth*"], true), &[2]);
        assert_eq!(found, [(2, Taken::Incoming)].into());
        assert!(points(&links, &Wanted::default(), &[2]).is_empty());
    }

    #[test]
    fn patterns() {
        for (pattern, name, expected) in [
            ("docker0", "docker0", true),
            ("docker0", "docker01", false),
            ("br-*", "br-", true),
            ("br-*", "virbr-1", false),
            ("*br*", "virbr0", true),
            ("*", "", true),
            ("", "", true),
            ("", "x", false),
        ] {
            assert_eq!(
                matches(pattern.as_bytes(), name.as_bytes()),
                expected,
                "{pattern} {name}"
            );
        }
    }
}
