use std::time::Duration;

use super::*;
use crate::backend::{BackendPort, Completeness};
use crate::key::Protocol;

pub(crate) fn service(name: &str, labels: &[(&str, &str)], backends: Vec<Backend>) -> Service {
    let labels = labels
        .iter()
        .map(|(key, value)| (format!("swarmtide.lb.{key}"), (*value).to_owned()));
    Service {
        id: format!("id-{name}"),
        name: name.to_owned(),
        labels: labels.collect(),
        created: 0,
        stop_grace_period: Duration::from_secs(10),
        backends,
    }
}

pub(crate) fn backend(task: &str, address: &str, published: u16, state: BackendState) -> Backend {
    let port = BackendPort {
        target: 8080,
        published,
        protocol: Protocol::Tcp,
    };
    Backend {
        task: task.to_owned(),
        node: format!("node-{address}"),
        address: address.parse().ok(),
        ports: vec![port, port],
        state,
    }
}

fn of(services: Vec<Service>) -> Desired {
    desired(&BackendSet {
        cluster: String::new(),
        generation: crate::backend::Generation::default(),
        completeness: Completeness::Complete,
        services,
        quarantined: [].into(),
    })
}

/// Everything in a table, one line each.
fn lines(table: &Table) -> Vec<String> {
    let mut lines = Vec::new();
    for (key, service) in table {
        lines.push(format!("{key} {}", service.config.scheduler));
        for (key, config) in &service.destinations {
            lines.push(format!("  {key} {} {}", config.forward, config.weight));
        }
    }
    lines
}

#[track_caller]
fn check_problems(desired: &Desired, expected: &[&str]) {
    let problems: Vec<_> = desired
        .problems
        .iter()
        .map(|problem| format!("{}: {}", problem.service, problem.kind))
        .collect();
    assert_eq!(problems, expected);
}

const WEB: &[(&str, &str)] = &[("vip", "10.30.0.1"), ("port", "80")];
use BackendState::{Draining, Serving};

#[test]
fn twin_ports_are_one_and_draining_is_weight_zero() {
    let desired = of(vec![
        service(
            "web",
            WEB,
            vec![
                backend("a", "10.0.0.1", 32_768, Serving),
                backend("b", "10.0.0.2", 32_769, Draining),
            ],
        ),
        service("db", &[], vec![backend("c", "10.0.0.1", 5432, Serving)]),
    ]);
    assert_eq!(
        lines(&desired.table),
        [
            "tcp 10.30.0.1:80 wrr",
            "  10.0.0.1:32768 masq 1",
            "  10.0.0.2:32769 masq 0"
        ]
    );
    check_problems(&desired, &[]);
    let origin = desired.origins.values().next().unwrap();
    assert_eq!(
        (origin.service_name.as_str(), origin.destinations.len()),
        ("web", 2)
    );
}

#[test]
fn equal_destinations_merge_and_those_that_serve_count() {
    let backends = |states: &[BackendState]| {
        let named = states.iter().enumerate();
        named
            .map(|(number, state)| backend(&format!("t{number}"), "10.0.0.1", 80, *state))
            .collect()
    };
    for (states, weight) in [
        (&[Serving, Serving, Draining][..], 2),
        (&[Draining, Serving], 1),
        (&[Draining, Draining], 0),
    ] {
        let desired = of(vec![service("web", WEB, backends(states))]);
        assert_eq!(
            lines(&desired.table)[1..],
            [format!("  10.0.0.1:80 masq {weight}")]
        );
    }
}

#[test]
fn of_two_claims_the_older_holds() {
    let mut old = service("zebra", WEB, vec![backend("a", "10.0.0.1", 1, Serving)]);
    let mut new = service("ant", WEB, vec![backend("b", "10.0.0.2", 2, Serving)]);
    (old.created, new.created) = (5, 9);
    for services in [vec![old.clone(), new.clone()], vec![new, old]] {
        let desired = of(services);
        assert_eq!(
            lines(&desired.table),
            ["tcp 10.30.0.1:80 wrr", "  10.0.0.1:1 masq 1"]
        );
        check_problems(
            &desired,
            &["ant: tcp 10.30.0.1:80 belongs to the service zebra"],
        );
    }
}

#[test]
fn what_does_not_fit_is_left_out_and_reported() {
    let droute = &[("vip", "10.30.0.1"), ("port", "80"), ("forward", "droute")];
    let mut homeless = backend("c", "10.0.0.3", 80, Serving);
    homeless.address = None;
    let backends = vec![
        backend("a", "10.0.0.1", 32_768, Serving),
        backend("b", "10.0.0.2", 80, Serving),
        homeless,
        backend("d", "2001:db8::4", 80, Serving),
    ];
    let desired = of(vec![service("web", droute, backends)]);
    assert_eq!(
        lines(&desired.table),
        ["tcp 10.30.0.1:80 wrr", "  10.0.0.2:80 droute 1"]
    );
    check_problems(
        &desired,
        &[
            "web: forwarding by droute needs the published port to be 80, not 32768",
            "web: the address of node node-10.0.0.3 is not known",
            "web: node address 2001:db8::4 is of another family than the VIP, which forwarding by droute cannot cross",
        ],
    );
}

#[test]
fn a_tunnel_crosses_families() {
    let tunnel = &[
        ("vip", "2001:db8::1"),
        ("port", "80"),
        ("forward", "tunnel"),
    ];
    let desired = of(vec![service(
        "web",
        tunnel,
        vec![backend("a", "10.0.0.1", 80, Serving)],
    )]);
    assert_eq!(lines(&desired.table)[1..], ["  10.0.0.1:80 tunnel 1"]);
}

#[test]
fn the_target_chooses_among_ports() {
    let mut several = backend("a", "10.0.0.1", 32_768, Serving);
    several.ports.push(BackendPort {
        target: 9090,
        published: 32_769,
        protocol: Protocol::Tcp,
    });
    several.ports.push(BackendPort {
        target: 53,
        published: 32_770,
        protocol: Protocol::Udp,
    });
    let with = |extra: &[(&'static str, &'static str)]| {
        let labels: Vec<_> = WEB.iter().chain(extra).copied().collect();
        of(vec![service("web", &labels, vec![several.clone()])])
    };
    check_problems(
        &with(&[]),
        &["web: task a publishes several ports in host mode; set swarmtide.lb.target"],
    );
    assert_eq!(
        lines(&with(&[("target", "9090")]).table)[1..],
        ["  10.0.0.1:32769 masq 1"]
    );
    assert_eq!(
        lines(&with(&[("protocol", "udp")]).table)[1..],
        ["  10.0.0.1:32770 masq 1"]
    );
    let missing = with(&[("target", "1")]);
    check_problems(
        &missing,
        &["web: task a publishes no fitting port in host mode"],
    );
    assert_eq!(
        lines(&missing.table),
        ["tcp 10.30.0.1:80 wrr"],
        "the virtual service stays, without destinations"
    );
}

#[test]
fn bad_labels_cost_only_their_service() {
    let bad = &[("vip", "10.30.0.2"), ("prot", "80")];
    let desired = of(vec![
        service("bad", bad, vec![]),
        service("web", WEB, vec![backend("a", "10.0.0.1", 1, Serving)]),
    ]);
    assert_eq!(desired.table.len(), 1);
    check_problems(
        &desired,
        &[
            "bad: swarmtide.lb.prot=80: there is no such label; did you mean swarmtide.lb.port?",
            "bad: swarmtide.lb.port: is missing, although the service has other swarmtide.lb.* labels",
        ],
    );
}

#[test]
fn those_in_quarantine_drain_but_half_of_a_service_at_most() {
    use BackendState::{Draining, Serving};
    let state = |backends: &[(&str, BackendState)], quarantined: &[&str]| {
        let backends = backends.iter().enumerate().map(|(number, (task, state))| {
            backend(task, &format!("10.0.0.{}", number + 1), 32_768, *state)
        });
        let mut set = BackendSet {
            cluster: String::new(),
            generation: crate::backend::Generation::default(),
            completeness: Completeness::Complete,
            services: vec![service("web", &[], backends.collect())],
            quarantined: quarantined.iter().map(ToString::to_string).collect(),
        };
        set.isolate();
        let backends = &set.services[0].backends;
        let draining = backends.iter().filter(|backend| backend.state == Draining);
        draining
            .map(|backend| backend.task.clone())
            .collect::<Vec<_>>()
    };
    let three = [("a", Serving), ("b", Serving), ("c", Serving)];
    assert_eq!(state(&three, &["b"]), ["b"]);
    assert_eq!(
        state(&three, &["a", "b", "c"]),
        ["a"],
        "one of three is the most"
    );
    assert_eq!(state(&three, &["d"]), [""; 0]);
    assert_eq!(
        state(&[("a", Serving)], &["a"]),
        [""; 0],
        "nobody else serves"
    );
    assert_eq!(
        state(&[("a", Serving), ("b", Draining)], &["a"]),
        ["b"],
        "nobody else serves"
    );
}
