//! Numbers and names as a person writes them.

use crate::metric::Metric;

/// `1 replica`, `4 replicas`.
pub(super) fn replicas(number: u32) -> String {
    count(u64::from(number), "replica")
}

/// A number with its noun, in the plural unless it is one.
pub(super) fn count(number: u64, noun: &str) -> String {
    if number == 1 {
        format!("1 {noun}")
    } else {
        format!("{number} {noun}s")
    }
}

/// What a metric is called.
pub(super) const fn metric_name(metric: Metric) -> &'static str {
    match metric {
        Metric::CpuOfLimit | Metric::CpuCores => "CPU",
        Metric::Bytes => "traffic",
        Metric::BytesIn => "received traffic",
        Metric::BytesOut => "sent traffic",
        Metric::Packets => "packets",
        Metric::Connections => "new connections",
        Metric::MemoryOfLimit | Metric::MemoryBytes => "memory",
    }
}

/// A value with its unit; `long` says what it is a share of, or counted by.
pub(super) fn metric_value(metric: Metric, value: f64, long: bool) -> String {
    let each = if long { " per replica" } else { "" };
    match metric {
        Metric::CpuOfLimit | Metric::MemoryOfLimit if long => {
            format!("{} % of the limit", short(value * 100.0))
        }
        Metric::CpuOfLimit | Metric::MemoryOfLimit => format!("{} %", short(value * 100.0)),
        Metric::CpuCores => format!("{value:.2} cores"),
        Metric::Bytes | Metric::BytesIn | Metric::BytesOut => format!("{}/s{each}", bytes(value)),
        Metric::MemoryBytes => format!("{}{each}", bytes(value)),
        Metric::Packets | Metric::Connections => format!("{}/s{each}", short(value)),
    }
}

/// Bytes in decimal units.
pub(super) fn bytes(value: f64) -> String {
    let (unit, scale) = match value {
        value if value >= 999_950_000_000.0 => ("TB", 1e12),
        value if value >= 999_950_000.0 => ("GB", 1e9),
        value if value >= 999_950.0 => ("MB", 1e6),
        value if value >= 999.95 => ("kB", 1e3),
        _ => ("B", 1.0),
    };
    format!("{} {unit}", short(value / scale))
}

/// At most one digit after the point, and none that is 0.
fn short(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

/// `400 ms`, `2.5 s`, `12 s`, `3 min 5 s`, `2 h 10 min`.
pub(super) fn milliseconds(number: u64) -> String {
    let seconds = number / 1000;
    match seconds {
        0 => format!("{number} ms"),
        1..10 => match number % 1000 / 100 {
            0 => format!("{seconds} s"),
            tenths => format!("{seconds}.{tenths} s"),
        },
        10..60 => format!("{seconds} s"),
        60..3600 => two(seconds / 60, "min", seconds % 60, "s"),
        _ => two(seconds / 3600, "h", seconds % 3600 / 60, "min"),
    }
}

fn two(large: u64, large_unit: &str, small: u64, small_unit: &str) -> String {
    if small == 0 {
        format!("{large} {large_unit}")
    } else {
        format!("{large} {large_unit} {small} {small_unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (number, expected) in [
            (0, "0 ms"),
            (400, "400 ms"),
            (2000, "2 s"),
            (2550, "2.5 s"),
            (12_900, "12 s"),
            (60_000, "1 min"),
            (185_000, "3 min 5 s"),
            (7_800_000, "2 h 10 min"),
            (u64::MAX, "5124095576030 h 25 min"),
        ] {
            assert_eq!(milliseconds(number), expected);
        }
    }

    #[test]
    fn values() {
        for (metric, value, expected) in [
            (Metric::CpuOfLimit, 0.62, "62 % of the limit"),
            (Metric::CpuOfLimit, 0.625, "62.5 % of the limit"),
            (Metric::CpuCores, 0.7, "0.70 cores"),
            (Metric::Bytes, 500_000.0, "500 kB/s per replica"),
            (Metric::Bytes, 999_960.0, "1 MB/s per replica"),
            (Metric::Bytes, 12.0, "12 B/s per replica"),
            (Metric::Bytes, 2.5e12, "2.5 TB/s per replica"),
            (Metric::MemoryBytes, 1_500_000.0, "1.5 MB per replica"),
            (Metric::Connections, 12.34, "12.3/s per replica"),
        ] {
            assert_eq!(metric_value(metric, value, true), expected);
        }
    }
}
