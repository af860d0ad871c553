//! One priority's share: the same part of what each asks for, in whole replicas.

use super::{Amounts, Reservation};

/// So many replicas more for one service.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ask {
    index: usize,
    each: Amounts,
    need: u32,
    given: u32,
}

impl Ask {
    /// `None` when nothing is asked for.
    pub(super) const fn new(index: usize, each: Reservation, need: u32) -> Option<Self> {
        if need == 0 {
            return None;
        }
        Some(Self {
            index,
            each: Amounts::of(each, 1),
            need,
            given: 0,
        })
    }

    const fn missing(&self) -> u32 {
        self.need - self.given
    }
}

/// Gives what is `left`, and takes it from there. Returns each asker's index and what it got.
///
/// Rounds: each still in line gets the same part of what it misses, rounded down; then the one furthest behind gets a
/// replica, and so on. Whoever's next replica does not fit leaves the line, so that what it cannot use is there for the others.
pub(super) fn share(mut asks: Vec<Ask>, left: &mut Amounts) -> Vec<(usize, u32)> {
    let mut line: Vec<usize> = (0..asks.len()).collect();
    while !line.is_empty() {
        give_parts(&mut asks, &line, left);
        line.retain(|position| asks.get(*position).is_some_and(|ask| ask.missing() > 0));
        line.sort_by(|a, b| behind(&asks, *a).total_cmp(&behind(&asks, *b)));
        line.retain(|position| {
            let Some(ask) = asks.get_mut(*position) else {
                return false;
            };
            if !fits(ask.each, *left) {
                return false;
            }
            *left = left.minus(ask.each);
            ask.given += 1;
            ask.missing() > 0
        });
    }
    asks.iter().map(|ask| (ask.index, ask.given)).collect()
}

/// The part of what it asked for that it would have with one replica more: who is least is next.
fn behind(asks: &[Ask], position: usize) -> f64 {
    asks.get(position)
        .map_or(1.0, |ask| f64::from(ask.given + 1) / f64::from(ask.need))
}

/// Gives each in line the same part of what it misses, the largest for which there is enough of everything.
fn give_parts(asks: &mut [Ask], line: &[usize], left: &mut Amounts) {
    let missing =
        line.iter()
            .filter_map(|position| asks.get(*position))
            .fold([0_u128; 3], |sum, ask| {
                let mut sum = sum;
                for (sum, each) in sum.iter_mut().zip(ask.each.each()) {
                    *sum += u128::from(each) * u128::from(ask.missing());
                }
                sum
            });
    let limits = missing.into_iter().zip(left.each());
    let tightest = limits
        .map(|(missing, left)| (u128::from(left), missing))
        .filter(|(left, missing)| left < missing)
        .min_by(|a, b| part_of(*a).total_cmp(&part_of(*b)));
    for position in line {
        let Some(ask) = asks.get_mut(*position) else {
            continue;
        };
        let part = match tightest {
            None => ask.missing(),
            Some((left, missing)) => {
                let part = u128::from(ask.missing()) * left / missing;
                u32::try_from(part).unwrap_or(u32::MAX)
            }
        };
        ask.given += part;
        *left = left.minus(times(ask.each, part));
    }
}

/// Only to find the tightest; what is given is computed in whole numbers.
#[expect(clippy::cast_precision_loss, reason = "only compared")]
fn part_of((left, missing): (u128, u128)) -> f64 {
    left as f64 / missing as f64
}

const fn times(each: Amounts, replicas: u32) -> Amounts {
    Amounts {
        nano_cpus: each.nano_cpus.saturating_mul(replicas as u64),
        memory_bytes: each.memory_bytes.saturating_mul(replicas as u64),
        replicas: replicas as u64,
    }
}

const fn fits(each: Amounts, left: Amounts) -> bool {
    each.nano_cpus <= left.nano_cpus
        && each.memory_bytes <= left.memory_bytes
        && each.replicas <= left.replicas
}
