//! VIPs, neighbours and packet sizes.

use super::{Facts, Finding, Forward, Severity, good};

/// Smallest packet size that carries a whole Ethernet frame's packet in another IPv4 header.
const TUNNEL_MTU: u32 = 1520;

pub(super) fn of_balancer(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    if facts.may_use(Forward::Tunnel) {
        findings.push(tunnel_mtu(facts));
    }
    findings.extend(bound(facts));
    findings.extend(claimed(facts));
    if let Some(reason) = &facts.not_asked {
        findings.push(Finding {
            id: "balancer",
            subject: None,
            severity: Severity::Notice,
            found: format!(
                "the balancer was not asked for its VIPs and forwarding methods: {reason}"
            ),
            why: "checks of VIPs, direct routing and tunnels need to know what is in use",
            fix: "start it, or name --url, or --vip and --forward".to_owned(),
            setting: None,
        });
    }
    findings
}

pub(super) fn of_node(facts: &Facts) -> Vec<Finding> {
    let direct = facts.may_use(Forward::Droute) || facts.may_use(Forward::Tunnel);
    if !direct {
        return Vec::new();
    }
    let why = "with direct routing and tunnels the packets keep the VIP as their destination; a node without it drops them";
    let on_lo = |(vip, is_bound): (&std::net::IpAddr, &bool)| {
        if *is_bound {
            return good("vip-accepted", format!("the node has {vip}"), why);
        }
        Finding {
            id: "vip-accepted",
            subject: None,
            severity: Severity::Error,
            found: format!("no interface of this node has {vip}"),
            why,
            fix: format!("ip address add {vip}/{} dev lo", length(*vip)),
            setting: None,
        }
    };
    facts.vips.iter().map(on_lo).collect()
}

fn length(vip: std::net::IpAddr) -> u8 {
    if vip.is_ipv4() { 32 } else { 128 }
}

fn tunnel_mtu(facts: &Facts) -> Finding {
    let id = "tunnel-mtu";
    let why = "a tunnel adds 20 bytes or more to each packet: full-size packets do not fit an MTU of 1500 any more, and large requests hang";
    let mut names: Vec<_> = facts
        .interfaces
        .iter()
        .filter(|interface| interface.is_up && interface.name != "lo" && interface.mtu < TUNNEL_MTU)
        .map(|interface| format!("{} ({})", interface.name, interface.mtu))
        .collect();
    if names.is_empty() {
        return good(
            id,
            format!("every interface carries {TUNNEL_MTU} bytes"),
            why,
        );
    }
    names.truncate(8);
    Finding {
        id,
        subject: None,
        severity: facts.for_method(Forward::Tunnel, Severity::Warning),
        found: format!("interfaces with an MTU below {TUNNEL_MTU}: {}", names.join(", ")),
        why,
        fix: "an MTU of 1520 or more between balancer and nodes, or `advmss 1440` on the nodes' routes to clients".to_owned(),
        setting: None,
    }
}

fn bound(facts: &Facts) -> Vec<Finding> {
    let why = "the kernel balances only packets that it takes for its own: a VIP must be an address of the balancer, or a local route";
    let judge = |(vip, is_bound): (&std::net::IpAddr, &bool)| {
        if *is_bound {
            return good("vip-bound", format!("{vip} is up"), why);
        }
        let (severity, fix) = if facts.manages_vips {
            let fix = "it is withdrawn while too few destinations are healthy: swarmtide lb status";
            (Severity::Warning, fix.to_owned())
        } else {
            let fix = format!(
                "ip address add {vip}/{} dev INTERFACE, or lbsync.vips = \"manage\"",
                length(*vip)
            );
            (Severity::Warning, fix)
        };
        Finding {
            id: "vip-bound",
            subject: None,
            severity,
            found: format!("no interface has {vip}"),
            why,
            fix,
            setting: None,
        }
    };
    facts.vips.iter().map(judge).collect()
}

fn claimed(facts: &Facts) -> Vec<Finding> {
    let why = "a neighbour that answers ARP for the VIP draws clients past the balancer; with direct routing nodes have the VIP and must keep silent about it";
    if facts.claimed.is_empty() {
        let found = "no neighbour in the ARP table claims a VIP";
        return vec![good("vip-arp", found, why)];
    }
    let judge = |(vip, hardware): &(std::net::IpAddr, String)| {
        Finding {
        id: "vip-arp",
        subject: None,
        severity: Severity::Error,
        found: format!("{hardware} answers for {vip}"),
        why,
        fix: "on that node: net.ipv4.conf.all.arp_ignore = 1 and arp_announce = 2, and the VIP on lo; `swarmtide doctor --role node --vip …` there checks it. If it is another balancer, all is well".to_owned(),
        setting: None,
    }
    };
    facts.claimed.iter().map(judge).collect()
}
