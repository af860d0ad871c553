//! Several threads at once: receiving, asking and forgetting.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use collector::{Collector, Config, Member, Metric, Query, Selection, Statistic};

use crate::support::{Agent, Guest, cores, member};

#[test]
fn receiving_asking_and_forgetting_at_once() {
    let collector = Collector::new(Config {
        shards: 2,
        ..Config::default()
    });
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let senders: Vec<_> = (0..4u8)
            .map(|thread| {
                let collector = &collector;
                scope.spawn(move || {
                    let mut agent = Agent::new(&format!("192.0.2.{thread}:5000"));
                    // The last container is seen by all agents, who contend for it.
                    for step in 0..400u32 {
                        let guests: Vec<_> = [4 * thread, 4 * thread + 1, 99]
                            .map(|number| Guest {
                                sequence: step + 1,
                                cpu_time: step * 1_000,
                                ..Guest::new(100_000 + u32::from(number), number + 1)
                            })
                            .into();
                        agent.send(collector, u64::from(step) * 5_000, &guests);
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            let members: Vec<Member> = (1..=100).map(member).collect();
            let query = Query {
                metric: Metric::VirCpuCores,
                selection: Selection::All,
                statistic: Statistic::Max,
            };
            while !done.load(Ordering::Relaxed) {
                let now = Duration::from_secs(1_000);
                let metrics = collector.observe(&[&members], now).remove(0);
                assert!(metrics.reporting + metrics.stale + metrics.missing <= 100);
                assert!(
                    collector
                        .query(&query, now)
                        .value
                        .is_none_or(|cores| cores <= 0.2001)
                );
                collector.expire(Duration::from_secs(600));
                assert!(collector.agents(now).len() <= 4 && collector.stats().agents <= 4);
            }
        });
        for sender in senders {
            sender.join().unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    let end_ms = 399 * 5_000;
    for number in [1, 2, 5, 6, 9, 10, 13, 14, 100] {
        assert!((cores(&collector, number, end_ms).unwrap() - 0.2).abs() < 1e-6);
    }
    assert_eq!(
        collector
            .containers(Duration::from_millis(end_ms), 100)
            .len(),
        9
    );
}

#[test]
fn the_order_of_containers_in_datagrams_does_not_matter() {
    let collector = Collector::new(Config::default());
    let mut agent = Agent::new("192.0.2.1:5000");
    let mut guests: Vec<_> = (1..=9)
        .map(|number| Guest::new(100_000 + u32::from(number), number))
        .collect();
    for step in 0..12u32 {
        guests.rotate_left(step as usize % 4);
        guests.swap(0, 5);
        let (first, second) = guests.split_at(4);
        agent.send(&collector, u64::from(step) * 5_000 + 1_000, first);
        agent.send(&collector, u64::from(step) * 5_000 + 1_000, second);
        guests = guests
            .iter()
            .map(|guest| guest.next(100 * u32::from(guest.uuid)))
            .collect();
    }
    for number in 1..=9 {
        let cores = cores(&collector, number, 56_000).unwrap();
        assert!(
            (cores - 0.02 * f64::from(number)).abs() < 1e-6,
            "{number}: {cores}"
        );
    }
    assert_eq!(
        (
            collector.stats().data_sources,
            collector.stats().sequence_resets
        ),
        (9, 0)
    );
}
