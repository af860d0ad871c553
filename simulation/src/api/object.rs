//! The endpoints of services, tasks and nodes.

use serde_json::{Value, json};

use super::filter::Query;
use super::{Reply, shape};
use crate::engine::{Engine, EngineError, Role, Service};

pub(super) fn services(engine: &Engine, query: &Query) -> Value {
    let with_status = query.is_true("status");
    let matching = engine.services().filter(|service| {
        query.allows("id", |id| service.id.starts_with(id))
            && query.allows("name", |name| service.name().starts_with(name))
            && query.allows("label", |label| has_label(service, label))
            && query.allows("mode", |mode| {
                (mode == "replicated") == service.replicas().is_some()
            })
    });
    Value::Array(
        matching
            .map(|service| shape::service(engine, service, with_status))
            .collect(),
    )
}

fn has_label(service: &Service, wanted: &str) -> bool {
    let (key, value) = wanted
        .split_once('=')
        .map_or((wanted, None), |(key, value)| (key, Some(value)));
    let found = service.spec["Labels"].get(key).and_then(Value::as_str);
    found.is_some_and(|found| value.is_none_or(|value| value == found))
}

pub(super) fn service(engine: &Engine, id: &str) -> Result<Value, EngineError> {
    let service = engine
        .service(id)
        .ok_or_else(|| EngineError::new(404, format!("service {id} not found")))?;
    Ok(shape::service(engine, service, false))
}

pub(super) fn create(engine: &mut Engine, body: &[u8]) -> Result<Reply, EngineError> {
    let id = engine.create_service(document(body)?)?;
    Ok(Reply {
        status: 201,
        ..Reply::json(json!({"ID": id, "Warnings": null}))
    })
}

pub(super) fn update(
    engine: &mut Engine,
    id: &str,
    query: &Query,
    body: &[u8],
) -> Result<Reply, EngineError> {
    let version = query.get("version").unwrap_or("");
    let version: u64 = version.parse().map_err(|_| {
        EngineError::new(
            400,
            format!("invalid service version '{version}': invalid syntax"),
        )
    })?;
    let posted = match query.get("rollback") {
        Some("previous") => engine.service(id).and_then(|service| service.previous_spec.clone()).ok_or_else(|| {
            let text = "rpc error: code = FailedPrecondition desc = service does not have a previous spec";
            EngineError::new(412, text)
        })?,
        _ => document(body)?,
    };
    engine.update_service(id, version, posted)?;
    Ok(Reply::json(json!({"Warnings": null})))
}

pub(super) fn remove(engine: &mut Engine, id: &str) -> Result<Reply, EngineError> {
    if !engine.remove_service(id) {
        return Err(EngineError::new(404, format!("service {id} not found")));
    }
    Ok(Reply {
        status: 200,
        body: super::Body::Text(""),
    })
}

fn document(body: &[u8]) -> Result<Value, EngineError> {
    serde_json::from_slice(body)
        .map_err(|error| EngineError::new(400, format!("invalid JSON: {error}")))
}

pub(super) fn tasks(engine: &Engine, query: &Query) -> Value {
    let matching = engine.tasks().filter(|task| {
        let service = engine.service(&task.service).map(Service::name);
        query.allows("id", |id| task.id.starts_with(id))
            && query.allows("service", |wanted| {
                service == Some(wanted) || task.service.starts_with(wanted)
            })
            && query.allows("node", |wanted| {
                engine
                    .node(wanted)
                    .is_some_and(|node| task.node.as_ref() == Some(&node.id))
            })
            && query.allows("desired-state", |state| {
                filterable_state(task.desired.name()) == state
            })
    });
    Value::Array(matching.map(|task| shape::task(engine, task)).collect())
}

/// The filter knows running, shutdown and accepted; a task that is ready to run counts as running.
fn filterable_state(desired: &str) -> &str {
    match desired {
        "ready" => "running",
        "remove" => "shutdown",
        other => other,
    }
}

pub(super) fn task(engine: &Engine, id: &str) -> Result<Value, EngineError> {
    let found = engine.tasks().find(|task| task.id.starts_with(id));
    let task = found.ok_or_else(|| EngineError::new(404, format!("task {id} not found")))?;
    Ok(shape::task(engine, task))
}

pub(super) fn nodes(engine: &Engine, query: &Query) -> Value {
    let matching = engine.nodes().filter(|node| {
        query.allows("id", |id| node.id.starts_with(id))
            && query.allows("name", |name| node.config.name.starts_with(name))
            && query.allows("role", |role| {
                (role == "manager") == (node.config.role == Role::Manager)
            })
    });
    Value::Array(matching.map(|node| shape::node(engine, node)).collect())
}

pub(super) fn node(engine: &Engine, id: &str) -> Result<Value, EngineError> {
    let node = engine
        .node(id)
        .ok_or_else(|| EngineError::new(404, format!("node {id} not found")))?;
    Ok(shape::node(engine, node))
}
