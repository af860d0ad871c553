//! Replicas that do much worse than their siblings: found by a robust statistic, over time.
//!
//! Siblings do the same work, so each is measured by the median of all. One that is far from it for a while stands out; at most a
//! third of a service can, because with more there is no telling who is odd. What becomes of one is [`Quarantine`]'s and the
//! engine's business.

mod judge;
mod quarantine;

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{settings::Settings, track::TickTime};

use judge::{Odd, Strictness, Value};

pub use quarantine::{Quarantine, Terms};

/// Averages over this time are compared, so that one burst makes no outlier.
const SMOOTHING: Duration = Duration::from_secs(20);

/// Fewer siblings than this have no middle.
const SIBLINGS_MIN: usize = 3;

/// One replica in so many can stand out.
const SHARE: usize = 3;

/// A replica: its container's ID, of which the first 16 bytes are known everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplicaId(pub u128);

impl fmt::Display for ReplicaId {
    /// The first 12 digits, as `docker ps` shows them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012x}", self.0 >> 80)
    }
}

impl Serialize for ReplicaId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{:032x}", self.0))
    }
}

impl<'de> Deserialize<'de> for ReplicaId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        u128::from_str_radix(&text, 16)
            .map(Self)
            .map_err(serde::de::Error::custom)
    }
}

/// What one replica does now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Replica {
    /// Which one.
    pub id: ReplicaId,
    /// Processor time, cores.
    pub cpu_cores: Option<f64>,
    /// Received and sent bytes per second together.
    pub bytes: Option<f64>,
    /// Share (0 to 1) of its node's processor time that the hypervisor gave to others.
    pub steal: Option<f64>,
}

/// In what a replica stands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutlierKind {
    /// The hypervisor takes its node's processors away; in shares of their time.
    Steal,
    /// It needs more processor time for the same traffic; in seconds of a core for each megabyte.
    CpuPerByte,
    /// It has no traffic while its siblings have; in bytes per second.
    Idle,
}

impl OutlierKind {
    /// Every kind; of several at once the first is told.
    pub const ALL: [Self; 3] = [Self::Steal, Self::CpuPerByte, Self::Idle];

    /// The kind's name, as in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Steal => "steal",
            Self::CpuPerByte => "cpu_per_byte",
            Self::Idle => "idle",
        }
    }
}

/// A replica that stands out.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outlier {
    /// Which one.
    pub replica: ReplicaId,
    /// In what.
    pub kind: OutlierKind,
    /// What it has, in the kind's unit.
    pub value: f64,
    /// What half of its siblings have at least.
    pub median: f64,
    /// Since when, in Unix milliseconds.
    pub since_unix_ms: u64,
    /// The balancer gives it no new connections.
    #[serde(default)]
    pub quarantined: bool,
}

/// What a service asks for to be done about outliers; each does what those before it do.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum OutlierPolicy {
    /// Nothing, not even looking.
    Off,
    /// They are told.
    Report,
    /// They are left out of the averages that decisions rest on.
    #[default]
    Exclude,
    /// One at a time gets no new connections, and another replica beside it.
    Quarantine,
}

/// A value that follows what is seen with a delay.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Smooth(Option<f64>);

impl Smooth {
    fn follow(&mut self, seen: Option<f64>, weight: f64) {
        let Some(seen) = seen.filter(|seen| seen.is_finite() && *seen >= 0.0) else {
            return;
        };
        let known = self.0.unwrap_or(seen);
        self.0 = Some(known + weight * (seen - known));
    }
}

/// A replica over time.
#[derive(Clone, Debug, PartialEq)]
struct Known {
    id: ReplicaId,
    /// Since when it has been seen, or is judged anew.
    since: Duration,
    cpu: Smooth,
    bytes: Smooth,
    steal: Smooth,
    suspected: Option<(OutlierKind, Duration)>,
    found: Option<Found>,
}

/// That a replica stands out.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Found {
    outlier: Outlier,
    /// Since when it is no longer far from its siblings.
    better_since: Option<Duration>,
}

impl Known {
    const fn new(id: ReplicaId, now: Duration) -> Self {
        Self {
            id,
            since: now,
            cpu: Smooth(None),
            bytes: Smooth(None),
            steal: Smooth(None),
            suspected: None,
            found: None,
        }
    }

    /// What is compared, by kind.
    fn value(&self, kind: OutlierKind) -> Option<Value> {
        let (cpu, bytes) = (self.cpu.0, self.bytes.0);
        match kind {
            OutlierKind::Steal => self.steal.0.map(Value::of),
            OutlierKind::Idle => bytes.map(Value::of),
            OutlierKind::CpuPerByte => {
                let (cpu, bytes) = cpu.zip(bytes)?;
                (bytes > 0.0).then(|| Value {
                    compared: cpu / bytes * MEGABYTE,
                    cpu,
                    bytes,
                })
            }
        }
    }
}

/// Bytes.
const MEGABYTE: f64 = 1e6;

/// The replicas of one service over time. The same sequence of calls gives the same state.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Watch {
    /// In the order in which they were last given.
    known: Vec<Known>,
    at: Option<Duration>,
}

/// What one look changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// Those that stand out from now on.
    pub found: Vec<Outlier>,
    /// Those that no longer do, or are gone.
    pub over: Vec<Outlier>,
}

impl Watch {
    /// Takes note of what the replicas do now.
    ///
    /// One that is younger than `outlier_settle` is not judged: it warms up, and has its share of connections yet to get. It has to
    /// be far from its siblings for `outlier_after`, and near to them for as long to count as one of them again. One that is
    /// `isolated` stays as it was: without new connections it tells nothing more.
    pub fn advance(
        &mut self,
        replicas: &[Replica],
        isolated: Option<ReplicaId>,
        settings: &Settings,
        time: TickTime,
    ) -> Changes {
        let now = time.now;
        let mut changes = Changes::default();
        self.follow(replicas, isolated, now, &mut changes);
        let judged: Vec<usize> = (0..self.known.len())
            .filter(|number| {
                let known = &self.known[*number];
                let seen = now.saturating_sub(known.since);
                seen >= settings.outlier_settle && Some(known.id) != isolated
            })
            .collect();
        let odd = if judged.len() >= SIBLINGS_MIN {
            self.odd(&judged)
        } else {
            vec![None; judged.len()]
        };
        for (number, odd) in judged.iter().zip(&odd) {
            if let Some(known) = self.known.get_mut(*number) {
                known.judge(*odd, settings.outlier_after, now, &mut changes);
            }
        }
        self.confirm(judged.len(), settings.outlier_after, time, &mut changes);
        changes
    }

    /// Those that stand out.
    pub fn outliers(&self) -> impl Iterator<Item = &Outlier> {
        self.known
            .iter()
            .filter_map(|known| known.found.as_ref().map(|found| &found.outlier))
    }

    /// Those whose values can be left out of averages: a third at most, also where others are gone since.
    pub(crate) fn left_out(&self) -> impl Iterator<Item = ReplicaId> {
        self.outliers()
            .map(|outlier| outlier.replica)
            .take(self.known.len() / SHARE)
    }

    /// Begins anew with a replica: what was seen of it counts no longer.
    pub(crate) fn forget(&mut self, id: ReplicaId, now: Duration) {
        if let Some(known) = self.known.iter_mut().find(|known| known.id == id) {
            *known = Known::new(id, now);
        }
    }

    /// Memory of the replicas, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.known.capacity() * size_of::<Known>()
    }

    /// Adds those that are new, drops those that are gone, and moves averages on.
    fn follow(
        &mut self,
        replicas: &[Replica],
        isolated: Option<ReplicaId>,
        now: Duration,
        changes: &mut Changes,
    ) {
        let passed = self.at.replace(now).map(|at| now.saturating_sub(at));
        let passed = passed.unwrap_or(SMOOTHING).as_secs_f64();
        let weight = 1.0 - (-passed / SMOOTHING.as_secs_f64()).exp();
        let ids = || replicas.iter().map(|replica| replica.id);
        if !self.known.iter().map(|known| known.id).eq(ids()) {
            self.replace(replicas, now, changes);
        }
        let each = self.known.iter_mut().zip(replicas);
        for (known, replica) in each.filter(|(known, _)| Some(known.id) != isolated) {
            known.cpu.follow(replica.cpu_cores, weight);
            known.bytes.follow(replica.bytes, weight);
            known.steal.follow(replica.steal, weight);
        }
    }

    /// Makes `known` those of `replicas`, in their order.
    fn replace(&mut self, replicas: &[Replica], now: Duration, changes: &mut Changes) {
        let mut before: BTreeMap<ReplicaId, Known> = std::mem::take(&mut self.known)
            .into_iter()
            .map(|known| (known.id, known))
            .collect();
        let each = replicas.iter().map(|replica| {
            before
                .remove(&replica.id)
                .unwrap_or_else(|| Known::new(replica.id, now))
        });
        self.known = each.collect();
        let gone = before.into_values().filter_map(|known| known.found);
        changes.over.extend(gone.map(|found| found.outlier));
    }

    /// In what each of `judged` is odd, if it is.
    fn odd(&self, judged: &[usize]) -> Vec<Option<Odd>> {
        let mut odd: Vec<Option<Odd>> = vec![None; judged.len()];
        for kind in OutlierKind::ALL {
            let values: Vec<Option<Value>> = judged
                .iter()
                .map(|number| self.known.get(*number)?.value(kind))
                .collect();
            if !judge::Middle::is_needed(kind, values.iter().flatten()) {
                continue;
            }
            let Some(middle) = judge::Middle::of(kind, values.iter().flatten()) else {
                continue;
            };
            for (odd, value) in odd.iter_mut().zip(&values) {
                if odd.is_none()
                    && let Some(value) = value
                {
                    *odd = middle.judge(value);
                }
            }
        }
        odd
    }

    /// Makes outliers of those that were suspected for long enough, unless there would be too many.
    fn confirm(
        &mut self,
        judged: usize,
        after: Duration,
        TickTime { now, unix_ms }: TickTime,
        changes: &mut Changes,
    ) {
        let room = judged / SHARE;
        let due = |known: &Known| {
            let since = known.suspected.map(|(_, since)| since);
            known.found.is_none() && since.is_some_and(|since| now.saturating_sub(since) >= after)
        };
        let suspected = |known: &&Known| known.found.is_some() || known.suspected.is_some();
        if self.known.iter().filter(suspected).count() > room {
            return;
        }
        for number in 0..self.known.len() {
            let Some(known) = self.known.get(number).filter(|known| due(known)) else {
                continue;
            };
            let (Some((kind, _)), id) = (known.suspected, known.id) else {
                continue;
            };
            let Some(Value { compared, .. }) = known.value(kind) else {
                continue;
            };
            let median = self.median(kind).unwrap_or(compared);
            let outlier = Outlier {
                replica: id,
                kind,
                value: compared,
                median,
                since_unix_ms: unix_ms,
                quarantined: false,
            };
            changes.found.push(outlier);
            if let Some(known) = self.known.get_mut(number) {
                known.found = Some(Found {
                    outlier,
                    better_since: None,
                });
            }
        }
    }

    fn median(&self, kind: OutlierKind) -> Option<f64> {
        let mut values: Vec<f64> = self
            .known
            .iter()
            .filter_map(|known| known.value(kind))
            .map(|value| value.compared)
            .collect();
        judge::median(&mut values)
    }
}

impl Known {
    /// Takes note of how odd it is now.
    fn judge(&mut self, odd: Option<Odd>, after: Duration, now: Duration, changes: &mut Changes) {
        let kind_now = odd.map(|odd| odd.kind);
        if let Some(found) = &mut self.found {
            if let Some(odd) = odd.filter(|odd| odd.kind == found.outlier.kind) {
                (found.outlier.value, found.outlier.median) = (odd.value, odd.median);
                found.better_since = None;
                return;
            }
            let since = *found.better_since.get_or_insert(now);
            if now.saturating_sub(since) >= after {
                changes.over.push(found.outlier);
                self.found = None;
                self.suspected = None;
            }
            return;
        }
        let clearly = odd.filter(|odd| odd.strictness == Strictness::Clear);
        self.suspected = match (self.suspected, clearly, kind_now) {
            (Some((kind, since)), _, Some(now)) if kind == now => Some((kind, since)),
            (_, Some(odd), _) => Some((odd.kind, now)),
            (_, None, _) => None,
        };
    }
}

#[cfg(test)]
mod tests;
