use std::time::Duration;

use serde_json::{Value, json};
use swarm::RawSwarm;

use super::*;

/// A swarm of a manager and two workers, an agent on each, one service with a task on each worker. All is well.
struct World {
    nodes: Value,
    services: Value,
    tasks: Value,
    engine: &'static str,
    agents: Value,
    held: Value,
    change: fn(&mut FleetFacts),
}

fn node(id: &str, address: &str, role: &str) -> Value {
    json!({
        "ID": id, "Version": {"Index": 1},
        "Spec": {"Role": role, "Availability": "active"},
        "Description": {"Hostname": id, "Resources": {"NanoCPUs": 4_000_000_000u64, "MemoryBytes": 1 << 30}},
        "Status": {"State": "ready", "Addr": address},
        "ManagerStatus": (role == "manager").then(|| json!({"Leader": id == "m1", "Reachability": "reachable", "Addr": format!("{address}:2377")})),
    })
}

fn task(id: &str, service: &str, node: &str, state: &str) -> Value {
    json!({
        "ID": id, "ServiceID": service, "NodeID": node, "Version": {"Index": 3}, "DesiredState": "running",
        "Status": {"State": state, "Err": if state == "rejected" { "no such image" } else { "" },
            "ContainerStatus": {"ContainerID": format!("{id:0<64}")}},
        "Spec": {}, "Slot": 1,
    })
}

fn agent(node: &str, address: &str) -> Value {
    json!({
        "source": address, "source_port": 1, "agent": address, "sub_agent": 100_002, "hostname": node, "uptime_ms": 9_000_000,
        "datagrams": 5000, "datagrams_lost": 3, "restarts": 0, "age_ms": 400, "live": true, "polling_ms": 5000, "data_sources": 2,
        "duplicate": "none", "split_by_port": false, "metrics": {},
    })
}

impl World {
    fn new() -> Self {
        Self {
            nodes: json!([
                node("m1", "10.0.0.11", "manager"),
                node("w1", "10.0.0.21", "worker"),
                node("w2", "10.0.0.22", "worker")
            ]),
            services: json!([
                {"ID": "s1", "Version": {"Index": 2}, "Spec": {"Name": "web",
                    "Labels": {"swarmtide.enable": "true", "swarmtide.max": "5"},
                    "Mode": {"Replicated": {"Replicas": 2}},
                    "TaskTemplate": {"ContainerSpec": {"Image": "web:1"}, "Resources": {"Limits": {"NanoCPUs": 500_000_000}}}}},
                {"ID": "s2", "Version": {"Index": 2}, "Spec": {"Name": "swarmtide_agent", "Labels": {}, "Mode": {"Global": {}},
                    "TaskTemplate": {"ContainerSpec": {"Image": "swarmtide:1", "Args": ["agent"]}}}},
            ]),
            tasks: json!([
                task("t1", "s1", "w1", "running"),
                task("t2", "s1", "w2", "running"),
                task("a1", "s2", "w1", "running"),
                task("a2", "s2", "w2", "running"),
                task("a3", "s2", "m1", "running"),
            ]),
            engine: "28.5.2",
            agents: json!([
                agent("m1", "10.0.0.11"),
                agent("w1", "10.0.0.21"),
                agent("w2", "10.0.0.22")
            ]),
            held: json!([{"name": "web", "hold": "at_minimum", "explanation": "It has its minimum.",
                "metrics": {"expected": 2, "reporting": 2}}]),
            change: |_| {},
        }
    }

    fn findings(mut self) -> Vec<Finding> {
        for node in self.nodes.as_array_mut().unwrap() {
            node["Description"]["Engine"] = json!({"EngineVersion": self.engine});
        }
        let raw = RawSwarm {
            info: json!({"Name": "m1", "ServerVersion": self.engine,
                "Swarm": {"NodeID": "m1", "ControlAvailable": true, "Cluster": {"ID": "c"}}}),
            nodes: self.nodes,
            services: self.services,
            tasks: self.tasks,
            api_version: "1.51".to_owned(),
        };
        let mut facts = FleetFacts {
            endpoint: "unix:///var/run/docker.sock".to_owned(),
            swarm: Ok(Seen {
                view: raw.view(1, Duration::ZERO).unwrap(),
                engines: ask::engines(&raw),
                containers: ask::containers(&raw),
            }),
            url: "http://127.0.0.1:8008".to_owned(),
            sidecar: Ok(SidecarFacts {
                not_ready: None,
                state: "enabled".to_owned(),
                agents: serde_json::from_value(self.agents).unwrap(),
                services: serde_json::from_value(self.held).unwrap(),
            }),
            managers: Vec::new(),
            allow: AllowList::default(),
            defaults: Defaults::default(),
        };
        (self.change)(&mut facts);
        judge(&facts)
    }
}

/// Changes one thing, and expects one finding that is not good, with those words in it.
#[track_caller]
fn check(change: impl FnOnce(&mut World), expected: (&str, &str, Severity), words: &[&str]) {
    let mut world = World::new();
    change(&mut world);
    let findings = world.findings();
    let bad: Vec<_> = findings
        .iter()
        .filter(|finding| finding.severity > Severity::Good)
        .collect();
    assert_eq!(bad.len(), 1, "{bad:#?}");
    let subject = bad[0].subject.as_deref().unwrap_or_default();
    assert_eq!((bad[0].id, subject, bad[0].severity), expected, "{bad:#?}");
    assert_eq!(findings[0], *bad[0], "the worst comes first");
    assert!(!bad[0].why.is_empty() && !bad[0].fix.is_empty(), "{bad:#?}");
    let text = format!("{} {}", bad[0].found, bad[0].fix);
    for word in words {
        assert!(text.contains(word), "{word}: {text}");
    }
}

#[test]
fn a_swarm_where_all_is_well_says_so_of_each_part() {
    let findings = World::new().findings();
    let said: Vec<_> = findings
        .iter()
        .map(|found| (found.id, found.subject.as_deref().unwrap_or_default()))
        .collect();
    assert!(
        findings
            .iter()
            .all(|found| found.severity == Severity::Good),
        "{findings:#?}"
    );
    for expected in [
        ("engine", ""),
        ("leader", ""),
        ("sidecar", ""),
        ("telemetry", "m1"),
        ("telemetry", "w1"),
        ("telemetry", "w2"),
        ("service", "web"),
    ] {
        assert!(said.contains(&expected), "{expected:?}: {said:?}");
    }
}

#[test]
fn an_engine_that_shows_nothing_is_named_with_what_helps() {
    use Trouble::{Absent, Forbidden, NoLeader, NotManager, Other};
    for (trouble, word) in [
        (Absent as fn(String) -> Trouble, "mount its socket"),
        (Forbidden, "group"),
        (NotManager, "docker node ls"),
        (NoLeader, "majority"),
        (Other, "engine's log"),
    ] {
        let mut facts = FleetFacts {
            endpoint: "unix:///x".to_owned(),
            swarm: Err(trouble("the cause".to_owned())),
            url: String::new(),
            sidecar: Ok(SidecarFacts::default()),
            managers: Vec::new(),
            allow: AllowList::default(),
            defaults: Defaults::default(),
        };
        facts.sidecar.as_mut().unwrap().state = "enabled".to_owned();
        let findings = judge(&facts);
        assert_eq!(
            (findings[0].id, findings[0].severity),
            ("engine", Severity::Error)
        );
        assert!(
            findings[0].found.contains("the cause") && findings[0].fix.contains(word),
            "{findings:#?}"
        );
    }
}

#[test]
fn sidecars_that_do_not_answer_are_named() {
    let changed = |change| move |world: &mut World| world.change = change;
    check(
        changed(|facts| facts.sidecar = Err("nobody there".to_owned())),
        ("sidecar", "", Severity::Error),
        &["nobody there", "swarmtide_sidecar"],
    );
    check(
        changed(|facts| {
            facts.sidecar.as_mut().unwrap().not_ready =
                Some("the swarm has not been listed yet".to_owned())
        }),
        ("sidecar", "", Severity::Error),
        &["not been listed"],
    );
    check(
        changed(|facts| facts.sidecar.as_mut().unwrap().state = "dry-run".to_owned()),
        ("state", "", Severity::Notice),
        &["swarmtide state enabled"],
    );
    for (answer, words) in [
        (
            Answer::Silent("connection refused".to_owned()),
            ["connection refused", "loopback"],
        ),
        (Answer::NotReady("stopping".to_owned()), ["stopping", "m2"]),
    ] {
        let mut world = World::new();
        world.change = |facts| {
            facts.managers.push(ManagerFact {
                node: "m2".to_owned(),
                url: "http://10.0.0.12:8008".to_owned(),
                leads: true,
                answer: Answer::Ready,
            });
        };
        assert!(
            world
                .findings()
                .iter()
                .all(|found| found.severity == Severity::Good)
        );
        let manager = ManagerFact {
            node: "m2".to_owned(),
            url: "http://10.0.0.12:8008".to_owned(),
            leads: true,
            answer,
        };
        let finding = sidecars::other(&manager);
        assert_eq!(finding.severity, Severity::Warning);
        let text = format!("{} {}", finding.found, finding.fix);
        assert!(words.iter().all(|word| text.contains(word)), "{text}");
    }
}

#[test]
fn a_node_of_which_nothing_comes_is_named_with_the_reason() {
    let without_w1 = |world: &mut World| {
        world.agents.as_array_mut().unwrap().remove(1);
    };
    let w1 = ("telemetry", "w1", Severity::Error);
    check(
        without_w1,
        w1,
        &["10.0.0.21", "SWARMTIDE_AGENT_COLLECTORS", "6343"],
    );
    check(
        |world| {
            without_w1(world);
            world.tasks[2] = task("a1", "s2", "w1", "rejected");
        },
        w1,
        &["rejected: no such image", "docker service ps"],
    );
    check(
        |world| {
            without_w1(world);
            world.tasks.as_array_mut().unwrap().remove(2);
        },
        w1,
        &["runs no task of swarmtide_agent"],
    );
    check(
        |world| {
            without_w1(world);
            world.services.as_array_mut().unwrap().remove(1);
            let tasks = world.tasks.as_array_mut().unwrap();
            tasks.retain(|task| task["ServiceID"] == "s1");
        },
        w1,
        &[
            "no service of the swarm looks like an agent",
            "swarmtide-agent",
        ],
    );
    check(
        |world| {
            without_w1(world);
            world.change = |facts| {
                facts.allow = AllowList::new(vec!["10.0.0.22/32".parse().unwrap()]);
            };
        },
        w1,
        &["collector.allow does not list 10.0.0.21"],
    );
    check(
        |world| {
            world.agents[1]["live"] = false.into();
            world.agents[1]["age_ms"] = 75_000.into();
        },
        w1,
        &["silent for 75 s", "firewalls"],
    );
}

#[test]
fn a_node_where_nothing_is_scaled_matters_less_and_one_that_is_down_not_at_all() {
    check(
        |world| {
            world.agents.as_array_mut().unwrap().remove(0);
        },
        ("telemetry", "m1", Severity::Warning),
        &["nothing has come"],
    );
    // A node that is down is swarm's matter.
    let mut world = World::new();
    world.agents.as_array_mut().unwrap().remove(1);
    world.nodes[1]["Status"]["State"] = "down".into();
    assert!(
        world
            .findings()
            .iter()
            .all(|found| found.severity == Severity::Good)
    );
}

#[test]
fn hsflowd_beside_docker_29_and_others_without_containers_are_told() {
    let silent = |world: &mut World, sub_agent: u32| {
        world.agents[1]["sub_agent"] = sub_agent.into();
        world.agents[1]["data_sources"] = 0.into();
    };
    let w1 = ("telemetry", "w1", Severity::Error);
    check(
        |world| {
            silent(world, 100_000);
            world.engine = "29.0.1";
        },
        w1,
        &["29.0.1", "DOCKER_MIN_API_VERSION", "swarmtide agent"],
    );
    check(
        |world| {
            silent(world, 100_002);
            world.agents[1]["uptime_ms"] = 4000.into();
        },
        ("telemetry", "w1", Severity::Notice),
        &["started 4 s ago", "ask again"],
    );
    check(|world| silent(world, 100_000), w1, &["docker { }"]);
    check(
        |world| silent(world, 100_002),
        w1,
        &["SWARMTIDE_AGENT_CGROUP"],
    );
}

#[test]
fn telemetry_that_comes_badly_is_told() {
    for (key, value, words) in [
        ("agent", json!("172.17.0.1"), ["172.17.0.1", "agent.cidr"]),
        ("datagrams_lost", json!(300), ["300 of 5300", "rmem_max"]),
        ("polling_ms", json!(30_000), ["every 30 s", "polling = 5"]),
    ] {
        let severity = if key == "agent" {
            Severity::Notice
        } else {
            Severity::Warning
        };
        check(
            |world| world.agents[1][key] = value,
            ("telemetry", "w1", severity),
            &words,
        );
    }
    check(
        |world| {
            world.agents[1]["agent"] = "172.17.0.1".into();
            world.agents[1]["duplicate"] = "other_host".into();
        },
        ("telemetry", "w1", Severity::Warning),
        &["another host does so too"],
    );
    check(
        |world| {
            world.agents[1]["restarts"] = 4.into();
            world.agents[1]["uptime_ms"] = 30_000.into();
        },
        ("telemetry", "w1", Severity::Warning),
        &["started anew 4 times"],
    );
    check(
        |world| {
            let stranger = agent("elsewhere", "192.0.2.7");
            world.agents.as_array_mut().unwrap().push(stranger);
        },
        ("telemetry", "192.0.2.7", Severity::Notice),
        &["elsewhere", "collector.allow"],
    );
}

#[test]
fn services_are_told_what_is_wrong_with_them() {
    let web = |severity| ("labels", "web", severity);
    check(
        |world| world.services[0]["Spec"]["Labels"]["swarmtide.max"] = "many".into(),
        web(Severity::Error),
        &["swarmtide.max", "many"],
    );
    check(
        |world| {
            let labels = &mut world.services[0]["Spec"]["Labels"];
            labels["swarmtide.lb.vip"] = "nowhere".into();
            labels["swarmtide.lb.port"] = "80".into();
        },
        web(Severity::Error),
        &["not balanced", "swarmtide.lb"],
    );
    check(
        |world| {
            world.services[0]["Spec"]["Labels"] = json!({});
            let labels = json!({"swarmtide.enable": "true", "other": "x"});
            world.services[0]["Spec"]["TaskTemplate"]["ContainerSpec"]["Labels"] = labels;
            world.held = json!([]);
        },
        web(Severity::Warning),
        &[
            "swarmtide.enable is a label of its containers",
            "deploy: labels:",
        ],
    );
    check(
        |world| {
            world.services[0]["Spec"]["Labels"] = json!({});
            world.held = json!([]);
        },
        ("services", "", Severity::Notice),
        &["none of 2 services has opted in", "--label-add"],
    );
    check(
        |world| world.services[0]["Spec"]["Mode"] = json!({"Global": {}}),
        ("mode", "web", Severity::Error),
        &["global", "replicated"],
    );
    check(
        |world| world.services[0]["Spec"]["TaskTemplate"]["Resources"] = json!({}),
        ("limits", "web", Severity::Notice),
        &["no CPU limit"],
    );
    for (hold, severity, word) in [
        ("telemetry_partial", Severity::Warning, "send nothing"),
        ("rollout", Severity::Notice, "docker service ps web"),
        ("at_maximum", Severity::Notice, "swarmtide.max"),
        ("failing", Severity::Warning, "--no-trunc web"),
        ("back_off", Severity::Warning, "engine"),
        ("shortage", Severity::Warning, "add nodes"),
        ("paused", Severity::Notice, "swarmtide pause web --end"),
    ] {
        check(
            |world| world.held[0]["hold"] = hold.into(),
            ("service", "web", severity),
            &[word, "It has its minimum."],
        );
    }
}
