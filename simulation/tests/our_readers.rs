//! The project's own readers on the simulation: the Engine API client, and the collector.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::net::SocketAddr;
use std::time::Duration;

use collector::{Collector, Config, ContainerUuid, GroupMetrics, Member};
use simulation::{
    Demand, Fault, FaultKind, Load, ServiceConfig, Simulation, SimulationConfig, Traps, World,
    WorldConfig,
};
use swarm::{Client, ClientOptions, Endpoint, SetReplicas, SetReplicasError};

const SECOND: Duration = Duration::from_secs(1);

async fn start() -> (Simulation, Client, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let mut world = WorldConfig::new(1, 2).service(ServiceConfig::replicated(
        "web",
        2,
        Some(0.5),
        Load::idle(),
    ));
    world.timing.start_delay = Duration::from_millis(50);
    let config = SimulationConfig::new(directory.path(), None, world);
    let simulation = Simulation::start(config).await.unwrap();
    let endpoint = Endpoint::Unix(simulation.socket().to_owned());
    let client = Client::new(endpoint, ClientOptions::default()).unwrap();
    assert!(
        simulation
            .wait_until(5 * SECOND, |world| serving(world) == 2)
            .await
    );
    (simulation, client, directory)
}

fn serving(world: &World) -> usize {
    world.engine().serving_tasks("web").count()
}

#[tokio::test]
async fn the_client_sees_the_swarm_and_changes_one_number() {
    let (simulation, client, _directory) = start().await;
    let view = client.snapshot(SECOND).await.unwrap();
    let web = view.service_named("web").unwrap();
    assert_eq!((view.serving(web).count(), view.nodes.len()), (2, 3));
    let task = view.serving(web).next().unwrap();
    assert_eq!(task.ports.len(), 1, "twins are one");
    let change = SetReplicas {
        service: web.id.clone(),
        from: 2,
        to: 4,
    };
    client.set_replicas(&change).await.unwrap();
    assert!(
        simulation
            .wait_until(5 * SECOND, |world| serving(world) == 4)
            .await
    );
    simulation.with(|world| {
        assert!(
            world.engine().harm().is_none(),
            "{:?}",
            world.engine().harm()
        );
        let post = world.engine().posts().last().unwrap();
        assert_eq!((post.from, post.to), (Some(2), Some(4)));
    });
}

#[tokio::test]
async fn a_conflict_is_told_apart() {
    let (simulation, client, _directory) = start().await;
    let view = client.snapshot(SECOND).await.unwrap();
    let service = view.service_named("web").unwrap().id.clone();
    simulation.with(|world| world.set_faults(vec![Fault::always(FaultKind::Conflict)]));
    let refused = client
        .set_replicas(&SetReplicas {
            service,
            from: 2,
            to: 3,
        })
        .await
        .unwrap_err();
    assert!(
        matches!(refused, SetReplicasError::Conflict { .. }),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_swarm_without_a_leader_gives_no_view() {
    let (simulation, client, _directory) = start().await;
    for kind in [
        FaultKind::NoLeader,
        FaultKind::NotManager,
        FaultKind::Truncate,
        FaultKind::Drop,
    ] {
        simulation.with(|world| world.set_faults(vec![Fault::always(kind).on("/tasks")]));
        assert!(client.snapshot(SECOND).await.is_err(), "{kind:?}");
    }
    simulation.with(|world| world.set_faults(Vec::new()));
    assert!(client.snapshot(SECOND).await.is_ok());
}

/// What the collector says about a service, told which containers it has.
fn observe(collector: &Collector, world: &World, service: &str, limit: f64) -> GroupMetrics {
    let member = |container: &String| Member {
        uuid: ContainerUuid::from_container_id(container).unwrap(),
        cpu_limit_cores: Some(limit),
        aside: false,
    };
    let containers = world
        .engine()
        .serving_tasks(service)
        .filter_map(|task| task.container.as_ref());
    let members: Vec<_> = containers.map(member).collect();
    collector
        .observe(&[&members], world.engine().now())
        .remove(0)
}

fn run(world: &mut World, collector: &Collector, until: Duration) {
    for datagram in world.advance(until) {
        // Every node has its own source port, as in the running simulation.
        let bytes = datagram.node.bytes().fold(0u16, |sum, byte| {
            sum.wrapping_mul(31).wrapping_add(byte.into())
        });
        let source = SocketAddr::from(([127, 0, 0, 1], bytes.max(1024)));
        collector.ingest(source, &datagram.bytes, datagram.at);
    }
}

#[test]
fn the_collector_measures_what_the_load_was() {
    let demand = Demand::new(0.8, 400_000.0);
    let mut config = WorldConfig::new(3, 2)
        .service(ServiceConfig::replicated(
            "web",
            4,
            Some(0.5),
            Load::Constant(demand),
        ))
        .service(ServiceConfig::replicated(
            "hot",
            2,
            Some(0.25),
            Load::Constant(demand),
        ));
    config.agent.traps = Traps {
        jitter: 0.0,
        ..Traps::default()
    };
    let mut world = World::new(config).unwrap();
    let collector = Collector::new(Config::default());
    run(&mut world, &collector, 40 * SECOND);
    let web = observe(&collector, &world, "web", 0.5);
    assert_eq!((web.expected, web.reporting), (4, 4), "{web:?}");
    let cores = web.cpu_cores.unwrap();
    assert!((0.76..0.85).contains(&cores.sum), "{cores:?}");
    assert!(
        (370_000.0..430_000.0).contains(&web.bytes.unwrap().sum),
        "{web:?}"
    );
    let hot = observe(&collector, &world, "hot", 0.25)
        .cpu_of_limit
        .unwrap();
    assert!((0.95..1.05).contains(&hot.avg), "saturated: {hot:?}");
}

#[test]
fn the_collector_hears_of_every_replica_of_the_demonstration_in_time() {
    for seed in 0..10 {
        let mut world = World::new(WorldConfig::demo(seed)).unwrap();
        let collector = Collector::new(Config {
            polling: SECOND,
            ..Config::default()
        });
        run(&mut world, &collector, 6 * SECOND);
        for (service, limit) in [("web", 0.5), ("api", 0.5), ("worker", 1.0)] {
            let seen = observe(&collector, &world, service, limit);
            assert_eq!(
                seen.reporting, seen.expected,
                "seed {seed}, {service}: {seen:?}"
            );
        }
        let web = observe(&collector, &world, "web", 0.5)
            .cpu_of_limit
            .unwrap();
        assert!(web.avg > 0.8, "seed {seed}: {web:?}");
    }
}

/// Steps up and down of `web` in thirty seconds: one step above 70 % or below 30 % of the limit, a cooldown, and only
/// when every replica is heard of.
fn steps(seed: u64, cooldown: u64) -> (u32, u32) {
    let mut world = World::new(WorldConfig::demo(seed)).unwrap();
    let collector = Collector::new(Config {
        polling: SECOND,
        ..Config::default()
    });
    let (mut up, mut down, mut rested_at) = (0, 0, 0);
    for second in 1..=30 {
        run(&mut world, &collector, Duration::from_secs(second));
        let service = world.engine().service("web").unwrap();
        let (index, mut spec) = (service.index, service.spec.clone());
        let replicas = service.replicas().unwrap();
        let seen = observe(&collector, &world, "web", 0.5);
        let complete = seen.reporting == seen.expected && seen.expected as u64 == replicas;
        let Some(share) = seen
            .cpu_of_limit
            .filter(|_| complete && second >= rested_at)
        else {
            continue;
        };
        let next = match share.avg {
            high if high > 0.7 && replicas < 8 => replicas + 1,
            low if low < 0.3 && replicas > 2 => replicas - 1,
            _ => continue,
        };
        (up, down) = if next > replicas {
            (up + 1, down)
        } else {
            (up, down + 1)
        };
        rested_at = second + cooldown;
        spec["Mode"]["Replicated"]["Replicas"] = serde_json::json!(next);
        world
            .engine_mut()
            .update_service("web", index, spec)
            .unwrap();
    }
    (up, down)
}

#[test]
fn thirty_seconds_are_enough_with_real_telemetry() {
    for seed in 0..20 {
        for cooldown in [2, 3] {
            let (up, down) = steps(seed, cooldown);
            assert!(
                up >= 2 && down >= 1,
                "seed {seed}, cooldown {cooldown}: {up} up, {down} down"
            );
        }
    }
}
