//! Wall-clock times in the form the Engine API writes them (RFC 3339, UTC, nanoseconds).

use std::time::Duration;

/// Turns simulated time into the text of a timestamp.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WallClock {
    /// Unix time of simulated zero, in milliseconds.
    pub(crate) epoch_unix_ms: u64,
}

impl WallClock {
    /// Returns Unix time at `now`.
    pub(crate) fn unix(self, now: Duration) -> Duration {
        Duration::from_millis(self.epoch_unix_ms) + now
    }

    /// Writes `now` as `2026-11-20T17:46:45.000000000Z`.
    pub(crate) fn rfc3339(self, now: Duration) -> String {
        let unix = self.unix(now);
        let (days, second) = (unix.as_secs() / 86_400, unix.as_secs() % 86_400);
        let (year, month, day) = civil(days);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        let nanos = unix.subsec_nanos();
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nanos:09}Z")
    }
}

/// Days since 1970-01-01 to year, month and day of the Gregorian calendar.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 {
        month_index + 3
    } else {
        month_index - 9
    };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(unix_ms: u64, expected: &str) {
        assert_eq!(
            WallClock {
                epoch_unix_ms: unix_ms
            }
            .rfc3339(Duration::ZERO),
            expected
        );
    }

    #[test]
    fn known_dates() {
        check(0, "1970-01-01T00:00:00.000000000Z");
        check(951_782_400_000, "2000-02-29T00:00:00.000000000Z");
        check(1_795_196_805_250, "2026-11-20T17:46:45.250000000Z");
        check(1_735_689_599_999, "2024-12-31T23:59:59.999000000Z");
    }
}
