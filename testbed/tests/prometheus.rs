//! A real Prometheus scrapes the running demo: every query of the dashboards and rules has to run, give data, and name metrics
//! that exist.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "this is test code, helpers included"
)]

use std::{
    collections::BTreeSet,
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(60);

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn dashboards() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../dashboards")
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// The release binary beside this test's own.
fn binary() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let binary = own.ancestors().nth(3).unwrap().join("release/swarmtide");
    assert!(
        binary.exists(),
        "{} is missing: cargo build --release",
        binary.display()
    );
    binary
}

fn curl(arguments: &[&str]) -> Option<String> {
    let output = Command::new("curl")
        .args(["-s", "--max-time", "10"])
        .args(arguments)
        .output()
        .unwrap();
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn demo(port: u16) -> Running {
    let listen = format!("127.0.0.1:{port}");
    let child = Command::new(binary())
        .args(["demo", "--format", "json", "--listen", &listen])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let demo = Running(child);
    testbed::wait_for("the demo", PATIENCE, || {
        curl(&["-f", &format!("http://{listen}/ready")])
    })
    .unwrap();
    demo
}

/// Starts Prometheus with our own scrape configuration, quickened, and our rules.
fn prometheus(folder: &Path, port: u16, target: u16) -> Running {
    let config = fs::read_to_string(dashboards().join("prometheus.yml")).unwrap();
    let quick = config
        .replace(
            "scrape_interval: 5s",
            "scrape_interval: 1s\n  evaluation_interval: 1s",
        )
        .replace("127.0.0.1:8008", &format!("127.0.0.1:{target}"));
    assert_ne!(config, quick);
    fs::write(folder.join("prometheus.yml"), quick).unwrap();
    fs::copy(dashboards().join("rules.yml"), folder.join("rules.yml")).unwrap();
    let child = Command::new("prometheus")
        .arg(format!(
            "--config.file={}",
            folder.join("prometheus.yml").display()
        ))
        .arg(format!(
            "--storage.tsdb.path={}",
            folder.join("data").display()
        ))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .arg("--log.level=warn")
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    Running(child)
}

struct Api(u16);

impl Api {
    fn get(&self, path: &str, parameters: &[(&str, &str)]) -> Value {
        let mut arguments = vec![
            "-G".to_owned(),
            format!("http://127.0.0.1:{}{path}", self.0),
        ];
        for (name, value) in parameters {
            arguments.extend(["--data-urlencode".to_owned(), format!("{name}={value}")]);
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        curl(&arguments)
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or(Value::Null)
    }

    /// The values that a query gives now.
    fn query(&self, query: &str) -> Result<Vec<f64>, String> {
        let answer = self.get("/api/v1/query", &[("query", query)]);
        if answer["status"] != "success" {
            return Err(format!("{query}: {}", answer["error"]));
        }
        let series = answer["data"]["result"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        Ok(series
            .iter()
            .map(|one| one["value"][1].as_str().unwrap().parse().unwrap())
            .collect())
    }

    fn names(&self) -> BTreeSet<String> {
        let answer = self.get("/api/v1/label/__name__/values", &[]);
        answer["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|name| name.as_str().unwrap().to_owned())
            .collect()
    }
}

/// Every query of the dashboards, with Grafana's variables filled in as Grafana does.
fn panel_queries() -> Vec<String> {
    let mut queries = Vec::new();
    for file in fs::read_dir(dashboards())
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
    {
        // The agent's is tested where an agent runs: tests/agent/dashboard.rs.
        let of_agent = file.ends_with("agent.json");
        if of_agent || file.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let dashboard: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        for panel in dashboard["panels"].as_array().unwrap() {
            assert!(
                panel["title"].is_string() && panel["fieldConfig"]["defaults"]["unit"].is_string(),
                "{panel}"
            );
            for target in panel["targets"].as_array().unwrap() {
                assert_eq!(target["datasource"]["uid"], "${datasource}", "{panel}");
                queries.push(
                    target["expr"]
                        .as_str()
                        .unwrap()
                        .replace("$__rate_interval", "10s")
                        .replace("$instance", ".*")
                        .replace("$service", ".*"),
                );
            }
        }
    }
    assert!(queries.len() >= 15, "{queries:?}");
    queries
}

/// Names of our metrics in a query.
fn names_in(query: &str) -> impl Iterator<Item = &str> {
    query
        .split(|letter: char| !letter.is_ascii_alphanumeric() && !"_:".contains(letter))
        .filter(|word| word.starts_with("swarmtide_") || word.starts_with("swarmtide:"))
}

#[test]
fn every_query_of_dashboards_and_rules_gives_data() {
    let folder = tempfile::tempdir().unwrap();
    let (target, port) = (free_port(), free_port());
    let _demo = demo(target);
    let _prometheus = prometheus(folder.path(), port, target);
    let api = Api(port);
    // Long enough for rates over ten seconds, and for the demo's first changes.
    let warm = || {
        api.query("sum(increase(swarmtide_scaler_changes_total[10s])) > 0")
            .ok()
            .filter(|values| !values.is_empty())
    };
    testbed::wait_for("a change that Prometheus has seen", PATIENCE, warm).unwrap();
    let evaluated = || {
        api.query("swarmtide:collector_loss:ratio")
            .ok()
            .filter(|values| !values.is_empty())
    };
    testbed::wait_for("the recording rules", PATIENCE, evaluated).unwrap();

    let names = api.names();
    let mut faults = Vec::new();
    for query in panel_queries() {
        match api.query(&query) {
            Err(error) => faults.push(error),
            Ok(values) if values.iter().all(|value| value.is_nan()) => {
                faults.push(format!("no data: {query}"))
            }
            Ok(_) => {}
        }
        faults.extend(
            names_in(&query)
                .filter(|name| !names.contains(*name))
                .map(|name| format!("{name} does not exist: {query}")),
        );
    }
    let groups = api.get("/api/v1/rules", &[]);
    let groups = groups["data"]["groups"].as_array().unwrap().clone();
    let rules: Vec<&Value> = groups
        .iter()
        .flat_map(|group| group["rules"].as_array().unwrap())
        .collect();
    assert!(rules.len() >= 8, "{groups:#?}");
    for rule in rules {
        let query = rule["query"].as_str().unwrap();
        if rule["health"] != "ok" {
            faults.push(format!("rule {}: {}", rule["name"], rule["lastError"]));
        }
        faults.extend(
            names_in(query)
                .filter(|name| !names.contains(*name))
                .map(|name| format!("{name} does not exist: {query}")),
        );
    }
    let target_up = api.query("up{job=\"swarmtide\"}").unwrap();
    assert_eq!(target_up, [1.0]);
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn the_rules_do_what_their_tests_say() {
    let output = Command::new("promtool")
        .args(["test", "rules", "rules.test.yml"])
        .current_dir(dashboards())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let check = Command::new("promtool")
        .args(["check", "config", "prometheus.yml"])
        .current_dir(dashboards())
        .output()
        .unwrap();
    assert!(check.status.success(), "{check:?}");
}

#[test]
fn the_exposition_has_no_fault_that_promtool_knows() {
    let port = free_port();
    let _demo = demo(port);
    let script = format!(
        "set -o pipefail; curl -s http://127.0.0.1:{port}/metrics | promtool check metrics"
    );
    let output = Command::new("bash").args(["-c", &script]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}
