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
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::Value;
use testbed::guest::Program;

const PATIENCE: Duration = Duration::from_secs(60);

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

fn demo(port: u16) -> Program {
    let listen = format!("127.0.0.1:{port}");
    let demo = Program::start(
        Command::new(binary())
            .args(["demo", "--format", "json", "--listen", &listen])
            .stdout(Stdio::null()),
    )
    .unwrap();
    testbed::wait_for("the demo", PATIENCE, || {
        curl(&["-f", &format!("http://{listen}/ready")])
    })
    .unwrap();
    demo
}

/// Starts Prometheus with our own scrape configuration, quickened, and our rules.
fn prometheus(folder: &Path, port: u16, target: u16) -> Program {
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
    Program::start(
        Command::new("prometheus")
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
            .stderr(Stdio::null()),
    )
    .unwrap()
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

/// What the demo has no reason to show: each stays away until something is configured, or until days have passed.
const NOT_IN_THE_DEMO: [&str; 6] = [
    "swarmtide_connections_age_seconds",
    "swarmtide_service_season_ratio",
    "swarmtide_lb_source_age_seconds",
    "swarmtide_webhook_events_total",
    "swarmtide_webhook_retries_total",
    "swarmtide_webhook_waiting",
];

/// The dashboards, by file name. That of the agent has no data here: no agent of ours runs in the demo.
fn all_dashboards() -> Vec<(String, Value)> {
    let mut all: Vec<_> = fs::read_dir(dashboards())
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .filter(|file| {
            file.extension()
                .is_some_and(|extension| extension == "json")
        })
        .map(|file| {
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            (
                name,
                serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap(),
            )
        })
        .filter(|(name, _): &(String, Value)| name != "agent.json")
        .collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

/// Every query of the dashboards, with Grafana's variables filled in as Grafana does.
fn panel_queries() -> Vec<String> {
    let mut queries = Vec::new();
    for (file, dashboard) in all_dashboards() {
        let panels = dashboard["panels"].as_array().unwrap();
        for panel in panels.iter().filter(|panel| panel["type"] != "row") {
            let told = ["title", "description"].map(|key| panel[key].as_str().unwrap_or_default());
            assert!(
                told.iter().all(|text| !text.is_empty())
                    && panel["fieldConfig"]["defaults"]["unit"].is_string(),
                "{file}: title, description or unit is missing: {panel}"
            );
            for target in panel["targets"].as_array().unwrap() {
                assert_eq!(
                    target["datasource"]["uid"], "${datasource}",
                    "{file}: {panel}"
                );
                let query = target["expr"].as_str().unwrap();
                assert!(
                    !query.contains("rate(") && !query.contains("increase(")
                        || query.contains("[$__rate_interval]"),
                    "{file}: a rate over a fixed time: {query}"
                );
                let query = query
                    .replace("$__rate_interval", "10s")
                    .replace("$instance", ".*")
                    .replace("$service", ".*");
                assert!(
                    !query.contains('$'),
                    "{file}: a variable that is not known: {query}"
                );
                queries.push(query);
            }
        }
        queries.extend(variable_queries(&file, &dashboard));
    }
    assert!(queries.len() >= 120, "{}", queries.len());
    queries
}

/// The metrics that variables take their values from, as queries that give those values.
fn variable_queries(file: &str, dashboard: &Value) -> Vec<String> {
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    assert_eq!(variables[0]["type"], "datasource", "{file}");
    let queries = variables
        .iter()
        .filter(|variable| variable["type"] == "query");
    queries
        .map(|variable| {
            let text = variable["query"]["query"].as_str().unwrap();
            let inner = text
                .strip_prefix("label_values(")
                .and_then(|rest| rest.strip_suffix(')'));
            let (metric, label) = inner
                .unwrap_or_else(|| panic!("{file}: {text}"))
                .split_once(", ")
                .unwrap();
            format!("count by ({label}) ({metric}{{{label}!=\"\"}})")
        })
        .collect()
}

/// Names of our metrics in a query.
fn names_in(query: &str) -> impl Iterator<Item = &str> {
    query
        .split(|letter: char| !letter.is_ascii_alphanumeric() && !"_:".contains(letter))
        .filter(|word| word.starts_with("swarmtide_") || word.starts_with("swarmtide:"))
}

/// What is wrong with a query now; queries over what the demo does not show need only run.
fn fault(api: &Api, query: &str) -> Option<String> {
    match api.query(query) {
        Err(error) => Some(error),
        Ok(values) if values.iter().all(|value| value.is_nan()) => {
            let absent = names_in(query).any(|name| NOT_IN_THE_DEMO.contains(&name));
            (!absent).then(|| format!("no data: {query}"))
        }
        Ok(_) => None,
    }
}

/// The names that the documentation lists, with those of histograms' series.
fn documented() -> BTreeSet<String> {
    let table = fs::read_to_string(dashboards().join("../docs/metrics.md")).unwrap();
    let names = table
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    names
        .flat_map(|(name, _)| ["", "_bucket", "_sum", "_count"].map(|end| format!("{name}{end}")))
        .collect()
}

fn unknown_names(query: &str, names: &BTreeSet<String>) -> Vec<String> {
    names_in(query)
        .filter(|name| !names.contains(*name))
        .map(|name| format!("{name} does not exist: {query}"))
        .collect()
}

#[test]
fn every_query_of_dashboards_and_rules_gives_data() {
    let folder = tempfile::tempdir().unwrap();
    let (target, port) = (free_port(), free_port());
    let _demo = demo(target);
    let _prometheus = prometheus(folder.path(), port, target);
    let api = Api(port);
    let evaluated = || {
        api.query("swarmtide:collector_loss:ratio")
            .ok()
            .filter(|values| !values.is_empty())
    };
    testbed::wait_for("the recording rules", PATIENCE, evaluated).unwrap();

    // A rate needs two scrapes, a service's hold or the time of a change something to happen: what has no data yet gets time.
    let mut open = panel_queries();
    let all_have_data = || {
        std::thread::sleep(Duration::from_millis(500));
        open.retain(|query| fault(&api, query).is_some());
        open.is_empty().then_some(())
    };
    testbed::wait_for("data for every query", PATIENCE, all_have_data).ok();
    let mut faults: Vec<String> = open.iter().filter_map(|query| fault(&api, query)).collect();

    let mut names = api.names();
    names.extend(NOT_IN_THE_DEMO.map(str::to_owned));
    let documented = documented();
    faults.extend(
        NOT_IN_THE_DEMO
            .iter()
            .filter(|name| !documented.contains(**name))
            .map(|name| format!("{name} is in no documentation")),
    );
    for query in panel_queries() {
        faults.extend(unknown_names(&query, &names));
    }
    let groups = api.get("/api/v1/rules", &[]);
    let groups = groups["data"]["groups"].as_array().unwrap().clone();
    let rules: Vec<&Value> = groups
        .iter()
        .flat_map(|group| group["rules"].as_array().unwrap())
        .collect();
    assert!(rules.len() >= 29, "{groups:#?}");
    for rule in rules {
        if rule["health"] != "ok" {
            faults.push(format!("rule {}: {}", rule["name"], rule["lastError"]));
        }
        faults.extend(unknown_names(rule["query"].as_str().unwrap(), &names));
    }
    let target_up = api.query("up{job=\"swarmtide\"}").unwrap();
    assert_eq!(target_up, [1.0]);
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn the_dashboards_are_what_the_generator_makes_and_of_grafanas_schema() {
    let root = dashboards().join("..");
    let output = Command::new(root.join("testbed/python"))
        .args(["dashboards/generate.py", "--check"])
        .current_dir(&root)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
}

#[test]
fn every_alert_has_a_runbook_and_a_test_that_fires() {
    let read = |path: &str| fs::read_to_string(dashboards().join(path)).unwrap();
    let (rules, tests, runbooks) = (
        read("rules.yml"),
        read("rules.test.yml"),
        read("../docs/runbooks.md"),
    );
    let alerts: BTreeSet<&str> = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
        .collect();
    let chapters: BTreeSet<&str> = runbooks
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .collect();
    assert!(alerts.len() >= 25, "{alerts:?}");
    assert_eq!(alerts, chapters);
    for alert in alerts {
        let link = format!("runbook: docs/runbooks.md#{}\n", alert.to_lowercase());
        assert!(
            rules.contains(&link),
            "{alert} does not lead to its runbook"
        );
        let fires = format!("alertname: {alert}\n        exp_alerts:");
        let quiet = format!("alertname: {alert}\n      - eval_time");
        assert!(
            tests.contains(&fires) && tests.contains(&quiet),
            "{alert} has no test in which it is quiet, and fires"
        );
    }
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
