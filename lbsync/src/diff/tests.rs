use super::*;
use crate::config::{ForwardingMethod, Scheduler, VirtualServiceConfig};
use crate::key::Protocol;

fn key(last: u8) -> VirtualServiceKey {
    VirtualServiceKey {
        address: [10, 30, 0, last].into(),
        port: 80,
        protocol: Protocol::Tcp,
    }
}

/// Last byte of the VIP, scheduler, and destinations with last byte and weight.
type Short<'a> = (u8, &'a str, &'a [(u8, u32)]);

fn table(services: &[Short<'_>]) -> Table {
    let destination = |(last, weight): &(u8, u32)| {
        let key = DestinationKey {
            address: [10, 0, 0, *last].into(),
            port: 8080,
        };
        (key, DestinationConfig::new(ForwardingMethod::Masq, *weight))
    };
    let service = |(last, scheduler, destinations): &Short<'_>| {
        let config = VirtualServiceConfig::new(Scheduler::from_name(scheduler));
        (
            key(*last),
            VirtualService {
                config,
                destinations: destinations.iter().map(destination).collect(),
            },
        )
    };
    services.iter().map(service).collect()
}

#[track_caller]
fn check(actual: &Table, desired: &Table, expected: &[&str]) {
    let plan = diff(actual, desired, |_| true);
    let changes: Vec<_> = plan.changes.iter().map(ToString::to_string).collect();
    assert_eq!(changes, expected);
}

#[test]
fn a_service_comes_before_its_destinations() {
    check(
        &Table::new(),
        &table(&[(1, "wrr", &[(1, 1), (2, 0)])]),
        &[
            "add virtual service tcp 10.30.0.1:80 scheduler wrr",
            "add destination 10.0.0.1:8080 of tcp 10.30.0.1:80 masq weight 1",
            "add destination 10.0.0.2:8080 of tcp 10.30.0.1:80 masq weight 0",
        ],
    );
}

#[test]
fn additions_come_before_deletions_and_weight_zero_before_both_ends() {
    check(
        &table(&[(1, "wrr", &[(1, 1), (2, 1), (3, 0)])]),
        &table(&[(1, "lc", &[(2, 0), (4, 2)])]),
        &[
            "update virtual service tcp 10.30.0.1:80 scheduler lc",
            "add destination 10.0.0.4:8080 of tcp 10.30.0.1:80 masq weight 2",
            "update destination 10.0.0.1:8080 of tcp 10.30.0.1:80 masq weight 0",
            "update destination 10.0.0.2:8080 of tcp 10.30.0.1:80 masq weight 0",
            "delete destination 10.0.0.1:8080 of tcp 10.30.0.1:80",
            "delete destination 10.0.0.3:8080 of tcp 10.30.0.1:80",
        ],
    );
}

#[test]
fn orphans_go_last() {
    check(
        &table(&[(1, "wrr", &[(1, 1)])]),
        &table(&[(2, "wrr", &[])]),
        &[
            "add virtual service tcp 10.30.0.2:80 scheduler wrr",
            "update destination 10.0.0.1:8080 of tcp 10.30.0.1:80 masq weight 0",
            "delete destination 10.0.0.1:8080 of tcp 10.30.0.1:80",
            "delete virtual service tcp 10.30.0.1:80",
        ],
    );
}

#[test]
fn what_is_foreign_is_reported_and_left_alone() {
    let actual = table(&[(1, "wrr", &[(1, 1)]), (2, "rr", &[(2, 1)])]);
    let desired = table(&[(2, "wrr", &[(9, 1)]), (3, "wrr", &[])]);
    let plan = diff(&actual, &desired, |_| false);
    assert_eq!(plan.changes.len(), 1, "{:?}", plan.changes);
    assert_eq!(plan.foreign, [key(1), key(2)]);
    assert_eq!(plan.blocked, [key(2)]);
}
