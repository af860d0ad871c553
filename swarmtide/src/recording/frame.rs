//! Frames: a byte for the kind, eight for the time in nanoseconds, four for the length, then the payload; little-endian.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    time::Duration,
};

use crate::sidecar::Counted;
use scaler::{AdminState, Command, DecisionRecord, Outcome};
use serde::{Deserialize, Serialize};
use swarm::{EngineInfo, Leadership, Node, NodeId, Service, ServiceId, View};

/// The longest payload: a view of a very large swarm.
pub(super) const PAYLOAD_MAX: u32 = 1 << 30;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Header,
    Datagram,
    View,
    Tick,
    Decided,
    Completed,
    Admin,
    Expire,
    Connections,
}

impl Kind {
    const ALL: [Self; 9] = [
        Self::Header,
        Self::Datagram,
        Self::View,
        Self::Tick,
        Self::Decided,
        Self::Completed,
        Self::Admin,
        Self::Expire,
        Self::Connections,
    ];

    const fn byte(self) -> u8 {
        match self {
            Self::Header => b'H',
            Self::Datagram => b'D',
            Self::View => b'V',
            Self::Tick => b'T',
            Self::Decided => b'R',
            Self::Completed => b'C',
            Self::Admin => b'A',
            Self::Expire => b'X',
            Self::Connections => b'N',
        }
    }

    pub(super) fn of(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.byte() == byte)
    }
}

/// What the decisions were made with, besides what came in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// Version of the program that wrote it.
    pub program: String,
    /// Wall-clock time at the beginning.
    pub unix_ms: u64,
    /// The configuration file's text.
    pub config: String,
    /// The environment's part of the configuration.
    pub environment: BTreeMap<String, String>,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Frame {
    /// A datagram came in.
    Datagram {
        /// From where.
        source: std::net::SocketAddr,
        /// As it came off the wire.
        bytes: Vec<u8>,
    },
    /// The swarm was seen anew.
    View(Box<View>),
    /// All services were decided about.
    Tick {
        /// Wall-clock time.
        unix_ms: u64,
        /// Whether there was a view.
        view: bool,
    },
    /// The records that the tick before opened, as JSON.
    Decided(Vec<DecisionRecord>),
    /// A write ended.
    Completed(Completed),
    /// People switched something.
    Admin(AdminState),
    /// Telemetry forgot what was gone.
    Expire,
    /// A balancer said what it counted.
    Connections {
        /// Its number.
        balancer: usize,
        /// What it said.
        counted: Counted,
    },
}

#[derive(Serialize, Deserialize)]
pub(super) struct Tick {
    pub(super) unix_ms: u64,
    pub(super) view: bool,
}

/// How a write ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Completed {
    service: String,
    id: String,
    from: u32,
    to: u32,
    tick: u64,
    outcome: String,
    message: String,
    /// Wall-clock time.
    pub unix_ms: u64,
}

impl Completed {
    pub(super) fn new(command: &Command, outcome: &Outcome, unix_ms: u64) -> Self {
        Self {
            service: command.service.to_string(),
            id: command.id.to_string(),
            from: command.from,
            to: command.to,
            tick: command.tick,
            outcome: outcome.name().to_owned(),
            message: outcome.message().to_owned(),
            unix_ms,
        }
    }

    /// The command that ended.
    #[must_use]
    pub fn command(&self) -> Command {
        Command {
            service: self.service.as_str().into(),
            id: self.id.as_str().into(),
            from: self.from,
            to: self.to,
            tick: self.tick,
        }
    }

    /// How it ended.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let message = self.message.clone();
        match self.outcome.as_str() {
            "applied" => Outcome::Applied,
            "conflict" => Outcome::Conflict,
            "refused" => Outcome::Refused { reason: message },
            "failed" => Outcome::Failed { error: message },
            _ => Outcome::Unknown { error: message },
        }
    }
}

/// What changed from one view to the next.
#[derive(Serialize, Deserialize)]
pub(super) struct ViewChange {
    generation: u64,
    taken_ns: u64,
    index: u64,
    /// Whether the engine said that it is a manager.
    manager: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    engine: Option<EngineInfo>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nodes: Option<BTreeMap<NodeId, Node>>,
    /// New ones, and those that are not as they were.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    services: Vec<Service>,
    /// Those that are gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    removed: Vec<ServiceId>,
}

/// The view as last written.
#[derive(Debug, Default)]
pub(super) struct SeenView(Option<View>);

impl SeenView {
    /// What is new in `view`; `None` when it is the one that was written last.
    pub(super) fn change(&mut self, view: &View) -> Option<ViewChange> {
        let before = self.0.take();
        if before
            .as_ref()
            .is_some_and(|before| before.generation == view.generation)
        {
            self.0 = before;
            return None;
        }
        let old = before.as_ref();
        let services = view
            .services
            .values()
            .filter(|service| old.and_then(|old| old.services.get(&service.id)) != Some(*service));
        let removed = old
            .into_iter()
            .flat_map(|old| old.services.keys())
            .filter(|id| !view.services.contains_key(*id));
        let change = ViewChange {
            generation: view.generation,
            taken_ns: nanos(view.taken),
            index: view.index,
            manager: view.leadership != Leadership::NotManager,
            engine: old
                .is_none_or(|old| old.engine != view.engine)
                .then(|| view.engine.clone()),
            nodes: old
                .is_none_or(|old| old.nodes != view.nodes)
                .then(|| view.nodes.clone()),
            services: services.cloned().collect(),
            removed: removed.cloned().collect(),
        };
        self.0 = Some(view.clone());
        Some(change)
    }

    /// Takes a change over, and returns the whole view; `None` where the first does not name an engine.
    pub(super) fn apply(&mut self, change: ViewChange) -> Option<View> {
        let before = self.0.take();
        let engine = change
            .engine
            .or_else(|| before.as_ref().map(|before| before.engine.clone()))?;
        let (mut nodes, mut services) = before
            .map(|before| (before.nodes, before.services))
            .unwrap_or_default();
        if let Some(new) = change.nodes {
            nodes = new;
        }
        for id in &change.removed {
            services.remove(id);
        }
        for service in change.services {
            services.insert(service.id.clone(), service);
        }
        let view = View {
            generation: change.generation,
            index: change.index,
            taken: Duration::from_nanos(change.taken_ns),
            leadership: Leadership::judge(&engine.node_id, change.manager, &nodes),
            engine,
            services,
            nodes,
        };
        self.0 = Some(view.clone());
        Some(view)
    }
}

/// Writes one frame.
pub(super) fn write(
    writer: &mut impl Write,
    kind: Kind,
    now: Duration,
    payload: &[u8],
) -> io::Result<()> {
    let length = u32::try_from(payload.len())
        .ok()
        .filter(|length| *length <= PAYLOAD_MAX)
        .ok_or_else(|| io::Error::other("a frame is too long"))?;
    writer.write_all(&[kind.byte()])?;
    writer.write_all(&nanos(now).to_le_bytes())?;
    writer.write_all(&length.to_le_bytes())?;
    writer.write_all(payload)
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
