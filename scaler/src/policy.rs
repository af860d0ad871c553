//! A service's scaling policy, checked on construction: what is held here can be decided with.
//!
//! Where the numbers come from (labels, defaults) is [`crate::labels`]' business. A policy has thresholds, targets or both.

mod schedule;
mod target;
mod tracking;

use std::{num::NonZeroU32, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{arbitration::PRIORITY_DEFAULT, metric::Metric, outlier::OutlierPolicy, time::millis};

pub use schedule::{ENTRIES_MAX, HOLDS_MAX, Schedule, ScheduleError};
pub use target::{Aim, SHARE_MAX, Target};
pub use tracking::{Amount, Predict, RATES_MAX, Rate, Rates, Select, Tracking, WINDOW_MAX, Window};

/// Most replicas that a policy can ask for.
pub const REPLICAS_LIMIT: u32 = 100_000;

/// Highest mark that a policy accepts, in the metric's unit: 10^15 (cores, or bytes per second).
pub const MARK_LIMIT: f64 = 1e15;

/// Which way a change of replicas goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// More replicas.
    Up,
    /// Fewer replicas.
    Down,
}

/// One value for each direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PerDirection<T> {
    /// For growing.
    pub up: T,
    /// For shrinking.
    pub down: T,
}

impl<T: Copy> PerDirection<T> {
    /// The value for `direction`.
    #[must_use]
    pub const fn get(&self, direction: Direction) -> T {
        match direction {
            Direction::Up => self.up,
            Direction::Down => self.down,
        }
    }
}

/// The replicas that a decision may ask for: `1 <= min <= max <=` [`REPLICAS_LIMIT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Bounds {
    min: u32,
    max: u32,
}

impl Bounds {
    /// Checks and keeps the bounds.
    ///
    /// # Errors
    /// [`PolicyError::MinIsZero`], [`PolicyError::MinAboveMax`], [`PolicyError::MaxTooLarge`].
    pub const fn new(min: u32, max: u32) -> Result<Self, PolicyError> {
        if min == 0 {
            return Err(PolicyError::MinIsZero);
        }
        if min > max {
            return Err(PolicyError::MinAboveMax { min, max });
        }
        if max > REPLICAS_LIMIT {
            return Err(PolicyError::MaxTooLarge { max });
        }
        Ok(Self { min, max })
    }

    /// Least replicas.
    #[must_use]
    pub const fn min(self) -> u32 {
        self.min
    }

    /// Most replicas.
    #[must_use]
    pub const fn max(self) -> u32 {
        self.max
    }
}

/// The marks of one metric: it grows above `high`, may shrink below `low`; `0 <= low < high <=` [`MARK_LIMIT`], both finite.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Marks {
    high: f64,
    low: f64,
}

impl Marks {
    /// Checks and keeps the marks, in the metric's unit.
    ///
    /// # Errors
    /// [`PolicyError::HighOutOfRange`], [`PolicyError::LowOutOfRange`], [`PolicyError::LowNotBelowHigh`].
    pub fn new(high: f64, low: f64) -> Result<Self, PolicyError> {
        if !(high > 0.0 && high <= MARK_LIMIT) {
            return Err(PolicyError::HighOutOfRange);
        }
        if !(0.0..=MARK_LIMIT).contains(&low) {
            return Err(PolicyError::LowOutOfRange);
        }
        if low >= high {
            return Err(PolicyError::LowNotBelowHigh);
        }
        Ok(Self { high, low })
    }

    /// The mark above which the service grows.
    #[must_use]
    pub const fn high(self) -> f64 {
        self.high
    }

    /// The mark below which the service may shrink; at 0 it never does.
    #[must_use]
    pub const fn low(self) -> f64 {
        self.low
    }
}

/// Why a policy cannot be built.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "problem", rename_all = "snake_case")]
pub enum PolicyError {
    /// `min` is 0.
    #[error(
        "must be at least 1: a service with no replicas shows no load that could bring it back"
    )]
    MinIsZero,
    /// `min` is above `max`.
    #[error("min {min} is above max {max}")]
    MinAboveMax {
        /// The minimum in effect.
        min: u32,
        /// The maximum in effect.
        max: u32,
    },
    /// `max` is above [`REPLICAS_LIMIT`].
    #[error("max {max} is above {REPLICAS_LIMIT}")]
    MaxTooLarge {
        /// The maximum asked for.
        max: u32,
    },
    /// The high mark is not in `0 < high <= MARK_LIMIT`.
    #[error("the high mark must be above 0 and at most 10^15")]
    HighOutOfRange,
    /// The low mark is not in `0 <= low <= MARK_LIMIT`.
    #[error("the low mark must be at least 0 and at most 10^15")]
    LowOutOfRange,
    /// The low mark is not below the high mark.
    #[error("the low mark must be below the high mark")]
    LowNotBelowHigh,
    /// No metric has marks or a target.
    #[error("no metric has a high mark or a target")]
    NoMarks,
    /// A target is not in `0 < target <= MARK_LIMIT`.
    #[error("a target must be above 0 and at most 10^15")]
    TargetOutOfRange,
    /// A target is so near to the limit that load cannot be told from overload.
    #[error("a target must be at most 90 % of the limit: above, load cannot be told from overload")]
    TargetAtLimit,
    /// A capacity of a metric that does not show demand beyond it.
    #[error(
        "this metric has a target but no capacity: it does not show demand beyond what is served"
    )]
    CapacityUnknown,
    /// A tolerance outside 0 to 1.
    #[error("the tolerance must be at least 0 % and below 100 %")]
    ToleranceOutOfRange,
    /// A coverage outside 0 to 1.
    #[error("the coverage must be from 0 % to 100 %")]
    CoverageOutOfRange,
    /// More rates than are kept.
    #[error("at most {RATES_MAX} rates for each direction")]
    TooManyRates,
    /// A window, wait or period that is zero where it cannot be, or too long.
    #[error("must be above 0 and at most an hour")]
    PeriodOutOfRange,
}

/// The policy of one service.
///
/// By its marks it adds a step when the average of any metric is above its high mark, and takes a step away when the averages of
/// all metrics are below their low marks. By its targets it asks for the replicas that the demand takes. The largest proposal wins.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(into = "Summary")]
pub struct Policy {
    bounds: Bounds,
    step: PerDirection<NonZeroU32>,
    cooldown: PerDirection<Duration>,
    marks: Vec<(Metric, Marks)>,
    priority: u16,
    targets: Vec<Target>,
    tracking: Tracking,
    schedule: Option<Schedule>,
    outliers: OutlierPolicy,
    reassert: bool,
}

impl Policy {
    /// Puts a policy together; marks of a metric named twice are replaced by the later ones.
    ///
    /// # Errors
    /// [`PolicyError::NoMarks`].
    pub fn new(
        bounds: Bounds,
        step: PerDirection<NonZeroU32>,
        cooldown: PerDirection<Duration>,
        marks: impl IntoIterator<Item = (Metric, Marks)>,
    ) -> Result<Self, PolicyError> {
        let marks: std::collections::BTreeMap<_, _> = marks.into_iter().collect();
        if marks.is_empty() {
            return Err(PolicyError::NoMarks);
        }
        Ok(Self {
            bounds,
            step,
            cooldown,
            marks: marks.into_iter().collect(),
            targets: Vec::new(),
            tracking: Tracking::default(),
            schedule: None,
            reassert: false,
            priority: PRIORITY_DEFAULT,
            outliers: OutlierPolicy::default(),
        })
    }

    /// A policy without marks; of targets of the same metric and aim the later one counts.
    ///
    /// # Errors
    /// [`PolicyError::NoMarks`] when there is no target.
    pub fn tracking_only(
        bounds: Bounds,
        cooldown: PerDirection<Duration>,
        targets: impl IntoIterator<Item = Target>,
        tracking: Tracking,
    ) -> Result<Self, PolicyError> {
        let one = PerDirection {
            up: NonZeroU32::MIN,
            down: NonZeroU32::MIN,
        };
        let policy = Self {
            bounds,
            step: one,
            cooldown,
            marks: Vec::new(),
            targets: Vec::new(),
            tracking: Tracking::default(),
            schedule: None,
            reassert: false,
            priority: PRIORITY_DEFAULT,
            outliers: OutlierPolicy::default(),
        }
        .with_targets(targets, tracking);
        if policy.targets.is_empty() {
            return Err(PolicyError::NoMarks);
        }
        Ok(policy)
    }

    /// The same policy with these targets, and no others; of the same metric and aim the later one counts.
    #[must_use]
    pub fn with_targets(
        mut self,
        targets: impl IntoIterator<Item = Target>,
        tracking: Tracking,
    ) -> Self {
        let targets: std::collections::BTreeMap<_, _> = targets
            .into_iter()
            .map(|target| ((target.metric(), target.aim()), target))
            .collect();
        self.targets = targets.into_values().collect();
        self.tracking = tracking;
        self
    }

    /// The same policy at a priority of its own for when the swarm is short of room.
    #[must_use]
    pub const fn with_priority(mut self, priority: u16) -> Self {
        self.priority = priority;
        self
    }

    /// The higher, the later it gives way when the swarm is short of room.
    #[must_use]
    pub const fn priority(&self) -> u16 {
        self.priority
    }

    /// The same policy with something else done about outliers.
    #[must_use]
    pub const fn with_outliers(mut self, outliers: OutlierPolicy) -> Self {
        self.outliers = outliers;
        self
    }

    /// What is done about replicas that do much worse than their siblings.
    #[must_use]
    pub const fn outliers(&self) -> OutlierPolicy {
        self.outliers
    }

    /// The same policy within these bounds.
    #[must_use]
    pub(crate) fn within(&self, bounds: Bounds) -> Self {
        Self {
            bounds,
            ..self.clone()
        }
    }

    /// The same policy, which puts back what a redeployed stack reset, or does not.
    #[must_use]
    pub const fn with_reassert(mut self, reassert: bool) -> Self {
        self.reassert = reassert;
        self
    }

    /// Whether it puts back replicas that a redeployed stack took away.
    #[must_use]
    pub const fn reassert(&self) -> bool {
        self.reassert
    }

    /// The same policy with other bounds by the clock.
    #[must_use]
    pub fn with_schedule(mut self, schedule: Schedule) -> Self {
        self.schedule = Some(schedule);
        self
    }

    /// The policy as it is at a time, if its schedule gives it other bounds then.
    #[must_use]
    pub(crate) fn at(&self, unix_ms: u64) -> Option<Self> {
        let bounds = self.schedule.as_ref()?.bounds(self.bounds, unix_ms);
        (bounds != self.bounds).then(|| self.within(bounds))
    }

    /// The replicas it may ask for.
    #[must_use]
    pub const fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// Replicas added or taken at a time.
    #[must_use]
    pub const fn step(&self, direction: Direction) -> u32 {
        self.step.get(direction).get()
    }

    /// How long after a change of either direction the next one of `direction` has to wait.
    #[must_use]
    pub const fn cooldown(&self, direction: Direction) -> Duration {
        self.cooldown.get(direction)
    }

    /// Its targets, in the order of [`Metric::ALL`].
    #[must_use]
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// How its targets are followed.
    #[must_use]
    pub const fn tracking(&self) -> &Tracking {
        &self.tracking
    }

    /// The metrics that have marks, in the order of [`Metric::ALL`]; empty only when there are targets.
    pub fn marks(&self) -> impl ExactSizeIterator<Item = (Metric, Marks)> + '_ {
        self.marks.iter().copied()
    }
}

/// A policy's serialised form.
#[derive(Serialize)]
struct Summary {
    min: u32,
    max: u32,
    step: PerDirection<u32>,
    cooldown_ms: PerDirection<u64>,
    marks: std::collections::BTreeMap<Metric, Marks>,
    priority: u16,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    reassert: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    targets: Vec<Target>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tracking: Option<Tracking>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule: Option<Schedule>,
    outliers: OutlierPolicy,
}

impl From<Policy> for Summary {
    fn from(policy: Policy) -> Self {
        let both = |value: fn(&Policy, Direction) -> u64| PerDirection {
            up: value(&policy, Direction::Up),
            down: value(&policy, Direction::Down),
        };
        Self {
            min: policy.bounds.min,
            max: policy.bounds.max,
            step: PerDirection {
                up: policy.step.up.get(),
                down: policy.step.down.get(),
            },
            cooldown_ms: both(|policy, direction| millis(policy.cooldown(direction))),
            marks: policy.marks.iter().copied().collect(),
            priority: policy.priority,
            reassert: policy.reassert,
            tracking: (!policy.targets.is_empty()).then_some(policy.tracking),
            targets: policy.targets,
            schedule: policy.schedule,
            outliers: policy.outliers,
        }
    }
}
