//! Shapes of the API, and what it refuses.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::config::{ServiceConfig, WorldConfig};
use crate::engine::UpdateState;
use crate::load::Load;
use crate::world::World;

fn world() -> World {
    let config = WorldConfig::new(1, 2).service(
        ServiceConfig::replicated("web", 3, Some(0.5), Load::idle()).label("tier", "front"),
    );
    let mut world = World::new(config).unwrap();
    world.advance(Duration::from_secs(3));
    world
}

fn call(world: &mut World, method: &str, path: &str, body: &str) -> (u16, Value) {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let reply = world.answer(&Request {
        method,
        path,
        query,
        body: body.as_bytes(),
    });
    (reply.status, reply.value().clone())
}

fn get(world: &mut World, path: &str) -> Value {
    let (status, value) = call(world, "GET", path, "");
    assert_eq!(status, 200, "{path}: {value}");
    value
}

#[test]
fn prefixes_and_unknown_paths() {
    let mut world = world();
    assert_eq!(
        get(&mut world, "/v1.41/services"),
        get(&mut world, "/services")
    );
    assert_eq!(get(&mut world, "/version")["ApiVersion"], "1.51");
    let (status, body) = call(&mut world, "GET", "/v1.99/services", "");
    assert_eq!(status, 400);
    let text = "client version 1.99 is too new. Maximum supported API version is 1.51";
    assert_eq!(body["message"], text);
    assert_eq!(call(&mut world, "GET", "/v1.20/info", "").0, 400);
    let not_found = json!({"message": "page not found"});
    assert_eq!(
        call(&mut world, "GET", "/containers/json", ""),
        (404, not_found)
    );
    let (status, body) = call(&mut world, "GET", "/services/nope", "");
    assert_eq!(
        (status, body),
        (404, json!({"message": "service nope not found"}))
    );
}

#[test]
fn ports_are_twins_and_ephemeral() {
    let mut world = world();
    for task in get(&mut world, "/tasks").as_array().unwrap() {
        let ports = task["Status"]["PortStatus"]["Ports"].as_array().unwrap();
        assert_eq!(ports.len(), 2);
        assert_eq!(ports[0], ports[1]);
        assert!(ports[0]["PublishedPort"].as_u64().unwrap() >= 32_768);
        assert_eq!(ports[0]["TargetPort"], 8080);
        assert_eq!(
            task["Status"]["ContainerStatus"]["ContainerID"]
                .as_str()
                .unwrap()
                .len(),
            64
        );
    }
}

#[test]
fn filters_restrict_tasks_and_services() {
    let mut world = world();
    let count = |world: &mut World, path: &str| get(world, path).as_array().unwrap().len();
    assert_eq!(
        count(&mut world, r#"/tasks?filters={"service":["web"]}"#),
        3
    );
    assert_eq!(count(&mut world, r#"/tasks?filters={"service":["db"]}"#), 0);
    assert_eq!(
        count(
            &mut world,
            r#"/tasks?filters={"desired-state":["shutdown"]}"#
        ),
        0
    );
    assert_eq!(
        count(&mut world, r#"/services?filters={"label":["tier=front"]}"#),
        1
    );
    assert_eq!(
        count(&mut world, r#"/services?filters={"label":["tier=back"]}"#),
        0
    );
    let services = get(&mut world, "/services?status=true");
    assert_eq!(services[0]["ServiceStatus"]["RunningTasks"], 3);
}

#[test]
fn phantoms_count_as_running_in_the_service_status() {
    let mut world = world();
    let node = get(&mut world, "/tasks")[0]["NodeID"]
        .as_str()
        .unwrap()
        .to_owned();
    let name = world.engine().node(&node).unwrap().config.name.clone();
    if name == "m1" {
        return;
    }
    world.engine_mut().kill_node(&name);
    world.advance(Duration::from_secs(20));
    let services = get(&mut world, "/services?status=true");
    assert_eq!(
        services[0]["ServiceStatus"],
        json!({"RunningTasks": 4, "DesiredTasks": 3, "CompletedTasks": 0})
    );
}

#[test]
fn an_update_needs_the_present_version() {
    let mut world = world();
    let service = get(&mut world, "/services/web");
    let index = service["Version"]["Index"].as_u64().unwrap();
    let mut spec = service["Spec"].clone();
    spec["Mode"]["Replicated"]["Replicas"] = json!(4);
    let body = spec.to_string();
    let (status, _) = call(&mut world, "POST", "/services/web/update", &body);
    assert_eq!(status, 400, "without a version");
    let path = format!("/services/web/update?version={}", index - 1);
    let (status, answer) = call(&mut world, "POST", &path, &body);
    assert_eq!(status, 500);
    assert_eq!(
        answer["message"],
        "rpc error: code = Unknown desc = update out of sequence"
    );
    let path = format!("/services/web/update?version={index}");
    assert_eq!(call(&mut world, "POST", &path, "{").0, 400);
    let (status, answer) = call(&mut world, "POST", &path, &body);
    assert_eq!((status, answer), (200, json!({"Warnings": null})));
    assert_eq!(
        get(&mut world, "/services/web")["PreviousSpec"],
        service["Spec"]
    );
    assert_eq!(get(&mut world, "/services/web")["Spec"], spec);
    assert_eq!(
        call(&mut world, "POST", &path, &body).0,
        500,
        "the index has moved"
    );
}

#[test]
fn a_roll_back_after_a_scale_restores_only_the_replicas() {
    let mut world = world();
    let before = get(&mut world, "/services/web")["Spec"].clone();
    for replicas in [4, 5] {
        let mut spec = before.clone();
        spec["Mode"]["Replicated"]["Replicas"] = json!(replicas);
        let index = world.engine().service("web").unwrap().index;
        let path = format!("/services/web/update?version={index}");
        assert_eq!(call(&mut world, "POST", &path, &spec.to_string()).0, 200);
    }
    let index = world.engine().service("web").unwrap().index;
    let path = format!("/services/web/update?version={index}&rollback=previous");
    assert_eq!(call(&mut world, "POST", &path, "").0, 200);
    assert_eq!(world.engine().service("web").unwrap().replicas(), Some(4));
}

#[test]
fn renaming_and_changing_the_mode_are_refused() {
    let mut world = world();
    let service = get(&mut world, "/services/web");
    let path = format!(
        "/services/web/update?version={}",
        service["Version"]["Index"]
    );
    let mut spec = service["Spec"].clone();
    spec["Name"] = json!("other");
    assert_eq!(call(&mut world, "POST", &path, &spec.to_string()).0, 501);
    let mut spec = service["Spec"].clone();
    spec["Mode"] = json!({"Global": {}});
    assert_eq!(call(&mut world, "POST", &path, &spec.to_string()).0, 501);
    let mut spec = service["Spec"].clone();
    spec["Mode"]["Replicated"]["Replicas"] = json!(-1);
    assert_eq!(call(&mut world, "POST", &path, &spec.to_string()).0, 400);
}

#[test]
fn nodes_and_info() {
    let mut world = world();
    let nodes = get(&mut world, "/nodes");
    assert_eq!(nodes.as_array().unwrap().len(), 3);
    let manager = get(&mut world, "/nodes/m1");
    assert_eq!(manager["ManagerStatus"]["Leader"], true);
    assert_eq!(
        manager["Status"],
        json!({"State": "ready", "Addr": "10.20.0.11"})
    );
    assert!(get(&mut world, "/nodes/w1").get("ManagerStatus").is_none());
    let info = get(&mut world, "/info");
    assert_eq!(info["Swarm"]["ControlAvailable"], true);
    assert_eq!(info["Swarm"]["NodeID"], manager["ID"]);
}

#[test]
fn without_a_leader_the_swarm_cannot_be_read() {
    let mut world = world();
    world.engine_mut().change_leader();
    let (status, body) = call(&mut world, "GET", "/services", "");
    assert_eq!(status, 500);
    assert!(
        body["message"]
            .as_str()
            .unwrap()
            .contains("does not have a leader")
    );
    assert!(
        get(&mut world, "/info")["Swarm"]["Error"]
            .as_str()
            .unwrap()
            .contains("leader")
    );
    world.advance(Duration::from_secs(15));
    let nodes = get(&mut world, "/nodes");
    assert_eq!(
        nodes[0]["Status"]["State"].as_str().map(str::is_empty),
        Some(false)
    );
}

#[test]
fn faults_strike_where_they_are_put() {
    let mut world = world();
    world.set_faults(vec![Fault::always(FaultKind::NotManager)]);
    let (status, body) = call(&mut world, "GET", "/v1.45/services", "");
    assert_eq!(status, 503);
    assert!(
        body["message"]
            .as_str()
            .unwrap()
            .starts_with("This node is not a swarm manager")
    );
    world.set_faults(vec![Fault::always(FaultKind::ServerError).on("/tasks")]);
    assert_eq!(call(&mut world, "GET", "/v1.45/tasks", "").0, 500);
    assert_eq!(call(&mut world, "GET", "/v1.45/services", "").0, 200);
    world.set_faults(vec![Fault::always(FaultKind::Conflict)]);
    let service = get(&mut world, "/services/web");
    let path = format!(
        "/services/web/update?version={}",
        service["Version"]["Index"]
    );
    let (status, _) = call(&mut world, "POST", &path, &service["Spec"].to_string());
    assert_eq!(status, 500);
    world.set_faults(Vec::new());
}

#[test]
fn the_update_status_has_the_engines_names() {
    let mut world = world();
    assert!(
        get(&mut world, "/services/web")
            .get("UpdateStatus")
            .is_none()
    );
    world
        .engine_mut()
        .set_update_state("web", Some(UpdateState::RollbackPaused));
    assert_eq!(
        get(&mut world, "/services/web")["UpdateStatus"]["State"],
        "rollback_paused"
    );
}

#[test]
fn create_and_delete() {
    let mut world = world();
    let spec = ServiceConfig::replicated("db", 1, None, Load::idle())
        .spec
        .to_string();
    let (status, body) = call(&mut world, "POST", "/services/create", &spec);
    assert_eq!(status, 201);
    assert_eq!(body["ID"].as_str().unwrap().len(), 25);
    assert_eq!(call(&mut world, "POST", "/services/create", &spec).0, 409);
    assert_eq!(call(&mut world, "DELETE", "/services/db", "").0, 200);
    assert_eq!(call(&mut world, "DELETE", "/services/db", "").0, 404);
}
