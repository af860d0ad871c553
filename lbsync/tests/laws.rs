//! Laws of the difference of two tables.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use lbsync::{
    Change, DestinationConfig, DestinationKey, ForwardingMethod, Persistence, Protocol, Scheduler,
    ServiceFlags, Table, Thresholds, Tunnel, TunnelFlags, TunnelKind, VirtualService,
    VirtualServiceConfig, VirtualServiceKey, apply, diff,
};
use proptest::collection::btree_map;
use proptest::prelude::*;
use proptest::sample::select;

fn address() -> impl Strategy<Value = IpAddr> {
    (any::<bool>(), 0..4u8).prop_map(|(six, last)| match six {
        true => IpAddr::V6(Ipv6Addr::from([0, 0, 0, 0, 0, 0, 0, u16::from(last)])),
        false => IpAddr::V4(Ipv4Addr::from([10, 0, 0, last])),
    })
}

fn service_key() -> impl Strategy<Value = VirtualServiceKey> {
    (address(), 80..82u16, select(&Protocol::ALL[..])).prop_map(|(address, port, protocol)| {
        VirtualServiceKey {
            address,
            port,
            protocol,
        }
    })
}

fn destination() -> impl Strategy<Value = (DestinationKey, DestinationConfig)> {
    let forward = select(&ForwardingMethod::ALL[..]);
    let kind = select(&TunnelKind::NAMED[..]);
    let details = (kind, 0..2u16, 0..2u16, 0..2u32, 0..2u32);
    (address(), 1..3u16, forward, 0..3u32, details).prop_map(
        |(address, port, forward, weight, (kind, tunnel_port, flags, upper, lower))| {
            let config = DestinationConfig {
                tunnel: Tunnel {
                    kind,
                    port: tunnel_port,
                    flags: TunnelFlags(flags),
                },
                thresholds: Thresholds { upper, lower },
                ..DestinationConfig::new(forward, weight)
            };
            (DestinationKey { address, port }, config)
        },
    )
}

fn persistence() -> impl Strategy<Value = Option<Persistence>> {
    proptest::option::of(
        (1..3u32, 24..26u8).prop_map(|(timeout_s, prefix_length)| Persistence {
            timeout_s,
            prefix_length,
        }),
    )
}

fn service() -> impl Strategy<Value = VirtualService> {
    let destinations = proptest::collection::vec(destination(), 0..6);
    let scheduler = select(&Scheduler::NAMED[..]);
    (
        scheduler,
        0..2u32,
        persistence(),
        any::<bool>(),
        destinations,
    )
        .prop_map(
            |(scheduler, flags, persistence, one_packet, destinations)| VirtualService {
                config: VirtualServiceConfig {
                    scheduler,
                    flags: ServiceFlags(flags),
                    persistence,
                    one_packet,
                },
                destinations: destinations.into_iter().collect(),
            },
        )
}

fn table() -> impl Strategy<Value = Table> {
    btree_map(service_key(), service(), 0..5)
}

fn applied(mut table: Table, changes: &[Change]) -> Table {
    for change in changes {
        apply(&mut table, change);
    }
    table
}

/// The fewest changes that can lead from one table to the other; weight 0 before a deletion counts.
fn fewest(actual: &Table, desired: &Table) -> usize {
    let empty = BTreeMap::new();
    let mut count = 0;
    for key in actual
        .keys()
        .chain(desired.keys().filter(|key| !actual.contains_key(key)))
    {
        let (before, after) = (actual.get(key), desired.get(key));
        count += usize::from(
            before.map(|service| &service.config) != after.map(|service| &service.config),
        );
        let old = before.map_or(&empty, |service| &service.destinations);
        let new = after.map_or(&empty, |service| &service.destinations);
        count += new
            .iter()
            .filter(|(key, config)| old.get(key) != Some(*config))
            .count();
        let gone = old.iter().filter(|(key, _)| !new.contains_key(key));
        count += gone
            .map(|(_, config)| 1 + usize::from(config.weight != 0))
            .sum::<usize>();
    }
    count
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_leads_to_what_is_desired(actual in table(), desired in table()) {
        let plan = diff(&actual, &desired, |_| true);
        prop_assert_eq!(plan.changes.len(), fewest(&actual, &desired));
        prop_assert_eq!(applied(actual, &plan.changes), desired);
    }

    #[test]
    fn equal_tables_need_no_change(table in table()) {
        prop_assert!(diff(&table, &table, |_| true).changes.is_empty());
    }

    #[test]
    fn what_is_foreign_stays_and_the_rest_becomes_as_desired(actual in table(), desired in table(), port in 80..82u16) {
        let owns = |key: &VirtualServiceKey| key.port == port;
        let plan = diff(&actual, &desired, owns);
        let result = applied(actual.clone(), &plan.changes);
        for (key, service) in &actual {
            if !owns(key) {
                prop_assert_eq!(result.get(key), Some(service));
                prop_assert!(plan.foreign.contains(key));
                prop_assert_eq!(plan.blocked.contains(key), desired.contains_key(key));
            }
        }
        for (key, service) in &desired {
            if owns(key) || !actual.contains_key(key) {
                prop_assert_eq!(result.get(key), Some(service));
            }
        }
        let unexpected = result.keys().find(|key| owns(key) && !desired.contains_key(key));
        prop_assert_eq!(unexpected, None);
    }

    #[test]
    fn steps_follow_each_other_and_within_one_the_order_does_not_matter(actual in table(), desired in table()) {
        let plan = diff(&actual, &desired, |_| true);
        prop_assert!(plan.changes.is_sorted_by_key(Change::step));
        let steps = plan.changes.chunk_by(|one, other| one.step() == other.step());
        let backwards: Vec<_> = steps.flat_map(|step| step.iter().rev().cloned()).collect();
        prop_assert_eq!(applied(actual, &backwards), desired);
    }

    #[test]
    fn every_prefix_of_a_plan_is_safe(actual in table(), desired in table()) {
        let plan = diff(&actual, &desired, |_| true);
        let mut now = actual;
        let mut deleting = false;
        for change in &plan.changes {
            match change {
                Change::AddDestination { service, destination, .. } => {
                    prop_assert!(now.contains_key(service), "the service comes first");
                    prop_assert!(!now[service].destinations.contains_key(destination));
                }
                Change::DeleteDestination { service, destination } => {
                    prop_assert_eq!(now[service].destinations[destination].weight, 0);
                }
                Change::DeleteService { service } => {
                    prop_assert!(now[service].destinations.is_empty());
                }
                _ => {}
            }
            prop_assert!(!(deleting && change.is_add()), "what is added comes before what is deleted");
            deleting |= change.is_delete();
            apply(&mut now, change);
        }
    }
}
