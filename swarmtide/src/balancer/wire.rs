//! The backend set as it goes over HTTP: the core's set with its version and who says it.

use lbsync::BackendSet;
use serde::{Deserialize, Serialize};

/// A backend set on the wire: the data of an event `backends`, and part of `GET /v1/backends`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireSet {
    /// Identifies this set: the event's `id`, to resume by.
    pub version: String,
    /// How long before its publication the list of the swarm that showed it first was begun, milliseconds.
    #[serde(default)]
    pub age_ms: u64,
    /// Who says it.
    #[serde(default)]
    pub from: Teller,
    /// The set.
    #[serde(flatten)]
    pub set: BackendSet,
}

/// The sidecar that a set comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Teller {
    /// ID of its node.
    pub node: String,
    /// Host name of its node.
    pub hostname: String,
    /// What its node is in the swarm: leader, follower, unknown, not-manager.
    pub leadership: String,
}

impl WireSet {
    /// True if both say the same, whenever it was listed.
    #[must_use]
    pub fn says_the_same(&self, other: &Self) -> bool {
        self.from == other.from
            && self.set.cluster == other.set.cluster
            && self.set.completeness == other.set.completeness
            && self.set.services == other.set.services
            && self.set.quarantined == other.set.quarantined
    }

    /// Raft index, time and a digest: equal only for equal sets, whoever sends them.
    pub(super) fn set_version(&mut self) {
        let mut digest: u64 = 0xcbf2_9ce4_8422_2325; // FNV-1a
        let parts = (&self.from, &self.set);
        // What was built from strings and numbers can be written.
        for byte in serde_json::to_vec(&parts).unwrap_or_default() {
            digest = (digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        self.version = format!(
            "{}-{}-{digest:016x}",
            self.set.generation.index, self.set.generation.listed_unix_ms
        );
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use lbsync::{Backend, BackendPort, BackendState, Completeness, Generation, Protocol};

    use super::*;

    fn set() -> WireSet {
        let backend = Backend {
            task: "t1".to_owned(),
            node: "w1".to_owned(),
            address: Some("10.0.0.2".parse().unwrap()),
            ports: vec![BackendPort {
                target: 80,
                published: 32_768,
                protocol: Protocol::Tcp,
            }],
            state: BackendState::Draining,
        };
        let service = lbsync::Service {
            id: "s1".to_owned(),
            name: "web".to_owned(),
            labels: [("swarmtide.lb.vip".to_owned(), "10.30.0.1".to_owned())].into(),
            created: 5,
            stop_grace_period: Duration::from_secs(10),
            backends: vec![backend],
        };
        let mut wire = WireSet {
            version: String::new(),
            age_ms: 0,
            from: Teller::default(),
            set: BackendSet {
                cluster: "c".to_owned(),
                generation: Generation {
                    index: 7,
                    listed_unix_ms: 1,
                },
                completeness: Completeness::Complete,
                services: vec![service],
                quarantined: [].into(),
            },
        };
        wire.set_version();
        wire
    }

    #[test]
    fn what_is_sent_is_received_and_new_fields_do_no_harm() {
        let mut sent = serde_json::to_value(set()).unwrap();
        sent["new"] = 1.into();
        sent["services"][0]["backends"][0]["new"] = 1.into();
        assert_eq!(serde_json::from_value::<WireSet>(sent).unwrap(), set());
    }

    #[test]
    fn a_word_of_a_newer_version_is_refused_not_dropped() {
        for pointer in [
            "/services/0/backends/0/state",
            "/services/0/backends/0/ports/0/protocol",
            "/completeness/state",
        ] {
            let mut sent = serde_json::to_value(set()).unwrap();
            *sent.pointer_mut(pointer).unwrap() = "warming".into();
            assert!(
                serde_json::from_value::<WireSet>(sent).is_err(),
                "{pointer}"
            );
        }
    }

    #[test]
    fn the_version_tells_sets_apart() {
        let mut other = set();
        other.set.services[0].backends[0].state = BackendState::Serving;
        assert!(!other.says_the_same(&set()));
        other.set_version();
        assert_ne!(other.version, set().version);
        assert!(other.version.starts_with("7-1-"));
    }
}
