//! The Dockerfile and the stack files as text.

use std::{collections::BTreeMap, process::Command};

use serde_json::Value;

use crate::{read, root, run};

/// Instructions of a Dockerfile by stage: comments and line breaks are gone.
fn stages(dockerfile: &str) -> Vec<(String, Vec<String>)> {
    let joined = dockerfile.replace("\\\n", " ");
    let mut stages: Vec<(String, Vec<String>)> = Vec::new();
    for line in joined.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [] | ["#", ..] => {}
            ["FROM", image, "AS", name] => {
                stages.push(((*name).to_owned(), vec![format!("FROM {image}")]));
            }
            [..] => stages.last_mut().unwrap().1.push(words.join(" ")),
        }
    }
    stages
}

#[test]
fn the_last_stage_of_the_dockerfile_is_what_is_tested() {
    let stages = stages(&read("Dockerfile"));
    let names: Vec<&str> = stages.iter().map(|(name, _)| name.as_str()).collect();
    // The classic builder builds all stages up to the one it is asked for: none of these may need a registry.
    assert_eq!(names, ["base", "prebuilt", "build", "runtime"]);
    let stages: BTreeMap<_, _> = stages.into_iter().collect();
    assert_eq!(stages["base"][0], "FROM scratch");
    assert_eq!(stages["prebuilt"], ["FROM base", "COPY rootfs/ /"]);
    assert_eq!(
        stages["runtime"],
        ["FROM base", "COPY --from=build /rootfs/ /"]
    );
    // Both get their files from the same script.
    assert!(stages["build"].contains(
        &"RUN packaging/build && packaging/rootfs target/release/swarmtide /rootfs".to_owned()
    ));
    assert!(read("packaging/image").contains("\"$here/rootfs\" \"$binary\" \"$context/rootfs\""));
}

/// The stack as the docker command understands it.
fn config(files: &[&str], environment: &[(&str, &str)]) -> String {
    let mut command = Command::new("docker");
    command.args(["stack", "config"]).current_dir(root());
    for file in files {
        command.args(["--compose-file", file]);
    }
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SWARMTIDE_") {
            command.env_remove(name);
        }
    }
    let all = run(command.envs(environment.iter().copied()));
    // Its own anchors, which are said again below, are no services.
    all.split("\nx-").next().unwrap().to_owned()
}

const COLLECTORS: (&str, &str) = ("SWARMTIDE_COLLECTORS", "10.0.0.11,10.0.0.12");
const TARGETS: (&str, &str) = ("SWARMTIDE_TARGETS", "10.0.0.11:8008");

#[test]
fn the_docker_command_takes_the_stack_and_its_overlay() {
    let stack = config(&["stack.yml"], &[COLLECTORS]);
    for expected in [
        "SWARMTIDE_AGENT_COLLECTORS: 10.0.0.11,10.0.0.12",
        "- node.role == manager",
        "- node.labels.swarmtide.agent != off",
        "- node.labels.swarmtide.balancer == true",
        "- NET_ADMIN",
    ] {
        assert!(stack.contains(expected), "{expected}: {stack}");
    }
    assert_eq!(stack.matches("cap_drop:").count(), 3, "{stack}");
    assert_eq!(stack.matches("read_only: true").count(), 3 + 2, "{stack}");
    let both = config(
        &["stack.yml", "stack.monitoring.yml"],
        &[COLLECTORS, TARGETS],
    );
    for expected in [
        "grafana/grafana:",
        "prom/prometheus:",
        "template_driver: golang",
    ] {
        assert!(both.contains(expected), "{expected}: {both}");
    }
    let without = Command::new("docker")
        .args(["stack", "config", "--compose-file", "stack.yml"])
        .env_remove(COLLECTORS.0)
        .current_dir(root())
        .output()
        .unwrap();
    assert!(!without.status.success(), "agents without collectors");
    assert!(crate::text(&without.stderr).contains("the managers' addresses"));
}

#[test]
fn no_secret_is_in_the_environment_and_every_dashboard_is_in_the_overlay() {
    let both = config(
        &["stack.yml", "stack.monitoring.yml"],
        &[COLLECTORS, TARGETS],
    );
    for line in both.lines().map(str::trim) {
        let lower = line.to_lowercase();
        let names_one = ["password", "token", "secret:"]
            .iter()
            .any(|word| lower.contains(word));
        let is_variable = line.chars().next().is_some_and(char::is_uppercase);
        assert!(
            !(names_one && is_variable) || line.contains("/run/secrets/"),
            "{line}"
        );
    }
    for entry in std::fs::read_dir(root().join("dashboards")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".json") {
            let target = format!("/etc/grafana/provisioning/dashboards/swarmtide/{name}");
            assert!(
                both.contains(&target),
                "{name} is not in stack.monitoring.yml"
            );
            let board: Value = serde_json::from_str(&read(&format!("dashboards/{name}"))).unwrap();
            assert!(board["uid"].is_string(), "{name} has no uid");
        }
    }
}
