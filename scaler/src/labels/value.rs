//! The syntax of label values.
//!
//! Surrounding blanks are ignored. Numbers are decimal digits with at most one point: no sign, no exponent.

use std::{num::NonZeroU32, time::Duration};

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::{
    arbitration::PRIORITY_MAX, metric::Metric, outlier::OutlierPolicy, policy::REPLICAS_LIMIT,
};

/// Longest duration that a label can name.
pub(crate) const DURATION_MAX: Duration = Duration::from_secs(24 * 3600);

/// Why a value cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueError {
    /// Nothing there.
    #[error("the value is empty")]
    Empty,
    /// Neither true nor false.
    #[error("must be true or false")]
    Boolean,
    /// Not a whole number in range.
    #[error("must be a whole number from 0 to {REPLICAS_LIMIT}")]
    Count,
    /// Zero where a step is asked for.
    #[error("must be at least 1")]
    Zero,
    /// Not a number in the syntax of CPU marks.
    #[error("must be per cent of the CPU limit, such as 70%, or cores, such as 0.7cores, or off")]
    Cpu,
    /// A bare number that could be a share, per cent or cores.
    #[error("is ambiguous: write 70% for a share of the CPU limit, or 0.7cores for cores")]
    CpuAmbiguous,
    /// More than the limit.
    #[error("more than 100 % of the CPU limit is never reached; for two cores write 2cores")]
    CpuAboveLimit,
    /// Not a number in the syntax of bytes.
    #[error("must be bytes per second, such as 500000, 500k, 1.5MB or 1MiB/s, or off")]
    Bytes,
    /// A unit that means bits.
    #[error("is in bits; write bytes per second, such as 1MB/s")]
    Bits,
    /// Not an amount of memory.
    #[error("must be per cent of the memory limit, such as 80%, or bytes, such as 512MiB, or off")]
    Memory,
    /// Not a number of events per second.
    #[error("must be a number per second, such as 200, 1.5k or 200/s, or off")]
    PerSecond,
    /// Not a share.
    #[error("must be per cent, such as 10%")]
    Share,
    /// Not a use of forecasts.
    #[error("must be off, forecast-only, trend or seasonal")]
    Predict,
    /// Not what can be done about outliers.
    #[error("must be off, report, exclude or quarantine")]
    Outliers,
    /// Not a choice among rates.
    #[error("must be max, min or disabled")]
    Select,
    /// Not a list of rates.
    #[error("must be amounts within periods, such as 100%/15s, 4/15s, or off")]
    Rate,
    /// Not a duration.
    #[error("must be a duration, such as 30s, 1m 30s, or a number of seconds")]
    Duration,
    /// Not a whole number up to [`PRIORITY_MAX`].
    #[error("must be a whole number from 0 to {PRIORITY_MAX}")]
    Priority,
    /// Negative, or longer than a day.
    #[error("must be from 0 to 24 hours")]
    DurationRange,
}

/// A mark as written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mark {
    /// The metric is not used.
    Off,
    /// A value of a metric, in its unit.
    At(Metric, f64),
}

/// `true` or `false`, in whatever case.
pub(super) fn outliers(text: &str) -> Result<OutlierPolicy, ValueError> {
    match text.trim().to_ascii_lowercase().as_str() {
        "off" => Ok(OutlierPolicy::Off),
        "report" => Ok(OutlierPolicy::Report),
        "exclude" => Ok(OutlierPolicy::Exclude),
        "quarantine" => Ok(OutlierPolicy::Quarantine),
        _ => Err(ValueError::Outliers),
    }
}

pub(super) fn boolean(text: &str) -> Result<bool, ValueError> {
    match some(text)? {
        text if text.eq_ignore_ascii_case("true") => Ok(true),
        text if text.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err(ValueError::Boolean),
    }
}

/// A number of replicas.
pub(super) fn count(text: &str) -> Result<u32, ValueError> {
    let text = some(text)?;
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ValueError::Count);
    }
    text.parse()
        .ok()
        .filter(|count| *count <= REPLICAS_LIMIT)
        .ok_or(ValueError::Count)
}

/// A number of replicas to add or take.
pub(super) fn step(text: &str) -> Result<NonZeroU32, ValueError> {
    NonZeroU32::new(count(text)?).ok_or(ValueError::Zero)
}

/// A priority.
pub(super) fn priority(text: &str) -> Result<u16, ValueError> {
    some(text)?
        .parse()
        .ok()
        .filter(|priority| *priority <= PRIORITY_MAX)
        .ok_or(ValueError::Priority)
}

/// `70%`, `70`, `0.7cores`, `off`.
pub(super) fn cpu(text: &str) -> Result<Mark, ValueError> {
    let text = some(text)?;
    if text.eq_ignore_ascii_case("off") {
        return Ok(Mark::Off);
    }
    let (number, unit) = split(text, ValueError::Cpu)?;
    let value: f64 = number.parse().map_err(|_| ValueError::Cpu)?;
    match unit.to_ascii_lowercase().as_str() {
        "core" | "cores" => return Ok(Mark::At(Metric::CpuCores, value)),
        "%" => {}
        "" if number.contains('.') && value <= 1.0 => return Err(ValueError::CpuAmbiguous),
        "" => {}
        _ => return Err(ValueError::Cpu),
    }
    if value > 100.0 {
        return Err(ValueError::CpuAboveLimit);
    }
    Ok(Mark::At(Metric::CpuOfLimit, value / 100.0))
}

/// `500k`, `1MB`, `1MiB/s`, a bare number of bytes per second, `off`.
pub(super) fn bytes(text: &str) -> Result<Mark, ValueError> {
    let text = some(text)?;
    if text.eq_ignore_ascii_case("off") {
        return Ok(Mark::Off);
    }
    let (number, unit) = split(text, ValueError::Bytes)?;
    let value: f64 = number.parse().map_err(|_| ValueError::Bytes)?;
    let unit = unit.strip_suffix("/s").unwrap_or(unit).trim_end();
    Ok(Mark::At(Metric::Bytes, value * bytes_unit(unit)?))
}

/// `80%` of the memory limit, `512MiB`, `off`.
pub(super) fn memory(text: &str) -> Result<Mark, ValueError> {
    if let Some(percent) = some(text)?.strip_suffix('%') {
        let value = share(percent).map_err(|_| ValueError::Memory)?;
        return Ok(Mark::At(Metric::MemoryOfLimit, value));
    }
    match bytes(text) {
        Ok(Mark::At(_, value)) if !text.contains('/') => Ok(Mark::At(Metric::MemoryBytes, value)),
        Ok(Mark::Off) => Ok(Mark::Off),
        Ok(Mark::At(..)) | Err(_) => Err(ValueError::Memory),
    }
}

/// `200`, `1.5k`, `200/s`, `off`, of a metric that counts events.
pub(super) fn per_second(text: &str, metric: Metric) -> Result<Mark, ValueError> {
    let text = some(text)?;
    if text.eq_ignore_ascii_case("off") {
        return Ok(Mark::Off);
    }
    let (number, unit) = split(text, ValueError::PerSecond)?;
    let value: f64 = number.parse().map_err(|_| ValueError::PerSecond)?;
    let scale = match unit.strip_suffix("/s").unwrap_or(unit).trim_end() {
        "" => 1.0,
        "k" | "K" => 1e3,
        "M" => 1e6,
        _ => return Err(ValueError::PerSecond),
    };
    Ok(Mark::At(metric, value * scale))
}

/// `10%` or `10`: a share, from 0 on.
pub(super) fn share(text: &str) -> Result<f64, ValueError> {
    let (number, unit) = split(some(text)?, ValueError::Share)?;
    if !matches!(unit, "" | "%") {
        return Err(ValueError::Share);
    }
    let value: f64 = number.parse().map_err(|_| ValueError::Share)?;
    Ok(value / 100.0)
}

/// Bytes in a unit: decimal (`k`, `MB`) or binary (`Ki`, `MiB`).
fn bytes_unit(unit: &str) -> Result<f64, ValueError> {
    const POWERS: [(char, i32); 4] = [('k', 1), ('m', 2), ('g', 3), ('t', 4)];
    let lower = unit.to_ascii_lowercase();
    if lower.ends_with("bit")
        || lower.ends_with("bits")
        || lower.ends_with("bps")
        || (unit.ends_with('b') && unit != "b")
    {
        return Err(ValueError::Bits);
    }
    if matches!(lower.as_str(), "" | "b" | "byte" | "bytes") {
        return Ok(1.0);
    }
    let mut rest = unit.chars();
    let prefix = rest.next().map(|prefix| prefix.to_ascii_lowercase());
    let power = POWERS
        .iter()
        .find(|(letter, _)| Some(*letter) == prefix)
        .map(|(_, power)| *power);
    match (power, rest.as_str()) {
        (Some(_), "" | "B") if unit.starts_with('m') => Err(ValueError::Bytes),
        (Some(power), "" | "B") => Ok(1000_f64.powi(power)),
        (Some(power), "i" | "iB") => Ok(1024_f64.powi(power)),
        _ => Err(ValueError::Bytes),
    }
}

/// `30s`, `1m 30s`, `PT30S`, a bare number of seconds; whole milliseconds from 0 to [`DURATION_MAX`].
pub(crate) fn duration(text: &str) -> Result<Duration, ValueError> {
    let text = some(text)?;
    let parsed: SignedDuration = match split(text, ValueError::Duration) {
        Ok((number, "")) => {
            let seconds: f64 = number.parse().map_err(|_| ValueError::Duration)?;
            SignedDuration::try_from_secs_f64(seconds).map_err(|_| ValueError::DurationRange)?
        }
        Ok(_) | Err(_) => text.parse().map_err(|_| ValueError::Duration)?,
    };
    let duration = Duration::try_from(parsed).map_err(|_| ValueError::DurationRange)?;
    if duration > DURATION_MAX {
        return Err(ValueError::DurationRange);
    }
    Ok(Duration::from_millis(crate::time::millis(duration)))
}

fn some(text: &str) -> Result<&str, ValueError> {
    let text = text.trim();
    if text.is_empty() {
        Err(ValueError::Empty)
    } else {
        Ok(text)
    }
}

/// The leading number and what follows it, blanks between them dropped.
fn split(text: &str, error: ValueError) -> Result<(&str, &str), ValueError> {
    let end = text
        .bytes()
        .position(|byte| !byte.is_ascii_digit() && byte != b'.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    if number.bytes().all(|byte| byte == b'.')
        || number.bytes().filter(|byte| *byte == b'.').count() > 1
    {
        return Err(error);
    }
    Ok((number, unit.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARE: Metric = Metric::CpuOfLimit;

    #[test]
    fn cpu_marks() {
        for (text, expected) in [
            ("70%", Ok(Mark::At(SHARE, 0.7))),
            (" 70 % ", Ok(Mark::At(SHARE, 0.7))),
            ("70", Ok(Mark::At(SHARE, 0.7))),
            ("70.0", Ok(Mark::At(SHARE, 0.7))),
            ("0.5%", Ok(Mark::At(SHARE, 0.005))),
            ("1", Ok(Mark::At(SHARE, 0.01))),
            ("0", Ok(Mark::At(SHARE, 0.0))),
            ("100%", Ok(Mark::At(SHARE, 1.0))),
            ("0.7cores", Ok(Mark::At(Metric::CpuCores, 0.7))),
            ("1 core", Ok(Mark::At(Metric::CpuCores, 1.0))),
            ("2Cores", Ok(Mark::At(Metric::CpuCores, 2.0))),
            ("OFF", Ok(Mark::Off)),
            ("0.7", Err(ValueError::CpuAmbiguous)),
            ("1.0", Err(ValueError::CpuAmbiguous)),
            (".5", Err(ValueError::CpuAmbiguous)),
            ("200%", Err(ValueError::CpuAboveLimit)),
            ("", Err(ValueError::Empty)),
            ("  ", Err(ValueError::Empty)),
            ("-5%", Err(ValueError::Cpu)),
            ("70,5%", Err(ValueError::Cpu)),
            ("7e1", Err(ValueError::Cpu)),
            ("NaN", Err(ValueError::Cpu)),
            ("inf", Err(ValueError::Cpu)),
            ("1.2.3", Err(ValueError::Cpu)),
            (".", Err(ValueError::Cpu)),
            ("%", Err(ValueError::Cpu)),
            ("500m", Err(ValueError::Cpu)),
            ("70 %%", Err(ValueError::Cpu)),
        ] {
            assert_eq!(cpu(text), expected, "{text}");
        }
    }

    #[test]
    fn byte_marks() {
        for (text, expected) in [
            ("500000", Ok(500_000.0)),
            ("500k", Ok(500_000.0)),
            ("500K", Ok(500_000.0)),
            ("500kB/s", Ok(500_000.0)),
            ("1MB", Ok(1_000_000.0)),
            ("1.5 MB", Ok(1_500_000.0)),
            ("1M", Ok(1_000_000.0)),
            ("1MiB/s", Ok(1_048_576.0)),
            ("2Ki", Ok(2048.0)),
            ("3GB", Ok(3e9)),
            ("1TiB", Ok(1_099_511_627_776.0)),
            ("7 B/s", Ok(7.0)),
            ("7 bytes/s", Ok(7.0)),
            ("1Mb", Err(ValueError::Bits)),
            ("1Mbit/s", Err(ValueError::Bits)),
            ("1Mbps", Err(ValueError::Bits)),
            ("1m", Err(ValueError::Bytes)),
            ("1mB", Err(ValueError::Bytes)),
            ("1PB", Err(ValueError::Bytes)),
            ("1MB/h", Err(ValueError::Bytes)),
            ("fast", Err(ValueError::Bytes)),
            ("1é", Err(ValueError::Bytes)),
            ("", Err(ValueError::Empty)),
        ] {
            assert_eq!(
                bytes(text),
                expected.map(|value| Mark::At(Metric::Bytes, value)),
                "{text}"
            );
        }
        assert_eq!(bytes("off"), Ok(Mark::Off));
    }

    #[test]
    fn durations() {
        for (text, expected) in [
            ("30s", Ok(30_000)),
            ("1m 30s", Ok(90_000)),
            ("1m30s", Ok(90_000)),
            ("90", Ok(90_000)),
            ("1.5", Ok(1500)),
            ("250ms", Ok(250)),
            ("0", Ok(0)),
            ("2 minutes", Ok(120_000)),
            ("PT30S", Ok(30_000)),
            ("24h", Ok(86_400_000)),
            ("25h", Err(ValueError::DurationRange)),
            ("-5s", Err(ValueError::DurationRange)),
            ("99999999999999999999999", Err(ValueError::DurationRange)),
            ("soon", Err(ValueError::Duration)),
            ("5 parsecs", Err(ValueError::Duration)),
            ("-5", Err(ValueError::Duration)),
            ("", Err(ValueError::Empty)),
        ] {
            assert_eq!(
                duration(text),
                expected.map(Duration::from_millis),
                "{text}"
            );
        }
    }

    #[test]
    fn counts_and_switches() {
        for (text, expected) in [
            ("0", Ok(0)),
            (" 7 ", Ok(7)),
            ("100000", Ok(100_000)),
            ("100001", Err(ValueError::Count)),
            ("4294967296", Err(ValueError::Count)),
            ("-1", Err(ValueError::Count)),
            ("+1", Err(ValueError::Count)),
            ("1.5", Err(ValueError::Count)),
            ("", Err(ValueError::Empty)),
        ] {
            assert_eq!(count(text), expected, "{text}");
        }
        assert_eq!(step("0"), Err(ValueError::Zero));
        for (text, expected) in [
            ("true", Ok(true)),
            ("False", Ok(false)),
            ("1", Err(ValueError::Boolean)),
            ("yes", Err(ValueError::Boolean)),
        ] {
            assert_eq!(boolean(text), expected, "{text}");
        }
    }
}
