//! sFlow-RT's REST API, as far as it is about metrics, and the switch of the script that this program descends from.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, Uri},
};
use scaler::AdminMode;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    AppState,
    access::{Params, Segment},
    problem::Problem,
    state::{StateWord, change},
};
use crate::sflow_rt::{
    self, AgentAnswer, Agents, DumpAnswer, Filters, LookupAnswer, QuestionError, Value,
    WantedMetric,
};

type Pairs = Vec<(String, String)>;

impl From<QuestionError> for Problem {
    fn from(error: QuestionError) -> Self {
        Self::bad_request(error.to_string())
    }
}

/// Version of the software, as text
#[utoipa::path(get, path = "/version", tag = "sflow-rt", responses((status = 200, body = String, content_type = "text/plain")))]
pub(super) async fn version() -> &'static str {
    concat!("swarmtide-", env!("CARGO_PKG_VERSION"))
}

/// Agents by address
#[utoipa::path(get, path = "/agents/json", tag = "sflow-rt",
    params(("agent" = Option<Vec<String>>, Query, description = "Only these addresses or host names; may be given several times")),
    responses((status = 200, body = BTreeMap<String, AgentAnswer>), (status = 400, body = Problem, content_type = "application/problem+json")))]
pub(super) async fn agents(
    State(shared): State<AppState>,
    Params(pairs): Params<Pairs>,
) -> Json<BTreeMap<String, AgentAnswer>> {
    let names = pairs.into_iter().filter(|(name, _)| name == "agent");
    let asked = Agents::of_names(names.map(|(_, value)| value).collect());
    let known = shared.collector.agents(shared.clock.now());
    Json(sflow_rt::agents(known, &asked))
}

/// Metrics that some data source has, with milliseconds since the newest value
#[utoipa::path(get, path = "/metrics/json", tag = "sflow-rt", responses((status = 200, body = BTreeMap<String, u64>)))]
pub(super) async fn metrics(State(shared): State<AppState>) -> Json<BTreeMap<&'static str, u64>> {
    Json(sflow_rt::newest(&shared.collector, shared.clock.now()))
}

/// Every value of one agent, by names such as `2.1.load_one`
#[utoipa::path(get, path = "/metric/{agent}/json", tag = "sflow-rt",
    params(("agent" = String, Path, description = "Address or host name of the agent")),
    responses((status = 200, body = BTreeMap<String, Value>), (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json")))]
pub(super) async fn of_agent(
    State(shared): State<AppState>,
    Segment(agent): Segment<String>,
) -> Result<Json<BTreeMap<String, Value>>, Problem> {
    sflow_rt::of_agent(&shared.collector, &agent, shared.clock.now())
        .map(Json)
        .ok_or_else(|| {
            Problem::not_found(format!(
                "no live agent has the address or host name {agent:?}"
            ))
        })
}

/// Metrics over agents, each as one value
#[utoipa::path(get, path = "/metric/{agents}/{metrics}/json", tag = "sflow-rt",
    params(("agents" = String, Path, description = "Addresses or host names, separated by `;`, or `ALL`"),
        ("metrics" = String, Path, description = "Metrics, separated by `,`, each perhaps with an operation and a data source: `load_one`, `avg:vir_cpu_utilization`, `any:2.1.host_name`. Operations: max (default), min, sum, avg, var, sdev, med, q1, q2, q3, iqr, any"),
        ("filter" = Option<BTreeMap<String, String>>, Query, style = Form, explode, description = "Filters by metric, as `host_name=*web.*&os_name=linux`: `*` stands for any run of characters; the same name twice means either")),
    responses((status = 200, body = Vec<LookupAnswer>), (status = 400, body = Problem, content_type = "application/problem+json")))]
pub(super) async fn lookup(
    State(shared): State<AppState>,
    Segment((agents, metrics)): Segment<(String, String)>,
    Params(pairs): Params<Pairs>,
) -> Result<Json<Vec<LookupAnswer>>, Problem> {
    let asked = (Agents::parse(&agents)?, Filters::parse(&pairs)?);
    let wanted = WantedMetric::parse_list(&metrics)?;
    let now = shared.clock.now();
    Ok(Json(sflow_rt::lookup(
        &shared.collector,
        (&asked.0, &asked.1),
        &wanted,
        now,
    )))
}

/// Every value of every data source
#[utoipa::path(get, path = "/dump/{agents}/{metrics}/json", tag = "sflow-rt",
    params(("agents" = String, Path, description = "Addresses or host names, separated by `;`, or `ALL`"),
        ("metrics" = String, Path, description = "Metrics, separated by `,` or `;`, or `ALL`"),
        ("filter" = Option<BTreeMap<String, String>>, Query, style = Form, explode, description = "Filters by metric, as for `/metric`")),
    responses((status = 200, body = Vec<DumpAnswer>), (status = 400, body = Problem, content_type = "application/problem+json")))]
pub(super) async fn dump(
    State(shared): State<AppState>,
    Segment((agents, metrics)): Segment<(String, String)>,
    Params(pairs): Params<Pairs>,
) -> Result<Json<Vec<DumpAnswer>>, Problem> {
    let asked = (Agents::parse(&agents)?, Filters::parse(&pairs)?);
    let wanted = match metrics.as_str() {
        "ALL" => None,
        list => Some(WantedMetric::parse_list(list)?),
    };
    let now = shared.clock.now();
    sflow_rt::dump(
        &shared.collector,
        (&asked.0, &asked.1),
        wanted.as_deref(),
        now,
    )
    .map(Json)
    .ok_or_else(|| {
        Problem::bad_request(format!(
            "these are more than {} values; name fewer agents or metrics",
            sflow_rt::DUMP_MAX
        ))
    })
}

/// The state of scaling as the script said it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Toggle {
    /// `enabled` or `disabled`; `dry-run` where somebody set that otherwise.
    state: StateWord,
}

/// The state for all services; with `state`, sets it
///
/// Only with `sflow_rt.toggle`, since it writes on GET; a write needs what all writes need.
#[utoipa::path(get, path = "/script/elb.js/json", security((), ("token" = [])), tag = "sflow-rt",
    params(("state" = Option<String>, Query, description = "`enabled` or `disabled`")),
    responses((status = 200, body = Toggle), (status = "4XX", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "It could not be kept, so it was not set", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn toggle(
    State(shared): State<AppState>,
    uri: Uri,
    headers: HeaderMap,
    Params(pairs): Params<Pairs>,
) -> Result<Json<Toggle>, Problem> {
    if !shared.config.sflow_rt.toggle {
        return Err(Problem::not_found(format!(
            "{} is off; sflow_rt.toggle switches it on",
            uri.path()
        )));
    }
    let asked = pairs.iter().rev().find(|(name, _)| name == "state");
    if let Some((_, word)) = asked {
        let mode = match word.as_str() {
            "enabled" => AdminMode::Enabled,
            "disabled" => AdminMode::Disabled,
            other => {
                return Err(Problem::bad_request(format!(
                    "state {other:?} is neither enabled nor disabled"
                )));
            }
        };
        shared.access.permit(&headers)?;
        no_foreign_page(&headers)?;
        change(&shared, |admin| {
            admin.set_global(mode);
            Ok(())
        })
        .await?;
        tracing::info!(
            state = mode.name(),
            "scaling of all services, by /script/elb.js/json"
        );
    }
    let state = StateWord::of(shared.engine().admin().global());
    Ok(Json(Toggle { state }))
}

/// A page may make a browser GET anything, and says no `Origin` then; browsers say where it came from in this header.
fn no_foreign_page(headers: &HeaderMap) -> Result<(), Problem> {
    let site = headers
        .get("sec-fetch-site")
        .and_then(|value| value.to_str().ok());
    match site {
        None | Some("none" | "same-origin") => Ok(()),
        Some(site) => Err(Problem::forbidden(format!(
            "a {site} page may not write here"
        ))),
    }
}
