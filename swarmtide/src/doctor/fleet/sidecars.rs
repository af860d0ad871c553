//! The sidecars: the one asked, and those of the other managers.

use super::{Answer, FleetFacts, ManagerFact, SidecarFacts, about, finding};
use crate::doctor::{Finding, Severity};

const ID: &str = "sidecar";
const WHY: &str = "without a sidecar on the swarm's leader nothing is scaled; the others take over when the leader changes";

pub(super) fn judge(facts: &FleetFacts) -> Vec<Finding> {
    let mut findings = match &facts.sidecar {
        Err(error) => vec![finding(
            ID,
            Severity::Error,
            format!("no sidecar could be asked: {error}"),
            WHY,
            "systemctl status swarmtide, or docker service ps swarmtide_sidecar; --url says where it is, --token-file what it wants to see",
        )],
        Ok(sidecar) => own(&facts.url, sidecar),
    };
    findings.extend(facts.managers.iter().map(other));
    findings
}

fn own(url: &str, sidecar: &SidecarFacts) -> Vec<Finding> {
    let mut findings = vec![match &sidecar.not_ready {
        None => finding(
            ID,
            Severity::Good,
            format!("the sidecar at {url} is ready"),
            WHY,
            "",
        ),
        Some(reasons) => finding(
            ID,
            Severity::Error,
            format!("the sidecar at {url} is not ready: {reasons}"),
            WHY,
            "see its log: journalctl -u swarmtide, or docker service logs swarmtide_sidecar",
        ),
    }];
    let said = match sidecar.state.as_str() {
        "disabled" => "scaling is switched off for all services",
        "dry-run" => "dry run: it decides and records for all services, and changes nothing",
        _ => return findings,
    };
    findings.push(finding(
        "state",
        Severity::Notice,
        said,
        "a state that somebody set stays over restarts",
        "swarmtide state enabled",
    ));
    findings
}

pub(super) fn other(manager: &ManagerFact) -> Finding {
    let ManagerFact {
        node,
        url,
        leads,
        answer,
    } = manager;
    let part = if *leads { "which leads" } else { "a manager" };
    let found = match answer {
        Answer::Ready => finding(
            ID,
            Severity::Good,
            format!("the sidecar of {node}, {part}, is ready"),
            WHY,
            "",
        ),
        Answer::NotReady(reasons) => finding(
            ID,
            Severity::Warning,
            format!("the sidecar of {node}, {part}, is not ready: {reasons}"),
            WHY,
            format!("see its log on {node}"),
        ),
        Answer::Silent(error) => finding(
            ID,
            Severity::Warning,
            format!("no sidecar answers for {node}, {part}, at {url}: {error}"),
            WHY,
            format!(
                "start one on {node}; one that listens on loopback only (http.listen) cannot be asked from here and may well be there"
            ),
        ),
    };
    about(node, found)
}
