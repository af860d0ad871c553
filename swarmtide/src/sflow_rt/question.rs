//! What is asked: agents, metrics, filters.

use std::collections::BTreeMap;

use collector::{DataSource, NamePattern};

use super::table::Column;

/// What makes a question one that cannot be answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuestionError {
    /// A metric with an operation that does not exist.
    #[error(
        "{0:?} is none of the operations max, min, sum, avg, var, sdev, med, q1, q2, q3, iqr, any"
    )]
    Operation(String),
    /// No metric at all.
    #[error("no metric is named")]
    NoMetric,
    /// A filter over a metric that does not exist.
    #[error("there is no metric {0:?} to filter by; see /metrics/json")]
    Filter(String),
    /// A list that is too long.
    #[error("{0} has more than {1} items")]
    TooMany(&'static str, usize),
}

/// Most agents, metrics or filters in one question.
const ITEMS_MAX: usize = 1000;

/// Which agents are asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Agents {
    /// All of them.
    All,
    /// Those with these addresses or host names.
    Named(Vec<String>),
}

impl Agents {
    /// Reads `ALL`, or addresses and host names separated by semicolons.
    ///
    /// # Errors
    /// A list that is too long.
    pub fn parse(text: &str) -> Result<Self, QuestionError> {
        if text == "ALL" {
            return Ok(Self::All);
        }
        let names: Vec<String> = items(text, &[';']).map(str::to_owned).collect();
        if names.len() > ITEMS_MAX {
            return Err(QuestionError::TooMany("the list of agents", ITEMS_MAX));
        }
        Ok(Self::Named(names))
    }

    /// Those named by query parameters; none named means all.
    #[must_use]
    pub fn of_names(names: Vec<String>) -> Self {
        match names.is_empty() {
            true => Self::All,
            false => Self::Named(names),
        }
    }

    pub(super) fn include(&self, source: &DataSource<'_>) -> bool {
        let Self::Named(names) = self else {
            return true;
        };
        let host = source.host();
        let host = host.map_or(&[][..], |host| host.name());
        names.iter().any(|name| {
            name.as_bytes() == host
                || name
                    .parse()
                    .is_ok_and(|address: std::net::IpAddr| address == source.agent())
        })
    }
}

fn items<'a>(text: &'a str, separators: &'a [char]) -> impl Iterator<Item = &'a str> {
    text.split(separators)
        .map(str::trim)
        .filter(|item| !item.is_empty())
}

/// What is made of the values of several data sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// The largest, the default.
    Max,
    /// The smallest.
    Min,
    /// The sum.
    Sum,
    /// The mean.
    Avg,
    /// The variance of all (not of a sample).
    Var,
    /// The root of that.
    Sdev,
    /// The median, which is `q2`.
    Med,
    /// The first quartile.
    Q1,
    /// The third quartile.
    Q3,
    /// The third quartile less the first.
    Iqr,
    /// Any of them: the newest.
    Any,
}

impl Operation {
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "max" => Self::Max,
            "min" => Self::Min,
            "sum" => Self::Sum,
            "avg" => Self::Avg,
            "var" => Self::Var,
            "sdev" => Self::Sdev,
            "med" | "q2" => Self::Med,
            "q1" => Self::Q1,
            "q3" => Self::Q3,
            "iqr" => Self::Iqr,
            "any" => Self::Any,
            _ => return None,
        })
    }
}

/// A metric, perhaps of one data source only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricName {
    /// `2.1` or `3.101001` before the name.
    pub(super) source: Option<(u32, u32)>,
    /// `None`: a name that no data source of ours has.
    pub(super) column: Option<Column>,
}

impl MetricName {
    /// Reads `load_one`, `2.1.load_one` or, for interfaces, `4.ifinoctets`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut numbers = Vec::new();
        let mut name = text;
        while let Some((number, rest)) = name.split_once('.')
            && let Ok(number) = number.parse::<u32>()
            && numbers.len() < 2
        {
            numbers.push(number);
            name = rest;
        }
        Self {
            source: match *numbers {
                [class, index] => Some((class, index)),
                [index] => Some((0, index)),
                _ => None,
            },
            column: Column::parse(name),
        }
    }

    pub(super) fn is_of(&self, source: &DataSource<'_>) -> bool {
        self.source
            .is_none_or(|wanted| wanted == source.class_and_index())
    }
}

/// A metric that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedMetric {
    /// As it was written, which is how the answer names it.
    pub(super) word: String,
    pub(super) operation: Operation,
    pub(super) name: MetricName,
}

impl WantedMetric {
    /// Reads a list such as `avg:vir_cpu_utilization,max:load_one`.
    ///
    /// # Errors
    /// An operation that does not exist, or a list that is empty or too long.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, QuestionError> {
        let wanted: Vec<Self> = items(text, &[',', ';'])
            .map(Self::parse)
            .collect::<Result<_, _>>()?;
        match wanted.len() {
            0 => Err(QuestionError::NoMetric),
            count if count > ITEMS_MAX => {
                Err(QuestionError::TooMany("the list of metrics", ITEMS_MAX))
            }
            _ => Ok(wanted),
        }
    }

    fn parse(word: &str) -> Result<Self, QuestionError> {
        let (operation, name) = match word.split_once(':') {
            None => (Operation::Max, word),
            Some((operation, name)) => (
                Operation::parse(operation)
                    .ok_or_else(|| QuestionError::Operation(operation.to_owned()))?,
                name,
            ),
        };
        Ok(Self {
            word: word.to_owned(),
            operation,
            name: MetricName::parse(name),
        })
    }
}

/// Conditions on metrics: all names have to match, each by one of its patterns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filters(Vec<(MetricName, Vec<NamePattern>)>);

impl Filters {
    /// Reads the pairs of a query, as `host_name=*web.*&os_name=linux&os_name=windows`. A parameter `_` is passed over: browsers'
    /// libraries add it against caches.
    ///
    /// # Errors
    /// A metric that does not exist, or too many pairs.
    pub fn parse(pairs: &[(String, String)]) -> Result<Self, QuestionError> {
        if pairs.len() > ITEMS_MAX {
            return Err(QuestionError::TooMany("the query", ITEMS_MAX));
        }
        let mut by_name: BTreeMap<&str, Vec<NamePattern>> = BTreeMap::new();
        for (name, pattern) in pairs.iter().filter(|(name, _)| name != "_") {
            // People write a regular expression's `\.` for a dot, as the script API has it.
            let pattern = NamePattern::new(&pattern.replace('\\', ""));
            by_name.entry(name).or_default().push(pattern);
        }
        let filters = by_name.into_iter().map(|(text, patterns)| {
            let name = MetricName::parse(text);
            match name.column {
                Some(_) => Ok((name, patterns)),
                None => Err(QuestionError::Filter(text.to_owned())),
            }
        });
        Ok(Self(filters.collect::<Result<_, _>>()?))
    }

    /// The filters that a container decides for its host: those over what only containers have.
    pub(super) fn of_containers(&self) -> Vec<usize> {
        let of_container = |(name, _): &(MetricName, Vec<NamePattern>)| {
            name.column.is_some_and(|column| !column.is_host())
        };
        (0..self.0.len())
            .filter(|index| of_container(&self.0[*index]))
            .collect()
    }

    /// Whether a data source passes. What it does not have itself, its host may have; `containers` says of a host which filters over
    /// containers one of its containers passes.
    pub(super) fn pass(&self, source: &DataSource<'_>, containers: impl Fn(usize) -> bool) -> bool {
        (0..self.0.len()).all(|index| match self.holds(index, source) {
            Some(holds) => holds,
            None if source.is_host() => containers(index),
            None => source
                .host()
                .and_then(|host| self.holds(index, &host))
                .unwrap_or(false),
        })
    }

    /// Whether one filter holds for what a data source has itself; `None` when it has nothing of that name.
    pub(super) fn holds(&self, index: usize, source: &DataSource<'_>) -> Option<bool> {
        let (name, patterns) = self.0.get(index)?;
        if !name.is_of(source) {
            return None;
        }
        let value = name.column?.value(source)?;
        let text = value.text();
        Some(
            patterns
                .iter()
                .any(|pattern| pattern.matches(text.as_bytes())),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_read_with_operation_and_data_source() {
        let list =
            WantedMetric::parse_list("load_one,avg:vir_cpu_utilization;any:2.1.host_name").unwrap();
        let words: Vec<_> = list.iter().map(|one| one.word.as_str()).collect();
        assert_eq!(
            words,
            ["load_one", "avg:vir_cpu_utilization", "any:2.1.host_name"]
        );
        assert_eq!(list[0].operation, Operation::Max);
        assert_eq!(list[1].operation, Operation::Avg);
        assert_eq!(list[2].name.source, Some((2, 1)));
        assert!(list.iter().all(|one| one.name.column.is_some()));
        let interface = MetricName::parse("4.ifinoctets");
        assert_eq!((interface.source, interface.column), (Some((0, 4)), None));
        assert_eq!(
            WantedMetric::parse_list("mean:load_one"),
            Err(QuestionError::Operation("mean".to_owned()))
        );
        assert_eq!(WantedMetric::parse_list(",;"), Err(QuestionError::NoMetric));
    }

    #[test]
    fn agents_and_filters_are_read() {
        assert_eq!(Agents::parse("ALL"), Ok(Agents::All));
        assert_eq!(
            Agents::parse("10.0.0.1;w1"),
            Ok(Agents::Named(vec!["10.0.0.1".to_owned(), "w1".to_owned()]))
        );
        let pair = |name: &str, pattern: &str| (name.to_owned(), pattern.to_owned());
        let filters = Filters::parse(&[
            pair("host_name", "a*"),
            pair("_", "17"),
            pair("host_name", "b"),
        ])
        .unwrap();
        assert_eq!(filters.0.len(), 1);
        assert_eq!(filters.0[0].1.len(), 2);
        assert_eq!(
            Filters::parse(&[pair("hostname", "a")]),
            Err(QuestionError::Filter("hostname".to_owned()))
        );
    }
}
