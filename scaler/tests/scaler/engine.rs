//! The engine over time: one write at a time, its outcomes, what people switch, services that come and go.

use std::time::Duration;

use scaler::{
    AdminMode, AdminState, Command, Decision, HoldKind, HoldReason, Leadership, Outcome,
    RecordOutcome, Settings,
};

use crate::world::{QUICK, Service, World};

fn busy() -> World {
    World::new(vec![Service::new("web", 2, 0.9, QUICK)])
}

#[track_caller]
fn only(commands: Vec<Command>) -> Command {
    assert_eq!(commands.len(), 1, "{commands:?}");
    commands.into_iter().next().unwrap()
}

fn failed() -> Outcome {
    Outcome::Failed {
        error: "connection refused".to_owned(),
    }
}

#[test]
fn writes_one_at_a_time_and_goes_on_when_it_is_seen() {
    let mut world = busy();
    let command = only(world.tick());
    assert_eq!((command.from, command.to), (2, 3));
    world.quiet_tick();
    assert_eq!(world.hold(), Some(HoldKind::WritePending));
    world.complete(&command, Outcome::Applied);
    assert_eq!(world.engine.stats().scale_ups, 1);
    assert_eq!(
        world.engine.records("web")[0].outcome,
        Some(RecordOutcome::Applied { after_ms: 2100 })
    );
    // A view from before the write shows two replicas still; it must not be scaled again.
    world.services[0].replicas(2);
    world.swarm.view_age = Some(Duration::from_secs(3));
    world.quiet_tick();
    assert_eq!(world.hold(), Some(HoldKind::AwaitingView));
    world.swarm.view_age = Some(Duration::ZERO);
    world.services[0].replicas(3);
    world.quiet_tick();
    assert_eq!(world.hold(), Some(HoldKind::Settling));
    let next = only(world.tick());
    assert_eq!((next.from, next.to), (3, 4));
}

#[test]
fn counters_from_before_a_change_by_anyone_do_not_count() {
    let mut world = busy();
    world.services[0].cpu(0.5);
    world.quiet_tick();
    assert_eq!(world.hold(), Some(HoldKind::WithinBand));
    world.services[0].replicas(4);
    world.services[0].cpu(0.9);
    world.quiet_tick();
    assert_eq!(world.hold(), Some(HoldKind::Settling));
    only(world.tick());
}

#[test]
fn a_conflict_is_decided_anew_with_the_next_view() {
    let mut world = busy();
    let command = only(world.tick());
    world.complete(&command, Outcome::Conflict);
    world.swarm.view_age = Some(Duration::from_millis(2500));
    world.quiet_tick();
    assert_eq!(world.hold(), Some(HoldKind::Conflict));
    world.swarm.view_age = Some(Duration::ZERO);
    let command = only(world.tick());
    // The second in a row waits.
    world.complete(&command, Outcome::Conflict);
    world.quiet_tick();
    assert_eq!(world.hold(), Some(HoldKind::BackOff));
    assert_eq!(world.engine.stats().outcomes["conflict"], 2);
}

#[test]
fn failures_wait_longer_each_time_and_success_forgets_them() {
    let mut world = busy();
    let mut waits = Vec::new();
    for _ in 0..10 {
        let command = loop {
            let commands = world.tick();
            if !commands.is_empty() {
                break only(commands);
            }
            assert_eq!(world.hold(), Some(HoldKind::BackOff));
        };
        waits.push(world.now);
        world.complete(&command, failed());
    }
    let gaps: Vec<u64> = waits
        .windows(2)
        .map(|pair| (pair[1] - pair[0]).as_secs())
        .collect();
    assert_eq!(gaps, [4, 8, 16, 32, 64, 128, 256, 300, 300]);
    let command = loop {
        if let Some(command) = world.tick().pop() {
            break command;
        }
    };
    world.complete(&command, Outcome::Applied);
    // Nothing of the failures is left.
    world.quiet_tick();
    assert_eq!(world.hold(), Some(HoldKind::Settling));
    let command = only(world.tick());
    world.complete(&command, failed());
    world.now += Duration::from_secs(2);
    only(world.tick());
}

#[test]
fn an_unanswered_write_waits_until_the_view_shows_it() {
    let mut world = busy();
    let command = only(world.tick());
    world.complete(
        &command,
        Outcome::Unknown {
            error: "timed out".to_owned(),
        },
    );
    for _ in 0..5 {
        world.quiet_tick();
        assert_eq!(world.hold(), Some(HoldKind::OutcomeUnknown));
    }
    world.services[0].replicas(3);
    world.quiet_tick();
    assert_eq!(world.hold(), Some(HoldKind::Settling));
    assert_eq!(only(world.tick()).to, 4);
}

#[test]
fn followers_stay_warm_and_say_so() {
    let mut world = busy();
    world.swarm.leadership = Leadership::Follower {
        leader: Some("m1".to_owned()),
    };
    world.quiet_tick();
    assert_eq!(world.hold(), Some(HoldKind::NotLeader));
    assert_eq!(world.last().proposal.map(|proposal| proposal.to), Some(3));
    world.swarm.leadership = Leadership::Leader;
    only(world.tick());
}

#[test]
fn a_new_leader_grows_at_once_and_shrinks_after_the_warm_up() {
    let mut world = World::with(
        Settings::default(),
        vec![Service::new("web", 4, 0.1, QUICK)],
    );
    let mut waited = 0;
    while world.tick().is_empty() {
        assert_eq!(world.hold(), Some(HoldKind::WarmUp));
        waited += 2;
    }
    assert_eq!(waited, 60);
    // Losing sight of the leader for one tick begins it anew.
    let mut world = World::with(
        Settings::default(),
        vec![Service::new("web", 4, 0.1, QUICK)],
    );
    (0..29).for_each(|_| world.quiet_tick());
    world.swarm.leadership = Leadership::Unknown {
        reason: "election".to_owned(),
    };
    world.quiet_tick();
    world.swarm.leadership = Leadership::Leader;
    (0..30).for_each(|_| world.quiet_tick());
    only(world.tick());
}

#[test]
fn dry_run_records_and_writes_nothing() {
    let mut world = busy();
    world
        .engine
        .set_service("web".into(), AdminMode::DryRun)
        .unwrap();
    (0..5).for_each(|_| world.quiet_tick());
    let records = world.engine.records("web");
    assert_eq!(records.len(), 1);
    assert_eq!(
        (records[0].count, &records[0].outcome),
        (5, &Some(RecordOutcome::DryRun))
    );
    assert!(matches!(
        records[0].decision,
        Decision::Scale { from: 2, to: 3, .. }
    ));
    world
        .engine
        .set_service("web".into(), AdminMode::Enabled)
        .unwrap();
    only(world.tick());
}

#[test]
fn what_is_disabled_stays_so_over_restarts_and_redeployments() {
    let mut world = busy();
    world
        .engine
        .set_service("web".into(), AdminMode::Disabled)
        .unwrap();
    world.quiet_tick();
    assert_eq!(world.hold(), Some(HoldKind::Disabled));
    // The stack is removed for an hour and deployed anew.
    let mut service = world.services.remove(0);
    (0..1800).for_each(|_| world.quiet_tick());
    assert_eq!(world.engine.stats().tracked, 0);
    service.id = "another".to_owned();
    world.services.push(service);
    world.quiet_tick();
    assert_eq!(world.hold(), Some(HoldKind::Disabled));
    let saved = serde_json::to_string(world.engine.admin()).unwrap();
    let read: AdminState = serde_json::from_str(&saved).unwrap();
    assert_eq!(&read, world.engine.admin());
    world
        .engine
        .set_service("web".into(), AdminMode::Enabled)
        .unwrap();
    world.engine.set_global(AdminMode::Disabled);
    world.quiet_tick();
    assert_eq!(world.hold(), Some(HoldKind::Disabled));
}

#[test]
fn a_service_of_the_same_name_starts_afresh() {
    let mut world = busy();
    let old = only(world.tick());
    world.services[0].id = "another".to_owned();
    let new = only(world.tick());
    assert_eq!(new.id.as_str(), "another");
    assert_eq!(world.engine.stats().in_flight, 1);
    // The old one's end is not the new one's.
    world
        .engine
        .completed(&old, Outcome::Applied, world.now, world.unix_ms());
    assert_eq!(world.engine.stats().completed_unknown, 1);
    world.quiet_tick();
    assert_eq!(world.hold(), Some(HoldKind::WritePending));
    assert_eq!(world.engine.stats().scale_ups, 0);
    world.complete(&new, Outcome::Applied);
    assert_eq!(world.engine.stats().in_flight, 0);
}

#[test]
fn state_is_kept_while_a_write_is_under_way_and_then_for_a_while() {
    let mut world = busy();
    let command = only(world.tick());
    let service = world.services.remove(0);
    (0..600).for_each(|_| world.quiet_tick());
    assert_eq!(world.engine.stats().tracked, 1);
    world.services.push(service);
    world.quiet_tick();
    assert_eq!(world.hold(), Some(HoldKind::WritePending));
    world.complete(&command, Outcome::Applied);
    world.services.clear();
    (0..299).for_each(|_| world.quiet_tick());
    assert_eq!(
        world.engine.records("web").len(),
        2,
        "its history can still be asked for"
    );
    (0..2).for_each(|_| world.quiet_tick());
    assert_eq!(world.engine.stats().tracked, 0);
}

#[test]
fn commands_come_in_the_order_of_names() {
    let names = ["m", "c", "z", "a"];
    let mut world = World::new(
        names
            .iter()
            .map(|name| Service::new(name, 2, 0.9, QUICK))
            .collect(),
    );
    world.services.push(Service::new("a", 5, 0.9, QUICK));
    let commands = world.tick();
    assert_eq!(
        commands
            .iter()
            .map(|command| command.service.as_str())
            .collect::<Vec<_>>(),
        ["a", "c", "m", "z"]
    );
}

#[test]
fn services_and_writes_are_limited() {
    let services = (0..10)
        .map(|number| Service::new(&format!("s{number}"), 2, 0.9, QUICK))
        .collect();
    let settings = Settings {
        services_max: 6,
        in_flight_max: 4,
        ..Settings::default()
    };
    let mut world = World::with(settings, services);
    let commands = world.tick();
    assert_eq!(commands.len(), 4);
    let stats = world.engine.stats();
    assert_eq!(
        (stats.seen, stats.decided, stats.over_limit, stats.in_flight),
        (10, 6, 4, 4)
    );
    assert_eq!(stats.holds[&HoldKind::WriteBudget], 2);
    for command in &commands {
        world.complete(command, Outcome::Conflict);
    }
    let next: Vec<_> = world
        .tick()
        .into_iter()
        .map(|command| command.service.to_string())
        .collect();
    assert_eq!(
        next,
        ["s0", "s1", "s4", "s5"],
        "those that were held come first"
    );
}

#[test]
fn wrong_labels_hold_until_they_are_corrected() {
    let mut world = World::new(vec![Service::new(
        "web",
        2,
        0.9,
        &[("enable", "true"), ("cpu.hihg", "70%")],
    )]);
    world.quiet_tick();
    let Decision::Hold(HoldReason::InvalidLabels { errors }) = world.last().decision else {
        panic!("{:?}", world.last());
    };
    assert_eq!(errors[0].label, "swarmtide.cpu.hihg");
    assert_eq!(
        world.engine.service_status("web").unwrap().label_errors,
        errors
    );
    world.services[0].labels = Service::new("web", 2, 0.9, QUICK).labels;
    only(world.tick());
}

#[test]
fn services_that_did_not_opt_in_have_no_state() {
    let mut world = World::new(vec![
        Service::new("off", 2, 0.9, &[("enable", "false")]),
        Service::new("none", 2, 0.9, &[]),
        Service::new("lb", 2, 0.9, &[("lb.vip", "10.0.0.1")]),
    ]);
    world.quiet_tick();
    assert_eq!(world.engine.stats().tracked, 0);
    assert_eq!(world.engine.stats().seen, 3);
    world.services[0].labels = Service::new("off", 2, 0.9, QUICK).labels;
    let command = only(world.tick());
    world.complete(&command, Outcome::Applied);
    world.services[0].labels = Service::new("off", 2, 0.9, &[("enable", "false")]).labels;
    (0..10).for_each(|_| world.quiet_tick());
    assert!(world.engine.service_status("off").unwrap().policy.is_none());
}

#[test]
fn a_record_tells_replicas_after_each_stage() {
    let labels: &[(&str, &str)] = &[
        ("enable", "true"),
        ("max", "4"),
        ("step", "6"),
        ("cooldown", "0"),
    ];
    let mut world = World::new(vec![Service::new("web", 2, 0.9, labels)]);
    let commands = world.tick();
    assert_eq!(commands[0].to, 4);
    assert_eq!(world.last().stages(), [8, 8, 8, 4, 4, 4]);
    world.complete(&commands[0], Outcome::Applied);
    world.quiet_tick();
    world.quiet_tick();
    assert_eq!(
        world.last().stages(),
        [10, 10, 10, 4, 4, 4],
        "held at its maximum"
    );
    world.services[0].cpu(0.5);
    world.quiet_tick();
    assert_eq!(world.last().stages(), [4; 6]);
}
