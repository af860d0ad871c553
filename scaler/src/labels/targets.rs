//! Labels of target tracking: what a replica should carry, and how that is followed over time.

use std::{collections::BTreeMap, num::NonZeroU32, time::Duration};

use super::{
    Problem,
    given::Three,
    resolve::Reader,
    value::{self, Mark, ValueError},
};
use crate::{
    metric::Metric,
    policy::{
        Aim, Amount, Direction, PerDirection, PolicyError, Predict, RATES_MAX, Rate, Rates,
        Schedule, ScheduleError, Select, Target, Tracking, Window,
    },
};

type Parse = fn(&str) -> Result<Mark, ValueError>;

/// Every label that names a target, how it is meant and read.
const TARGETS: &[(&str, Aim, Parse)] = &[
    ("cpu.target", Aim::Average, value::cpu),
    ("memory.target", Aim::Average, value::memory),
    ("bytes.target", Aim::Average, value::bytes),
    ("bytes.in.target", Aim::Average, |text| {
        bytes_of(text, Metric::BytesIn)
    }),
    ("bytes.out.target", Aim::Average, |text| {
        bytes_of(text, Metric::BytesOut)
    }),
    ("packets.target", Aim::Average, |text| {
        value::per_second(text, Metric::Packets)
    }),
    ("connections.target", Aim::Average, |text| {
        value::per_second(text, Metric::Connections)
    }),
    ("bytes.capacity", Aim::Capacity, value::bytes),
    ("bytes.in.capacity", Aim::Capacity, |text| {
        bytes_of(text, Metric::BytesIn)
    }),
    ("bytes.out.capacity", Aim::Capacity, |text| {
        bytes_of(text, Metric::BytesOut)
    }),
    ("packets.capacity", Aim::Capacity, |text| {
        value::per_second(text, Metric::Packets)
    }),
    ("connections.capacity", Aim::Capacity, |text| {
        value::per_second(text, Metric::Connections)
    }),
];

fn bytes_of(text: &str, metric: Metric) -> Result<Mark, ValueError> {
    Ok(match value::bytes(text)? {
        Mark::Off => Mark::Off,
        Mark::At(_, value) => Mark::At(metric, value),
    })
}

/// The targets that are named, by label; `None`: off.
pub(super) fn targets(reader: &mut Reader<'_>) -> BTreeMap<&'static str, Option<Target>> {
    let mut targets = BTreeMap::new();
    for (name, aim, parse) in TARGETS {
        match reader.read(name, *parse) {
            Some(Mark::At(metric, value)) => {
                if let Some(target) = reader.check(name, "", Target::new(metric, *aim, value)) {
                    targets.insert(*name, Some(target));
                }
            }
            Some(Mark::Off) => {
                targets.insert(*name, None);
            }
            None => {}
        }
    }
    targets
}

/// How targets are followed, as far as it is said; each value is good by itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Following {
    tolerance: Option<f64>,
    coverage: Option<f64>,
    wait: Option<Duration>,
    predict: Option<Predict>,
    window: Three<Window>,
    rate: PerDirectionGiven,
}

/// Rates of both directions.
#[derive(Clone, Debug, Default, PartialEq)]
struct PerDirectionGiven {
    up: RatesGiven,
    down: RatesGiven,
}

/// The rates of one direction.
#[derive(Clone, Debug, Default, PartialEq)]
struct RatesGiven {
    rates: Option<Vec<Rate>>,
    select: Option<Select>,
}

impl Following {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let standard = Tracking::default;
        let tolerance = reader.read_checked("tolerance", value::share, |share| {
            standard().with_tolerance(*share)
        });
        let coverage = reader.read_checked("coverage", value::share, |share| {
            standard().with_coverage(*share)
        });
        let wait = reader.read_checked("wait", value::duration, |wait| standard().with_wait(*wait));
        let mut read_window = |name| {
            reader.read_checked(name, window, |window| {
                let both = PerDirection {
                    up: *window,
                    down: *window,
                };
                standard().with_window(both)
            })
        };
        let window = Three {
            both: read_window("window"),
            up: read_window("window.up"),
            down: read_window("window.down"),
        };
        Self {
            tolerance,
            coverage,
            wait,
            predict: reader.read("predict", predict),
            window,
            rate: PerDirectionGiven {
                up: RatesGiven::read(reader, "rate.up", "rate.up.select"),
                down: RatesGiven::read(reader, "rate.down", "rate.down.select"),
            },
        }
    }

    /// What is said here, then what `defaults` say, then what the code says.
    pub(super) fn over(&self, defaults: &Self) -> Result<Tracking, PolicyError> {
        let mut tracking = Tracking::default();
        if let Some(tolerance) = self.tolerance.or(defaults.tolerance) {
            tracking = tracking.with_tolerance(tolerance)?;
        }
        if let Some(coverage) = self.coverage.or(defaults.coverage) {
            tracking = tracking.with_coverage(coverage)?;
        }
        if let Some(wait) = self.wait.or(defaults.wait) {
            tracking = tracking.with_wait(wait)?;
        }
        if let Some(predict) = self.predict.or(defaults.predict) {
            tracking = tracking.with_predict(predict);
        }
        let standard = PerDirection {
            up: tracking.window(Direction::Up),
            down: tracking.window(Direction::Down),
        };
        let rates = PerDirection {
            up: self.rate.up.over(&defaults.rate.up)?,
            down: self.rate.down.over(&defaults.rate.down)?,
        };
        let windows = self.window.over(&defaults.window, standard);
        Ok(tracking.with_window(windows)?.with_rates(rates))
    }
}

impl RatesGiven {
    fn read(reader: &mut Reader<'_>, name: &'static str, select_name: &'static str) -> Self {
        Self {
            rates: reader.read_checked(name, listed_rates, |rates| {
                Rates::new(Select::default(), rates.clone())
            }),
            select: reader.read(select_name, select),
        }
    }

    fn over(&self, defaults: &Self) -> Result<Rates, PolicyError> {
        let select = self.select.or(defaults.select).unwrap_or_default();
        let rates = self.rates.as_ref().or(defaults.rates.as_ref());
        Rates::new(select, rates.cloned().unwrap_or_default())
    }
}

/// When other bounds hold; `zone` is that of the defaults.
pub(super) fn schedule(reader: &mut Reader<'_>, zone: Option<&str>) -> Option<Schedule> {
    let own = reader.text("schedule.zone");
    let Some(text) = reader.text("schedule") else {
        if own.is_some() {
            let error = ScheduleError::Form;
            reader.fail("schedule", "", Problem::Schedule { error });
        }
        return None;
    };
    match Schedule::parse(text, own.or(zone).unwrap_or_default()) {
        Ok(schedule) => Some(schedule),
        Err(error) => {
            let name = if error == ScheduleError::Zone {
                "schedule.zone"
            } else {
                "schedule"
            };
            reader.fail(name, "", Problem::Schedule { error });
            None
        }
    }
}

/// The zone of the defaults, in which the schedules of services without one are.
pub(super) fn zone(reader: &mut Reader<'_>) -> Option<String> {
    let zone = reader.text("schedule.zone")?;
    if let Err(error) = Schedule::check_zone(zone) {
        reader.fail("schedule.zone", "", Problem::Schedule { error });
        return None;
    }
    Some(zone.to_owned())
}

/// `auto` or a duration.
fn window(text: &str) -> Result<Window, ValueError> {
    if text.trim().eq_ignore_ascii_case("auto") {
        return Ok(Window::Auto);
    }
    value::duration(text).map(Window::Fixed)
}

fn predict(text: &str) -> Result<Predict, ValueError> {
    match text.trim().to_ascii_lowercase().as_str() {
        "off" => Ok(Predict::Off),
        "forecast-only" => Ok(Predict::ForecastOnly),
        "trend" => Ok(Predict::Trend),
        "seasonal" => Ok(Predict::Seasonal),
        _ => Err(ValueError::Predict),
    }
}

fn select(text: &str) -> Result<Select, ValueError> {
    match text.trim().to_ascii_lowercase().as_str() {
        "max" => Ok(Select::Max),
        "min" => Ok(Select::Min),
        "disabled" => Ok(Select::Disabled),
        _ => Err(ValueError::Select),
    }
}

/// `100%/15s, 4/15s`: amounts of replicas within periods.
fn listed_rates(text: &str) -> Result<Vec<Rate>, ValueError> {
    if text.trim().eq_ignore_ascii_case("off") {
        return Ok(Vec::new());
    }
    text.split(',').take(RATES_MAX + 1).map(rate).collect()
}

fn rate(text: &str) -> Result<Rate, ValueError> {
    let (amount, period) = text.split_once('/').ok_or(ValueError::Rate)?;
    let whole = |text: &str| -> Result<NonZeroU32, ValueError> {
        let number = value::count(text).map_err(|_| ValueError::Rate)?;
        NonZeroU32::new(number).ok_or(ValueError::Rate)
    };
    let amount = match amount.trim().strip_suffix('%') {
        Some(percent) => Amount::Percent(whole(percent)?),
        None => Amount::Replicas(whole(amount)?),
    };
    let period: Duration = value::duration(period)?;
    Ok(Rate { amount, period })
}
