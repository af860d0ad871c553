//! Restarts with what was remembered, and without.

use super::*;

const EPOCH_UNIX_MS: u64 = 1_700_000_000_000;

impl Rig {
    /// The process dies and comes back after a while; its clock begins at zero again.
    fn restart(&mut self, away: Duration) {
        let memory = serde_json::to_string(&self.reconciler.memory(EPOCH_UNIX_MS)).unwrap();
        let memory = serde_json::from_str(&memory).unwrap();
        let epoch = u64::try_from((self.now + away).as_millis()).unwrap() + EPOCH_UNIX_MS;
        let config = ReconcilerConfig::default();
        let ownership = Ownership::default();
        self.now = Duration::ZERO;
        self.reconciler = Reconciler::restore(config, ownership, memory, epoch, self.now);
    }
}

#[test]
fn a_drain_goes_on_from_where_it_began() {
    for (file, left) in [(true, 5), (false, 14)] {
        let mut rig = Rig::new(Ownership::default());
        rig.observe(&web(&[(1, Serving), (2, Serving)]));
        rig.connect(2, 1);
        let draining = web(&[(1, Serving), (2, Draining)]);
        rig.observe(&draining);
        rig.run(6 * SECOND);
        if file {
            rig.restart(3 * SECOND);
        } else {
            rig.reconciler = Reconciler::new(ReconcilerConfig::default(), Ownership::default());
        }
        let changes = rig.plane.journal().count();
        rig.observe(&draining);
        rig.run((left - 1) * SECOND);
        assert_eq!(weights(&rig.plane), [(1, 1), (2, 0)]);
        assert_eq!(rig.plane.journal().count(), changes, "what was right stays");
        rig.run(SECOND);
        assert_eq!(weights(&rig.plane), [(1, 1)], "with a file: {file}");
    }
}

#[test]
fn without_its_source_a_restart_keeps_what_it_remembers() {
    let mut rig = Rig::new(Ownership::default());
    rig.observe(&web(&[(1, Serving), (2, Serving)]));
    rig.restart(SECOND);
    let meddling = Change::DeleteDestination {
        service: vip(),
        destination: destination(1),
    };
    rig.plane.meddle(&meddling).unwrap();
    rig.run(4 * SECOND);
    assert_eq!(weights(&rig.plane), [(2, 1)], "the source may know better");
    assert_eq!(*rig.reconciler.source(), SourceStatus::Away);
    rig.run(2 * SECOND);
    assert_eq!(weights(&rig.plane), [(1, 1), (2, 1)]);
}

#[test]
fn the_source_is_believed_at_once() {
    let mut rig = Rig::new(Ownership::default());
    rig.observe(&web(&[(1, Serving)]));
    rig.restart(SECOND);
    rig.observe(&web(&[(2, Serving)]));
    assert_eq!(weights(&rig.plane), [(2, 1)]);
    assert_eq!(*rig.reconciler.source(), SourceStatus::Current);
}

#[test]
fn a_warm_up_goes_on_with_and_without_a_file() {
    let labels: &[(&str, &str)] = &[("vip", "10.30.0.1"), ("port", "80"), ("warmup", "10s")];
    let with = |backends: &[(u8, BackendState)]| {
        let mut set = web(backends);
        set.services[0].labels = service("web", labels, vec![]).labels;
        set
    };
    for file in [true, false] {
        let mut rig = Rig::new(Ownership::default());
        rig.observe(&with(&[(1, Serving)]));
        rig.observe(&with(&[(1, Serving), (2, Serving)]));
        rig.run(4 * SECOND);
        assert_eq!(weights(&rig.plane), [(1, 10), (2, 5)]);
        let changes = rig.plane.journal().count();
        if file {
            rig.restart(Duration::ZERO);
        } else {
            rig.reconciler = Reconciler::new(ReconcilerConfig::default(), Ownership::default());
        }
        rig.observe(&with(&[(1, Serving), (2, Serving)]));
        assert_eq!(rig.plane.journal().count(), changes, "with a file: {file}");
        rig.run(SECOND);
        assert_eq!(weights(&rig.plane), [(1, 10), (2, 6)]);
    }
}

#[test]
fn memory_is_the_same_while_nothing_happens() {
    let mut rig = Rig::new(Ownership::default());
    rig.observe(&web(&[(1, Serving), (2, Serving)]));
    rig.connect(2, 1);
    let mut draining = web(&[(1, Serving), (2, Draining)]);
    rig.observe(&draining);
    let before = rig.reconciler.memory(EPOCH_UNIX_MS);
    draining.generation.listed_unix_ms += 500;
    rig.observe(&draining);
    rig.run(5 * SECOND);
    assert_eq!(rig.reconciler.memory(EPOCH_UNIX_MS), before);
}
