//! Every command of the documentation is run: here, against a running demo, by the test of [`RUN_BY`] that takes its section from
//! the document and runs it line by line, or by `./check` itself. All of them have to be of commands, flags, files, benches and
//! tests that exist.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod demo;

use std::{collections::BTreeSet, fs};

use clap::{CommandFactory as _, error::ErrorKind};
use swarmtide::cli::Cli;
use testbed::documents::{Documented, Part, all, filled, is_place, parts, root, section};

/// Sections whose commands a test runs line by line, on a machine that it makes for them: document, heading, test.
const RUN_BY: &[(&str, &str, &str)] = &[
    (
        "README.md",
        "Ten minutes: from a swarm to a service that scales",
        "testbed/tests/packaging/newcomer.rs",
    ),
    (
        "docs/install.md",
        "The stack",
        "testbed/tests/packaging/overlay.rs",
    ),
    (
        "docs/troubleshooting.md",
        "Troubleshooting",
        "testbed/tests/packaging/newcomer.rs",
    ),
    (
        "hsflowd/README.md",
        "hsflowd: the agent on every node",
        "testbed/tests/sidecar/stack.rs",
    ),
    (
        "docs/install.md",
        "docker run",
        "testbed/tests/machine/containers.rs",
    ),
    (
        "docs/install.md",
        "Packets sampled in the stack",
        "testbed/tests/machine/containers.rs",
    ),
    (
        "docs/agent.md",
        "`swarmtide agent`: telemetry of every container, each second",
        "testbed/tests/machine/containers.rs",
    ),
    (
        "docs/agent.md",
        "Packet sampling",
        "testbed/tests/machine/containers.rs",
    ),
    (
        "docs/install.md",
        "Debian and Ubuntu",
        "testbed/tests/machine/debian.rs",
    ),
    (
        "docs/install.md",
        "systemd without the package",
        "testbed/tests/machine/debian.rs",
    ),
    (
        "docs/install.md",
        "Shell completion and manual pages",
        "testbed/tests/machine/debian.rs",
    ),
    (
        "docs/recording.md",
        "Recordings",
        "testbed/tests/machine/debian.rs",
    ),
    (
        "docs/balancer.md",
        "A balancer node in five minutes",
        "testbed/tests/machine/debian.rs",
    ),
    (
        "docs/balancer.md",
        "Direct routing and tunnels",
        "testbed/tests/machine/debian.rs",
    ),
];

/// Programs whose commands a test takes from all documents.
const RUN_FROM_ALL: &[(&str, &str)] = &[
    ("cargo", "testbed/tests/commands.rs"),
    ("testbed/python", "testbed/tests/commands.rs"),
    ("promtool", "testbed/tests/commands.rs"),
    ("swarmtide simulate", "testbed/tests/commands.rs"),
    ("./check", ".ci/run"),
];

/// Where commands in the text are run that no demo can answer.
const NAMED: &str = "testbed/tests/machine/named.rs";

/// Subcommands that a demo beside them cannot answer, or that would change this machine.
const NOT_HERE: &[&str] = &[
    "run",
    "record",
    "replay",
    "agent",
    "lbsync",
    "lb",
    "doctor",
    "demo",
    "simulate",
    "sflow",
    "completions",
    "man",
    "health",
];

/// What is wrong with a command that is not run.
fn fault(part: &Part) -> Option<String> {
    let words: Vec<&str> = part.words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["swarmtide", ..] => swarmtide(&words),
        ["cargo", rest @ ..] => cargo(rest),
        ["docker", "stack", "deploy", rest @ ..] => {
            let files = rest.windows(2).filter(|pair| pair[0] == "--compose-file");
            files
                .map(|pair| pair[1])
                .find(|file| !root().join(file).exists())
                .map(|file| format!("{file} does not exist"))
        }
        [program, ..]
            if program.starts_with("testbed/")
                || program.starts_with("packaging/")
                || *program == "./check" =>
        {
            (!root().join(program).exists()).then(|| format!("{program} does not exist"))
        }
        _ => None,
    }
}

/// Lets the command line read it. Words in capitals are places for what the reader puts there.
fn swarmtide(words: &[&str]) -> Option<String> {
    let error = Cli::command().try_get_matches_from(words).err()?;
    let understood = match error.kind() {
        ErrorKind::MissingRequiredArgument
        | ErrorKind::MissingSubcommand
        | ErrorKind::DisplayHelp
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
        | ErrorKind::DisplayVersion => true,
        ErrorKind::ValueValidation | ErrorKind::InvalidValue => {
            words.iter().any(|word| is_place(word))
        }
        _ => false,
    };
    (!understood).then(|| {
        error
            .to_string()
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned()
    })
}

/// Packages, benches, tests and examples have to be there.
fn cargo(words: &[&str]) -> Option<String> {
    let exists = |name: &str, folder: &str| {
        let members = fs::read_dir(root())
            .unwrap()
            .flatten()
            .map(|entry| entry.path());
        members.into_iter().any(|member| {
            let place = member.join(folder);
            place.join(format!("{name}.rs")).exists() || place.join(name).join("main.rs").exists()
        })
    };
    words.windows(2).find_map(|pair| {
        let there = match pair[0] {
            "-p" => root().join(pair[1]).join("Cargo.toml").exists(),
            "--bench" => exists(pair[1], "benches"),
            "--test" => exists(pair[1], "tests"),
            "--example" => exists(pair[1], "examples"),
            _ => true,
        };
        (!there).then(|| format!("there is no {} {}", pair[0], pair[1]))
    })
}

#[test]
fn every_command_is_one_that_exists() {
    let found = all();
    assert!(found.len() >= 60, "{}", found.len());
    let mut faults = Vec::new();
    for command in &found {
        for part in command.parts() {
            if let Some(fault) = fault(&part) {
                faults.push(format!("{}: {}: {fault}", command.place, command.text));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

/// Whether a test takes the command from its document; which one, and that it does.
fn runs_elsewhere(command: &Documented) -> bool {
    let of_a_section = RUN_BY.iter().any(|(document, heading, _)| {
        section(document, heading)
            .iter()
            .any(|run| run.text == command.text)
    });
    of_a_section
        || RUN_FROM_ALL.iter().any(|(start, _)| {
            command
                .text
                .strip_prefix(start)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        })
}

#[test]
fn every_command_is_run_by_a_test() {
    let read = |path: &str| fs::read_to_string(root().join(path)).unwrap_or_default();
    let named = read(NAMED);
    let mut faults = BTreeSet::new();
    for command in all() {
        let complete = command.in_block || is_complete(&command);
        let run = demo::can_answer(&command)
            || runs_elsewhere(&command)
            || !command.in_block && named.contains(&format!("\"{}\"", command.text));
        if complete && !run {
            faults.insert(format!("{}: {}", command.place, command.text));
        }
    }
    for (document, heading, test) in RUN_BY {
        let text = read(test);
        if !text.contains(&format!("\"{document}\"")) || !text.contains(&format!("\"{heading}\"")) {
            faults.insert(format!("{test} does not take {heading:?} from {document}"));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn a_flag_or_a_subcommand_that_does_not_exist_is_found() {
    for (text, wrong) in [
        ("swarmtide why web --when 10:42", true),
        ("swarmtide whoami", true),
        ("swarmtide why SERVICE [--at TIME]", false),
        ("swarmtide why SERVICE [--when TIME]", true),
        ("SWARMTIDE_SCALER_STATE=dry-run swarmtide run", false),
        (
            "swarmtide state [enabled|disabled|dry-run] [SERVICE]",
            false,
        ),
        ("swarmtide top --json | jq .services[].name", false),
        ("swarmtide pause web --until 18:00 # over night", false),
        ("cargo bench -p bench --bench nothing -- --check", true),
        ("cargo bench -p bench --bench tick -- --check", false),
        ("docker stack deploy --compose-file nothing.yml x", true),
        ("testbed/nothing", true),
    ] {
        let faults = parts(text).iter().filter_map(fault).count();
        assert_eq!(faults > 0, wrong, "{text}");
    }
}

#[test]
fn what_a_demo_can_answer_is_run() {
    let demo = demo::Demo::start();
    let mut ran = BTreeSet::new();
    for command in all() {
        let complete = command.in_block || is_complete(&command);
        if complete && demo::can_answer(&command) && ran.insert(command.text.clone()) {
            demo.run(&command);
        }
    }
    assert!(ran.len() >= 18, "only these were run: {ran:#?}");
}

/// Whether a span in the text can be run as it stands, with what a reader would put in for words in capitals.
fn is_complete(command: &Documented) -> bool {
    let filled = filled(&command.text);
    let programs = parts(&filled);
    let complete = |part: &Part| match part.words.first().map(String::as_str) {
        Some("swarmtide") => Cli::command()
            .try_get_matches_from(part.words.iter().map(String::as_str))
            .is_ok(),
        _ => true,
    };
    let mut words = programs.iter().flat_map(|part| &part.words);
    !filled.contains('[') && !words.any(|word| is_place(word)) && programs.iter().all(complete)
}
