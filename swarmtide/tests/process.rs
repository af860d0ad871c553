//! The built binary as a process: the demo's contract, signals, exit codes, logs.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{
    io::{BufRead as _, BufReader, Read as _},
    net::UdpSocket,
    process::{Child, Command, Output, Stdio},
    thread,
    time::Duration,
};

use serde_json::Value;

fn swarmtide(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_swarmtide"));
    command
        .args(arguments)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn run(arguments: &[&str]) -> Output {
    swarmtide(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn terminate(child: &Child) {
    // The shell has a kill of its own, also where no package brings one.
    let status = Command::new("sh")
        .args(["-c", &format!("kill -s TERM {}", child.id())])
        .status();
    assert!(status.unwrap().success());
}

/// The last line of the demo's output, checked for its keys.
fn summary(stdout: &str) -> Value {
    let last: Value = serde_json::from_str(stdout.lines().last().unwrap()).unwrap();
    let keys = [
        "scale_ups",
        "scale_downs",
        "replicas_min_seen",
        "replicas_max_seen",
        "datagrams",
        "decode_errors",
        "holds",
    ];
    assert_eq!(last.as_object().unwrap().len(), keys.len(), "{last}");
    assert!(keys.iter().all(|key| last[key].is_u64()), "{last}");
    last
}

#[test]
fn thirty_seconds_of_the_demo_go_up_twice_and_down_once() {
    let arguments = [
        "demo",
        "--duration",
        "30s",
        "--seed",
        "1",
        "--listen",
        "127.0.0.1:0",
        "--format",
        "json",
    ];
    let output = run(&arguments);
    assert!(output.status.success(), "{output:?}");
    let stdout = text(&output.stdout);
    let first: Value = serde_json::from_str(stdout.lines().next().unwrap()).unwrap();
    assert!(
        first["url"]
            .as_str()
            .unwrap()
            .starts_with("http://127.0.0.1:"),
        "{first}"
    );
    let summary = summary(&stdout);
    assert!(summary["scale_ups"].as_u64().unwrap() >= 2, "{summary}");
    assert!(summary["scale_downs"].as_u64().unwrap() >= 1, "{summary}");
    assert!(
        summary["replicas_max_seen"].as_u64() > summary["replicas_min_seen"].as_u64(),
        "{summary}"
    );
    assert_eq!(summary["decode_errors"], 0);
    assert!(summary["datagrams"].as_u64().unwrap() > 50, "{summary}");
}

#[test]
fn the_demo_ends_on_a_signal_with_its_summary() {
    let mut child = swarmtide(&["demo", "--listen", "127.0.0.1:0", "--format", "json"])
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.next().unwrap().unwrap();
    terminate(&child);
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    summary(&rest.join("\n"));
    assert!(child.wait().unwrap().success());
}

/// Starts `run` on free ports and an engine that is not there, and waits until it says that it runs.
fn sidecar(folder: &std::path::Path, sflow: &str) -> Child {
    swarmtide(&["run"])
        .env("SWARMTIDE_HTTP_LISTEN", "127.0.0.1:0")
        .env("SWARMTIDE_COLLECTOR_LISTEN", sflow)
        .env("SWARMTIDE_STATE_DIRECTORY", folder.join("state"))
        .env("SWARMTIDE_LOG_FORMAT", "json")
        .env(
            "DOCKER_HOST",
            format!("unix://{}/none.sock", folder.display()),
        )
        .spawn()
        .unwrap()
}

#[test]
fn run_logs_json_and_ends_well_on_a_signal_without_an_engine() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = sidecar(folder.path(), "127.0.0.1:0");
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut seen = Vec::new();
    while !seen
        .iter()
        .any(|line: &Value| line["fields"]["message"] == "swarmtide runs")
    {
        seen.push(serde_json::from_str(&log.next().unwrap().unwrap()).unwrap());
    }
    thread::sleep(Duration::from_millis(300));
    terminate(&child);
    assert!(child.wait().unwrap().success());
    let mut rest = String::new();
    for line in log.map(Result::unwrap) {
        serde_json::from_str::<Value>(&line).unwrap();
        rest.push_str(&line);
    }
    assert!(rest.contains("stopping"), "{rest}");
}

#[test]
fn what_cannot_be_started_says_why_and_exits_with_the_right_code() {
    let folder = tempfile::tempdir().unwrap();
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut child = sidecar(folder.path(), &address);
    assert_eq!(child.wait().unwrap().code(), Some(1));
    let mut error = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut error)
        .unwrap();
    assert!(
        error.contains(&address) && error.contains("in use"),
        "{error}"
    );

    let config = folder.path().join("bad.toml");
    std::fs::write(&config, "[scaler]\ninterval = \"soon\"\n").unwrap();
    let name = config.display().to_string();
    for arguments in [
        ["run", "--config", &name],
        ["check-config", "--config", &name],
    ] {
        let output = run(&arguments);
        assert_eq!(output.status.code(), Some(64), "{output:?}");
        let error = text(&output.stderr);
        assert!(
            error.contains(&format!("{name}:2:12: key `scaler.interval`")),
            "{error}"
        );
    }
}

#[test]
fn foreign_bytes_in_the_environment_are_none_of_our_business_and_ours_are_named() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};
    let odd = OsStr::from_bytes(b"\xff");
    let output = swarmtide(&["check-config"])
        .env("FOO", odd)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let output = swarmtide(&["check-config"])
        .env("SWARMTIDE_LOG_LEVEL", odd)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(64), "{output:?}");
    assert!(
        text(&output.stderr).contains("SWARMTIDE_LOG_LEVEL"),
        "{output:?}"
    );
}

#[test]
fn every_subcommand_has_help_with_an_example() {
    for subcommand in [
        "run",
        "lbsync",
        "lb",
        "doctor",
        "demo",
        "why",
        "state",
        "check-config",
        "sflow",
        "openapi",
        "labels",
    ] {
        let output = run(&[subcommand, "--help"]);
        let help = text(&output.stdout);
        assert!(
            output.status.success()
                && help.contains("Examples:")
                && help.contains(&format!("swarmtide {subcommand}")),
            "{help}"
        );
    }
}

#[test]
fn asking_where_nobody_is_says_so() {
    let output = run(&["why", "web", "--url", "http://127.0.0.1:1"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("no sidecar answers at http://127.0.0.1:1"),
        "{output:?}"
    );
}
