//! What our own agent says of a container beyond hsflowd's records: throttling, pressure, accept queues, connections, working set.
//!
//! Kept apart from the series, whose size matters: a container whose agent says none of it takes eight bytes here.

use crate::{
    config::Rules,
    extract::{UNKNOWN_32, UNKNOWN_64},
    metric::Metric,
    series::Moment,
};

/// Counters that only grow: throttled, CPU, memory and I/O pressure, all in microseconds; full accept queues.
const COUNTERS: usize = 5;

/// One sample's worth; all ones is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ExtraSample {
    pub(crate) counters: [u64; COUNTERS],
    /// Open TCP connections.
    pub(crate) connections: u32,
    /// Bytes; 0 is unknown.
    pub(crate) working_set: u64,
}

impl ExtraSample {
    pub(crate) const NONE: Self = Self {
        counters: [UNKNOWN_64; COUNTERS],
        connections: UNKNOWN_32,
        working_set: 0,
    };

    /// A counter of 32 bits among those of 64: it may wrap, which then costs one rate.
    pub(crate) fn widened(counter: u32) -> u64 {
        match counter {
            UNKNOWN_32 => UNKNOWN_64,
            counter => u64::from(counter),
        }
    }
}

/// The state of one container.
#[derive(Debug)]
pub(crate) struct Extra {
    latest: ExtraSample,
    uptime_ms: u64,
    run: u32,
    sequence: u32,
    /// Of [`ExtraSample::counters`]; NaN is unknown.
    per_second: [f64; COUNTERS],
}

impl Extra {
    pub(crate) fn new(sample: &ExtraSample, at: &Moment, sequence: u32) -> Self {
        Self {
            latest: *sample,
            uptime_ms: at.uptime_ms,
            run: at.run,
            sequence,
            per_second: [f64::NAN; COUNTERS],
        }
    }

    /// Takes in a sample. A late one is passed over, one too close to the last brings its gauges alone.
    pub(crate) fn apply(
        &mut self,
        sample: &ExtraSample,
        (at, rules): (&Moment, &Rules),
        sequence: u32,
    ) {
        if at.late {
            return;
        }
        let interval_ms = at.uptime_ms.saturating_sub(self.uptime_ms);
        if at.run != self.run || sequence <= self.sequence || at.uptime_ms < self.uptime_ms {
            *self = Self::new(sample, at, sequence);
            return;
        }
        if interval_ms < rules.min_interval_ms {
            (self.latest.connections, self.latest.working_set) =
                (sample.connections, sample.working_set);
            return;
        }
        let pairs = self.latest.counters.into_iter().zip(sample.counters);
        for (rate, (before, now)) in self.per_second.iter_mut().zip(pairs) {
            *rate = match now.checked_sub(before) {
                Some(delta) if now != UNKNOWN_64 => delta as f64 * 1000.0 / interval_ms as f64,
                _ => f64::NAN,
            };
        }
        self.latest = *sample;
        self.uptime_ms = at.uptime_ms;
        self.sequence = sequence;
    }

    /// The value of one of these metrics; `None` when unknown or when it is another metric.
    pub(crate) fn metric(&self, metric: Metric) -> Option<f64> {
        let [throttled, cpu, memory, io, overflows] = self.per_second;
        let value = match metric {
            Metric::VirCpuThrottled => throttled / 1e6,
            Metric::VirPressureCpu => cpu / 1e6,
            Metric::VirPressureMemory => memory / 1e6,
            Metric::VirPressureIo => io / 1e6,
            Metric::VirListenOverflows => overflows,
            Metric::VirConnections => {
                let open = self.latest.connections;
                return (open != UNKNOWN_32).then(|| f64::from(open));
            }
            Metric::VirWorkingSet => {
                let bytes = self.latest.working_set;
                return (bytes > 0).then_some(bytes as f64);
            }
            _ => return None,
        };
        (!value.is_nan()).then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn at(uptime_ms: u64, run: u32) -> Moment {
        Moment {
            now_ms: uptime_ms,
            uptime_ms,
            run,
            late: false,
            host_cpus: 2,
            polling_ms: 1000,
            interval_ms: 1000,
        }
    }

    fn sample(throttled_us: u64, connections: u32) -> ExtraSample {
        ExtraSample {
            counters: [throttled_us, 0, UNKNOWN_64, 0, 7],
            connections,
            working_set: 4096,
        }
    }

    #[test]
    fn rates_come_from_uptime_and_what_is_unknown_has_none() {
        let rules = Rules::new(&Config::default());
        let mut extra = Extra::new(&sample(1_000_000, 3), &at(5000, 1), 1);
        assert_eq!(extra.metric(Metric::VirCpuThrottled), None);
        assert_eq!(extra.metric(Metric::VirConnections), Some(3.0));
        extra.apply(&sample(2_000_000, 5), (&at(7000, 1), &rules), 2);
        assert_eq!(extra.metric(Metric::VirCpuThrottled), Some(0.5));
        assert_eq!(extra.metric(Metric::VirListenOverflows), Some(0.0));
        assert_eq!(extra.metric(Metric::VirPressureMemory), None);
        assert_eq!(extra.metric(Metric::VirWorkingSet), Some(4096.0));
        assert_eq!(extra.metric(Metric::VirReads), None);

        // Too soon after: the rate stays.
        extra.apply(&sample(9_000_000, 6), (&at(7100, 1), &rules), 3);
        assert_eq!(extra.metric(Metric::VirCpuThrottled), Some(0.5));
        assert_eq!(extra.metric(Metric::VirConnections), Some(6.0));
        // A counter that fell has no rate, and neither has a new sequence or a new run.
        extra.apply(&sample(0, 6), (&at(9000, 1), &rules), 4);
        assert_eq!(extra.metric(Metric::VirCpuThrottled), None);
        extra.apply(&sample(500_000, 6), (&at(10_000, 1), &rules), 5);
        assert_eq!(extra.metric(Metric::VirCpuThrottled), Some(0.5));
        extra.apply(&sample(900_000, 6), (&at(11_000, 1), &rules), 1);
        assert_eq!(extra.metric(Metric::VirCpuThrottled), None);
        extra.apply(&sample(900_000, 6), (&at(12_000, 2), &rules), 2);
        assert_eq!(extra.metric(Metric::VirCpuThrottled), None);
    }
}
