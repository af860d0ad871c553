//! The threshold policy: complete telemetry to a proposal, and the proposal into the bounds.

use std::time::Duration;

use super::{Clamp, Proposal, ScaleReason, Situation};
use crate::{
    hold::HoldReason,
    metric::{Metric, MetricObservation},
    observation::Observation,
    policy::{Direction, Marks, Policy},
    time::millis,
};

/// What the policy would do on telemetry alone; `Ok(None)`: every metric is where it should be.
pub(super) fn propose(
    policy: &Policy,
    situation: &Situation<'_>,
    now: Duration,
) -> Result<Option<Proposal>, HoldReason> {
    let observation = situation.observation;
    let mut replicas = observation.mode.replicas();
    let incomplete = complete_tasks(observation);
    let stuck =
        matches!(incomplete, Err(HoldReason::NotServing { .. })) && situation.track.stuck(now);
    if !stuck {
        incomplete.clone()?;
    }
    let mut above: Option<(f64, ScaleReason)> = None;
    let mut all_low = true;
    for (metric, marks) in policy.marks() {
        let average = trusted(metric, situation, now)?.average;
        all_low &= average < marks.low();
        let excess = average / marks.high();
        if average > marks.high() && above.is_none_or(|(most, _)| excess > most) {
            above = Some((
                excess,
                ScaleReason::AboveHigh {
                    metric,
                    average,
                    high: marks.high(),
                },
            ));
        }
    }
    if stuck {
        // Those that do not come do not keep it from shrinking; what it wants beyond them they would bring.
        replicas = observation.serving;
        if !all_low || observation.serving == 0 {
            incomplete?;
        }
    }
    Ok(if let Some((_, reason)) = above {
        Some(Proposal {
            to: replicas.saturating_add(policy.step(Direction::Up)),
            reason,
        })
    } else if all_low {
        Some(Proposal {
            to: replicas.saturating_sub(policy.step(Direction::Down)),
            reason: ScaleReason::BelowLow,
        })
    } else {
        None
    })
}

/// As many tasks must serve as the spec asks for: averages over another number say nothing about it.
fn complete_tasks(observation: &Observation) -> Result<(), HoldReason> {
    let Observation {
        mode,
        serving,
        starting,
        draining,
        ..
    } = *observation;
    match serving.cmp(&mode.replicas()) {
        std::cmp::Ordering::Less => Err(HoldReason::NotServing { serving, starting }),
        std::cmp::Ordering::Greater => Err(HoldReason::Draining { serving, draining }),
        std::cmp::Ordering::Equal => Ok(()),
    }
}

/// The reading of a metric, if every replica reported it, lately, since the last change, as a number that can be.
fn trusted(
    metric: Metric,
    situation: &Situation<'_>,
    now: Duration,
) -> Result<MetricObservation, HoldReason> {
    let serving = situation.observation.serving;
    let reading = situation
        .observation
        .metrics
        .get(metric)
        .filter(|reading| reading.reporting > 0);
    let Some(reading) = reading else {
        return Err(HoldReason::TelemetryMissing { metric });
    };
    let MetricObservation {
        average,
        reporting,
        expected,
        oldest_age,
        reach,
    } = reading;
    if reporting != expected || expected != serving {
        return Err(HoldReason::TelemetryPartial {
            metric,
            reporting,
            expected: expected.max(serving),
        });
    }
    if oldest_age > situation.settings.telemetry_max_age {
        return Err(HoldReason::TelemetryStale {
            metric,
            age_ms: millis(oldest_age),
        });
    }
    if let Some(changed) = situation.state.changed_at.map(|at| now.saturating_sub(at))
        && reach >= changed
    {
        return Err(HoldReason::Settling {
            metric,
            reach_ms: millis(reach),
            changed_ms: millis(changed),
        });
    }
    if !average.is_finite() || average < 0.0 {
        return Err(HoldReason::TelemetryInvalid { metric });
    }
    Ok(reading)
}

/// Brings a proposal into the bounds, and takes no more replicas than leaves the rest below every high mark.
pub(super) fn clamp(
    policy: &Policy,
    proposal: Proposal,
    observation: &Observation,
) -> (Vec<Clamp>, u32) {
    let bounds = policy.bounds();
    let replicas = observation.mode.replicas();
    let mut clamps = Vec::new();
    let mut to = proposal.to;
    if to > bounds.max() {
        clamps.push(Clamp::Maximum {
            wanted: to,
            to: bounds.max(),
        });
        to = bounds.max();
    } else if to < bounds.min() {
        clamps.push(Clamp::Minimum {
            wanted: to,
            to: bounds.min(),
        });
        to = bounds.min();
    }
    // Between the bounds and `replicas`, which lie within them, so that it stays there.
    if to < replicas
        && let Some((least, metric)) = least_below_high(policy, observation)
        && least > to
    {
        clamps.push(Clamp::Overshoot {
            metric,
            wanted: to,
            to: least,
        });
        to = least;
    }
    (clamps, to)
}

/// Why clamps left nothing of a proposal.
pub(super) const fn stuck(proposal: Proposal, last: Option<Clamp>) -> HoldReason {
    match last {
        Some(Clamp::Maximum { .. }) => HoldReason::AtMaximum {
            wanted: proposal.to,
        },
        Some(Clamp::Overshoot { metric, .. }) => HoldReason::WouldOvershoot { metric },
        Some(
            Clamp::Minimum { .. }
            | Clamp::Room { .. }
            | Clamp::Stabilised { .. }
            | Clamp::Rate { .. },
        )
        | None => HoldReason::AtMinimum,
    }
}

/// The least replicas that keep every metric at or below its high mark if the whole load spreads over them, and the metric that sets it.
fn least_below_high(policy: &Policy, observation: &Observation) -> Option<(u32, Metric)> {
    let replicas = observation.mode.replicas();
    policy
        .marks()
        .filter_map(|(metric, marks)| {
            let average = observation.metrics.get(metric)?.average;
            Some((least_for(replicas, average, marks), metric))
        })
        .max_by_key(|(least, _)| *least)
}

/// `ceil(replicas * average / high)`, at most `replicas`.
fn least_for(replicas: u32, average: f64, marks: Marks) -> u32 {
    let least = (f64::from(replicas) * average / marks.high())
        .ceil()
        .clamp(0.0, f64::from(replicas));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to 0..=u32 just above; NaN becomes 0"
    )]
    let least = least as u32;
    least
}
