//! The engine's JSON to a [`View`], leniently.
//!
//! What identifies a thing must be there: an entry without an identifier makes the whole snapshot an error, because a list
//! with holes would look like a list of everything. All else may be absent, null, of another type or unknown.

mod node;
mod service;
mod task;
mod update;

pub(crate) use service::{mode, update_state};

use std::{collections::BTreeMap, fmt, net::IpAddr, time::Duration};

use serde_json::Value;

use crate::{
    id::{NodeId, ServiceId},
    model::{Leadership, Node, Resources, Service},
    view::{EngineInfo, View},
};

/// The four answers of the engine that one snapshot is made of.
#[derive(Debug, Clone, Default)]
pub struct RawSwarm {
    /// `GET /info`.
    pub info: Value,
    /// `GET /nodes`.
    pub nodes: Value,
    /// `GET /services`.
    pub services: Value,
    /// `GET /tasks`.
    pub tasks: Value,
    /// The `Api-Version` header of an answer; empty if there was none.
    pub api_version: String,
}

/// Which answer could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListKind {
    /// `GET /nodes`.
    Nodes,
    /// `GET /services`.
    Services,
    /// `GET /tasks`.
    Tasks,
}

impl fmt::Display for ListKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nodes => "nodes",
            Self::Services => "services",
            Self::Tasks => "tasks",
        })
    }
}

/// Why an answer of the engine cannot be taken for a complete list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The answer is not an array.
    #[error("the engine's list of {list} is not a list")]
    NotAList {
        /// Which list.
        list: ListKind,
    },
    /// An entry lacks what identifies it.
    #[error("entry {index} in the engine's list of {list} has no {field}")]
    Unidentified {
        /// Which list.
        list: ListKind,
        /// The position of the entry, from 0.
        index: usize,
        /// The field that is missing.
        field: &'static str,
    },
}

impl RawSwarm {
    /// Makes the view.
    ///
    /// # Errors
    ///
    /// When one of the three lists is not a list, or an entry of it cannot be identified.
    pub fn view(&self, generation: u64, taken: Duration) -> Result<View, ParseError> {
        let nodes = self.parse_nodes()?;
        let services = self.parse_services()?;
        let engine = EngineInfo {
            node_id: NodeId::from(text(&self.info, "/Swarm/NodeID")),
            hostname: text(&self.info, "/Name").to_owned(),
            cluster_id: text(&self.info, "/Swarm/Cluster/ID").to_owned(),
            version: text(&self.info, "/ServerVersion").to_owned(),
            api_version: self.api_version.clone(),
        };
        let leadership = Leadership::judge(&engine.node_id, self.control_available(), &nodes);
        Ok(View {
            generation,
            index: self.index(),
            taken,
            engine,
            leadership,
            services,
            nodes,
        })
    }

    /// True if the engine says that it is a manager.
    #[must_use]
    pub fn control_available(&self) -> bool {
        self.info
            .pointer("/Swarm/ControlAvailable")
            .and_then(Value::as_bool)
            .unwrap_or(false)
    }

    fn index(&self) -> u64 {
        [&self.nodes, &self.services, &self.tasks]
            .into_iter()
            .flat_map(|list| list.as_array().into_iter().flatten())
            .filter_map(|entry| entry.pointer("/Version/Index").and_then(Value::as_u64))
            .max()
            .unwrap_or(0)
    }

    fn parse_nodes(&self) -> Result<BTreeMap<NodeId, Node>, ParseError> {
        let list = ListKind::Nodes;
        let mut nodes = BTreeMap::new();
        for (index, value) in entries(&self.nodes, list)?.iter().enumerate() {
            let id = required(value, "/ID", list, index)?;
            nodes.insert(NodeId::from(id), node::parse(id, value));
        }
        Ok(nodes)
    }

    fn parse_services(&self) -> Result<BTreeMap<ServiceId, Service>, ParseError> {
        let list = ListKind::Services;
        let mut services = BTreeMap::new();
        for (index, value) in entries(&self.services, list)?.iter().enumerate() {
            let id = required(value, "/ID", list, index)?;
            let name = required(value, "/Spec/Name", list, index)?;
            services.insert(ServiceId::from(id), service::parse(id, name, value));
        }
        update::judge_stacks(&mut services, entries(&self.services, list)?);
        self.attach_tasks(&mut services)?;
        Ok(services)
    }

    /// Tasks without a service (a container attached to an overlay network has one), and tasks of a service that was
    /// removed between two requests, belong to nothing here and are left out.
    fn attach_tasks(&self, services: &mut BTreeMap<ServiceId, Service>) -> Result<(), ParseError> {
        let list = ListKind::Tasks;
        for (index, value) in entries(&self.tasks, list)?.iter().enumerate() {
            let id = required(value, "/ID", list, index)?;
            if let Some(service) = services.get_mut(text(value, "/ServiceID")) {
                service.tasks.push(task::parse(id, value));
            }
        }
        for service in services.values_mut() {
            service.tasks.sort_by(|a, b| a.id.cmp(&b.id));
        }
        Ok(())
    }
}

fn entries(value: &Value, list: ListKind) -> Result<&[Value], ParseError> {
    match value {
        Value::Array(entries) => Ok(entries),
        _ => Err(ParseError::NotAList { list }),
    }
}

fn required<'a>(
    value: &'a Value,
    pointer: &'static str,
    list: ListKind,
    index: usize,
) -> Result<&'a str, ParseError> {
    match text(value, pointer) {
        "" => Err(ParseError::Unidentified {
            list,
            index,
            field: pointer,
        }),
        text => Ok(text),
    }
}

/// The string at `pointer`; empty where there is none.
fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or("")
}

/// The array at `pointer`; empty where there is none.
fn array<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value
        .pointer(pointer)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// The port number at `pointer`; `None` for 0 and for what is no port.
fn port(value: &Value, pointer: &str) -> Option<u16> {
    let number = value.pointer(pointer)?.as_u64()?;
    u16::try_from(number).ok().filter(|port| *port > 0)
}

/// An address that something can be sent to: not "0.0.0.0", which swarm gives where it does not know.
fn specified(text: &str) -> Option<IpAddr> {
    text.parse()
        .ok()
        .filter(|address: &IpAddr| !address.is_unspecified())
}

/// Reads a `Resources` object (`Limits`, `Reservations`).
fn resources(value: Option<&Value>) -> Resources {
    let number = |pointer| value?.pointer(pointer);
    let cores = |pointer| {
        number(pointer)?
            .as_f64()
            .filter(|nano| *nano > 0.0)
            .map(|nano| nano / 1e9)
    };
    let bytes = |pointer| number(pointer)?.as_u64().filter(|bytes| *bytes > 0);
    Resources {
        cpu_limit_cores: cores("/Limits/NanoCPUs"),
        memory_limit_bytes: bytes("/Limits/MemoryBytes"),
        cpu_reservation_cores: cores("/Reservations/NanoCPUs"),
        memory_reservation_bytes: bytes("/Reservations/MemoryBytes"),
    }
}

#[cfg(test)]
mod tests;
