use super::*;
use crate::{Direction, Marks, Metric, PolicyError};
use std::time::Duration;

/// A label set; names without the prefix.
pub(crate) fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(name, value)| (format!("{PREFIX}{name}"), (*value).to_owned()))
        .collect()
}

fn read(pairs: &[(&str, &str)]) -> Result<Option<Policy>, Vec<LabelError>> {
    Policy::from_labels(&Defaults::default(), &labels(pairs))
}

/// The policy of an enabled service.
#[track_caller]
fn policy(pairs: &[(&str, &str)]) -> Policy {
    read(&[&[("enable", "true")], pairs].concat())
        .unwrap()
        .unwrap()
}

fn marks(policy: &Policy) -> Vec<(Metric, Marks)> {
    policy.marks().collect()
}

/// What is wrong with the labels of an enabled service, as a person reads it.
#[track_caller]
fn errors(pairs: &[(&str, &str)]) -> Vec<String> {
    read(&[&[("enable", "true")], pairs].concat())
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn the_parser_accepts_exactly_the_table() {
    for label in LABELS {
        let companions: &[(&str, &str)] = match label.name {
            "bytes.low" => &[("bytes.high", "2MB/s")],
            "min" => &[("max", "9")],
            "schedule.zone" => &[("schedule", "0 8 * * * for 1h min=2")],
            _ => &[],
        };
        let own = [(label.name, label.example)];
        let pairs = [companions, &own].concat();
        if label.name == "enable" {
            assert!(read(&own).unwrap().is_some());
        } else {
            policy(&pairs);
        }
        // A value that no syntax knows shows that the label is read, not passed over.
        let nonsense = [companions, &[("enable", "true"), (label.name, "?!")]].concat();
        let nonsense = read(&nonsense).unwrap_err();
        assert!(
            matches!(
                nonsense[0].problem,
                Problem::Value { .. } | Problem::Schedule { .. }
            ),
            "{}: {nonsense:?}",
            label.name
        );
        let other = format!("{}x", label.name);
        let unknown = read(&[("enable", "true"), (&other, label.example)]).unwrap_err();
        assert!(
            matches!(unknown[0].problem, Problem::UnknownLabel { .. }),
            "{other}: {unknown:?}"
        );
    }
}

#[test]
fn the_table_tells_the_defaults() {
    let given = policy(&[]);
    let default = |name: &str| {
        LABELS
            .iter()
            .find(|label| label.name == name)
            .map(|label| label.default)
            .unwrap()
    };
    assert_eq!(default("min"), given.bounds().min().to_string());
    assert_eq!(default("max"), given.bounds().max().to_string());
    assert_eq!(
        policy(&[("cpu.high", default("cpu.high")), ("step", default("step"))]),
        given
    );
    assert_eq!(
        marks(&given),
        [(Metric::CpuOfLimit, Marks::new(0.7, 0.35).unwrap())]
    );
    assert_eq!(policy(&[("bytes.high", default("bytes.high"))]), given);
    assert_eq!(
        policy(&[("cooldown.up", "10s"), ("cooldown.down", "60s")]),
        given
    );
    assert!(default("cooldown").contains("10s") && default("cooldown").contains("60s"));
}

#[test]
fn opting_in() {
    assert_eq!(read(&[]), Ok(None));
    assert_eq!(
        read(&[("lb.vip", "10.0.0.1"), ("lb.whatever", "x")]),
        Ok(None)
    );
    assert_eq!(read(&[("enable", "false"), ("min", "nonsense")]), Ok(None));
    assert!(
        read(&[("enable", "true"), ("lb.port", "80")])
            .unwrap()
            .is_some()
    );
    let other = BTreeMap::from([("com.docker.stack.namespace".to_owned(), "x".to_owned())]);
    assert_eq!(Policy::from_labels(&Defaults::default(), &other), Ok(None));
    let problem = |pairs| {
        read(pairs)
            .unwrap_err()
            .into_iter()
            .map(|error: LabelError| error.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        problem(&[("max", "4")]),
        [
            "swarmtide.enable: the service has other labels of this family but not this one; set it to true or false"
        ]
    );
    assert_eq!(
        problem(&[("enabel", "true")]),
        ["swarmtide.enabel=true: there is no such label; did you mean swarmtide.enable?"]
    );
    assert_eq!(
        problem(&[("enable", "yes")]),
        ["swarmtide.enable=yes: must be true or false"]
    );
    let shouted = BTreeMap::from([("Swarmtide.Enable".to_owned(), "true".to_owned())]);
    assert_eq!(
        Policy::from_labels(&Defaults::default(), &shouted).unwrap_err()[0].to_string(),
        "Swarmtide.Enable=true: there is no such label; did you mean swarmtide.enable?"
    );
}

#[test]
fn every_error_is_reported() {
    insta::assert_snapshot!(
        errors(&[("min", "many"), ("cpu.hihg", "70%"), ("cpu.low", "0.7"), ("colour", "red"), ("cooldown", "soon"), ("step", "0")]).join("\n"),
        @r"
    swarmtide.colour=red: there is no such label
    swarmtide.cpu.hihg=70%: there is no such label; did you mean swarmtide.cpu.high?
    swarmtide.min=many: must be a whole number from 0 to 100000
    swarmtide.cpu.low=0.7: is ambiguous: write 70% for a share of the CPU limit, or 0.7cores for cores
    swarmtide.step=0: must be at least 1
    swarmtide.cooldown=soon: must be a duration, such as 30s, 1m 30s, or a number of seconds
    "
    );
}

#[test]
fn values_have_to_go_together() {
    for (pairs, expected) in [
        (
            &[("min", "0")] as &[_],
            "swarmtide.min=0: must be at least 1: a service with no replicas shows no load that could bring it back",
        ),
        (
            &[("min", "5"), ("max", "3")],
            "swarmtide.min=5: min 5 is above max 3",
        ),
        (&[("min", "11")], "swarmtide.min=11: min 11 is above max 10"),
        (&[("max", "0")], "swarmtide.max=0: min 1 is above max 0"),
        (
            &[("cpu.high", "70%"), ("cpu.low", "70%")],
            "swarmtide.cpu.low=70%: the low mark must be below the high mark",
        ),
        (
            &[("cpu.low", "80%")],
            "swarmtide.cpu.low=80%: the low mark must be below the high mark",
        ),
        (
            &[("cpu.high", "0")],
            "swarmtide.cpu.high=0: the high mark must be above 0 and at most 10^15",
        ),
        (
            &[("cpu.high", "2cores"), ("cpu.low", "30%")],
            "swarmtide.cpu.low=30%: one CPU mark is a share of the limit, the other in cores; write both the same way",
        ),
        (
            &[("bytes.low", "1k")],
            "swarmtide.bytes.low=1k: there is no high mark to go with it",
        ),
        (
            &[("cpu.low", "off")],
            "swarmtide.cpu.low=off: a low mark cannot be off: write 0 for a metric that never lets the service shrink, or set the high mark to off",
        ),
        (
            &[("cpu.high", "off")],
            "swarmtide.cpu.high=off: no metric has a high mark or a target",
        ),
    ] {
        assert_eq!(errors(pairs), [expected]);
    }
}

#[test]
fn the_more_specific_wins() {
    let given = policy(&[
        ("step", "3"),
        ("step.up", "5"),
        ("cooldown", "20s"),
        ("cooldown.down", "5m"),
    ]);
    assert_eq!(
        (given.step(Direction::Up), given.step(Direction::Down)),
        (5, 3)
    );
    assert_eq!(given.cooldown(Direction::Up), Duration::from_secs(20));
    assert_eq!(given.cooldown(Direction::Down), Duration::from_secs(300));
}

#[test]
fn a_low_mark_of_the_defaults_belongs_to_their_high_mark() {
    let defaults: Defaults = serde_json::from_str(
        r#"{"cpu_high": "80%", "cpu_low": "20%", "bytes_high": 1000, "cooldown_up": 5}"#,
    )
    .unwrap();
    let with = |pairs: &[(&str, &str)]| {
        let labels = labels(&[&[("enable", "true")], pairs].concat());
        Policy::from_labels(&defaults, &labels).unwrap().unwrap()
    };
    let both = |high, low| {
        vec![
            (Metric::CpuOfLimit, Marks::new(high, low).unwrap()),
            (Metric::Bytes, Marks::new(1000.0, 500.0).unwrap()),
        ]
    };
    assert_eq!(marks(&with(&[])), both(0.8, 0.2));
    assert_eq!(marks(&with(&[("cpu.high", "90%")])), both(0.9, 0.45));
    assert_eq!(marks(&with(&[("cpu.low", "10%")])), both(0.8, 0.1));
    assert_eq!(
        marks(&with(&[("cpu.high", "2cores"), ("bytes.high", "off")])),
        [(Metric::CpuCores, Marks::new(2.0, 1.0).unwrap())]
    );
    assert_eq!(
        with(&[("cooldown", "1s")]).cooldown(Direction::Up),
        Duration::from_secs(1)
    );
    assert_eq!(with(&[]).cooldown(Direction::Up), Duration::from_secs(5));
    assert_eq!(with(&[]).cooldown(Direction::Down), Duration::from_secs(60));
}

#[test]
fn defaults_are_read_as_labels_are() {
    let read =
        |text: &str| serde_json::from_str::<Defaults>(text).map_err(|error| error.to_string());
    assert_eq!(read("{}"), Ok(Defaults::default()));
    assert_eq!(
        read(r#"{"min": "2", "cpu_high": 75}"#),
        read(r#"{"min": 2, "cpu_high": "75%"}"#)
    );
    for (text, expected) in [
        (r#"{"cpu_high": 0.7}"#, "is ambiguous"),
        (r#"{"cpu_high": true}"#, "expected a string or a number"),
        (r#"{"cooldown": "soon"}"#, "must be a duration"),
        (r#"{"min": -1}"#, "must be a whole number"),
        (r#"{"enable": true}"#, "unknown field `enable`"),
        (
            r#"{"cpu_traget": "60%"}"#,
            "unknown field `cpu_traget`, did you mean `cpu_target`?",
        ),
        (
            r#"{"cpu_target": "95%"}"#,
            "\"95%\" a target must be at most 90 % of the limit",
        ),
        (r#"{"window": "2h"}"#, "must be above 0 and at most an hour"),
        (r#"{"rate_up": "4"}"#, "must be amounts within periods"),
        (r#"{"schedule_zone": "Mars"}"#, "must be a time zone"),
        (
            r#"{"schedule": "0 8 * * * for 1h min=2"}"#,
            "unknown field `schedule`",
        ),
    ] {
        let error = read(text).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
    assert_eq!(
        read(r#"{"reassert": true}"#),
        read(r#"{"reassert": "true"}"#)
    );
    assert_eq!(Defaults::default().check(), Ok(()));
    assert_eq!(read(r#"{"cpu_high": "off"}"#).unwrap().check(), Ok(()));
    let wrong = read(r#"{"min": 20}"#).unwrap().check().unwrap_err();
    assert_eq!(
        wrong[0].problem,
        Problem::Policy {
            error: PolicyError::MinAboveMax { min: 20, max: 10 }
        }
    );
}

/// Defaults, and a service with those labels beside `enable`.
#[expect(
    clippy::unwrap_in_result,
    reason = "what the test prepares does not fail"
)]
#[track_caller]
fn over(defaults: &str, pairs: &[(&str, &str)]) -> Result<Policy, Vec<String>> {
    let defaults: Defaults = serde_json::from_str(defaults).unwrap();
    let labels = labels(&[&[("enable", "true")], pairs].concat());
    match Policy::from_labels(&defaults, &labels) {
        Ok(policy) => Ok(policy.unwrap()),
        Err(errors) => Err(errors.iter().map(ToString::to_string).collect()),
    }
}

#[test]
fn every_label_but_two_has_a_default_that_says_the_same_as_the_label() {
    for label in LABELS {
        if matches!(label.name, "enable" | "schedule") {
            assert!(Defaults::labels().all(|name| name != label.name));
            continue;
        }
        let companions: &[(&str, &str)] = match label.name {
            "min" => &[("max", "9")],
            "bytes.low" => &[("bytes.high", "2MB/s")],
            "schedule.zone" => &[("schedule", "0 8 * * * for 1h min=2")],
            _ => &[],
        };
        let own = [companions, &[(label.name, label.example)]].concat();
        let mut table = serde_json::Map::new();
        let mut given = Vec::new();
        for (name, value) in own {
            if name == "schedule" {
                given.push((name, value));
            } else {
                table.insert(Defaults::key(name), value.into());
            }
        }
        let by_default = over(&serde_json::Value::from(table).to_string(), &given);
        let by_label = over("{}", &[companions, &[(label.name, label.example)]].concat());
        assert_eq!(by_default, by_label, "{}", label.name);
        let nothing_said = over("{}", &given);
        // The example is what the code says anyway.
        if label.name != "step.down" {
            assert_ne!(by_default, nothing_said, "{}", label.name);
        }
    }
}

#[test]
fn default_targets_are_for_services_that_name_nothing_to_go_by() {
    let defaults = r#"{"cpu_target": "60%", "connections_capacity": "50/s"}"#;
    let targets = |pairs: &[(&str, &str)]| -> Vec<Metric> {
        let policy = over(defaults, pairs).unwrap();
        policy
            .targets()
            .iter()
            .map(|target| target.metric())
            .collect()
    };
    let both = [Metric::CpuOfLimit, Metric::Connections];
    assert_eq!(targets(&[]), both);
    assert_eq!(targets(&[("cpu.high", "off")]), both);
    assert_eq!(targets(&[("cpu.target", "off")]), [Metric::Connections]);
    assert_eq!(targets(&[("bytes.capacity", "1MB")]), [Metric::Bytes]);
    assert_eq!(targets(&[("bytes.high", "1MB")]), []);
    let nothing = [("cpu.target", "off"), ("connections.capacity", "off")];
    assert_eq!(over(defaults, &nothing), over("{}", &[]));
    // With targets there are no default marks, and no cooldown.
    let policy = over(r#"{"cpu_target": "60%", "cpu_high": "90%"}"#, &[]).unwrap();
    assert_eq!(marks(&policy), []);
    assert_eq!(policy.cooldown(Direction::Down), Duration::ZERO);
    let policy = over(r#"{"cpu_target": "60%"}"#, &[("cpu.high", "90%")]).unwrap();
    assert_eq!((marks(&policy).len(), policy.targets().len()), (1, 0));
    assert_eq!(policy.cooldown(Direction::Down), Duration::from_secs(60));
    assert_eq!(
        over(defaults, &[("cpu.low", "10%")]),
        Err(vec![
            "swarmtide.cpu.low=10%: there is no high mark to go with it".to_owned()
        ])
    );
}

#[test]
fn what_a_service_says_of_following_wins_over_defaults_even_where_those_are_more_specific() {
    let defaults = r#"{"window_down": "10m", "rate_up": "4/15s", "rate_up_select": "min", "schedule_zone": "Asia/Tokyo"}"#;
    let said = |pairs: &[(&str, &str)]| {
        over(defaults, &[&[("cpu.target", "60%")], pairs].concat()).unwrap()
    };
    let own = said(&[("window", "1m"), ("rate.up", "off")]);
    let by_label = [
        ("cpu.target", "60%"),
        ("window", "1m"),
        ("rate.up.select", "min"),
    ];
    assert_eq!(own, over("{}", &by_label).unwrap());
    let zone = [("schedule", "0 8 * * * for 1h min=2")];
    let tokyo = [zone[0], ("schedule.zone", "Asia/Tokyo")];
    let utc = [zone[0], ("schedule.zone", "UTC")];
    assert_eq!(said(&zone), said(&tokyo));
    assert_ne!(said(&zone), said(&utc));
}

#[test]
fn errors_are_bounded() {
    let long = "é".repeat(10_000);
    let many: Vec<_> = (0..1000)
        .map(|number| (format!("{number}{long}"), long.clone()))
        .collect();
    let pairs: Vec<_> = many
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let errors = read(&pairs).unwrap_err();
    assert_eq!(errors.len(), ERRORS_MAX);
    assert!(
        errors
            .iter()
            .all(|error| error.label.chars().count() <= 65 && error.value.chars().count() <= 65)
    );
}
