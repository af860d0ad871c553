//! Events of swarm scope, as every manager sends them. There are none for tasks.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Engine;

/// How many events a late reader can still get.
const MAX_EVENTS: usize = 1024;

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A service.
    Service,
    /// A node.
    Node,
}

impl EventKind {
    /// Returns the name as the API writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Node => "node",
        }
    }
}

/// One event.
#[derive(Clone, Debug)]
pub struct Event {
    /// Counts from 1 without gaps.
    pub sequence: u64,
    /// When it happened.
    pub at: Duration,
    /// What it is about.
    pub kind: EventKind,
    /// `create`, `update` or `remove`.
    pub action: &'static str,
    /// Id of the service or node.
    pub id: String,
    /// `name`, `replicas.old`, `state.new` and the like.
    pub attributes: BTreeMap<String, String>,
}

impl Engine {
    /// Returns the events after the one with that sequence number, as far as they are still kept.
    pub fn events_after(&self, sequence: u64) -> impl Iterator<Item = &Event> {
        self.events
            .iter()
            .filter(move |event| event.sequence > sequence)
    }

    /// Returns the sequence number of the newest event, 0 before the first.
    #[must_use]
    pub fn last_event(&self) -> u64 {
        self.event_counter
    }

    pub(super) fn record_event(
        &mut self,
        kind: EventKind,
        action: &'static str,
        id: &str,
        attributes: &[(&str, String)],
    ) {
        let name = match kind {
            EventKind::Service => self
                .services
                .get(id)
                .map(|service| service.name().to_owned()),
            EventKind::Node => self.nodes.get(id).map(|node| node.config.name.clone()),
        };
        let mut attributes: BTreeMap<_, _> = attributes
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.clone()))
            .collect();
        attributes.extend(name.map(|name| ("name".to_owned(), name)));
        self.event_counter += 1;
        if self.events.len() >= MAX_EVENTS {
            self.events.pop_front();
        }
        let event = Event {
            sequence: self.event_counter,
            at: self.now,
            kind,
            action,
            id: id.to_owned(),
            attributes,
        };
        self.events.push_back(event);
    }
}
