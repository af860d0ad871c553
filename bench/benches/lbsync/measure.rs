//! Time and processor time of this process.

use std::{
    fs,
    time::{Duration, Instant},
};

/// What a piece of work took.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    /// From begin to end.
    pub(crate) wall: Duration,
    /// User and system time of this process, all threads; the kernel counts in ticks of 10 ms.
    pub(crate) cpu: Duration,
}

impl Cost {
    pub(crate) fn per(self, count: u32) -> Self {
        Self {
            wall: self.wall / count,
            cpu: self.cpu / count,
        }
    }
}

/// Runs the work and says what it took.
#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
pub(crate) fn cost<T>(work: impl FnOnce() -> T) -> (T, Cost) {
    let (begin, before) = (Instant::now(), cpu("self"));
    let result = work();
    let cost = Cost {
        wall: begin.elapsed(),
        cpu: cpu("self").saturating_sub(before),
    };
    (result, cost)
}

/// User and system time of a process, its threads and the children that it has waited for.
pub(crate) fn cpu(process: &str) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    // The name may hold anything but ends with the last parenthesis; then come state, parent, … and utime, stime, cutime, cstime.
    let fields = stat
        .rsplit_once(')')
        .unwrap()
        .1
        .split_whitespace()
        .skip(11)
        .take(4);
    let ticks: u64 = fields.map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

pub(crate) fn median(values: &mut [Duration]) -> Duration {
    quantile(values, 0.5)
}

/// The value that this share of the values do not exceed.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of a few hundred"
)]
pub(crate) fn quantile(values: &mut [Duration], share: f64) -> Duration {
    values.sort_unstable();
    let place = (values.len() as f64 * share).ceil() as usize;
    values[place.clamp(1, values.len()) - 1]
}

pub(crate) fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
