//! One container's data source over time: from its samples to its rates, past every trap of the counters.
//!
//! Rates come from differences of the agent's uptime, never from the nominal polling interval. Where a difference cannot be
//! trusted there is no rate, and the sample becomes the new base. Does not know agents or queries.

mod delta;

use std::{hash::BuildHasher, num::NonZeroU32};

use foldhash::fast::FixedState;

use crate::{
    config::Rules,
    extract::{ContainerSample, Counters, RunState},
    reading::{Rates, Reading, Status},
    stats::Stats,
};

/// When and under which circumstances a sample arrived.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) now_ms: u64,
    /// The agent's uptime, extended over wraps.
    pub(crate) uptime_ms: u64,
    /// Number of the agent's run; uptimes of different runs do not compare.
    pub(crate) run: u32,
    /// The datagram was overtaken by a later one.
    pub(crate) late: bool,
    /// 0 is unknown.
    pub(crate) host_cpus: u32,
    /// The agent's polling interval, learned or configured.
    pub(crate) polling_ms: u32,
    /// Interval assumed for a data source without its own.
    pub(crate) interval_ms: u32,
}

/// Counters that later ones are compared with.
#[derive(Clone, Copy, Debug)]
struct Base {
    uptime_ms: u64,
    arrived_ms: u64,
    /// One more than the agent's, so that an absent base takes no room.
    run: NonZeroU32,
    /// The counters, one by one: as a [`Counters`] they would not fit with the rest into three cache lines.
    cpu_time_ms: u32,
    bytes: [u64; 4],
    events: [u32; 8],
}

/// The part of a data source's state that only its own samples touch; what queries read is in its [`Reading`].
///
/// Three cache lines, since taking a sample in is mostly waiting for them.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct Series {
    pub(crate) agent: u32,
    pub(crate) class: u32,
    pub(crate) index: u32,
    /// The slot of the data source whose sample followed this one's last time; a guess, to be checked.
    pub(crate) next: u32,
    pub(crate) name: Box<[u8]>,
    /// Of the name; spares a look at the name itself at every sample.
    name_hash: u32,
    /// Arrival of the sample before the latest, for questions of ownership.
    pub(crate) previous_seen_ms: u64,
    pub(crate) rates: Rates,
    sequence: u32,
    base: Option<Base>,
}

const _: () = assert!(size_of::<Series>() == 192, "three cache lines");

/// What to make of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Older than what is known: ignore.
    Late,
    /// Too close to the base to divide by: take its gauges, keep base and rates.
    Twin,
    /// Not running: gauges only, and nothing may be compared with it.
    NotRunning,
    /// Take the sample as new base, without rates.
    Rebase(Rebase),
    /// Compare with the base.
    Compare { interval_ms: u64, gap: u32 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rebase {
    New,
    SequenceReset,
    SequenceGap,
    BaseOutdated,
    IntervalMismatch,
}

impl Series {
    pub(crate) fn new(agent: u32, class: u32, index: u32) -> Self {
        Self {
            agent,
            class,
            index,
            next: u32::MAX,
            name: Box::default(),
            name_hash: 0,
            previous_seen_ms: 0,
            rates: Rates::UNKNOWN,
            sequence: 0,
            base: None,
        }
    }

    /// Forgets everything but the key: another container took the data source over.
    pub(crate) fn reset(&mut self) {
        *self = Self::new(self.agent, self.class, self.index);
    }

    /// Takes in one sample and updates the reading. Allocates only when the name changed.
    pub(crate) fn apply(
        &mut self,
        reading: &mut Reading,
        sample: &ContainerSample<'_>,
        (at, rules): (&Moment, &Rules),
        stats: &mut Stats,
    ) {
        let verdict = self.judge(sample, at, rules);
        count(verdict, stats);
        if verdict == Verdict::Late {
            return;
        }
        self.rename(sample.name, rules, stats);
        self.previous_seen_ms = reading.seen_ms;
        self.sequence = sample.sequence;
        reading.seen_ms = at.now_ms;
        reading.status = match sample.state {
            RunState::Running | RunState::Other => Status::Running,
            RunState::Paused => Status::Paused,
            RunState::Ended => Status::Ended,
        };
        reading.memory = sample.memory;
        reading.memory_max = sample.memory_max;
        reading.set_host_cpus(at.host_cpus);
        match verdict {
            Verdict::Late | Verdict::Twin => {}
            Verdict::NotRunning => {
                self.rates = Rates::UNKNOWN;
                self.base = None;
            }
            Verdict::Rebase(_) => {
                self.rates = Rates::UNKNOWN;
                self.base = Some(Base::new(sample, at));
            }
            Verdict::Compare { interval_ms, gap } => {
                let observed = u32::try_from(interval_ms / u64::from(gap)).unwrap_or(u32::MAX);
                reading.interval_ms = ewma(reading.interval_ms, observed);
                self.compare(sample, (at, rules, interval_ms), stats);
            }
        }
        reading.set_rates(&self.rates);
        let interval_ms = match reading.interval_ms {
            0 => at.interval_ms,
            observed => observed,
        };
        reading.stale_after_ms = rules.stale_after_ms(interval_ms, at.polling_ms);
    }

    fn judge(&self, sample: &ContainerSample<'_>, at: &Moment, rules: &Rules) -> Verdict {
        if at.late && sample.sequence <= self.sequence {
            return Verdict::Late;
        }
        if sample.state != RunState::Running {
            return Verdict::NotRunning;
        }
        let Some(base) = &self.base else {
            return Verdict::Rebase(Rebase::New);
        };
        if base.run != stored_run(at) {
            return Verdict::Rebase(Rebase::BaseOutdated);
        }
        let Some(gap) = sample
            .sequence
            .checked_sub(self.sequence)
            .filter(|gap| *gap > 0 && sample.sequence != 1)
        else {
            return Verdict::Rebase(Rebase::SequenceReset);
        };
        let Some(interval_ms) = at.uptime_ms.checked_sub(base.uptime_ms) else {
            return Verdict::Rebase(Rebase::BaseOutdated);
        };
        if interval_ms < rules.min_interval_ms {
            return Verdict::Twin;
        }
        if gap > rules.max_sequence_gap {
            return Verdict::Rebase(Rebase::SequenceGap);
        }
        // An agent that restarted and ran past its old uptime while unheard: less uptime went by than time.
        let waited_ms = at.now_ms.saturating_sub(base.arrived_ms);
        if waited_ms > interval_ms + interval_ms / 2 + ARRIVAL_SLACK_MS {
            return Verdict::Rebase(Rebase::IntervalMismatch);
        }
        Verdict::Compare { interval_ms, gap }
    }

    fn compare(
        &mut self,
        sample: &ContainerSample<'_>,
        (at, rules, interval_ms): (&Moment, &Rules, u64),
        stats: &mut Stats,
    ) {
        let Some(base) = self.base.replace(Base::new(sample, at)) else {
            return;
        };
        let host_cpus = if at.host_cpus == 0 {
            rules.assumed_host_cpus
        } else {
            at.host_cpus
        };
        match delta::rates(&base.counters(), &sample.counters, interval_ms, host_cpus) {
            Some(compared) => {
                self.rates = compared.rates;
                stats.rates += 1;
                stats.counters_implausible += u64::from(compared.resets);
                stats.cpu_time_wraps += u64::from(compared.cpu_wrapped);
            }
            None => {
                self.rates = Rates::UNKNOWN;
                stats.counters_implausible += 1;
            }
        }
    }

    fn rename(&mut self, name: Option<&[u8]>, rules: &Rules, stats: &mut Stats) {
        let Some(name) = name else { return };
        let kept = name.get(..rules.max_name_bytes).unwrap_or(name);
        let hash = FixedState::default().hash_one(kept);
        let hash = u32::try_from(hash >> 32).unwrap_or(0);
        if self.name_hash != hash {
            self.name_hash = hash;
            self.name = kept.into();
            stats.names_truncated += u64::from(kept.len() < name.len());
        }
    }
}

/// Time a datagram may spend in queues before its arrival contradicts the agent's uptime.
const ARRIVAL_SLACK_MS: u64 = 5_000;

impl Base {
    fn new(sample: &ContainerSample<'_>, at: &Moment) -> Self {
        Self {
            uptime_ms: at.uptime_ms,
            arrived_ms: at.now_ms,
            run: stored_run(at),
            cpu_time_ms: sample.counters.cpu_time_ms,
            bytes: sample.counters.bytes,
            events: sample.counters.events,
        }
    }

    fn counters(&self) -> Counters {
        Counters {
            cpu_time_ms: self.cpu_time_ms,
            bytes: self.bytes,
            events: self.events,
        }
    }
}

fn stored_run(at: &Moment) -> NonZeroU32 {
    NonZeroU32::MIN.saturating_add(at.run)
}

/// Moves an average a quarter of the way towards what was observed; starts with the first observation.
pub(crate) fn ewma(average_ms: u32, observed_ms: u32) -> u32 {
    match average_ms {
        0 => observed_ms,
        _ => average_ms - average_ms / 4 + observed_ms / 4,
    }
}

fn count(verdict: Verdict, stats: &mut Stats) {
    let counter = match verdict {
        Verdict::Late | Verdict::Compare { .. } | Verdict::Rebase(Rebase::New) => return,
        Verdict::Twin => &mut stats.intervals_too_short,
        Verdict::NotRunning => &mut stats.not_running,
        Verdict::Rebase(Rebase::SequenceReset) => &mut stats.sequence_resets,
        Verdict::Rebase(Rebase::SequenceGap) => &mut stats.sequence_gaps,
        Verdict::Rebase(Rebase::BaseOutdated) => &mut stats.base_outdated,
        Verdict::Rebase(Rebase::IntervalMismatch) => &mut stats.interval_mismatches,
    };
    *counter += 1;
}
