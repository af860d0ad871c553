//! Queries: one metric over chosen containers or hosts as one number, with how many contributed and how old they are.

use std::time::Duration;

use serde::Serialize;

use crate::{
    config::millis,
    core::Collector,
    extra::Extra,
    metric::Metric,
    name::{NamePattern, TaskName},
    observe::Member,
    reading::{Freshness, Reading, duration, optional_seconds},
    series::Series,
};

/// A question to the collector.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// What to measure.
    pub metric: Metric,
    /// Of whom.
    pub selection: Selection,
    /// As which number.
    pub statistic: Statistic,
}

/// Whose telemetry a query is about. Host metrics know `All` and `Name` (the host's own name) only; the other two select no host.
#[derive(Clone, Debug, PartialEq)]
pub enum Selection {
    /// Everything that reports.
    All,
    /// Exactly these containers.
    Members(Vec<Member>),
    /// Containers (or hosts) whose name matches.
    Name(NamePattern),
    /// Containers whose name says that they are a task of this swarm service.
    Service(String),
}

/// How values become one number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Statistic {
    /// Mean.
    Avg,
    /// Sum.
    Sum,
    /// Smallest.
    Min,
    /// Largest.
    Max,
    /// The middle value; the mean of the middle two of an even number.
    Median,
    /// The value that at least this share of the values does not exceed (nearest rank).
    Percentile(Percentile),
    /// Number of values.
    Count,
}

/// A percentage from 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Percentile(f64);

impl Percentile {
    /// Takes a percentage; `None` outside 0 to 100.
    #[must_use]
    pub fn new(percent: f64) -> Option<Self> {
        (0.0..=100.0).contains(&percent).then_some(Self(percent))
    }
}

impl Statistic {
    /// Reads `avg`, `sum`, `min`, `max`, `median`, `count` or a percentile such as `p95` or `p99.9`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "avg" => Some(Self::Avg),
            "sum" => Some(Self::Sum),
            "min" => Some(Self::Min),
            "max" => Some(Self::Max),
            "median" => Some(Self::Median),
            "count" => Some(Self::Count),
            _ => Percentile::new(text.strip_prefix('p')?.parse().ok()?).map(Self::Percentile),
        }
    }

    fn apply(self, values: &mut [f64]) -> Option<f64> {
        let count = values.len();
        if self == Self::Count {
            return Some(count as f64);
        }
        if count == 0 {
            return None;
        }
        values.sort_unstable_by(f64::total_cmp);
        match self {
            Self::Count => None,
            Self::Sum => Some(values.iter().sum()),
            Self::Avg => Some(values.iter().sum::<f64>() / count as f64),
            Self::Min => values.first().copied(),
            Self::Max => values.last().copied(),
            Self::Median if count.is_multiple_of(2) => Some(f64::midpoint(
                *values.get(count / 2 - 1)?,
                *values.get(count / 2)?,
            )),
            Self::Median => values.get(count / 2).copied(),
            Self::Percentile(Percentile(percent)) => {
                // The rank is found by counting up, which needs no conversion back from a float.
                let wanted = percent / 100.0 * count as f64;
                let rank = (1..=count)
                    .find(|rank| *rank as f64 >= wanted - 1e-9)
                    .unwrap_or(count);
                values.get(rank - 1).copied()
            }
        }
    }
}

/// The answer to a [`Query`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct QueryResult {
    /// The number; `None` when no data source contributed (0 for a count).
    pub value: Option<f64>,
    /// Data sources that contributed a fresh value.
    pub data_sources: usize,
    /// Containers asked for, when the query named them.
    pub expected: Option<usize>,
    /// Age of the newest contribution.
    #[serde(serialize_with = "optional_seconds", rename = "newest_age_seconds")]
    pub newest_age: Option<Duration>,
    /// Age of the oldest contribution.
    #[serde(serialize_with = "optional_seconds", rename = "oldest_age_seconds")]
    pub oldest_age: Option<Duration>,
}

impl Collector {
    /// Answers a query from fresh telemetry. Takes each shard's lock for the time it takes to read that shard.
    #[must_use]
    pub fn query(&self, query: &Query, now: Duration) -> QueryResult {
        let mut gathered = Gathered {
            now_ms: millis(now),
            values: Vec::new(),
            ages_ms: None,
        };
        let mut expected = None;
        match &query.selection {
            Selection::Members(members) => {
                expected = Some(members.len());
                if !query.metric.is_host() {
                    self.gather_members(query.metric, members, &mut gathered);
                }
            }
            selection if query.metric.is_host() => {
                self.gather_hosts(query.metric, selection, &mut gathered)
            }
            selection => self.gather_containers(query.metric, selection, &mut gathered),
        }
        let data_sources = gathered.values.len();
        QueryResult {
            value: query.statistic.apply(&mut gathered.values),
            data_sources,
            expected,
            newest_age: gathered.ages_ms.map(|(newest, _)| duration(newest)),
            oldest_age: gathered.ages_ms.map(|(_, oldest)| duration(oldest)),
        }
    }

    fn gather_members(&self, metric: Metric, members: &[Member], gathered: &mut Gathered) {
        let located: Vec<_> = {
            let index = self.index();
            members
                .iter()
                .filter_map(|member| Some((*index.containers.get(&member.uuid)?, member)))
                .collect()
        };
        for (location, member) in located {
            let Some(shard) = self.shard(location.shard) else {
                continue;
            };
            let slot = location.slot as usize;
            if let (Some(reading), Some(series)) =
                (shard.readings.get(slot), shard.series.get(slot))
                && reading.uuid == member.uuid
            {
                let extra = shard.extras.get(slot).and_then(Option::as_deref);
                gathered.add_reading((reading, series, extra), metric, member.cpu_limit_cores);
            }
        }
    }

    fn gather_containers(&self, metric: Metric, selection: &Selection, gathered: &mut Gathered) {
        for number in self.shard_numbers() {
            let Some(shard) = self.shard(number) else {
                continue;
            };
            let all = shard.readings.iter().zip(&shard.series).zip(&shard.extras);
            for ((reading, series), extra) in all {
                if reading.is_visible() && selection.matches_container(&series.name) {
                    gathered.add_reading((reading, series, extra.as_deref()), metric, None);
                }
            }
        }
    }

    fn gather_hosts(&self, metric: Metric, selection: &Selection, gathered: &mut Gathered) {
        for number in self.shard_numbers() {
            let Some(shard) = self.shard(number) else {
                continue;
            };
            let now_ms = gathered.now_ms;
            for agent in shard
                .agents
                .iter()
                .flatten()
                .filter(|agent| agent.is_live(now_ms))
            {
                let Some(host) = agent
                    .host
                    .as_ref()
                    .filter(|host| selection.matches_host(&host.name))
                else {
                    continue;
                };
                gathered.add(host.metric(metric), now_ms.saturating_sub(host.seen_ms));
            }
        }
    }
}

impl Selection {
    fn matches_container(&self, name: &[u8]) -> bool {
        match self {
            Self::All => true,
            Self::Name(pattern) => pattern.matches(name),
            Self::Service(service) => {
                TaskName::parse(name).is_some_and(|task| task.service == service.as_bytes())
            }
            Self::Members(_) => false,
        }
    }

    fn matches_host(&self, name: &[u8]) -> bool {
        match self {
            Self::All => true,
            Self::Name(pattern) => pattern.matches(name),
            Self::Service(_) | Self::Members(_) => false,
        }
    }
}

struct Gathered {
    now_ms: u64,
    values: Vec<f64>,
    ages_ms: Option<(u64, u64)>,
}

impl Gathered {
    fn add_reading(
        &mut self,
        (reading, series, extra): (&Reading, &Series, Option<&Extra>),
        metric: Metric,
        limit_cores: Option<f64>,
    ) {
        if reading.freshness(self.now_ms) == Freshness::Fresh {
            self.add(
                extra
                    .and_then(|extra| extra.metric(metric))
                    .or_else(|| reading.metric(&series.rates, metric, limit_cores)),
                reading.age_ms(self.now_ms),
            );
        }
    }

    fn add(&mut self, value: Option<f64>, age_ms: u64) {
        let Some(value) = value else { return };
        self.values.push(value);
        let (newest, oldest) = self.ages_ms.unwrap_or((age_ms, age_ms));
        self.ages_ms = Some((newest.min(age_ms), oldest.max(age_ms)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(statistic: &str, values: &[f64], expected: Option<f64>) {
        let statistic = Statistic::parse(statistic).unwrap();
        assert_eq!(
            statistic.apply(&mut values.to_vec()),
            expected,
            "{statistic:?} {values:?}"
        );
    }

    #[test]
    fn statistics() {
        let values = [4.0, 1.0, 3.0, 2.0];
        check("avg", &values, Some(2.5));
        check("sum", &values, Some(10.0));
        check("min", &values, Some(1.0));
        check("max", &values, Some(4.0));
        check("count", &values, Some(4.0));
        check("median", &values, Some(2.5));
        check("median", &values[..3], Some(3.0));
        check("p50", &values, Some(2.0));
        check("p75", &values, Some(3.0));
        check("p99.9", &values, Some(4.0));
        check("p0", &values, Some(1.0));
        check("p100", &values, Some(4.0));
        check("avg", &[], None);
        check("count", &[], Some(0.0));
    }

    #[test]
    fn only_sensible_statistics_parse() {
        for text in ["p101", "p-1", "p", "pNaN", "mode", ""] {
            assert_eq!(Statistic::parse(text), None, "{text}");
        }
    }
}
