//! What can still be asked afterwards, and what it costs.

use scaler::{
    Decision, DecisionRecord, HoldKind, Metric, MetricObservation, Outcome, RecordOutcome, Settings,
};
use std::time::Duration;

use crate::world::{QUICK, Service, World};

#[test]
fn equal_holds_are_one_record() {
    let mut world = World::new(vec![Service::new("web", 2, 0.5, QUICK)]);
    for tick in 0..1000_u32 {
        world.services[0].cpu(0.5 + f64::from(tick % 10) / 100.0);
        world.quiet_tick();
    }
    let records = world.engine.records("web");
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].count, 1000);
    assert_eq!(
        records[0].last_unix_ms - records[0].first_unix_ms,
        999 * 2000
    );
    assert_eq!(
        records[0].readings[0].average,
        Some(0.59),
        "the inputs are the latest"
    );
    assert_eq!(world.engine.changes().count(), 0);
    let status = world.engine.service_status("web").unwrap();
    assert_eq!(
        status.held().map(|(reason, since)| (reason.kind(), since)),
        Some((HoldKind::WithinBand, records[0].first_unix_ms))
    );
    assert_eq!(status.counters.holds[&HoldKind::WithinBand], 1000);
}

#[test]
fn alternating_holds_do_not_push_out_changes() {
    let mut world = World::new(vec![Service::new("web", 2, 0.9, QUICK)]);
    let command = world.tick().pop().unwrap();
    let scaled_at = world.unix_ms();
    world.complete(&command, Outcome::Applied);
    for tick in 0..150 {
        world.services[0].cpu(0.5);
        if tick % 2 == 0 {
            let partial = MetricObservation {
                average: 0.5,
                reporting: 1,
                expected: 3,
                oldest_age: Duration::ZERO,
                reach: Duration::ZERO,
            };
            world.services[0]
                .observation
                .metrics
                .insert(Metric::CpuOfLimit, partial);
        }
        world.quiet_tick();
    }
    let records = world.engine.records("web");
    assert_eq!(records.len(), 1 + Settings::default().history_holds);
    assert!(
        records.windows(2).all(|pair| pair[0].tick < pair[1].tick),
        "oldest first"
    );
    let then = world.engine.record_at("web", scaled_at + 1000).unwrap();
    assert!(
        matches!(then.decision, Decision::Scale { from: 2, to: 3, .. }),
        "five minutes ago can be answered"
    );
    assert_eq!(world.engine.record_at("web", scaled_at - 1), None);
    assert_eq!(world.engine.changes().count(), 1);
}

#[test]
fn waiting_for_a_write_leaves_no_trace_but_the_change() {
    let mut world = World::new(vec![Service::new("web", 2, 0.9, QUICK)]);
    let command = world.tick().pop().unwrap();
    world.quiet_tick();
    assert_eq!(world.hold(), Some(HoldKind::WritePending));
    world.complete(&command, Outcome::Applied);
    world.services[0].cpu(0.5);
    (0..3).for_each(|_| world.quiet_tick());
    let records = world.engine.records("web");
    assert_eq!(records.len(), 3, "the change, settling, within the band");
    assert!(matches!(
        records[0].outcome,
        Some(RecordOutcome::Applied { .. })
    ));
    assert_eq!(world.hold(), Some(HoldKind::WithinBand));
}

#[test]
fn records_survive_json() {
    let mut world = World::new(vec![
        Service::new(
            "a-bad",
            2,
            0.9,
            &[("enable", "true"), ("mim", "2"), ("cpu.low", "0.3")],
        ),
        Service::new("b-busy", 2, 0.9, QUICK),
        Service::new("c-nan", 2, f64::NAN, QUICK),
        Service::new("d-full", 8, 0.9, QUICK),
        Service::new("e-dry", 3, 0.1, QUICK),
    ]);
    world
        .engine
        .set_service("e-dry".into(), scaler::AdminMode::DryRun)
        .unwrap();
    let command = world.tick().pop().unwrap();
    world.complete(
        &command,
        Outcome::Refused {
            reason: "x".repeat(10_000),
        },
    );
    world.quiet_tick();
    let mut seen = 0;
    for service in &world.services {
        for record in world.engine.records(&service.name) {
            let text = serde_json::to_string(record).unwrap();
            assert!(text.len() < 2000, "bounded: {text}");
            assert_eq!(
                &serde_json::from_str::<DecisionRecord>(&text).unwrap(),
                record,
                "{text}"
            );
            seen += 1;
        }
    }
    assert_eq!(seen, 6);
    insta::assert_json_snapshot!(world.engine.records("d-full")[0]);
}

/// 2,000 services with every place of their histories taken: worst case, as many as the swarms that this is made for have.
#[test]
fn memory_is_bounded() {
    let services = (0..2000)
        .map(|number| Service::new(&format!("service-{number:04}"), 2, 0.9, QUICK))
        .collect();
    let mut world = World::with(
        Settings {
            warm_up: Duration::ZERO,
            in_flight_max: 2000,
            changes_per_minute_max: 100_000,
            ..Settings::default()
        },
        services,
    );
    for tick in 0..100 {
        let load = if tick % 20 < 10 { 0.9 } else { 0.01 };
        world
            .services
            .iter_mut()
            .for_each(|service| service.cpu(load));
        for command in world.tick() {
            world.complete(&command, Outcome::Applied);
        }
    }
    let per_service = world.engine.memory_bytes() / 2000;
    let kept = world.engine.records("service-0000").len();
    println!(
        "{per_service} bytes per service with {kept} records of {} bytes",
        size_of::<DecisionRecord>()
    );
    assert!(kept > 40, "{kept} records");
    assert!(per_service < 40_000, "{per_service} bytes per service");
}
