//! `hsflowd-docker-app-hup-gap`: a live container that hsflowd takes for dead, and finds again 98 s later.

use insta::assert_snapshot;

use crate::{
    counters::{APACHE1, APACHE2, CPU1, WEB1, WORKER1, WORKER2},
    rig::Replay,
    swarm::Service,
};

const CAPTURE: &str = "hsflowd-docker-app-hup-gap.pcap";

#[tokio::test(flavor = "multi_thread")]
async fn a_live_container_taken_for_dead_holds_its_service_until_it_is_back() {
    // One busy and one idle container: the average of the idle one alone calls for fewer.
    let pair = [
        ("cpu.high", "0.15cores"),
        ("cpu.low", "0.05cores"),
        ("max", "4"),
    ];
    let worker = [("cpu.high", "0.2cores"), ("cpu.low", "0.05cores")];
    let services = [
        Service::new("pair", None, &pair)
            .running(CPU1)
            .running(WEB1),
        Service::new("worker", None, &worker)
            .running(WORKER1)
            .running(WORKER2),
        Service::new("apache", None, &[("min", "2")])
            .running(APACHE1)
            .running(APACHE2),
    ];
    let mut replay = Replay::start(CAPTURE, services).await;
    replay.until(120.0).await;
    let said = replay.get("/v1/services/pair").await;
    assert_eq!(
        (&said["replicas"], &said["serving"], &said["hold"]),
        (&2.into(), &2.into(), &"telemetry_partial".into())
    );
    replay.until(140.0).await;
    let lower = [("cpu.high", "0.08cores")];
    replay
        .then(|swarm| swarm.service("pair").label(&lower))
        .await;
    let outcome = replay.finish().await;

    // Sent away at 24.0, back at 122.0, with a rate from its next sample on; then it can be decided about as before.
    assert_snapshot!(outcome.timeline("pair"), @r"
      0.000 at 2: telemetry_missing
      3.991 at 2: within_band
     24.024 at 2: telemetry_partial 1/2
    126.978 at 2: within_band
    140.000 at 2: scale to 3, cpu_cores 0.105 above 0.08
    140.003 at 3: not_serving
    142.019 at 3: telemetry_partial 2/3
    ");
    assert_snapshot!(outcome.timeline("worker"), @r"
    0.000 at 2: telemetry_missing
    4.997 at 2: telemetry_partial 1/2
    8.966 at 2: within_band
    ");
    assert_snapshot!(outcome.timeline("apache"), @r"
    0.000 at 2: telemetry_missing
    3.991 at 2: telemetry_partial 1/2
    8.966 at 2: at_minimum
    ");
    assert_eq!(outcome.telemetry.counters_implausible, 0);
}
