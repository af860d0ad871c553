//! Captures of real hsflowd: every trap of the counters that they show.

use std::time::Duration;

use collector::{Collector, Config, ContainerUuid, Freshness, GroupMetrics, Member, Stats};

use crate::support::capture;

const COUNTERS: &str = "hsflowd-docker-counters.pcap";
const HUP_GAP: &str = "hsflowd-docker-app-hup-gap.pcap";
const WEB1: &str = "4b75113b";
const CPU1: &str = "787492f0";
const WORKER1: &str = "51eaa3f1";
const APACHE4: &str = "2b6b8a52";

/// One container after one datagram that changed it.
#[derive(Debug)]
struct Step {
    at_ms: u64,
    name: String,
    freshness: Freshness,
    metrics: GroupMetrics,
}

impl Step {
    fn cores(&self) -> Option<f64> {
        self.metrics.cpu_cores.map(|summary| summary.avg)
    }
}

/// Replays a capture and notes the container whose UUID begins so after each of its samples.
fn follow(name: &str, uuid: &str) -> (Vec<Step>, Stats) {
    let collector = Collector::new(Config::default());
    let (mut steps, mut seen) = (Vec::new(), None);
    for (at_ms, source, datagram) in capture(name) {
        let now = Duration::from_millis(at_ms);
        collector.ingest(source, &datagram, now);
        let all = collector.containers(now, 1_000);
        let Some(info) = all
            .into_iter()
            .find(|info| info.uuid.is_some_and(|id| id.to_string().starts_with(uuid)))
        else {
            continue;
        };
        if info.age_ms == 0 && seen != Some(at_ms) {
            seen = Some(at_ms);
            let member = Member {
                uuid: info.uuid.unwrap_or(ContainerUuid::UNKNOWN),
                cpu_limit_cores: None,
                aside: false,
            };
            let metrics = collector.observe(&[&[member]], now).remove(0);
            steps.push(Step {
                at_ms,
                name: info.name,
                freshness: info.freshness,
                metrics,
            });
        }
    }
    (steps, collector.stats())
}

#[test]
fn a_container_capped_at_20_percent_uses_0_2_cores() {
    let (steps, _) = follow(COUNTERS, CPU1);
    let alive: Vec<_> = steps
        .windows(2)
        .take_while(|pair| pair[1].freshness == Freshness::Fresh)
        .filter_map(|pair| Some(((pair[1].at_ms - pair[0].at_ms) as f64, pair[1].cores()?)))
        .collect();
    let time: f64 = alive.iter().map(|(interval, _)| interval).sum();
    let mean = alive
        .iter()
        .map(|(interval, cores)| interval * cores)
        .sum::<f64>()
        / time;
    assert!(alive.len() >= 6, "{alive:?}");
    assert!((0.198..=0.202).contains(&mean), "mean {mean} of {alive:?}");
    assert!(
        alive.iter().all(|(_, cores)| (0.15..0.215).contains(cores)),
        "{alive:?}"
    );
}

#[test]
fn a_kill_with_cpu_time_zero_and_no_sequence_reset_gives_no_spike() {
    let (steps, _) = follow(COUNTERS, CPU1);
    let ended = steps
        .iter()
        .position(|step| step.freshness == Freshness::Ended)
        .expect("the final sample");
    assert_eq!(steps[ended].metrics.ended, 1);
    assert_eq!(
        (steps[ended].metrics.reporting, steps[ended].cores()),
        (0, None)
    );
    assert!(
        steps
            .iter()
            .filter_map(Step::cores)
            .all(|cores| cores < 0.215)
    );
}

#[test]
fn a_restart_with_sequence_1_begins_anew() {
    let (steps, _) = follow(COUNTERS, CPU1);
    let ended = steps
        .iter()
        .position(|step| step.freshness == Freshness::Ended)
        .unwrap();
    let after: Vec<_> = steps[ended + 1..]
        .iter()
        .map(|step| (step.freshness, step.cores().is_some()))
        .collect();
    assert_eq!(
        after,
        [
            (Freshness::Fresh, false),
            (Freshness::Fresh, true),
            (Freshness::Fresh, true)
        ],
        "twins come in one datagram"
    );
    assert!((0.19..0.205).contains(&steps[ended + 2].cores().unwrap()));
}

#[test]
fn identical_twins_yield_no_rate_and_do_not_spoil_the_next() {
    let (steps, stats) = follow(COUNTERS, WORKER1);
    assert!(stats.intervals_too_short >= 4, "{stats:?}");
    assert_eq!(steps[0].cores(), None);
    let first = steps[1].cores().unwrap();
    // 703 ms over the 5,653 ms of uptime since the first of the twins.
    assert!((first - 703.0 / 5_653.0).abs() < 1e-6, "{first}");
}

#[test]
fn twins_four_milliseconds_apart_in_two_datagrams() {
    let (steps, _) = follow(COUNTERS, WEB1);
    assert_eq!((steps[0].cores(), steps[1].cores()), (None, None));
    assert!((steps[2].cores().unwrap() - 11.0 / (14_721.0 - 9_064.0)).abs() < 1e-6);
}

#[test]
fn a_paused_container_is_paused_until_it_goes_on() {
    let (steps, _) = follow(COUNTERS, WEB1);
    let paused = steps
        .iter()
        .position(|step| step.freshness == Freshness::Paused)
        .expect("the pause");
    assert_eq!(
        (
            steps[paused].metrics.paused,
            steps[paused].metrics.reporting,
            steps[paused].cores()
        ),
        (1, 0, None)
    );
    assert_eq!(
        (steps[paused + 1].freshness, steps[paused + 1].cores()),
        (Freshness::Fresh, None),
        "sequence 1"
    );
    assert_eq!(
        steps[paused + 2].cores(),
        Some(0.0),
        "idle is zero, not unknown"
    );
}

#[test]
fn a_rename_keeps_the_series() {
    let (steps, _) = follow(COUNTERS, WEB1);
    let renamed: Vec<_> = steps
        .iter()
        .filter(|step| step.name == "web1renamed")
        .collect();
    assert_eq!(renamed.len(), 2);
    assert!(renamed.iter().all(|step| step.cores().is_some()));
    assert_eq!(steps.last().unwrap().name, "web1");
}

#[test]
fn a_scaled_down_task_ends_at_once() {
    let (steps, _) = follow(COUNTERS, APACHE4);
    let last = steps.last().unwrap();
    assert_eq!(
        (last.freshness, last.metrics.reporting, last.metrics.ended),
        (Freshness::Ended, 0, 1)
    );
}

#[test]
fn a_hup_makes_a_live_container_look_ended_for_98_s_and_it_comes_back_cleanly() {
    let (steps, _) = follow(HUP_GAP, CPU1);
    let ended = steps
        .iter()
        .position(|step| step.freshness == Freshness::Ended)
        .expect("the false end");
    let back = &steps[ended + 1];
    assert!(
        (97_000..99_000).contains(&(back.at_ms - steps[ended].at_ms)),
        "{} ms",
        back.at_ms - steps[ended].at_ms
    );
    assert_eq!(
        (back.freshness, back.cores()),
        (Freshness::Fresh, None),
        "counters went on, but the sequence says they were reset"
    );
    let cores = steps[ended + 2].cores().unwrap();
    assert!((0.19..0.21).contains(&cores), "{cores}");
    assert!(
        steps
            .iter()
            .filter_map(Step::cores)
            .all(|cores| cores < 0.25)
    );
    let interval = steps[ended + 2].metrics.interval.unwrap();
    assert!(
        interval < Duration::from_secs(8),
        "the gap is not an interval: {interval:?}"
    );
}

#[test]
fn nothing_in_the_captures_is_implausible() {
    for name in [
        COUNTERS,
        HUP_GAP,
        "hsflowd-docker-pcap-entities-app-rtmetric.pcap",
    ] {
        let collector = Collector::new(Config::default());
        let mut end = Duration::ZERO;
        for (at_ms, source, datagram) in capture(name) {
            end = Duration::from_millis(at_ms);
            collector.ingest(source, &datagram, end);
        }
        let stats = collector.stats();
        assert!(stats.decode_errors.is_empty(), "{name}: {stats:?}");
        assert_eq!(
            (
                stats.counters_implausible,
                stats.cpu_time_wraps,
                stats.datagrams_lost,
                stats.agents
            ),
            (0, 0, 0, 1),
            "{name}"
        );
        let agents = collector.agents(end);
        assert_eq!(
            (agents[0].hostname.as_deref(), agents[0].cpu_num),
            (Some("vm"), Some(2)),
            "{name}"
        );
        assert!(agents[0].metrics["cpu_utilization"] <= 100.0);
        let polling_ms = agents[0].polling_ms.unwrap();
        assert!((4_500..5_600).contains(&polling_ms), "{name}: {polling_ms}");
    }
}

#[test]
fn two_captures_of_one_host_do_not_count_a_container_twice() {
    let collector = Collector::new(Config::default());
    let mut now_ms = 0;
    for (name, offset_ms) in [(COUNTERS, 0), (HUP_GAP, 125_000)] {
        for (at_ms, source, datagram) in capture(name) {
            now_ms = offset_ms + at_ms;
            collector.ingest(source, &datagram, Duration::from_millis(now_ms));
        }
    }
    let stats = collector.stats();
    assert_eq!(stats.agents, 2, "sub-agents 100001, then 100000");
    assert!(stats.owner_changes >= 5, "{stats:?}");
    let mut uuids: Vec<_> = collector
        .containers(Duration::from_millis(now_ms), 1_000)
        .iter()
        .map(|info| info.uuid)
        .collect();
    let all = uuids.len();
    uuids.sort_unstable();
    uuids.dedup();
    assert_eq!(uuids.len(), all);
}
