use super::*;
use crate::config::{ForwardingMethod, Scheduler};
use crate::key::{Family, FirewallMarkKey, Protocol};
use crate::ownership::Existing;

fn vip(last: u8) -> VirtualServiceKey {
    VirtualServiceKey {
        address: [10, 30, 0, last].into(),
        port: 80,
        protocol: Protocol::Tcp,
    }
}

fn key(last: u8) -> DestinationKey {
    DestinationKey {
        address: [10, 0, 0, last].into(),
        port: 8080,
    }
}

fn config(weight: u32) -> DestinationConfig {
    DestinationConfig::new(ForwardingMethod::Masq, weight)
}

fn expected(destinations: &[(u8, u32, DestinationPhase)]) -> ExpectedService {
    let destination = |(last, weight, phase): &(u8, u32, DestinationPhase)| ExpectedDestination {
        key: key(*last),
        config: config(*weight),
        phase: *phase,
        tasks: vec![format!("task{last}")],
    };
    ExpectedService {
        key: vip(1),
        config: VirtualServiceConfig::default(),
        service: Some("web".to_owned()),
        destinations: destinations.iter().map(destination).collect(),
    }
}

fn listed(destinations: &[(u8, DestinationConfig)]) -> ListedService {
    let destination = |(last, config): &(u8, DestinationConfig)| {
        let listed = ListedDestination {
            config: *config,
            ..ListedDestination::default()
        };
        (key(*last), listed)
    };
    ListedService {
        destinations: destinations.iter().map(destination).collect(),
        ..ListedService::default()
    }
}

fn listing(services: Vec<(u8, ListedService)>) -> Listing {
    let services = services
        .into_iter()
        .map(|(last, service)| (vip(last), service));
    Listing {
        services: services.collect(),
        ..Listing::default()
    }
}

#[track_caller]
fn check(audit: &Audit, findings: &[&str], foreign: &[&str]) {
    let found: Vec<_> = audit.findings.iter().map(ToString::to_string).collect();
    assert_eq!(found, findings);
    assert_eq!(audit.foreign, foreign);
    assert_eq!(audit.is_clean(), findings.is_empty());
}

use DestinationPhase::{Draining, Serving};

#[test]
fn equal_tables_are_clean_and_what_drains_may_be_gone() {
    let expected = [expected(&[(1, 1, Serving), (2, 0, Draining)])];
    let listing = listing(vec![(1, listed(&[(1, config(1))]))]);
    let found = audit(&expected, &listing, &Ownership::default());
    check(&found, &[], &[]);
    assert_eq!((found.services, found.destinations), (1, 2));
}

#[test]
fn every_fault_has_its_words() {
    let expected = [expected(&[
        (1, 1, Serving),
        (2, 1, Serving),
        (3, 1, Serving),
    ])];
    let mut service = listed(&[
        (1, config(7)),
        (2, DestinationConfig::new(ForwardingMethod::Droute, 1)),
        (4, config(1)),
    ]);
    service.config = VirtualServiceConfig::new(Scheduler::Rr);
    let mut listing = listing(vec![(1, service), (2, listed(&[])), (3, listed(&[]))]);
    let mark = FirewallMarkKey {
        mark: 256,
        family: Family::Ipv4,
    };
    listing.firewall_marks.insert(mark, listed(&[]));
    let ownership = Ownership::new(vec!["10.30.0.2".parse().unwrap()], Existing::Adopt);
    check(
        &audit(&expected, &listing, &ownership),
        &[
            "virtual service tcp 10.30.0.1:80 (service web) is scheduler rr instead of scheduler wrr",
            "destination 10.0.0.1:8080 of tcp 10.30.0.1:80 (service web, task task1) has weight 7 instead of 1",
            "destination 10.0.0.2:8080 of tcp 10.30.0.1:80 (service web, task task2) is droute weight 1 instead of masq weight 1",
            "destination 10.0.0.3:8080 of tcp 10.30.0.1:80 (service web, task task3) is missing",
            "destination 10.0.0.4:8080 of tcp 10.30.0.1:80 (service web) should not be there",
            "virtual service tcp 10.30.0.2:80 should not be there",
        ],
        &["fwmark 256 ipv4", "virtual service tcp 10.30.0.3:80"],
    );
    let missing = audit(&expected, &Listing::default(), &Ownership::default());
    check(
        &missing,
        &["virtual service tcp 10.30.0.1:80 (service web) is missing"],
        &[],
    );
}

#[test]
fn what_is_expected_can_be_sent() {
    let sent = vec![expected(&[(1, 1, Serving)])];
    let json = serde_json::to_string(&sent).unwrap();
    assert_eq!(
        serde_json::from_str::<Vec<ExpectedService>>(&json).unwrap(),
        sent
    );
}
