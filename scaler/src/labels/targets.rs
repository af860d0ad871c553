//! Labels of target tracking: what a replica should carry, and how that is followed over time.

use std::{num::NonZeroU32, time::Duration};

use super::{
    Problem,
    resolve::Reader,
    value::{self, Mark, ValueError},
};
use crate::{
    metric::Metric,
    policy::{
        Aim, Amount, Direction, PerDirection, Predict, RATES_MAX, Rate, Rates, Schedule,
        ScheduleError, Select, Target, Tracking, Window,
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

/// The targets that a service names itself.
pub(super) fn targets(reader: &mut Reader<'_>) -> Vec<Target> {
    let mut targets = Vec::new();
    for (name, aim, parse) in TARGETS {
        if let Some(Mark::At(metric, value)) = reader.read(name, *parse) {
            targets.extend(reader.check(name, "", Target::new(metric, *aim, value)));
        }
    }
    targets
}

/// How they are followed.
pub(super) fn tracking(reader: &mut Reader<'_>) -> Option<Tracking> {
    let mut tracking = Tracking::default();
    if let Some(tolerance) = reader.read("tolerance", value::share) {
        tracking = reader.check("tolerance", "", tracking.with_tolerance(tolerance))?;
    }
    if let Some(coverage) = reader.read("coverage", value::share) {
        tracking = reader.check("coverage", "", tracking.with_coverage(coverage))?;
    }
    if let Some(wait) = reader.read("wait", value::duration) {
        tracking = reader.check("wait", "", tracking.with_wait(wait))?;
    }
    if let Some(predict) = reader.read("predict", predict) {
        tracking = tracking.with_predict(predict);
    }
    let both = reader.read("window", window);
    let (up, down) = (
        reader.read("window.up", window),
        reader.read("window.down", window),
    );
    let standard = Tracking::default();
    let windows = PerDirection {
        up: up.or(both).unwrap_or(standard.window(Direction::Up)),
        down: down.or(both).unwrap_or(standard.window(Direction::Down)),
    };
    let name = if down.is_some() {
        "window.down"
    } else {
        "window"
    };
    let tracking = reader.check(name, "", tracking.with_window(windows))?;
    let up = rates(reader, "rate.up", "rate.up.select")?;
    let down = rates(reader, "rate.down", "rate.down.select")?;
    Some(tracking.with_rates(PerDirection { up, down }))
}

/// When other bounds hold.
pub(super) fn schedule(reader: &mut Reader<'_>) -> Option<Schedule> {
    let zone = reader.text("schedule.zone");
    let Some(text) = reader.text("schedule") else {
        if zone.is_some() {
            let error = ScheduleError::Form;
            reader.fail("schedule", "", Problem::Schedule { error });
        }
        return None;
    };
    match Schedule::parse(text, zone.unwrap_or_default()) {
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

fn rates(reader: &mut Reader<'_>, name: &'static str, select_name: &'static str) -> Option<Rates> {
    let listed = reader.read(name, listed_rates).unwrap_or_default();
    let select = reader.read(select_name, select).unwrap_or_default();
    reader.check(name, "", Rates::new(select, listed))
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
