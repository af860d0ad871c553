//! What the agents send: who they are, and metrics of a service under sFlow-RT's names.

#![allow(
    unused_qualifications,
    reason = "utoipa's macro writes the path of query parameters in full"
)]

use axum::{Json, extract::State};
use collector::{AgentInfo, Metric, NamePattern, Query, QueryResult, Selection, Statistic};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    AppState,
    access::{Params, Segment},
    problem::Problem,
};
use crate::sidecar::{Shared, members};

/// sFlow agents heard from: addresses, host, uptime, loss, age, number of data sources, duplicates
#[utoipa::path(get, path = "/v1/agents", tag = "telemetry", responses((status = 200, body = Vec<Object>)))]
pub(super) async fn agents(State(shared): State<AppState>) -> Json<Vec<AgentInfo>> {
    Json(shared.collector.agents(shared.clock.now()))
}

/// What is asked of telemetry.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct MetricQuery {
    /// Metrics, separated by commas, as `vir_cpu_utilization,vir_bytes_in`; all that fit when absent.
    metric: Option<String>,
    /// avg (default), sum, min, max, median, count, or a percentile as `p95`.
    #[param(pattern = r"^(avg|sum|min|max|median|count|p(100|[0-9]{1,2}(\.[0-9]+)?))$")]
    statistic: Option<String>,
}

/// Whose telemetry is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct NameQuery {
    /// Names of containers, and of hosts for host metrics: `*` stands for any run of characters, `?` for one; `*` when absent.
    name: Option<String>,
}

/// One metric of a service.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MetricAnswer {
    /// sFlow-RT's name.
    metric: &'static str,
    /// Its unit.
    unit: &'static str,
    /// The statistic over its containers.
    statistic: String,
    /// Value, number of data sources that contributed, ages of the newest and oldest.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    result: QueryResult,
}

/// Metrics of a service over the containers of its serving tasks
#[utoipa::path(get, path = "/v1/metrics/{service}", tag = "telemetry",
    params(("service" = String, Path, description = "Name of any service of the swarm"), MetricQuery),
    responses((status = 200, body = Vec<MetricAnswer>), (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json")))]
pub(super) async fn of_service(
    State(shared): State<AppState>,
    Segment(name): Segment<String>,
    Params(query): Params<MetricQuery>,
) -> Result<Json<Vec<MetricAnswer>>, Problem> {
    let wanted = Wanted::read(&query, |metric| !metric.is_host())?;
    let view = shared
        .watch
        .view()
        .ok_or_else(|| Problem::unavailable(shared.not_ready().join("; ")))?;
    let service = view
        .service_named(&name)
        .ok_or_else(|| Problem::not_found(format!("the swarm has no service {name:?}")))?;
    let selection = Selection::Members(members(&view, service, &[]));
    Ok(Json(wanted.ask(&shared, &selection)))
}

/// Metrics of all containers or hosts whose names match a pattern, known to the swarm or not
#[utoipa::path(get, path = "/v1/metrics", tag = "telemetry", params(NameQuery, MetricQuery),
    responses((status = 200, body = Vec<MetricAnswer>), (status = 400, body = Problem, content_type = "application/problem+json")))]
pub(super) async fn by_name(
    State(shared): State<AppState>,
    Params(name): Params<NameQuery>,
    Params(query): Params<MetricQuery>,
) -> Result<Json<Vec<MetricAnswer>>, Problem> {
    let wanted = Wanted::read(&query, |_| true)?;
    let pattern = NamePattern::new(name.name.as_deref().unwrap_or("*"));
    Ok(Json(wanted.ask(&shared, &Selection::Name(pattern))))
}

/// A question that can be asked.
struct Wanted {
    metrics: Vec<Metric>,
    word: String,
    statistic: Statistic,
}

impl Wanted {
    fn read(query: &MetricQuery, fits: impl Fn(Metric) -> bool) -> Result<Self, Problem> {
        let word = query.statistic.clone().unwrap_or_else(|| "avg".to_owned());
        let statistic = Statistic::parse(&word).ok_or_else(|| {
            Problem::bad_request(format!(
                "statistic {word:?} is none of avg, sum, min, max, median, count, p0 to p100"
            ))
        })?;
        let all: Vec<Metric> = Metric::ALL
            .into_iter()
            .filter(|metric| fits(*metric))
            .collect();
        let metrics = match &query.metric {
            None => all,
            Some(names) => names
                .split(',')
                .map(|name| one_of(&all, name.trim()))
                .collect::<Result<_, _>>()?,
        };
        Ok(Self {
            metrics,
            word,
            statistic,
        })
    }

    fn ask(&self, shared: &Shared, selection: &Selection) -> Vec<MetricAnswer> {
        let now = shared.clock.now();
        let answer = |metric: &Metric| {
            let query = Query {
                metric: *metric,
                selection: selection.clone(),
                statistic: self.statistic,
            };
            MetricAnswer {
                metric: metric.name(),
                unit: metric.unit(),
                statistic: self.word.clone(),
                result: shared.collector.query(&query, now),
            }
        };
        self.metrics.iter().map(answer).collect()
    }
}

fn one_of(all: &[Metric], name: &str) -> Result<Metric, Problem> {
    let found = all.iter().find(|metric| metric.name() == name);
    found.copied().ok_or_else(|| {
        let names: Vec<_> = all.iter().map(|metric| metric.name()).collect();
        Problem::bad_request(format!("metric {name:?} is none of {}", names.join(", ")))
    })
}
