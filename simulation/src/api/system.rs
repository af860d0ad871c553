//! What the engine says of itself.

use serde_json::{Value, json};

use super::shape::manager_address;
use super::{API_VERSION, ENGINE_VERSION, MIN_API_VERSION};
use crate::engine::{Engine, EngineError, Node, Role};

pub(super) fn version() -> Value {
    json!({
        "Platform": {"Name": "Swarmtide simulation"},
        "Components": [{"Name": "Engine", "Version": ENGINE_VERSION, "Details": {"ApiVersion": API_VERSION}}],
        "Version": ENGINE_VERSION,
        "ApiVersion": API_VERSION,
        "MinAPIVersion": MIN_API_VERSION,
        "GitCommit": "simulated",
        "GoVersion": "go1.24.0",
        "Os": "linux",
        "Arch": "amd64",
        "KernelVersion": "6.18.0",
        "BuildTime": "2025-11-05T14:43:00.000000000+00:00",
    })
}

/// The manager whose socket this is: the first by name.
fn own_node(engine: &Engine) -> Option<&Node> {
    engine
        .nodes()
        .filter(|node| node.config.role == Role::Manager)
        .min_by_key(|node| &node.config.name)
}

pub(super) fn info(engine: &Engine) -> Value {
    let own = own_node(engine);
    let managers: Vec<_> = engine
        .nodes()
        .filter(|node| node.config.role == Role::Manager)
        .collect();
    let remote: Vec<_> = managers
        .iter()
        .map(|node| json!({"NodeID": node.id, "Addr": manager_address(node)}))
        .collect();
    let (nodes, error) = match engine.is_leaderless() {
        true => (0, EngineError::no_leader().message),
        false => (engine.nodes().count(), String::new()),
    };
    json!({
        "ID": "SIMU:LATE:DENG:INE0",
        "Name": own.map(|node| node.config.name.as_str()),
        "ServerVersion": ENGINE_VERSION,
        "OperatingSystem": "Swarmtide simulation",
        "OSType": "linux",
        "OSVersion": "1",
        "Architecture": "x86_64",
        "KernelVersion": "6.18.0",
        "NCPU": own.map(|node| node.config.cpus),
        "MemTotal": own.map(|node| node.config.memory),
        "Driver": "overlay2",
        "CgroupDriver": "systemd",
        "CgroupVersion": "2",
        "Containers": 0,
        "Images": 1,
        "Labels": [],
        "SystemTime": engine.clock().rfc3339(engine.now()),
        "Swarm": {
            "NodeID": own.map(|node| node.id.as_str()),
            "NodeAddr": own.map(|node| node.config.address.to_string()),
            "LocalNodeState": "active",
            "ControlAvailable": true,
            "Error": error,
            "RemoteManagers": remote,
            "Nodes": nodes,
            "Managers": managers.len(),
            "Cluster": cluster(engine),
        },
    })
}

pub(super) fn cluster(engine: &Engine) -> Value {
    let created = engine.clock().rfc3339(std::time::Duration::ZERO);
    json!({
        "ID": engine.cluster_id(),
        "Version": {"Index": 10},
        "CreatedAt": created,
        "UpdatedAt": created,
        "Spec": {
            "Name": "default",
            "Labels": {},
            "Orchestration": {"TaskHistoryRetentionLimit": 5},
            "Dispatcher": {"HeartbeatPeriod": 1_000_000_000u64},
        },
        "TLSInfo": {"TrustRoot": "", "CertIssuerSubject": "", "CertIssuerPublicKey": ""},
        "RootRotationInProgress": false,
        "DefaultAddrPool": ["10.0.0.0/8"],
        "SubnetSize": 24,
        "DataPathPort": 4789,
    })
}
