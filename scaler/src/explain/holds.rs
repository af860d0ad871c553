//! For each hold, one sentence that says why and one that says what ends it.

use super::words::{count, metric_name, metric_value, milliseconds, replicas};
use crate::{
    admin::Scope, hold::HoldReason, metric::Metric, observation::Rollout, policy::Direction,
    record::DecisionRecord,
};

impl DecisionRecord {
    /// Why, and what would have to change.
    pub(super) fn hold_sentences(&self, reason: &HoldReason) -> (String, String) {
        self.swarm_sentences(reason)
            .or_else(|| self.write_sentences(reason))
            .or_else(|| self.telemetry_sentences(reason))
            .or_else(|| self.tracking_sentences(reason))
            .unwrap_or_else(|| self.policy_sentences(reason))
    }

    /// Labels, switches and the swarm as a whole.
    fn swarm_sentences(&self, reason: &HoldReason) -> Option<(String, String)> {
        let (why, then) = match reason {
            HoldReason::InvalidLabels { errors } => {
                let list: Vec<_> = errors.iter().map(ToString::to_string).collect();
                (
                    format!("its labels cannot be used: {}", list.join("; ")),
                    "Correct them in the stack file's deploy.labels.".to_owned(),
                )
            }
            HoldReason::NotReplicated { mode } => (
                format!("its mode is {mode}"),
                "Only replicated services can be scaled.".to_owned(),
            ),
            HoldReason::Disabled { by } => {
                let whose = match by {
                    Scope::Global => "for all services",
                    Scope::Service => "for this service",
                };
                (
                    format!("scaling is disabled {whose}"),
                    self.proposal_sentence(),
                )
            }
            HoldReason::ViewStale { age_ms } => {
                let why = match age_ms {
                    Some(age) => format!("the view of the swarm is {} old", milliseconds(*age)),
                    None => "there is no view of the swarm yet".to_owned(),
                };
                (why, "It goes on when the engine answers.".to_owned())
            }
            HoldReason::NotLeader { leader } => {
                let whom = leader
                    .as_ref()
                    .map(|name| format!(" ({name})"))
                    .unwrap_or_default();
                (
                    format!("another manager leads the swarm{whom}, and its sidecar acts"),
                    self.proposal_sentence(),
                )
            }
            HoldReason::LeadershipUnknown { why } => (
                format!("it is not known which manager leads the swarm: {why}"),
                "It goes on when there is a leader.".to_owned(),
            ),
            HoldReason::NodesUnknown { count: nodes } => (
                format!(
                    "the swarm does not know the state of {}, as after an election",
                    count(u64::from(*nodes), "node")
                ),
                "It goes on when the nodes have reported.".to_owned(),
            ),
            HoldReason::Rollout { state } => (
                format!(
                    "{}, and a change of replicas would interfere with it",
                    rollout(*state)
                ),
                rollout_end(*state).to_owned(),
            ),
            _ => return None,
        };
        Some((why, then))
    }

    /// Earlier writes.
    fn write_sentences(&self, reason: &HoldReason) -> Option<(String, String)> {
        let (why, then) = match reason {
            HoldReason::WritePending { to, since_ms } => (
                format!("the swarm was asked for {} {} ago and has not answered", replicas(*to), milliseconds(*since_ms)),
                "It goes on when the answer is there.".to_owned(),
            ),
            HoldReason::AwaitingView { to } => (
                format!("the swarm took the change to {}, and the view is still from before it", replicas(*to)),
                "It goes on with the next view.".to_owned(),
            ),
            HoldReason::Conflict => (
                "someone else changed the service at the same time, and the view is still from before that".to_owned(),
                "It is decided anew with the next view.".to_owned(),
            ),
            HoldReason::OutcomeUnknown { to, remaining_ms } => (
                format!("the swarm was asked for {} and did not answer, so it may yet do it", replicas(*to)),
                format!("It goes on when the view shows it done, or in {}.", milliseconds(*remaining_ms)),
            ),
            HoldReason::BackOff { remaining_ms, failures, last } => (
                format!("the last {} not succeed: {last}", if *failures == 1 { "write did".to_owned() } else { format!("{failures} writes did") }),
                format!("It tries again in {}.", milliseconds(*remaining_ms)),
            ),
            HoldReason::ChangeBudget { changes } => (
                format!("{} were begun within a minute over all services, as many as may be", count(u64::from(*changes), "change")),
                self.proposal_sentence(),
            ),
            HoldReason::WriteBudget { in_flight } => (
                format!("{} are under way for other services, as many as may be", count(u64::from(*in_flight), "write")),
                self.proposal_sentence(),
            ),
            _ => return None,
        };
        Some((why, then))
    }

    /// Tasks and their telemetry.
    fn telemetry_sentences(&self, reason: &HoldReason) -> Option<(String, String)> {
        let (why, then) = match reason {
            HoldReason::ScaledToZero => (
                "a person scaled it to zero, which stops it".to_owned(),
                "Give it a replica to have it scaled again.".to_owned(),
            ),
            HoldReason::NotServing { serving, starting } => (
                format!(
                    "only {serving} of {} serve, {starting} starting",
                    replicas(self.replicas)
                ),
                "It goes on when all of them run on ready nodes.".to_owned(),
            ),
            HoldReason::Draining { serving, draining } => self.draining(*serving, *draining),
            HoldReason::TelemetryMissing { metric } => (
                format!("no replica reports {}", topic(*metric)),
                "Check that hsflowd runs on the service's nodes and sends to this collector."
                    .to_owned(),
            ),
            HoldReason::TelemetryPartial {
                metric,
                reporting,
                expected,
            } => (
                format!(
                    "only {reporting} of {expected} serving replicas report {}",
                    topic(*metric)
                ),
                "It goes on when all of them do; a new one needs two polling intervals.".to_owned(),
            ),
            HoldReason::TelemetryStale { metric, age_ms } => (
                format!(
                    "the oldest counters for {} are {} old",
                    topic(*metric),
                    milliseconds(*age_ms)
                ),
                "Check that hsflowd still runs on the service's nodes.".to_owned(),
            ),
            HoldReason::TelemetryInvalid { metric } => (
                format!(
                    "the average for {} is negative or no number",
                    topic(*metric)
                ),
                "This is a fault in the telemetry; it goes on when the value is one.".to_owned(),
            ),
            HoldReason::Settling {
                metric,
                reach_ms,
                changed_ms,
            } => (
                format!(
                    "serving replicas changed {} ago, and the readings for {} reach back further ({})",
                    milliseconds(*changed_ms),
                    topic(*metric),
                    milliseconds(*reach_ms)
                ),
                "It goes on when every replica has reported a whole interval since.".to_owned(),
            ),
            _ => return None,
        };
        Some((why, then))
    }

    /// Tasks that are not wanted any more, known as such already or not.
    fn draining(&self, serving: u32, draining: u32) -> (String, String) {
        if serving > self.replicas {
            let why = format!(
                "{} serve though {} are wanted",
                count(u64::from(serving), "task"),
                self.replicas
            );
            return (
                why,
                "It goes on when as many serve as are wanted.".to_owned(),
            );
        }
        let why = format!(
            "{} still draining, beside {serving} that serve",
            count(u64::from(draining), "task")
        );
        (
            why,
            "It may grow, but shrinks only when they are gone.".to_owned(),
        )
    }

    /// How targets are followed over time.
    fn tracking_sentences(&self, reason: &HoldReason) -> Option<(String, String)> {
        let (why, then) = match reason {
            HoldReason::Burst { remaining_ms } => (
                format!(
                    "{}, but a burst was on a moment ago",
                    self.readings_sentence()
                ),
                format!(
                    "It may shrink in {} if no other comes.",
                    milliseconds(*remaining_ms)
                ),
            ),
            HoldReason::Failing { remaining_ms } => (
                format!(
                    "{}, but tasks of it failed a moment ago, and then a fall of the load is no lack of demand",
                    self.readings_sentence()
                ),
                format!(
                    "It may shrink in {} if no other fails.",
                    milliseconds(*remaining_ms)
                ),
            ),
            HoldReason::Stabilising {
                direction,
                wanted,
                remaining_ms,
            } => (
                format!(
                    "{}, but a moment ago it took {}",
                    self.readings_sentence(),
                    replicas(*wanted)
                ),
                format!(
                    "It may {} in {} if that does not come back.",
                    verb(*direction),
                    milliseconds(*remaining_ms)
                ),
            ),
            HoldReason::RateLimited { direction } => (
                format!(
                    "{}, but it has changed as fast as its rates allow",
                    self.readings_sentence()
                ),
                format!(
                    "It may {} again when the period of swarmtide.rate.{} has passed.",
                    verb(*direction),
                    label(*direction)
                ),
            ),
            _ => return None,
        };
        Some((why, then))
    }

    /// The policy itself.
    fn policy_sentences(&self, reason: &HoldReason) -> (String, String) {
        match reason {
            HoldReason::AtMaximum { wanted } => (
                format!(
                    "it wants {wanted} but this is the maximum; {}",
                    self.readings_sentence()
                ),
                "Raise swarmtide.max to let it grow.".to_owned(),
            ),
            HoldReason::AtMinimum => (
                format!("{}, but this is the minimum", self.readings_sentence()),
                self.marks_sentence(),
            ),
            HoldReason::WouldOvershoot { metric } => (
                format!(
                    "{}, but with fewer replicas {} would be above its high mark",
                    self.readings_sentence(),
                    metric_name(*metric)
                ),
                self.overshoot_sentence(*metric),
            ),
            HoldReason::WarmUp { remaining_ms } => (
                format!(
                    "{}, but this sidecar started or became leader a moment ago",
                    self.readings_sentence()
                ),
                format!("It may shrink in {}.", milliseconds(*remaining_ms)),
            ),
            HoldReason::Cooldown {
                direction,
                remaining_ms,
            } => (
                format!(
                    "{}, but replicas changed a moment ago",
                    self.readings_sentence()
                ),
                format!(
                    "Its cooldown lets it {} in {}.",
                    verb(*direction),
                    milliseconds(*remaining_ms)
                ),
            ),
            HoldReason::Paused {
                direction,
                until_unix_ms,
            } => self.paused(*direction, *until_unix_ms),
            HoldReason::Shortage { wanted, granted } => (
                format!(
                    "it would have {}, and the swarm has room for {granted}",
                    replicas(*wanted)
                ),
                "It goes on when others give room back or nodes join; a higher swarmtide.priority comes first.".to_owned(),
            ),
            _ => (self.readings_sentence(), self.marks_sentence()),
        }
    }

    /// A person's pause, and when it ends as seen from the record.
    fn paused(&self, direction: Direction, until_unix_ms: u64) -> (String, String) {
        let doing = match direction {
            Direction::Up => "growing",
            Direction::Down => "shrinking",
        };
        let left = until_unix_ms.saturating_sub(self.last_unix_ms);
        let why = format!(
            "a person paused {doing}, for {} from then",
            milliseconds(left)
        );
        (why, self.proposal_sentence())
    }

    /// How low a metric has to be before one replica fewer can carry the load.
    fn overshoot_sentence(&self, metric: Metric) -> String {
        let reading = self
            .readings
            .iter()
            .find(|reading| reading.metric == metric);
        let Some(high) = reading.and_then(|reading| reading.high) else {
            return String::new();
        };
        let fewer = f64::from(self.replicas.saturating_sub(1)) / f64::from(self.replicas.max(1));
        format!(
            "It would shrink at {} {} or below.",
            metric_name(metric),
            metric_value(metric, high * fewer, false)
        )
    }
}

const fn verb(direction: Direction) -> &'static str {
    match direction {
        Direction::Up => "grow",
        Direction::Down => "shrink",
    }
}

const fn label(direction: Direction) -> &'static str {
    match direction {
        Direction::Up => "up",
        Direction::Down => "down",
    }
}

/// What a metric is called in "replicas report …".
const fn topic(metric: Metric) -> &'static str {
    match metric {
        Metric::CpuOfLimit | Metric::CpuCores => "CPU",
        Metric::Bytes | Metric::BytesIn | Metric::BytesOut | Metric::Packets => "network traffic",
        Metric::Connections => "connections",
        Metric::MemoryOfLimit | Metric::MemoryBytes => "memory",
    }
}

const fn rollout(state: Rollout) -> &'static str {
    match state {
        Rollout::Idle => "no rollout runs",
        Rollout::Updating => "a rollout is running",
        Rollout::Paused => "a rollout is paused",
        Rollout::RollbackStarted => "a rollback is running",
        Rollout::RollbackPaused => "a rollback is paused",
        Rollout::Unknown => "a rollout is in a state that is not known",
    }
}

const fn rollout_end(state: Rollout) -> &'static str {
    match state {
        Rollout::Paused | Rollout::RollbackPaused => {
            "A person has to finish it: update the service with a version that works, or roll it back."
        }
        Rollout::Idle | Rollout::Updating | Rollout::RollbackStarted | Rollout::Unknown => {
            "It goes on when that has completed."
        }
    }
}
