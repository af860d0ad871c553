//! `swarmtide doctor`: what a balancer needs of its kernel and network, and in [`fleet`] what a swarm needs to be scaled, judged
//! from facts that somebody else gathered.
//!
//! Judging is pure: [`Facts`] in, findings out. It looks at nothing and changes nothing.

pub mod fleet;
pub mod gather;
mod network;
mod sysctls;

use std::{collections::BTreeMap, net::IpAddr};

use serde::Serialize;

pub use crate::cli::Forward;

/// What a host is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// It has the IPVS table.
    Balancer,
    /// Containers run on it that the balancer forwards to.
    Node,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// As it should be.
    Good,
    /// Worth knowing.
    Notice,
    /// It will hurt in some cases.
    Warning,
    /// It cannot work so.
    Error,
}

/// What was looked at, what was found, why it matters, and what helps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable name of the check.
    pub id: &'static str,
    /// The node, service or address that it is about, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// How bad it is.
    pub severity: Severity,
    /// What was found.
    pub found: String,
    /// Why it matters.
    pub why: &'static str,
    /// What helps; empty where nothing needs to be done.
    pub fix: String,
    /// A kernel setting that helps, and its value: what `--fix` sets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub setting: Option<Setting>,
}

/// A kernel setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// Its name, as sysctl writes it.
    pub name: String,
    /// The value it should have.
    pub value: String,
}

/// A version of Linux: major and minor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kernel(pub u32, pub u32);

/// An interface with what matters of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterfaceFact {
    /// Its name.
    pub name: String,
    /// Largest packet, bytes.
    pub mtu: u32,
    /// Whether it is up.
    pub is_up: bool,
}

/// What is known about this host.
#[derive(Debug, Clone)]
pub struct Facts {
    /// What this host is.
    pub role: Host,
    /// Its kernel; `None` where the version cannot be read.
    pub kernel: Option<Kernel>,
    /// Whether IPVS can be used, or why not.
    pub ipvs: Result<(), String>,
    /// Effective capabilities of this process as a bit set; `None` where they cannot be read.
    pub capabilities: Option<u64>,
    /// Whether the table is in another network namespace.
    pub in_netns: bool,
    /// Kernel settings that exist, by name.
    pub sysctls: BTreeMap<String, String>,
    /// Interfaces in the namespace.
    pub interfaces: Vec<InterfaceFact>,
    /// VIPs in use, each with whether an interface of the namespace has it.
    pub vips: BTreeMap<IpAddr, bool>,
    /// Whether the balancer puts VIPs up itself.
    pub manages_vips: bool,
    /// Forwarding methods in use; empty where nobody knows.
    pub forward: Vec<Forward>,
    /// VIPs that a neighbour on the LAN claims, with the neighbour's hardware address.
    pub claimed: Vec<(IpAddr, String)>,
    /// Why the VIPs could not be learnt from the balancer, where that is so.
    pub not_asked: Option<String>,
}

impl Facts {
    /// Whether a forwarding method is in use, as far as is known: unknown counts as used.
    fn may_use(&self, method: Forward) -> bool {
        self.forward.is_empty() || self.forward.contains(&method)
    }

    /// How bad something is that hurts only with that method: half known is half as bad.
    fn for_method(&self, method: Forward, bad: Severity) -> Severity {
        if self.forward.contains(&method) {
            bad
        } else {
            Severity::Notice
        }
    }

    fn sysctl(&self, name: &str) -> Option<&str> {
        self.sysctls.get(name).map(String::as_str)
    }
}

/// Judges everything, the worst first.
#[must_use]
pub fn judge(facts: &Facts) -> Vec<Finding> {
    let mut findings = match facts.role {
        Host::Balancer => {
            let mut findings = vec![ipvs(facts), capabilities(facts)];
            findings.extend(sysctls::of_balancer(facts));
            findings.extend(network::of_balancer(facts));
            findings
        }
        Host::Node => {
            let mut findings = sysctls::of_node(facts);
            findings.extend(network::of_node(facts));
            findings
        }
    };
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}

fn ipvs(facts: &Facts) -> Finding {
    let why = "without IPVS in the kernel nothing is balanced";
    match &facts.ipvs {
        Ok(()) => good("ipvs", "the kernel has IPVS, and it can be used", why),
        Err(error) => Finding {
            id: "ipvs",
            subject: None,
            severity: Severity::Error,
            found: error.clone(),
            why,
            fix: "modprobe ip_vs, and keep it over a boot: echo ip_vs > /etc/modules-load.d/ip_vs.conf; in a container, on the host".to_owned(),
            setting: None,
        },
    }
}

/// Bit numbers of linux/capability.h.
const CAP_NET_ADMIN: u64 = 1 << 12;
const CAP_SYS_ADMIN: u64 = 1 << 21;

fn capabilities(facts: &Facts) -> Finding {
    let why = "IPVS and addresses are changed with CAP_NET_ADMIN, another network namespace is entered with CAP_SYS_ADMIN";
    let mut needed = vec![(CAP_NET_ADMIN, "CAP_NET_ADMIN")];
    if facts.in_netns {
        needed.push((CAP_SYS_ADMIN, "CAP_SYS_ADMIN"));
    }
    let Some(have) = facts.capabilities else {
        return Finding {
            id: "capabilities",
            subject: None,
            severity: Severity::Notice,
            found: "capabilities cannot be read".to_owned(),
            why,
            fix: String::new(),
            setting: None,
        };
    };
    let missing: Vec<_> = needed
        .iter()
        .filter(|(bit, _)| have & bit == 0)
        .map(|(_, name)| *name)
        .collect();
    if missing.is_empty() {
        return good("capabilities", "they suffice", why);
    }
    let missing = missing.join(" and ");
    Finding {
        id: "capabilities",
        subject: None,
        severity: Severity::Error,
        found: format!("{missing} is missing"),
        why,
        fix: format!(
            "run as root, or give it {missing}: AmbientCapabilities= in a systemd unit, cap_add in a container"
        ),
        setting: None,
    }
}

fn good(id: &'static str, found: impl Into<String>, why: &'static str) -> Finding {
    Finding {
        id,
        subject: None,
        severity: Severity::Good,
        found: found.into(),
        why,
        fix: String::new(),
        setting: None,
    }
}

#[cfg(test)]
mod tests;
