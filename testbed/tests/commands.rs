//! The documents' commands that need no machine of their own: cargo's, the simulator's, the dashboards' generator.
//!
//! They build where `packaging/build` does, since that is built already. Benchmarks are tried rather than measured: a few rounds of
//! each, no goal checked (`TESTBED_BENCH_TRIAL`).

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "this is test code, helpers included"
)]

use std::{
    collections::BTreeSet,
    env, fs,
    path::Path,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use testbed::{
    documents::{self, all, is_place, root},
    guest::Program,
    wait_for,
};

/// Commands that begin so, each once, without those that have a place for what the reader puts there; there have to be some.
fn documented(start: &str) -> BTreeSet<String> {
    let commands = all().into_iter().filter(|command| {
        let words = command.parts().into_iter().flat_map(|part| part.words);
        command.text.starts_with(start) && !words.into_iter().any(|word| is_place(&word))
    });
    let commands: BTreeSet<_> = commands.map(|command| command.text).collect();
    assert!(!commands.is_empty(), "no document says {start}");
    commands
}

fn bash(command: &str, folder: &Path) -> Command {
    let rustc = Command::new("rustc")
        .args(["--print", "host-tuple"])
        .output();
    let host = String::from_utf8(rustc.unwrap().stdout).unwrap();
    let path = format!(
        "{}:{}",
        root().join("target/release").display(),
        env::var_os("PATH").unwrap_or_default().display()
    );
    let mut bash = documents::shell(command, folder);
    bash.env("PATH", path)
        .env("CARGO_BUILD_TARGET", host.trim())
        .env("RUSTFLAGS", "-C target-feature=+crt-static ")
        .env("TESTBED_BENCH_TRIAL", "1");
    bash
}

/// Runs a command that has to succeed; what it printed.
#[track_caller]
#[allow(
    clippy::disallowed_methods,
    reason = "a test against real components lives in real time"
)]
fn run(command: &mut Command) -> String {
    let begin = Instant::now();
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let stdout = String::from_utf8_lossy(&stdout).into_owned();
    let stderr = String::from_utf8_lossy(&stderr);
    assert!(
        status.success(),
        "{command:?}: {status}\n{stdout}\n{stderr}"
    );
    let said = command.get_args().last().unwrap().display();
    println!("[{:5.1} s] $ {said}", begin.elapsed().as_secs_f64());
    stdout
}

#[test]
fn builds_and_examples() {
    let mut ran = 0;
    for command in documented("cargo ") {
        let printed = match command.split(' ').nth(1) {
            Some("build" | "bench") => run(&mut bash(&command, &root())),
            Some("run") if command.contains("--example") => run(&mut bash(&command, &root())),
            _ => continue,
        };
        ran += 1;
        let table = printed.contains('|') || printed.contains("  ");
        assert!(
            command.ends_with("--release") || table,
            "{command}: {printed}"
        );
    }
    assert!(ran >= 12, "only {ran}");
}

/// `./check` runs them all; here it is that the names are right.
#[test]
fn tests_that_are_named_are_there() {
    for command in documented("cargo test") {
        if command == "cargo test --workspace" {
            let check = fs::read_to_string(root().join("check")).unwrap();
            assert!(check.contains("cargo test --workspace"));
            continue;
        }
        let listed = command.replace("--nocapture", "--list");
        // With the flags that the rest of the tests are built with.
        let found = run(&mut documents::shell(&listed, &root()));
        assert!(found.contains(": test"), "{command}: {found}");
    }
}

/// The first command of all: the page is there, and Ctrl-C ends it well.
#[test]
fn the_demo_of_the_readme() {
    let command = "cargo run --release -- demo";
    assert!(documented("cargo run").contains(command));
    let mut demo = bash(&format!("exec {command}"), &root());
    demo.stdout(Stdio::null()).stderr(Stdio::null());
    let mut demo = Program::start(&mut demo).unwrap();
    let page = || {
        let mut ask = Command::new("curl");
        let output = ask
            .args(["-sf", "--header", "accept: text/html"])
            .arg("http://127.0.0.1:8008/")
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout)
            .contains("<title>")
            .then_some(())
    };
    wait_for("the page", Duration::from_secs(600), page).unwrap();
    run(Command::new("sh").args(["-c", &format!("kill -s INT {}", demo.child().id())]));
    let ended = wait_for("its end", Duration::from_secs(30), || {
        demo.child().try_wait().unwrap()
    });
    let ended = ended.unwrap();
    assert!(ended.success(), "{ended}");
}

#[test]
fn simulations() {
    let folder = tempfile::tempdir().unwrap();
    let traces = folder.path().join("elasticity/traces");
    fs::create_dir_all(&traces).unwrap();
    for entry in fs::read_dir(root().join("elasticity/traces")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), traces.join(entry.file_name())).unwrap();
    }
    let requests: String = (0..600)
        .map(|second| format!("{}\n", 20 + second / 4))
        .collect();
    fs::write(folder.path().join("requests.txt"), requests).unwrap();
    let commands = documented("swarmtide simulate --trace");
    assert!(commands.len() >= 2, "{commands:?}");
    for command in commands {
        let printed = run(&mut bash(&command, folder.path()));
        assert!(
            printed.contains("swarmtide") && printed.contains("knative"),
            "{printed}"
        );
    }
    let picture = fs::read_to_string(folder.path().join("replicas.svg")).unwrap();
    assert!(picture.contains("<svg"), "{picture}");
}

#[test]
fn rules() {
    for command in documented("promtool ") {
        run(&mut bash(&command, &root()));
    }
}

#[test]
fn dashboards_are_as_they_are_generated() {
    let boards = || {
        let files = fs::read_dir(root().join("dashboards")).unwrap();
        let paths = files.map(|entry| entry.unwrap().path());
        let mut boards: Vec<_> = paths
            .filter(|path| path.extension().is_some_and(|end| end == "json"))
            .map(|path| (path.clone(), fs::read(path).unwrap()))
            .collect();
        boards.sort();
        boards
    };
    let before = boards();
    for command in documented("testbed/python") {
        run(&mut bash(&command, &root()));
    }
    assert!(before == boards(), "dashboards/generate.py makes others");
}
