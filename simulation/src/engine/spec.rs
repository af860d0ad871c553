//! What the engine reads out of a service's spec, which itself is kept exactly as it was posted.

use std::time::Duration;

use serde_json::Value;

/// How many tasks a service wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// That many tasks.
    Replicated(u64),
    /// One task on every node.
    Global,
}

/// A port that a service publishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortSpec {
    /// Port inside the container.
    pub target: u16,
    /// Port on the node, where the spec fixes it.
    pub published: Option<u16>,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: String,
    /// True for `PublishMode` `host`, false for `ingress`.
    pub host_mode: bool,
}

/// Returns the mode; `None` where the spec has none that this engine runs (jobs among them).
pub(crate) fn mode(spec: &Value) -> Option<Mode> {
    let mode = spec.get("Mode")?;
    if let Some(replicated) = mode.get("Replicated") {
        let replicas = replicated.get("Replicas");
        return Some(Mode::Replicated(replicas.map_or(Some(1), Value::as_u64)?));
    }
    mode.get("Global").map(|_| Mode::Global)
}

pub(crate) fn name(spec: &Value) -> Option<&str> {
    spec.get("Name")?.as_str()
}

pub(crate) fn template(spec: &Value) -> &Value {
    &spec["TaskTemplate"]
}

pub(crate) fn ports(spec: &Value) -> Vec<PortSpec> {
    let Some(ports) = spec["EndpointSpec"]["Ports"].as_array() else {
        return Vec::new();
    };
    let port = |value: &Value| value.as_u64().and_then(|port| u16::try_from(port).ok());
    ports
        .iter()
        .filter_map(|entry| {
            Some(PortSpec {
                target: port(&entry["TargetPort"])?,
                published: port(&entry["PublishedPort"]).filter(|port| *port != 0),
                protocol: entry["Protocol"].as_str().unwrap_or("tcp").to_owned(),
                host_mode: entry["PublishMode"].as_str() == Some("host"),
            })
        })
        .collect()
}

/// Nano-CPUs of the limit; 0 means that there is none.
pub(crate) fn cpu_limit_nano(template: &Value) -> u64 {
    template["Resources"]["Limits"]["NanoCPUs"]
        .as_u64()
        .unwrap_or(0)
}

/// Bytes of the memory limit; 0 means that there is none.
pub(crate) fn memory_limit(template: &Value) -> u64 {
    template["Resources"]["Limits"]["MemoryBytes"]
        .as_u64()
        .unwrap_or(0)
}

/// Reserved nano-CPUs and bytes.
pub(crate) fn reservation(template: &Value) -> (u64, u64) {
    let reserved = &template["Resources"]["Reservations"];
    (
        reserved["NanoCPUs"].as_u64().unwrap_or(0),
        reserved["MemoryBytes"].as_u64().unwrap_or(0),
    )
}

/// Tasks of the service that one node may run; 0 means any number.
pub(crate) fn max_per_node(template: &Value) -> u64 {
    template["Placement"]["MaxReplicas"].as_u64().unwrap_or(0)
}

/// Delay before a failed task is started again, where the spec fixes it.
pub(crate) fn restart_delay(template: &Value) -> Option<Duration> {
    template["RestartPolicy"]["Delay"]
        .as_u64()
        .map(Duration::from_nanos)
}

/// Returns the JSON pointers at which two values differ, outermost first; the replica count is left out.
///
/// This is how a test asserts that a write changed nothing but the number of replicas.
#[must_use]
pub fn changes_besides_replicas(before: &Value, after: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare(before, after, "", &mut found);
    found.retain(|path| path != "/Mode/Replicated/Replicas");
    found
}

fn compare(before: &Value, after: &Value, path: &str, found: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(a), Value::Object(b)) => {
            let added = b.iter().filter(|(key, _)| !a.contains_key(*key));
            found.extend(added.map(|(key, _)| format!("{path}/{key}")));
            for (key, value) in a {
                let path = format!("{path}/{key}");
                match b.get(key) {
                    Some(other) => compare(value, other, &path, found),
                    None => found.push(path),
                }
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (value, other)) in a.iter().zip(b).enumerate() {
                compare(value, other, &format!("{path}/{index}"), found);
            }
        }
        _ if before == after => {}
        _ => found.push(path.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_replica_count_is_no_other_change() {
        let before = json!({"Mode": {"Replicated": {"Replicas": 2}}, "TaskTemplate": {"Healthcheck": {"Test": ["a"]}}});
        let mut after = before.clone();
        after["Mode"]["Replicated"]["Replicas"] = json!(3);
        assert_eq!(
            changes_besides_replicas(&before, &after),
            Vec::<String>::new()
        );
        after["TaskTemplate"] = json!({"New": 1});
        assert_eq!(
            changes_besides_replicas(&before, &after),
            ["/TaskTemplate/New", "/TaskTemplate/Healthcheck"]
        );
    }

    #[test]
    fn reads_mode_and_ports() {
        assert_eq!(
            mode(&json!({"Mode": {"Replicated": {}}})),
            Some(Mode::Replicated(1))
        );
        assert_eq!(
            mode(&json!({"Mode": {"Replicated": {"Replicas": -1}}})),
            None
        );
        assert_eq!(mode(&json!({"Mode": {"Global": {}}})), Some(Mode::Global));
        assert_eq!(mode(&json!({"Mode": {"ReplicatedJob": {}}})), None);
        let spec = json!({"EndpointSpec": {"Ports": [{"TargetPort": 80, "PublishMode": "host"}, {"TargetPort": 0.5}]}});
        let port = PortSpec {
            target: 80,
            published: None,
            protocol: "tcp".to_owned(),
            host_mode: true,
        };
        assert_eq!(ports(&spec), [port]);
    }
}
