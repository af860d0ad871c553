//! AWS Application Auto Scaling for an ECS service on its average processor use: target tracking and step scaling.
//!
//! CloudWatch has one data point a minute. *Target tracking* makes two alarms: above the target for 3 points, and below nine tenths
//! of it for 15; the capacity becomes in proportion to metric and target. *Step scaling* is the example of the user guide: alarms at
//! target plus and minus 10 points, adjustments of 10 % and 30 % of capacity. Cooldowns are ECS's default, 300 s: while one of a
//! scale-out runs, a larger one may only add what it is larger by; scale-ins wait. CloudWatch's own delay is taken as nothing,
//! which favours it.

use std::{collections::VecDeque, time::Duration};

use super::{TARGET, window::Window};
use crate::autoscaler::{Autoscaler, View};

const COOLDOWN: Duration = Duration::from_secs(300);
const MINUTE: u64 = 60;
const POINTS_HIGH: usize = 3;
const POINTS_LOW: usize = 15;
const LOW_PART: f64 = 0.9;
/// Distance of the step policy's alarms from the target.
const STEP_DISTANCE: f64 = 0.1;

/// How the capacity follows an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    TargetTracking,
    StepScaling,
}

/// A scaling activity whose cooldown may still run.
#[derive(Clone, Copy, Debug)]
struct Activity {
    at: Duration,
    /// Capacity before it; of a scale-in, nothing.
    base: Option<f64>,
}

/// The scaling policy of one service.
#[derive(Clone, Debug)]
pub struct Aws {
    kind: Kind,
    busy: Window,
    points: VecDeque<f64>,
    last: Option<Activity>,
}

impl Aws {
    /// Target tracking.
    #[must_use]
    pub fn target_tracking() -> Self {
        Self::new(Kind::TargetTracking)
    }

    /// Step scaling.
    #[must_use]
    pub fn step_scaling() -> Self {
        Self::new(Kind::StepScaling)
    }

    fn new(kind: Kind) -> Self {
        Self {
            kind,
            busy: Window::new(1),
            points: VecDeque::with_capacity(POINTS_LOW + 1),
            last: None,
        }
    }

    /// Takes the data point of a minute and returns another capacity, if an alarm asks for one.
    fn minute(&mut self, metric: f64, capacity: f64, now: Duration) -> Option<f64> {
        if self.points.len() == POINTS_LOW {
            self.points.pop_front();
        }
        self.points.push_back(metric);
        match self.kind {
            Kind::TargetTracking => {
                if self.last_all(POINTS_HIGH, |metric| metric > TARGET) {
                    self.out(capacity, now, |base| (base * metric / TARGET).ceil())
                } else if self.last_all(POINTS_LOW, |metric| metric < TARGET * LOW_PART) {
                    self.scale_in(capacity, now, (capacity * metric / TARGET).ceil())
                } else {
                    None
                }
            }
            Kind::StepScaling => {
                let above = metric - (TARGET + STEP_DISTANCE);
                let below = TARGET - STEP_DISTANCE - metric;
                if above >= 0.0 {
                    let part = if above < STEP_DISTANCE { 0.1 } else { 0.3 };
                    self.out(capacity, now, |base| base + (base * part).floor().max(1.0))
                } else if below >= 0.0 {
                    let part = if below < STEP_DISTANCE { 0.1 } else { 0.3 };
                    let next = capacity - (capacity * part).floor().max(1.0);
                    self.scale_in(capacity, now, next)
                } else {
                    None
                }
            }
        }
    }

    fn last_all(&self, points: usize, is: impl Fn(f64) -> bool) -> bool {
        self.points.len() >= points && self.points.iter().rev().take(points).all(|x| is(*x))
    }

    fn cooling(&self, now: Duration) -> Option<Activity> {
        self.last.filter(|last| now < last.at + COOLDOWN)
    }

    /// A scale-out: during the cooldown of another, from the capacity before that one.
    fn out(&mut self, capacity: f64, now: Duration, larger: impl Fn(f64) -> f64) -> Option<f64> {
        let base = self
            .cooling(now)
            .and_then(|last| last.base)
            .unwrap_or(capacity);
        let next = larger(base);
        (next > capacity).then(|| {
            self.last = Some(Activity {
                at: now,
                base: Some(base),
            });
            next
        })
    }

    fn scale_in(&mut self, capacity: f64, now: Duration, next: f64) -> Option<f64> {
        (next < capacity && self.cooling(now).is_none()).then(|| {
            self.last = Some(Activity {
                at: now,
                base: None,
            });
            next
        })
    }
}

impl Autoscaler for Aws {
    fn tick(&mut self, view: &View<'_>) -> Option<u32> {
        if !view.every(MINUTE, 0) {
            return None;
        }
        self.busy.push(view.meter().busy);
        let metric = self.busy.growth(1)? / MINUTE as f64;
        let next = self.minute(metric, f64::from(view.spec()), view.now())?;
        Some(view.setup().bounded(next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds data points a minute apart and follows what comes.
    #[track_caller]
    fn check(mut aws: Aws, capacity: f64, points: &[(f64, Option<f64>)]) {
        let mut capacity = capacity;
        for (minute, (metric, expected)) in (1_u64..).zip(points) {
            let now = Duration::from_secs(minute * MINUTE);
            assert_eq!(aws.minute(*metric, capacity, now), *expected, "{minute}");
            capacity = expected.unwrap_or(capacity);
        }
    }

    #[test]
    fn target_tracking_takes_three_points_to_grow() {
        let above = (0.83, None);
        check(
            Aws::target_tracking(),
            10.0,
            &[
                above,
                above,
                (0.83, Some(12.0)),
                (0.83, None),
                (0.97, Some(14.0)),
            ],
        );
        check(
            Aws::target_tracking(),
            10.0,
            &[above, (0.7, None), above, above, (0.83, Some(12.0))],
        );
    }

    #[test]
    fn target_tracking_takes_fifteen_points_to_shrink() {
        let mut points = vec![(0.35, None); 14];
        points.extend([(0.35, Some(5.0)), (0.35, None)]);
        check(Aws::target_tracking(), 10.0, &points);
        let mut points = vec![(0.65, None); 20];
        points.push((0.6, None));
        check(Aws::target_tracking(), 10.0, &points);
    }

    #[test]
    fn steps_follow_the_distance() {
        check(
            Aws::step_scaling(),
            20.0,
            &[
                (0.79, None),
                (0.85, Some(22.0)),
                (0.85, None),
                (0.95, Some(26.0)),
                (0.59, None),
                (0.59, None),
                (0.59, None),
                (0.59, None),
                (0.59, Some(24.0)),
            ],
        );
        check(Aws::step_scaling(), 3.0, &[(0.2, Some(2.0))]);
    }
}
