//! `hsflowd-docker-counters`: loads that call for changes, and every trap of the counters that must not.

use std::time::Duration;

use insta::assert_snapshot;

use crate::{rig::Replay, swarm::Service};

const CAPTURE: &str = "hsflowd-docker-counters.pcap";

pub(crate) const CPU1: &str = "787492f00c45495874832dd48a8d2b0b";
pub(crate) const WEB1: &str = "4b75113b85d5ffa80a94dbe422e1501b";
pub(crate) const WORKER1: &str = "51eaa3f142e1442325c4669bd42e6d39";
pub(crate) const WORKER2: &str = "828112460ef7a787a5aa9bff8568ce88";
pub(crate) const APACHE1: &str = "965e093c4f257fbe8c675da6d025578b";
pub(crate) const APACHE2: &str = "e99e4ff1be3eb544d014a040dd6158d8";
const APACHE3: &str = "1478052f0090c7e08423fea2b77d3655";
const APACHE4: &str = "2b6b8a5227a59999c633beab2b212c5f";
const APACHE5: &str = "70277a45b1bb753abec90ff0c3b3ac1f";

/// When the containers of `apache.4` and `apache.5` started: hsflowd sends the first sample three to four seconds later.
const APACHE_GREW: Duration = Duration::from_millis(11_800);

fn apache(labels: &[(&str, &str)]) -> Service {
    Service::new("apache", None, labels)
        .running(APACHE1)
        .running(APACHE2)
        .running(APACHE3)
        .later(APACHE4, APACHE_GREW)
        .later(APACHE5, APACHE_GREW)
}

/// Four services with reasons to change: CPU, bytes, idleness, and bounds.
fn eager() -> [Service; 4] {
    let cpu1 = [("cpu.high", "90%"), ("cpu.low", "10%"), ("max", "5")];
    let web = [
        ("cpu.high", "off"),
        ("bytes.high", "700kB/s"),
        ("bytes.low", "100kB/s"),
        ("max", "3"),
    ];
    [
        Service::new("cpu1", Some(0.2), &cpu1).running(CPU1),
        Service::new("web", None, &web).running(WEB1),
        Service::new("worker", None, &[])
            .running(WORKER1)
            .running(WORKER2),
        apache(&[("min", "5"), ("max", "5"), ("cooldown", "5s")]),
    ]
}

/// The same with marks that the captured load stays between, and all the room to do harm.
fn content() -> [Service; 4] {
    let web = [
        ("cpu.high", "off"),
        ("bytes.high", "1MB/s"),
        ("bytes.low", "100kB/s"),
    ];
    let worker = [("cpu.high", "0.2cores"), ("cpu.low", "0.05cores")];
    [
        Service::new(
            "cpu1",
            Some(0.5),
            &[("cpu.high", "70%"), ("cpu.low", "20%")],
        )
        .running(CPU1),
        Service::new("web", None, &web).running(WEB1),
        Service::new("worker", None, &worker)
            .running(WORKER1)
            .running(WORKER2),
        apache(&[("cpu.high", "0.1cores"), ("cpu.low", "0cores")]),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn load_moves_replicas_as_far_as_telemetry_is_complete() {
    let mut replay = Replay::start(CAPTURE, eager()).await;
    replay.until(25.9).await;
    let fewer = [("min", "2"), ("step.down", "3")];
    replay
        .then(|swarm| swarm.service("apache").label(&fewer))
        .await;
    let said = replay.get("/v1/services/cpu1").await;
    assert_eq!(
        (&said["replicas"], &said["serving"], &said["hold"]),
        (&2.into(), &2.into(), &"telemetry_partial".into())
    );
    let outcome = replay.finish().await;

    // 1,000 ms of CPU time in 5,060 ms, of a fifth of a core.
    let reading = outcome.reading_of_change("cpu1");
    assert_near(reading.average, 1_000.0 / 5_060.0 / 0.2);
    // The second replica was never heard of: no further step, and after the kill at 39.4 no spike.
    assert_snapshot!(outcome.timeline("cpu1"), @r"
     0.000 at 1: telemetry_missing
     5.069 at 1: within_band
    10.128 at 1: scale to 2, cpu_of_limit 0.988 above 0.9
    10.131 at 2: not_serving
    12.155 at 2: telemetry_partial 1/2
    39.452 at 2: telemetry_missing
    55.988 at 2: telemetry_partial 1/2
    ");
    let reading = outcome.reading_of_change("web");
    assert_near(reading.average, (8_100_020.0 - 3_847_021.0) / 5.068);
    assert_snapshot!(outcome.timeline("web"), @r"
     0.000 at 1: telemetry_missing
     8.106 at 1: within_band
    13.172 at 1: scale to 2, bytes 839187 above 700000
    13.175 at 2: not_serving
    15.199 at 2: telemetry_partial 1/2
    32.398 at 2: telemetry_missing
    45.085 at 2: telemetry_partial 1/2
    ");
    // 703 ms in 5,653 ms and 696 ms in 5,064 ms, of the host's two cores.
    let reading = outcome.reading_of_change("worker");
    let cores = (703.0 / 5_653.0 + 696.0 / 5_064.0) / 2.0;
    assert_near(reading.average, cores / 2.0);
    assert_snapshot!(outcome.timeline("worker"), @r"
     0.000 at 2: telemetry_missing
     7.082 at 2: telemetry_partial 1/2
     8.106 at 2: scale to 1, below low
     8.109 at 1: settling
    18.233 at 1: at_minimum
    ");
    // What a person did when it was captured, 3 to 5 to 2, is what is decided here.
    assert_snapshot!(outcome.timeline("apache"), @r"
     0.000 at 3: scale to 5, below minimum
     0.003 at 5: not_serving
    12.000 at 5: telemetry_partial 3/5
    16.212 at 5: settling
    20.273 at 5: at_minimum
    25.900 at 5: scale to 2, below low
    25.903 at 2: settling
    34.409 at 2: at_minimum
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_trap_of_the_counters_moves_anything() {
    let mut replay = Replay::start(CAPTURE, content()).await;
    replay.until(11.5).await;
    replay.then(|swarm| swarm.scale("apache", 5)).await;
    replay.until(26.5).await;
    replay.then(|swarm| swarm.scale("apache", 2)).await;
    let outcome = replay.finish().await;
    assert!(outcome.posts.is_empty(), "{:?}", outcome.posts);

    // Killed at 39.4 with CPU time 0 and no new sequence, back at 50.9 as twins.
    assert_snapshot!(outcome.timeline("cpu1"), @r"
     0.000 at 1: telemetry_missing
     5.069 at 1: within_band
    39.452 at 1: telemetry_missing
    55.988 at 1: within_band
    ");
    // Paused at 32.4 until 39.4, renamed at 55 and back.
    assert_snapshot!(outcome.timeline("web"), @r"
     0.000 at 1: telemetry_missing
     8.106 at 1: within_band
    18.233 at 1: at_minimum
    32.398 at 1: telemetry_missing
    45.085 at 1: at_minimum
    ");
    // Begins with twins.
    assert_snapshot!(outcome.timeline("worker"), @r"
    0.000 at 2: telemetry_missing
    7.082 at 2: telemetry_partial 1/2
    8.106 at 2: within_band
    ");
    // A person scales it at 11.5 and 26.5.
    assert_snapshot!(outcome.timeline("apache"), @r"
     0.000 at 3: telemetry_missing
     2.449 at 3: telemetry_partial 2/3
     5.069 at 3: within_band
    11.500 at 5: not_serving
    12.000 at 5: telemetry_partial 3/5
    16.212 at 5: settling
    20.273 at 5: within_band
    26.500 at 2: settling
    34.409 at 2: within_band
    ");

    // All that was in the way: three scaled down, one paused, one killed; restarts of the sequence; twins.
    let telemetry = outcome.telemetry;
    assert_eq!(
        (
            telemetry.not_running,
            telemetry.counters_implausible,
            telemetry.cpu_time_wraps
        ),
        (5, 0, 0)
    );
    assert!(telemetry.intervals_too_short >= 4, "{telemetry:?}");
}

/// Rates are kept in single precision.
#[track_caller]
fn assert_near(average: Option<f64>, expected: f64) {
    let average = average.expect("a reading");
    assert!(
        (average / expected - 1.0).abs() < 1e-3,
        "{average} is not near {expected}"
    );
}
