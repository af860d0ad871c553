//! A fluid queue in front of a service: arrivals and capacity are rates, and what happens in between is solved exactly.
//!
//! A request's wait is the backlog that it finds, divided by the capacity at that moment. What finds more than
//! [`LIMIT_SECONDS`] of capacity waiting is dropped; what finds more than [`SLO_SECONDS`] is late.

/// The queue holds so much of the service's capacity, in seconds; what comes on top is dropped.
pub const LIMIT_SECONDS: f64 = 2.0;

/// Longest wait that meets the objective, in seconds.
pub const SLO_SECONDS: f64 = 0.5;

/// What became of the requests of one step; all in requests.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Flow {
    /// Served.
    pub served: f64,
    /// Turned away because the queue was full.
    pub dropped: f64,
    /// Taken in, but with a wait above the objective.
    pub late: f64,
}

/// The backlog of one service, in requests.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Queue {
    backlog: f64,
}

impl Queue {
    /// Requests that wait.
    #[must_use]
    pub const fn backlog(&self) -> f64 {
        self.backlog
    }

    /// Lets `seconds` pass in which `arrivals` requests come evenly and `capacity` requests a second can be served.
    ///
    /// Without capacity everything is dropped, the backlog as well: nobody is left to hold it.
    pub fn advance(&mut self, arrivals: f64, capacity: f64, seconds: f64) -> Flow {
        let mut flow = Flow::default();
        if capacity <= 0.0 {
            flow.dropped = arrivals + self.backlog;
            self.backlog = 0.0;
            return flow;
        }
        let rate = arrivals / seconds;
        let limit = LIMIT_SECONDS * capacity;
        let mut left = seconds;
        if self.backlog > limit {
            let above = left.min((self.backlog - limit) / capacity);
            flow.dropped += rate * above;
            flow.served += capacity * above;
            self.backlog -= capacity * above;
            left -= above;
        }
        if rate >= capacity {
            self.fill(rate, capacity, left, &mut flow);
        } else {
            self.drain(rate, capacity, left, &mut flow);
        }
        flow
    }

    /// Arrivals keep up with capacity or exceed it: the backlog grows to the limit.
    fn fill(&mut self, rate: f64, capacity: f64, left: f64, flow: &mut Flow) {
        let slope = rate - capacity;
        let until = |mark: f64, backlog: f64| {
            if backlog >= mark {
                0.0
            } else if slope > 0.0 {
                (mark - backlog) / slope
            } else {
                f64::INFINITY
            }
        };
        let limit = LIMIT_SECONDS * capacity;
        let growing = left.min(until(limit, self.backlog));
        let mark = SLO_SECONDS * capacity;
        // What finds exactly the mark is in time.
        let in_time = if self.backlog > mark {
            0.0
        } else if slope > 0.0 {
            growing.min(until(mark, self.backlog))
        } else {
            growing
        };
        flow.late += rate * (growing - in_time);
        self.backlog = (self.backlog + slope * growing).min(limit.max(self.backlog));
        let full = left - growing;
        flow.dropped += slope * full;
        flow.late += capacity * full;
        flow.served += capacity * left;
    }

    /// Capacity exceeds arrivals: the backlog shrinks until nothing waits.
    fn drain(&mut self, rate: f64, capacity: f64, left: f64, flow: &mut Flow) {
        let slope = capacity - rate;
        let draining = left.min(self.backlog / slope);
        let late = ((self.backlog - SLO_SECONDS * capacity) / slope).clamp(0.0, draining);
        flow.late += rate * late;
        flow.served += capacity * draining + rate * (left - draining);
        self.backlog = if draining < left {
            0.0
        } else {
            self.backlog - slope * draining
        };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(backlog: f64, arrivals: f64, capacity: f64, after: f64, expected: Flow) {
        let mut queue = Queue { backlog };
        let flow = queue.advance(arrivals, capacity, 1.0);
        for (name, is, should) in [
            ("backlog", queue.backlog, after),
            ("served", flow.served, expected.served),
            ("dropped", flow.dropped, expected.dropped),
            ("late", flow.late, expected.late),
        ] {
            assert!((is - should).abs() < 1e-9, "{name}: {is}, not {should}");
        }
    }

    fn flow(served: f64, dropped: f64, late: f64) -> Flow {
        Flow {
            served,
            dropped,
            late,
        }
    }

    #[test]
    fn known_seconds() {
        // Idle, exactly loaded, with a backlog exactly at the mark.
        check(0.0, 6.0, 10.0, 0.0, flow(6.0, 0.0, 0.0));
        check(0.0, 10.0, 10.0, 0.0, flow(10.0, 0.0, 0.0));
        check(5.0, 10.0, 10.0, 5.0, flow(10.0, 0.0, 0.0));
        // Twice the capacity: after half a second the wait is half a second.
        check(0.0, 20.0, 10.0, 10.0, flow(10.0, 0.0, 10.0));
        // The queue fills in the middle; from then on half is dropped.
        check(15.0, 20.0, 10.0, 20.0, flow(10.0, 5.0, 15.0));
        // Draining: the wait is over the mark for the first half.
        check(10.0, 0.0, 10.0, 0.0, flow(10.0, 0.0, 0.0));
        check(8.0, 4.0, 10.0, 2.0, flow(10.0, 0.0, 2.0));
        // Capacity was taken away: nothing is admitted until the backlog is at the limit.
        check(25.0, 8.0, 10.0, 19.0, flow(10.0, 4.0, 4.0));
        // Nobody serves.
        check(3.0, 8.0, 0.0, 0.0, flow(0.0, 11.0, 0.0));
    }

    proptest! {
        #[test]
        fn nothing_is_lost_or_made(steps in prop::collection::vec((0.0..500.0_f64, 0_u32..40), 1..60)) {
            let mut queue = Queue::default();
            let (mut arrived, mut gone) = (0.0, 0.0);
            for (arrivals, replicas) in steps {
                let capacity = f64::from(replicas) * 10.0;
                let before = queue.backlog();
                let flow = queue.advance(arrivals, capacity, 0.25);
                arrived += arrivals;
                gone += flow.served + flow.dropped;
                prop_assert!(flow.served >= 0.0 && flow.dropped >= 0.0 && flow.late >= 0.0);
                let held = if replicas == 0 { before } else { 0.0 };
                prop_assert!(flow.late + flow.dropped <= arrivals + held + 1e-6);
                prop_assert!(flow.served <= capacity * 0.25 + 1e-6);
                prop_assert!(queue.backlog() >= 0.0);
                prop_assert!(queue.backlog() <= before.max(LIMIT_SECONDS * capacity) + 1e-6);
                prop_assert!((arrived - gone - queue.backlog()).abs() < 1e-6);
            }
        }

        #[test]
        fn more_capacity_is_never_worse(
            backlog in 0.0..100.0_f64,
            steps in prop::collection::vec(0.0..100.0_f64, 1..40),
            replicas in 1_u32..20,
        ) {
            let capacity = f64::from(replicas) * 10.0;
            let (mut small, mut large) = (Queue { backlog }, Queue { backlog });
            let bad = |queue: &mut Queue, capacity: f64| -> f64 {
                steps.iter().map(|arrivals| {
                    let flow = queue.advance(*arrivals, capacity, 0.25);
                    flow.late + flow.dropped
                }).sum()
            };
            let (worse, better) = (bad(&mut small, capacity), bad(&mut large, capacity + 10.0));
            prop_assert!(better <= worse + 1e-6, "{better} {worse}");
        }
    }
}
