//! Target tracking: what the track recommends to a proposal, and the proposal through windows, bursts and rates.

use std::time::Duration;

use super::{Clamp, Proposal, ScaleReason, Situation};
use crate::{
    hold::HoldReason,
    policy::{Amount, Direction, Policy, Rate, Select},
    time::millis,
};

/// What the targets ask for; `Ok(None)`: as many as there are.
pub(super) fn propose(situation: &Situation<'_>) -> Result<Option<Proposal>, HoldReason> {
    let latest = situation.track.latest();
    let replicas = situation.observation.mode.replicas();
    let unsure = || latest.unsure.clone().map_or(Ok(None), Err);
    let Some(leading) = latest.leading() else {
        return unsure();
    };
    let proposal = Proposal {
        to: leading.to,
        reason: ScaleReason::Target {
            metric: leading.metric,
            aim: leading.aim,
            demand: leading.level + leading.ahead,
            target: leading.target,
        },
    };
    if leading.to > replicas {
        return Ok(Some(proposal));
    }
    let none = unsure()?;
    Ok(if leading.to < replicas {
        Some(proposal)
    } else {
        none
    })
}

/// Takes a proposal of the targets through stabilisation, burst and rates; what is left of it, or why nothing is.
pub(super) fn temper(
    policy: &Policy,
    proposal: Proposal,
    situation: &Situation<'_>,
    now: Duration,
) -> (Vec<Clamp>, Result<u32, HoldReason>) {
    let replicas = situation.observation.mode.replicas();
    let mut clamps = Vec::new();
    if !matches!(proposal.reason, ScaleReason::Target { .. }) {
        return (clamps, Ok(proposal.to));
    }
    let latest = situation.track.latest();
    let (direction, extreme) = if proposal.to > replicas {
        (Direction::Up, latest.lowest)
    } else {
        (Direction::Down, latest.highest)
    };
    if let (Direction::Down, Some(left)) = (direction, latest.panic_left) {
        let remaining_ms = millis(left);
        return (clamps, Err(HoldReason::Burst { remaining_ms }));
    }
    let mut to = proposal.to;
    if let Some((extreme, left)) = extreme {
        let stable = toward(direction, replicas, extreme);
        if stable != to {
            clamps.push(Clamp::Stabilised {
                wanted: to,
                to: stable,
            });
            to = stable;
        }
        if to == replicas {
            let hold = HoldReason::Stabilising {
                direction,
                wanted: extreme,
                remaining_ms: millis(left),
            };
            return (clamps, Err(hold));
        }
    }
    if let Some(limit) = limit(policy, direction, situation, now) {
        let limited = match direction {
            Direction::Up => to.min(limit.max(replicas)),
            Direction::Down => to.max(limit.min(replicas)),
        };
        if limited != to {
            clamps.push(Clamp::Rate {
                wanted: to,
                to: limited,
            });
            to = limited;
        }
        if to == replicas {
            return (clamps, Err(HoldReason::RateLimited { direction }));
        }
    }
    (clamps, Ok(to))
}

/// `extreme`, but not on the other side of `replicas`.
fn toward(direction: Direction, replicas: u32, extreme: u32) -> u32 {
    match direction {
        Direction::Up => extreme.max(replicas),
        Direction::Down => extreme.min(replicas),
    }
}

/// The replicas that the rates of a direction let it go to; `None` without rates.
fn limit(
    policy: &Policy,
    direction: Direction,
    situation: &Situation<'_>,
    now: Duration,
) -> Option<u32> {
    let rates = policy.tracking().rates(direction);
    let each = rates.rates().iter().map(|rate| {
        let before = situation.track.wanted_at(now.saturating_sub(rate.period));
        reach(before, rate, direction)
    });
    match (rates.select(), direction) {
        (Select::Disabled, _) => Some(situation.observation.mode.replicas()),
        (Select::Max, Direction::Up) | (Select::Min, Direction::Down) => each.max(),
        (Select::Min, Direction::Up) | (Select::Max, Direction::Down) => each.min(),
    }
}

/// How far a rate lets replicas go that were `before` when its period began; per cent count in favour of the change.
fn reach(before: u32, rate: &Rate, direction: Direction) -> u32 {
    let change = match rate.amount {
        Amount::Replicas(count) => count.get(),
        Amount::Percent(percent) => {
            let part = u64::from(before) * u64::from(percent.get());
            u32::try_from(part.div_ceil(100)).unwrap_or(u32::MAX)
        }
    };
    match direction {
        Direction::Up => before.saturating_add(change),
        Direction::Down => before.saturating_sub(change),
    }
}
