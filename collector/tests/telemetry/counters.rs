//! Traps of a container's counters, simulated: each test is named after its trap.

use collector::{Collector, Config};

use crate::support::{Agent, Guest, assert_near, cores, observe};

const MINUTE_MS: u64 = 60_000;

fn start() -> (Collector, Agent) {
    let collector = Collector::new(Config::default());
    let mut agent = Agent::new("192.0.2.1:5000");
    agent.send_host(&collector, 0, ("node1", 0xee, 4));
    (collector, agent)
}

#[test]
fn rates_come_from_uptime_and_not_from_arrival() {
    let (collector, mut agent) = start();
    let guest = Guest::new(100_001, 1);
    agent.send(&collector, 1_000, &[guest]);
    let datagram = agent.datagram(6_000, &[guest.next(1_000)]);
    collector.ingest(
        agent.source,
        &datagram,
        std::time::Duration::from_millis(7_500),
    );
    assert_near(cores(&collector, 1, 7_500), 0.2);
    assert_near(
        observe(&collector, 1, 7_500)
            .bytes_in
            .map(|bytes| bytes.sum),
        1_000.0,
    );
    assert_near(
        observe(&collector, 1, 7_500).bytes.map(|bytes| bytes.sum),
        1_500.0,
    );
}

#[test]
fn cpu_time_wrap_of_32_bits_is_accepted_when_plausible() {
    let (collector, mut agent) = start();
    let guest = Guest {
        cpu_time: u32::MAX - 400,
        ..Guest::new(100_001, 1)
    };
    agent.send(&collector, 1_000, &[guest]);
    agent.send(&collector, 6_000, &[guest.next(2_500)]);
    assert_near(cores(&collector, 1, 6_000), 0.5);
    assert_eq!(collector.stats().cpu_time_wraps, 1);
}

#[test]
fn cpu_time_reset_without_a_sequence_reset_is_no_wrap() {
    let (collector, mut agent) = start();
    let guest = Guest {
        cpu_time: 18_346,
        ..Guest::new(100_001, 1)
    };
    agent.send(&collector, 1_000, &[guest]);
    let reset = Guest {
        cpu_time: 0,
        ..guest.next(0)
    };
    agent.send(&collector, 6_000, &[reset]);
    assert_eq!(cores(&collector, 1, 6_000), None);
    assert_eq!(
        observe(&collector, 1, 6_000).bytes_in,
        None,
        "if processor time began anew, so did all"
    );
    assert_eq!(
        observe(&collector, 1, 6_000).reporting,
        1,
        "it reports, only its rate is unknown"
    );
    agent.send(&collector, 11_000, &[reset.next(2_500)]);
    assert_near(cores(&collector, 1, 11_000), 0.5);
    assert_eq!(collector.stats().counters_implausible, 1);
}

#[test]
fn more_processor_time_than_the_host_has_is_implausible() {
    let (collector, mut agent) = start();
    let guest = Guest::new(100_001, 1);
    agent.send(&collector, 1_000, &[guest]);
    agent.send(&collector, 6_000, &[guest.next(36_000)]);
    assert_eq!(cores(&collector, 1, 6_000), None);
    agent.send(&collector, 11_000, &[guest.next(36_000).next(21_000)]);
    assert_near(cores(&collector, 1, 11_000), 4.0);
}

#[test]
fn identical_twins_are_ignored_and_do_not_move_the_base() {
    let (collector, mut agent) = start();
    let first = Guest::new(100_001, 1);
    let twin = Guest {
        sequence: 2,
        ..first
    };
    agent.send(&collector, 1_000, &[first, twin]);
    assert_eq!(cores(&collector, 1, 1_000), None);
    agent.send(&collector, 6_000, &[twin.next(2_500)]);
    assert_near(cores(&collector, 1, 6_000), 0.5);
    let again = Guest {
        sequence: 4,
        ..twin.next(2_500)
    };
    agent.send(&collector, 6_004, &[again]);
    assert_near(cores(&collector, 1, 6_004), 0.5);
    agent.send(&collector, 11_000, &[again.next(500)]);
    assert_near(cores(&collector, 1, 11_000), 0.1);
    assert_eq!(collector.stats().intervals_too_short, 2);
    assert_eq!(
        observe(&collector, 1, 11_000).interval.unwrap().as_millis(),
        5_000
    );
}

#[test]
fn sampling_faster_than_the_minimum_interval_still_yields_rates() {
    let (collector, mut agent) = start();
    let mut guest = Guest::new(100_001, 1);
    for step in 0..20 {
        agent.send(&collector, 1_000 + step * 300, &[guest]);
        guest = guest.next(150);
    }
    assert_near(cores(&collector, 1, 7_000), 0.5);
}

#[test]
fn state_4_shows_gauges_only_and_is_revived_by_the_next_sample() {
    let (collector, mut agent) = start();
    let guest = Guest::new(100_001, 1);
    agent.send(&collector, 1_000, &[guest]);
    agent.send(&collector, 6_000, &[guest.next(2_500)]);
    agent.send(
        &collector,
        8_000,
        &[Guest {
            state: 4,
            cpu_time: 0,
            ..guest.next(2_500).next(0)
        }],
    );
    let ended = observe(&collector, 1, 8_000);
    assert_eq!(
        (ended.ended, ended.reporting, ended.cpu_cores),
        (1, 0, None)
    );
    // Found again by the recheck; even an agent that goes on counting samples must not compare across the end.
    let back = Guest {
        sequence: 4,
        ..guest.next(30_000)
    };
    agent.send(&collector, 100_000, &[back]);
    assert_eq!(
        (
            observe(&collector, 1, 100_000).reporting,
            cores(&collector, 1, 100_000)
        ),
        (1, None)
    );
    agent.send(&collector, 105_000, &[back.next(1_000)]);
    assert_near(cores(&collector, 1, 105_000), 0.2);
}

#[test]
fn nr_virt_cpu_zero_divides_nothing() {
    let (collector, mut agent) = start();
    let guest = Guest {
        nr_virt_cpu: 0,
        ..Guest::new(100_001, 1)
    };
    agent.send(&collector, 1_000, &[guest]);
    agent.send(&collector, 6_000, &[guest.next(2_500)]);
    let share = observe(&collector, 1, 6_000).cpu_of_limit;
    assert_near(share.map(|share| share.avg), 0.5 / 4.0);
}

#[test]
fn sequence_1_begins_anew_even_when_counters_went_on() {
    let (collector, mut agent) = start();
    let guest = Guest {
        sequence: 9,
        ..Guest::new(100_001, 1)
    };
    agent.send(&collector, 1_000, &[guest]);
    agent.send(
        &collector,
        6_000,
        &[Guest {
            sequence: 1,
            ..guest.next(2_500)
        }],
    );
    assert_eq!(cores(&collector, 1, 6_000), None);
    assert_eq!(collector.stats().sequence_resets, 1);
}

#[test]
fn a_few_lost_samples_leave_the_rate_right() {
    let (collector, mut agent) = start();
    let guest = Guest::new(100_001, 1);
    agent.send(&collector, 1_000, &[guest]);
    agent.sequence += 6;
    agent.send(
        &collector,
        21_000,
        &[Guest {
            sequence: 5,
            ..guest.next(10_000)
        }],
    );
    assert_near(cores(&collector, 1, 21_000), 0.5);
    assert_eq!(collector.stats().datagrams_lost, 6);
    assert_eq!(
        observe(&collector, 1, 21_000).interval.unwrap().as_millis(),
        5_000,
        "four samples in 20 s"
    );
}

#[test]
fn too_long_a_gap_in_the_sequence_begins_anew() {
    let (collector, mut agent) = start();
    let guest = Guest::new(100_001, 1);
    agent.send(&collector, 1_000, &[guest]);
    agent.send(
        &collector,
        41_000,
        &[Guest {
            sequence: 9,
            ..guest.next(10_000)
        }],
    );
    assert_eq!(cores(&collector, 1, 41_000), None);
    assert_eq!(collector.stats().sequence_gaps, 1);
}

#[test]
fn unknown_counters_are_omitted_and_not_zero() {
    let (collector, mut agent) = start();
    let guest = Guest {
        cpu_time: u32::MAX,
        bytes_in: u64::MAX - 5_000,
        pkts_in: 0,
        ..Guest::new(100_001, 1)
    };
    agent.send(&collector, 1_000, &[guest]);
    agent.send(
        &collector,
        6_000,
        &[Guest {
            cpu_time: u32::MAX,
            ..guest.next(0)
        }],
    );
    let metrics = observe(&collector, 1, 6_000);
    assert_eq!(
        (
            metrics.reporting,
            metrics.cpu_cores,
            metrics.bytes_in,
            metrics.bytes
        ),
        (1, None, None, None)
    );
    assert!(metrics.bytes_out.is_some(), "what is known stays");
}

#[test]
fn fewer_bytes_than_before_reset_the_network_only() {
    let (collector, mut agent) = start();
    let guest = Guest {
        bytes_in: 1 << 40,
        ..Guest::new(100_001, 1)
    };
    agent.send(&collector, 1_000, &[guest]);
    // A network was disconnected: the sum over all networks falls.
    agent.send(
        &collector,
        6_000,
        &[Guest {
            bytes_in: 1 << 20,
            ..guest.next(2_500)
        }],
    );
    let metrics = observe(&collector, 1, 6_000);
    assert_eq!((metrics.bytes_in, metrics.bytes_out), (None, None));
    assert_near(metrics.cpu_cores.map(|cores| cores.avg), 0.5);
}

#[test]
fn uptime_wrap_after_49_days_keeps_the_rates() {
    let collector = Collector::new(Config::default());
    let mut agent = Agent {
        started_ms: u32::MAX - 3_000,
        ..Agent::new("192.0.2.1:5000")
    };
    let guest = Guest::new(100_001, 1);
    agent.send(&collector, 1_000, &[guest]);
    agent.send(&collector, 6_000, &[guest.next(2_500)]);
    assert_near(cores(&collector, 1, 6_000), 0.5);
    assert_eq!(
        (
            collector.stats().uptime_wraps,
            collector.stats().agent_restarts
        ),
        (1, 0)
    );
}

#[test]
fn an_agent_that_outran_its_old_uptime_while_unheard_is_noticed_by_arrival() {
    let (collector, mut agent) = start();
    let guest = Guest::new(100_001, 1);
    agent.send(&collector, 1_000, &[guest]);
    // Restarted at minute 4, heard again at minute 7: uptime and both sequences are beyond what they were.
    agent.started_ms = 0u32.wrapping_sub(u32::try_from(4 * MINUTE_MS).unwrap());
    agent.sequence = 50;
    agent.send(
        &collector,
        7 * MINUTE_MS,
        &[Guest {
            sequence: 6,
            ..guest.next(60_000)
        }],
    );
    assert_eq!(cores(&collector, 1, 7 * MINUTE_MS), None);
    assert_eq!(collector.stats().interval_mismatches, 1);
}

#[test]
fn a_late_datagram_does_not_turn_counters_back() {
    let (collector, mut agent) = start();
    let guest = Guest::new(100_001, 1);
    agent.send(&collector, 1_000, &[guest]);
    let late = agent.datagram(5_500, &[guest.next(2_250)]);
    agent.send(&collector, 6_000, &[guest.next(2_250).next(250)]);
    let before = cores(&collector, 1, 6_000);
    collector.ingest(agent.source, &late, std::time::Duration::from_millis(6_001));
    assert_eq!(cores(&collector, 1, 6_001), before);
    assert_near(before, 0.5);
    assert_eq!(
        (
            collector.stats().datagrams_late,
            collector.stats().agent_restarts
        ),
        (1, 0)
    );
}

#[test]
fn the_same_datagram_twice_counts_once() {
    let (collector, mut agent) = start();
    let guest = Guest::new(100_001, 1);
    agent.send(&collector, 1_000, &[guest]);
    let datagram = agent.datagram(6_000, &[guest.next(2_500)]);
    for _ in 0..2 {
        collector.ingest(
            agent.source,
            &datagram,
            std::time::Duration::from_millis(6_000),
        );
    }
    assert_near(cores(&collector, 1, 6_000), 0.5);
    assert_eq!(collector.stats().datagrams_duplicate, 1);
}
