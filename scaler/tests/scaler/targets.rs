//! Target tracking through the engine: what a service with targets asks for, and when.

use std::time::Duration;

use scaler::{Decision, HoldKind, Metric, MetricObservation, Outcome};

use crate::world::{Service, World};

const CAPACITY: &[(&str, &str)] = &[
    ("enable", "true"),
    ("min", "2"),
    ("max", "80"),
    ("connections.capacity", "10"),
];

/// New connections over all replicas, shared evenly, read just now over two seconds.
fn load(service: &mut Service, sum: f64) {
    let serving = service.observation.serving;
    let seen = MetricObservation {
        average: sum / f64::from(serving),
        reporting: serving,
        expected: serving,
        oldest_age: Duration::ZERO,
        reach: Duration::from_secs(2),
    };
    service
        .observation
        .metrics
        .insert(Metric::Connections, seen);
}

/// A service under constant load for so many ticks, every command applied at once.
fn run(world: &mut World, ticks: u32, sum: f64) {
    for _ in 0..ticks {
        load(&mut world.services[0], sum);
        for command in world.tick() {
            world.complete(&command, Outcome::Applied);
        }
    }
}

fn replicas(world: &World) -> u32 {
    world.services[0].observation.mode.replicas()
}

#[test]
fn a_step_is_answered_at_once_and_in_one_go() {
    let mut world = World::new(vec![Service::new("web", 4, 0.0, CAPACITY)]);
    run(&mut world, 40, 35.0);
    assert_eq!(replicas(&world), 4);
    run(&mut world, 1, 350.0);
    assert!(replicas(&world) >= 35, "{}", replicas(&world));
}

#[test]
fn constant_load_comes_to_rest_at_what_it_takes() {
    let mut world = World::new(vec![Service::new("web", 2, 0.0, CAPACITY)]);
    run(&mut world, 200, 75.0);
    assert_eq!(replicas(&world), 8);
    run(&mut world, 50, 75.0);
    assert_eq!(replicas(&world), 8);
    assert_eq!(world.hold(), Some(HoldKind::WithinBand));
}

#[test]
fn shrinking_waits_for_the_window_and_says_so() {
    let mut world = World::new(vec![Service::new("web", 2, 0.0, CAPACITY)]);
    run(&mut world, 60, 200.0);
    let before = replicas(&world);
    assert!(before >= 20);
    run(&mut world, 8, 20.0);
    assert_eq!(replicas(&world), before);
    assert!(
        matches!(world.hold(), Some(HoldKind::Stabilising | HoldKind::Burst)),
        "{:?}",
        world.hold()
    );
    run(&mut world, 200, 20.0);
    assert!(replicas(&world) <= 3);
}

#[test]
fn nothing_shrinks_on_partial_or_missing_telemetry() {
    let mut world = World::new(vec![Service::new("web", 2, 0.0, CAPACITY)]);
    run(&mut world, 60, 200.0);
    let before = replicas(&world);
    for _ in 0..200 {
        load(&mut world.services[0], 20.0);
        let metrics = &mut world.services[0].observation.metrics;
        let mut seen = metrics.get(Metric::Connections).unwrap();
        seen.reporting -= 1;
        metrics.insert(Metric::Connections, seen);
        world.quiet_tick();
    }
    assert_eq!(world.hold(), Some(HoldKind::TelemetryPartial));
    world.services[0].observation.metrics = scaler::Readings::default();
    for _ in 0..200 {
        world.quiet_tick();
    }
    assert_eq!(world.hold(), Some(HoldKind::TelemetryMissing));
    assert_eq!(replicas(&world), before);
}

#[test]
fn a_saturated_limit_doubles_until_the_demand_shows() {
    let labels: &[(&str, &str)] = &[
        ("enable", "true"),
        ("min", "2"),
        ("max", "80"),
        ("cpu.target", "60%"),
    ];
    let mut world = World::new(vec![Service::new("web", 2, 0.0, labels)]);
    for _ in 0..100 {
        let serving = world.services[0].observation.serving;
        world.services[0].cpu((20.0 / f64::from(serving)).min(1.0));
        for command in world.tick() {
            world.complete(&command, Outcome::Applied);
        }
    }
    // 20 cores at 60 % of one each, give or take the tolerance.
    assert!(
        (31..=37).contains(&replicas(&world)),
        "{}",
        replicas(&world)
    );
    let record = world.last();
    assert!(matches!(record.decision, Decision::Hold(_)));
}

#[test]
fn the_record_says_what_each_metric_asked_for() {
    let labels: &[(&str, &str)] = &[
        ("enable", "true"),
        ("max", "80"),
        ("connections.capacity", "10"),
        ("cpu.target", "60%"),
    ];
    let mut world = World::new(vec![Service::new("web", 4, 0.9, labels)]);
    load(&mut world.services[0], 100.0);
    world.tick();
    let record = world.last();
    assert_eq!(record.targets.len(), 2);
    let Decision::Scale { to, .. } = record.decision else {
        panic!("{record:?}");
    };
    assert_eq!(
        Some(to),
        record.targets.iter().map(|target| target.to).max()
    );
    insta::assert_snapshot!(record.explain());
}

#[test]
fn a_schedule_sets_the_bounds_while_it_holds() {
    let labels: &[(&str, &str)] = &[
        ("enable", "true"),
        ("max", "9"),
        ("connections.capacity", "10"),
        // The world's clock begins on a Friday, 2027-01-15 08:00 UTC.
        ("schedule", "0 9 * * fri for 1h min=6"),
        ("schedule.zone", "Europe/Berlin"),
    ];
    let mut world = World::new(vec![Service::new("web", 1, 0.0, labels)]);
    run(&mut world, 5, 1.0);
    assert_eq!(replicas(&world), 6);
    assert_eq!(world.last().limits.map(|limits| limits.min), Some(6));
    world.now += Duration::from_secs(3600);
    run(&mut world, 60, 1.0);
    assert_eq!(replicas(&world), 1);
}

#[test]
fn nothing_shrinks_while_tasks_fail() {
    let mut world = World::new(vec![Service::new("web", 2, 0.0, CAPACITY)]);
    run(&mut world, 60, 200.0);
    let before = replicas(&world);
    for failed in 1..60 {
        world.services[0].observation.failed = failed;
        run(&mut world, 2, 5.0);
    }
    assert_eq!(replicas(&world), before);
    assert_eq!(world.hold(), Some(HoldKind::Failing));
    run(&mut world, 60, 5.0);
    assert_eq!(replicas(&world), 2);
}

#[test]
fn replicas_that_cannot_be_placed_do_not_hold_shrinking_for_ever() {
    for labels in [CAPACITY, crate::world::QUICK] {
        let mut world = World::new(vec![Service::new("web", 4, 0.5, labels)]);
        load(&mut world.services[0], 39.0);
        world.quiet_tick();
        let service = &mut world.services[0];
        service.observation.mode = scaler::Mode::Replicated { replicas: 8 };
        service.observation.starting = 4;
        let commands: Vec<_> = (0..120)
            .flat_map(|_| {
                load(&mut world.services[0], 5.0);
                world.services[0].cpu(0.01);
                world.tick()
            })
            .collect();
        assert!(
            commands.iter().any(|command| command.to <= 4),
            "{commands:?} {}",
            world.last().explain()
        );
    }
}
