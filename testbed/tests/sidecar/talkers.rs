//! Two services that talk over an overlay network from one node to another, and one that is asked from outside: real packets,
//! sampled by the agents, named by the sidecar.

use serde_json::Value;
use testbed::Swarm;

use crate::{
    closed_loop::start_with,
    process::{PATIENCE, Sidecar},
};

/// A service of one task on a node and a network.
fn create(swarm: &Swarm, name: &str, node: &str) {
    let on = format!("node.hostname=={node}");
    let arguments = [
        "--name",
        name,
        "--network",
        "talk",
        "--constraint",
        &on,
        "testbed/web:1",
    ];
    swarm.create_service(&arguments).unwrap();
}

/// The process of a service's only task, and its address on the network.
fn task(swarm: &Swarm, name: &str, node: &str) -> (String, String) {
    let found = || {
        let filter = format!("label=com.docker.swarm.service.name={name}");
        let id = swarm
            .docker(node, &["ps", "-q", "--filter", &filter])
            .ok()?;
        let format = "{{.State.Pid}} {{.NetworkSettings.Networks.talk.IPAddress}}";
        let text = swarm.docker(node, &["inspect", "-f", format, &id]).ok()?;
        let (process, address) = text.split_once(' ')?;
        (!address.is_empty()).then(|| (process.to_owned(), address.to_owned()))
    };
    testbed::wait_for(name, PATIENCE, found).unwrap()
}

fn row(sidecar: &Sidecar, source: [&str; 2], destination: [&str; 2]) -> Option<Value> {
    let answer = sidecar.get("/v1/talkers?limit=1000");
    let rows = answer["talkers"].as_array()?;
    let is = |end: &Value, wanted: [&str; 2]| end["kind"] == wanted[0] && end["name"] == wanted[1];
    let found = rows.iter().find(|row| {
        is(&row["source"], source) && is(&row["destination"], destination) && row["port"] == 8080
    });
    found.cloned()
}

#[test]
fn services_that_talk_are_named() {
    let swarm = Swarm::shared().unwrap();
    swarm.remove_services().unwrap();
    swarm.docker("m1", &["network", "rm", "talk"]).ok();
    let network = [
        "network",
        "create",
        "-d",
        "overlay",
        "--subnet",
        "10.55.0.0/24",
        "talk",
    ];
    swarm.docker("m1", &network).unwrap();
    create(&swarm, "ask", "m1");
    create(&swarm, "answer", "w1");
    let (sidecar, agents) = start_with(&swarm, &[], &["--sampling", "4"]);
    let (asking, _) = task(&swarm, "ask", "m1");
    let (_, answering) = task(&swarm, "answer", "w1");
    let url = format!("http://{answering}:8080/bytes/20000");
    let mut asked = 0;
    let talk = || {
        let command = [
            "nsenter",
            "-t",
            &asking,
            "-n",
            "curl",
            "-sS",
            "--max-time",
            "5",
            "-o",
            "/dev/null",
            &url,
        ];
        asked += usize::from(swarm.exec("m1", &command).is_ok());
        let there = row(&sidecar, ["service", "ask"], ["service", "answer"])?;
        let back = row(&sidecar, ["service", "answer"], ["service", "ask"])?;
        (back["samples"].as_u64()? >= 10).then_some((there, back))
    };
    let (there, back) = testbed::wait_for("both ways", PATIENCE, talk).unwrap_or_else(|error| {
        let logs: Vec<_> = agents.iter().map(testbed::Agent::log).collect();
        panic!(
            "{error}: asked {asked}\n{:#}\n{logs:?}",
            sidecar.get("/v1/talkers")
        )
    });
    println!("after {asked} requests of 20,000 bytes: {there}\n{back}");
    assert_eq!(back["protocol"], "tcp");
    assert!(back["bytes_per_second"].as_f64() > there["bytes_per_second"].as_f64());
    let samples = back["samples"].as_f64().unwrap();
    let error = back["error_percent"].as_f64().unwrap();
    // With packets of one size it would be this; acknowledgements are smaller.
    let even = 196.0 / samples.sqrt();
    assert!((0.9 * even..4.0 * even).contains(&error), "{back}");
    let answer = sidecar.get("/v1/talkers");
    assert_eq!(answer["window_seconds"], 60);
    assert!(answer["sampling_agents"].as_u64() >= Some(2), "{answer:#}");
    let metrics = sidecar.get("/metrics");
    let metrics = metrics.as_str().unwrap();
    assert!(
        metrics.contains("swarmtide_collector_talkers "),
        "{metrics}"
    );
    drop(agents);
    swarm.remove_services().unwrap();
    // Tasks let go of a network a moment after they are gone.
    testbed::wait_for("the network's end", PATIENCE, || {
        swarm.docker("m1", &["network", "rm", "talk"]).ok()
    })
    .unwrap();
}
