//! Completions in a real bash, manual pages through a real formatter, and `health` as a container's health check calls it.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{
    collections::BTreeSet,
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    process::{Command, Output},
    thread,
};

use clap::CommandFactory as _;
use swarmtide::cli::Cli;

fn swarmtide(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_swarmtide"))
        .args(arguments)
        .env_clear()
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What bash offers for a line that ends where the cursor is.
fn offered(line: &str) -> BTreeSet<String> {
    let script = r#"
        source <("$1" completions bash)
        complete -p swarmtide >/dev/null || exit 9
        read -r -a COMP_WORDS <<<"$2"
        [ "${2: -1}" = " " ] && COMP_WORDS+=("")
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        COMP_LINE=$2 COMP_POINT=${#2}
        _swarmtide swarmtide "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\n' "${COMPREPLY[@]}""#;
    let output = Command::new("bash")
        .args(["--norc", "-c", script, "bash"])
        .args([env!("CARGO_BIN_EXE_swarmtide"), line])
        .output()
        .unwrap();
    assert!(output.status.success(), "{line}: {output:?}");
    text(&output.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_subcommands_options_and_values() {
    let commands: BTreeSet<String> = Cli::command()
        .get_subcommands()
        .map(|command| command.get_name().to_owned())
        .collect();
    let all = offered("swarmtide ");
    assert!(commands.is_subset(&all), "{all:?}");
    let only = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    for (line, expected) in [
        ("swarmtide che", only(&["check-config"])),
        (
            "swarmtide lb ",
            BTreeSet::from(["status", "audit"].map(str::to_owned)),
        ),
        (
            "swarmtide doctor --role ",
            only(&["swarm", "balancer", "node"]),
        ),
        ("swarmtide state dry", only(&["dry-run"])),
        ("swarmtide completions ", only(&["bash", "zsh", "fish"])),
    ] {
        let found = offered(line);
        assert!(expected.is_subset(&found), "{line}: {found:?}");
    }
}

#[test]
fn other_shells_have_a_script_that_names_every_subcommand() {
    for shell in ["zsh", "fish"] {
        let output = swarmtide(&["completions", shell]);
        assert!(output.status.success(), "{output:?}");
        let script = text(&output.stdout);
        for command in Cli::command().get_subcommands() {
            assert!(
                script.contains(command.get_name()),
                "{shell}: {}",
                command.get_name()
            );
        }
    }
}

#[test]
fn every_subcommand_has_a_manual_page_with_its_examples() {
    let folder = tempfile::tempdir().unwrap();
    let name = folder.path().display().to_string();
    assert!(swarmtide(&["man", &name]).status.success());
    let main = text(&swarmtide(&["man"]).stdout);
    assert_eq!(
        main,
        fs::read_to_string(folder.path().join("swarmtide.1")).unwrap()
    );
    let mut names = vec!["swarmtide".to_owned()];
    for command in Cli::command().get_subcommands() {
        names.push(format!("swarmtide-{}", command.get_name()));
        for below in command.get_subcommands() {
            names.push(format!(
                "swarmtide-{}-{}",
                command.get_name(),
                below.get_name()
            ));
        }
    }
    for name in &names {
        let page = fs::read_to_string(folder.path().join(format!("{name}.1")))
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(
            page.contains(".SH NAME") && page.contains("Examples:"),
            "{name}"
        );
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), names.len());
}

#[test]
fn health_is_the_answer_of_whoever_listens() {
    for (answer, arguments, code) in [
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nlive\n",
            vec![],
            0,
        ),
        (
            "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 8\r\n\r\nstopping",
            vec!["--ready"],
            1,
        ),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let length = stream.read(&mut request).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            text(&request[..length])
        });
        let mut all = vec!["health", "--url", &url];
        all.extend(&arguments);
        let output = swarmtide(&all);
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        let request = server.join().unwrap();
        let path = if arguments.is_empty() {
            "/live"
        } else {
            "/ready"
        };
        assert!(request.starts_with(&format!("GET {path} ")), "{request}");
    }
    let output = swarmtide(&["health", "--url", "http://127.0.0.1:1"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

#[test]
fn all_of_it_is_json_for_programs() {
    let plain = text(&swarmtide(&["completions", "fish"]).stdout);
    let found = json(&swarmtide(&["completions", "fish", "--json"]));
    assert_eq!(
        (&found["shell"], &found["script"]),
        (&"fish".into(), &plain.into())
    );

    let plain = text(&swarmtide(&["man"]).stdout);
    assert_eq!(json(&swarmtide(&["--json", "man"]))["page"], plain);
    let folder = tempfile::tempdir().unwrap();
    let name = folder.path().display().to_string();
    assert!(swarmtide(&["man", &name]).stdout.is_empty());
    let found = json(&swarmtide(&["man", &name, "--json"]));
    let files: BTreeSet<&str> = found["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file.as_str().unwrap())
        .collect();
    assert_eq!(files.len(), fs::read_dir(folder.path()).unwrap().count());
    assert!(
        files.iter().all(|file| fs::metadata(file).is_ok()),
        "{files:?}"
    );

    let answers = [
        ("200 OK", "live\n", 0),
        ("503 Service Unavailable", "stopping", 1),
    ];
    for (status, answer, code) in answers {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let length = stream.read(&mut [0; 1024]).unwrap();
            assert!(length > 0);
            let length = answer.len();
            write!(
                stream,
                "HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{answer}"
            )
            .unwrap();
        });
        let output = swarmtide(&["health", "--json", "--url", &url]);
        server.join().unwrap();
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        let expected = serde_json::json!({
            "healthy": code == 0, "url": format!("{url}/live"),
            "status": if code == 0 { 200 } else { 503 }, "answer": answer.trim(), "error": null,
        });
        assert_eq!(json(&output), expected);
    }
    let output = swarmtide(&["health", "--ready", "--json", "--url", "http://127.0.0.1:1"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let found = json(&output);
    assert_eq!(
        (&found["healthy"], &found["status"]),
        (&false.into(), &serde_json::Value::Null)
    );
    assert_eq!(found["url"], "http://127.0.0.1:1/ready");
    assert!(
        found["error"].as_str().unwrap().contains("127.0.0.1:1"),
        "{found}"
    );
}
