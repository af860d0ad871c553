//! Agents: restarts, duplicate addresses, containers seen through several data sources.

use std::{net::SocketAddr, time::Duration};

use collector::{AgentInfo, Collector, Config, Duplicate, Query, Selection, Statistic};

use crate::support::{Agent, Guest, assert_near, cores, observe, uuid};

fn agents(collector: &Collector, now_ms: u64) -> Vec<AgentInfo> {
    collector.agents(Duration::from_millis(now_ms))
}

fn count_all(collector: &Collector, now_ms: u64) -> usize {
    let query = Query {
        metric: collector::Metric::VirMemory,
        selection: Selection::All,
        statistic: Statistic::Count,
    };
    collector
        .query(&query, Duration::from_millis(now_ms))
        .data_sources
}

#[test]
fn an_agent_restart_drops_one_rate_and_counts_nothing_twice() {
    let collector = Collector::new(Config::default());
    let mut agent = Agent::new("192.0.2.1:5000");
    let guest = Guest::new(100_001, 1);
    agent.send(&collector, 1_000, &[guest]);
    agent.send(&collector, 6_000, &[guest.next(2_500)]);
    agent.restart(7_000);
    let after = Guest {
        sequence: 1,
        ..guest.next(4_000)
    };
    agent.send(&collector, 10_000, &[after]);
    assert_eq!(
        (
            cores(&collector, 1, 10_000),
            observe(&collector, 1, 10_000).reporting
        ),
        (None, 1)
    );
    agent.send(&collector, 15_000, &[after.next(2_500)]);
    assert_near(cores(&collector, 1, 15_000), 0.5);
    assert_eq!(count_all(&collector, 15_000), 1);
    let agents = agents(&collector, 15_000);
    assert_eq!(
        (
            agents.len(),
            agents[0].restarts,
            agents[0].source_port,
            agents[0].uptime_ms
        ),
        (1, 1, 5_001, 8_000)
    );
    assert_eq!(agents[0].duplicate, Duplicate::None);
}

#[test]
fn duplicate_agent_addresses_are_kept_apart_and_reported() {
    let collector = Collector::new(Config::default());
    let mut nodes = ["192.0.2.1:5000", "192.0.2.2:5000", "192.0.2.3:5000"].map(Agent::new);
    for (number, node) in (1u8..).zip(&mut nodes) {
        node.agent = [172, 17, 0, 1];
        node.started_ms = u32::from(number) * 1_000_000;
        node.send_host(&collector, 500, ("node", 0xe0 + number, 2));
        // hsflowd's index depends on the container only, so different nodes may well use the same.
        let guest = Guest {
            cpu_time: u32::from(number) * 100_000,
            ..Guest::new(100_001, number)
        };
        node.send(&collector, 1_000, &[guest]);
        node.send(&collector, 6_000, &[guest.next(500 * u32::from(number))]);
    }
    for number in 1u8..=3 {
        assert_near(cores(&collector, number, 6_000), 0.1 * f64::from(number));
    }
    let agents = agents(&collector, 6_000);
    assert_eq!(agents.len(), 3);
    assert!(
        agents
            .iter()
            .all(|agent| agent.duplicate == Duplicate::OtherHost && agent.data_sources == 1),
        "{agents:?}"
    );
    assert_eq!(
        (
            collector.stats().agents_duplicate,
            collector.stats().agent_restarts
        ),
        (2, 0)
    );
    collector.expire(Duration::from_secs(7_200));
    assert_eq!(collector.stats().agents_duplicate, 0, "all are gone");
}

#[test]
fn a_damaged_sequence_number_is_not_taken_for_billions_of_lost_datagrams() {
    let collector = Collector::new(Config::default());
    let mut agent = Agent::new("192.0.2.1:5000");
    agent.send(&collector, 1_000, &[Guest::new(100_001, 1)]);
    agent.sequence += 2_000_000_000;
    agent.send(&collector, 2_000, &[Guest::new(100_001, 1)]);
    let stats = collector.stats();
    assert_eq!((stats.datagrams_lost, stats.agent_restarts), (0, 1));
}

#[test]
fn two_agents_behind_one_address_translation_are_told_apart_by_port() {
    let collector = Collector::new(Config::default());
    let (mut a, mut b) = (Agent::new("192.0.2.1:5000"), Agent::new("192.0.2.1:6000"));
    b.started_ms = 50_000_000;
    let (mut guest_a, mut guest_b) = (Guest::new(100_001, 1), Guest::new(100_001, 2));
    for step in 0..6 {
        let now_ms = 1_000 + step * 5_000;
        a.send(&collector, now_ms, &[guest_a]);
        b.send(&collector, now_ms + 2_000, &[guest_b]);
        (guest_a, guest_b) = (guest_a.next(1_000), guest_b.next(3_000));
    }
    assert_near(cores(&collector, 1, 28_000), 0.2);
    assert_near(cores(&collector, 2, 28_000), 0.6);
    let agents = agents(&collector, 28_000);
    assert_eq!(agents.len(), 2);
    assert!(
        agents
            .iter()
            .all(|agent| agent.split_by_port && agent.duplicate == Duplicate::OtherHost),
        "{agents:?}"
    );
    assert_eq!(collector.stats().agents_split, 1);
}

#[test]
fn one_host_heard_over_two_paths_is_no_conflict_and_counts_its_containers_once() {
    let collector = Collector::new(Config::default());
    let mut paths = ["192.0.2.1:5000", "[2001:db8::1]:5000"].map(Agent::new);
    let mut guest = Guest::new(100_001, 1);
    for step in 0..6 {
        let now_ms = 1_000 + step * 5_000;
        for (delay, path) in (0..).zip(&mut paths) {
            path.send_host(&collector, now_ms, ("node", 0xee, 2));
            path.send(&collector, now_ms + delay, &[guest]);
        }
        guest = guest.next(1_000);
    }
    assert_near(cores(&collector, 1, 27_000), 0.2);
    assert_eq!(count_all(&collector, 27_000), 1);
    assert_eq!(collector.containers(Duration::from_secs(27), 10).len(), 1);
    assert_eq!(
        collector.stats().owner_changes,
        0,
        "a live owner keeps its container"
    );
    assert!(
        agents(&collector, 27_000)
            .iter()
            .all(|agent| agent.duplicate == Duplicate::SameHost)
    );
}

#[test]
fn a_container_that_moved_to_another_index_is_counted_once_without_a_hole() {
    let collector = Collector::new(Config::default());
    let mut agent = Agent::new("192.0.2.1:5000");
    let guest = Guest::new(100_001, 1);
    agent.send(&collector, 1_000, &[guest]);
    agent.send(&collector, 6_000, &[guest.next(2_500)]);
    let moved = Guest {
        index: 100_002,
        sequence: 1,
        ..guest.next(5_000)
    };
    agent.send(&collector, 11_000, &[moved]);
    assert_near(cores(&collector, 1, 11_000), 0.5);
    agent.send(&collector, 16_000, &[moved.next(1_000)]);
    assert_near(cores(&collector, 1, 16_000), 0.2);
    assert_eq!(
        (
            count_all(&collector, 16_000),
            collector.stats().owner_changes
        ),
        (1, 1)
    );
    assert_eq!(
        collector.containers(Duration::from_secs(16), 10)[0].data_source,
        "3:100002"
    );
}

#[test]
fn a_container_that_moved_after_its_end_is_taken_over_at_once() {
    let collector = Collector::new(Config::default());
    let mut agent = Agent::new("192.0.2.1:5000");
    let guest = Guest::new(100_001, 1);
    agent.send(&collector, 1_000, &[guest]);
    agent.send(
        &collector,
        2_000,
        &[Guest {
            state: 4,
            ..guest.next(0)
        }],
    );
    agent.send(
        &collector,
        3_000,
        &[Guest {
            index: 100_002,
            ..guest
        }],
    );
    assert_eq!(
        (
            observe(&collector, 1, 3_000).reporting,
            count_all(&collector, 3_000)
        ),
        (1, 1)
    );
}

#[test]
fn another_container_on_a_used_index_begins_anew() {
    let collector = Collector::new(Config::default());
    let mut agent = Agent::new("192.0.2.1:5000");
    let old = Guest {
        cpu_time: 1_000,
        ..Guest::new(100_001, 1)
    };
    agent.send(&collector, 1_000, &[old]);
    let new = Guest {
        uuid: 2,
        cpu_time: 3_000,
        sequence: 2,
        ..old
    };
    agent.send(&collector, 6_000, &[new]);
    assert_eq!(
        (
            cores(&collector, 2, 6_000),
            observe(&collector, 2, 6_000).reporting
        ),
        (None, 1)
    );
    assert_eq!(observe(&collector, 1, 6_000).missing, 1);
    agent.send(&collector, 11_000, &[new.next(1_000)]);
    assert_near(cores(&collector, 2, 11_000), 0.2);
    assert_eq!(
        (
            collector.stats().data_sources_reused,
            collector.stats().data_sources
        ),
        (1, 1)
    );
}

#[test]
fn a_rename_in_mid_series_keeps_the_rate() {
    let collector = Collector::new(Config::default());
    let mut agent = Agent::new("192.0.2.1:5000");
    let guest = Guest::new(100_001, 1);
    agent.send(&collector, 1_000, &[guest]);
    agent.send(
        &collector,
        6_000,
        &[Guest {
            name: "renamed",
            ..guest.next(1_000)
        }],
    );
    assert_near(cores(&collector, 1, 6_000), 0.2);
    let info = collector.containers(Duration::from_secs(6), 10).remove(0);
    assert_eq!((info.name.as_str(), info.uuid), ("renamed", Some(uuid(1))));
}

#[test]
fn a_changed_host_uuid_is_counted() {
    let collector = Collector::new(Config::default());
    let mut agent = Agent::new("192.0.2.1:5000");
    agent.send_host(&collector, 1_000, ("node", 0xe1, 2));
    agent.send_host(&collector, 6_000, ("node", 0xe2, 2));
    assert_eq!(collector.stats().host_uuid_changes, 1);
}

#[test]
fn an_ipv4_mapped_source_is_the_ipv4_source() {
    let collector = Collector::new(Config::default());
    let mut agent = Agent::new("192.0.2.1:5000");
    agent.send(&collector, 1_000, &[Guest::new(100_001, 1)]);
    agent.source = "[::ffff:192.0.2.1]:5000".parse::<SocketAddr>().unwrap();
    agent.send(&collector, 6_000, &[Guest::new(100_001, 1).next(1_000)]);
    assert_near(cores(&collector, 1, 6_000), 0.2);
    assert_eq!(agents(&collector, 6_000).len(), 1);
}
