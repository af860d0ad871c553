//! The agents' dashboard: a real Prometheus scrapes a real agent, and every query about agents gives data.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;
use testbed::{Agent, Ear, guest::Program};

use crate::support::{PATIENCE, SECOND};

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

fn prometheus(folder: &Path, port: u16, target: u16) -> Program {
    let dashboards = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dashboards");
    let config = fs::read_to_string(dashboards.join("prometheus.yml")).unwrap();
    let quick = config
        .replace("scrape_interval: 5s", "scrape_interval: 1s")
        .replace("rule_files: [rules.yml]", "")
        .replace("127.0.0.1:8009", &format!("127.0.0.1:{target}"));
    assert!(quick.contains(&format!(":{target}")), "{quick}");
    let file = folder.join("prometheus.yml");
    fs::write(&file, quick).unwrap();
    Program::start(
        Command::new("prometheus")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.join("data").display()
            ))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--log.level=error")
            .stderr(Stdio::null()),
    )
    .unwrap()
}

/// Answers of Prometheus: how many series.
fn series(port: u16, query: &str) -> Option<usize> {
    let output = Command::new("curl")
        .args(["-s", "-G", "--max-time", "10", "--data-urlencode"])
        .args([
            format!("query={query}"),
            format!("http://127.0.0.1:{port}/api/v1/query"),
        ])
        .output()
        .unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).ok()?;
    assert_ne!(answer["status"], "error", "{query}: {answer}");
    Some(answer["data"]["result"].as_array()?.len())
}

#[test]
fn every_query_about_agents_gives_data() {
    let folder = tempfile::tempdir().unwrap();
    let (target, port) = (free_port(), free_port());
    let mut ear = Ear::on(Ipv4Addr::LOCALHOST.into()).unwrap();
    let listen = format!("127.0.0.1:{target}");
    let more = [
        "--discovery",
        "cgroup",
        "--sampling",
        "100",
        "--listen",
        &listen,
    ];
    let _agent = Agent::here(&[ear.address().unwrap()], &more).unwrap();
    let _prometheus = prometheus(folder.path(), port, target);
    let warm = "sum(rate(swarmtide_agent_datagrams_total[10s])) > 0";
    let heard = |_: &Ear| series(port, warm).filter(|count| *count > 0);
    ear.until("a rate", PATIENCE, heard).unwrap();
    ear.listen(SECOND).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let dashboard = fs::read_to_string(root.join("dashboards/agent.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    let documented = fs::read_to_string(root.join("docs/metrics.md")).unwrap();
    let mut seen = 0;
    let panels = dashboard["panels"].as_array().unwrap();
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        assert!(
            panel["title"].is_string() && panel["description"].is_string(),
            "{panel}"
        );
        assert!(
            panel["fieldConfig"]["defaults"]["unit"].is_string(),
            "{panel}"
        );
        for target in panel["targets"].as_array().unwrap() {
            let query = target["expr"].as_str().unwrap();
            let query = query
                .replace("$__rate_interval", "10s")
                .replace("$instance", ".*");
            let words =
                query.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
            for name in words.filter(|word| word.starts_with("swarmtide_")) {
                assert!(
                    documented.contains(&format!("`{name}`")),
                    "{name} does not exist"
                );
            }
            let count = series(port, &query).unwrap();
            assert!(count > 0, "no data: {query}");
            seen += 1;
        }
    }
    assert!(seen >= 10, "{seen}");
}
