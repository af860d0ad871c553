//! Labels over defaults, checked against each other.

use std::{collections::BTreeMap, num::NonZeroU32, time::Duration};

use super::{
    Defaults, ERRORS_MAX, LABELS, LabelError, PREFIX, Problem, nearest, relevant, targets,
    value::{self, Mark, ValueError},
};
use crate::{
    arbitration::PRIORITY_DEFAULT,
    metric::Metric,
    outlier::OutlierPolicy,
    policy::{Bounds, Marks, PerDirection, Policy, PolicyError, Schedule, Target, Tracking},
};

/// Wait after a change before growing, when nobody says otherwise.
const COOLDOWN_UP: Duration = Duration::from_secs(10);

/// Wait after a change before shrinking, when nobody says otherwise.
const COOLDOWN_DOWN: Duration = Duration::from_secs(60);

/// Targets have windows instead.
const NO_COOLDOWN: PerDirection<Duration> = PerDirection {
    up: Duration::ZERO,
    down: Duration::ZERO,
};

/// See [`Policy::from_labels`].
pub(super) fn policy(
    defaults: &Defaults,
    labels: &BTreeMap<String, String>,
) -> Result<Option<Policy>, Vec<LabelError>> {
    let mut reader = Reader::new(labels);
    match reader.read("enable", value::boolean) {
        Some(false) => return Ok(None),
        None if reader.known.is_empty() && reader.errors.is_empty() => return Ok(None),
        None if reader.errors.is_empty() => reader.fail("enable", "", Problem::EnableMissing),
        None | Some(true) => {}
    }
    let given = Given::read(&mut reader);
    if reader.errors.is_empty()
        && let Some(policy) = given.over(defaults, &mut reader)
    {
        return Ok(Some(policy));
    }
    Err(reader.errors)
}

/// The labels of one service, and what was found wrong with them.
pub(super) struct Reader<'a> {
    known: BTreeMap<&'static str, &'a str>,
    errors: Vec<LabelError>,
}

impl<'a> Reader<'a> {
    fn new(labels: &'a BTreeMap<String, String>) -> Self {
        let mut reader = Self {
            known: BTreeMap::new(),
            errors: Vec::new(),
        };
        for (label, value) in relevant(labels) {
            let name = label.strip_prefix(PREFIX);
            if let Some(known) = LABELS.iter().find(|known| Some(known.name) == name) {
                reader.known.insert(known.name, value);
            } else {
                let name = label.get(PREFIX.len()..).unwrap_or_default();
                let did_you_mean = nearest::nearest(name, LABELS.iter().map(|known| known.name))
                    .map(|name| format!("{PREFIX}{name}"));
                reader.push(LabelError::new(
                    label,
                    value,
                    Problem::UnknownLabel { did_you_mean },
                ));
            }
        }
        reader
    }

    pub(super) fn read<T>(
        &mut self,
        name: &'static str,
        parse: fn(&str) -> Result<T, ValueError>,
    ) -> Option<T> {
        let value = self.known.get(name)?;
        match parse(value) {
            Ok(parsed) => Some(parsed),
            Err(error) => {
                self.push(LabelError::new(
                    &format!("{PREFIX}{name}"),
                    value,
                    Problem::Value { error },
                ));
                None
            }
        }
    }

    /// The text of a label, as written.
    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.known.get(name).copied()
    }

    /// Reports a label under its value, or under `otherwise` when the service does not have it.
    pub(super) fn fail(&mut self, name: &str, otherwise: &str, problem: Problem) {
        let value = self.known.get(name).copied().unwrap_or(otherwise);
        self.push(LabelError::new(&format!("{PREFIX}{name}"), value, problem));
    }

    fn push(&mut self, error: LabelError) {
        if self.errors.len() < ERRORS_MAX {
            self.errors.push(error);
        }
    }

    pub(super) fn check<T>(
        &mut self,
        name: &str,
        otherwise: &str,
        result: Result<T, PolicyError>,
    ) -> Option<T> {
        result
            .map_err(|error| self.fail(name, otherwise, Problem::Policy { error }))
            .ok()
    }
}

/// What a service says itself.
struct Given {
    outliers: Option<OutlierPolicy>,
    priority: Option<u16>,
    min: Option<u32>,
    max: Option<u32>,
    cpu: Pair,
    bytes: Pair,
    targets: Vec<Target>,
    tracking: Option<Tracking>,
    schedule: Option<Schedule>,
    step: Three<NonZeroU32>,
    cooldown: Three<Duration>,
}

/// The marks of one metric.
#[derive(Clone, Copy)]
struct Pair {
    high: Option<Mark>,
    low: Option<Mark>,
}

/// A value for both directions and for each.
struct Three<T> {
    both: Option<T>,
    up: Option<T>,
    down: Option<T>,
}

impl<T: Copy> Three<T> {
    /// The more specific wins, and what the service says wins over the defaults.
    fn over(&self, defaults: &Self, otherwise: PerDirection<T>) -> PerDirection<T> {
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
    fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            outliers: reader.read("outliers", value::outliers),
            priority: reader.read("priority", value::priority),
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
            tracking: targets::tracking(reader),
            schedule: targets::schedule(reader),
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
    fn over(&self, defaults: &Defaults, reader: &mut Reader<'_>) -> Option<Policy> {
        let bounds = self.bounds(defaults, reader);
        let marks = self.marks(defaults, reader);
        let one = PerDirection {
            up: NonZeroU32::MIN,
            down: NonZeroU32::MIN,
        };
        let step = Three {
            both: defaults.step,
            up: defaults.step_up,
            down: defaults.step_down,
        };
        let waits = if self.targets.is_empty() {
            PerDirection {
                up: COOLDOWN_UP,
                down: COOLDOWN_DOWN,
            }
        } else {
            NO_COOLDOWN
        };
        let cooldown = Three {
            both: defaults.cooldown,
            up: defaults.cooldown_up,
            down: defaults.cooldown_down,
        };
        if !reader.errors.is_empty() {
            return None;
        }
        let (bounds, tracking) = (bounds?, self.tracking.clone()?);
        let cooldown = self.cooldown.over(&cooldown, waits);
        let targets = self.targets.iter().copied();
        let policy = if marks.is_empty() && !self.targets.is_empty() {
            Policy::tracking_only(bounds, cooldown, targets, tracking)
        } else {
            Policy::new(bounds, self.step.over(&step, one), cooldown, marks)
                .map(|policy| policy.with_targets(targets, tracking))
        };
        let priority = self.priority.unwrap_or(PRIORITY_DEFAULT);
        let policy = reader.check("cpu.high", "off", policy)?;
        let policy = policy
            .with_priority(priority)
            .with_outliers(self.outliers.unwrap_or_default());
        Some(match &self.schedule {
            Some(schedule) => policy.with_schedule(schedule.clone()),
            None => policy,
        })
    }

    /// The marks in effect: a service that names a target has none by default.
    fn marks(&self, defaults: &Defaults, reader: &mut Reader<'_>) -> Vec<(Metric, Marks)> {
        let by_default = |high, low| {
            if self.targets.is_empty() {
                Pair { high, low }
            } else {
                Pair {
                    high: None,
                    low: None,
                }
            }
        };
        let cpu = by_default(defaults.cpu_high, defaults.cpu_low);
        let bytes = by_default(defaults.bytes_high, defaults.bytes_low);
        let cpu = marks(self.cpu, cpu, ["cpu.high", "cpu.low"], reader);
        let bytes = marks(self.bytes, bytes, ["bytes.high", "bytes.low"], reader);
        cpu.into_iter().chain(bytes).collect()
    }

    fn bounds(&self, defaults: &Defaults, reader: &mut Reader<'_>) -> Option<Bounds> {
        let (min, max) = (
            self.min.unwrap_or(defaults.min),
            self.max.unwrap_or(defaults.max),
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
