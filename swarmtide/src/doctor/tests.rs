use super::*;

/// A balancer where all is well.
fn facts() -> Facts {
    let sysctls = [
        ("net.ipv4.ip_forward", "1"),
        ("net.ipv4.conf.all.rp_filter", "2"),
        ("net.ipv4.conf.all.arp_ignore", "1"),
        ("net.ipv4.conf.all.arp_announce", "2"),
        ("net.ipv4.vs.conntrack", "0"),
        ("net.ipv4.vs.conn_reuse_mode", "1"),
        ("net.ipv4.vs.expire_nodest_conn", "1"),
        ("net.ipv4.vs.expire_quiescent_template", "1"),
        ("net.ipv4.vs.sloppy_tcp", "1"),
    ];
    Facts {
        role: Host::Balancer,
        kernel: Some(Kernel(6, 1)),
        ipvs: Ok(()),
        capabilities: Some(u64::MAX),
        in_netns: false,
        sysctls: sysctls
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        interfaces: vec![InterfaceFact {
            name: "eth0".to_owned(),
            mtu: 9000,
            is_up: true,
        }],
        vips: [("10.30.0.1".parse().unwrap(), true)].into(),
        manages_vips: false,
        forward: vec![Forward::Masq, Forward::Droute, Forward::Tunnel],
        claimed: Vec::new(),
        not_asked: None,
    }
}

/// Changes one thing, and expects one finding that is not good.
#[track_caller]
fn check(change: impl FnOnce(&mut Facts), id: &str, severity: Severity, fixable: bool) {
    let mut facts = facts();
    change(&mut facts);
    let findings = judge(&facts);
    let bad: Vec<_> = findings
        .iter()
        .filter(|finding| finding.severity > Severity::Good)
        .collect();
    assert_eq!(bad.len(), 1, "{bad:#?}");
    assert_eq!((bad[0].id, bad[0].severity), (id, severity));
    assert_eq!(bad[0].setting.is_some(), fixable, "{bad:#?}");
    assert!(!bad[0].why.is_empty());
    assert_eq!(findings[0].id, id, "the worst comes first");
}

fn set(facts: &mut Facts, name: &str, value: &str) {
    facts.sysctls.insert(name.to_owned(), value.to_owned());
}

#[test]
fn a_good_balancer_and_a_good_node_have_nothing_to_say() {
    for role in [Host::Balancer, Host::Node] {
        let facts = Facts { role, ..facts() };
        let findings = judge(&facts);
        assert!(findings.len() > 3);
        assert!(
            findings.iter().all(|f| f.severity == Severity::Good),
            "{findings:#?}"
        );
    }
}

#[test]
fn what_is_wrong_is_found_and_only_that() {
    use Severity::{Error, Notice, Warning};
    check(
        |f| f.ipvs = Err("no such family".to_owned()),
        "ipvs",
        Error,
        false,
    );
    check(|f| f.capabilities = Some(0), "capabilities", Error, false);
    check(
        |f| (f.in_netns, f.capabilities) = (true, Some(CAP_NET_ADMIN)),
        "capabilities",
        Error,
        false,
    );
    check(
        |f| set(f, "net.ipv4.ip_forward", "0"),
        "ip-forward",
        Error,
        true,
    );
    check(
        |f| set(f, "net.ipv4.vs.expire_nodest_conn", "0"),
        "expire-nodest-conn",
        Warning,
        true,
    );
    check(
        |f| set(f, "net.ipv4.vs.sloppy_tcp", "0"),
        "sloppy-tcp",
        Notice,
        true,
    );
    check(
        |f| set(f, "net.ipv4.conf.all.rp_filter", "1"),
        "rp-filter",
        Warning,
        true,
    );
    check(|f| f.interfaces[0].mtu = 1500, "tunnel-mtu", Warning, false);
    check(
        |f| f.vips = [("10.30.0.1".parse().unwrap(), false)].into(),
        "vip-bound",
        Warning,
        false,
    );
    check(
        |f| f.claimed = vec![("10.30.0.1".parse().unwrap(), "02:00".to_owned())],
        "vip-arp",
        Error,
        false,
    );
    check(
        |f| (f.role, f.vips) = (Host::Node, [("10.30.0.1".parse().unwrap(), false)].into()),
        "vip-accepted",
        Error,
        false,
    );
    check(
        |f| {
            f.role = Host::Node;
            set(f, "net.ipv4.conf.all.arp_ignore", "0");
        },
        "arp-ignore",
        Error,
        true,
    );
}

#[test]
fn port_reuse_is_judged_by_the_kernels_version() {
    use Severity::{Error, Warning};
    let mode = "net.ipv4.vs.conn_reuse_mode";
    check(|f| set(f, mode, "0"), "conn-reuse-mode", Error, true);
    check(
        |f| {
            f.kernel = Some(Kernel(5, 4));
            set(f, mode, "0");
        },
        "conn-reuse-mode",
        Warning,
        false,
    );
    check(
        |f| {
            f.kernel = Some(Kernel(5, 4));
            set(f, "net.ipv4.vs.conntrack", "1");
        },
        "conntrack",
        Warning,
        false,
    );
}

#[test]
fn what_nobody_uses_is_not_judged_and_what_nobody_knows_is_a_notice() {
    let mut facts = facts();
    facts.interfaces[0].mtu = 1500;
    facts.forward = vec![Forward::Masq];
    assert!(judge(&facts).iter().all(|f| f.id != "tunnel-mtu"));
    facts.forward.clear();
    let findings = judge(&facts);
    let found = findings.iter().find(|f| f.id == "tunnel-mtu").unwrap();
    assert_eq!(found.severity, Severity::Notice);
}
