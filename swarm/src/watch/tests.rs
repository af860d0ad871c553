use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use tokio::time::Instant;

use super::*;
use crate::{
    ClientOptions,
    testing::{FakeEngine, Reply, small_swarm},
};

fn options() -> ClientOptions {
    ClientOptions {
        timeout: Duration::from_millis(500),
        ..ClientOptions::default()
    }
}

fn clock() -> Clock {
    let ticks = AtomicU64::new(0);
    Clock::new(move || Duration::from_secs(ticks.fetch_add(1, Ordering::Relaxed)))
}

async fn wait_for(watch: &Watch, what: &str, condition: impl FnMut(&Observed) -> bool) -> Observed {
    let mut receiver = watch.subscribe();
    let found = tokio::time::timeout(Duration::from_secs(5), receiver.wait_for(condition)).await;
    found
        .unwrap_or_else(|_| panic!("never: {what}"))
        .unwrap()
        .clone()
}

#[tokio::test]
async fn the_last_good_view_stays_while_the_engine_is_down() {
    let broken = Arc::new(AtomicU32::new(0));
    let switch = Arc::clone(&broken);
    let engine = FakeEngine::start(move |asked| match switch.load(Ordering::Relaxed) {
        0 => small_swarm(asked, 3),
        _ => Reply::Json(
            500,
            r#"{"message":"The swarm does not have a leader"}"#.to_owned(),
        ),
    });
    let config = WatchConfig {
        interval: Duration::from_millis(20),
        max_backoff: Duration::from_millis(100),
        events: false,
        ..WatchConfig::default()
    };
    let watch = Watch::start(engine.client(options()), config, clock());
    assert!(watch.view().is_none());
    let first = wait_for(&watch, "a view", |observed| observed.view.is_some()).await;
    assert!(first.error.is_none());

    broken.store(1, Ordering::Relaxed);
    let failed = wait_for(&watch, "three failures", |observed| observed.failures >= 3).await;
    let kept = failed.view.unwrap();
    assert!(failed.error.unwrap().to_string().contains("no leader"));
    assert_eq!(
        watch.view().unwrap().taken,
        kept.taken,
        "its age is not made younger"
    );

    broken.store(0, Ordering::Relaxed);
    let again = wait_for(&watch, "recovery", |observed| {
        observed.error.is_none() && observed.failures == 0
    })
    .await;
    assert!(again.view.unwrap().generation > kept.generation);
    assert!(
        again.stats.failed_relists >= 3 && again.stats.relists >= 2,
        "{:?}",
        again.stats
    );
}

/// An engine whose number of replicas is 1 until it announces an event, and 2 from then on.
fn announcing(after: Duration, count: usize) -> FakeEngine {
    let started = Instant::now();
    let event = r#"{"Type":"service","Action":"update","scope":"swarm"}"#;
    let mut lines = vec![(after, event.to_owned())];
    lines.extend((1..count).map(|_| (Duration::ZERO, event.to_owned())));
    FakeEngine::start(move |asked| {
        if asked.line.starts_with("GET /events") {
            return Reply::Stream(lines.clone());
        }
        small_swarm(asked, if started.elapsed() < after { 1 } else { 2 })
    })
}

#[tokio::test]
async fn an_event_makes_the_next_look_come_sooner() {
    let engine = announcing(Duration::from_millis(300), 1);
    let config = WatchConfig {
        interval: Duration::from_secs(3600),
        ..WatchConfig::default()
    };
    let watch = Watch::start(engine.client(options()), config, clock());
    wait_for(&watch, "the first view", |observed| observed.view.is_some()).await;
    let replicas = |observed: &Observed| {
        observed
            .view
            .as_ref()?
            .service_named("web")?
            .mode
            .replicas()
    };
    let seen = wait_for(&watch, "the new number", |observed| {
        replicas(observed) == Some(2)
    })
    .await;
    assert_eq!((seen.stats.early_relists, seen.stats.events), (1, 1));
}

#[tokio::test]
async fn a_storm_of_events_costs_few_looks() {
    let engine = announcing(Duration::from_millis(100), 5_000);
    let config = WatchConfig {
        interval: Duration::from_secs(3600),
        ..WatchConfig::default()
    };
    let watch = Watch::start(engine.client(options()), config, clock());
    let seen = wait_for(&watch, "all events", |observed| {
        observed.stats.events == 5_000
    })
    .await;
    assert!(seen.stats.relists < 40, "{:?}", seen.stats);
}

#[tokio::test]
async fn it_looks_when_told_to_and_ends_when_dropped() {
    let engine = FakeEngine::start(|asked| small_swarm(asked, 1));
    let config = WatchConfig {
        interval: Duration::from_secs(3600),
        events: false,
        ..WatchConfig::default()
    };
    let watch = Watch::start(engine.client(options()), config, clock());
    let first = wait_for(&watch, "the first view", |observed| observed.view.is_some())
        .await
        .view
        .unwrap();
    watch.look_now();
    wait_for(&watch, "another", |observed| {
        observed
            .view
            .as_ref()
            .is_some_and(|view| view.taken > first.taken)
    })
    .await;
    let mut receiver = watch.subscribe();
    drop(watch);
    receiver.borrow_and_update();
    assert!(
        tokio::time::timeout(Duration::from_secs(5), receiver.changed())
            .await
            .unwrap()
            .is_err()
    );
}
