//! What people are told.

use scaler::{Event, Outcome, Readings, Rollout};

use crate::world::{QUICK, Service, World};

fn told(world: &mut World) -> Vec<String> {
    let events = world.engine.take_events();
    events
        .into_iter()
        .map(|Event { service, kind, .. }| {
            format!(
                "{} {}",
                service.map(|name| name.to_string()).unwrap_or_default(),
                kind.name()
            )
        })
        .collect()
}

#[test]
fn a_change_is_told_once_it_came_about() {
    let mut world = World::new(vec![Service::new("web", 2, 0.9, QUICK)]);
    let commands = world.tick();
    assert_eq!(told(&mut world), [""; 0]);
    world.complete(&commands[0], Outcome::Applied);
    world.services[0].cpu(0.5);
    world.tick();
    assert_eq!(told(&mut world), ["web scaled"]);
    world.services[0].cpu(0.9);
    let commands = world.tick();
    world.complete(
        &commands[0],
        Outcome::Failed {
            error: "no route".to_owned(),
        },
    );
    let events = world.engine.take_events();
    assert_eq!(events[0].kind.name(), "not_scaled");
    assert!(events[0].words.contains("no route"), "{}", events[0].words);
}

#[test]
fn lost_telemetry_is_told_once_when_it_lasts_and_when_it_is_back() {
    let mut world = World::new(vec![Service::new("web", 2, 0.5, QUICK)]);
    world.quiet_tick();
    world.services[0].observation.metrics = Readings::default();
    for _ in 0..15 {
        world.quiet_tick();
    }
    assert_eq!(told(&mut world), [""; 0], "for less than 30 s");
    world.services[0].observation.rollout = Rollout::Updating;
    world.quiet_tick();
    world.services[0].observation.rollout = Rollout::Idle;
    for _ in 0..9 {
        world.quiet_tick();
    }
    assert_eq!(told(&mut world), ["web held", "web telemetry_lost"]);
    world.services[0].cpu(0.5);
    world.quiet_tick();
    world.quiet_tick();
    assert_eq!(told(&mut world), ["web telemetry_back"]);
}

#[test]
fn what_holds_all_services_is_told_once() {
    let services = ["a", "b", "c"].map(|name| Service::new(name, 2, 0.5, QUICK));
    let mut world = World::new(services.to_vec());
    world.quiet_tick();
    world.swarm.nodes = scaler::Nodes::Unknown { count: 1 };
    world.quiet_tick();
    world.quiet_tick();
    let events = world.engine.take_events();
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0].service, None);
    assert_eq!(
        events[0].words,
        "All services are held: the swarm does not know the state of 1 node, as after an election. It goes on when the nodes have reported."
    );
}

#[test]
fn a_maximum_that_is_not_enough_is_told() {
    let mut world = World::new(vec![Service::new("web", 8, 0.9, QUICK)]);
    world.quiet_tick();
    world.quiet_tick();
    let events = world.engine.take_events();
    assert_eq!(events.len(), 1);
    assert_eq!(
        serde_json::to_value(&events[0]).unwrap()["max"],
        8,
        "{events:?}"
    );
}
