//! A reader's shell: runs the documents' commands, with what this machine has in the place of what they name.

use std::{
    process::{Child, Output},
    thread,
    time::{Duration, Instant},
};

use testbed::{
    documents::{self, root, section},
    guest::Engine,
};

/// What a reader puts into a drop-in of a unit.
pub(crate) const DROP_IN: &str = "/run/drop-in";

/// How much of what a command says is kept, characters.
const MOST: usize = 20_000;

/// How long a reader waits for what is to become true.
const PATIENCE: Duration = Duration::from_secs(120);

/// What runs until somebody ends it, and how long a reader looks at it, seconds.
const ENDLESS: &[(&str, u32)] = &[
    ("swarmtide run", 6),
    ("swarmtide agent", 6),
    ("swarmtide lbsync", 6),
    ("swarmtide demo", 6),
    ("swarmtide sflow", 3),
    // Until a candidate has seen something.
    ("swarmtide record --out monday.rec", 20),
    ("swarmtide record", 6),
];

/// What the documents call by another name than this machine.
fn here(command: &str) -> String {
    [
        ("10.0.0.11", Engine::ADDRESS),
        // Another manager, which is away.
        ("10.0.0.12", "10.99.0.2"),
        ("eth0", "node"),
        ("nginx:1", "testbed/web:1"),
        ("target=80 ", "target=8080 "),
    ]
    .iter()
    .fold(command.to_owned(), |text, (theirs, ours)| {
        text.replace(theirs, ours)
    })
}

/// The last of what a command said, and its exit code.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) text: String,
}

/// Runs one line, in the project's folder. One that does not end by itself gets SIGTERM after a while.
pub(crate) fn try_run(command: &str) -> Said {
    let text = here(command);
    let endless = ENDLESS.iter().find(|(start, _)| text.starts_with(start));
    let line = match endless {
        Some((_, seconds)) => {
            format!("exec timeout --preserve-status --kill-after 30 {seconds} {text}")
        }
        // It wants a terminal.
        None if text.starts_with("systemctl edit ") => {
            format!("script --quiet --return --command '{text}' /dev/null")
        }
        None => text,
    };
    let mut bash = documents::shell(&line, &root());
    bash.env("DEBIAN_FRONTEND", "noninteractive")
        .env("COLUMNS", "200")
        .env("SYSTEMD_PAGER", "cat")
        .env("SYSTEMD_EDITOR", format!("cp {DROP_IN}"));
    let Output {
        status,
        stdout,
        stderr,
    } = bash.output().unwrap();
    let text = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let text = text.concat();
    let rest = text.char_indices().rev().nth(MOST).map_or(0, |(at, _)| at);
    Said {
        code: status.code().unwrap_or(-1),
        text: text[rest..].to_owned(),
    }
}

/// Runs one that has to succeed; what it said.
#[track_caller]
#[allow(
    clippy::disallowed_methods,
    reason = "a test against real components lives in real time"
)]
pub(crate) fn run(command: &str) -> String {
    let begin = Instant::now();
    let said = try_run(command);
    println!("[{:5.1} s] $ {command}", begin.elapsed().as_secs_f64());
    assert_eq!(said.code, 0, "{command}\n{}", said.text);
    said.text
}

/// A command in a terminal of its own.
pub(crate) struct Started(Child);

/// Starts one that runs until [`Started::stop`].
pub(crate) fn start(command: &str) -> Started {
    let line = format!("exec {}", here(command));
    Started(documents::shell(&line, &root()).spawn().unwrap())
}

impl Started {
    /// Ctrl-C; it has to end well.
    #[track_caller]
    pub(crate) fn stop(mut self) {
        run(&format!("kill -INT {}", self.0.id()));
        assert!(self.0.wait().unwrap().success());
    }
}

/// Runs one on the host, before there is a guest.
#[track_caller]
pub(crate) fn host(command: &str) {
    run(command);
}

/// Runs the commands of a section of a document, one after the other; what they said.
pub(crate) fn follow(document: &str, heading: &str) -> Vec<(String, String)> {
    let commands = section(document, heading).into_iter();
    commands
        .map(|command| {
            let said = run(&command.text);
            (command.text, said)
        })
        .collect()
}

/// Asks until what a command says will do.
#[track_caller]
#[allow(
    clippy::disallowed_methods,
    reason = "a test against real components lives in real time"
)]
pub(crate) fn until(what: &str, command: &str, fits: impl Fn(&Said) -> bool) -> String {
    let begin = Instant::now();
    loop {
        let said = try_run(command);
        if fits(&said) {
            return said.text;
        }
        assert!(
            begin.elapsed() < PATIENCE,
            "not within {PATIENCE:?}: {what}: {command}\n{said:#?}"
        );
        // Seldom: the guest has one processor.
        thread::sleep(Duration::from_millis(500));
    }
}

/// The kernel balances so many tasks of [`crate::WEB`].
#[track_caller]
pub(crate) fn balanced(tasks: usize) {
    until("the kernel has the tasks", "ipvsadm -Sn", |said| {
        let destinations = said.text.matches("-a -t 10.30.0.1:80 -r 10.99.0.1:");
        said.text.contains("-A -t 10.30.0.1:80 -s wrr") && destinations.count() == tasks
    });
}
