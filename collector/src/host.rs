//! The host behind an agent (data source 2:1): its name, size and a few rates. Does not know containers.

use crate::{
    config::Rules,
    extract::{HostSample, UNKNOWN_32, UNKNOWN_64},
    metric::Metric,
    series::{Moment, ewma},
    stats::Stats,
    uuid::ContainerUuid,
};

/// State of a host.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) name: Box<[u8]>,
    pub(crate) uuid: ContainerUuid,
    /// 0 is unknown.
    pub(crate) cpu_num: u32,
    /// sFlow's number for the operating system; 0 is unknown.
    pub(crate) os_name: u32,
    pub(crate) seen_ms: u64,
    sequence: u32,
    polling_ms: u32,
    load: [f32; 3],
    memory: Option<[u64; 3]>,
    base: Option<Base>,
    cpu_utilization: Option<f64>,
    steal: Option<f32>,
    bytes_in: Option<f64>,
    bytes_out: Option<f64>,
}

#[derive(Clone, Copy, Debug)]
struct Base {
    uptime_ms: u64,
    run: u32,
    cpu_busy_idle_ms: Option<[u32; 2]>,
    /// All ones is unknown.
    cpu_steal_ms: u32,
    bytes_in: u64,
    bytes_out: u64,
}

impl Host {
    pub(crate) fn new() -> Self {
        Self {
            name: Box::default(),
            uuid: ContainerUuid::UNKNOWN,
            cpu_num: 0,
            os_name: 0,
            seen_ms: 0,
            sequence: 0,
            polling_ms: 0,
            load: [-1.0; 3],
            memory: None,
            base: None,
            cpu_utilization: None,
            steal: None,
            bytes_in: None,
            bytes_out: None,
        }
    }

    /// The observed interval between samples; 0 until there were two.
    pub(crate) fn polling_ms(&self) -> u32 {
        self.polling_ms
    }

    /// Takes in one sample.
    pub(crate) fn apply(
        &mut self,
        sample: &HostSample<'_>,
        at: &Moment,
        rules: &Rules,
        stats: &mut Stats,
    ) {
        let gap = sample.sequence.wrapping_sub(self.sequence);
        if at.late && sample.sequence <= self.sequence {
            return;
        }
        let kept = sample
            .name
            .map(|name| name.get(..rules.max_name_bytes).unwrap_or(name));
        if let Some(name) = kept.filter(|name| **name != *self.name) {
            stats.names_truncated +=
                u64::from(sample.name.is_some_and(|full| full.len() > name.len()));
            self.name = name.into();
        }
        if sample.uuid != self.uuid && !sample.uuid.is_unknown() {
            stats.host_uuid_changes += u64::from(!self.uuid.is_unknown());
            self.uuid = sample.uuid;
            self.base = None;
        }
        if sample.cpu_num > 0 {
            self.cpu_num = sample.cpu_num;
        }
        if sample.os_name > 0 {
            self.os_name = sample.os_name;
        }
        self.load = sample.load;
        self.memory = sample.memory.or(self.memory);
        self.seen_ms = at.now_ms;
        self.sequence = sample.sequence;
        let next = Base {
            uptime_ms: at.uptime_ms,
            run: at.run,
            cpu_busy_idle_ms: sample.cpu_busy_idle_ms,
            cpu_steal_ms: sample.cpu_steal_ms,
            bytes_in: sample.bytes_in,
            bytes_out: sample.bytes_out,
        };
        let interval_ms = self
            .base
            .filter(|base| base.run == at.run)
            .and_then(|base| at.uptime_ms.checked_sub(base.uptime_ms));
        match (self.base, interval_ms) {
            (Some(_), Some(interval_ms)) if interval_ms < rules.min_interval_ms => {}
            (Some(base), Some(interval_ms))
                if sample.sequence != 1 && (1..=rules.max_sequence_gap).contains(&gap) =>
            {
                let observed = u32::try_from(interval_ms / u64::from(gap)).unwrap_or(u32::MAX);
                self.polling_ms = ewma(self.polling_ms, observed);
                self.compare(&base, &next, interval_ms);
                self.base = Some(next);
            }
            _ => {
                (self.cpu_utilization, self.steal) = (None, None);
                (self.bytes_in, self.bytes_out) = (None, None);
                self.base = Some(next);
            }
        }
    }

    fn compare(&mut self, base: &Base, next: &Base, interval_ms: u64) {
        let cpu = base.cpu_busy_idle_ms.zip(next.cpu_busy_idle_ms);
        let spent = cpu.and_then(|(base, next)| {
            let limit = interval_ms
                .saturating_mul(u64::from(self.cpu_num.max(1)))
                .saturating_mul(2);
            let [busy, idle] = [0, 1].map(|i| u64::from(next[i].wrapping_sub(base[i])));
            let total = busy + idle;
            (total > 0 && total <= limit).then_some((busy, total))
        });
        self.cpu_utilization = spent.map(|(busy, total)| 100.0 * busy as f64 / total as f64);
        self.steal = spent.and_then(|(busy, total)| {
            let known = base.cpu_steal_ms != UNKNOWN_32 && next.cpu_steal_ms != UNKNOWN_32;
            let stolen = next.cpu_steal_ms.wrapping_sub(base.cpu_steal_ms);
            (known && u64::from(stolen) <= busy).then(|| stolen as f32 / total as f32)
        });
        let per_second = |base: u64, next: u64| {
            let known = base != UNKNOWN_64 && next != UNKNOWN_64;
            let delta = next.checked_sub(base).filter(|_| known)?;
            Some(delta as f64 * 1000.0 / interval_ms as f64)
        };
        self.bytes_in = per_second(base.bytes_in, next.bytes_in);
        self.bytes_out = per_second(base.bytes_out, next.bytes_out);
    }

    /// Share (0 to 1) of the processor time that the hypervisor gave to others; `None` when unknown.
    pub(crate) fn steal(&self) -> Option<f32> {
        self.steal
    }

    /// The value of a host metric; `None` when unknown or when the metric is a container's.
    pub(crate) fn metric(&self, metric: Metric) -> Option<f64> {
        let load = |index: usize| {
            self.load
                .get(index)
                .filter(|load| **load >= 0.0)
                .map(|load| f64::from(*load))
        };
        match metric {
            Metric::CpuUtilization => self.cpu_utilization,
            Metric::CpuSteal => self.steal.map(|share| 100.0 * f64::from(share)),
            Metric::CpuNum => (self.cpu_num > 0).then(|| f64::from(self.cpu_num)),
            Metric::LoadOne => load(0),
            Metric::LoadFive => load(1),
            Metric::LoadFifteen => load(2),
            Metric::MemTotal => self.memory.map(|[total, ..]| total as f64),
            Metric::MemFree => self.memory.map(|[_, free, _]| free as f64),
            Metric::MemUtilization => {
                self.memory
                    .filter(|[total, ..]| *total > 0)
                    .map(|[total, free, cache]| {
                        100.0 * total.saturating_sub(free).saturating_sub(cache) as f64
                            / total as f64
                    })
            }
            Metric::BytesIn => self.bytes_in,
            Metric::BytesOut => self.bytes_out,
            _ => None,
        }
    }
}

/// Adds counters that may be unknown; unknown ones count as nothing.
pub(crate) fn sum_known(counters: &[u32]) -> u32 {
    counters
        .iter()
        .filter(|counter| **counter != UNKNOWN_32)
        .fold(0, |sum, counter| sum.wrapping_add(*counter))
}
