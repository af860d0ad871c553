//! Virtual services of others, and VIPs that we may not have.

use super::*;

#[test]
fn foreign_services_are_left_alone_or_adopted_as_configured() {
    for (existing, expected) in [
        (Existing::LeaveAlone, vec![(9, 1)]),
        (Existing::Adopt, vec![(1, 1)]),
    ] {
        let mut rig = Rig::new(Ownership::new(vec![], existing));
        for change in foreign_service(vip(), &[(destination(9), config(1))]) {
            rig.plane.meddle(&change).unwrap();
        }
        rig.observe(&web(&[(1, Serving)]));
        assert_eq!(weights(&rig.plane), expected);
        let status = rig.reconciler.status(rig.now);
        let blocked = status
            .problems
            .iter()
            .any(|problem| matches!(problem.kind, ProblemKind::Foreign { .. }));
        assert_eq!(blocked, existing == Existing::LeaveAlone);
    }
}

#[test]
fn a_foreign_service_that_was_quicker_is_not_filled() {
    let mut rig = Rig::new(Ownership::new(vec![], Existing::LeaveAlone));
    struct Race<'a>(&'a mut MemoryDataPlane);
    impl DataPlane for Race<'_> {
        fn list(&mut self) -> Result<Listing, DataPlaneError> {
            self.0.list()
        }
        fn apply(&mut self, change: &Change) -> Result<(), DataPlaneError> {
            if change.is_add() {
                for change in foreign_service(vip(), &[(destination(9), config(1))]) {
                    drop(self.0.meddle(&change));
                }
            }
            self.0.apply(change)
        }
    }
    rig.reconciler.observe(Some(&web(&[(1, Serving)])), rig.now);
    rig.reconciler.reconcile(&mut Race(&mut rig.plane), rig.now);
    rig.run(60 * SECOND);
    assert_eq!(weights(&rig.plane), [(9, 1)]);
}

#[test]
fn a_vip_outside_of_the_ranges_is_refused() {
    let mut rig = Rig::new(Ownership::new(
        vec!["10.31.0.0/16".parse().unwrap()],
        Existing::Adopt,
    ));
    rig.observe(&web(&[(1, Serving)]));
    assert_eq!(rig.plane.table().len(), 0);
    let problems = rig.reconciler.status(rig.now).problems;
    assert!(matches!(
        problems[0].kind,
        ProblemKind::OutsideRanges { .. }
    ));
}
