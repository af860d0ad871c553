//! From the swarm's and the collector's words to the scaler's and the balancer's: the one place that knows them all.
//!
//! It decides nothing. Whatever it cannot express becomes the most careful thing that the receiver knows.

use std::time::Duration;

use collector::{ContainerUuid, Each, GroupMetrics, Member, Summary};
use scaler::{Metric, MetricObservation, Readings, Replica, ReplicaId};
use swarm::{Leadership, Mode, Phase, Service, UpdateState, View};

/// The containers that telemetry is asked about: those of the serving tasks.
///
/// A task whose container ID cannot be read keeps its place, so that it counts as expected and missing. Those of `left_out` are
/// not in the averages.
pub(crate) fn members(view: &View, service: &Service, left_out: &[ReplicaId]) -> Vec<Member> {
    view.serving(service)
        .map(|task| {
            let uuid = task
                .container_id
                .as_ref()
                .and_then(|id| ContainerUuid::from_container_id(id.as_str()))
                .unwrap_or(ContainerUuid::UNKNOWN);
            Member {
                uuid,
                cpu_limit_cores: task.resources.cpu_limit_cores,
                aside: left_out.contains(&replica_id(uuid)),
            }
        })
        .collect()
}

/// A container's ID as the scaler knows it.
pub(crate) fn replica_id(uuid: ContainerUuid) -> ReplicaId {
    ReplicaId(u128::from_be_bytes(uuid.0))
}

/// The same the other way.
pub(crate) fn container(id: ReplicaId) -> ContainerUuid {
    ContainerUuid(id.0.to_be_bytes())
}

/// What each replica does.
pub(crate) fn replicas(metrics: &GroupMetrics) -> Vec<Replica> {
    let replica = |each: &Each| Replica {
        id: replica_id(each.uuid),
        cpu_cores: each.cpu_cores.map(f64::from),
        bytes: each.bytes.map(f64::from),
        steal: each.steal.map(f64::from),
    };
    metrics.each.iter().map(replica).collect()
}

/// The swarm as the scaler sees it.
pub(crate) fn condition(view: Option<&View>, now: Duration) -> scaler::SwarmCondition {
    let Some(view) = view else {
        return scaler::SwarmCondition {
            leadership: scaler::Leadership::Unknown {
                reason: "the swarm has not been listed yet".to_owned(),
            },
            nodes: scaler::Nodes::Unknown { count: 0 },
            view_age: None,
        };
    };
    let unknown = |reason: &str| scaler::Leadership::Unknown {
        reason: reason.to_owned(),
    };
    let leadership = match &view.leadership {
        Leadership::Leader => scaler::Leadership::Leader,
        Leadership::Follower { leader } => {
            let name = view
                .nodes
                .get(leader)
                .map_or_else(|| leader.to_string(), |node| node.hostname.clone());
            scaler::Leadership::Follower { leader: Some(name) }
        }
        Leadership::Unknown { reason } => unknown(reason),
        Leadership::NotManager => unknown("this node is not a swarm manager"),
    };
    let nodes = match view.nodes_unknown() {
        0 => scaler::Nodes::Known,
        count => scaler::Nodes::Unknown {
            count: number(count),
        },
    };
    scaler::SwarmCondition {
        leadership,
        nodes,
        view_age: Some(now.saturating_sub(view.taken)),
    }
}

/// One service as the scaler sees it.
pub(crate) fn observation(
    view: &View,
    service: &Service,
    metrics: Option<&GroupMetrics>,
) -> scaler::Observation {
    let mode = match service.mode {
        Mode::Replicated { replicas } => scaler::Mode::Replicated { replicas },
        Mode::Global => scaler::Mode::Global,
        Mode::ReplicatedJob => scaler::Mode::ReplicatedJob,
        Mode::GlobalJob => scaler::Mode::GlobalJob,
        Mode::Unknown => scaler::Mode::Unknown,
    };
    let rollout = match service.update {
        UpdateState::None | UpdateState::Completed | UpdateState::RollbackCompleted => {
            scaler::Rollout::Idle
        }
        UpdateState::Updating => scaler::Rollout::Updating,
        UpdateState::Paused => scaler::Rollout::Paused,
        UpdateState::RollbackStarted => scaler::Rollout::RollbackStarted,
        UpdateState::RollbackPaused => scaler::Rollout::RollbackPaused,
        UpdateState::Other(_) => scaler::Rollout::Unknown,
    };
    scaler::Observation {
        mode,
        serving: number(view.count(service, Phase::Serving)),
        starting: number(view.count(service, Phase::Starting)),
        draining: number(view.count(service, Phase::Draining)),
        failed: number(failed(service)),
        start_up: None,
        rollout,
        change: change(service),
        metrics: metrics.map(readings).unwrap_or_default(),
    }
}

/// What the last change of its specification did to its replicas.
fn change(service: &Service) -> Option<scaler::SpecChange> {
    let update = service.last_update?;
    let looks = match service.stack() {
        Some(_) if update.otherwise || update.with_stack => scaler::ChangeLooks::Deployment,
        Some(_) => scaler::ChangeLooks::StackReplicas,
        None => scaler::ChangeLooks::Other,
    };
    Some(scaler::SpecChange {
        before: update.replicas_before?,
        looks,
    })
}

/// Tasks that ended by failing or were rejected, as far as the swarm still lists them.
fn failed(service: &Service) -> usize {
    let ended = |task: &&swarm::Task| {
        matches!(
            task.state,
            swarm::TaskState::Failed | swarm::TaskState::Rejected
        )
    };
    service.tasks.iter().filter(ended).count()
}

/// Each metric counts for itself: a container without a rate yet is not in that metric's average.
fn readings(metrics: &GroupMetrics) -> Readings {
    let mut readings = Readings::default();
    for (metric, summary) in [
        (Metric::CpuOfLimit, &metrics.cpu_of_limit),
        (Metric::CpuCores, &metrics.cpu_cores),
        (Metric::Bytes, &metrics.bytes),
        (Metric::BytesIn, &metrics.bytes_in),
        (Metric::BytesOut, &metrics.bytes_out),
        (Metric::Packets, &metrics.packets),
        (Metric::MemoryOfLimit, &metrics.memory_of_limit),
        (Metric::MemoryBytes, &metrics.memory_bytes),
    ] {
        if let (Some(Summary { count, avg, .. }), Some(oldest_age)) = (summary, metrics.oldest_age)
        {
            let observation = MetricObservation {
                average: *avg,
                reporting: number(*count + metrics.aside),
                expected: number(metrics.expected),
                oldest_age,
                // Without an interval there would be no rate.
                reach: oldest_age + metrics.interval.unwrap_or_default(),
            };
            readings.insert(metric, observation);
        }
    }
    readings
}

/// How a write ended, as the scaler counts it.
pub(crate) fn outcome(result: Result<swarm::Applied, swarm::SetReplicasError>) -> scaler::Outcome {
    use swarm::SetReplicasError as Error;
    let Err(error) = result else {
        return scaler::Outcome::Applied;
    };
    let words = super::shared::chain(&error);
    match error {
        Error::Conflict { .. } | Error::Changed { .. } => scaler::Outcome::Conflict,
        Error::NotFound { .. }
        | Error::NotReplicated { .. }
        | Error::Rollout { .. }
        | Error::Refused(_) => scaler::Outcome::Refused { reason: words },
        Error::Document(_) | Error::Unavailable(_) => scaler::Outcome::Failed { error: words },
        Error::OutcomeUnknown(_) => scaler::Outcome::Unknown { error: words },
    }
}

/// A count as the cores take it.
pub(crate) fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
