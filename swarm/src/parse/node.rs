//! One entry of `GET /nodes`.

use std::net::SocketAddr;

use serde_json::Value;

use super::{specified, text};
use crate::{
    id::NodeId,
    model::{Availability, Node, NodeState, Role},
};

pub(super) fn parse(id: &str, value: &Value) -> Node {
    let manager = value.get("ManagerStatus");
    // A manager that was initialised without an address for others reports 0.0.0.0 as its own.
    let manager_address = || {
        let address: SocketAddr = text(manager?, "/Addr").parse().ok()?;
        Some(address.ip()).filter(|ip| !ip.is_unspecified())
    };
    Node {
        id: NodeId::from(id),
        hostname: text(value, "/Description/Hostname").to_owned(),
        address: specified(text(value, "/Status/Addr")).or_else(manager_address),
        state: NodeState::from_word(text(value, "/Status/State")),
        availability: Availability::from_word(text(value, "/Spec/Availability")),
        role: Role::from_word(text(value, "/Spec/Role")),
        leader: manager
            .and_then(|status| status.get("Leader"))
            .and_then(Value::as_bool)
            .unwrap_or(false),
        reachable_manager: manager
            .is_some_and(|status| text(status, "/Reachability") == "reachable"),
        cpus: value
            .pointer("/Description/Resources/NanoCPUs")
            .and_then(Value::as_f64)
            .unwrap_or(0.0)
            / 1e9,
        memory_bytes: value
            .pointer("/Description/Resources/MemoryBytes")
            .and_then(Value::as_u64)
            .unwrap_or(0),
    }
}
