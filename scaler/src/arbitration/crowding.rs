//! Room as it turned out: tasks that find no node tell that less fits than the sum over nodes says.

use std::time::Duration;

use super::{Amounts, Capacity};

/// How long tasks have to be without a node before that counts: the scheduler needs a moment for any.
const NOTICE: Duration = Duration::from_secs(4);

/// How long the limit holds once every task has a node; doubles each time that it turns out to be true again.
const HOLD_MIN: Duration = Duration::from_secs(60);

/// The longest that it holds.
const HOLD_MAX: Duration = Duration::from_secs(960);

/// What is remembered of tasks that found no node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Crowding {
    unplaced_since: Option<Duration>,
    limit: Option<Limit>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Limit {
    capacity: Capacity,
    /// When a task was last without a node.
    seen: Duration,
    hold: Duration,
    /// Over, and kept only so that the next one holds for longer.
    lifted: bool,
}

impl Crowding {
    /// Takes note of one look at the swarm: what tasks that have a node take, and what one task takes of each thing that is short
    /// for those that have none (`None`: all have one). Returns the limit in force.
    pub fn observe(
        &mut self,
        placed: Amounts,
        unplaced: Option<Amounts>,
        now: Duration,
    ) -> Capacity {
        match unplaced {
            None => self.unplaced_since = None,
            Some(each) => {
                let since = *self.unplaced_since.get_or_insert(now);
                if now.saturating_sub(since) >= NOTICE {
                    self.learn(placed, each, now);
                }
            }
        }
        self.expire(now)
    }

    fn learn(&mut self, placed: Amounts, each: Amounts, now: Duration) {
        let hold = match self.limit {
            Some(limit) if limit.lifted => (limit.hold * 2).min(HOLD_MAX),
            Some(limit) => limit.hold,
            None => HOLD_MIN,
        };
        let of = |placed: u64, each: u64| (each > 0).then_some(placed);
        self.limit = Some(Limit {
            capacity: Capacity {
                nano_cpus: of(placed.nano_cpus, each.nano_cpus),
                memory_bytes: of(placed.memory_bytes, each.memory_bytes),
                replicas: None,
            },
            seen: now,
            hold,
            lifted: false,
        });
    }

    fn expire(&mut self, now: Duration) -> Capacity {
        let Some(limit) = &mut self.limit else {
            return Capacity::default();
        };
        let age = now.saturating_sub(limit.seen);
        if age >= limit.hold * 2 {
            self.limit = None;
            return Capacity::default();
        }
        limit.lifted |= age >= limit.hold;
        if limit.lifted {
            Capacity::default()
        } else {
            limit.capacity
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EACH: Amounts = Amounts {
        nano_cpus: 1,
        memory_bytes: 0,
        replicas: 1,
    };

    fn placed(nano_cpus: u64) -> Amounts {
        Amounts {
            nano_cpus,
            memory_bytes: 70,
            replicas: nano_cpus,
        }
    }

    #[test]
    fn what_fitted_is_the_limit_until_it_has_held_long_enough() {
        let mut crowding = Crowding::default();
        let second = Duration::from_secs(1);
        let mut look = |at: u32, unplaced| crowding.observe(placed(8), unplaced, second * at);
        assert_eq!(look(0, Some(EACH)), Capacity::default(), "may be starting");
        let full = Capacity {
            nano_cpus: Some(8),
            ..Capacity::default()
        };
        assert_eq!(look(5, Some(EACH)), full, "memory is not short");
        assert_eq!(look(6, None), full, "they gave way, and it holds on");
        assert_eq!(look(64, None), full);
        assert_eq!(look(65, None), Capacity::default(), "it tries again");
        assert_eq!(look(66, Some(EACH)), Capacity::default());
        assert_eq!(look(70, Some(EACH)), full);
        assert_eq!(look(150, None), full, "for twice as long now");
        assert_eq!(look(190, None), Capacity::default());
        assert_eq!(look(400, Some(EACH)), Capacity::default());
        assert_eq!(look(404, Some(EACH)), full);
        assert_eq!(look(464, None), Capacity::default(), "as the first time");
    }
}
