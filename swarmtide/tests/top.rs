//! `top` on a terminal of its own (`script` of util-linux makes one), in a pipe, and as JSON.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "support/demo.rs"]
mod support;

use std::{
    io::Write as _,
    process::{Command, Output, Stdio},
    thread,
    time::Duration,
};

use support::Demo;

const PROGRAM: &str = env!("CARGO_BIN_EXE_swarmtide");

fn demo() -> Demo {
    Demo::start(|frame| frame["services"].as_array().unwrap().len() == 3)
}

fn swarmtide(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).output().unwrap()
}

/// Runs `top` on a terminal, presses keys, and returns what the terminal got.
fn on_a_terminal(url: &str, keys: &[&str], no_colour: bool) -> String {
    let command = format!("{PROGRAM} top --url {url} --interval 300ms");
    let mut child = Command::new("script")
        .args(["-qefc", &command, "/dev/null"])
        .env("TERM", "xterm")
        .env("NO_COLOR", if no_colour { "1" } else { "" })
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("script (of util-linux) is needed");
    let mut stdin = child.stdin.take().unwrap();
    for key in keys {
        thread::sleep(Duration::from_millis(1500));
        stdin.write_all(key.as_bytes()).unwrap();
    }
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_person_gets_a_view_and_the_terminal_back() {
    let demo = demo();
    let text = on_a_terminal(&demo.url, &["s", "\x1b[B", "q"], false);
    let (begin, end) = (text.find("\x1b[?1049h"), text.rfind("\x1b[?1049l"));
    assert!(begin.is_some() && begin < end, "{text:?}");
    for words in [
        "scaling enabled",
        "3 services",
        "s sort (replicas)",
        "worker",
        "\x1b[3",
    ] {
        assert!(text.contains(words), "{words:?}: {text:?}");
    }
    let plain = on_a_terminal(&demo.url, &["q"], true);
    assert!(
        plain.contains("3 services") && !plain.contains("\x1b[3"),
        "{plain:?}"
    );
}

#[test]
fn a_pipe_gets_plain_text_once_and_a_program_json() {
    let demo = demo();
    let output = swarmtide(&["top", "--url", &demo.url, "--sort", "cpu"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && !text.contains('\x1b'),
        "{output:?}"
    );
    assert_eq!(
        text.lines().count(),
        5,
        "a head, titles, three services: {text}"
    );
    for arguments in [
        &["top"][..],
        &["state"],
        &["why", "web"],
        &["pause", "web", "--for", "1m"],
    ] {
        let arguments = [arguments, &["--json", "--url", &demo.url]].concat();
        let output = swarmtide(&arguments);
        let value: serde_json::Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{arguments:?}: {error}: {output:?}"));
        assert!(value.is_object(), "{arguments:?}: {value}");
    }
}

#[test]
fn reference_tables_are_json_too() {
    for arguments in [
        &["labels"][..],
        &["check-config"],
        &["check-config", "--list"],
        &["openapi"],
    ] {
        let output = swarmtide(&[arguments, &["--json"]].concat());
        let parsed = serde_json::from_slice::<serde_json::Value>(&output.stdout);
        assert!(parsed.is_ok(), "{arguments:?}: {output:?}");
    }
}

#[test]
fn who_is_not_there_is_named() {
    let output = swarmtide(&["top", "--once", "--url", "http://127.0.0.1:1"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("http://127.0.0.1:1"),
        "{output:?}"
    );
}
