//! The HTTP API against its own OpenAPI document: schemathesis asks the running demo what the document allows, and what it does not.

#![allow(clippy::unwrap_used, reason = "this is test code, helpers included")]

use std::{
    net::TcpListener,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use testbed::guest::Program;

/// Seconds that the fuzzer may take; it ends by itself then, and what it found counts.
const BUDGET: &str = "40";

#[test]
fn no_question_brings_a_server_error_or_an_answer_that_is_not_documented() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let url = format!("http://127.0.0.1:{port}");
    let listen = format!("127.0.0.1:{port}");
    let _demo = Program::start(
        Command::new(testbed::binary().unwrap())
            .args(["demo", "--json", "--listen", &listen])
            .stdout(Stdio::null()),
    )
    .unwrap();
    let ready = || {
        let asked = Command::new("curl")
            .args(["-sf", &format!("{url}/ready")])
            .output()
            .unwrap();
        asked.status.success().then_some(())
    };
    testbed::wait_for("the demo", Duration::from_secs(60), ready).unwrap();
    let output = Command::new(root.join("testbed/python"))
        .current_dir(&root)
        .args(["-m", "schemathesis.cli", "run", "docs/openapi.json", "--url", &url])
        .args(["--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"])
        .args(["--phases", PHASES, "--max-examples", "15", "--max-time", BUDGET])
        .args(["--workers", "1", "--seed", "1", "--request-timeout", "10"])
        .args(["--generation-database", "none", "--no-color"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        text.contains("Test cases:") && !text.contains("Tested: 0"),
        "{text}"
    );
}

/// What is asked: values at the edges of the schema, and random ones.
const PHASES: &str = "coverage,fuzzing";
