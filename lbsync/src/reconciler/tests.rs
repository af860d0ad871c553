mod foreign;
mod health;
mod restart;

use std::time::Duration;

use super::*;
use crate::backend::{Backend, BackendState, Service};
use crate::config::{DestinationConfig, ForwardingMethod};
use crate::data_plane::{Connections, Errno};
use crate::desired::tests::{backend, service};
use crate::key::{DestinationKey, EntryKey};
use crate::memory::{Failure, MemoryDataPlane, foreign_service};
use BackendState::{Draining, Serving};

const SECOND: Duration = Duration::from_secs(1);
const LABELS: &[(&str, &str)] = &[("vip", "10.30.0.1"), ("port", "80")];

fn set(services: Vec<Service>) -> BackendSet {
    BackendSet {
        cluster: String::new(),
        generation: Generation::default(),
        completeness: Completeness::Complete,
        services,
        quarantined: [].into(),
    }
}

fn web(backends: &[(u8, BackendState)]) -> BackendSet {
    let backend = |(last, state): &(u8, BackendState)| -> Backend {
        backend(
            &format!("task{last}"),
            &format!("10.0.0.{last}"),
            8080,
            *state,
        )
    };
    set(vec![service(
        "web",
        LABELS,
        backends.iter().map(backend).collect(),
    )])
}

fn vip() -> VirtualServiceKey {
    vip_of(1)
}

fn vip_of(last: u8) -> VirtualServiceKey {
    let address = [10, 30, 0, last].into();
    VirtualServiceKey {
        address,
        port: 80,
        protocol: crate::key::Protocol::Tcp,
    }
}

fn destination(last: u8) -> DestinationKey {
    DestinationKey {
        address: [10, 0, 0, last].into(),
        port: 8080,
    }
}

fn config(weight: u32) -> DestinationConfig {
    DestinationConfig::new(ForwardingMethod::Masq, weight)
}

/// The weights in the data plane, by the last byte of the destination's address.
fn weights(plane: &MemoryDataPlane) -> Vec<(u8, u32)> {
    let table = plane.table();
    let Some(service) = table.get(&vip()) else {
        return Vec::new();
    };
    let last = |key: &DestinationKey| match key.address {
        std::net::IpAddr::V4(address) => address.octets()[3],
        std::net::IpAddr::V6(_) => 0,
    };
    service
        .destinations
        .iter()
        .map(|(key, config)| (last(key), config.weight))
        .collect()
}

struct Rig {
    reconciler: Reconciler,
    plane: MemoryDataPlane,
    now: Duration,
}

impl Rig {
    fn new(ownership: Ownership) -> Self {
        let reconciler = Reconciler::new(ReconcilerConfig::default(), ownership);
        Self {
            reconciler,
            plane: MemoryDataPlane::new(),
            now: SECOND,
        }
    }

    fn observe(&mut self, set: &BackendSet) -> Pass {
        self.reconciler.observe(Some(set), self.now);
        let pass = self.pass();
        self.run(Duration::ZERO);
        pass
    }

    fn connect(&mut self, last: u8, active: u32) {
        let connections = Connections {
            active,
            ..Connections::default()
        };
        self.plane
            .set_connections(&vip(), &destination(last), connections);
    }

    fn phase(&self, last: u8) -> DestinationPhase {
        self.reconciler.phase(&vip(), &destination(last))
    }

    fn pass(&mut self) -> Pass {
        self.reconciler.reconcile(&mut self.plane, self.now)
    }

    /// Passes as they fall due.
    fn run(&mut self, span: Duration) {
        let end = self.now + span;
        for _ in 0..10_000 {
            let due = self.reconciler.next_due().max(self.now);
            if due > end {
                break;
            }
            self.now = due;
            self.pass();
            if self.reconciler.next_due() <= self.now {
                self.now += Duration::from_millis(1);
            }
        }
        self.now = end;
    }
}

#[test]
fn without_a_set_nothing_is_changed() {
    let mut rig = Rig::new(Ownership::new(
        vec!["0.0.0.0/0".parse().unwrap()],
        Existing::Adopt,
    ));
    for change in foreign_service(vip(), &[(destination(1), config(1))]) {
        rig.plane.meddle(&change).unwrap();
    }
    rig.pass();
    rig.reconciler.observe(None, rig.now);
    rig.pass();
    assert_eq!(rig.plane.journal().count(), 0);
    assert_eq!(rig.reconciler.status(rig.now).source, SourceStatus::Waiting);
}

#[test]
fn a_set_becomes_a_table_and_a_second_pass_does_nothing() {
    let mut rig = Rig::new(Ownership::default());
    let pass = rig.observe(&web(&[(1, Serving), (2, Draining)]));
    assert_eq!((pass.applied.len(), pass.remaining), (2, 0));
    assert_eq!(
        weights(&rig.plane),
        [(1, 1)],
        "who drains already need not come"
    );
    assert_eq!(pass.completed, Some(rig.now));
    assert!(rig.reconciler.in_sync());
    assert_eq!(rig.pass(), Pass::default());
    assert_eq!(rig.reconciler.next_due(), rig.now + 30 * SECOND);
}

#[test]
fn a_restart_changes_nothing_and_recognises_weight_zero() {
    let mut rig = Rig::new(Ownership::default());
    rig.observe(&web(&[(1, Serving), (2, Draining)]));
    let changes = rig.plane.journal().count();
    rig.reconciler = Reconciler::new(ReconcilerConfig::default(), Ownership::default());
    rig.observe(&web(&[(1, Serving), (2, Draining)]));
    assert_eq!(rig.plane.journal().count(), changes);
    rig.observe(&web(&[(1, Serving)]));
    assert_eq!(weights(&rig.plane), [(1, 1)]);
}

#[test]
fn after_a_restart_a_service_that_vanished_meanwhile_goes_where_a_range_or_a_mark_says_it_is_ours()
{
    let ranges = Ownership::new(vec!["10.30.0.0/16".parse().unwrap()], Existing::Adopt);
    let marks = Ownership::default().with_marks([vip()]);
    for (ownership, left) in [(ranges, 0), (marks, 0), (Ownership::default(), 1)] {
        let mut rig = Rig::new(ownership);
        for change in foreign_service(vip(), &[(destination(1), config(1))]) {
            rig.plane.meddle(&change).unwrap();
        }
        rig.observe(&set(vec![]));
        assert_eq!(rig.plane.table().len(), left);
    }
}

#[test]
fn a_partial_or_absent_source_keeps_the_table_and_its_upkeep() {
    let mut rig = Rig::new(Ownership::default());
    rig.observe(&web(&[(1, Serving), (2, Serving)]));
    let mut partial = web(&[]);
    partial.completeness = Completeness::Partial {
        reason: "nodes are unknown".to_owned(),
    };
    rig.observe(&partial);
    assert_eq!(weights(&rig.plane), [(1, 1), (2, 1)]);
    rig.reconciler.observe(None, rig.now);
    assert_eq!(rig.reconciler.status(rig.now).source, SourceStatus::Away);
    let meddling = Change::DeleteDestination {
        service: vip(),
        destination: destination(1),
    };
    rig.plane.meddle(&meddling).unwrap();
    rig.run(31 * SECOND);
    assert_eq!(weights(&rig.plane), [(1, 1), (2, 1)]);
    assert_eq!(rig.reconciler.stats().drift_repaired, 1);
}

#[test]
fn exists_and_no_such_are_success() {
    let mut rig = Rig::new(Ownership::default());
    rig.observe(&web(&[(1, Serving)]));
    let strike = |errno, entry| Failure {
        errno,
        entry,
        times: 1,
        takes_effect: true,
    };
    rig.plane.fail(strike(Errno::EEXIST, None));
    let pass = rig.observe(&web(&[(1, Serving), (2, Serving)]));
    assert!(pass.failed.is_empty());
    rig.plane.fail(strike(
        Errno::ENOENT,
        Some(EntryKey::Destination(vip(), destination(1))),
    ));
    rig.observe(&web(&[(2, Serving)]));
    rig.run(5 * SECOND);
    assert_eq!(weights(&rig.plane), [(2, 1)]);
}

#[test]
fn an_entry_that_fails_backs_off_alone_and_is_shown() {
    let mut rig = Rig::new(Ownership::default());
    let entry = Some(EntryKey::Destination(vip(), destination(2)));
    rig.plane.fail(Failure {
        errno: Errno::EINVAL,
        entry,
        times: 5,
        takes_effect: false,
    });
    let pass = rig.observe(&web(&[(1, Serving), (2, Serving), (3, Serving)]));
    assert_eq!((pass.failed.len(), pass.remaining), (1, 1));
    assert_eq!(weights(&rig.plane), [(1, 1), (3, 1)]);
    let status = rig.reconciler.status(rig.now);
    let shown = &status.virtual_services[0].destinations[1];
    assert_eq!(
        shown.error.as_deref(),
        Some(
            "cannot add destination 10.0.0.2:8080 of tcp 10.30.0.1:80 masq weight 1: invalid argument (errno 22)"
        )
    );
    assert!(shown.retry_in_ms.is_some() && !shown.in_sync && !status.in_sync);
    rig.run(2 * SECOND);
    assert_eq!(
        weights(&rig.plane).len(),
        2,
        "0.2, 0.4 and 0.8 s are not enough"
    );
    rig.run(8 * SECOND);
    assert_eq!(weights(&rig.plane).len(), 3);
    assert_eq!(rig.reconciler.stats().changes_failed, 5);
    assert_eq!(rig.reconciler.status(rig.now).retrying, 0);
}

#[test]
fn a_listing_that_fails_changes_nothing_and_is_tried_again() {
    let mut rig = Rig::new(Ownership::default());
    rig.plane.fail_list(Errno::EINTR);
    let pass = rig.observe(&web(&[(1, Serving)]));
    assert_eq!(pass.list_error, Some(DataPlaneError::list(Errno::EINTR)));
    assert_eq!(rig.plane.journal().count(), 0);
    rig.run(SECOND);
    assert_eq!(weights(&rig.plane), [(1, 1)]);
}

#[test]
fn a_pass_is_bounded() {
    let mut rig = Rig::new(Ownership::default());
    rig.reconciler.config.changes_per_pass = 4;
    let backends: Vec<_> = (1..=9).map(|last| (last, Serving)).collect();
    let pass = rig.observe(&web(&backends));
    assert_eq!((pass.applied.len(), pass.deferred), (4, 6));
    rig.run(SECOND);
    assert_eq!(weights(&rig.plane).len(), 9);
}

#[test]
fn draining_ends_when_no_connections_are_left_although_the_task_still_runs() {
    let mut rig = Rig::new(Ownership::default());
    rig.observe(&web(&[(1, Serving), (2, Serving)]));
    rig.connect(2, 1);
    rig.observe(&web(&[(1, Serving), (2, Draining)]));
    rig.run(5 * SECOND);
    assert_eq!(weights(&rig.plane), [(1, 1), (2, 0)]);
    assert_eq!(rig.phase(2), DestinationPhase::Draining);
    rig.connect(2, 0);
    rig.run(2 * SECOND);
    assert_eq!(weights(&rig.plane), [(1, 1)]);
    rig.observe(&web(&[(1, Serving), (2, Draining)]));
    assert_eq!(weights(&rig.plane), [(1, 1)], "it does not come back");
}

#[test]
fn a_connection_that_comes_before_weight_zero_is_seen() {
    let mut rig = Rig::new(Ownership::default());
    rig.observe(&web(&[(1, Serving), (2, Serving)]));
    struct LateClient<'a>(&'a mut MemoryDataPlane);
    impl DataPlane for LateClient<'_> {
        fn list(&mut self) -> Result<Listing, DataPlaneError> {
            self.0.list()
        }
        fn apply(&mut self, change: &Change) -> Result<(), DataPlaneError> {
            let one = Connections {
                active: 1,
                ..Connections::default()
            };
            self.0.set_connections(&vip(), &destination(2), one);
            self.0.apply(change)
        }
    }
    rig.reconciler.observe(Some(&web(&[(1, Serving)])), rig.now);
    rig.reconciler
        .reconcile(&mut LateClient(&mut rig.plane), rig.now);
    rig.run(5 * SECOND);
    assert_eq!(
        (weights(&rig.plane), rig.plane.connections_lost()),
        (vec![(1, 1), (2, 0)], 0)
    );
}

#[test]
fn connections_are_waited_for_up_to_the_grace_period_and_the_way_to_sigterm() {
    let mut rig = Rig::new(Ownership::default());
    rig.observe(&web(&[(1, Serving), (2, Serving), (3, Serving)]));
    rig.connect(2, 1);
    rig.connect(3, 1);
    rig.observe(&web(&[(1, Serving)]));
    assert_eq!(weights(&rig.plane), [(1, 1), (2, 0), (3, 0)]);
    assert_eq!(rig.phase(2), DestinationPhase::Lingering);
    rig.run(3 * SECOND);
    rig.connect(2, 0);
    rig.run(3 * SECOND);
    assert_eq!(
        weights(&rig.plane),
        [(1, 1), (3, 0)],
        "without connections at once"
    );
    rig.run(7 * SECOND);
    assert_eq!(
        weights(&rig.plane),
        [(1, 1), (3, 0)],
        "13 s are not 10 and 4"
    );
    rig.run(SECOND);
    assert_eq!(
        weights(&rig.plane),
        [(1, 1)],
        "with connections when patience ends"
    );
    let lost = rig.plane.connections_lost();
    assert_eq!((lost, rig.reconciler.stats().drift_repaired), (1, 0));
}

#[test]
fn a_destination_that_comes_back_while_lingering_serves_again() {
    let mut rig = Rig::new(Ownership::default());
    rig.observe(&web(&[(1, Serving)]));
    rig.connect(1, 3);
    rig.observe(&web(&[]));
    assert_eq!(weights(&rig.plane), [(1, 0)]);
    rig.observe(&web(&[(1, Serving)]));
    assert_eq!(weights(&rig.plane), [(1, 1)]);
    rig.run(60 * SECOND);
    assert_eq!(
        (weights(&rig.plane), rig.plane.connections_lost()),
        (vec![(1, 1)], 0)
    );
}

#[test]
fn a_data_plane_that_lags_is_no_reason_to_panic() {
    let mut rig = Rig::new(Ownership::new(vec![], Existing::LeaveAlone));
    rig.plane.set_lag(3);
    rig.observe(&web(&[(1, Serving), (2, Serving)]));
    rig.run(5 * SECOND);
    rig.observe(&web(&[(2, Serving), (3, Serving)]));
    rig.run(10 * SECOND);
    assert_eq!(weights(&rig.plane), [(2, 1), (3, 1)]);
    assert!(rig.reconciler.in_sync());
}

#[test]
fn the_status_is_json() {
    let mut rig = Rig::new(Ownership::default());
    rig.observe(&web(&[(1, Serving)]));
    let status = serde_json::to_value(rig.reconciler.status(rig.now)).unwrap();
    let service = &status["virtual_services"][0];
    assert_eq!(status["source"]["state"], "current");
    assert_eq!(
        (service["address"].as_str(), service["protocol"].as_str()),
        (Some("10.30.0.1"), Some("tcp"))
    );
    assert_eq!(service["destinations"][0]["phase"], "serving");
    assert_eq!(service["destinations"][0]["tasks"][0]["task"], "task1");
}

#[test]
fn a_slip_in_a_label_does_not_take_a_service_off_its_vip() {
    let mut rig = Rig::new(Ownership::default());
    rig.observe(&web(&[(1, Serving)]));
    let mut slip = web(&[(2, Serving)]);
    slip.services[0]
        .labels
        .insert("swarmtide.lb.port".to_owned(), "eighty".to_owned());
    rig.observe(&slip);
    assert_eq!(
        weights(&rig.plane),
        [(2, 1)],
        "the old virtual service, the new backends"
    );
    let problems = rig.reconciler.status(rig.now).problems;
    assert!(matches!(problems[0].kind, ProblemKind::Label { .. }));
    slip.services[0].labels.clear();
    rig.observe(&slip);
    assert!(
        rig.plane.table().is_empty(),
        "to take the labels away is no slip"
    );
}
