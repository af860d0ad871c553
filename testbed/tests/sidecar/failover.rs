//! Three managers with a sidecar each: one acts, and when its node dies the next one does, without a wrong step between.

use std::time::Duration;

use testbed::Swarm;

use crate::{
    process::Sidecar,
    scaling::{create_web, replicas},
    telemetry::Telemetry,
};

/// An election that has to be repeated, and 20 s in which no node is known.
const ELECTION: Duration = Duration::from_secs(180);

const MANAGERS: [&str; 3] = ["m1", "m2", "m3"];

#[test]
fn the_next_leaders_sidecar_takes_over_and_nothing_goes_wrong_between() {
    let swarm = Swarm::start(3, 0).unwrap();
    create_web(&swarm, &[]);
    let sidecars = MANAGERS.map(|node| Sidecar::start(&swarm.socket(node)));
    let collectors = sidecars.iter().map(|sidecar| sidecar.sflow).collect();
    let sockets = MANAGERS.map(|node| swarm.socket(node)).to_vec();
    let telemetry = Telemetry::start(sockets, collectors, Duration::from_secs(1), 0.9);
    sidecars[0].until_held("web", &["would_overshoot", "within_band", "at_maximum"]);
    for follower in &sidecars[1..] {
        follower.until_held("web", &["not_leader"]);
    }
    let before = replicas(&swarm, "m1", "web");

    swarm.kill("m1").unwrap();
    // Were silence or unknown nodes taken for idleness, it would shrink now.
    let heir = testbed::wait_for("a sidecar that leads", ELECTION, || {
        (1..3).find(|index| {
            let service = sidecars[*index].service("web");
            let settled =
                service["serving"] == service["replicas"] && service["hold"] != "not_leader";
            let text = sidecars[*index].get("/metrics");
            settled
                && text
                    .as_str()
                    .is_some_and(|text| text.contains("\nswarmtide_leader 1"))
        })
    });
    let heir = heir.unwrap_or_else(|error| {
        panic!(
            "{error}\n{:#}\n{:#}",
            sidecars[1].service("web"),
            sidecars[2].service("web")
        )
    });
    assert_eq!(
        replicas(&swarm, MANAGERS[heir], "web"),
        before,
        "somebody acted while nobody could know"
    );

    telemetry.set_cores(5.0);
    testbed::wait_for("the heir scales up", ELECTION, || {
        (replicas(&swarm, MANAGERS[heir], "web") == 5).then_some(())
    })
    .unwrap_or_else(|error| panic!("{error}\n{:#}", sidecars[heir].service("web")));
    let other = &sidecars[3 - heir];
    assert!(
        other
            .reasons("web")
            .iter()
            .any(|reason| reason == "not_leader"),
        "{:?}",
        other.reasons("web")
    );
    assert_eq!(other.service("web")["scale_ups"], 0, "two sidecars acted");
}
