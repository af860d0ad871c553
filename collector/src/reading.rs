//! What queries read of a container: its latest rates and gauges, in two cache lines.

use std::time::Duration;

use serde::Serialize;

use crate::{config::millis_u32, metric::Metric, uuid::ContainerUuid};

/// How current the telemetry of a container is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Freshness {
    /// The latest sample is younger than three intervals and says running.
    Fresh,
    /// The latest sample says paused; the agent sends no more until the container goes on.
    Paused,
    /// No sample for more than three intervals.
    Stale,
    /// The latest sample says the container ended. Not proof of its death: after a SIGHUP to the container or an
    /// OOM kill inside it hsflowd says so of a live one, and finds it again within 120 s.
    Ended,
}

/// Rates per second; NaN inside stands for unknown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rates {
    pub(crate) cpu_cores: f32,
    /// In, out; read, written.
    pub(crate) bytes: [f32; 4],
    /// Packets, errors, drops in; packets, errors, drops out; read and write requests.
    pub(crate) events: [f32; 8],
}

impl Rates {
    pub(crate) const UNKNOWN: Self = Self {
        cpu_cores: f32::NAN,
        bytes: [f32::NAN; 4],
        events: [f32::NAN; 8],
    };

    /// Packets per second in and out.
    pub(crate) fn packets(&self) -> (Option<f64>, Option<f64>) {
        (known(self.events[0]), known(self.events[3]))
    }
}

/// What the latest sample said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// The slot is free.
    Vacant,
    Running,
    Paused,
    Ended,
}

/// The part of a data source that an observation reads: exactly one cache line, because observing 100,000 containers is
/// a matter of cache misses. The other rates lie in the data source's series.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(crate) struct Reading {
    pub(crate) uuid: ContainerUuid,
    pub(crate) seen_ms: u64,
    pub(crate) memory: u64,
    pub(crate) memory_max: u64,
    /// Processor, bytes in and bytes out of the rates; NaN is unknown.
    main_rates: [f32; 3],
    pub(crate) interval_ms: u32,
    pub(crate) stale_after_ms: u32,
    host_cpus: u16,
    pub(crate) status: Status,
    /// This data source speaks for its container; another one that sees the same container does not.
    pub(crate) owner: bool,
}

impl Reading {
    /// A slot just taken, before its first sample.
    pub(crate) const TAKEN: Self = Self {
        status: Status::Running,
        ..Self::VACANT
    };

    pub(crate) const VACANT: Self = Self {
        uuid: ContainerUuid::UNKNOWN,
        seen_ms: 0,
        memory: 0,
        memory_max: 0,
        main_rates: [f32::NAN; 3],
        interval_ms: 0,
        stale_after_ms: 0,
        host_cpus: 0,
        status: Status::Vacant,
        owner: false,
    };

    /// Whether queries over all containers count this data source.
    pub(crate) fn is_visible(&self) -> bool {
        self.status != Status::Vacant && (self.owner || self.uuid.is_unknown())
    }

    pub(crate) fn age_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.seen_ms)
    }

    pub(crate) fn freshness(&self, now_ms: u64) -> Freshness {
        match self.status {
            Status::Ended => Freshness::Ended,
            Status::Paused => Freshness::Paused,
            Status::Running if self.age_ms(now_ms) <= u64::from(self.stale_after_ms) => {
                Freshness::Fresh
            }
            Status::Running | Status::Vacant => Freshness::Stale,
        }
    }

    /// Takes over the rates that observations read.
    pub(crate) fn set_rates(&mut self, rates: &Rates) {
        let [bytes_in, bytes_out, ..] = rates.bytes;
        self.main_rates = [rates.cpu_cores, bytes_in, bytes_out];
    }

    /// Takes over the number of the host's processors; 0 is unknown.
    pub(crate) fn set_host_cpus(&mut self, cpus: u32) {
        self.host_cpus = u16::try_from(cpus).unwrap_or(u16::MAX);
    }

    pub(crate) fn cpu_cores(&self) -> Option<f64> {
        known(self.main_rates[0])
    }

    pub(crate) fn bytes_in(&self) -> Option<f64> {
        known(self.main_rates[1])
    }

    pub(crate) fn bytes_out(&self) -> Option<f64> {
        known(self.main_rates[2])
    }

    /// Cores over the limit, or over the host's cores without one.
    pub(crate) fn cpu_of_limit(&self, limit_cores: Option<f64>) -> Option<f64> {
        let limit = match limit_cores {
            Some(limit) if limit > 0.0 => limit,
            _ => f64::from(self.host_cpus),
        };
        (limit > 0.0).then(|| self.cpu_cores().map(|cores| cores / limit))?
    }

    pub(crate) fn memory(&self) -> Option<f64> {
        (self.memory > 0).then_some(self.memory as f64)
    }

    pub(crate) fn memory_of_limit(&self) -> Option<f64> {
        (self.memory > 0 && self.memory_max > 0)
            .then(|| self.memory as f64 / self.memory_max as f64)
    }

    /// The value of a container metric; `None` when unknown or when the metric is a host's.
    pub(crate) fn metric(
        &self,
        rates: &Rates,
        metric: Metric,
        limit_cores: Option<f64>,
    ) -> Option<f64> {
        let rate = match metric {
            Metric::VirCpuUtilization => return self.cpu_cores().map(|cores| cores * 100.0),
            Metric::VirCpuOfLimit => return self.cpu_of_limit(limit_cores),
            Metric::VirMemUtilization => return self.memory_of_limit().map(|share| share * 100.0),
            Metric::VirMemory => return self.memory(),
            Metric::VirMemoryMax => return (self.memory_max > 0).then_some(self.memory_max as f64),
            Metric::VirCpuCores => return self.cpu_cores(),
            Metric::VirBytesIn => return self.bytes_in(),
            Metric::VirBytesOut => return self.bytes_out(),
            Metric::VirPktsIn => rates.events[0],
            Metric::VirPktsOut => rates.events[3],
            Metric::VirErrsIn => rates.events[1],
            Metric::VirErrsOut => rates.events[4],
            Metric::VirDropsIn => rates.events[2],
            Metric::VirDropsOut => rates.events[5],
            Metric::VirBytesRead => rates.bytes[2],
            Metric::VirBytesWritten => rates.bytes[3],
            Metric::VirReads => rates.events[6],
            Metric::VirWrites => rates.events[7],
            _ => return None,
        };
        known(rate)
    }
}

fn known(rate: f32) -> Option<f64> {
    (!rate.is_nan()).then(|| f64::from(rate))
}

const _: () = assert!(size_of::<Reading>() == 64, "one cache line");

/// `seen_ms` and ages as a duration.
pub(crate) fn duration(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Serialises an optional duration as seconds.
pub(crate) fn optional_seconds<S: serde::Serializer>(
    value: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(duration) => serializer.serialize_some(&(f64::from(millis_u32(*duration)) / 1000.0)),
        None => serializer.serialize_none(),
    }
}
