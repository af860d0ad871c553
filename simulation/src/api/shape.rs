//! The JSON of the engine's objects.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::engine::{
    Engine, Event, Mode, Node, Role, Service, Task, TaskPort, TaskState, UpdateStatus, ports,
    template,
};
use crate::timestamp::WallClock;

/// How long the ports of a task are listed after it was told to go (seen with 20.10).
const PORTS_LISTED: Duration = Duration::from_millis(150);

/// A service object; `with_status` adds the counts that `?status=true` asks for.
pub(super) fn service(engine: &Engine, service: &Service, with_status: bool) -> Value {
    let clock = engine.clock();
    let mut object = json!({
        "ID": service.id,
        "Version": {"Index": service.index},
        "CreatedAt": clock.rfc3339(service.created),
        "UpdatedAt": clock.rfc3339(service.updated),
        "Spec": service.spec,
        "Endpoint": endpoint(service),
    });
    if let Some(previous) = &service.previous_spec {
        object["PreviousSpec"] = previous.clone();
    }
    if let Some(update) = &service.update {
        object["UpdateStatus"] = update_status(clock, update);
    }
    if with_status {
        object["ServiceStatus"] = service_status(engine, service);
    }
    object
}

fn endpoint(service: &Service) -> Value {
    let spec = &service.spec["EndpointSpec"];
    let published = ports(&service.spec);
    if published.is_empty() {
        return json!({"Spec": if spec.is_null() { json!({}) } else { spec.clone() }});
    }
    let ports: Vec<_> = published
        .iter()
        .map(|port| {
            let mut object = json!({"Protocol": port.protocol, "TargetPort": port.target});
            if let Some(published) = port.published {
                object["PublishedPort"] = json!(published);
            }
            object["PublishMode"] = json!(if port.host_mode { "host" } else { "ingress" });
            object
        })
        .collect();
    let mut endpoint = json!({"Spec": spec, "Ports": ports});
    if published.iter().any(|port| !port.host_mode) {
        let [high, low] = service.virtual_address.to_be_bytes();
        endpoint["VirtualIPs"] =
            json!([{"NetworkID": "ingress", "Addr": format!("10.255.{high}.{low}/16")}]);
    }
    endpoint
}

fn update_status(clock: WallClock, update: &UpdateStatus) -> Value {
    let mut object = json!({
        "State": update.state.name(),
        "StartedAt": clock.rfc3339(update.started),
        "Message": update.message,
    });
    if let Some(completed) = update.completed {
        object["CompletedAt"] = json!(clock.rfc3339(completed));
    }
    object
}

/// The counts as the engine gives them: phantoms of dead nodes count as running.
fn service_status(engine: &Engine, service: &Service) -> Value {
    let running = engine
        .tasks_of(&service.id)
        .filter(|task| task.state == TaskState::Running)
        .count();
    let desired = match service.replicas().map(Mode::Replicated) {
        Some(Mode::Replicated(replicas)) => json!(replicas),
        _ => json!(
            engine
                .tasks_of(&service.id)
                .filter(|task| task.is_wanted())
                .count()
        ),
    };
    json!({"RunningTasks": running, "DesiredTasks": desired, "CompletedTasks": 0})
}

/// A task object.
pub(super) fn task(engine: &Engine, task: &Task) -> Value {
    let clock = engine.clock();
    let mut object = json!({
        "ID": task.id,
        "Version": {"Index": task.index},
        "CreatedAt": clock.rfc3339(task.created),
        "UpdatedAt": clock.rfc3339(task.updated),
        "Labels": {},
        "Spec": task.template,
        "ServiceID": task.service,
        "Status": task_status(clock, task, engine.now()),
        "DesiredState": task.desired.name(),
    });
    if let Some(slot) = task.slot {
        object["Slot"] = json!(slot);
    }
    if let Some(node) = &task.node {
        object["NodeID"] = json!(node);
    }
    if let Some(attachments) = attachments(engine, task) {
        object["NetworksAttachments"] = attachments;
    }
    object
}

fn task_status(clock: WallClock, task: &Task, now: Duration) -> Value {
    let mut status = json!({
        "Timestamp": clock.rfc3339(task.state_since),
        "State": task.state.name(),
        "Message": task.state.message(),
        "PortStatus": {},
    });
    if let Some(error) = &task.error {
        status["Err"] = json!(error);
    }
    if let Some(container) = &task.container {
        let pid = if task.state == TaskState::Running {
            4242
        } else {
            0
        };
        status["ContainerStatus"] =
            json!({"ContainerID": container, "PID": pid, "ExitCode": task.exit_code});
    }
    // A real engine stops listing the ports of a task that shall go, while its container answers on them for seconds.
    let forgotten = !task.is_wanted() && now.saturating_sub(task.updated) > PORTS_LISTED;
    if !task.ports.is_empty() && !forgotten {
        // The engine lists each port twice: once for IPv4, once for IPv6, without saying which.
        let twins: Vec<_> = task
            .ports
            .iter()
            .flat_map(|port| [port_status(port), port_status(port)])
            .collect();
        status["PortStatus"] = json!({"Ports": twins});
    }
    status
}

fn port_status(port: &TaskPort) -> Value {
    json!({
        "Protocol": port.protocol,
        "TargetPort": port.target,
        "PublishedPort": port.published,
        "PublishMode": "host",
    })
}

fn attachments(engine: &Engine, task: &Task) -> Option<Value> {
    task.node.as_ref()?;
    let networks = template_networks(engine, task)?;
    let list: Vec<_> = networks
        .iter()
        .map(|network| {
            let id = network["Target"].as_str().unwrap_or("");
            json!({
                "Network": {"ID": id, "Spec": {"Name": id}},
                "Addresses": [format!("{}/24", task.address)],
            })
        })
        .collect();
    Some(Value::Array(list))
}

fn template_networks<'a>(engine: &'a Engine, task: &'a Task) -> Option<&'a Vec<Value>> {
    let own = task.template["Networks"].as_array();
    own.or_else(|| {
        let service = engine.service(&task.service)?;
        template(&service.spec)["Networks"].as_array()
    })
}

/// A node object.
pub(super) fn node(engine: &Engine, node: &Node) -> Value {
    let clock = engine.clock();
    let address = node.config.address;
    let mut object = json!({
        "ID": node.id,
        "Version": {"Index": node.index},
        "CreatedAt": clock.rfc3339(node.created),
        "UpdatedAt": clock.rfc3339(node.updated),
        "Spec": {
            "Labels": {},
            "Role": if node.config.role == Role::Manager { "manager" } else { "worker" },
            "Availability": node.availability,
        },
        "Description": {
            "Hostname": node.config.name,
            "Platform": {"Architecture": "x86_64", "OS": "linux"},
            "Resources": {
                "NanoCPUs": u64::from(node.config.cpus) * 1_000_000_000,
                "MemoryBytes": node.config.memory,
            },
            "Engine": {"EngineVersion": super::ENGINE_VERSION},
            "TLSInfo": {"TrustRoot": "", "CertIssuerSubject": "", "CertIssuerPublicKey": ""},
        },
        "Status": {"State": node.state.name(), "Addr": address.to_string()},
    });
    if !node.message.is_empty() {
        object["Status"]["Message"] = json!(node.message);
    }
    if node.config.role == Role::Manager {
        let mut status = Map::new();
        if node.leader {
            status.insert("Leader".to_owned(), json!(true));
        }
        status.insert(
            "Reachability".to_owned(),
            json!(if node.powered {
                "reachable"
            } else {
                "unreachable"
            }),
        );
        status.insert("Addr".to_owned(), json!(manager_address(node)));
        object["ManagerStatus"] = Value::Object(status);
    }
    object
}

pub(super) fn manager_address(node: &Node) -> String {
    std::net::SocketAddr::new(node.config.address, 2377).to_string()
}

/// One line of the event stream.
pub(crate) fn event(clock: WallClock, event: &Event) -> Value {
    let unix: Duration = clock.unix(event.at);
    json!({
        "Type": event.kind.name(),
        "Action": event.action,
        "Actor": {"ID": event.id, "Attributes": event.attributes},
        "scope": "swarm",
        "time": unix.as_secs(),
        "timeNano": u64::try_from(unix.as_nanos()).unwrap_or(u64::MAX),
    })
}
