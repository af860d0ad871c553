//! Times at which other bounds hold: cron-like, in a time zone of the IANA database.
//!
//! Zones are those that were built in, so that the same text means the same everywhere.

use std::time::Duration;

use jiff::{
    Timestamp, ToSpan, civil,
    tz::{TimeZone, TimeZoneDatabase},
};
use serde::{Serialize, Serializer};

use super::Bounds;
use crate::time::millis;

/// Most entries of a schedule.
pub const ENTRIES_MAX: usize = 16;

/// Longest time that an entry holds.
pub const HOLDS_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

/// Why a schedule cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleError {
    /// The zone is not in the database.
    #[error("must be a time zone of the IANA database, such as Europe/Berlin")]
    Zone,
    /// Not the form of an entry.
    #[error(
        "must be entries such as `0 8 * * mon-fri for 10h min=4 max=20`, separated by semicolons"
    )]
    Form,
    /// A field of minute, hour, day, month or weekday.
    #[error(
        "a field must be *, a number, a range, a list or a step: minute 0-59, hour 0-23, day 1-31, month 1-12, weekday 0-7 or sun-sat"
    )]
    Field,
    /// A duration.
    #[error("an entry holds for more than 0 and at most 7 days")]
    Holds,
    /// Bounds.
    #[error("an entry sets min, max or both: whole numbers from 1 on, min at most max")]
    Bounds,
    /// Too many entries.
    #[error("at most {ENTRIES_MAX} entries")]
    TooMany,
}

/// One entry: when it begins, how long it holds, and what it sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Both a day and a weekday are named: either is enough, as in cron.
    either_day: bool,
    holds: Duration,
    min: Option<u32>,
    max: Option<u32>,
}

/// Bounds by the clock.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    text: String,
    zone: TimeZone,
    entries: Vec<Entry>,
}

impl Schedule {
    /// Reads entries in a zone: `0 8 * * mon-fri for 10h min=4 max=20; 0 0 1 * * for 1d min=8`.
    ///
    /// # Errors
    /// [`ScheduleError`].
    pub fn parse(text: &str, zone: &str) -> Result<Self, ScheduleError> {
        let zone = find_zone(zone)?;
        let written = text
            .split(';')
            .map(str::trim)
            .filter(|entry| !entry.is_empty());
        let entries: Vec<Entry> = written
            .take(ENTRIES_MAX + 1)
            .map(entry)
            .collect::<Result<_, _>>()?;
        if entries.is_empty() {
            return Err(ScheduleError::Form);
        }
        if entries.len() > ENTRIES_MAX {
            return Err(ScheduleError::TooMany);
        }
        Ok(Self {
            text: text.trim().to_owned(),
            zone,
            entries,
        })
    }

    /// Whether there is such a zone.
    ///
    /// # Errors
    /// [`ScheduleError::Zone`].
    pub fn check_zone(zone: &str) -> Result<(), ScheduleError> {
        find_zone(zone).map(|_| ())
    }

    /// The bounds at a time: of entries that hold, the highest minimum and the lowest maximum; the minimum wins.
    #[must_use]
    pub fn bounds(&self, otherwise: Bounds, unix_ms: u64) -> Bounds {
        let at = i64::try_from(unix_ms)
            .ok()
            .and_then(|ms| Timestamp::from_millisecond(ms).ok());
        let Some(at) = at else { return otherwise };
        let holding = || {
            self.entries
                .iter()
                .filter(|entry| entry.holds_at(at, &self.zone))
        };
        let min = holding()
            .filter_map(|entry| entry.min)
            .max()
            .unwrap_or(otherwise.min());
        let max = holding()
            .filter_map(|entry| entry.max)
            .min()
            .unwrap_or(otherwise.max());
        Bounds::new(min, max.max(min)).unwrap_or(otherwise)
    }
}

impl Serialize for Schedule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let zone = self.zone.iana_name().unwrap_or("UTC");
        serializer.collect_str(&format_args!("{} ({zone})", self.text))
    }
}

/// A zone by its name in the IANA database; UTC where none is named.
fn find_zone(name: &str) -> Result<TimeZone, ScheduleError> {
    match name.trim() {
        "" | "UTC" => Ok(TimeZone::UTC),
        name => TimeZoneDatabase::bundled()
            .get(name)
            .map_err(|_| ScheduleError::Zone),
    }
}

impl Entry {
    /// Whether the last beginning before `at` is less than its length ago.
    fn holds_at(&self, at: Timestamp, zone: &TimeZone) -> bool {
        let here = at.to_zoned(zone.clone()).datetime();
        let days_back = millis(self.holds).div_ceil(24 * 3600 * 1000) + 1;
        let mut day = here.date();
        for _ in 0..=days_back {
            if self.begins_on(day) {
                let latest = if day == here.date() {
                    here.time()
                } else {
                    civil::Time::MAX
                };
                if let Some(time) = self.latest(latest) {
                    return self.reaches(day.to_datetime(time), at, zone);
                }
            }
            let Ok(before) = day.yesterday() else {
                return false;
            };
            day = before;
        }
        false
    }

    /// Whether what began at a local time still holds.
    fn reaches(&self, began: civil::DateTime, at: Timestamp, zone: &TimeZone) -> bool {
        let Ok(began) = began.to_zoned(zone.clone()) else {
            return false;
        };
        let length = i64::try_from(millis(self.holds)).unwrap_or(i64::MAX);
        let end = began.timestamp().checked_add(length.milliseconds());
        end.is_ok_and(|end| at < end && began.timestamp() <= at)
    }

    fn begins_on(&self, date: civil::Date) -> bool {
        let is = |set: u64, number: i8| set >> number.unsigned_abs() & 1 == 1;
        let day = is(self.days, date.day());
        let weekday = is(self.weekdays, date.weekday().to_sunday_zero_offset());
        let fits = if self.either_day {
            day || weekday
        } else {
            day && weekday
        };
        is(self.months, date.month()) && fits
    }

    /// The last beginning of a day at or before a time.
    fn latest(&self, by: civil::Time) -> Option<civil::Time> {
        let (hour, minute) = (by.hour(), by.minute());
        let last = |set: u64, most: i8| {
            let below = set & (u64::MAX >> (63 - most.unsigned_abs()));
            63_u32
                .checked_sub(below.leading_zeros())
                .and_then(|bit| i8::try_from(bit).ok())
        };
        if self.hours >> hour.unsigned_abs() & 1 == 1
            && let Some(minute) = last(self.minutes, minute)
        {
            return civil::Time::new(hour, minute, 0, 0).ok();
        }
        let hour = last(self.hours, hour.checked_sub(1).filter(|hour| *hour >= 0)?)?;
        civil::Time::new(hour, last(self.minutes, 59)?, 0, 0).ok()
    }
}

const WEEKDAYS: &[&str] = &["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

fn entry(text: &str) -> Result<Entry, ScheduleError> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let [minute, hour, day, month, weekday, "for", length, sets @ ..] = words.as_slice() else {
        return Err(ScheduleError::Form);
    };
    let holds = crate::labels::span(length).ok_or(ScheduleError::Holds)?;
    if holds.is_zero() || holds > HOLDS_MAX {
        return Err(ScheduleError::Holds);
    }
    let weekdays = field(weekday, 0, 7, WEEKDAYS)?;
    let mut entry = Entry {
        minutes: field(minute, 0, 59, &[])?,
        hours: field(hour, 0, 23, &[])?,
        days: field(day, 1, 31, &[])?,
        months: field(month, 1, 12, &[])?,
        // Sunday is 0 and 7.
        weekdays: weekdays | weekdays >> 7 & 1,
        either_day: !day.starts_with('*') && !weekday.starts_with('*'),
        holds,
        min: None,
        max: None,
    };
    for set in sets {
        let place = match set.split_once('=') {
            Some(("min", value)) => (&mut entry.min, value),
            Some(("max", value)) => (&mut entry.max, value),
            _ => return Err(ScheduleError::Form),
        };
        *place.0 = Some(place.1.parse().map_err(|_| ScheduleError::Bounds)?);
    }
    let (min, max) = (
        entry.min.unwrap_or(1),
        entry.max.unwrap_or(super::REPLICAS_LIMIT),
    );
    if (entry.min.is_none() && entry.max.is_none()) || Bounds::new(min, max).is_err() {
        return Err(ScheduleError::Bounds);
    }
    Ok(entry)
}

/// The numbers of a field as bits.
fn field(text: &str, least: u32, most: u32, names: &[&str]) -> Result<u64, ScheduleError> {
    text.split(',')
        .try_fold(0, |set, part| Ok(set | part_of(part, least, most, names)?))
}

fn part_of(text: &str, least: u32, most: u32, names: &[&str]) -> Result<u64, ScheduleError> {
    let number = |text: &str| -> Result<u32, ScheduleError> {
        let named = names
            .iter()
            .zip(0..)
            .find(|(name, _)| name.eq_ignore_ascii_case(text));
        let number = match named {
            Some((_, number)) => number,
            None => text.parse().map_err(|_| ScheduleError::Field)?,
        };
        (least..=most)
            .contains(&number)
            .then_some(number)
            .ok_or(ScheduleError::Field)
    };
    let (range, step) = match text.split_once('/') {
        Some((range, step)) => (
            range,
            step.parse::<u32>()
                .ok()
                .filter(|step| *step > 0)
                .ok_or(ScheduleError::Field)?,
        ),
        None => (text, 1),
    };
    let (from, to) = match range.split_once('-') {
        _ if range == "*" => (least, most),
        Some((from, to)) => (number(from)?, number(to)?),
        None if step > 1 => (number(range)?, most),
        None => (number(range)?, number(range)?),
    };
    if from > to {
        return Err(ScheduleError::Field);
    }
    Ok((from..=to)
        .filter(|number| (number - from) % step == 0)
        .fold(0, |set, number| set | 1 << number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unix_ms(text: &str) -> u64 {
        u64::try_from(text.parse::<Timestamp>().unwrap().as_millisecond()).unwrap()
    }

    #[track_caller]
    fn check(text: &str, zone: &str, times: &[(&str, (u32, u32))]) {
        let schedule = Schedule::parse(text, zone).unwrap();
        for (time, (min, max)) in times {
            let bounds = schedule.bounds(Bounds::new(1, 10).unwrap(), unix_ms(time));
            assert_eq!((bounds.min(), bounds.max()), (*min, *max), "{time}");
        }
    }

    #[test]
    fn office_hours_follow_the_zone_through_summer_time() {
        // Berlin is an hour ahead of UTC in winter, two in summer.
        check(
            "0 8 * * mon-fri for 10h min=4 max=20",
            "Europe/Berlin",
            &[
                ("2026-01-14T06:59:59Z", (1, 10)),
                ("2026-01-14T07:00:00Z", (4, 20)),
                ("2026-01-14T16:59:59Z", (4, 20)),
                ("2026-01-14T17:00:00Z", (1, 10)),
                ("2026-07-15T06:00:00Z", (4, 20)),
                ("2026-07-15T16:00:00Z", (1, 10)),
                ("2026-07-18T08:00:00Z", (1, 10)),
            ],
        );
    }

    #[test]
    fn entries_reach_over_midnight_and_combine() {
        check(
            "30 22 * * * for 4h max=3; 0 0 1 * * for 1d min=2; */15 9 * * 0 for 5m min=7",
            "UTC",
            &[
                ("2026-05-31T22:29:00Z", (1, 10)),
                ("2026-05-31T22:30:00Z", (1, 3)),
                ("2026-06-01T02:29:00Z", (2, 3)),
                ("2026-06-01T02:30:00Z", (2, 10)),
                ("2026-06-01T23:59:00Z", (2, 3)),
                ("2026-06-07T09:19:59Z", (7, 10)),
                ("2026-06-07T09:20:00Z", (1, 10)),
                ("2026-06-07T09:46:00Z", (7, 10)),
            ],
        );
    }

    #[test]
    fn the_minimum_wins_and_days_are_either_of_both() {
        check(
            "0 0 13 * fri for 1d min=12",
            "UTC",
            &[
                ("2026-03-13T05:00:00Z", (12, 12)),
                ("2026-03-20T05:00:00Z", (12, 12)),
                ("2026-04-13T05:00:00Z", (12, 12)),
                ("2026-04-14T05:00:00Z", (1, 10)),
            ],
        );
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (text, zone, error) in [
            ("", "UTC", ScheduleError::Form),
            ("0 8 * * * min=3", "UTC", ScheduleError::Form),
            ("0 8 * * * for 1h least=3", "UTC", ScheduleError::Form),
            ("60 8 * * * for 1h min=3", "UTC", ScheduleError::Field),
            ("0 8-6 * * * for 1h min=3", "UTC", ScheduleError::Field),
            ("0 8 * * someday for 1h min=3", "UTC", ScheduleError::Field),
            ("*/0 8 * * * for 1h min=3", "UTC", ScheduleError::Field),
            ("0 8 * * * for 0s min=3", "UTC", ScheduleError::Holds),
            ("0 8 * * * for 8d min=3", "UTC", ScheduleError::Holds),
            ("0 8 * * * for 1h", "UTC", ScheduleError::Bounds),
            ("0 8 * * * for 1h min=0", "UTC", ScheduleError::Bounds),
            ("0 8 * * * for 1h min=5 max=4", "UTC", ScheduleError::Bounds),
            (
                "0 8 * * * for 1h min=3",
                "Europe/Atlantis",
                ScheduleError::Zone,
            ),
        ] {
            assert_eq!(Schedule::parse(text, zone), Err(error), "{text}");
        }
    }
}
