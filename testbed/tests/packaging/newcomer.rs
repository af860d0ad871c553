//! A newcomer's path: the commands of README.md, one by one, as if logged in on a manager of an empty swarm, until a service
//! scales by its load. Then what the docs promise of the stack: sidecars on all managers, and a doctor that names the node whose
//! agent is gone; `overlay` goes on from there.

use std::{
    net::SocketAddr,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use testbed::{
    Swarm,
    documents::{Documented, section},
    wait_for,
};

use crate::{overlay, root, text};

const PATIENCE: Duration = Duration::from_secs(90);

/// What stands in the docs for what a reader has, and is something else here.
fn here(command: &str) -> String {
    let image = "docker build --tag swarmtide:0.1.0 .";
    if command == image {
        // No registry: the same stage with files made beforehand.
        return format!(
            "packaging/image swarmtide:0.1.0 {}",
            testbed::binary().unwrap().display()
        );
    }
    command
        .replace("nginx:1", "testbed/web:1")
        .replace("target=80 ", "target=8080 ")
}

/// A shell on the manager, in the folder of the sources. What was exported stays.
pub(crate) struct Shell<'a> {
    swarm: &'a Swarm,
    exports: String,
    ran: usize,
}

impl<'a> Shell<'a> {
    fn new(swarm: &'a Swarm) -> Self {
        Self {
            swarm,
            exports: format!("set -e; cd {}; ", root().display()),
            ran: 0,
        }
    }

    #[allow(
        clippy::disallowed_methods,
        reason = "a test against real components lives in real time"
    )]
    pub(crate) fn run(&mut self, command: &str) -> String {
        self.ran += 1;
        let begin = Instant::now();
        let script = format!("{}{}", self.exports, here(command));
        let said = until(command, || {
            let output = self
                .swarm
                .exec_command("m1")
                .args(["bash", "-c", &script])
                .output()
                .unwrap();
            let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
            // Agents have only just started: a person asks again as well.
            if command.ends_with(" doctor") && !output.status.success() {
                std::thread::sleep(Duration::from_millis(500));
                println!("{said}");
                return None;
            }
            assert!(output.status.success(), "{command}\n{said}");
            Some(said)
        });
        println!("[{:5.1} s] $ {command}", begin.elapsed().as_secs_f64());
        if command.starts_with("export ") {
            self.exports.push_str(command);
            self.exports.push_str("; ");
        }
        said
    }
}

/// Puts an image on the nodes that have not built it, as a registry would.
pub(crate) fn spread(swarm: &Swarm, image: &str, nodes: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("image.tar");
    let archive = archive.to_str().unwrap();
    swarm
        .docker("m1", &["save", "--output", archive, image])
        .unwrap();
    for node in nodes {
        swarm
            .docker(node, &["load", "--quiet", "--input", archive])
            .unwrap();
    }
}

pub(crate) fn get(url: &str) -> Option<Value> {
    let output = Command::new("curl")
        .args(["-sf", "--max-time", "5", url])
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).ok()
}

pub(crate) fn until<T>(what: &str, ask: impl FnMut() -> Option<T>) -> T {
    wait_for(what, PATIENCE, ask).unwrap()
}

/// wrk against every task of the service that is in the sidecar's table; it ends when this is dropped.
#[derive(Default)]
struct Load(Vec<(SocketAddr, Child)>);

impl Load {
    fn follow(&mut self, table: &Value) {
        let destinations = table["virtual_services"][0]["destinations"].as_array();
        for destination in destinations.into_iter().flatten() {
            let address = destination["address"]
                .as_str()
                .and_then(|address| address.parse::<std::net::IpAddr>().ok());
            let port = destination["port"]
                .as_u64()
                .and_then(|port| u16::try_from(port).ok());
            let Some(address) = address.zip(port).map(SocketAddr::from) else {
                continue;
            };
            // One that found nobody listening has ended, and is begun again.
            self.0
                .retain_mut(|(_, child)| matches!(child.try_wait(), Ok(None)));
            if self.0.iter().any(|(known, _)| *known == address) {
                continue;
            }
            let child = Command::new("wrk")
                .args(["-t1", "-c4", "-d300", "--timeout", "10s"])
                .arg(format!("http://{address}/burn/20"))
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .spawn()
                .expect("wrk is missing: testbed/setup");
            self.0.push((address, child));
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        for (_, child) in &mut self.0 {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

fn replicas(swarm: &Swarm) -> u64 {
    let format = "{{.Spec.Mode.Replicated.Replicas}}";
    let text = swarm.docker("m1", &["service", "inspect", "--format", format, "web"]);
    text.unwrap().parse().unwrap()
}

/// `swarmtide doctor --json` in a container on the first manager: the exit code, and the findings.
fn doctor(swarm: &Swarm) -> (i32, Vec<Value>) {
    let socket = "/var/run/docker.sock:/var/run/docker.sock";
    let output = swarm
        .exec_command("m1")
        .args([
            "docker",
            "run",
            "--rm",
            "--network",
            "host",
            "--user",
            "0:0",
            "--cap-drop",
            "ALL",
        ])
        .args(["--volume", socket, "swarmtide:0.1.0", "doctor", "--json"])
        .output()
        .unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{error}: {}{}", text(&output.stdout), text(&output.stderr))
    });
    let findings = document["findings"].as_array().unwrap().clone();
    (output.status.code().unwrap(), findings)
}

fn bad(findings: &[Value]) -> Vec<String> {
    let worth = findings
        .iter()
        .filter(|finding| ["warning", "error"].contains(&finding["severity"].as_str().unwrap()));
    worth.map(ToString::to_string).collect()
}

#[test]
#[allow(
    clippy::disallowed_methods,
    reason = "a test against real components lives in real time"
)]
fn from_an_empty_swarm_to_a_service_that_scales() {
    let swarm = Swarm::start(3, 1).unwrap();
    swarm.favour_containers().unwrap();
    let begin = Instant::now();
    let mut shell = Shell::new(&swarm);
    let mut said = String::new();
    for command in section(
        "README.md",
        "Ten minutes: from a swarm to a service that scales",
    ) {
        said = shell.run(&command.text);
        if command.text.starts_with("docker build") {
            // A registry's part; it is not counted, and takes a second.
            spread(&swarm, "swarmtide:0.1.0", &["m2", "m3", "w1"]);
        }
    }
    let (count, typed) = (shell.ran, begin.elapsed());
    assert!(
        said.contains("replicas"),
        "the last command asks about the service: {said}"
    );
    let url = format!("http://{}:8008", swarm.ip("m1"));
    let (mut load, loaded) = (Load::default(), Instant::now());
    until("a service that scales", || {
        load.follow(&get(&format!("{url}/v1/backends"))?);
        (replicas(&swarm) > 2).then_some(())
    });
    println!(
        "a newcomer's path: {count} commands, {:.1} s until the last has answered; the service grew {:.1} s after its load began",
        typed.as_secs_f64(),
        loaded.elapsed().as_secs_f64()
    );
    until("all it may have", || {
        load.follow(&get(&format!("{url}/v1/backends"))?);
        (replicas(&swarm) == 5).then_some(())
    });
    for command in section("docs/troubleshooting.md", "Troubleshooting") {
        shell.run(&command.text);
    }
    everybody_is_there(&swarm);
    a_node_without_its_agent_is_named(&swarm);
    overlay::deploy(&swarm, &mut shell);
    overlay::sidecars_ended_well(&swarm);
    overlay::prometheus_scrapes(&swarm);
    overlay::a_balancer_follows(&swarm);
    drop(load);
}

/// Sidecars on all managers, one of which leads; all nodes report; the doctor has nothing to complain of.
fn everybody_is_there(swarm: &Swarm) {
    for (manager, leads) in [("m1", true), ("m2", false), ("m3", false)] {
        let index = get(&format!("http://{}:8008/", swarm.ip(manager)));
        let expected = if leads { "leader" } else { "follower" };
        assert_eq!(index.unwrap()["leadership"], expected, "{manager}");
    }
    let findings = wait_for("a doctor who is content", PATIENCE, || {
        let (code, findings) = doctor(swarm);
        (code == 0 && bad(&findings).is_empty()).then_some(findings)
    });
    let findings = findings.unwrap_or_else(|error| panic!("{error}: {:#?}", bad(&doctor(swarm).1)));
    for node in swarm.nodes() {
        let found = findings
            .iter()
            .any(|finding| finding["id"] == "telemetry" && finding["subject"] == node.as_str());
        assert!(found, "{node}: {findings:#?}");
    }
    let sidecars = findings
        .iter()
        .filter(|finding| finding["id"] == "sidecar")
        .count();
    assert_eq!(sidecars, 3, "{findings:#?}");
}

fn a_node_without_its_agent_is_named(swarm: &Swarm) {
    let label = |change: &str| {
        swarm
            .docker(
                "m1",
                &["node", "update", change, "swarmtide.agent=off", "w1"],
            )
            .unwrap();
    };
    label("--label-add");
    let (code, finding) = until("a finding about w1", || {
        let (code, findings) = doctor(swarm);
        let of_w1 = |finding: &&Value| {
            finding["subject"] == "w1"
                && finding["id"] == "telemetry"
                && finding["severity"] != "good"
        };
        Some((code, findings.iter().find(of_w1)?.clone()))
    });
    assert_eq!(
        (code, &finding["severity"]),
        (1, &"error".into()),
        "{finding:#}"
    );
    let found = finding["found"].as_str().unwrap();
    assert!(
        found.contains("silent for") && found.contains("swarmtide_agent"),
        "{found}"
    );
    println!("doctor on a node whose agent was stopped: {found}");
    swarm
        .docker(
            "m1",
            &["node", "update", "--label-rm", "swarmtide.agent", "w1"],
        )
        .unwrap();
    until("w1 reports again", || {
        let (code, findings) = doctor(swarm);
        (code == 0 && bad(&findings).is_empty()).then_some(())
    });
}

#[test]
fn the_section_of_the_docs_is_short_and_complete() {
    let commands = section(
        "README.md",
        "Ten minutes: from a swarm to a service that scales",
    );
    assert!((5..=10).contains(&commands.len()), "{commands:#?}");
    assert!(root().join("stack.yml").exists());
    let deploys = |command: &Documented| command.text.contains("--compose-file stack.yml");
    assert!(commands.iter().any(deploys));
}
