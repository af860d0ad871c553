//! One entry of `GET /tasks`.

use serde_json::Value;

use super::{array, port, resources, specified, text};
use crate::{
    id::{ContainerId, NodeId, TaskId},
    model::{Protocol, Task, TaskAddress, TaskPort, TaskState},
};

pub(super) fn parse(id: &str, value: &Value) -> Task {
    let non_empty = |pointer| Some(text(value, pointer)).filter(|text| !text.is_empty());
    Task {
        id: TaskId::from(id),
        slot: value
            .get("Slot")
            .and_then(Value::as_u64)
            .filter(|slot| *slot > 0),
        node_id: non_empty("/NodeID").map(NodeId::from),
        state: TaskState::from_word(text(value, "/Status/State")),
        desired: TaskState::from_word(text(value, "/DesiredState")),
        error: text(value, "/Status/Err").to_owned(),
        container_id: non_empty("/Status/ContainerStatus/ContainerID").map(ContainerId::from),
        resources: resources(value.pointer("/Spec/Resources")),
        ports: ports(value),
        addresses: addresses(value),
    }
}

/// The engine lists each port once for IPv4 and once for IPv6, alike in every field.
fn ports(value: &Value) -> Vec<TaskPort> {
    let mut ports: Vec<TaskPort> = array(value, "/Status/PortStatus/Ports")
        .iter()
        .filter_map(task_port)
        .collect();
    ports.sort();
    ports.dedup();
    ports
}

fn task_port(value: &Value) -> Option<TaskPort> {
    Some(TaskPort {
        target: port(value, "/TargetPort")?,
        published: port(value, "/PublishedPort")?,
        protocol: Protocol::from_word(text(value, "/Protocol")),
    })
}

fn addresses(value: &Value) -> Vec<TaskAddress> {
    let attachments = array(value, "/NetworksAttachments").iter();
    attachments.flat_map(network_addresses).collect()
}

fn network_addresses(attachment: &Value) -> impl Iterator<Item = TaskAddress> {
    let network = text(attachment, "/Network/Spec/Name");
    let network_id = text(attachment, "/Network/ID");
    array(attachment, "/Addresses")
        .iter()
        .filter_map(move |text| {
            let (address, prefix_len) = text.as_str()?.split_once('/')?;
            Some(TaskAddress {
                network_id: network_id.to_owned(),
                network: network.to_owned(),
                address: specified(address)?,
                prefix_len: prefix_len.parse().ok().filter(|bits| *bits <= 128)?,
            })
        })
}
