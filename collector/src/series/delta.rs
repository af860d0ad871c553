//! From two sets of counters and the time between them to rates: wraps accepted, resets and nonsense refused. Pure.

use std::ops::Range;

use crate::{
    extract::{Counters, UNKNOWN_32, UNKNOWN_64},
    reading::Rates,
};

/// Share of an interval by which processor time may exceed what the host has: 6/5.
const CPU_TOLERANCE: (u64, u64) = (6, 5);
/// The engine reads processor time up to this long before the agent sends it.
const CPU_SLACK_MS: u64 = 2_000;
/// No container moves more: 1 Tbit/s.
const MAX_BYTES_PER_MS: u64 = 125_000_000;
/// No container moves more: 50 million packets or requests a second.
const MAX_EVENTS_PER_MS: u64 = 50_000;

/// Counters that start anew together, those of the networks and those of the disks: their bytes and their events.
const GROUPS: [(Range<usize>, Range<usize>); 2] = [(0..2, 0..6), (2..4, 6..8)];

/// The outcome of comparing two samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Compared {
    pub(super) rates: Rates,
    /// Groups of counters that went backwards and have no rate.
    pub(super) resets: u8,
    /// The 32-bit processor time wrapped.
    pub(super) cpu_wrapped: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Delta {
    Unknown,
    Reset,
    Value(u64),
}

/// Rates over `interval_ms` (not 0); `None` when the processor time says that the container started anew.
pub(super) fn rates(
    base: &Counters,
    next: &Counters,
    interval_ms: u64,
    host_cpus: u32,
) -> Option<Compared> {
    let mut compared = Compared {
        rates: Rates::UNKNOWN,
        resets: 0,
        cpu_wrapped: false,
    };
    let host_cpus = u64::from(host_cpus);
    let tolerated_ms = interval_ms.saturating_add(CPU_SLACK_MS) / CPU_TOLERANCE.1 * CPU_TOLERANCE.0;
    let cpu_limit_ms = tolerated_ms.saturating_mul(host_cpus);
    match counter_32(base.cpu_time_ms, next.cpu_time_ms, cpu_limit_ms) {
        Delta::Unknown => {}
        Delta::Reset => return None,
        Delta::Value(used_ms) => {
            compared.cpu_wrapped = next.cpu_time_ms < base.cpu_time_ms;
            let used_ms = used_ms.min(interval_ms.saturating_mul(host_cpus));
            compared.rates.cpu_cores = narrow(used_ms as f64 / interval_ms as f64);
        }
    }
    let per_second = 1_000.0 / interval_ms as f64;
    let byte_limit = interval_ms.saturating_mul(MAX_BYTES_PER_MS);
    let event_limit = interval_ms.saturating_mul(MAX_EVENTS_PER_MS);
    for (bytes, events) in GROUPS {
        let reset = bytes
            .clone()
            .any(|i| counter_64(base.bytes[i], next.bytes[i], byte_limit) == Delta::Reset);
        if reset {
            compared.resets += 1;
            continue;
        }
        for i in bytes {
            let delta = counter_64(base.bytes[i], next.bytes[i], byte_limit);
            compared.rates.bytes[i] = delta.times(per_second);
        }
        for i in events {
            let delta = counter_32(base.events[i], next.events[i], event_limit);
            compared.rates.events[i] = delta.times(per_second);
        }
    }
    Some(compared)
}

impl Delta {
    /// The rate; NaN, which stands for unknown in [`Rates`], without a value.
    fn times(self, per_second: f64) -> f32 {
        match self {
            Self::Value(delta) => narrow(delta as f64 * per_second),
            Self::Unknown | Self::Reset => f32::NAN,
        }
    }
}

/// A 32-bit counter may wrap once: a step back is believed only when the wrapped difference is within `limit`.
fn counter_32(base: u32, next: u32, limit: u64) -> Delta {
    if base == UNKNOWN_32 || next == UNKNOWN_32 {
        return Delta::Unknown;
    }
    let delta = u64::from(next.wrapping_sub(base));
    if delta > limit {
        Delta::Reset
    } else {
        Delta::Value(delta)
    }
}

/// A 64-bit counter does not wrap in practice: a step back is a reset.
fn counter_64(base: u64, next: u64, limit: u64) -> Delta {
    if base == UNKNOWN_64 || next == UNKNOWN_64 {
        return Delta::Unknown;
    }
    match next.checked_sub(base) {
        Some(delta) if delta <= limit => Delta::Value(delta),
        _ => Delta::Reset,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a rate is stored with the precision of an f32 on purpose"
)]
fn narrow(rate: f64) -> f32 {
    rate as f32
}
