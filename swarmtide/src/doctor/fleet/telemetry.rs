//! Telemetry, node by node: which sends, which does not, and what the swarm and the datagrams say about the reason.

use std::{collections::BTreeSet, net::IpAddr};

use swarm::{Node, NodeState, Phase, Task, TaskState};

use super::{AgentFact, FleetFacts, Seen, SidecarFacts, about, finding, wants_scaling};
use crate::doctor::{Finding, Severity};

const ID: &str = "telemetry";
const WHY: &str = "a service with a container of which no counters come is held: silence is not taken for idleness";

/// hsflowd's sub-agents: of the daemon, and of its docker module.
const HSFLOWD: [u32; 2] = [100_000, 100_001];
/// From this version of Docker Engine on hsflowd cannot ask it for counters.
const DOCKER_WITHOUT_HSFLOWD: u32 = 29;
/// An agent that polls more slowly cannot follow a load.
const POLLING_MAX_MS: u64 = 10_000;
/// So much loss is more than a hiccup, percent.
const LOSS_PERCENT: u64 = 1;
/// Fewer datagrams say nothing about loss.
const LOSS_OF_AT_LEAST: u64 = 100;
/// So many restarts within ten minutes of the last are a loop.
const RESTARTS: u64 = 3;
const TEN_MINUTES_MS: u64 = 600_000;
/// An agent that is younger may not have come round to every container yet.
const YOUNG_MS: u64 = 30_000;

pub(super) fn judge(facts: &FleetFacts, seen: &Seen, sidecar: &SidecarFacts) -> Vec<Finding> {
    let mut ours: BTreeSet<usize> = BTreeSet::new();
    let mut findings = Vec::new();
    for node in seen.view.nodes.values() {
        let agents: Vec<_> = (0..sidecar.agents.len())
            .filter(|number| is_of(&sidecar.agents[*number], node))
            .collect();
        ours.extend(&agents);
        let agents: Vec<_> = agents
            .into_iter()
            .map(|number| &sidecar.agents[number])
            .collect();
        if node.state != NodeState::Ready {
            continue;
        }
        let on = On { facts, seen, node };
        findings.extend(
            on.judge(&agents)
                .into_iter()
                .map(|found| about(&node.hostname, found)),
        );
    }
    let strangers = (0..sidecar.agents.len()).filter(|number| !ours.contains(number));
    findings.extend(
        strangers
            .map(|number| &sidecar.agents[number])
            .filter(|agent| agent.live)
            .map(stranger),
    );
    findings
}

fn is_of(agent: &AgentFact, node: &Node) -> bool {
    let named = agent
        .hostname
        .as_ref()
        .is_some_and(|name| name.eq_ignore_ascii_case(&node.hostname));
    let addressed = node.address.is_some()
        && (node.address == Some(agent.source) || node.address == agent.agent);
    named || addressed
}

fn stranger(agent: &AgentFact) -> Finding {
    let source = agent.source.to_string();
    let name = agent.hostname.as_deref().unwrap_or("a host without a name");
    about(
        &source,
        finding(
            ID,
            Severity::Notice,
            format!("{name} sends telemetry from {source} and is no node of this swarm"),
            "its counters are joined to containers by ID only, so they change nothing here",
            "let it send elsewhere, or list your nodes' networks in collector.allow",
        ),
    )
}

/// One node that is ready.
struct On<'a> {
    facts: &'a FleetFacts,
    seen: &'a Seen,
    node: &'a Node,
}

impl On<'_> {
    fn judge(&self, agents: &[&AgentFact]) -> Vec<Finding> {
        let live: Vec<_> = agents.iter().copied().filter(|agent| agent.live).collect();
        let Some(best) = live.iter().max_by_key(|agent| agent.data_sources) else {
            return vec![self.silent(agents)];
        };
        let mut findings = Vec::new();
        let containers = self.containers();
        if best.data_sources == 0 && containers > 0 {
            findings.push(self.no_containers(best, containers));
        }
        for agent in &live {
            findings.extend(self.address(agent));
            findings.extend(quality(agent));
        }
        if findings.is_empty() {
            findings.push(finding(
                ID,
                Severity::Good,
                format!(
                    "{} reports {} containers, last heard {:.1} s ago",
                    kind(best),
                    best.data_sources,
                    seconds(best.age_ms)
                ),
                WHY,
                "",
            ));
        }
        findings
    }

    /// No agent is heard from.
    fn silent(&self, agents: &[&AgentFact]) -> Finding {
        let severity = if self.is_scaled() {
            Severity::Error
        } else {
            Severity::Warning
        };
        let last = agents.iter().min_by_key(|agent| agent.age_ms);
        let found = match last {
            None => format!("nothing has come from it ({})", self.address_text()),
            Some(agent) => format!(
                "{} has been silent for {:.0} s",
                kind(agent),
                seconds(agent.age_ms)
            ),
        };
        let (reason, fix) = self.reason(last.is_some());
        finding(ID, severity, format!("{found}: {reason}"), WHY, fix)
    }

    /// Why nothing comes, as far as the swarm shows: in words, with what helps.
    fn reason(&self, came_once: bool) -> (String, String) {
        let node = self.node;
        let name = &node.hostname;
        if let Some(address) = node
            .address
            .filter(|address| !self.facts.allow.allows(*address))
        {
            return (
                format!("collector.allow does not list {address}"),
                "add the nodes' network to collector.allow, and restart the sidecars".to_owned(),
            );
        }
        let mut agents = self.agent_services();
        let Some(service) = agents.next() else {
            return (
                "no service of the swarm looks like an agent".to_owned(),
                format!(
                    "is swarmtide-agent or hsflowd running on {name}? `systemctl status swarmtide-agent` there, or deploy stack.yml"
                ),
            );
        };
        match self.task_of(service) {
            None => (
                format!("swarm runs no task of {service} there"),
                format!(
                    "docker service ps {service}; is {name} drained, or kept out by a constraint?"
                ),
            ),
            Some(task) if task.state != TaskState::Running => {
                let error = Some(task.error.as_str()).filter(|error| !error.is_empty());
                (
                    format!(
                        "its task of {service} is {}{}",
                        task.state.as_word(),
                        error.map_or_else(String::new, |error| format!(": {error}"))
                    ),
                    format!("docker service ps --no-trunc {service}"),
                )
            }
            Some(_) if came_once => (
                format!(
                    "its task of {service} runs, so datagrams are lost on the way or no longer sent here"
                ),
                format!(
                    "docker service logs {service}; let UDP 6343 from {name} through the firewalls"
                ),
            ),
            Some(_) => (
                format!("its task of {service} runs, so datagrams go elsewhere or are dropped"),
                format!(
                    "this manager has to be one of its collectors (SWARMTIDE_AGENT_COLLECTORS), and firewalls have to let UDP 6343 from {name} through"
                ),
            ),
        }
    }

    /// The agent is heard and speaks of no container.
    fn no_containers(&self, agent: &AgentFact, containers: usize) -> Finding {
        if agent.uptime_ms < YOUNG_MS {
            return finding(
                ID,
                Severity::Notice,
                format!(
                    "{} started {:.0} s ago, and has reported none of its {containers} containers yet",
                    kind(agent),
                    seconds(agent.uptime_ms)
                ),
                WHY,
                "ask again in a few seconds",
            );
        }
        let version = self.seen.engines.get(&self.node.id).map(String::as_str);
        let major = version.and_then(|version| version.split('.').next()?.parse::<u32>().ok());
        let is_hsflowd = HSFLOWD.contains(&agent.sub_agent);
        let (reason, fix) = match major {
            Some(major) if is_hsflowd && major >= DOCKER_WITHOUT_HSFLOWD => (
                format!(
                    "hsflowd speaks Engine API 1.24 only, which Docker Engine {} refuses",
                    version.unwrap_or_default()
                ),
                "run `swarmtide agent` there instead, or start dockerd with DOCKER_MIN_API_VERSION=1.24 in its environment",
            ),
            _ if is_hsflowd => (
                "hsflowd has no `docker { }` section, or cannot open the engine's socket"
                    .to_owned(),
                "see hsflowd/hsflowd.conf; journalctl -u hsflowd",
            ),
            _ => (
                "it sees no container in the cgroup tree that it was given".to_owned(),
                "mount /sys and /proc of the host and name them: SWARMTIDE_AGENT_CGROUP, _SYS, _PROC (stack.yml does)",
            ),
        };
        finding(
            ID,
            Severity::Error,
            format!(
                "{} sends the host's counters and none of its {containers} containers: {reason}",
                kind(agent)
            ),
            WHY,
            fix,
        )
    }

    /// The address that the agent gives itself, against the node's.
    fn address(&self, agent: &AgentFact) -> Option<Finding> {
        let why = "several agents under one address, as docker0's 172.17.0.1, look like one that restarts all the time to other collectors";
        let fix =
            "set agent.cidr to your nodes' network (hsflowd.conf or [agent]), or agent.address";
        let told = agent.agent?;
        if agent.duplicate == "other_host" {
            let found = format!("it announces itself as {told}, and another host does so too");
            return Some(finding(ID, Severity::Warning, found, why, fix));
        }
        let expected = self.node.address?;
        // Loopback in tests and on a swarm of one node.
        let known = [expected, agent.source].contains(&told) || expected.is_loopback();
        (!known).then(|| {
            let found = format!("it announces itself as {told}, and swarm knows it as {expected}");
            finding(ID, Severity::Notice, found, why, fix)
        })
    }

    fn address_text(&self) -> String {
        let text = |address: IpAddr| address.to_string();
        self.node
            .address
            .map_or_else(|| "address unknown".to_owned(), text)
    }

    /// Services that are agents.
    fn agent_services(&self) -> impl Iterator<Item = &str> {
        let agents = self.seen.containers.iter();
        agents
            .filter(|(_, spec)| spec.is_agent)
            .map(|(name, _)| name.as_str())
    }

    /// The newest task of a service on this node that swarm wants, else any.
    fn task_of(&self, service: &str) -> Option<&Task> {
        let service = self.seen.view.service_named(service)?;
        let here = |task: &&Task| task.node_id.as_ref() == Some(&self.node.id);
        let wanted = |task: &&Task| task.desired == TaskState::Running;
        let mut tasks = service.tasks.iter().filter(here);
        let any = service.tasks.iter().rfind(here);
        tasks.find(wanted).or(any)
    }

    /// Containers that run there, as swarm has it.
    fn containers(&self) -> usize {
        let tasks = self
            .seen
            .view
            .services
            .values()
            .flat_map(|service| &service.tasks);
        tasks
            .filter(|task| task.node_id.as_ref() == Some(&self.node.id))
            .filter(|task| self.seen.view.phase(task) == Phase::Serving)
            .count()
    }

    /// Whether a service that opted in has a task there.
    fn is_scaled(&self) -> bool {
        let services = self.seen.view.services.values();
        services
            .filter(|service| wants_scaling(service))
            .any(|service| {
                self.seen
                    .view
                    .serving(service)
                    .any(|task| task.node_id.as_ref() == Some(&self.node.id))
            })
    }
}

/// What is wrong with what comes.
fn quality(agent: &AgentFact) -> Vec<Finding> {
    let mut findings = Vec::new();
    let all = agent.datagrams.saturating_add(agent.datagrams_lost);
    if all >= LOSS_OF_AT_LEAST && agent.datagrams_lost.saturating_mul(100) > all * LOSS_PERCENT {
        findings.push(finding(
            ID,
            Severity::Warning,
            format!(
                "{} of {all} datagrams of {} were lost",
                agent.datagrams_lost,
                kind(agent)
            ),
            "what is lost makes rates older, and a container that is missed three times is missing",
            "raise net.core.rmem_max on the managers (collector.receive_buffer asks for 8 MiB), and look at the network's drops",
        ));
    }
    if let Some(polling) = agent.polling_ms.filter(|polling| *polling > POLLING_MAX_MS) {
        findings.push(finding(
            ID,
            Severity::Warning,
            format!("{} polls every {:.0} s only", kind(agent), seconds(polling)),
            "a change of the load is not seen before the next poll",
            "hsflowd.conf: polling = 5 (its default is 30); agent.interval of our own is 1s",
        ));
    }
    if agent.restarts >= RESTARTS && agent.uptime_ms < TEN_MINUTES_MS {
        findings.push(finding(
            ID,
            Severity::Warning,
            format!(
                "{} has started anew {} times, last {:.0} s ago",
                kind(agent),
                agent.restarts,
                seconds(agent.uptime_ms)
            ),
            "each start costs its containers two intervals without rates",
            "see the agent's log; two agents behind one address look the same",
        ));
    }
    findings
}

const fn kind(agent: &AgentFact) -> &'static str {
    match agent.sub_agent {
        100_002 => "swarmtide agent",
        100_000 | 100_001 => "hsflowd",
        _ => "an sFlow agent",
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds, to be read by a person"
)]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}
