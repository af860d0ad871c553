//! A service as it would be under a candidate: replicas of its own under the load of the real one.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    time::Duration,
};

use super::Candidate;
use crate::{
    engine::ServiceInput,
    metric::{Metric, MetricObservation, Readings},
    observation::{Mode, Observation, ServiceId},
};

/// Time to start where the service's own is not known.
const START_UP: Duration = Duration::from_secs(2);

/// The longest gap between two looks that is accounted for: more is a pause of the process, not the candidate's doing.
const GAP_MAX: Duration = Duration::from_secs(60);

/// What it would have cost, beside the live policy.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Account {
    pub(super) replica_seconds: f64,
    pub(super) live_replica_seconds: f64,
    pub(super) below_live_seconds: f64,
    pub(super) above_live_seconds: f64,
}

/// The replicas of a candidate, and what they come to.
#[derive(Clone, Debug)]
pub(super) struct VirtualService {
    id: ServiceId,
    replicas: u32,
    /// Replicas that serve only from then on.
    starting: Vec<(Duration, u32)>,
    since_unix_ms: u64,
    looked_at: Duration,
    start_up: Duration,
    fingerprint: u64,
    labels: BTreeMap<String, String>,
    account: Account,
}

impl VirtualService {
    pub(super) fn new(input: &ServiceInput<'_>, now: Duration, unix_ms: u64) -> Self {
        Self {
            id: input.id.clone(),
            replicas: input.observation.mode.replicas(),
            starting: Vec::new(),
            since_unix_ms: unix_ms,
            looked_at: now,
            start_up: START_UP,
            fingerprint: 0,
            labels: BTreeMap::new(),
            account: Account::default(),
        }
    }

    pub(super) const fn replicas(&self) -> u32 {
        self.replicas
    }

    pub(super) const fn since_unix_ms(&self) -> u64 {
        self.since_unix_ms
    }

    pub(super) const fn account(&self) -> Account {
        self.account
    }

    pub(super) const fn labels(&self) -> &BTreeMap<String, String> {
        &self.labels
    }

    pub(super) fn bytes(&self) -> usize {
        let labels = self.labels.iter();
        size_of::<Self>()
            + labels
                .map(|(label, value)| label.capacity() + value.capacity() + 48)
                .sum::<usize>()
    }

    /// Accounts for the time since the last look, and takes over what only the real service knows.
    pub(super) fn look(&mut self, candidate: &Candidate, input: &ServiceInput<'_>, now: Duration) {
        let live = input.observation.mode.replicas();
        let passed = now
            .saturating_sub(self.looked_at)
            .min(GAP_MAX)
            .as_secs_f64();
        self.looked_at = now;
        self.account.replica_seconds += passed * f64::from(self.replicas);
        self.account.live_replica_seconds += passed * f64::from(live);
        if self.replicas < live {
            self.account.below_live_seconds += passed;
        } else if self.replicas > live {
            self.account.above_live_seconds += passed;
        }
        if let Some(start_up) = input.observation.start_up {
            self.start_up = start_up;
        }
        // Another service of that name, or one that a person stopped or started again.
        if self.id != input.id || live == 0 || self.replicas == 0 {
            self.id = input.id.clone();
            self.replicas = live;
            self.starting.clear();
        }
        self.starting.retain(|(from, _)| *from > now);
        let mut hasher = DefaultHasher::new();
        input.labels.hash(&mut hasher);
        // 0 stands for "never read".
        let fingerprint = hasher.finish().max(1);
        if self.fingerprint != fingerprint {
            self.fingerprint = fingerprint;
            self.labels = candidate.apply(input.name.as_str(), input.labels);
        }
    }

    /// Takes a decision of the candidate as done.
    pub(super) fn scale(&mut self, to: u32, now: Duration) {
        if to > self.replicas {
            self.starting
                .push((now.saturating_add(self.start_up), to - self.replicas));
        } else {
            // What is starting goes first, the newest before the older.
            let mut gone = self.replicas - to;
            while let Some((_, count)) = self.starting.last_mut() {
                let less = gone.min(*count);
                (*count, gone) = (*count - less, gone - less);
                if *count > 0 {
                    break;
                }
                self.starting.pop();
            }
        }
        self.replicas = to;
    }

    /// What the candidate is shown: the real service's load over its own replicas.
    pub(super) fn observation(&self, input: &ServiceInput<'_>, now: Duration) -> Observation {
        let real = &input.observation;
        let Mode::Replicated { .. } = real.mode else {
            return *real;
        };
        let waiting = self.starting.iter().filter(|(from, _)| *from > now);
        let starting = waiting.map(|(_, count)| *count).sum::<u32>();
        let serving = self.replicas.saturating_sub(starting);
        let mut metrics = Readings::default();
        for metric in Metric::ALL {
            if let Some(reading) = real.metrics.get(metric) {
                metrics.insert(metric, spread(metric, reading, real.serving, serving));
            }
        }
        Observation {
            mode: Mode::Replicated {
                replicas: self.replicas,
            },
            serving,
            starting,
            draining: 0,
            change: None,
            metrics,
            ..*real
        }
    }
}

/// The reading as it would be over another number of replicas; missing reports stay missing in proportion.
fn spread(metric: Metric, real: MetricObservation, serving: u32, own: u32) -> MetricObservation {
    let average = if spreads(metric) && own > 0 {
        let each = real.average * f64::from(serving) / f64::from(own);
        each.min(metric.ceiling().unwrap_or(f64::INFINITY))
    } else {
        real.average
    };
    let reporting = if real.reporting >= real.expected && real.expected >= serving {
        own
    } else {
        let part = u64::from(own) * u64::from(real.reporting) / u64::from(real.expected.max(1));
        u32::try_from(part)
            .unwrap_or(u32::MAX)
            .min(own.saturating_sub(1))
    };
    MetricObservation {
        average,
        reporting,
        expected: own,
        ..real
    }
}

/// Whether twice the replicas have half of it each.
const fn spreads(metric: Metric) -> bool {
    !matches!(metric, Metric::MemoryOfLimit | Metric::MemoryBytes)
}
