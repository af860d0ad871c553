//! Services that share what there is room for, over time.

use scaler::{
    AdminMode, Decision, Direction, HoldKind, Outcome, ScaleReason, Scope,
    arbitration::{Amounts, PoolState, Reservation},
};

use crate::world::{Service, World};

/// A service whose replicas take a core each.
fn service(name: &str, replicas: u32, cpu: f64, priority: &str) -> Service {
    let labels = &[
        ("enable", "true"),
        ("min", "2"),
        ("max", "60"),
        ("step.up", "8"),
        ("step.down", "8"),
        ("cooldown", "0"),
        ("priority", priority),
    ];
    let mut service = Service::new(name, replicas, cpu, labels);
    service.reservation = Reservation {
        nano_cpus: 1_000_000_000,
        memory_bytes: 0,
    };
    service
}

fn with_cores(services: Vec<Service>, cores: u64) -> World {
    let mut world = World::new(services);
    world.resources.capacity.nano_cpus = Some(cores * 1_000_000_000);
    world
}

fn replicas(world: &World) -> Vec<u32> {
    let services = world.services.iter();
    services
        .map(|service| service.observation.mode.replicas())
        .collect()
}

/// Ticks and carries everything out.
fn step(world: &mut World) -> Vec<(String, u32, u32)> {
    let commands = world.tick();
    for command in &commands {
        world.complete(command, Outcome::Applied);
    }
    let told = commands
        .iter()
        .map(|command| (command.service.to_string(), command.from, command.to));
    told.collect()
}

fn reason(world: &World, name: &str) -> Decision {
    let status = world.engine.service_status(name).unwrap();
    status.last.unwrap().decision.clone()
}

#[test]
fn lower_priorities_give_way_to_a_flash_crowd_and_get_it_back() {
    let mut world = with_cores(
        vec![
            service("batch", 12, 0.5, "0"),
            service("critical", 4, 0.5, "100"),
            service("web", 20, 0.5, "0"),
        ],
        36,
    );
    assert_eq!(step(&mut world), []);
    world.services[1].cpu(0.9);
    for _ in 0..8 {
        step(&mut world);
    }
    assert_eq!(step(&mut world), []);
    assert_eq!(replicas(&world), [2, 32, 2], "down to their minimum");
    assert!(
        matches!(
            reason(&world, "critical"),
            Decision::Hold(scaler::HoldReason::Shortage {
                wanted: 40,
                granted: 32
            })
        ),
        "{:?}",
        reason(&world, "critical")
    );
    for name in ["batch", "web"] {
        let records = world.engine.records(name);
        let gave = records.iter().filter(|record| {
            matches!(
                record.decision,
                Decision::Scale {
                    reason: ScaleReason::GaveWay { .. },
                    ..
                }
            )
        });
        assert!(gave.count() > 0, "{name}");
    }
    world.services[1].cpu(0.05);
    for _ in 0..8 {
        step(&mut world);
    }
    assert_eq!(replicas(&world), [12, 2, 20], "what they had");
    assert_eq!(step(&mut world), [], "and all is quiet");
}

#[test]
fn whoever_cannot_be_changed_keeps_what_it_has() {
    let mut world = with_cores(
        vec![
            service("batch", 12, 0.5, "0"),
            service("critical", 4, 0.9, "100"),
            service("web", 20, 0.5, "0"),
        ],
        36,
    );
    world.services[0].observation.rollout = scaler::Rollout::Updating;
    world.services[2].observation.metrics = scaler::Readings::default();
    assert_eq!(
        step(&mut world),
        [],
        "no telemetry, and a rollout: nobody gives way"
    );
    assert_eq!(
        world
            .engine
            .service_status("web")
            .unwrap()
            .held()
            .unwrap()
            .0
            .kind(),
        HoldKind::TelemetryMissing
    );
    world.services[2].cpu(0.5);
    assert_eq!(
        step(&mut world),
        [("critical".to_owned(), 4, 12), ("web".to_owned(), 20, 12)]
    );
}

#[test]
fn tasks_without_a_node_mean_full() {
    let mut world = with_cores(
        vec![
            service("critical", 6, 0.5, "9"),
            service("web", 10, 0.5, "0"),
        ],
        100,
    );
    world.services[0].observation.serving = 4;
    world.services[0].observation.starting = 2;
    world.services[0].unplaced = 2;
    assert_eq!(step(&mut world), [], "they may be placed in a moment");
    assert_eq!(step(&mut world), []);
    assert_eq!(step(&mut world), [("web".to_owned(), 10, 8)]);
    world.services[0].observation.serving = 6;
    world.services[0].observation.starting = 0;
    world.services[0].unplaced = 0;
    world.services[0].cpu(0.5);
    for _ in 0..20 {
        assert_eq!(step(&mut world), [], "it does not flap");
    }
}

#[test]
fn an_equal_gives_nothing_up_for_tasks_without_a_node() {
    let mut world = with_cores(
        vec![service("api", 12, 0.5, "0"), service("web", 10, 0.5, "0")],
        100,
    );
    world.services[0].observation.serving = 9;
    world.services[0].observation.starting = 3;
    world.services[0].unplaced = 3;
    step(&mut world);
    step(&mut world);
    assert_eq!(step(&mut world), [("api".to_owned(), 12, 9)]);
}

#[test]
fn the_node_pool_is_told_when_it_lasts() {
    let mut world = with_cores(vec![service("web", 10, 0.9, "0")], 12);
    world.resources.largest_node = Some(Amounts {
        nano_cpus: 4_000_000_000,
        memory_bytes: 0,
        replicas: 0,
    });
    for _ in 0..20 {
        step(&mut world);
    }
    let PoolState::Needed { lacking, nodes } = world.engine.node_pool() else {
        panic!("{:?}", world.engine.node_pool());
    };
    assert_eq!((lacking.nano_cpus, nodes), (8_000_000_000, Some(2)));
    let events = world.engine.take_events();
    let told: Vec<_> = events
        .iter()
        .filter(|event| event.kind.name() == "node_pool")
        .map(|event| event.words.as_str())
        .collect();
    assert_eq!(
        told,
        ["The swarm lacks 8.0 cores: 2 more like its largest would do."]
    );
}

#[test]
fn a_pause_holds_one_direction_until_it_ends() {
    let mut world = World::new(vec![service("web", 10, 0.1, "0")]);
    let until = world.unix_ms() + 10_000;
    let mut admin = world.engine.admin().clone();
    let now = world.unix_ms();
    admin
        .pause("web".into(), Direction::Down, until, now)
        .unwrap();
    world.engine.set_admin(admin);
    assert_eq!(step(&mut world), []);
    assert_eq!(world.hold(), Some(HoldKind::Paused));
    assert!(
        world
            .last()
            .explain()
            .contains("a person paused shrinking, for 8 s from then"),
        "{}",
        world.last().explain()
    );
    world.services[0].cpu(0.9);
    assert_eq!(step(&mut world), [("web".to_owned(), 10, 18)]);
    world.services[0].cpu(0.1);
    assert_eq!(step(&mut world), []);
    world.now += std::time::Duration::from_secs(10);
    assert_eq!(step(&mut world).len(), 1, "it is over");
}

#[test]
fn a_paused_service_does_not_give_way() {
    let mut world = with_cores(
        vec![
            service("critical", 6, 0.9, "9"),
            service("web", 10, 0.5, "0"),
        ],
        16,
    );
    let mut admin = world.engine.admin().clone();
    admin
        .pause("web".into(), Direction::Down, u64::MAX, 0)
        .unwrap();
    world.engine.set_admin(admin);
    assert_eq!(step(&mut world), []);
    let status = world.engine.service_status("critical").unwrap();
    assert_eq!(status.held().unwrap().0.kind(), HoldKind::Shortage);
}

#[test]
fn a_dry_run_of_all_shows_who_would_give_way() {
    let mut world = with_cores(
        vec![
            service("critical", 6, 0.9, "9"),
            service("web", 10, 0.5, "0"),
        ],
        16,
    );
    world.engine.set_global(AdminMode::DryRun);
    assert_eq!(step(&mut world), []);
    let web = world.engine.service_status("web").unwrap();
    assert_eq!(web.effective.by, Scope::Global);
    assert!(
        matches!(
            web.last.unwrap().decision,
            Decision::Scale {
                from: 10,
                to: 2,
                ..
            }
        ),
        "{:?}",
        web.last
    );
}
