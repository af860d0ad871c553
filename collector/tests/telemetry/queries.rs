//! Queries and observations over several containers and hosts.

use std::time::Duration;

use collector::{
    Collector, Config, Member, Metric, NamePattern, Query, QueryResult, Selection, Statistic,
};

use crate::support::{Agent, Guest, assert_near, member, uuid};

const NAMES: [&str; 4] = [
    "web.1.abcdefghijklmnopqrstuvwxy",
    "web.2.abcdefghijklmnopqrstuvwxz",
    "web.agent.abcdefghijklmnopqrstuvwxyabcdef",
    "gweb.abcdefghijklmnopqrstuvwxy.abcdefghijklmnopqrstuvwxz",
];

/// Four containers of 0.1, 0.2, 0.3 and 0.4 cores; the last one's sample is 2 s older.
fn collector() -> (Collector, Duration) {
    let collector = Collector::new(Config::default());
    let mut agent = Agent::new("192.0.2.1:5000");
    let mut other = Agent {
        sub_agent: 7,
        ..Agent::new("192.0.2.9:1")
    };
    let guests: Vec<_> = (1u8..)
        .zip(NAMES)
        .map(|(number, name)| Guest {
            name,
            ..Guest::new(100_000 + u32::from(number), number)
        })
        .collect();
    let later: Vec<_> = guests
        .iter()
        .map(|guest| guest.next(500 * u32::from(guest.uuid)))
        .collect();
    for (oldest_ms, others_ms, guests) in [(1_000, 3_000, guests), (6_000, 8_000, later)] {
        agent.send(&collector, oldest_ms, &guests[3..]);
        agent.send(&collector, others_ms, &guests[..3]);
        other.send_host(&collector, others_ms, ("node9", 9, 2));
    }
    (collector, Duration::from_millis(9_000))
}

fn ask(metric: Metric, selection: Selection, statistic: &str) -> QueryResult {
    let (collector, now) = collector();
    collector.query(
        &Query {
            metric,
            selection,
            statistic: Statistic::parse(statistic).unwrap(),
        },
        now,
    )
}

#[test]
fn statistics_over_all_containers() {
    for (statistic, expected) in [
        ("avg", 25.0),
        ("sum", 100.0),
        ("min", 10.0),
        ("max", 40.0),
        ("median", 25.0),
        ("p75", 30.0),
        ("count", 4.0),
    ] {
        let result = ask(Metric::VirCpuUtilization, Selection::All, statistic);
        assert_near(result.value, expected);
        assert_eq!((result.data_sources, result.expected), (4, None));
        assert_eq!(result.newest_age, Some(Duration::from_secs(1)));
        assert_eq!(result.oldest_age, Some(Duration::from_secs(3)));
    }
}

#[test]
fn names_select_by_pattern_and_services_by_task_name() {
    let by_name = |pattern| {
        ask(
            Metric::VirCpuCores,
            Selection::Name(NamePattern::new(pattern)),
            "sum",
        )
    };
    assert_near(by_name("web.*").value, 0.6);
    assert_near(by_name("*web*").value, 1.0);
    assert_eq!(
        (by_name("db*").value, by_name("db*").data_sources),
        (None, 0)
    );
    let by_service = |service: &str| {
        ask(
            Metric::VirCpuCores,
            Selection::Service(service.to_owned()),
            "sum",
        )
    };
    assert_near(by_service("web").value, 0.3);
    assert_near(by_service("gweb").value, 0.4);
}

#[test]
fn members_say_how_many_were_expected() {
    let limited = Member {
        uuid: uuid(2),
        cpu_limit_cores: Some(0.4),
        aside: false,
    };
    let result = ask(
        Metric::VirCpuOfLimit,
        Selection::Members(vec![limited, member(77)]),
        "avg",
    );
    assert_near(result.value, 0.5);
    assert_eq!((result.data_sources, result.expected), (1, Some(2)));
}

#[test]
fn without_a_limit_and_without_a_host_there_is_no_share() {
    let result = ask(
        Metric::VirCpuOfLimit,
        Selection::Members(vec![member(2)]),
        "avg",
    );
    assert_eq!((result.value, result.data_sources), (None, 0));
}

#[test]
fn memory_and_hosts() {
    assert_near(
        ask(Metric::VirMemUtilization, Selection::All, "avg").value,
        25.0,
    );
    assert_near(
        ask(Metric::VirMemoryMax, Selection::All, "max").value,
        f64::from(4 << 20),
    );
    assert_near(ask(Metric::LoadOne, Selection::All, "avg").value, 0.5);
    assert_eq!(
        ask(Metric::LoadFifteen, Selection::All, "avg").value,
        None,
        "-1 is unknown"
    );
    assert_near(
        ask(
            Metric::CpuNum,
            Selection::Name(NamePattern::new("node?")),
            "sum",
        )
        .value,
        2.0,
    );
    assert_near(
        ask(Metric::CpuUtilization, Selection::All, "avg").value,
        25.0,
    );
}

#[test]
fn observe_answers_every_group_in_order() {
    let (collector, now) = collector();
    let (web, other) = ([member(1), member(2)], [member(2), member(3), member(99)]);
    let groups = collector.observe(&[&web, &[], &other], now);
    assert_eq!(
        groups
            .iter()
            .map(|group| (group.expected, group.reporting, group.missing))
            .collect::<Vec<_>>(),
        [(2, 2, 0), (0, 0, 0), (3, 2, 1)]
    );
    let cores = groups[0].cpu_cores.unwrap();
    assert_eq!(cores.count, 2);
    assert_near(Some(cores.sum), 0.3);
    assert_near(Some(cores.min), 0.1);
    assert_near(Some(cores.max), 0.2);
    assert_near(Some(cores.avg), 0.15);
    assert_eq!(groups[1].cpu_cores, None);
    assert_eq!(groups[2].oldest_age, Some(Duration::from_secs(1)));
}

#[test]
fn answers_serialise_with_seconds() {
    let (collector, now) = collector();
    let json = serde_json::to_value(&collector.observe(&[&[member(4)]], now)[0]).unwrap();
    assert_eq!(
        (&json["oldest_age_seconds"], &json["reporting"]),
        (&serde_json::json!(3.0), &serde_json::json!(1))
    );
    let agents = serde_json::to_value(collector.agents(now)).unwrap();
    assert_eq!(
        (&agents[0]["agent"], &agents[0]["duplicate"]),
        (&serde_json::json!("10.0.0.1"), &serde_json::json!("none"))
    );
}

#[test]
fn those_set_aside_report_and_are_in_no_average() {
    let (collector, now) = collector();
    let aside = Member {
        aside: true,
        ..member(2)
    };
    let group = collector
        .observe(&[&[member(1), aside, member(3)]], now)
        .remove(0);
    assert_eq!((group.expected, group.reporting, group.aside), (3, 3, 1));
    let cores = group.cpu_cores.unwrap();
    assert_eq!(cores.count, 2);
    assert_near(Some(cores.sum), 0.4);
    let each: Vec<_> = group.each.iter().map(|each| each.uuid).collect();
    assert_eq!(each, [uuid(1), uuid(2), uuid(3)], "all, one by one");
    assert_near(group.each[1].cpu_cores.map(f64::from), 0.2);
    assert!(group.packets.is_some());
}
