//! Elasticity as SPEC RG measures it, and what users and the bill see.

use serde::Serialize;

use crate::setup::{STEP_SECONDS, STEPS_PER_SECOND};

/// One policy's result. Shares are in percent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The policy's name.
    pub policy: String,
    /// θU: missing replicas as a part of demand, on average over time.
    pub theta_u_percent: f64,
    /// θO: spare replicas as a part of demand, on average over time.
    pub theta_o_percent: f64,
    /// τU: share of time with too few replicas.
    pub tau_u_percent: f64,
    /// τO: share of time with too many.
    pub tau_o_percent: f64,
    /// υ: share of seconds in which supply and demand do not move the same way.
    pub instability_percent: f64,
    /// Requests that waited too long or were dropped.
    pub slo_violations_percent: f64,
    /// Requests that were dropped.
    pub dropped_percent: f64,
    /// Replica-seconds, from the request for a container to its end, over demand-seconds.
    pub cost: f64,
    /// Changes of the number of replicas an hour.
    pub changes_per_hour: f64,
}

/// Adds a run up, step by step.
#[derive(Clone, Debug, Default)]
pub(crate) struct Score {
    steps: u64,
    under: f64,
    over: f64,
    under_steps: u64,
    over_steps: u64,
    demand: f64,
    held: f64,
    unstable: u64,
    seconds: u64,
    last: Option<(f64, f64)>,
}

impl Score {
    /// Counts a step: replicas that would have sufficed, that served, and that existed in whatever state.
    pub(crate) fn step(&mut self, demand: f64, supply: f64, held: f64) {
        self.under += (demand - supply).max(0.0) / demand;
        self.over += (supply - demand).max(0.0) / demand;
        self.under_steps += u64::from(supply < demand);
        self.over_steps += u64::from(supply > demand);
        self.demand += demand;
        self.held += held;
        self.steps += 1;
        if self.steps.is_multiple_of(STEPS_PER_SECOND)
            && let Some((demand_before, supply_before)) = self.last.replace((demand, supply))
        {
            self.seconds += 1;
            self.unstable +=
                u64::from(sign(supply - supply_before) != sign(demand - demand_before));
        }
    }

    /// The result, with what the queue counted.
    pub(crate) fn row(&self, policy: &str, totals: &crate::service::Totals, changes: u64) -> Row {
        let steps = self.steps.max(1) as f64;
        let share = |part: f64, whole: f64| {
            if whole > 0.0 {
                100.0 * part / whole
            } else {
                0.0
            }
        };
        Row {
            policy: policy.to_owned(),
            theta_u_percent: share(self.under, steps),
            theta_o_percent: share(self.over, steps),
            tau_u_percent: share(self.under_steps as f64, steps),
            tau_o_percent: share(self.over_steps as f64, steps),
            instability_percent: share(self.unstable as f64, self.seconds as f64),
            slo_violations_percent: share(totals.late + totals.dropped, totals.arrived),
            dropped_percent: share(totals.dropped, totals.arrived),
            cost: self.held / self.demand.max(1.0),
            changes_per_hour: changes as f64 / (steps * STEP_SECONDS / 3600.0),
        }
    }
}

fn sign(difference: f64) -> i8 {
    i8::from(difference > 0.0) - i8::from(difference < 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::Totals;

    #[test]
    fn by_hand() {
        let mut score = Score::default();
        // Four seconds: exact, one missing of two, twice the demand, exact.
        for (demand, supply) in [(2.0, 2.0), (2.0, 1.0), (1.0, 2.0), (2.0, 2.0)] {
            for _ in 0..STEPS_PER_SECOND {
                score.step(demand, supply, supply + 1.0);
            }
        }
        let totals = Totals {
            arrived: 200.0,
            served: 190.0,
            dropped: 4.0,
            late: 6.0,
            queued: 6.0,
        };
        assert_eq!(
            score.row("x", &totals, 3),
            Row {
                policy: "x".to_owned(),
                theta_u_percent: 12.5,
                theta_o_percent: 25.0,
                tau_u_percent: 25.0,
                tau_o_percent: 25.0,
                instability_percent: 100.0,
                slo_violations_percent: 5.0,
                dropped_percent: 2.0,
                cost: 11.0 / 7.0,
                changes_per_hour: 2700.0,
            }
        );
    }

    #[test]
    fn nothing_gives_no_shares() {
        let row = Score::default().row("x", &Totals::default(), 0);
        assert_eq!(row.slo_violations_percent, 0.0);
        assert_eq!(row.cost, 0.0);
    }
}
