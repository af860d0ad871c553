//! Replicas that stand out: told, left out, put in quarantine and replaced.

use scaler::{
    Decision, EventKind, HoldReason, Outcome, OutlierKind, Replica, ReplicaId, ScaleReason,
};

use crate::world::{Service, World};

const BALANCED: &[(&str, &str)] = &[
    ("enable", "true"),
    ("min", "2"),
    ("max", "8"),
    ("cpu.low", "30%"),
    ("cooldown", "0"),
    ("outliers", "quarantine"),
    ("lb.vip", "10.30.0.1"),
    ("lb.port", "80"),
];

/// All alike but the first, which needs a lot for its traffic.
fn each(count: u32) -> Vec<Replica> {
    (0..count)
        .map(|number| Replica {
            id: ReplicaId(u128::from(number) << 100),
            cpu_cores: Some(if number == 0 { 2.0 } else { 0.5 }),
            bytes: Some(1e6),
            steal: Some(0.0),
        })
        .collect()
}

fn world(replicas: u32, labels: &[(&str, &str)]) -> World {
    let mut service = Service::new("web", replicas, 0.5, labels);
    service.each = each(replicas);
    World::new(vec![service])
}

/// Ticks for so many seconds; commands are applied and the new replicas serve at once. Returns what was decided.
fn run(world: &mut World, seconds: u32) -> Vec<(u32, u32)> {
    let mut changes = Vec::new();
    for _ in 0..seconds / 2 {
        for command in world.tick() {
            changes.push((command.from, command.to));
            world.complete(&command, Outcome::Applied);
            let service = &mut world.services[0];
            service.each = each(service.observation.serving);
        }
    }
    changes
}

fn events(world: &mut World) -> Vec<EventKind> {
    let taken = world.engine.take_events();
    taken.into_iter().map(|event| event.kind).collect()
}

#[test]
fn one_is_told_and_left_out_by_default() {
    let mut world = world(4, &[("enable", "true"), ("max", "8")]);
    assert_eq!(run(&mut world, 100), []);
    assert_eq!(world.engine.left_out("web"), [], "it takes a while");
    assert_eq!(run(&mut world, 60), []);
    assert_eq!(world.engine.left_out("web"), [ReplicaId(0)]);
    assert_eq!(world.engine.quarantined().count(), 0);
    let told = events(&mut world);
    assert!(
        matches!(&told[..], [EventKind::Outlier(outlier)] if outlier.kind == OutlierKind::CpuPerByte),
        "{told:?}"
    );
    let words = world.last().explain();
    assert!(
        words.contains("Replica 000000000000 needs 2.000 s of CPU for each MB of traffic, its siblings 0.500 s."),
        "{words}"
    );
}

#[test]
fn report_leaves_nobody_out_and_off_does_not_look() {
    for (word, told) in [("report", 1), ("off", 0)] {
        let mut world = world(4, &[("enable", "true"), ("max", "8"), ("outliers", word)]);
        run(&mut world, 200);
        assert_eq!(world.engine.left_out("web"), []);
        assert_eq!(events(&mut world).len(), told);
        assert_eq!(world.engine.outliers("web").len(), told);
    }
}

#[test]
fn one_in_quarantine_is_replaced_once_and_does_not_count() {
    let mut world = world(4, BALANCED);
    assert_eq!(run(&mut world, 200), [(4, 5)], "one more, once");
    let records = world.engine.records("web");
    let scaled = records
        .iter()
        .find_map(|record| match record.decision {
            Decision::Scale { reason, .. } => Some((reason, record.explain())),
            Decision::Hold(_) => None,
        })
        .unwrap();
    assert_eq!(
        scaled.0,
        ScaleReason::Replaced {
            replica: ReplicaId(0)
        }
    );
    assert!(scaled.1.contains("is in quarantine"), "{}", scaled.1);
    let quarantined: Vec<_> = world.engine.quarantined().map(|(_, id)| id).collect();
    assert_eq!(quarantined, [ReplicaId(0)]);
    // The other four are idle: two of them are enough, and the one in quarantine is no replica.
    world.services[0].cpu(0.1);
    let changes = run(&mut world, 400);
    assert_eq!(
        changes,
        [(5, 4), (4, 3)],
        "two besides the one in quarantine"
    );
    world.services[0].cpu(0.1);
    let record = world.last();
    assert_eq!(record.decision, Decision::Hold(HoldReason::AtMinimum));
    assert_eq!((record.replicas, record.serving), (3, 3));
}

#[test]
fn one_in_quarantine_stands_out_until_it_is_over_though_its_traffic_dries_up() {
    let mut world = world(4, BALANCED);
    run(&mut world, 200);
    assert_eq!(world.engine.quarantined().count(), 1);
    for replica in &mut world.services[0].each {
        if replica.id == ReplicaId(0) {
            (replica.cpu_cores, replica.bytes) = (Some(0.002), Some(0.0));
        }
    }
    events(&mut world);
    run(&mut world, 300);
    let outliers = world.engine.outliers("web");
    assert!(
        matches!(&outliers[..], [outlier] if outlier.quarantined
            && outlier.kind == OutlierKind::CpuPerByte && outlier.value > 1.9),
        "{outliers:?}"
    );
    assert_eq!(events(&mut world), []);
    // Ten minutes are over: it is judged anew.
    run(&mut world, 300);
    assert_eq!(world.engine.quarantined().count(), 0);
    assert_eq!(world.engine.outliers("web"), []);
}

#[test]
fn at_the_minimum_the_other_comes_first() {
    let mut world = world(3, BALANCED);
    world.services[0]
        .labels
        .insert("swarmtide.min".to_owned(), "3".to_owned());
    let mut commands = Vec::new();
    for _ in 0..100 {
        commands = world.tick();
        if !commands.is_empty() {
            break;
        }
    }
    assert_eq!((commands[0].from, commands[0].to), (3, 4));
    assert_eq!(
        world.engine.quarantined().count(),
        0,
        "two would be too few"
    );
    world.complete(&commands[0], Outcome::Applied);
    world.services[0].each = each(4);
    run(&mut world, 4);
    assert_eq!(world.engine.quarantined().count(), 1);
}

#[test]
fn without_a_balancer_or_the_lead_nobody_is_put_there() {
    let mut unbalanced = world(4, &[("enable", "true"), ("outliers", "quarantine")]);
    assert_eq!(run(&mut unbalanced, 200), []);
    assert_eq!(unbalanced.engine.quarantined().count(), 0);
    assert_eq!(unbalanced.engine.left_out("web").len(), 1);
    let mut led = world(4, BALANCED);
    run(&mut led, 200);
    assert_eq!(led.engine.quarantined().count(), 1);
    led.swarm.leadership = scaler::Leadership::Unknown {
        reason: "an election".to_owned(),
    };
    led.tick();
    assert_eq!(led.engine.quarantined().count(), 1, "that may pass");
    led.swarm.leadership = scaler::Leadership::Follower { leader: None };
    led.tick();
    assert_eq!(led.engine.quarantined().count(), 0);
    assert!(
        events(&mut led)
            .iter()
            .any(|kind| matches!(kind, EventKind::QuarantineOver { .. }))
    );
}
