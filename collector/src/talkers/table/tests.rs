use proptest::prelude::*;

use super::*;
use crate::talkers::{Endpoint, error_percent};

fn key(number: u32) -> FlowKey {
    FlowKey {
        source: Endpoint::Address(IpAddr::from(number.to_be_bytes())),
        destination: Endpoint::Address(IpAddr::from([10, 0, 0, 1])),
        protocol: 6,
        port: 80,
    }
}

fn flow(number: u32, bytes: u32, rate: u32) -> Flow {
    Flow {
        key: key(number),
        bytes,
        rate,
    }
}

fn of(table: &Table, now_ms: u64, number: u32) -> Option<Talker> {
    let flows = table.read(now_ms).flows;
    flows
        .into_iter()
        .find(|talker| talker.source == key(number).source)
}

const AGENT: (IpAddr, Option<IpAddr>, u32) =
    (IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), None, 100_002);

#[test]
fn each_sample_counts_with_its_own_rate_and_leaves_with_the_window() {
    let mut table = Table::new(8);
    table.heard(AGENT, 1_000);
    table.add(&flow(1, 100, 10), 1_000);
    table.add(&flow(1, 50, 400), 31_000);
    let both = of(&table, 31_000, 1).unwrap();
    assert_eq!((both.bytes, both.packets, both.samples), (21_000, 410, 2));
    assert_eq!(table.read(31_000).covered.as_millis(), 30_000);
    let later = of(&table, 70_000, 1).unwrap();
    assert_eq!((later.bytes, later.samples), (20_000, 1));
    assert_eq!(table.read(70_000).samples, 1);
    assert_eq!(of(&table, 100_000, 1), None);
    assert_eq!(table.len(), 1);
    table.expire(100_000);
    assert_eq!((table.len(), table.read(100_000).agents), (0, 0));
}

/// Packets of two sizes, of which each is sampled with the same chance, many times over: so often is the estimate off by more.
#[test]
fn the_stated_error_holds_in_95_of_100_cases_whatever_the_sizes() {
    for (rate, small, large) in [(10, 66, 1_514), (4, 700, 700), (50, 66, 64_000)] {
        let (mut state, mut within, trials) = (7_u64, 0, 1_000);
        let mut random = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            state >> 33
        };
        for _ in 0..trials {
            let mut table = Table::new(1);
            let mut sent = 0;
            for packet in 0..4_000 {
                let bytes = if packet % 3 == 0 { large } else { small };
                sent += u64::from(bytes);
                if random() % u64::from(rate) == 0 {
                    table.add(&flow(1, bytes, rate), 1_000);
                }
            }
            let found = of(&table, 1_000, 1).unwrap();
            let off = 100.0 * (found.bytes as f64 / sent as f64 - 1.0).abs();
            within += i32::from(off <= error_percent(found.bytes, found.variance));
        }
        assert!(
            (925..=975).contains(&within),
            "{rate}, {small}, {large}: {within} of {trials}"
        );
    }
    let mut all = Table::new(1);
    all.add(&flow(1, 1_000, 1), 1_000);
    let found = of(&all, 1_000, 1).unwrap();
    assert!(
        error_percent(found.bytes, found.variance).abs() < f64::EPSILON,
        "nothing is estimated"
    );
}

#[test]
fn what_grows_stays_among_ever_new_small_flows() {
    let mut table = Table::new(16);
    for step in 0..5_000_u32 {
        table.add(&flow(100 + step, 100, 1), u64::from(step));
        if step % 8 == 0 {
            table.add(&flow(1, 1_500, 1), u64::from(step));
        }
    }
    let found = of(&table, 5_000, 1).unwrap();
    // It came among the first and was never the smallest again.
    assert_eq!((found.samples, found.bytes), (625, 625 * 1_500));
    assert_eq!(table.len(), 16);
    assert!(table.evicted > 4_900);
    let of_small = table.read(5_000).flows;
    assert!(
        of_small.iter().all(|talker| talker.bytes >= 100),
        "what is inherited is not told"
    );
    assert!(
        of_small
            .iter()
            .all(|talker| talker.samples == 1 || talker.samples == 625)
    );
}

proptest! {
    /// With room for all, the table says what a plain sum over the same buckets says.
    #[test]
    fn sums_are_those_of_the_window(
        samples in proptest::collection::vec((0_u64..4_000, 0_u32..5, 1_u32..2_000, 1_u32..1_000), 1..80),
        ask in 0_u64..100_000,
    ) {
        let mut table = Table::new(64);
        let (mut now, mut all) = (0, Vec::new());
        for (step, number, bytes, rate) in samples {
            now += step;
            table.add(&flow(number, bytes, rate), now);
            all.push((now, number, u64::from(bytes) * u64::from(rate)));
        }
        let asked = now + ask;
        if ask % 2 == 0 {
            table.expire(asked);
        }
        let oldest = bucket_of(asked).saturating_sub(BUCKETS as u64 - 1) * bucket_ms();
        for number in 0..5 {
            let wanted: Vec<_> = all.iter().filter(|(at, who, _)| *who == number && *at >= oldest).collect();
            let found = of(&table, asked, number);
            prop_assert_eq!(found.map_or(0, |talker| talker.samples), wanted.len() as u64);
            prop_assert_eq!(found.map_or(0, |talker| talker.bytes), wanted.iter().map(|(_, _, bytes)| bytes).sum::<u64>());
        }
    }

    /// However they come, there are never more than the limit, and each is found by its key.
    #[test]
    fn the_table_is_bounded_and_whole(
        samples in proptest::collection::vec((0_u64..9_000, 0_u32..40, 1_u32..2_000), 1..200),
        limit in 1_usize..12,
    ) {
        let mut table = Table::new(limit);
        let mut now = 0;
        for (step, number, bytes) in samples {
            now += step;
            table.add(&flow(number, bytes, 1), now);
            if number == 7 {
                table.expire(now);
            }
            prop_assert!(table.len() <= limit);
            prop_assert_eq!((table.slots.len(), table.weights.len()), (table.len(), table.len()));
            for (slot, entry) in table.entries.iter().enumerate() {
                prop_assert_eq!(table.slots.get(&entry.key), Some(&slot));
            }
        }
    }
}
