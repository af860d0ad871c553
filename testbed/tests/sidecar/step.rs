//! Step response: the time from a step of the load to the Engine API call. Printed; what is asserted has no absolute time in it.

use std::time::Duration;

use testbed::Swarm;
use tokio::time::Instant;

use crate::{
    process::Sidecar,
    scaling::{create_web, replicas, until_replicas},
    telemetry::Telemetry,
};

const INTERVAL: Duration = Duration::from_secs(3);
const STEPS: usize = 8;

#[test]
fn a_step_of_the_load_is_answered_within_few_polling_intervals() {
    let swarm = Swarm::shared().unwrap();
    swarm.remove_services().unwrap();
    create_web(&swarm, &[]);
    let sidecar = Sidecar::start(&swarm.socket("m1"));
    let telemetry = Telemetry::start(
        vec![swarm.socket("m1")],
        vec![sidecar.sflow],
        INTERVAL,
        0.02,
    );
    let mut answers = Vec::new();
    for step in 0..STEPS {
        telemetry.set_cores(0.02);
        until_replicas(&swarm, &sidecar, 2);
        sidecar.until_held("web", &["at_minimum"]);
        // Steps fall on different moments of the polling interval.
        std::thread::sleep(INTERVAL.mul_f64(0.37 * step as f64 % 1.0));
        telemetry.set_cores(3.0);
        let begin = Instant::now();
        testbed::wait_for("the answer", Duration::from_secs(60), || {
            (replicas(&swarm, "m1", "web") > 2).then_some(())
        })
        .unwrap();
        answers.push(begin.elapsed());
    }
    answers.sort();
    let (median, worst) = (answers[STEPS / 2], answers[STEPS - 1]);
    let goal = INTERVAL + Duration::from_secs(2);
    let within = answers.iter().filter(|answer| **answer <= goal).count();
    println!(
        "step response at a polling interval of {INTERVAL:?}: median {median:.1?}, worst {worst:.1?}; {within} of {STEPS} within {goal:?}"
    );
    println!(
        "as a multiple of the interval: median {:.2}, worst {:.2}",
        median.div_duration_f64(INTERVAL),
        worst.div_duration_f64(INTERVAL)
    );
}
