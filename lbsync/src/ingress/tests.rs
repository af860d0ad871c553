use super::*;
use crate::config::{DestinationConfig, ForwardingMethod};
use crate::data_plane::ListedDestination;
use crate::key::{DestinationKey, Family};
use BackendState::{Draining, Serving};

fn address(last: u8) -> IpAddr {
    [10, 0, 0, last].into()
}

fn service(name: &str, tasks: &[(u8, BackendState)]) -> IngressService {
    let task = |(last, state): &(u8, BackendState)| IngressTask {
        task: format!("task{last}"),
        address: address(*last),
        state: *state,
    };
    IngressService {
        name: name.to_owned(),
        tasks: tasks.iter().map(task).collect(),
    }
}

fn table(services: Vec<IngressService>, found: &[(u32, &[(u8, u32)])]) -> IngressTable {
    let mut listing = Listing::default();
    for (mark, endpoints) in found {
        let key = FirewallMarkKey {
            mark: *mark,
            family: Family::Ipv4,
        };
        let destination = |(last, weight): &(u8, u32)| {
            let key = DestinationKey {
                address: address(*last),
                port: 0,
            };
            let listed = ListedDestination {
                config: DestinationConfig::new(ForwardingMethod::Masq, *weight),
                ..ListedDestination::default()
            };
            (key, listed)
        };
        let service = ListedService {
            destinations: endpoints.iter().map(destination).collect(),
            ..ListedService::default()
        };
        listing.firewall_marks.insert(key, service);
    }
    IngressTable {
        namespace: "ingress_sbox".to_owned(),
        network: IngressNetwork {
            name: "ingress".to_owned(),
            services,
        },
        listing,
    }
}

#[track_caller]
fn check(table: IngressTable, expected: &[&str]) {
    let findings: Vec<_> = ingress_audit(&[table])
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(findings, expected);
}

#[test]
fn a_right_table_has_no_findings() {
    let services = vec![
        service("web", &[(1, Serving), (2, Serving), (3, Draining)]),
        service("db", &[(9, Serving)]),
        service("idle", &[]),
    ];
    // What drains may still be there at any weight, or be gone; a service without tasks may have an empty one.
    check(
        table(
            services,
            &[
                (256, &[(1, 1), (2, 1), (3, 0), (7, 0)]),
                (257, &[(9, 1)]),
                (258, &[]),
            ],
        ),
        &[],
    );
}

#[test]
fn weights_phantoms_and_what_is_missing() {
    let services = vec![
        service("web", &[(1, Serving), (2, Serving), (3, Serving)]),
        service("db", &[(9, Serving)]),
    ];
    check(
        table(
            services,
            &[(256, &[(1, 0), (2, 1), (7, 1), (9, 1)]), (300, &[(8, 1)])],
        ),
        &[
            "ingress_sbox (network ingress, service web): fwmark 256 ipv4: endpoint 10.0.0.1 of task task1 has weight 0 instead of 1",
            "ingress_sbox (network ingress, service web): fwmark 256 ipv4: endpoint 10.0.0.7 belongs to no running task, and has weight 1",
            "ingress_sbox (network ingress, service web): fwmark 256 ipv4: endpoint 10.0.0.9 of task task9 belongs to the service db",
            "ingress_sbox (network ingress, service web): fwmark 256 ipv4: endpoint 10.0.0.3 of task task3 is missing",
            "ingress_sbox (network ingress): fwmark 300 ipv4: no endpoint belongs to a running task",
            "ingress_sbox (network ingress, service db): tasks serve, and there is no virtual service",
        ],
    );
}
