//! The stack deployed a second time, on the swarm of `newcomer`: with Prometheus and without Grafana, with a balancer that keeps its
//! table in memory, and with sidecars that are replaced and end well.

use std::{fs, net::Ipv4Addr, process::Command};

use serde_json::Value;
use testbed::{Swarm, documents::section};

use crate::{
    newcomer::{Shell, get, spread, until},
    run,
};

/// Debian's Prometheus as an image, since no registry can be reached.
fn prometheus_image(swarm: &Swarm) {
    let folder = tempfile::tempdir().unwrap();
    let files = folder.path().join("rootfs");
    let program = run(Command::new("sh").args(["-c", "command -v prometheus"]));
    let libraries = run(Command::new("ldd").arg(&program));
    let libraries = libraries
        .lines()
        .flat_map(str::split_whitespace)
        .filter(|word| word.starts_with('/'));
    for file in libraries.chain([program.as_str()]) {
        let target = files.join(file.trim_start_matches('/'));
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(file, &target).unwrap();
    }
    fs::create_dir_all(files.join("prometheus")).unwrap();
    let dockerfile = format!("FROM scratch\nCOPY rootfs/ /\nENTRYPOINT [\"{program}\"]\n");
    fs::write(folder.path().join("Dockerfile"), dockerfile).unwrap();
    run(Command::new("docker")
        .args(["build", "--quiet", "--tag", "testbed/prometheus:1"])
        .arg(folder.path())
        .env("DOCKER_BUILDKIT", "0")
        .env(
            "DOCKER_HOST",
            format!("unix://{}", swarm.socket("m1").display()),
        ));
    spread(swarm, "testbed/prometheus:1", &["m2", "m3"]);
}

/// Deploys stack and overlay, and replaces all sidecars, one after the other.
pub(crate) fn deploy(swarm: &Swarm, shell: &mut Shell<'_>) {
    prometheus_image(swarm);
    let managers = ["m1", "m2", "m3"].map(|node| swarm.ip(node));
    let list = |format: &dyn Fn(&Ipv4Addr) -> String| {
        managers.iter().map(format).collect::<Vec<_>>().join(",")
    };
    let label = [
        "node",
        "update",
        "--label-add",
        "swarmtide.balancer=true",
        "w1",
    ];
    swarm.docker("m1", &label).unwrap();
    for command in [
        &format!(
            "export SWARMTIDE_SIDECARS={}",
            list(&|ip| format!("http://{ip}:8008"))
        ),
        "export SWARMTIDE_BALANCER_DATA_PLANE=memory",
        "export SWARMTIDE_PROMETHEUS_IMAGE=testbed/prometheus:1",
        "export SWARMTIDE_GRAFANA_REPLICAS=0",
    ] {
        shell.run(command);
    }
    for command in section("docs/install.md", "The stack") {
        shell.run(&command.text);
    }
    shell.run("docker service update --quiet --force --update-monitor 1s swarmtide_sidecar");
}

/// Those that were replaced were told to stop, and had time to.
pub(crate) fn sidecars_ended_well(swarm: &Swarm) {
    for node in ["m1", "m2", "m3"] {
        let exited = [
            "--filter",
            "name=swarmtide_sidecar",
            "--filter",
            "status=exited",
        ];
        let mut list = vec!["ps", "--all", "--format", "{{.Status}}"];
        list.extend(exited);
        let ended = swarm.docker(node, &list).unwrap();
        let well = ended.lines().all(|line| line.starts_with("Exited (0)"));
        assert!(!ended.is_empty() && well, "{node}: {ended}");
    }
}

pub(crate) fn prometheus_scrapes(swarm: &Swarm) {
    let mut place = vec!["service", "ps", "--filter", "desired-state=running"];
    place.extend(["--format", "{{.Node}}", "swarmtide_prometheus"]);
    let node = until("a task of Prometheus", || {
        let node = swarm.docker("m1", &place).ok();
        node.filter(|node| !node.is_empty())
    });
    let url = format!("http://{}:9090/api/v1", swarm.ip(&node));
    let value = |query: &str| {
        let answer = get(&format!("{url}/query?query={query}"))?;
        Some(answer["data"]["result"][0]["value"][1].clone())
    };
    until("three targets that are up", || {
        (value("sum(up%7Bjob=%22swarmtide%22%7D)")? == "3").then_some(())
    });
    until("one leader, as Prometheus sees it", || {
        (value("sum(swarmtide_leader)")? == "1").then_some(())
    });
    let rules = get(&format!("{url}/rules")).unwrap();
    let groups = rules["data"]["groups"].as_array().unwrap();
    assert!(!groups.is_empty(), "{rules}");
}

pub(crate) fn a_balancer_follows(swarm: &Swarm) {
    let ask = ["curl", "-sf", "http://127.0.0.1:8010/v1/balancer"];
    until("a balancer on w1 with the sidecars' backend set", || {
        let table: Value = serde_json::from_str(&swarm.exec("w1", &ask).ok()?).ok()?;
        let destinations = table["virtual_services"][0]["destinations"].as_array()?;
        (destinations.len() >= 2).then_some(())
    });
}
