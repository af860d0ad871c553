//! How well replicas followed the demand: SPEC RG's elasticity metrics over a replay.
//!
//! Demand is what the live policy's own marks and targets ask for at the load that was measured, within its bounds.

use std::collections::BTreeMap;

use elasticity::plot::Steps;
use scaler::{Engine, Inputs, shadow::Shadow};
use serde::Serialize;

/// Points kept for the plot of one policy; longer replays keep every second, fourth, … point.
const POINTS_MAX: usize = 4_000;

/// Replicas and demand at one time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Demand {
    /// Seconds since the first tick.
    pub seconds: f64,
    /// Replicas that the load asked for.
    pub demand: u32,
    /// Replicas that there were, or would have been.
    pub replicas: u32,
}

/// SPEC RG's metrics, cost and restlessness.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Measures {
    /// Missing replicas as a share of the demand, on average, in per cent.
    pub theta_u_percent: f64,
    /// Replicas too many as a share of the demand, on average.
    pub theta_o_percent: f64,
    /// Share of time with too few.
    pub tau_u_percent: f64,
    /// Share of time with too many.
    pub tau_o_percent: f64,
    /// Share of changes of demand or replicas in which the two did not go the same way.
    pub instability_percent: f64,
    /// Replica-seconds over demand-seconds.
    pub cost: f64,
    /// Changes of replicas an hour.
    pub changes_per_hour: f64,
}

/// One policy's replicas for one service.
#[derive(Clone, Debug, Serialize)]
pub struct Track {
    /// `live`, or the candidate's name.
    pub policy: String,
    /// How well they followed.
    #[serde(flatten)]
    pub measures: Measures,
    /// Over time, for the plot.
    #[serde(skip)]
    pub points: Vec<Demand>,
}

impl Track {
    /// One of its values over time.
    pub(super) fn steps(&self, value: impl Fn(&Demand) -> u32) -> Steps {
        self.points
            .iter()
            .map(|point| (point.seconds, f64::from(value(point))))
            .collect()
    }
}

#[derive(Debug, Default)]
struct Sums {
    last: Option<Demand>,
    seconds: f64,
    under: f64,
    over: f64,
    under_seconds: f64,
    over_seconds: f64,
    demand_seconds: f64,
    replica_seconds: f64,
    steps: u32,
    against: u32,
    changes: u32,
    points: Vec<Demand>,
    every: usize,
    skipped: usize,
}

impl Sums {
    fn add(&mut self, now: Demand) {
        if let Some(last) = self.last {
            let passed = now.seconds - last.seconds;
            let (demand, replicas) = (f64::from(last.demand), f64::from(last.replicas));
            self.seconds += passed;
            self.demand_seconds += passed * demand;
            self.replica_seconds += passed * replicas;
            self.under += passed * (demand - replicas).max(0.0) / demand;
            self.over += passed * (replicas - demand).max(0.0) / demand;
            if replicas < demand {
                self.under_seconds += passed;
            } else if replicas > demand {
                self.over_seconds += passed;
            }
            let (before, after) = (last, now);
            let demand = after.demand.cmp(&before.demand);
            let replicas = after.replicas.cmp(&before.replicas);
            if demand.is_ne() || replicas.is_ne() {
                self.steps += 1;
                self.against += u32::from(demand != replicas);
            }
            self.changes += u32::from(replicas.is_ne());
        }
        self.last = Some(now);
        self.keep(now);
    }

    fn keep(&mut self, now: Demand) {
        let changed = self
            .points
            .last()
            .is_none_or(|last| (last.demand, last.replicas) != (now.demand, now.replicas));
        if !changed {
            return;
        }
        self.skipped += 1;
        if self.skipped < self.every {
            return;
        }
        self.skipped = 0;
        self.points.push(now);
        if self.points.len() >= POINTS_MAX {
            let mut index = 0;
            self.points.retain(|_| {
                index += 1;
                index % 2 == 1
            });
            self.every = self.every.max(1) * 2;
        }
    }

    fn finish(mut self, policy: String) -> Track {
        let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
        let measures = Measures {
            theta_u_percent: 100.0 * share(self.under, self.seconds),
            theta_o_percent: 100.0 * share(self.over, self.seconds),
            tau_u_percent: 100.0 * share(self.under_seconds, self.seconds),
            tau_o_percent: 100.0 * share(self.over_seconds, self.seconds),
            instability_percent: 100.0 * share(f64::from(self.against), f64::from(self.steps)),
            cost: share(self.replica_seconds, self.demand_seconds),
            changes_per_hour: 3600.0 * share(f64::from(self.changes), self.seconds),
        };
        if let Some(last) = self.last
            && self.points.last() != Some(&last)
        {
            self.points.push(last);
        }
        Track {
            policy,
            measures,
            points: self.points,
        }
    }
}

/// Every service's replicas under every policy.
#[derive(Debug, Default)]
pub(super) struct Tracks(BTreeMap<String, Vec<(String, Sums)>>);

impl Tracks {
    /// Takes note of one tick.
    pub(super) fn look(
        &mut self,
        inputs: &Inputs<'_>,
        engine: &Engine,
        shadows: &[Shadow],
        seconds: f64,
    ) {
        for input in &inputs.services {
            let name = input.name.as_str();
            let Some(demand) = demand(engine, name) else {
                continue;
            };
            let live = ("live", input.observation.mode.replicas());
            let others = shadows.iter().filter_map(|shadow| {
                let (replicas, _) = shadow.replicas(name)?;
                Some((shadow.candidate().name(), replicas))
            });
            let service = self.0.entry(name.to_owned()).or_default();
            for (policy, replicas) in std::iter::once(live).chain(others) {
                let known = service.iter().position(|(known, _)| known == policy);
                let index = known.unwrap_or_else(|| {
                    service.push((policy.to_owned(), Sums::default()));
                    service.len() - 1
                });
                if let Some((_, sums)) = service.get_mut(index) {
                    sums.add(Demand {
                        seconds,
                        demand,
                        replicas,
                    });
                }
            }
        }
    }

    pub(super) fn finish(self) -> BTreeMap<String, Vec<Track>> {
        let services = self.0.into_iter();
        services
            .map(|(name, tracks)| {
                let tracks = tracks.into_iter();
                let tracks = tracks.map(|(policy, sums)| sums.finish(policy));
                (name, tracks.collect())
            })
            .collect()
    }
}

/// Replicas that a service's load asks for by the live policy; `None` where its telemetry does not say.
fn demand(engine: &Engine, name: &str) -> Option<u32> {
    let record = engine.service_status(name)?.last?;
    let limits = record.limits?;
    let by_marks = record.readings.iter().filter_map(|reading| {
        let share = reading.average? / reading.high?;
        Some(f64::from(record.serving) * share)
    });
    let by_targets = record
        .targets
        .iter()
        .map(|target| target.demand / target.target);
    let wanted = by_marks.chain(by_targets).reduce(f64::max)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to the bounds just after; what is no number becomes 0"
    )]
    let wanted = wanted.ceil() as u32;
    Some(wanted.clamp(limits.min, limits.max))
}
