//! What the engine keeps of one service.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use super::{
    Command, Counters, ServiceInput, ServiceStatus, aside::Replicas, foreign::Foreign,
    notice::Notices,
};
use crate::{
    admin::{AdminMode, AdminState, Effective},
    decide::{Decision, InFlight, LastWrite, ScaleReason, ServiceState, Verdict},
    history::History,
    labels::{Defaults, LabelError, relevant},
    observation::{Leadership, Mode, Observation, ServiceId, ServiceName, SwarmCondition},
    policy::{Marks, Policy},
    record::{DecisionRecord, Limits, Outcome, Reading, RecordOutcome},
    settings::Settings,
    time::millis,
    track::{TickTime, Track},
};

/// A tick and its times.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) tick: u64,
    pub(super) now: Duration,
    pub(super) unix_ms: u64,
}

impl Moment {
    /// The same for what knows nothing of ticks.
    pub(super) const fn time(self) -> TickTime {
        TickTime {
            now: self.now,
            unix_ms: self.unix_ms,
        }
    }
}

/// What came of a service's labels.
type Parsed = Result<Option<Policy>, Vec<LabelError>>;

/// State, history and counters of one service.
#[derive(Debug)]
pub(super) struct Entry {
    id: ServiceId,
    fingerprint: u64,
    parsed: Parsed,
    /// The policy with the bounds of its schedule, when those are others now.
    scheduled: Option<Policy>,
    state: ServiceState,
    track: Track,
    pending: Option<Command>,
    serving: Option<u32>,
    foreign: Foreign,
    /// Whether the write under way puts back what was reset.
    reasserting: bool,
    seen_at: Duration,
    history: History,
    counters: Counters,
    /// Replicas that it had before it gave way, until it has them back.
    owed: Option<u32>,
    notices: Notices,
    replicas: Replicas,
}

impl Entry {
    /// Whether the labels of a service without state ask for state: a policy, or labels that are wrong.
    pub(super) fn opted_in(defaults: &Defaults, labels: &BTreeMap<String, String>) -> bool {
        relevant(labels).next().is_some()
            && !matches!(Policy::from_labels(defaults, labels), Ok(None))
    }

    pub(super) fn new(id: ServiceId, settings: &Settings) -> Self {
        Self {
            id,
            fingerprint: 0,
            parsed: Ok(None),
            scheduled: None,
            state: ServiceState::default(),
            track: Track::default(),
            pending: None,
            serving: None,
            foreign: Foreign::default(),
            reasserting: false,
            seen_at: Duration::ZERO,
            history: History::new(settings.history_scales, settings.history_holds),
            counters: Counters::default(),
            owed: None,
            notices: Notices::default(),
            replicas: Replicas::default(),
        }
    }

    /// Starts afresh, history and counters aside, when the name now belongs to another service; returns whether that dropped a write
    /// under way.
    pub(super) fn replace_if_new(&mut self, id: &ServiceId) -> bool {
        if self.id == *id {
            return false;
        }
        self.id = id.clone();
        self.state = ServiceState::default();
        self.track = Track::default();
        self.replicas = Replicas::default();
        self.serving = None;
        self.foreign = Foreign::default();
        self.owed = None;
        self.pending.take().is_some()
    }

    /// Reads the labels anew if they changed.
    pub(super) fn read_labels(&mut self, defaults: &Defaults, labels: &BTreeMap<String, String>) {
        let mut hasher = DefaultHasher::new();
        relevant(labels).for_each(|label| label.hash(&mut hasher));
        // 0 stands for "never read".
        let fingerprint = hasher.finish().max(1);
        if fingerprint != self.fingerprint {
            self.fingerprint = fingerprint;
            self.parsed = Policy::from_labels(defaults, labels);
        }
    }

    /// Takes over the bounds that hold at this time.
    pub(super) fn follow_schedule(&mut self, unix_ms: u64) {
        self.scheduled = match &self.parsed {
            Ok(Some(policy)) => policy.at(unix_ms),
            Ok(None) | Err(_) => None,
        };
    }

    /// Takes note of changes of replicas that are not ours.
    pub(super) fn look_for_resets(
        &mut self,
        observation: &Observation,
        (swarm, admin): (&SwarmCondition, Effective),
        moment: Moment,
    ) {
        let acts = swarm.leadership == Leadership::Leader && admin.mode != AdminMode::Disabled;
        let view_taken = swarm.view_age.map(|age| moment.now.saturating_sub(age));
        let seen = |state: &ServiceState| state.reset.map(|reset| reset.unix_ms);
        let before = seen(&self.state);
        self.foreign
            .look(observation, (view_taken, acts), &mut self.state, moment);
        let now = seen(&self.state);
        self.counters.resets += u64::from(now.is_some() && now != before);
    }

    /// Takes note of what the view shows, however old the state's own idea of it is.
    pub(super) fn seen(
        &mut self,
        observation: &Observation,
        swarm: &SwarmCondition,
        (settings, time): (&Settings, TickTime),
    ) {
        let now = time.now;
        self.seen_at = now;
        if let Ok(Some(policy)) = &self.parsed {
            self.track.advance(policy, observation, settings, time);
        }
        if self
            .serving
            .replace(observation.serving)
            .is_some_and(|before| before != observation.serving)
        {
            self.state.changed_at = Some(now);
        }
        let view_taken = swarm.view_age.map(|age| now.saturating_sub(age));
        let unknown_done = self.state.last_write.as_ref().is_some_and(|last| {
            matches!(last.outcome, Outcome::Unknown { .. })
                && (Mode::Replicated { replicas: last.to }) == observation.mode
                && view_taken.is_some_and(|taken| taken > last.at)
        });
        if unknown_done {
            self.state.failures = 0;
            self.state.back_off_until = None;
        }
    }

    /// Files the decision; returns the command if there is one to carry out.
    pub(super) fn file(
        &mut self,
        input: &ServiceInput<'_>,
        admin: Effective,
        verdict: Verdict,
        moment: Moment,
    ) -> Option<Command> {
        let (command, outcome) = match verdict.decision {
            Decision::Hold(_) => (None, None),
            Decision::Scale { from, to, .. } if admin.mode == AdminMode::Enabled => {
                let command = Command {
                    service: input.name.clone(),
                    id: input.id.clone(),
                    from,
                    to,
                    tick: moment.tick,
                };
                (Some(command), Some(RecordOutcome::Pending))
            }
            Decision::Scale { .. } => (None, Some(RecordOutcome::DryRun)),
        };
        if let Some(command) = &command {
            self.state.in_flight = Some(InFlight {
                since: moment.now,
                to: command.to,
            });
            self.pending = Some(command.clone());
            self.foreign.issued(command.to);
            self.reasserting = is_reassertion(&verdict.decision);
        }
        if let Decision::Hold(reason) = &verdict.decision {
            *self.counters.holds.entry(reason.kind()).or_default() += 1;
        }
        let policy = self.policy().ok().flatten();
        let observation = &input.observation;
        let record = DecisionRecord {
            service: input.name.clone(),
            tick: moment.tick,
            first_unix_ms: moment.unix_ms,
            last_unix_ms: moment.unix_ms,
            count: 1,
            admin,
            replicas: observation.mode.replicas(),
            serving: observation.serving,
            starting: observation.starting,
            draining: observation.draining,
            limits: policy.map(Limits::from),
            readings: policy
                .map(|policy| readings(policy, observation))
                .unwrap_or_default(),
            targets: self.track.proposals().to_vec(),
            outliers: self.replicas.outliers(),
            start_up_ms: policy
                .filter(|policy| !policy.targets().is_empty())
                .and_then(|_| self.track.start_up())
                .map(millis),
            reset: self.state.reset,
            proposal: verdict.proposal,
            clamps: verdict.clamps,
            decision: verdict.decision,
            outcome,
        };
        self.history.push(record);
        command
    }

    pub(super) const fn replicas(&self) -> &Replicas {
        &self.replicas
    }

    pub(super) const fn replicas_mut(&mut self) -> &mut Replicas {
        &mut self.replicas
    }

    pub(super) const fn owed(&self) -> Option<u32> {
        self.owed
    }

    pub(super) const fn set_owed(&mut self, owed: Option<u32>) {
        self.owed = owed;
    }

    pub(super) const fn notices(&mut self) -> (&mut Notices, &History) {
        (&mut self.notices, &self.history)
    }

    /// Whether this very command is under way.
    pub(super) fn awaits(&self, command: &Command) -> bool {
        self.pending.as_ref() == Some(command)
    }

    /// Notes how the command under way ended, and returns its record if that is still kept.
    pub(super) fn complete(
        &mut self,
        command: &Command,
        outcome: Outcome,
        settings: &Settings,
        moment: Moment,
    ) -> Option<&DecisionRecord> {
        let outcome = outcome.bounded();
        let now = moment.now;
        self.pending = None;
        let state = &mut self.state;
        state.in_flight = None;
        if matches!(outcome, Outcome::Applied | Outcome::Unknown { .. }) {
            state.scaled_at = Some(now);
            state.changed_at = Some(now);
            if std::mem::take(&mut self.reasserting) {
                state.reasserted_at = Some(now);
                self.counters.reassertions += u64::from(outcome == Outcome::Applied);
            }
        } else {
            self.foreign.not_written();
        }
        if outcome == Outcome::Applied {
            state.failures = 0;
            state.back_off_until = None;
            let changes = if command.to > command.from {
                &mut self.counters.scale_ups
            } else {
                &mut self.counters.scale_downs
            };
            *changes += 1;
        } else {
            state.failures = state.failures.saturating_add(1);
            // One conflict is ordinary: a newer view settles it. Only conflicts in a row wait longer.
            let waits = if outcome == Outcome::Conflict {
                state.failures - 1
            } else {
                state.failures
            };
            state.back_off_until =
                (waits > 0).then(|| now.saturating_add(back_off(settings, waits)));
        }
        state.last_write = Some(LastWrite {
            at: now,
            to: command.to,
            outcome: outcome.clone(),
        });
        self.history.settle(moment.tick, |record| match outcome {
            Outcome::Applied => RecordOutcome::Applied {
                after_ms: moment.unix_ms.saturating_sub(record.first_unix_ms),
            },
            Outcome::Conflict => RecordOutcome::Conflict,
            Outcome::Refused { reason } => RecordOutcome::Refused { reason },
            Outcome::Failed { error } => RecordOutcome::Failed { error },
            Outcome::Unknown { error } => RecordOutcome::Unknown { error },
        })
    }

    /// What the labels came to: `Ok(None)` when the service has not opted in.
    pub(super) const fn policy(&self) -> Result<Option<&Policy>, &[LabelError]> {
        match &self.parsed {
            Ok(Some(policy)) => match &self.scheduled {
                Some(scheduled) => Ok(Some(scheduled)),
                None => Ok(Some(policy)),
            },
            Ok(None) => Ok(None),
            Err(errors) => Err(errors.as_slice()),
        }
    }

    pub(super) const fn state(&self) -> &ServiceState {
        &self.state
    }

    pub(super) const fn track(&self) -> &Track {
        &self.track
    }

    pub(super) const fn history(&self) -> &History {
        &self.history
    }

    /// How long the service has not been among the inputs, or not opted in.
    pub(super) const fn unseen(&self, now: Duration) -> Duration {
        now.saturating_sub(self.seen_at)
    }

    pub(super) fn status<'a>(
        &'a self,
        name: &'a ServiceName,
        admin: &AdminState,
    ) -> ServiceStatus<'a> {
        ServiceStatus {
            name,
            id: &self.id,
            own_mode: admin.service(name),
            effective: admin.effective(name),
            policy: self.policy().ok().flatten(),
            label_errors: self.policy().err().unwrap_or_default(),
            write_pending_to: self.state.in_flight.map(|write| write.to),
            last: self.history.last(),
            counters: &self.counters,
        }
    }

    /// Estimated memory, heap included.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() - size_of::<History>()
            + self.history.bytes()
            + self.track.heap_bytes()
            + self.replicas.heap_bytes()
    }
}

/// Whether a decision puts back what a redeployed stack took away.
const fn is_reassertion(decision: &Decision) -> bool {
    matches!(
        decision,
        Decision::Scale {
            reason: ScaleReason::Reasserted { .. },
            ..
        }
    )
}

/// The policy's metrics as they are in the observation.
fn readings(policy: &Policy, observation: &Observation) -> Vec<Reading> {
    let targets = policy
        .targets()
        .iter()
        .map(|target| (target.metric(), None));
    let metrics = policy
        .marks()
        .map(|(metric, marks)| (metric, Some(marks)))
        .chain(targets);
    let mut readings: Vec<Reading> = Vec::with_capacity(metrics.size_hint().0);
    for (metric, marks) in metrics {
        if readings.iter().any(|reading| reading.metric == metric) {
            continue;
        }
        let seen = observation.metrics.get(metric);
        readings.push(Reading {
            metric,
            average: seen
                .map(|seen| seen.average)
                .filter(|average| average.is_finite()),
            high: marks.map(Marks::high),
            low: marks.map(Marks::low),
            reporting: seen.map_or(0, |seen| seen.reporting),
            expected: seen.map_or(observation.serving, |seen| seen.expected),
            oldest_age_ms: seen.map(|seen| millis(seen.oldest_age)),
        });
    }
    readings
}

/// The wait after so many failures in a row, at least one: doubles each time up to the maximum.
fn back_off(settings: &Settings, failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    settings
        .back_off_base
        .saturating_mul(1 << doublings)
        .min(settings.back_off_max)
}
