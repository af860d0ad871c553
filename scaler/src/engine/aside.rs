//! Replicas set aside: who stands out, who is in quarantine, and decisions as though that one were not there.

use std::borrow::Cow;

use super::{Entry, Moment, ServiceInput, notice::Events};
use crate::{
    admin::{AdminMode, Effective},
    decide::{Clamp, Decision, ScaleReason, ServiceState, Verdict},
    event::{Event, EventKind},
    hold::HoldReason,
    labels::LOAD_BALANCER_PREFIX,
    metric::{Metric, Readings},
    observation::{Leadership, Mode, Observation, SwarmCondition},
    outlier::{Changes, Outlier, OutlierPolicy, Quarantine, ReplicaId, Terms, Watch},
    policy::{Bounds, Policy},
    settings::Settings,
    track::TickTime,
};

/// What the engine remembers of the replicas of one service.
#[derive(Clone, Debug, Default)]
pub(super) struct Replicas {
    watch: Watch,
    quarantine: Quarantine,
}

/// What decisions have to leave out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Aside {
    /// Replicas that carry nothing: 0 or 1.
    count: u32,
    /// Replicas to ask for, all counted, so that another takes the place of one.
    replacement: Option<(u32, ReplicaId)>,
}

impl Replicas {
    /// Those that stand out, with who is in quarantine.
    pub(super) fn outliers(&self) -> Vec<Outlier> {
        let isolated = self.quarantine.isolated();
        let with = |outlier: &Outlier| Outlier {
            quarantined: isolated == Some(outlier.replica),
            ..*outlier
        };
        self.watch.outliers().map(with).collect()
    }

    pub(super) fn isolated(&self) -> Option<ReplicaId> {
        self.quarantine.isolated()
    }

    fn advance(
        &mut self,
        (wanted, settings): (OutlierPolicy, &Settings),
        terms: Terms,
        input: &ServiceInput<'_>,
        moment: Moment,
    ) -> Changes {
        if wanted == OutlierPolicy::Off {
            *self = Self::default();
            return Changes::default();
        }
        let time = TickTime {
            now: moment.now,
            unix_ms: moment.unix_ms,
        };
        let isolated = self.isolated();
        let changes = self
            .watch
            .advance(&input.replicas, isolated, settings, time);
        let serves = |id| input.replicas.iter().any(|replica| replica.id == id);
        let released = self
            .quarantine
            .advance(self.watch.outliers(), serves, terms, moment.now);
        if let Some(id) = released {
            self.watch.forget(id, moment.now);
        }
        changes
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.watch.heap_bytes()
    }

    /// Those whose values are to be left out of averages.
    pub(super) fn left_out(&self, policy: OutlierPolicy) -> Vec<ReplicaId> {
        if policy < OutlierPolicy::Exclude {
            return Vec::new();
        }
        self.watch
            .left_out()
            .chain(self.isolated())
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect()
    }
}

impl Entry {
    /// Takes note of what each replica does, and says what the decision has to leave out.
    pub(super) fn look_at_replicas(
        &mut self,
        input: &ServiceInput<'_>,
        (admin, swarm, settings): (Effective, &SwarmCondition, &Settings),
        moment: Moment,
        events: &mut Events,
    ) -> Aside {
        let (wanted, bounds) = match self.policy() {
            Ok(Some(policy)) => (policy.outliers(), policy.bounds()),
            Ok(None) | Err(_) => return Aside::default(),
        };
        let terms = terms(wanted, bounds, input, (admin, swarm));
        let replicas = self.replicas_mut();
        let before = replicas.isolated();
        let changes = replicas.advance((wanted, settings), terms, input, moment);
        let now = replicas.isolated();
        let began = now.map(|replica| EventKind::Quarantined { replica });
        let ended = before.map(|replica| EventKind::QuarantineOver { replica });
        let found = changes.found.into_iter().map(EventKind::Outlier);
        let over = changes.over.into_iter().map(EventKind::OutlierOver);
        let quarantine = ended.into_iter().chain(began).filter(|_| now != before);
        for kind in found.chain(over).chain(quarantine) {
            events.tell(Event {
                unix_ms: moment.unix_ms,
                service: Some(input.name.clone()),
                words: words(&kind),
                kind,
            });
        }
        Aside {
            count: u32::from(now.is_some()),
            replacement: replicas.quarantine.replacement(),
        }
    }
}

/// What a quarantine has to keep to. Only our own balancer can give a replica no connections.
fn terms(
    wanted: OutlierPolicy,
    bounds: Bounds,
    input: &ServiceInput<'_>,
    (admin, swarm): (Effective, &SwarmCondition),
) -> Terms {
    let balanced = input.labels.keys().any(|label| {
        let name = label.strip_prefix(LOAD_BALANCER_PREFIX);
        name.is_some_and(|name| name == "vip")
    });
    let asked = wanted == OutlierPolicy::Quarantine
        && balanced
        && admin.mode == AdminMode::Enabled
        && bounds.max() > bounds.min();
    Terms {
        allowed: asked && matches!(swarm.leadership, Leadership::Leader),
        kept: asked && !matches!(swarm.leadership, Leadership::Follower { .. }),
        replicas: input.observation.mode.replicas(),
        serving: input.observation.serving,
        min: bounds.min(),
        max: bounds.max(),
    }
}

fn words(kind: &EventKind) -> String {
    match kind {
        EventKind::Outlier(outlier) => outlier.explain(),
        EventKind::OutlierOver(Outlier { replica, .. }) => {
            format!("Replica {replica} no longer stands out from its siblings, or is gone.")
        }
        EventKind::Quarantined { replica } => format!(
            "Replica {replica} is in quarantine: the balancer gives it no new connections, and another replica takes its place where the maximum allows."
        ),
        EventKind::QuarantineOver { replica } => {
            format!("Replica {replica} is no longer in quarantine, or is gone.")
        }
        _ => String::new(),
    }
}

impl Aside {
    /// Whether decisions are what they would be without.
    pub(super) const fn is_nothing(self) -> bool {
        self.count == 0 && self.replacement.is_none()
    }

    /// The observation without those that carry nothing.
    pub(super) fn observation(self, observation: &Observation) -> Observation {
        if self.count == 0 {
            return *observation;
        }
        let mut metrics = Readings::default();
        for metric in Metric::ALL {
            if let Some(mut reading) = observation.metrics.get(metric) {
                reading.reporting = reading.reporting.saturating_sub(self.count);
                reading.expected = reading.expected.saturating_sub(self.count);
                metrics.insert(metric, reading);
            }
        }
        Observation {
            mode: match observation.mode {
                Mode::Replicated { replicas } => Mode::Replicated {
                    replicas: replicas.saturating_sub(self.count),
                },
                other => other,
            },
            serving: observation.serving.saturating_sub(self.count),
            metrics,
            ..*observation
        }
    }

    /// The policy for the others.
    pub(super) fn policy(self, policy: &Policy) -> Cow<'_, Policy> {
        let bounds = policy.bounds();
        let max = bounds.max().saturating_sub(self.count).max(bounds.min());
        let min = self.replacement.map_or(bounds.min(), |(to, _)| {
            to.saturating_sub(self.count).clamp(bounds.min(), max)
        });
        match Bounds::new(min, max) {
            Ok(others) if others != bounds => Cow::Owned(policy.within(others)),
            _ => Cow::Borrowed(policy),
        }
    }

    /// What is remembered, in numbers of the others.
    pub(super) fn state(self, state: &ServiceState) -> Cow<'_, ServiceState> {
        if self.count == 0 {
            return Cow::Borrowed(state);
        }
        let mut state = state.clone();
        if let Some(write) = &mut state.last_write {
            write.to = write.to.saturating_sub(self.count);
        }
        if let Some(reset) = &mut state.reset {
            reset.was = reset.was.saturating_sub(self.count);
        }
        Cow::Owned(state)
    }

    /// Brings a verdict about the others back to all of them. `bounds` are those of the policy itself.
    pub(super) fn all(self, verdict: &mut Verdict, bounds: Bounds) {
        if self.is_nothing() {
            return;
        }
        let add = |number: &mut u32| *number = number.saturating_add(self.count);
        if let Some(proposal) = &mut verdict.proposal {
            add(&mut proposal.to);
        }
        for clamp in &mut verdict.clamps {
            let (Clamp::Maximum { wanted, to }
            | Clamp::Minimum { wanted, to }
            | Clamp::Stabilised { wanted, to }
            | Clamp::Rate { wanted, to }
            | Clamp::Overshoot { wanted, to, .. }
            | Clamp::Room { wanted, to }) = clamp;
            add(wanted);
            add(to);
        }
        let was = |reason: &mut ScaleReason| {
            if let ScaleReason::Reasserted { was, .. } = reason {
                add(was);
            }
        };
        if let Some(proposal) = &mut verdict.proposal {
            was(&mut proposal.reason);
        }
        match &mut verdict.decision {
            Decision::Scale { from, to, reason } => {
                was(reason);
                if let Some((_, replica)) = self.replacement
                    && *reason == ScaleReason::BelowMinimum
                    && *from >= bounds.min()
                {
                    *reason = ScaleReason::Replaced { replica };
                }
                add(from);
                add(to);
            }
            Decision::Hold(
                HoldReason::NotServing {
                    serving: number, ..
                }
                | HoldReason::Draining {
                    serving: number, ..
                }
                | HoldReason::AtMaximum { wanted: number }
                | HoldReason::Stabilising { wanted: number, .. }
                | HoldReason::AwaitingView { to: number }
                | HoldReason::OutcomeUnknown { to: number, .. },
            ) => add(number),
            Decision::Hold(HoldReason::TelemetryPartial {
                reporting,
                expected,
                ..
            }) => {
                add(reporting);
                add(expected);
            }
            Decision::Hold(_) => {}
        }
        if let (Some(proposal), Decision::Scale { reason, .. }) =
            (&mut verdict.proposal, &verdict.decision)
            && proposal.reason == ScaleReason::BelowMinimum
        {
            proposal.reason = *reason;
        }
    }
}
