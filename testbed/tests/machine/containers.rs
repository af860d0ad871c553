//! A manager where everything runs in containers: by `docker run`, as a service, and as the stack with its balancer on IPVS.

use std::process::Command;

use testbed::{
    documents::section,
    guest::{Engine, on_machine},
};

use crate::{
    WEB,
    named::{self, Services},
    shell::{balanced, follow, run, until},
    workload,
};

#[test]
fn the_documents_hold_for_containers() {
    let image = workload("containers");
    testbed::binary().unwrap();
    on_machine(|| {
        let _engine = Engine::boot(&image).unwrap();
        run("packaging/image swarmtide:0.1.0");
        run(WEB);
        by_docker_run();
        agents();
        the_stack();
    });
}

/// Three containers do what three services do.
fn by_docker_run() {
    follow("docs/install.md", "docker run");
    for name in ["swarmtide", "swarmtide-agent", "swarmtide-lbsync"] {
        let health = format!("docker inspect --format '{{{{.State.Health.Status}}}}' {name}");
        until("it is healthy", &health, |said| {
            said.text.trim() == "healthy"
        });
        run(&format!("docker exec {name} /usr/bin/swarmtide health"));
    }
    balanced(2);
    until(
        "telemetry",
        "docker run --rm --network host swarmtide:0.1.0 why web",
        |said| said.text.contains("Held at 2 replicas: CPU") || said.text.contains("CPU is 0 %"),
    );
    run("docker rm --force swarmtide swarmtide-agent swarmtide-lbsync");
    // An operator's part: the next balancer begins with a table that nobody has touched.
    run("ipvsadm --clear");
}

/// The agent as a program and as a service, with and without packets sampled.
fn agents() {
    run(
        "docker run --detach --name swarmtide --network host --user 0:0 \
        --volume /var/run/docker.sock:/var/run/docker.sock --env SWARMTIDE_HTTP_LISTEN=0.0.0.0:8008 swarmtide:0.1.0 run",
    );
    run("install --mode 644 hsflowd/hsflowd.conf /etc/hsflowd.conf");
    run("install --mode 755 target/release/swarmtide /usr/local/bin/swarmtide");
    follow(
        "docs/agent.md",
        "`swarmtide agent`: telemetry of every container, each second",
    );
    until("the service's telemetry", "swarmtide doctor", |said| {
        said.text
            .contains("telemetry guest: swarmtide agent reports")
    });
    run("docker service rm agent");
    let port = run(
        "docker ps --filter name=web --format '{{.Ports}}' | sed -n '1s/.*:\\([0-9]*\\)->.*/\\1/p'",
    );
    let mut load = Command::new("wrk")
        .args(["-t1", "-c2", "-d30"])
        .arg(format!("http://10.99.0.1:{}/", port.trim()))
        .spawn()
        .unwrap();
    let talkers = follow("docs/agent.md", "Packet sampling").pop().unwrap().1;
    load.kill().unwrap();
    load.wait().unwrap();
    assert!(
        talkers.contains("\"sampling_agents\":1") && talkers.contains("web"),
        "{talkers}"
    );
    run("docker rm --force swarmtide");
}

/// The newcomer's commands again, on a node whose kernel can balance.
fn the_stack() {
    let commands = section(
        "README.md",
        "Ten minutes: from a swarm to a service that scales",
    );
    let mut exports = "export SWARMTIDE_BALANCER_VIPS=manage; ".to_owned();
    for command in commands {
        let text = command.text;
        if text.starts_with("docker build") || text.starts_with("docker service create") {
            continue;
        }
        if text.starts_with("export ") {
            exports = format!("{exports}{text}; ");
        } else if text.contains(" why ") {
            break;
        } else if text.ends_with(" doctor") {
            until("a doctor who is content", &text, |said| said.code == 0);
        } else {
            run(&format!("{exports}{text}"));
        }
    }
    named::run(Services::Stack);
    balanced(2);
    until(
        "the VIP answers",
        "curl --silent --max-time 5 http://10.30.0.1/",
        |said| said.code == 0,
    );
    run("docker service scale --detach web=3");
    balanced(3);
    sampling(&exports);
    // It has no load: the sidecar takes the third away again, after it has drained.
    balanced(2);
    let before = run("ipvsadm -Sn");
    run("docker stack rm swarmtide");
    until(
        "the balancer is gone",
        "docker ps --quiet --filter name=swarmtide_balancer",
        |said| said.text.trim().is_empty(),
    );
    assert_eq!(run("ipvsadm -Sn"), before, "it leaves the table");
}

/// The overlay gives the agents what they need to sample, and the sidecar tells who talks.
fn sampling(exports: &str) {
    for command in section("docs/install.md", "Packets sampled in the stack") {
        run(&format!("{exports}{}", command.text));
    }
    let talkers = "wrk -t1 -c2 -d2 http://10.30.0.1/ >/dev/null; curl --silent http://10.99.0.1:8008/v1/talkers?limit=5";
    until("talkers", talkers, |said| {
        said.text.contains("\"sampling_agents\":1") && said.text.contains("\"web\"")
    });
}
