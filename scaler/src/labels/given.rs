//! What labels say and what defaults say, each by itself; then the one over the other, checked against each other.

use std::{collections::BTreeMap, num::NonZeroU32, time::Duration};

use super::{
    Problem,
    resolve::Reader,
    targets::{self, Following},
    value::{self, Mark},
};
use crate::{
    arbitration::PRIORITY_DEFAULT,
    metric::Metric,
    outlier::OutlierPolicy,
    policy::{Bounds, Marks, PerDirection, Policy, PolicyError, Schedule, Target},
};

/// Least replicas, when nobody says otherwise.
const MIN: u32 = 1;

/// Most replicas, when nobody says otherwise.
const MAX: u32 = 10;

/// The one metric that is followed when nobody names any.
const CPU_HIGH: Mark = Mark::At(Metric::CpuOfLimit, 0.7);

/// Wait after a change before growing, when nobody says otherwise.
const COOLDOWN_UP: Duration = Duration::from_secs(10);

/// Wait after a change before shrinking, when nobody says otherwise.
const COOLDOWN_DOWN: Duration = Duration::from_secs(60);

/// Targets have windows instead.
const NO_COOLDOWN: PerDirection<Duration> = PerDirection {
    up: Duration::ZERO,
    down: Duration::ZERO,
};

/// What one service says, or the configuration's defaults.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Given {
    outliers: Option<OutlierPolicy>,
    priority: Option<u16>,
    reassert: Option<bool>,
    min: Option<u32>,
    max: Option<u32>,
    cpu: Pair,
    bytes: Pair,
    targets: BTreeMap<&'static str, Option<Target>>,
    following: Following,
    schedule: Option<Schedule>,
    /// Of defaults only: a service's own is in its schedule.
    zone: Option<String>,
    step: Three<NonZeroU32>,
    cooldown: Three<Duration>,
}

/// The marks of one metric.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Pair {
    high: Option<Mark>,
    low: Option<Mark>,
}

/// A value for both directions and for each.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Three<T> {
    pub(super) both: Option<T>,
    pub(super) up: Option<T>,
    pub(super) down: Option<T>,
}

impl<T> Default for Three<T> {
    fn default() -> Self {
        Self {
            both: None,
            up: None,
            down: None,
        }
    }
}

impl<T: Copy> Three<T> {
    /// The more specific wins, and what the service says wins over the defaults.
    pub(super) fn over(&self, defaults: &Self, otherwise: PerDirection<T>) -> PerDirection<T> {
        PerDirection {
            up: self
                .up
                .or(self.both)
                .or(defaults.up)
                .or(defaults.both)
                .unwrap_or(otherwise.up),
            down: self
                .down
                .or(self.both)
                .or(defaults.down)
                .or(defaults.both)
                .unwrap_or(otherwise.down),
        }
    }
}

impl Given {
    /// What a service says; its schedule is in the zone of the defaults, unless it names one.
    pub(super) fn read(reader: &mut Reader<'_>, defaults: &Self) -> Self {
        let schedule = targets::schedule(reader, defaults.zone.as_deref());
        Self {
            schedule,
            ..Self::read_common(reader)
        }
    }

    /// What the configuration's defaults say.
    pub(super) fn read_defaults(reader: &mut Reader<'_>) -> Self {
        let zone = targets::zone(reader);
        Self {
            zone,
            ..Self::read_common(reader)
        }
    }

    fn read_common(reader: &mut Reader<'_>) -> Self {
        Self {
            outliers: reader.read("outliers", value::outliers),
            priority: reader.read("priority", value::priority),
            reassert: reader.read("reassert", value::boolean),
            min: reader.read("min", value::count),
            max: reader.read("max", value::count),
            cpu: Pair {
                high: reader.read("cpu.high", value::cpu),
                low: reader.read("cpu.low", value::cpu),
            },
            bytes: Pair {
                high: reader.read("bytes.high", value::bytes),
                low: reader.read("bytes.low", value::bytes),
            },
            targets: targets::targets(reader),
            following: Following::read(reader),
            schedule: None,
            zone: None,
            step: Three {
                both: reader.read("step", value::step),
                up: reader.read("step.up", value::step),
                down: reader.read("step.down", value::step),
            },
            cooldown: Three {
                both: reader.read("cooldown", value::duration),
                up: reader.read("cooldown.up", value::duration),
                down: reader.read("cooldown.down", value::duration),
            },
        }
    }

    /// The policy, unless what comes together does not fit; what does not is reported.
    pub(super) fn over(&self, defaults: &Self, reader: &mut Reader<'_>) -> Option<Policy> {
        let bounds = self.bounds(defaults, reader);
        let targets = self.targets(defaults);
        let marks = self.marks(defaults, !targets.is_empty(), reader);
        let following = self.following.over(&defaults.following);
        let following = reader.check("window", "", following);
        if !reader.errors().is_empty() {
            return None;
        }
        let (bounds, following) = (bounds?, following?);
        let one = PerDirection {
            up: NonZeroU32::MIN,
            down: NonZeroU32::MIN,
        };
        let waits = if targets.is_empty() {
            PerDirection {
                up: COOLDOWN_UP,
                down: COOLDOWN_DOWN,
            }
        } else {
            NO_COOLDOWN
        };
        let cooldown = self.cooldown.over(&defaults.cooldown, waits);
        let policy = if marks.is_empty() && !targets.is_empty() {
            Policy::tracking_only(bounds, cooldown, targets, following)
        } else {
            let step = self.step.over(&defaults.step, one);
            Policy::new(bounds, step, cooldown, marks)
                .map(|policy| policy.with_targets(targets, following))
        };
        let priority = self.priority.or(defaults.priority);
        let outliers = self.outliers.or(defaults.outliers).unwrap_or_default();
        let reassert = self.reassert.or(defaults.reassert).unwrap_or(false);
        let policy = reader
            .check("cpu.high", "off", policy)?
            .with_priority(priority.unwrap_or(PRIORITY_DEFAULT))
            .with_outliers(outliers)
            .with_reassert(reassert);
        Some(match &self.schedule {
            Some(schedule) => policy.with_schedule(schedule.clone()),
            None => policy,
        })
    }

    /// The targets in effect: those of the defaults are for services that name nothing to go by themselves.
    fn targets(&self, defaults: &Self) -> Vec<Target> {
        let own: Vec<Target> = self.targets.values().copied().flatten().collect();
        let marked = [self.cpu.high, self.bytes.high]
            .iter()
            .any(|high| matches!(high, Some(Mark::At(..))));
        if marked || !own.is_empty() {
            return own;
        }
        let not_named = defaults
            .targets
            .iter()
            .filter(|(name, _)| !self.targets.contains_key(*name));
        not_named.filter_map(|(_, target)| *target).collect()
    }

    /// The marks in effect: with a target there are none by default.
    fn marks(
        &self,
        defaults: &Self,
        has_targets: bool,
        reader: &mut Reader<'_>,
    ) -> Vec<(Metric, Marks)> {
        let by_default = |pair: Pair, high| {
            if has_targets {
                return Pair::default();
            }
            Pair {
                high: pair.high.or(high),
                low: pair.low,
            }
        };
        let cpu = by_default(defaults.cpu, Some(CPU_HIGH));
        let bytes = by_default(defaults.bytes, None);
        let cpu = marks(self.cpu, cpu, ["cpu.high", "cpu.low"], reader);
        let bytes = marks(self.bytes, bytes, ["bytes.high", "bytes.low"], reader);
        cpu.into_iter().chain(bytes).collect()
    }

    fn bounds(&self, defaults: &Self, reader: &mut Reader<'_>) -> Option<Bounds> {
        let (min, max) = (
            self.min.or(defaults.min).unwrap_or(MIN),
            self.max.or(defaults.max).unwrap_or(MAX),
        );
        let (name, value) = match (self.min, self.max) {
            (None, Some(_)) if min > 0 => ("max", max),
            _ => ("min", min),
        };
        reader.check(name, &value.to_string(), Bounds::new(min, max))
    }
}

/// The marks of one metric in effect; `None` when it is off, or wrong and reported.
fn marks(
    given: Pair,
    defaults: Pair,
    names: [&str; 2],
    reader: &mut Reader<'_>,
) -> Option<(Metric, Marks)> {
    let [high_name, low_name] = names;
    let low = match (given.high, given.low) {
        (_, Some(low)) => Some(low),
        (Some(_), None) => None,
        (None, None) => defaults.low,
    };
    let Some(Mark::At(metric, high)) = given.high.or(defaults.high) else {
        if let Some(Mark::At(..)) = given.low {
            reader.fail(low_name, "", Problem::HighMissing);
        }
        return None;
    };
    let low = match low {
        None => high / 2.0,
        Some(Mark::At(unit, low)) if unit == metric => low,
        Some(Mark::At(..)) => {
            reader.fail(low_name, "", Problem::UnitsDiffer);
            return None;
        }
        Some(Mark::Off) => {
            reader.fail(low_name, "off", Problem::LowOff);
            return None;
        }
    };
    let result = Marks::new(high, low);
    let name = if matches!(result, Err(PolicyError::HighOutOfRange)) {
        high_name
    } else {
        low_name
    };
    reader.check(name, "", result).map(|marks| (metric, marks))
}
