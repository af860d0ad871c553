//! Decisions under what all services have to share: pauses first, then room.
//!
//! What a service wishes is what it decided for itself. It can be made to give way, and get back what it gave, where nothing but its
//! own policy stands in the way; a service that is held for any other reason keeps what it has, and so does one that a person paused.

use serde::Deserialize;

use super::{Engine, Moment, Prepared};
use crate::{
    admin::{AdminMode, Scope},
    arbitration::{Amounts, Capacity, Crowding, NodePool, PoolState, Wish, arbitrate, total},
    decide::{Clamp, Decision, ScaleReason, Verdict},
    event::{Event, EventKind},
    hold::{HoldKind, HoldReason},
    observation::Mode,
    pause::Paused,
    policy::Direction,
};

/// What there is room for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Resources {
    /// What the services that are scaled may use together.
    pub capacity: Capacity,
    /// The largest node that takes tasks; `None` where there is one at most.
    pub largest_node: Option<Amounts>,
}

/// What the engine remembers of room.
#[derive(Debug, Default)]
pub(super) struct Rooms {
    crowding: Crowding,
    pool: NodePool,
}

impl Rooms {
    pub(super) const fn pool(&self) -> PoolState {
        self.pool.state()
    }
}

/// Holds a change in a direction that a person paused.
pub(super) fn pause(verdict: &mut Verdict, paused: Paused, unix_ms: u64) {
    let Decision::Scale { from, to, .. } = verdict.decision else {
        return;
    };
    let direction = if to > from {
        Direction::Up
    } else {
        Direction::Down
    };
    if let Some(until_unix_ms) = paused.until(direction, unix_ms) {
        verdict.decision = Decision::Hold(HoldReason::Paused {
            direction,
            until_unix_ms,
        });
    }
}

impl Engine {
    /// Brings what all services would have into what there is room for. `prepared` is in the order of names.
    pub(super) fn share_room(
        &mut self,
        prepared: &mut [Prepared<'_>],
        resources: &Resources,
        moment: Moment,
    ) {
        let wishes: Vec<Wish> = prepared
            .iter()
            .map(|prepared| self.wish(prepared, moment.unix_ms))
            .collect();
        let crowded = self
            .rooms
            .crowding
            .observe(placed(prepared), unplaced(prepared), moment.now);
        let capacity = resources.capacity.at_most(crowded);
        let wanted: Vec<u32> = wishes.iter().map(|wish| wish.wanted).collect();
        let changed = self.rooms.pool.observe(
            &capacity,
            total(&wishes, &wanted),
            resources.largest_node,
            moment.now,
        );
        if changed {
            let state = self.rooms.pool.state();
            self.events.tell(Event {
                unix_ms: moment.unix_ms,
                service: None,
                kind: EventKind::NodePool(state),
                words: super::notice::pool_words(state),
            });
        }
        let grants = arbitrate(&capacity, &wishes);
        for ((prepared, wish), grant) in prepared.iter_mut().zip(&wishes).zip(grants) {
            let replicas = prepared.input.observation.mode.replicas();
            if let Some(entry) = self.services.get_mut(&prepared.input.name) {
                let own = own_wish(&prepared.verdict, replicas);
                entry.set_owed(owed(entry.owed(), own, replicas, grant));
            }
            if is_movable(&prepared.verdict) {
                grant_to(&mut prepared.verdict, replicas, wish.wanted, grant);
            }
        }
    }

    /// What a service would have, and what it keeps in any case.
    fn wish(&self, prepared: &Prepared<'_>, unix_ms: u64) -> Wish {
        let Prepared {
            input,
            admin,
            verdict,
        } = prepared;
        let entry = self.services.get(&input.name);
        let policy = entry.and_then(|entry| entry.policy().ok().flatten());
        let under_way = entry
            .and_then(|entry| entry.state().in_flight)
            .map_or(0, |write| write.to);
        let replicas = input.observation.mode.replicas();
        let mut wish = Wish {
            priority: policy.map_or(0, |policy| policy.priority()),
            floor: replicas.max(under_way),
            current: replicas,
            wanted: replicas.max(under_way),
            each: input.reservation,
        };
        let hypothetical = admin.mode == AdminMode::DryRun && admin.by == Scope::Service;
        let Some(policy) = policy.filter(|_| is_movable(verdict) && !hypothetical) else {
            return wish;
        };
        let bounds = policy.bounds();
        let paused = self.admin.paused(&input.name);
        let own = own_wish(verdict, replicas);
        // Tasks that found no node are nothing that it has.
        wish.current = replicas.saturating_sub(input.unplaced);
        wish.floor = bounds.min().min(own);
        wish.wanted = match entry.and_then(super::Entry::owed) {
            Some(owed) if own >= replicas => own.max(owed.min(bounds.max())),
            _ => own,
        };
        if paused.until(Direction::Down, unix_ms).is_some() {
            wish.floor = wish.floor.max(replicas);
        }
        if paused.until(Direction::Up, unix_ms).is_some() {
            wish.wanted = wish.wanted.min(replicas);
        }
        wish.wanted = wish.wanted.max(wish.floor);
        wish
    }
}

/// Whether nothing but the service's own policy speaks against another number of replicas.
///
/// What is not listed keeps what it has: so does every reason that is added.
fn is_movable(verdict: &Verdict) -> bool {
    let Decision::Hold(reason) = &verdict.decision else {
        return true;
    };
    matches!(
        reason.kind(),
        HoldKind::NotServing
            | HoldKind::Settling
            | HoldKind::WithinBand
            | HoldKind::Burst
            | HoldKind::Stabilising
            | HoldKind::RateLimited
            | HoldKind::AtMaximum
            | HoldKind::AtMinimum
            | HoldKind::WouldOvershoot
            | HoldKind::Cooldown
    )
}

/// What it decided for itself.
const fn own_wish(verdict: &Verdict, replicas: u32) -> u32 {
    match verdict.decision {
        Decision::Scale { to, .. } => to,
        Decision::Hold(_) => replicas,
    }
}

/// What it is to get back: what it had, or would have had, before it gave way; nothing once it has it, or wants less by itself.
fn owed(before: Option<u32>, own: u32, replicas: u32, grant: u32) -> Option<u32> {
    if own < replicas {
        return None;
    }
    let gave_way = (grant < replicas).then_some(replicas);
    before
        .max(gave_way)
        .filter(|owed| *owed > replicas || gave_way.is_some())
}

/// Changes the decision to what was granted.
fn grant_to(verdict: &mut Verdict, from: u32, wanted: u32, grant: u32) {
    let own = own_wish(verdict, from);
    if grant == from && wanted > grant {
        verdict.decision = Decision::Hold(HoldReason::Shortage {
            wanted,
            granted: grant,
        });
    }
    if grant == from || grant == own {
        return;
    }
    let reason = match verdict.decision {
        Decision::Scale { to, reason, .. } if grant > from && grant < to => reason,
        _ if grant > from => ScaleReason::GivenBack,
        _ => ScaleReason::GaveWay { wanted },
    };
    if grant > from && wanted > grant {
        verdict.clamps.push(Clamp::Room { wanted, to: grant });
    }
    verdict.decision = Decision::Scale {
        from,
        to: grant,
        reason,
    };
}

/// What the tasks take that have a node.
fn placed(prepared: &[Prepared<'_>]) -> Amounts {
    prepared.iter().fold(Amounts::default(), |sum, prepared| {
        let observation = &prepared.input.observation;
        let tasks = observation
            .serving
            .saturating_add(observation.starting)
            .saturating_sub(prepared.input.unplaced);
        sum.plus(Amounts::of(prepared.input.reservation, tasks))
    })
}

/// What one task takes of those that have none: the least of each thing that any of them needs.
fn unplaced(prepared: &[Prepared<'_>]) -> Option<Amounts> {
    prepared
        .iter()
        .filter(|prepared| prepared.input.unplaced > 0)
        .filter(|prepared| matches!(prepared.input.observation.mode, Mode::Replicated { .. }))
        .map(|prepared| Amounts::of(prepared.input.reservation, 1))
        .reduce(Amounts::plus)
}
