//! Laws over arbitrary input: nothing panics, no rate leaves what is plausible, limits hold.

use std::time::Duration;

use collector::{Collector, Config, Metric, Query, Selection, Statistic};
use proptest::prelude::*;

use crate::support::{Agent, Guest, capture, cores, observe};

const HOST_CPUS: u32 = 4;

#[derive(Clone, Debug)]
struct Step {
    after_ms: u64,
    sequence_step: u32,
    cpu_time: u32,
    bytes_in: u64,
    state: u32,
    uuid: u8,
    restart: bool,
}

fn step() -> impl Strategy<Value = Step> {
    (
        prop_oneof![0..600u64, 1_000..20_000u64, 100_000..900_000u64],
        prop_oneof![4 => Just(1u32), 1 => 0..12u32],
        prop_oneof![3 => 0..40_000u32, 1 => any::<u32>(), 1 => Just(u32::MAX)],
        prop_oneof![3 => 0..1_000_000u64, 1 => any::<u64>()],
        prop_oneof![6 => Just(1u32), 1 => 0..8u32],
        1..4u8,
        prop::bool::weighted(0.05),
    )
        .prop_map(
            |(after_ms, sequence_step, cpu_time, bytes_in, state, uuid, restart)| Step {
                after_ms,
                sequence_step,
                cpu_time,
                bytes_in,
                state,
                uuid,
                restart,
            },
        )
}

proptest! {
    #[test]
    fn rates_never_leave_what_is_plausible(steps in prop::collection::vec(step(), 1..40)) {
        let collector = Collector::new(Config::default());
        let mut agent = Agent::new("192.0.2.1:5000");
        agent.send_host(&collector, 0, ("node", 0xee, HOST_CPUS));
        let (mut now_ms, mut sequence, mut cpu) = (1_000, 0u32, 0u32);
        for step in steps {
            now_ms += step.after_ms;
            if step.restart {
                agent.restart(now_ms - 500);
                agent.send_host(&collector, now_ms, ("node", 0xee, HOST_CPUS));
                sequence = 0;
            }
            sequence += step.sequence_step;
            cpu = cpu.wrapping_add(step.cpu_time);
            let guest = Guest { sequence, state: step.state, cpu_time: cpu, bytes_in: step.bytes_in, ..Guest::new(100_001, step.uuid) };
            agent.send(&collector, now_ms, &[guest]);
            for uuid in 1..4 {
                let metrics = observe(&collector, uuid, now_ms);
                if let Some(cores) = cores(&collector, uuid, now_ms) {
                    prop_assert!((0.0..=f64::from(HOST_CPUS)).contains(&cores), "{cores} cores");
                }
                if let Some(bytes) = metrics.bytes {
                    prop_assert!((0.0..=2.5e11).contains(&bytes.sum), "{bytes:?}");
                }
                let parts = metrics.reporting + metrics.stale + metrics.paused + metrics.ended + metrics.missing;
                prop_assert_eq!(parts, 1);
            }
            collector.expire(Duration::from_millis(now_ms));
        }
    }

    #[test]
    fn no_byte_string_panics(bytes in prop::collection::vec(any::<u8>(), 0..600), header in any::<bool>()) {
        let collector = Collector::new(Config::default());
        let mut datagram = if header { vec![0, 0, 0, 5, 0, 0, 0, 1] } else { Vec::new() };
        datagram.extend(bytes);
        collector.ingest("192.0.2.1:1".parse().unwrap(), &datagram, Duration::from_secs(1));
        prop_assert_eq!(collector.stats().datagrams, 1);
    }

    #[test]
    fn no_damage_to_real_datagrams_panics_or_breaks_a_limit(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..60),
        sources in 1..40u8,
    ) {
        let config = Config { max_agents: 5, max_data_sources: 20, max_data_sources_per_agent: 8, ..Config::default() };
        let collector = Collector::new(config);
        let mut damage = damage.iter().cycle();
        for (number, (at_ms, _, mut datagram)) in (0u8..).zip(capture("hsflowd-docker-counters.pcap")) {
            for (place, value) in damage.by_ref().take(3) {
                let place = place.index(datagram.len());
                datagram[place] = *value;
            }
            let source = ([192, 0, 2, number % sources], 5_000).into();
            collector.ingest(source, &datagram, Duration::from_millis(at_ms));
            let stats = collector.stats();
            prop_assert!(stats.agents <= 5 && stats.data_sources <= 20, "{:?}", stats);
        }
        for metric in Metric::ALL {
            let query = Query { metric, selection: Selection::All, statistic: Statistic::Min };
            let value = collector.query(&query, Duration::from_secs(70)).value;
            prop_assert!(value.is_none_or(|value| value >= 0.0), "{}: {value:?}", metric.name());
        }
        collector.expire(Duration::from_secs(100_000));
        let stats = collector.stats();
        prop_assert_eq!((stats.agents, stats.data_sources), (0, 0));
    }
}
