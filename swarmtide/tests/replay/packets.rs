//! `hsflowd-docker-pcap-entities-app-rtmetric`: counters among packet samples, application samples and InMon's own.

use insta::assert_snapshot;

use crate::{
    counters::{APACHE1, APACHE2, CPU1, WEB1, WORKER1, WORKER2},
    rig::Replay,
    swarm::Service,
};

const CAPTURE: &str = "hsflowd-docker-pcap-entities-app-rtmetric.pcap";

#[tokio::test(flavor = "multi_thread")]
async fn counters_among_other_samples_decide_until_the_agent_falls_silent() {
    let cpu1 = [("cpu.high", "90%"), ("cpu.low", "10%"), ("max", "5")];
    let web = [
        ("cpu.high", "off"),
        ("bytes.high", "900kB/s"),
        ("bytes.low", "100kB/s"),
    ];
    let services = [
        Service::new("cpu1", Some(0.2), &cpu1).running(CPU1),
        Service::new("web", None, &web).running(WEB1),
        Service::new("worker", None, &[])
            .running(WORKER1)
            .running(WORKER2),
        Service::new("apache", None, &[("min", "2")])
            .running(APACHE1)
            .running(APACHE2),
    ];
    let mut replay = Replay::start(CAPTURE, services).await;
    // The capture ends at 30: what follows is silence.
    replay.until(60.0).await;
    let outcome = replay.finish().await;

    assert_snapshot!(outcome.timeline("cpu1"), @r"
     0.000 at 1: telemetry_missing
    10.836 at 1: scale to 2, cpu_of_limit 0.999 above 0.9
    10.839 at 2: not_serving
    12.971 at 2: telemetry_partial 1/2
    41.000 at 2: telemetry_missing
    ");
    assert_snapshot!(outcome.timeline("web"), @r"
     0.000 at 1: telemetry_missing
    10.836 at 1: within_band
    15.449 at 1: scale to 2, bytes 966228 above 900000
    15.452 at 2: not_serving
    17.500 at 2: telemetry_partial 1/2
    42.000 at 2: telemetry_missing
    ");
    assert_snapshot!(outcome.timeline("worker"), @r"
     0.000 at 2: telemetry_missing
     5.357 at 2: telemetry_partial 1/2
     8.980 at 2: scale to 1, below low
     8.983 at 1: settling
    12.659 at 1: at_minimum
    43.000 at 1: telemetry_missing
    ");
    assert_snapshot!(outcome.timeline("apache"), @r"
     0.000 at 2: telemetry_missing
     9.430 at 2: telemetry_partial 1/2
    10.836 at 2: at_minimum
    42.000 at 2: telemetry_partial 1/2
    45.000 at 2: telemetry_missing
    ");
    let telemetry = outcome.telemetry;
    assert!(
        telemetry.flow_samples + telemetry.other_samples > 150,
        "{telemetry:?}"
    );
}
