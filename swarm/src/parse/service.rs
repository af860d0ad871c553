//! One entry of `GET /services`.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;

use super::{array, port, resources, text, update};
use crate::{
    id::ServiceId,
    model::{Mode, Protocol, PublishMode, Service, ServicePort, UpdateState},
};

/// What the engine waits between SIGTERM and SIGKILL where a service does not say.
const DEFAULT_STOP_GRACE_PERIOD: Duration = Duration::from_secs(10);

/// The service without its tasks.
pub(super) fn parse(id: &str, name: &str, value: &Value) -> Service {
    Service {
        id: ServiceId::from(id),
        name: name.to_owned(),
        created_unix_ms: text(value, "/CreatedAt")
            .parse::<jiff::Timestamp>()
            .ok()
            .and_then(|time| u64::try_from(time.as_millisecond()).ok()),
        version_index: value
            .pointer("/Version/Index")
            .and_then(Value::as_u64)
            .unwrap_or(0),
        labels: labels(value),
        mode: mode(value.pointer("/Spec/Mode")),
        last_update: update::last(value),
        update: update_state(value),
        update_message: text(value, "/UpdateStatus/Message").to_owned(),
        resources: resources(value.pointer("/Spec/TaskTemplate/Resources")),
        stop_grace_period: value
            .pointer("/Spec/TaskTemplate/ContainerSpec/StopGracePeriod")
            .and_then(Value::as_u64)
            .map_or(DEFAULT_STOP_GRACE_PERIOD, Duration::from_nanos),
        ports: array(value, "/Spec/EndpointSpec/Ports")
            .iter()
            .filter_map(service_port)
            .collect(),
        vip_networks: vip_networks(value),
        tasks: Vec::new(),
    }
}

fn vip_networks(value: &Value) -> Vec<String> {
    let networks = array(value, "/Endpoint/VirtualIPs").iter();
    let with_vip = networks.filter(|network| !text(network, "/Addr").is_empty());
    with_vip
        .map(|network| text(network, "/NetworkID").to_owned())
        .collect()
}

/// Reads `UpdateStatus.State`; "none" where there was no rollout.
pub(crate) fn update_state(value: &Value) -> UpdateState {
    match value.pointer("/UpdateStatus/State") {
        None | Some(Value::Null) => UpdateState::None,
        Some(Value::String(word)) if word.is_empty() => UpdateState::None,
        Some(Value::String(word)) => UpdateState::from_word(word),
        Some(_) => UpdateState::Other(Box::default()),
    }
}

/// Reads `Spec.Mode`: an object with exactly one member.
pub(crate) fn mode(value: Option<&Value>) -> Mode {
    let Some(Value::Object(members)) = value else {
        return Mode::Unknown;
    };
    let mut present = members.iter().filter(|(_, value)| !value.is_null());
    let (Some((name, value)), None) = (present.next(), present.next()) else {
        return Mode::Unknown;
    };
    match name.as_str() {
        "Replicated" => value
            .get("Replicas")
            .and_then(Value::as_u64)
            .and_then(|number| u32::try_from(number).ok())
            .map_or(Mode::Unknown, |replicas| Mode::Replicated { replicas }),
        "Global" => Mode::Global,
        "ReplicatedJob" => Mode::ReplicatedJob,
        "GlobalJob" => Mode::GlobalJob,
        _ => Mode::Unknown,
    }
}

fn labels(value: &Value) -> BTreeMap<String, String> {
    let Some(Value::Object(members)) = value.pointer("/Spec/Labels") else {
        return BTreeMap::new();
    };
    members
        .iter()
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

fn service_port(value: &Value) -> Option<ServicePort> {
    let mode = match text(value, "/PublishMode") {
        "" => PublishMode::Ingress,
        word => PublishMode::from_word(word),
    };
    Some(ServicePort {
        target: port(value, "/TargetPort")?,
        published: port(value, "/PublishedPort"),
        protocol: Protocol::from_word(text(value, "/Protocol")),
        mode,
    })
}
