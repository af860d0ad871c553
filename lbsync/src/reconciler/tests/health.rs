//! Probes, the floor, warm-up, and the VIPs that hang on them.

use super::*;
use crate::probe::ProbeOutcome;

const PROBED: &[(&str, &str)] = &[
    ("vip", "10.30.0.1"),
    ("port", "80"),
    ("probe", "tcp"),
    ("probe.interval", "1s"),
    ("floor", "30"),
];
const WARMING: &[(&str, &str)] = &[("vip", "10.30.0.1"), ("port", "80"), ("warmup", "10s")];

fn with(labels: &[(&str, &str)], backends: &[(u8, BackendState)]) -> BackendSet {
    let mut set = web(backends);
    let labels = service("web", labels, vec![]).labels;
    set.services[0].labels = labels;
    set
}

impl Rig {
    /// Lets time pass while those answer whose addresses end so.
    fn run_probed(&mut self, span: Duration, up: &[u8]) {
        let end = self.now + span;
        while self.now < end {
            for probe in self.reconciler.poll_probes(self.now) {
                let answers = up
                    .iter()
                    .any(|last| destination(*last).address == probe.target.ip());
                let outcome = match answers {
                    true => ProbeOutcome::Connected,
                    false => ProbeOutcome::Failed("connection refused".to_owned()),
                };
                self.reconciler.probe_finished(probe.id, outcome, self.now);
            }
            self.run(SECOND / 20);
        }
    }

    fn announced(&self) -> bool {
        self.reconciler.vips()[0].announcement == Announcement::Announce
    }
}

#[test]
fn new_destinations_come_in_when_they_answer() {
    let mut rig = Rig::new(Ownership::default());
    rig.observe(&with(PROBED, &[(1, Serving)]));
    assert_eq!(weights(&rig.plane), []);
    rig.run_probed(SECOND / 10, &[1]);
    assert_eq!(
        weights(&rig.plane),
        [(1, 1)],
        "where nothing is in, once is enough"
    );
    rig.observe(&with(PROBED, &[(1, Serving), (2, Serving), (3, Serving)]));
    rig.run_probed(SECOND / 2, &[1, 2]);
    assert_eq!(weights(&rig.plane), [(1, 1)], "else they rise");
    assert_eq!(rig.phase(2), DestinationPhase::Joining);
    rig.run_probed(2 * SECOND, &[1, 2]);
    assert_eq!(weights(&rig.plane), [(1, 1), (2, 1)]);
    assert_eq!(rig.reconciler.counts().joining, 1);
}

#[test]
fn a_dead_destination_is_out_within_fall_times_the_interval_and_keeps_its_connections() {
    let mut rig = Rig::new(Ownership::default());
    rig.observe(&with(PROBED, &[(1, Serving), (2, Serving)]));
    rig.run_probed(3 * SECOND, &[1, 2]);
    rig.connect(2, 5);
    rig.run_probed(4 * SECOND, &[1]);
    assert_eq!(weights(&rig.plane), [(1, 1), (2, 0)]);
    assert_eq!(rig.phase(2), DestinationPhase::Down);
    rig.run_probed(100 * SECOND, &[1]);
    assert_eq!(
        weights(&rig.plane),
        [(1, 1), (2, 0)],
        "a false alarm cuts nothing"
    );
    rig.run_probed(3 * SECOND, &[1, 2]);
    assert_eq!(weights(&rig.plane), [(1, 1), (2, 1)]);
    assert_eq!(rig.plane.connections_lost(), 0);
}

#[test]
fn when_all_fail_the_floor_stays_in_and_the_vip_goes() {
    let all: Vec<_> = (1..=5).map(|last| (last, Serving)).collect();
    let mut rig = Rig::new(Ownership::default());
    rig.observe(&with(PROBED, &all));
    rig.run_probed(3 * SECOND, &[1, 2, 3, 4, 5]);
    assert!(rig.announced());
    rig.run_probed(4 * SECOND, &[1, 2]);
    assert_eq!(
        weights(&rig.plane)
            .iter()
            .filter(|(_, weight)| *weight > 0)
            .count(),
        2
    );
    assert!(rig.announced(), "two of five are the floor");
    rig.run_probed(4 * SECOND, &[]);
    assert_eq!(
        weights(&rig.plane),
        [(1, 1), (2, 1), (3, 0), (4, 0), (5, 0)],
        "those that failed last"
    );
    assert_eq!(rig.phase(1), DestinationPhase::Held);
    assert!(!rig.announced());
    rig.run_probed(3 * SECOND, &[4]);
    assert_eq!(
        weights(&rig.plane)
            .iter()
            .filter(|(_, weight)| *weight > 0)
            .count(),
        2
    );
    assert!(!rig.announced(), "one of five is too few");
    rig.run_probed(3 * SECOND, &[3, 4]);
    assert!(rig.announced());
}

#[test]
fn a_vip_waits_for_its_table() {
    let mut rig = Rig::new(Ownership::default());
    assert!(
        rig.reconciler.vips().is_empty(),
        "nothing is said before anything is known"
    );
    rig.reconciler.config.changes_per_pass = 1;
    rig.reconciler.observe(Some(&web(&[(1, Serving)])), rig.now);
    rig.pass();
    assert!(!rig.announced());
    rig.run(SECOND);
    assert!(rig.announced());
    rig.connect(1, 1);
    rig.observe(&set(vec![]));
    assert_eq!(
        rig.reconciler.vips().len(),
        1,
        "it drains, and needs its VIP"
    );
    rig.connect(1, 0);
    rig.run(2 * SECOND);
    assert!(rig.reconciler.vips().is_empty());
}

#[test]
fn whoever_joins_others_warms_up_in_steps() {
    let mut rig = Rig::new(Ownership::default());
    rig.observe(&with(WARMING, &[(1, Serving), (2, Serving)]));
    assert_eq!(
        weights(&rig.plane),
        [(1, 10), (2, 10)],
        "nobody is there to lean on"
    );
    rig.observe(&with(WARMING, &[(1, Serving), (2, Serving), (3, Serving)]));
    let mut seen = Vec::new();
    let changes = rig.plane.journal().count();
    for _ in 0..12 {
        seen.push(weights(&rig.plane)[2].1);
        rig.run(SECOND);
    }
    assert_eq!(seen, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 10]);
    assert_eq!(
        rig.plane.journal().count() - changes,
        9,
        "no more changes than steps"
    );
    assert_eq!(rig.reconciler.stats().drift_repaired, 0);
}

#[test]
fn udp_goes_at_once() {
    let udp = &[("vip", "10.30.0.1"), ("port", "80"), ("protocol", "udp")];
    let with_udp = |state| {
        let mut set = with(udp, &[(1, state)]);
        for port in &mut set.services[0].backends[0].ports {
            port.protocol = crate::key::Protocol::Udp;
        }
        set
    };
    let key = VirtualServiceKey {
        protocol: crate::key::Protocol::Udp,
        ..vip()
    };
    let mut rig = Rig::new(Ownership::default());
    rig.observe(&with_udp(Serving));
    let connections = Connections {
        active: 9,
        ..Connections::default()
    };
    rig.plane
        .set_connections(&key, &destination(1), connections);
    rig.observe(&with_udp(Draining));
    assert!(rig.plane.table()[&key].destinations.is_empty());
}
