//! The swarm's side of `swarmtide doctor`: is the engine there, who leads, which sidecars answer, which nodes send telemetry and
//! why the others do not, which services opted in and what is wrong with them.
//!
//! Judging is pure, as beside it. [`ask`] gathers.

pub mod ask;
mod engine;
mod services;
mod sidecars;
mod telemetry;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use collector::AllowList;
use scaler::labels::Defaults;
use serde::Deserialize;
use swarm::{NodeId, Service, View};

use super::{Finding, Severity};

/// What is known about the swarm and about Swarmtide in it.
#[derive(Debug)]
pub struct FleetFacts {
    /// Where the engine is asked.
    pub endpoint: String,
    /// What it shows, or why it shows nothing.
    pub swarm: Result<Seen, Trouble>,
    /// Where the sidecar is asked.
    pub url: String,
    /// What it says, or why it says nothing.
    pub sidecar: Result<SidecarFacts, String>,
    /// The other managers' sidecars.
    pub managers: Vec<ManagerFact>,
    /// Whom the configuration lets send telemetry.
    pub allow: AllowList,
    /// What labels are read with.
    pub defaults: Defaults,
}

/// Why the engine shows no swarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// There is no socket, or nobody listens.
    Absent(String),
    /// This user may not open it.
    Forbidden(String),
    /// It is no manager's, or in no swarm.
    NotManager(String),
    /// The swarm has no leader.
    NoLeader(String),
    /// Anything else.
    Other(String),
}

/// The swarm, with what [`View`] has no place for.
#[derive(Debug)]
pub struct Seen {
    /// Services, tasks, nodes.
    pub view: View,
    /// Versions of the nodes' engines.
    pub engines: BTreeMap<NodeId, String>,
    /// More of the services, by name.
    pub containers: BTreeMap<String, ContainerSpec>,
}

/// What a service's containers are made of.
#[derive(Debug, Clone, Default)]
pub struct ContainerSpec {
    /// Labels of the containers that begin with `swarmtide.`.
    pub labels: BTreeSet<String>,
    /// Whether it looks like an sFlow agent.
    pub is_agent: bool,
}

/// What the sidecar says.
#[derive(Debug, Default)]
pub struct SidecarFacts {
    /// Why it is of no use, if so.
    pub not_ready: Option<String>,
    /// The state for all services.
    pub state: String,
    /// sFlow agents heard.
    pub agents: Vec<AgentFact>,
    /// Services that opted in.
    pub services: Vec<ServiceFact>,
}

/// An agent, as `/v1/agents` has it.
#[derive(Debug, Clone, Deserialize)]
pub struct AgentFact {
    /// Where its datagrams come from.
    pub source: IpAddr,
    /// The address that it gives itself.
    pub agent: Option<IpAddr>,
    /// The sub-agent, which tells hsflowd from our own.
    pub sub_agent: u32,
    /// Its host.
    pub hostname: Option<String>,
    /// Milliseconds since it started.
    pub uptime_ms: u64,
    /// Datagrams received.
    pub datagrams: u64,
    /// Datagrams missing.
    pub datagrams_lost: u64,
    /// Restarts noticed.
    pub restarts: u64,
    /// Milliseconds since the last datagram.
    pub age_ms: u64,
    /// Whether it is heard at present.
    pub live: bool,
    /// Milliseconds between samples of its host.
    pub polling_ms: Option<u64>,
    /// Containers that it reports.
    pub data_sources: u32,
    /// `none`, `same_host` or `other_host`.
    pub duplicate: String,
}

/// A service, as `/v1/services` has it.
#[derive(Debug, Clone, Deserialize)]
pub struct ServiceFact {
    /// Its name.
    pub name: String,
    /// Why it is held.
    pub hold: Option<String>,
    /// The last decision in words.
    pub explanation: Option<String>,
    /// Containers and how many of them report.
    #[serde(default)]
    pub metrics: Coverage,
}

/// How much of a service's telemetry is there.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct Coverage {
    /// Containers asked for.
    #[serde(default)]
    pub expected: u64,
    /// Of these, with fresh counters.
    #[serde(default)]
    pub reporting: u64,
}

/// Another manager's sidecar.
#[derive(Debug, Clone)]
pub struct ManagerFact {
    /// The node's name.
    pub node: String,
    /// Where it was asked.
    pub url: String,
    /// Whether the swarm is led from there.
    pub leads: bool,
    /// Ready, not ready with the reasons, or no answer.
    pub answer: Answer,
}

/// What came of asking a sidecar whether it is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It is of use.
    Ready,
    /// It answers, and is not.
    NotReady(String),
    /// Nobody answers.
    Silent(String),
}

/// Judges everything, the worst first.
#[must_use]
pub fn judge(facts: &FleetFacts) -> Vec<Finding> {
    let mut findings = engine::judge(facts);
    findings.extend(sidecars::judge(facts));
    if let Ok(seen) = &facts.swarm {
        if let Ok(sidecar) = &facts.sidecar {
            findings.extend(telemetry::judge(facts, seen, sidecar));
        }
        findings.extend(services::judge(facts, seen));
    }
    findings.sort_by_key(|finding| Reverse(finding.severity));
    findings
}

/// A service that says `swarmtide.enable=true`, or something that shall mean it.
fn wants_scaling(service: &Service) -> bool {
    scaler::labels::relevant(&service.labels)
        .any(|(label, value)| label == "swarmtide.enable" && value.trim() != "false")
}

/// A finding under construction: what was found, why that matters, what helps.
fn finding(
    id: &'static str,
    severity: Severity,
    found: impl Into<String>,
    why: &'static str,
    fix: impl Into<String>,
) -> Finding {
    Finding {
        id,
        subject: None,
        severity,
        found: found.into(),
        why,
        fix: fix.into(),
        setting: None,
    }
}

/// The same about one thing.
fn about(subject: &str, finding: Finding) -> Finding {
    Finding {
        subject: Some(subject.to_owned()),
        ..finding
    }
}

#[cfg(test)]
mod tests;
