//! The world as a whole: the preset of the demonstration has to give a scaler something to do.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use super::*;
use crate::engine::EngineError;

const SECOND: Duration = Duration::from_secs(1);

fn scale(world: &mut World, service: &str, replicas: u64) -> Result<(), EngineError> {
    let found = world.engine().service(service).unwrap();
    let (index, mut spec) = (found.index, found.spec.clone());
    spec["Mode"]["Replicated"]["Replicas"] = json!(replicas);
    world.engine_mut().update_service(service, index, spec)
}

/// A dull scaler: one step above 70 % or below 30 % of the limit, with a cooldown, and only when every replica has
/// run long enough to have been heard of.
fn demo(seed: u64, cooldown: u64) -> BTreeMap<String, (u32, u32)> {
    let mut world = World::new(WorldConfig::demo(seed)).unwrap();
    let mut steps: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    let mut last: BTreeMap<String, u64> = BTreeMap::new();
    for second in 1..=30u64 {
        world.advance(Duration::from_secs(second));
        for (service, limit) in [("web", 0.5), ("api", 0.5), ("worker", 1.0)] {
            let now = world.engine().now();
            let replicas = world.engine().service(service).unwrap().replicas().unwrap();
            let heard = world
                .engine()
                .serving_tasks(service)
                .filter(|task| {
                    task.running_since
                        .is_some_and(|since| since + 3 * SECOND <= now)
                })
                .count() as u64;
            let rested = last.get(service).is_none_or(|at| second - at >= cooldown);
            if heard != replicas || !rested {
                continue;
            }
            let share = world.load(service).served.cores / (limit * replicas as f64);
            let count = steps.entry(service.to_owned()).or_default();
            let next = match share {
                high if high > 0.7 && replicas < 8 => {
                    count.0 += 1;
                    replicas + 1
                }
                low if low < 0.3 && replicas > 2 => {
                    count.1 += 1;
                    replicas - 1
                }
                _ => continue,
            };
            scale(&mut world, service, next).unwrap();
            last.insert(service.to_owned(), second);
        }
    }
    assert!(world.engine().harm().is_none());
    steps
}

#[test]
fn thirty_seconds_of_the_demo_go_up_twice_and_down_once() {
    for seed in 0..20 {
        for cooldown in [2, 3] {
            let steps = demo(seed, cooldown);
            let (up, down) = steps["web"];
            assert!(
                up >= 2 && down >= 1,
                "seed {seed}, cooldown {cooldown}: {steps:?}"
            );
        }
    }
}

#[test]
fn what_is_beyond_the_limit_is_not_served_but_seen_by_the_network_a_little() {
    let mut world = World::new(WorldConfig::demo(1)).unwrap();
    world.advance(8 * SECOND);
    let load = world.load("web");
    assert!((2.9..3.5).contains(&load.offered.cores), "{load:?}");
    assert!(
        (0.98..1.01).contains(&load.served.cores),
        "two replicas of half a core: {load:?}"
    );
    let share = load.served.bytes_per_second / load.offered.bytes_per_second;
    assert!(
        share > load.served.cores / load.offered.cores && share < 0.5,
        "{share}"
    );
}

#[test]
fn equal_seeds_send_equal_datagrams() {
    let sent = |seed| {
        World::new(WorldConfig::demo(seed))
            .unwrap()
            .advance(20 * SECOND)
    };
    assert_eq!(sent(5), sent(5));
    assert_ne!(sent(5), sent(6));
}

#[test]
fn a_removed_service_leaves_no_load() {
    let mut world = World::new(WorldConfig::demo(1)).unwrap();
    world.advance(5 * SECOND);
    assert!(world.remove_service("web"));
    assert!(!world.remove_service("web"));
    world.advance(10 * SECOND);
    assert_eq!(world.load("web"), ServiceLoad::default());
}
