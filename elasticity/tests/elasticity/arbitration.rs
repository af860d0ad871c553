//! The flash crowd of three services on room for a third of what they want.

use elasticity::{
    Row,
    shared::{FLASH_CROWD_ROOM, flash_crowd},
    simulate_shared,
};

fn violations(rows: &[(Row, elasticity::Totals)], name: &str) -> f64 {
    let (row, _) = rows.iter().find(|(row, _)| row.policy == name).unwrap();
    row.slo_violations_percent
}

#[test]
fn the_critical_service_is_spared_what_first_come_does_to_it() {
    let first_come = simulate_shared(&flash_crowd(false, 5), FLASH_CROWD_ROOM, false).unwrap();
    let arbitrated = simulate_shared(&flash_crowd(true, 5), FLASH_CROWD_ROOM, true).unwrap();
    let without = violations(&first_come, "critical");
    let with = violations(&arbitrated, "critical");
    assert!(without > 15.0, "{without}");
    assert!(with < 1.0, "{with}");
    for (row, totals) in first_come.iter().chain(&arbitrated) {
        let gone = totals.served + totals.dropped + totals.queued;
        assert!((totals.arrived - gone).abs() < 1e-3, "{row:?}");
    }
}
