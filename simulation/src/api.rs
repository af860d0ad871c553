//! The Engine API over the simulated swarm, pure: a request in, a reply out.
//!
//! Sockets, and faults that need them (latency, hanging, dropped connections), are [`crate::Simulation`]'s.

mod fault;
mod filter;
mod object;
mod shape;
mod system;

use serde_json::{Value, json};

pub use fault::{Fault, FaultKind};
use filter::Query;

use crate::engine::{Engine, EngineError, Event};

/// Version that the simulated engine reports.
pub const ENGINE_VERSION: &str = "28.5.2";
/// Newest API version that it speaks.
pub const API_VERSION: &str = "1.51";
/// Oldest API version that it speaks.
pub const MIN_API_VERSION: &str = "1.24";

/// One HTTP request.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// `GET`, `POST`, `DELETE` or `HEAD`.
    pub method: &'a str,
    /// Path with or without a version prefix such as `/v1.51`.
    pub path: &'a str,
    /// Query without the question mark, still percent-encoded.
    pub query: &'a str,
    /// Body.
    pub body: &'a [u8],
}

/// What a reply carries.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// Plain text.
    Text(&'static str),
    /// A JSON document.
    Json(Value),
    /// The stream of events that match, for as long as the client listens.
    Events(EventFilter),
}

/// One HTTP reply.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// What it carries.
    pub body: Body,
}

/// Which events a client listens to; empty lists match all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    pub(crate) types: Vec<String>,
    pub(crate) scopes: Vec<String>,
    pub(crate) actions: Vec<String>,
}

impl EventFilter {
    pub(crate) fn matches(&self, event: &Event) -> bool {
        let fits = |list: &[String], value: &str| {
            list.is_empty() || list.iter().any(|entry| entry == value)
        };
        fits(&self.types, event.kind.name())
            && fits(&self.scopes, "swarm")
            && fits(&self.actions, event.action)
    }
}

impl Reply {
    fn json(body: Value) -> Self {
        Self {
            status: 200,
            body: Body::Json(body),
        }
    }

    pub(crate) fn error(error: &EngineError) -> Self {
        Self {
            status: error.status,
            body: Body::Json(json!({"message": error.message})),
        }
    }

    /// Returns the JSON document, null where the reply carries something else.
    #[must_use]
    pub fn value(&self) -> &Value {
        match &self.body {
            Body::Json(value) => value,
            Body::Text(_) | Body::Events(_) => &Value::Null,
        }
    }
}

/// Answers a request as a manager would.
pub fn answer(engine: &mut Engine, request: &Request<'_>) -> Reply {
    route(engine, request).unwrap_or_else(|error| Reply::error(&error))
}

fn route(engine: &mut Engine, request: &Request<'_>) -> Result<Reply, EngineError> {
    let path = without_version(request.path)?;
    let query = Query::parse(request.query)?;
    let segments: Vec<_> = path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .collect();
    let is_swarm = matches!(
        segments.first(),
        Some(&("services" | "tasks" | "nodes" | "swarm"))
    );
    if is_swarm && engine.is_leaderless() {
        return Err(EngineError::no_leader());
    }
    let reply = match (request.method, segments.as_slice()) {
        ("GET" | "HEAD", ["_ping"]) => Reply {
            status: 200,
            body: Body::Text("OK"),
        },
        ("GET", ["version"]) => Reply::json(system::version()),
        ("GET", ["info"]) => Reply::json(system::info(engine)),
        ("GET", ["swarm"]) => Reply::json(system::cluster(engine)),
        ("GET", ["events"]) => Reply {
            status: 200,
            body: Body::Events(query.event_filter()),
        },
        ("GET", ["services"]) => Reply::json(object::services(engine, &query)),
        ("GET", ["services", id]) => Reply::json(object::service(engine, id)?),
        ("POST", ["services", "create"]) => object::create(engine, request.body)?,
        ("POST", ["services", id, "update"]) => object::update(engine, id, &query, request.body)?,
        ("DELETE", ["services", id]) => object::remove(engine, id)?,
        ("GET", ["tasks"]) => Reply::json(object::tasks(engine, &query)),
        ("GET", ["tasks", id]) => Reply::json(object::task(engine, id)?),
        ("GET", ["nodes"]) => Reply::json(object::nodes(engine, &query)),
        ("GET", ["nodes", id]) => Reply::json(object::node(engine, id)?),
        _ => return Err(EngineError::new(404, "page not found")),
    };
    Ok(reply)
}

/// Takes `/v1.51` off a path, and refuses versions that the engine does not speak.
fn without_version(path: &str) -> Result<&str, EngineError> {
    let Some((version, rest)) = path
        .strip_prefix("/v")
        .map(|rest| rest.split_at(rest.find('/').unwrap_or(rest.len())))
    else {
        return Ok(path);
    };
    let (Some(asked), Some(most), Some(least)) = (
        number(version),
        number(API_VERSION),
        number(MIN_API_VERSION),
    ) else {
        return Ok(path);
    };
    if asked > most {
        let text = format!(
            "client version {version} is too new. Maximum supported API version is {API_VERSION}"
        );
        return Err(EngineError::new(400, text));
    }
    if asked < least {
        let text = format!(
            "client version {version} is too old. Minimum supported API version is {MIN_API_VERSION}, please upgrade \
             your client to a newer version"
        );
        return Err(EngineError::new(400, text));
    }
    Ok(rest)
}

fn number(version: &str) -> Option<(u32, u32)> {
    let (major, minor) = version.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

pub(crate) use shape::event as event_json;

#[cfg(test)]
mod tests;
