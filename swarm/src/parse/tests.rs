use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::model::{
    Mode, NodeState, Phase, Protocol, PublishMode, Role, TaskAddress, TaskPort, UpdateState,
};

macro_rules! capture {
    ($name:literal) => {{
        let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        RawSwarm {
            info: read(include_str!(concat!(
                "../../tests/data/",
                $name,
                "-info.json"
            ))),
            nodes: read(include_str!(concat!(
                "../../tests/data/",
                $name,
                "-nodes.json"
            ))),
            services: read(include_str!(concat!(
                "../../tests/data/",
                $name,
                "-services.json"
            ))),
            tasks: read(include_str!(concat!(
                "../../tests/data/",
                $name,
                "-tasks.json"
            ))),
            api_version: "1.41".to_owned(),
        }
        .view(1, Duration::from_secs(5))
        .unwrap()
    }};
}

/// A swarm without anything, for tests of single things.
fn nothing() -> RawSwarm {
    RawSwarm {
        nodes: json!([]),
        services: json!([]),
        tasks: json!([]),
        ..RawSwarm::default()
    }
}

fn phases(view: &View, name: &str) -> [usize; 5] {
    let service = view.service_named(name).unwrap();
    [
        Phase::Starting,
        Phase::Serving,
        Phase::Draining,
        Phase::Unreachable,
        Phase::Stopped,
    ]
    .map(|phase| view.count(service, phase))
}

#[test]
fn a_capture_of_a_real_engine() {
    let view = capture!("draining");
    assert_eq!((view.generation, view.taken), (1, Duration::from_secs(5)));
    assert_eq!(view.leadership, Leadership::Leader);
    assert_eq!(view.engine.version, "20.10.24+dfsg1");
    assert_eq!(
        (
            view.engine.hostname.as_str(),
            view.engine.api_version.as_str()
        ),
        ("m1", "1.41")
    );
    assert_eq!(
        (view.nodes.len(), view.nodes_ready(), view.nodes_unknown()),
        (3, 3, 0)
    );
    let manager = &view.nodes[&view.engine.node_id];
    assert_eq!(
        (manager.hostname.as_str(), &manager.role, manager.leader),
        ("m1", &Role::Manager, true)
    );
    assert_eq!(manager.address, Some("10.87.0.11".parse().unwrap()));
    assert!(
        (manager.cpus - 2.0).abs() < 1e-9 && manager.memory_bytes > 1 << 30,
        "{manager:?}"
    );

    let names: Vec<_> = view
        .services
        .values()
        .map(|service| service.name.as_str())
        .collect();
    assert_eq!(names.len(), 6, "{names:?}");
    let mode = |name| view.service_named(name).unwrap().mode;
    assert_eq!(mode("web"), Mode::Replicated { replicas: 2 });
    assert_eq!(mode("everywhere"), Mode::Global);
    assert_eq!(mode("job"), Mode::ReplicatedJob);
    assert_eq!(
        view.service_named("bad").unwrap().update,
        UpdateState::Paused
    );
    assert_eq!(view.service_named("web").unwrap().update, UpdateState::None);
    assert_eq!(phases(&view, "web"), [0, 2, 1, 0, 0]);
    assert_eq!(phases(&view, "everywhere"), [0, 3, 0, 0, 0]);
    assert_eq!(phases(&view, "bad"), [2, 2, 0, 0, 4]);
}

#[test]
fn what_a_task_and_a_service_carry() {
    let view = capture!("draining");
    let web = view.service_named("web").unwrap();
    assert_eq!(web.labels["swarmtide.enable"], "true");
    assert_eq!(web.resources.cpu_limit_cores, Some(0.5));
    let targets: Vec<_> = web
        .ports
        .iter()
        .map(|port| (port.target, port.published, &port.mode))
        .collect();
    assert_eq!(
        targets,
        [
            (8080, None, &PublishMode::Host),
            (9090, None, &PublishMode::Host)
        ]
    );
    let serving = view.serving(web).next().unwrap();
    // The engine lists four; each stands there twice.
    let expected = [
        TaskPort {
            target: 8080,
            published: 32768,
            protocol: Protocol::Tcp,
        },
        TaskPort {
            target: 9090,
            published: 32768,
            protocol: Protocol::Udp,
        },
    ];
    assert_eq!(serving.ports, expected);
    assert_eq!(serving.container_id.as_ref().unwrap().as_str().len(), 64);
    assert_eq!(serving.resources.cpu_limit_cores, Some(0.5));

    let every = view.service_named("every").unwrap();
    assert_eq!(every.stop_grace_period, Duration::from_secs(5));
    assert!(
        every
            .created_unix_ms
            .is_some_and(|time| time > 1_700_000_000_000)
    );
    assert_eq!(every.resources.memory_limit_bytes, Some(48 << 20));
    assert_eq!(every.resources.cpu_reservation_cores, Some(0.015));
    let addresses = &view.serving(every).next().unwrap().addresses;
    let networks: Vec<_> = addresses
        .iter()
        .map(|address| (address.network.as_str(), address.prefix_len))
        .collect();
    assert_eq!(networks, [("every-front", 24), ("every-back", 24)]);

    let mesh = view.service_named("mesh").unwrap();
    assert_eq!(
        (mesh.ports[0].published, &mesh.ports[0].mode),
        (Some(8081), &PublishMode::Ingress)
    );
}

#[test]
fn a_draining_task_keeps_the_ports_that_the_engine_forgets() {
    let mut view = capture!("draining");
    let web = view.service_named("web").unwrap().id.clone();
    let mut before = view.clone();
    let port = TaskPort {
        target: 8080,
        published: 40000,
        protocol: Protocol::Tcp,
    };
    for task in &mut before.services.get_mut(&web).unwrap().tasks {
        task.ports = vec![port.clone()];
    }
    assert!(
        view.draining(&view.services[&web])
            .all(|task| task.ports.is_empty()),
        "as captured"
    );
    view.remember_ports(&before);
    assert!(
        view.draining(&view.services[&web])
            .all(|task| task.ports == [port.clone()])
    );
    assert!(
        view.serving(&view.services[&web])
            .all(|task| task.ports.len() == 2),
        "known ports are not replaced"
    );
}

#[test]
fn tasks_of_a_dead_node_do_not_serve() {
    let view = capture!("phantom");
    assert_eq!(
        (view.nodes.len(), view.nodes_ready(), view.nodes_unknown()),
        (3, 2, 0)
    );
    assert_eq!(
        view.nodes
            .values()
            .filter(|node| node.state == NodeState::Down)
            .count(),
        1
    );
    // `docker service ls` showed 3/2 at this moment: the dead node's task says "running" for ever.
    assert_eq!(phases(&view, "everywhere"), [0, 2, 0, 1, 0]);
}

#[test]
fn unknown_words_are_kept_and_hide_nothing() {
    let node = json!({"ID": "n", "Status": {"State": "dreaming"}, "Spec": {"Role": "poet", "Availability": 3}});
    let task = json!({"ID": "t", "ServiceID": "s", "NodeID": "n", "Slot": "x", "DesiredState": "adored",
        "Status": {"State": "brandnew", "PortStatus": {"Ports": [{"TargetPort": 70000}, 5, null]}}});
    let service = json!({"ID": "s", "Spec": {"Name": "web", "Mode": {"Quantum": {}}, "Labels": {"a": 1, "b": "c"}},
        "UpdateStatus": {"State": "meditating"}});
    let raw = RawSwarm {
        info: json!({"Swarm": {"NodeID": "n", "ControlAvailable": true}}),
        nodes: json!([node]),
        services: json!([service]),
        tasks: json!([task, {"ID": "u", "ServiceID": null}, {"ID": "v", "ServiceID": "gone"}]),
        api_version: String::new(),
    };
    let view = raw.view(1, Duration::ZERO).unwrap();
    let service = view.service_named("web").unwrap();
    assert_eq!(
        (service.mode, service.update.as_word()),
        (Mode::Unknown, "meditating")
    );
    assert!(service.update.blocks_scaling());
    assert_eq!(service.labels.len(), 1);
    assert_eq!(
        (service.tasks.len(), service.tasks[0].state.as_word()),
        (1, "brandnew")
    );
    assert_eq!(view.phase(&service.tasks[0]), Phase::Stopped);
    assert_eq!(view.nodes_unknown(), 1);
    assert_eq!(
        view.leadership,
        Leadership::Unknown {
            reason: "no node of the list is the leader"
        }
    );
}

#[test]
fn a_list_with_holes_is_an_error() {
    let whole = nothing();
    assert!(whole.view(1, Duration::ZERO).is_ok());
    let check = |raw: RawSwarm, expected| assert_eq!(raw.view(1, Duration::ZERO), Err(expected));
    let missing = |list, field| ParseError::Unidentified {
        list,
        index: 1,
        field,
    };
    check(
        RawSwarm {
            tasks: json!([{"ID": "a"}, {"ServiceID": "b"}]),
            ..whole.clone()
        },
        missing(ListKind::Tasks, "/ID"),
    );
    check(
        RawSwarm {
            services: json!([{"ID": "a", "Spec": {"Name": "a"}}, {"ID": "b"}]),
            ..whole.clone()
        },
        missing(ListKind::Services, "/Spec/Name"),
    );
    check(
        RawSwarm {
            nodes: json!([{"ID": "a"}, 7]),
            ..whole.clone()
        },
        missing(ListKind::Nodes, "/ID"),
    );
    check(
        RawSwarm {
            tasks: json!({"message": "no"}),
            ..whole
        },
        ParseError::NotAList {
            list: ListKind::Tasks,
        },
    );
}

fn manager(id: &str, leads: bool, reachability: &str) -> Value {
    json!({"ID": id, "Spec": {"Role": "manager"}, "Status": {"State": "ready"},
        "ManagerStatus": {"Leader": leads, "Reachability": reachability, "Addr": "10.0.0.1:2377"}})
}

#[test]
fn leadership_needs_one_leader_and_a_majority() {
    let three = |a, b, others| {
        json!([
            manager("a", a, "reachable"),
            manager("b", b, others),
            manager("c", false, others)
        ])
    };
    let good = || three(true, false, "reachable");
    let unknown = |reason| Leadership::Unknown { reason };
    let follower = Leadership::Follower {
        leader: NodeId::from("a"),
    };
    let no_leader = "no node of the list is the leader";
    let cases = [
        ("a", true, good(), Leadership::Leader),
        ("b", true, good(), follower),
        ("a", false, good(), Leadership::NotManager),
        (
            "a",
            true,
            three(false, false, "reachable"),
            unknown(no_leader),
        ),
        ("a", true, json!([]), unknown(no_leader)),
        (
            "a",
            true,
            three(true, true, "reachable"),
            unknown("the list names more than one leader"),
        ),
        (
            "a",
            true,
            three(true, false, "unreachable"),
            unknown("most managers are not reachable"),
        ),
        (
            "",
            true,
            good(),
            unknown("the engine does not name its own node"),
        ),
    ];
    for (own, control, nodes, expected) in cases {
        let info = json!({"Swarm": {"NodeID": own, "ControlAvailable": control}});
        let raw = RawSwarm {
            info,
            nodes,
            ..nothing()
        };
        assert_eq!(
            raw.view(1, Duration::ZERO).unwrap().leadership,
            expected,
            "{raw:?}"
        );
    }
}

#[test]
fn addresses_that_nobody_can_reach_are_none() {
    let address = |node: Value| {
        let raw = RawSwarm {
            nodes: json!([node]),
            ..nothing()
        };
        raw.view(1, Duration::ZERO)
            .unwrap()
            .nodes
            .values()
            .next()
            .unwrap()
            .address
    };
    assert_eq!(address(json!({"ID": "a"})), None);
    assert_eq!(
        address(json!({"ID": "a", "Status": {"Addr": "0.0.0.0"}})),
        None
    );
    let own = json!({"ID": "a", "Status": {"Addr": "0.0.0.0"}, "ManagerStatus": {"Addr": "10.0.0.5:2377"}});
    assert_eq!(address(own), Some("10.0.0.5".parse().unwrap()));
    let both = json!({"ID": "a", "Status": {"Addr": "fd00::1"}, "ManagerStatus": {"Addr": "[fd00::2]:2377"}});
    assert_eq!(address(both), Some("fd00::1".parse().unwrap()));
    let attachment = json!({"Network": {"ID": "n1", "Spec": {"Name": "ov"}}, "Addresses": ["10.0.1.3/24", "x", "1.2.3.4/200", 7]});
    let found: Vec<_> = task::parse("t", &json!({ "NetworksAttachments": [attachment] })).addresses;
    let expected = TaskAddress {
        network_id: "n1".to_owned(),
        network: "ov".to_owned(),
        address: "10.0.1.3".parse().unwrap(),
        prefix_len: 24,
    };
    assert_eq!(found, [expected]);
}

/// Arbitrary JSON whose member names are those that the parser looks for, so that it gets deep into it.
fn any_json() -> impl Strategy<Value = Value> {
    const KEYS: &str = "ID|Spec|Name|Mode|Replicated|Replicas|Global|Status|State|Labels|Resources|Limits|NanoCPUs|\
        MemoryBytes|TaskTemplate|ContainerSpec|StopGracePeriod|EndpointSpec|Ports|TargetPort|PublishedPort|Protocol|\
        PortStatus|ContainerStatus|ContainerID|NetworksAttachments|Network|Addresses|ManagerStatus|Leader|Addr|\
        Description|Hostname|ServiceID|NodeID|Slot|DesiredState|UpdateStatus|Version|Index|Swarm|ControlAvailable|Endpoint|VirtualIPs|NetworkID";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "(running|ready|remove|10.0.0.1|10.0.0.1/24|\\PC{0,6})".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((KEYS, inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_json_panics(info in any_json(), nodes in any_json(), services in any_json(), tasks in any_json()) {
        let raw = RawSwarm { info, nodes, services, tasks, api_version: String::new() };
        drop(raw.view(1, Duration::ZERO));
    }

    #[test]
    fn no_entry_panics(values in prop::collection::vec(any_json(), 4)) {
        for value in &values {
            let _: Node = node::parse("n", value);
            let _: Service = service::parse("s", "name", value);
            let _: crate::Task = task::parse("t", value);
            let _: Mode = mode(Some(value));
        }
    }
}
