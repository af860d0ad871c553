//! Conversions between [`Duration`] and the whole milliseconds that records and configuration carry.

use std::time::Duration;

/// Whole milliseconds of `duration`, saturating.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What is left of `length` at `now` when it began at `since`; `None` once it is over.
///
/// A `now` before `since` counts as no time passed.
pub(crate) fn remaining(since: Duration, length: Duration, now: Duration) -> Option<Duration> {
    let left = length.saturating_sub(now.saturating_sub(since));
    (!left.is_zero()).then_some(left)
}
