//! Services: who opted in, what is wrong with their labels, and what holds them.

use lbsync::ServiceLabels;
use scaler::{Metric, Policy};
use swarm::{Mode, Service};

use super::{Coverage, FleetFacts, Seen, ServiceFact, about, finding, wants_scaling};
use crate::doctor::{Finding, Severity};

const LABELS: &str = "a service is scaled by its labels; what cannot be read is not guessed, and the service is held";
const HELD: &str = "a service that is held keeps the replicas that it has, whatever its load";

pub(super) fn judge(facts: &FleetFacts, seen: &Seen) -> Vec<Finding> {
    let services = seen.view.services.values();
    let mut findings: Vec<Finding> = services
        .flat_map(|service| {
            let subject = service.name.clone();
            one(facts, seen, service)
                .into_iter()
                .map(move |found| about(&subject, found))
        })
        .collect();
    let nobody = !seen.view.services.values().any(wants_scaling);
    if nobody && findings.is_empty() {
        findings.push(finding(
            "services",
            Severity::Notice,
            format!("none of {} services has opted in", seen.view.services.len()),
            "nothing is scaled that does not ask for it",
            "docker service update --label-add swarmtide.enable=true --label-add swarmtide.min=2 --label-add swarmtide.max=10 SERVICE",
        ));
    }
    findings
}

/// All that is to be said of a service; nothing of one that has nothing to do with us.
fn one(facts: &FleetFacts, seen: &Seen, service: &Service) -> Vec<Finding> {
    let mut findings = Vec::new();
    let spec = seen.containers.get(&service.name);
    let misplaced: Vec<_> = spec
        .into_iter()
        .flat_map(|spec| &spec.labels)
        // The agent reads this one off the container.
        .filter(|label| *label != "swarmtide.enable" || !wants_scaling(service))
        .filter(|label| !service.labels.contains_key(*label))
        .map(String::as_str)
        .collect();
    if !misplaced.is_empty() {
        findings.push(finding(
            "labels",
            Severity::Warning,
            format!("{} is a label of its containers, not of the service", misplaced.join(", ")),
            "labels of containers are not read: changing them would restart every task",
            "in a stack file move them from `labels:` to `deploy: labels:`; with docker service create use --label, not --container-label",
        ));
    }
    let bad = Policy::from_labels(&facts.defaults, &service.labels);
    let opted_in = !matches!(bad, Ok(None));
    for error in bad.err().into_iter().flatten() {
        findings.push(finding(
            "labels",
            Severity::Error,
            error.to_string(),
            LABELS,
            "swarmtide labels lists them all, with examples",
        ));
    }
    for error in ServiceLabels::from_labels(&service.labels)
        .err()
        .into_iter()
        .flatten()
    {
        findings.push(finding(
            "labels",
            Severity::Error,
            format!("not balanced: {error}"),
            "a service whose load-balancer labels cannot be read gets no virtual service",
            "swarmtide labels lists them all, with examples",
        ));
    }
    if opted_in
        && findings
            .iter()
            .all(|found| found.severity < Severity::Error)
    {
        findings.extend(scaled(facts, service));
    }
    findings
}

/// A service that opted in with good labels.
fn scaled(facts: &FleetFacts, service: &Service) -> Vec<Finding> {
    let Mode::Replicated { replicas } = service.mode else {
        return vec![finding(
            "mode",
            Severity::Error,
            format!("its mode is {}", service.mode.as_word()),
            "only the number of tasks of a replicated service can be changed",
            "deploy it with `mode: replicated`, or take swarmtide.enable off it",
        )];
    };
    let mut findings = Vec::new();
    if service.resources.cpu_limit_cores.is_none() && uses_cpu(facts, service) {
        findings.push(finding(
            "limits",
            Severity::Notice,
            "it has no CPU limit, so its percentages are of the whole node",
            "70 % of a node with 8 cores is 5.6 cores: a service of one thread never gets there",
            "docker service update --limit-cpu 0.5 SERVICE, or say its marks in cores: swarmtide.cpu.high=400m",
        ));
    }
    // Where no sidecar could be asked at all, that is said once.
    if let Ok(sidecar) = &facts.sidecar {
        let mut known = sidecar.services.iter();
        findings.push(match known.find(|fact| fact.name == service.name) {
            Some(fact) => held(fact, replicas),
            None => finding(
                "service",
                Severity::Notice,
                format!(
                    "it opted in and has {replicas} replicas; the sidecar does not know it yet"
                ),
                HELD,
                "ask again in a few seconds",
            ),
        });
    }
    findings
}

fn uses_cpu(facts: &FleetFacts, service: &Service) -> bool {
    let Ok(Some(policy)) = Policy::from_labels(&facts.defaults, &service.labels) else {
        return false;
    };
    let targets = policy.targets().iter().map(|target| target.metric());
    let mut metrics = policy.marks().map(|(metric, _)| metric).chain(targets);
    metrics.any(|metric| metric == Metric::CpuOfLimit)
}

/// What holds it, by how much a person has to do about that.
fn held(fact: &ServiceFact, replicas: u32) -> Finding {
    let words = fact.explanation.as_deref().unwrap_or_default();
    let hold = fact.hold.as_deref().unwrap_or("none");
    let (severity, fix) = match hold {
        "telemetry_missing" | "telemetry_partial" | "telemetry_stale" | "telemetry_invalid" => (
            Severity::Warning,
            "see the nodes above that send nothing; a container's first counters come within seconds of its start",
        ),
        "view_stale" | "leadership_unknown" | "nodes_unknown" | "back_off" | "outcome_unknown" => (
            Severity::Warning,
            "the engine does not answer as it should: see its log and the sidecar's",
        ),
        "rollout" => (
            Severity::Notice,
            "docker service ps SERVICE; a rollout that is paused waits for you: deploy again or roll back",
        ),
        "failing" | "not_serving" => (
            Severity::Warning,
            "docker service ps --no-trunc SERVICE says why its tasks fail or do not start",
        ),
        "shortage" => (
            Severity::Warning,
            "add nodes, lower reservations, or give it a higher swarmtide.priority",
        ),
        "at_maximum" => (
            Severity::Notice,
            "raise swarmtide.max if it should have more",
        ),
        "disabled" | "paused" | "scaled_to_zero" => (
            Severity::Notice,
            "swarmtide state enabled SERVICE, or swarmtide pause SERVICE --end",
        ),
        _ => (Severity::Good, ""),
    };
    let Coverage {
        expected,
        reporting,
    } = fact.metrics;
    let found =
        format!("{replicas} replicas, {reporting} of {expected} containers report. {words}");
    finding(
        "service",
        severity,
        found.trim_end(),
        HELD,
        fix.replace("SERVICE", &fact.name),
    )
}
