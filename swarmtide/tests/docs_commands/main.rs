//! Every command of the documentation: those that a running demo can answer are run, the others have to be of commands, flags, files,
//! benches and tests that exist.
//!
//! A block whose first line begins with a command of [`KNOWN`] is a block of commands, and so is a span in the text that begins with
//! `swarmtide`, `cargo` or `curl`. What a program of ours is not asked to do here is listed with its reason.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod blocks;
mod demo;
mod parts;

use std::path::{Path, PathBuf};

use clap::{CommandFactory as _, error::ErrorKind};
use swarmtide::cli::Cli;

use blocks::{Found, found};
use parts::{Part, parts};

/// Commands that blocks of commands begin with.
const KNOWN: &[&str] = &[
    "swarmtide",
    "curl",
    "cargo",
    "docker",
    "promtool",
    "modprobe",
    "ip",
    "sysctl",
    "systemctl",
    "journalctl",
    "apt-get",
    "openssl",
    "install",
    "export",
    "cat",
    "./check",
    "testbed/",
    "packaging/",
];

/// Subcommands that a demo beside them cannot answer, or that would change this machine; they are only parsed.
const NOT_HERE: &[(&str, &str)] = &[
    ("run", "needs a manager of a swarm"),
    (
        "record",
        "needs a manager of a swarm; swarmtide/tests/whole/recording.rs runs it",
    ),
    (
        "replay",
        "needs a recording; swarmtide/tests/whole/recording.rs runs it",
    ),
    (
        "agent",
        "needs containers and root; testbed/tests/agent runs it",
    ),
    ("lbsync", "needs IPVS; testbed/tests/guest runs it"),
    ("lb", "needs IPVS; testbed/tests/guest runs it"),
    (
        "doctor",
        "judges the machine that it runs on; testbed runs it",
    ),
    ("demo", "is what runs beside these"),
    (
        "simulate",
        "plays long traces; swarmtide/tests/simulate.rs runs it",
    ),
    (
        "sflow",
        "needs captures or the wire; swarmtide/tests/sflow_command.rs runs it",
    ),
    ("completions", "swarmtide/tests/shell.rs runs it"),
    ("man", "swarmtide/tests/shell.rs runs it"),
    ("health", "asks the container that it is in"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .unwrap()
}

/// All commands of all documents.
fn all() -> Vec<Found> {
    let mut files = vec![
        root().join("README.md"),
        root().join("dashboards/README.md"),
        root().join("hsflowd/README.md"),
    ];
    let docs = std::fs::read_dir(root().join("docs")).unwrap().flatten();
    files.extend(
        docs.map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|end| end == "md")),
    );
    files.sort();
    files.iter().flat_map(|file| found(file)).collect()
}

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

/// A word in capitals, which stands for what the reader puts there.
fn is_place(word: &str) -> bool {
    word.len() > 1
        && word
            .chars()
            .all(|letter| letter.is_ascii_uppercase() || letter == '_')
}

/// Packages, benches, tests and examples have to be there.
fn cargo(words: &[&str]) -> Option<String> {
    let exists = |name: &str, folder: &str| {
        let members = std::fs::read_dir(root())
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
        for part in parts(&command.text) {
            if let Some(fault) = fault(&part) {
                faults.push(format!("{}: {}: {fault}", command.place, command.text));
            }
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
    let mut ran = std::collections::BTreeSet::new();
    for command in all() {
        let complete = command.in_block || is_complete(&command.text);
        if complete && demo.can(&command.text) && ran.insert(command.text.clone()) {
            demo.run(&command);
        }
    }
    assert!(ran.len() >= 18, "only these were run: {ran:#?}");
}

/// Whether a span in the text can be run as it stands, without places for what the reader puts there.
fn is_complete(text: &str) -> bool {
    !text.contains('[')
        && parts(text).iter().all(|part| {
            let words = part.words.iter().map(String::as_str);
            part.words
                .first()
                .is_some_and(|program| program == "swarmtide")
                && Cli::command().try_get_matches_from(words).is_ok()
                && !part.words.iter().any(|word| is_place(word))
        })
}
