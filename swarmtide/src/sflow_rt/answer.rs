//! What is answered.

use std::{cmp::Ordering, collections::BTreeMap, net::IpAddr, time::Duration};

use collector::{AgentInfo, Collector, DataSource, Freshness};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    question::{Agents, Filters, Operation, WantedMetric},
    table::Column,
};

/// Most values that a dump gives.
pub const DUMP_MAX: usize = 200_000;

/// A number or a text.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = MetricValue)]
pub enum Value {
    /// A number.
    Number(f64),
    /// A name.
    Text(String),
}

impl Value {
    pub(super) fn text(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }

    fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Number(_), Self::Text(_)) => Ordering::Less,
            (Self::Text(_), Self::Number(_)) => Ordering::Greater,
        }
    }
}

/// One metric over the data sources that have it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LookupAnswer {
    /// The agent of the data source whose value this is; absent where it is made of several.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    agent: Option<IpAddr>,
    /// That data source, as `2.1` for a host and `3.101001` for a container.
    #[serde(skip_serializing_if = "Option::is_none")]
    data_source: Option<String>,
    /// Age of that value in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_update: Option<u64>,
    /// Age of the oldest value that contributed, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_update_max: Option<u64>,
    /// Age of the newest value that contributed, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_update_min: Option<u64>,
    /// Data sources that contributed.
    metric_n: usize,
    /// The metric as it was asked for.
    metric_name: String,
    /// The value; absent when no data source has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    metric_value: Option<Value>,
}

/// One value of one data source.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DumpAnswer {
    /// The agent.
    #[schema(value_type = String)]
    agent: IpAddr,
    /// The data source, as `2.1` for a host and `3.101001` for a container.
    data_source: String,
    /// Age in milliseconds.
    last_update: u64,
    /// The metric.
    metric_name: &'static str,
    /// Its value.
    metric_value: Value,
}

/// An agent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentAnswer {
    /// Milliseconds since its newest datagram.
    last_seen: u64,
    /// Its uptime in milliseconds.
    uptime: u64,
    /// Datagrams received from it.
    #[serde(rename = "sFlowDatagramsReceived")]
    datagrams_received: u64,
    /// Datagrams missing by their sequence numbers.
    #[serde(rename = "sFlowDatagramsLost")]
    datagrams_lost: u64,
    /// Where its datagrams come from.
    #[serde(rename = "sFlowDatagramSource")]
    #[schema(value_type = Vec<String>)]
    datagram_source: Vec<IpAddr>,
    /// Its data sources with counters.
    #[serde(rename = "sFlowCounterDatasources")]
    counter_datasources: u32,
}

/// A value found, and where.
struct Found {
    agent: IpAddr,
    source: (u32, u32),
    age_ms: u64,
    value: Value,
}

impl Found {
    fn new(source: &DataSource<'_>, value: Value) -> Self {
        Self {
            agent: source.agent(),
            source: source.class_and_index(),
            age_ms: source.age_ms(),
            value,
        }
    }
}

fn written((class, index): (u32, u32)) -> String {
    format!("{class}.{index}")
}

/// Shows the visitor every fresh data source of those agents that passes the filters.
fn select(
    collector: &Collector,
    (agents, filters): (&Agents, &Filters),
    now: Duration,
    visitor: &mut dyn FnMut(&DataSource<'_>),
) {
    let of_containers = filters.of_containers();
    // Which filters over containers a container of each agent passes, for the rows of hosts.
    let mut passed: Vec<(IpAddr, usize)> = Vec::new();
    if !of_containers.is_empty() {
        collector.visit(now, &mut |source| {
            if source.is_host() || source.freshness() != Freshness::Fresh {
                return;
            }
            for index in &of_containers {
                if filters.holds(*index, source) == Some(true) {
                    passed.push((source.agent(), *index));
                }
            }
        });
        passed.sort_unstable();
        passed.dedup();
    }
    collector.visit(now, &mut |source| {
        let by_container = |index| passed.binary_search(&(source.agent(), index)).is_ok();
        if source.freshness() == Freshness::Fresh
            && agents.include(source)
            && filters.pass(source, by_container)
        {
            visitor(source);
        }
    });
}

/// `/metric/{agents}/{metrics}/json`: each metric as one value.
#[must_use]
pub fn lookup(
    collector: &Collector,
    (agents, filters): (&Agents, &Filters),
    wanted: &[WantedMetric],
    now: Duration,
) -> Vec<LookupAnswer> {
    let mut found: Vec<Vec<Found>> = wanted.iter().map(|_| Vec::new()).collect();
    select(collector, (agents, filters), now, &mut |source| {
        for (one, found) in wanted.iter().zip(&mut found) {
            let column = one.name.column.filter(|_| one.name.is_of(source));
            if let Some(value) = column.and_then(|column| column.value(source)) {
                found.push(Found::new(source, value));
            }
        }
    });
    let pairs = wanted.iter().zip(found);
    pairs.map(|(one, found)| summary(one, found)).collect()
}

fn summary(wanted: &WantedMetric, mut found: Vec<Found>) -> LookupAnswer {
    // The order of the state is nobody's; this one is the same from call to call.
    found.sort_by_key(|one| (one.agent, one.source));
    let ages = found.iter().map(|one| one.age_ms);
    let (last_update_min, last_update_max) = (ages.clone().min(), ages.max());
    let chosen = match wanted.operation {
        Operation::Max => found.iter().max_by(|a, b| a.value.order(&b.value)),
        Operation::Min => found.iter().min_by(|a, b| a.value.order(&b.value)),
        Operation::Any => found.iter().min_by_key(|one| one.age_ms),
        _ => None,
    };
    let metric_value = match chosen {
        Some(chosen) => Some(chosen.value.clone()),
        None => statistic(wanted.operation, &found).map(Value::Number),
    };
    LookupAnswer {
        agent: chosen.map(|one| one.agent),
        data_source: chosen.map(|one| written(one.source)),
        last_update: chosen.map(|one| one.age_ms),
        last_update_max,
        last_update_min,
        metric_n: found.len(),
        metric_name: wanted.word.clone(),
        metric_value,
    }
}

/// A number out of several; `None` when there is none, or when they are texts.
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
fn statistic(operation: Operation, found: &[Found]) -> Option<f64> {
    let mut values: Vec<f64> = found
        .iter()
        .filter_map(|one| match one.value {
            Value::Number(number) => Some(number),
            Value::Text(_) => None,
        })
        .collect();
    if values.is_empty() {
        return None;
    }
    values.sort_unstable_by(f64::total_cmp);
    let count = values.len() as f64;
    let sum: f64 = values.iter().sum();
    let mean = sum / count;
    let variance = || {
        values
            .iter()
            .map(|value| (value - mean).powi(2))
            .sum::<f64>()
            / count
    };
    Some(match operation {
        Operation::Sum => sum,
        Operation::Avg => mean,
        Operation::Var => variance(),
        Operation::Sdev => variance().sqrt(),
        Operation::Med => quartile(&values, 2),
        Operation::Q1 => quartile(&values, 1),
        Operation::Q3 => quartile(&values, 3),
        Operation::Iqr => quartile(&values, 3) - quartile(&values, 1),
        Operation::Max | Operation::Min | Operation::Any => return None,
    })
}

/// The `number`th quartile of values in order, between the two nearest ones (R's type 7).
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
fn quartile(values: &[f64], number: usize) -> f64 {
    let place = (values.len() - 1) * number;
    let (below, part) = (place / 4, (place % 4) as f64 / 4.0);
    let low = values[below];
    let high = values.get(below + 1).copied().unwrap_or(low);
    low + (high - low) * part
}

/// `/dump/{agents}/{metrics}/json`: every value of every data source; `None` when there are more than [`DUMP_MAX`].
///
/// `wanted` is `None` for `ALL`.
#[must_use]
pub fn dump(
    collector: &Collector,
    (agents, filters): (&Agents, &Filters),
    wanted: Option<&[WantedMetric]>,
    now: Duration,
) -> Option<Vec<DumpAnswer>> {
    let mut found: Vec<(Found, Column)> = Vec::new();
    let mut over = false;
    select(collector, (agents, filters), now, &mut |source| {
        let mut note = |column: Column| {
            if let Some(value) = column.value(source) {
                match found.len() < DUMP_MAX {
                    true => found.push((Found::new(source, value), column)),
                    false => over = true,
                }
            }
        };
        match wanted {
            None => Column::all().for_each(&mut note),
            Some(wanted) => wanted
                .iter()
                .filter(|one| one.name.is_of(source))
                .filter_map(|one| one.name.column)
                .for_each(&mut note),
        }
    });
    if over {
        return None;
    }
    found.sort_by_key(|(one, _)| (one.agent, one.source));
    let answer = |(one, column): (Found, Column)| DumpAnswer {
        agent: one.agent,
        data_source: written(one.source),
        last_update: one.age_ms,
        metric_name: column.name(),
        metric_value: one.value,
    };
    Some(found.into_iter().map(answer).collect())
}

/// `/metric/{agent}/json`: every value of one agent, under names such as `2.1.load_one`; `None` when no agent is called so.
#[must_use]
pub fn of_agent(
    collector: &Collector,
    agent: &str,
    now: Duration,
) -> Option<BTreeMap<String, Value>> {
    let agents = Agents::Named(vec![agent.to_owned()]);
    let (mut values, mut any) = (BTreeMap::new(), false);
    select(
        collector,
        (&agents, &Filters::default()),
        now,
        &mut |source| {
            any = true;
            let place = written(source.class_and_index());
            for column in Column::all() {
                if let Some(value) = column.value(source) {
                    values.insert(format!("{place}.{}", column.name()), value);
                }
            }
        },
    );
    any.then_some(values)
}

/// `/metrics/json`: every metric that some data source has, with the age of its newest value in milliseconds.
#[must_use]
pub fn newest(collector: &Collector, now: Duration) -> BTreeMap<&'static str, u64> {
    let mut ages: BTreeMap<&'static str, u64> = BTreeMap::new();
    select(
        collector,
        (&Agents::All, &Filters::default()),
        now,
        &mut |source| {
            for column in Column::all() {
                if column.value(source).is_some() {
                    let age = ages.entry(column.name()).or_insert(u64::MAX);
                    *age = (*age).min(source.age_ms());
                }
            }
        },
    );
    ages
}

/// `/agents/json`: agents by their address. Sub-agents and sources that share an address are one.
#[must_use]
pub fn agents(known: Vec<AgentInfo>, asked: &Agents) -> BTreeMap<String, AgentAnswer> {
    let mut all: BTreeMap<String, AgentAnswer> = BTreeMap::new();
    for info in known {
        let address = info.agent.unwrap_or(info.source);
        let named = match asked {
            Agents::All => true,
            Agents::Named(names) => names.iter().any(|name| {
                Some(name) == info.hostname.as_ref()
                    || name.parse().is_ok_and(|asked: IpAddr| asked == address)
            }),
        };
        if !named {
            continue;
        }
        let one = all
            .entry(address.to_string())
            .or_insert_with(|| AgentAnswer {
                last_seen: u64::MAX,
                ..AgentAnswer::default()
            });
        one.last_seen = one.last_seen.min(info.age_ms);
        one.uptime = one.uptime.max(info.uptime_ms);
        one.datagrams_received += info.datagrams;
        one.datagrams_lost += info.datagrams_lost;
        one.counter_datasources += info.data_sources + u32::from(info.hostname.is_some());
        if !one.datagram_source.contains(&info.source) {
            one.datagram_source.push(info.source);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(values: &[f64]) -> Vec<Found> {
        (1..)
            .zip(values)
            .map(|(index, value)| Found {
                agent: [10, 0, 0, 1].into(),
                source: (3, index),
                age_ms: u64::from(index) * 100,
                value: Value::Number(*value),
            })
            .collect()
    }

    fn check(metric: &str, values: &[f64], expected: Option<f64>) {
        let wanted = WantedMetric::parse_list(metric).unwrap().remove(0);
        let answer = summary(&wanted, found(values));
        assert_eq!(answer.metric_n, values.len());
        let value = answer.metric_value.map(|value| match value {
            Value::Number(number) => number,
            Value::Text(text) => panic!("{text}"),
        });
        match (value, expected) {
            (Some(value), Some(expected)) => {
                assert!((value - expected).abs() < 1e-9, "{metric}: {value}")
            }
            (value, expected) => assert_eq!(value, expected, "{metric}"),
        }
    }

    #[test]
    fn operations() {
        let values = [4.0, 1.0, 3.0, 2.0];
        check("load_one", &values, Some(4.0));
        check("max:load_one", &values, Some(4.0));
        check("min:load_one", &values, Some(1.0));
        check("sum:load_one", &values, Some(10.0));
        check("avg:load_one", &values, Some(2.5));
        check("var:load_one", &values, Some(1.25));
        check("sdev:load_one", &values, Some(1.25_f64.sqrt()));
        check("med:load_one", &values, Some(2.5));
        check("q2:load_one", &values, Some(2.5));
        check("q1:load_one", &values, Some(1.75));
        check("q3:load_one", &values, Some(3.25));
        check("iqr:load_one", &values, Some(1.5));
        check("any:load_one", &values, Some(4.0));
        check("avg:load_one", &values[..1], Some(4.0));
        check("q1:load_one", &values[..1], Some(4.0));
        check("avg:load_one", &[], None);
        check("load_one", &[], None);
    }

    #[test]
    fn one_value_says_whose_it_is_and_a_made_one_does_not() {
        let of = |metric: &str| {
            let wanted = WantedMetric::parse_list(metric).unwrap().remove(0);
            serde_json::to_value(summary(&wanted, found(&[1.0, 3.0]))).unwrap()
        };
        assert_eq!(
            of("max:load_one"),
            serde_json::json!({"agent": "10.0.0.1", "dataSource": "3.2", "lastUpdate": 200, "lastUpdateMax": 200,
                "lastUpdateMin": 100, "metricN": 2, "metricName": "max:load_one", "metricValue": 3.0})
        );
        assert_eq!(
            of("avg:load_one"),
            serde_json::json!({"lastUpdateMax": 200, "lastUpdateMin": 100, "metricN": 2, "metricName": "avg:load_one", "metricValue": 2.0})
        );
    }
}
