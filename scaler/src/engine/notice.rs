//! Which decisions are events: what changed since the last one that was told.

use std::time::Duration;

use super::{Command, Engine, Moment};
use crate::{
    arbitration::PoolState,
    decide::{Decision, ScaleReason},
    event::{EVENTS_MAX, Event, EventKind},
    hold::{HoldKind, HoldReason},
    record::{DecisionRecord, Outcome},
};

/// Events until the shell takes them.
#[derive(Debug, Default)]
pub(super) struct Events {
    waiting: Vec<Event>,
    dropped: u64,
    /// What holds all services alike, as last told.
    swarm_hold: Option<HoldKind>,
}

impl Events {
    pub(super) fn tell(&mut self, event: Event) {
        if self.waiting.len() < EVENTS_MAX {
            self.waiting.push(event);
        } else {
            self.dropped += 1;
        }
    }

    pub(super) fn take(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.waiting)
    }

    pub(super) const fn dropped(&self) -> u64 {
        self.dropped
    }
}

/// What has been told of one service.
#[derive(Clone, Debug, Default)]
pub(super) struct Notices {
    telemetry_bad_since: Option<Duration>,
    telemetry_lost: bool,
    not_serving: bool,
    short: bool,
    /// When the reset was seen that was told last.
    reset_unix_ms: Option<u64>,
}

impl Notices {
    /// What the latest record tells that has not been told; `opened`: it began with this tick.
    fn look(
        &mut self,
        record: &DecisionRecord,
        opened: bool,
        lost_after: Duration,
        now: Duration,
    ) -> Vec<EventKind> {
        let mut told = Vec::new();
        let held = match &record.decision {
            Decision::Hold(reason) => Some(reason),
            Decision::Scale { .. } => None,
        };
        let kind = held.map(HoldReason::kind);
        self.telemetry(kind, lost_after, now, &mut told);
        self.room(record, opened, &mut told);
        self.serving(record, kind, lost_after, &mut told);
        self.reset(record, &mut told);
        if !opened {
            return told;
        }
        match held {
            Some(HoldReason::AtMaximum { wanted }) => told.push(EventKind::AtMaximum {
                wanted: *wanted,
                max: record.limits.map_or(record.replicas, |limits| limits.max),
            }),
            Some(reason) if !is_ordinary(reason.kind()) => told.push(EventKind::Held {
                reason: reason.kind(),
            }),
            Some(_) | None => {}
        }
        told
    }

    fn telemetry(
        &mut self,
        kind: Option<HoldKind>,
        lost_after: Duration,
        now: Duration,
        told: &mut Vec<EventKind>,
    ) {
        match kind {
            Some(reason) if is_telemetry(reason) => {
                let since = *self.telemetry_bad_since.get_or_insert(now);
                if !self.telemetry_lost && now.saturating_sub(since) >= lost_after {
                    self.telemetry_lost = true;
                    told.push(EventKind::TelemetryLost { reason });
                }
            }
            Some(reason) if !needs_telemetry(reason) => {}
            Some(_) | None => {
                self.telemetry_bad_since = None;
                if std::mem::take(&mut self.telemetry_lost) {
                    told.push(EventKind::TelemetryBack);
                }
            }
        }
    }

    /// Starting is ordinary; not coming to an end with it is not.
    fn serving(
        &mut self,
        record: &DecisionRecord,
        kind: Option<HoldKind>,
        after: Duration,
        told: &mut Vec<EventKind>,
    ) {
        let stuck = kind == Some(HoldKind::NotServing)
            && u128::from(record.last_unix_ms.saturating_sub(record.first_unix_ms))
                >= after.as_millis();
        if stuck && !self.not_serving {
            told.push(EventKind::Held {
                reason: HoldKind::NotServing,
            });
        }
        self.not_serving = stuck;
    }

    /// Replicas that a redeployed stack took away, whether or not they are put back.
    fn reset(&mut self, record: &DecisionRecord, told: &mut Vec<EventKind>) {
        let Some(reset) = record.reset else { return };
        if self.reset_unix_ms.replace(reset.unix_ms) != Some(reset.unix_ms) {
            told.push(EventKind::ReplicasReset {
                was: reset.was,
                to: reset.to,
                by: reset.by,
            });
        }
    }

    fn room(&mut self, record: &DecisionRecord, opened: bool, told: &mut Vec<EventKind>) {
        let short = match &record.decision {
            Decision::Hold(HoldReason::Shortage { wanted, granted }) => Some((*wanted, *granted)),
            Decision::Scale {
                to,
                reason: ScaleReason::GaveWay { wanted },
                ..
            } => Some((*wanted, *to)),
            Decision::Hold(reason) if !needs_telemetry(reason.kind()) => return,
            Decision::Hold(_) | Decision::Scale { .. } => None,
        };
        match short {
            Some((wanted, granted)) if opened => {
                self.short = true;
                told.push(EventKind::Shortage { wanted, granted });
            }
            Some(_) => {}
            None => {
                if std::mem::take(&mut self.short) {
                    told.push(EventKind::ShortageOver);
                }
            }
        }
    }
}

const fn is_telemetry(kind: HoldKind) -> bool {
    matches!(
        kind,
        HoldKind::TelemetryMissing
            | HoldKind::TelemetryPartial
            | HoldKind::TelemetryStale
            | HoldKind::TelemetryInvalid
    )
}

/// Whether the hold is one that is only reached with telemetry that can be acted on.
const fn needs_telemetry(kind: HoldKind) -> bool {
    matches!(
        kind,
        HoldKind::WithinBand
            | HoldKind::Burst
            | HoldKind::Stabilising
            | HoldKind::RateLimited
            | HoldKind::AtMaximum
            | HoldKind::AtMinimum
            | HoldKind::WouldOvershoot
            | HoldKind::WarmUp
            | HoldKind::Failing
            | HoldKind::Cooldown
            | HoldKind::Shortage
    )
}

/// Whether it holds all services alike, so that it is told once.
const fn is_swarm_wide(kind: HoldKind) -> bool {
    matches!(
        kind,
        HoldKind::ViewStale
            | HoldKind::NotLeader
            | HoldKind::LeadershipUnknown
            | HoldKind::NodesUnknown
    )
}

/// Part of every service's day, or told otherwise.
const fn is_ordinary(kind: HoldKind) -> bool {
    is_telemetry(kind)
        || is_swarm_wide(kind)
        || needs_telemetry(kind)
        || kind.is_passing()
        || matches!(
            kind,
            HoldKind::Settling
                | HoldKind::Draining
                | HoldKind::WriteBudget
                | HoldKind::NotServing
                | HoldKind::Disabled
                | HoldKind::ChangeBudget
        )
}

/// What the end of a write is told as.
pub(super) fn completed(command: &Command, outcome: &Outcome) -> EventKind {
    let Command { from, to, .. } = *command;
    if *outcome == Outcome::Applied {
        return EventKind::Scaled { from, to };
    }
    EventKind::NotScaled {
        from,
        to,
        outcome: outcome.name().to_owned(),
    }
}

/// What the end of a write is told as besides, when it put back what a redeployed stack took away.
pub(super) fn reasserted(
    command: &Command,
    told: &EventKind,
    record: Option<&DecisionRecord>,
) -> Option<EventKind> {
    let Decision::Scale {
        reason: ScaleReason::Reasserted { was, .. },
        ..
    } = record?.decision
    else {
        return None;
    };
    let Command { from, to, .. } = *command;
    matches!(told, EventKind::Scaled { .. }).then_some(EventKind::Reasserted { from, to, was })
}

/// The state of the node pool as a person says it.
pub(super) fn pool_words(state: PoolState) -> String {
    match state {
        PoolState::Enough => "The swarm has nodes enough.".to_owned(),
        PoolState::Spare => "The swarm could do without its largest node.".to_owned(),
        PoolState::Needed { lacking, nodes } => {
            let mut lacks = Vec::new();
            if lacking.nano_cpus > 0 {
                lacks.push(format!("{:.1} cores", lacking.nano_cpus as f64 / 1e9));
            }
            if lacking.memory_bytes > 0 {
                let mebibytes = lacking.memory_bytes.div_ceil(1 << 20);
                lacks.push(format!("{mebibytes} MiB of memory"));
            }
            if lacking.replicas > 0 {
                lacks.push(format!("{} replicas of its limit", lacking.replicas));
            }
            let nodes = nodes
                .map(|nodes| format!(": {nodes} more like its largest would do"))
                .unwrap_or_default();
            format!("The swarm lacks {}{nodes}.", lacks.join(" and "))
        }
    }
}

impl Engine {
    /// Notes what this tick's decisions are to be told of.
    pub(super) fn note_events(&mut self, moment: Moment) {
        let lost_after = self.settings.telemetry_lost_after;
        let mut swarm_hold = None;
        for (name, entry) in &mut self.services {
            let (notices, history) = entry.notices();
            let Some(record) = history.last() else {
                continue;
            };
            let opened = record.tick == moment.tick;
            if let Decision::Hold(reason) = &record.decision
                && is_swarm_wide(reason.kind())
                && record.last_unix_ms == moment.unix_ms
            {
                swarm_hold.get_or_insert_with(|| (reason.kind(), record.explain()));
            }
            for kind in notices.look(record, opened, lost_after, moment.now) {
                self.events.tell(Event {
                    unix_ms: moment.unix_ms,
                    service: Some(name.clone()),
                    kind,
                    words: record.explain(),
                });
            }
        }
        self.note_swarm(swarm_hold, moment.unix_ms);
    }

    fn note_swarm(&mut self, hold: Option<(HoldKind, String)>, unix_ms: u64) {
        let kind = hold.as_ref().map(|(kind, _)| *kind);
        if std::mem::replace(&mut self.events.swarm_hold, kind) == kind {
            return;
        }
        if let Some((reason, words)) = hold {
            let why = words
                .split_once(": ")
                .map_or(words.as_str(), |(_, why)| why);
            self.events.tell(Event {
                unix_ms,
                service: None,
                kind: EventKind::Held { reason },
                words: format!("All services are held: {why}"),
            });
        }
    }
}
