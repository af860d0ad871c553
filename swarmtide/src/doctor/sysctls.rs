//! Kernel settings: what each should be here, and why.

use super::{Facts, Finding, Forward, Kernel, Setting, Severity, good};

/// A setting as it is judged.
struct Rule {
    id: &'static str,
    name: &'static str,
    /// Values that are right; the first is the one to set.
    right: &'static [&'static str],
    severity: Severity,
    why: &'static str,
}

impl Rule {
    fn judge(&self, facts: &Facts) -> Finding {
        let (id, name, why) = (self.id, self.name, self.why);
        let Some(found) = facts.sysctl(name) else {
            return Finding {
                id,
                subject: None,
                severity: Severity::Notice,
                found: format!(
                    "{name} is not there; it comes with the ip_vs module, or the kernel is too old for it"
                ),
                why,
                fix: String::new(),
                setting: None,
            };
        };
        let found_words = format!("{name} = {found}");
        let wanted = match self.right.first() {
            Some(wanted) if !self.right.contains(&found) => *wanted,
            _ => return good(id, found_words, why),
        };
        Finding {
            id,
            subject: None,
            severity: self.severity,
            found: found_words,
            why,
            fix: format!(
                "sysctl -w {name}={wanted}, and a line {name} = {wanted} in /etc/sysctl.d/"
            ),
            setting: Some(Setting {
                name: name.to_owned(),
                value: wanted.to_owned(),
            }),
        }
    }
}

/// From this version on a reused source port does not wait a second in mode 1.
const REUSE_WITHOUT_DELAY: Kernel = Kernel(5, 9);

pub(super) fn of_balancer(facts: &Facts) -> Vec<Finding> {
    let masq = facts.for_method(Forward::Masq, Severity::Error);
    let mut rules = vec![
        Rule {
            id: "ip-forward",
            name: "net.ipv4.ip_forward",
            right: &["1"],
            severity: masq,
            why: "answers of masqueraded destinations pass through the balancer as forwarded packets",
        },
        Rule {
            id: "expire-nodest-conn",
            name: "net.ipv4.vs.expire_nodest_conn",
            right: &["1"],
            severity: Severity::Warning,
            why: "connections of a destination that is deleted are ended at once instead of hanging for minutes; destinations are drained before they are deleted, so no live one is hit",
        },
        Rule {
            id: "expire-quiescent-template",
            name: "net.ipv4.vs.expire_quiescent_template",
            right: &["1"],
            severity: Severity::Warning,
            why: "with swarmtide.lb.persistence a client would else be kept at a destination that drains",
        },
        Rule {
            id: "sloppy-tcp",
            name: "net.ipv4.vs.sloppy_tcp",
            right: &["1"],
            severity: Severity::Notice,
            why: "with several balancers and no connection sync, a connection that moves to another one is only taken up in its middle with this (with scheduler mh or sh it then reaches the same destination)",
        },
        Rule {
            id: "rp-filter",
            name: "net.ipv4.conf.all.rp_filter",
            right: &["2", "0"],
            severity: Severity::Warning,
            why: "strict reverse-path filtering (1) drops packets that come in by another interface than answers go out by",
        },
    ];
    if !facts.may_use(Forward::Masq) {
        rules.retain(|rule| rule.id != "ip-forward");
    }
    let mut findings: Vec<_> = rules.iter().map(|rule| rule.judge(facts)).collect();
    findings.push(conntrack(facts));
    findings.push(reuse_mode(facts));
    findings
}

pub(super) fn of_node(facts: &Facts) -> Vec<Finding> {
    let direct = facts.for_method(Forward::Droute, Severity::Error);
    let arp = "the node has the VIP on lo so that it takes its packets; it must not tell the LAN, or clients reach it past the balancer";
    let mut rules = Vec::new();
    if facts.may_use(Forward::Droute) {
        rules.extend([
            Rule {
                id: "arp-ignore",
                name: "net.ipv4.conf.all.arp_ignore",
                right: &["1", "2"],
                severity: direct,
                why: arp,
            },
            Rule {
                id: "arp-announce",
                name: "net.ipv4.conf.all.arp_announce",
                right: &["2"],
                severity: direct,
                why: arp,
            },
        ]);
    }
    rules.push(Rule {
        id: "rp-filter",
        name: "net.ipv4.conf.all.rp_filter",
        right: &["2", "0"],
        severity: Severity::Warning,
        why: "packets out of a tunnel come in by another interface than answers go out by; strict filtering (1) drops them",
    });
    rules.iter().map(|rule| rule.judge(facts)).collect()
}

fn conntrack(facts: &Facts) -> Finding {
    let id = "conntrack";
    let why = "with net.ipv4.vs.conntrack = 1 netfilter sees balanced connections, which SNAT and stateful rules on the balancer need; it costs speed, and before Linux 5.9 a second for each reused source port";
    let name = "net.ipv4.vs.conntrack";
    let Some(value) = facts.sysctl(name) else {
        return Finding {
            id,
            subject: None,
            severity: Severity::Notice,
            found: format!("{name} is not there"),
            why,
            fix: String::new(),
            setting: None,
        };
    };
    let old = facts
        .kernel
        .is_some_and(|kernel| kernel < REUSE_WITHOUT_DELAY);
    if value == "1" && old {
        return Finding {
            id,
            subject: None,
            severity: Severity::Warning,
            found: format!("{name} = 1 on a kernel before 5.9"),
            why,
            fix: "use Linux 5.9 or later, or set it to 0 if no netfilter rule needs it".to_owned(),
            setting: None,
        };
    }
    good(id, format!("{name} = {value}"), why)
}

fn reuse_mode(facts: &Facts) -> Finding {
    let id = "conn-reuse-mode";
    let name = "net.ipv4.vs.conn_reuse_mode";
    let why = "in mode 0 a client that reuses a source port keeps reaching a destination at weight 0, so that it never drains and is then cut off";
    let old = facts
        .kernel
        .is_some_and(|kernel| kernel < REUSE_WITHOUT_DELAY);
    let Some(value) = facts.sysctl(name) else {
        return Finding {
            id,
            subject: None,
            severity: Severity::Notice,
            found: format!("{name} is not there"),
            why,
            fix: String::new(),
            setting: None,
        };
    };
    if value != "0" {
        return good(id, format!("{name} = {value}"), why);
    }
    let (severity, fix) = if old {
        let fix = "Linux 5.9 or later with mode 1; on this kernel mode 1 drains rightly, and costs a second for each reused source port while net.ipv4.vs.conntrack is 1";
        (Severity::Warning, fix)
    } else {
        let fix = "sysctl -w net.ipv4.vs.conn_reuse_mode=1, and a line in /etc/sysctl.d/; since Linux 5.9 it costs nothing";
        (Severity::Error, fix)
    };
    Finding {
        id,
        subject: None,
        severity,
        found: format!("{name} = 0"),
        why,
        fix: fix.to_owned(),
        // On an old kernel it is a choice between two evils, and not ours.
        setting: (!old).then(|| Setting {
            name: name.to_owned(),
            value: "1".to_owned(),
        }),
    }
}
