//! `swarmtide simulate` as its users run it: the built binary, on traces written for the purpose.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

const KEYS: [&str; 10] = [
    "policy",
    "theta_u_percent",
    "theta_o_percent",
    "tau_u_percent",
    "tau_o_percent",
    "instability_percent",
    "slo_violations_percent",
    "dropped_percent",
    "cost",
    "changes_per_hour",
];

fn simulate(trace: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_swarmtide"));
    command.arg("simulate").arg("--trace").arg(trace);
    command.args(arguments).output().unwrap()
}

fn file(folder: &tempfile::TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    path
}

fn numbers(seconds: impl Iterator<Item = u32>) -> String {
    seconds.map(|requests| format!("{requests}\n")).collect()
}

#[track_caller]
fn rows(output: &Output) -> Vec<Value> {
    assert!(output.status.success(), "{output:?}");
    let text = std::str::from_utf8(&output.stdout).unwrap();
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

#[test]
fn a_row_for_each_policy_with_the_promised_keys() {
    let folder = tempfile::tempdir().unwrap();
    let steps = numbers((0..1800).map(|second| if second % 600 < 300 { 50 } else { 200 }));
    let trace = file(&folder, "steps.txt", steps.as_bytes());
    let arguments = ["--policies", "all", "--format", "json", "--seed", "7"];
    let output = simulate(&trace, &arguments);
    let rows = rows(&output);
    let names: Vec<&str> = rows
        .iter()
        .map(|row| row["policy"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        ["swarmtide", "elb", "hpa", "knative", "nomad", "aws"]
    );
    for row in &rows {
        let row = row.as_object().unwrap();
        assert_eq!(row.len(), KEYS.len(), "{row:?}");
        for key in &KEYS[1..] {
            let value = row[*key].as_f64().unwrap();
            assert!(value.is_finite() && value >= 0.0, "{key}: {row:?}");
        }
    }
    assert_eq!(output.stdout, simulate(&trace, &arguments).stdout);

    let mut zipped = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    zipped.write_all(steps.as_bytes()).unwrap();
    let zipped = file(&folder, "steps.txt.gz", &zipped.finish().unwrap());
    assert_eq!(output.stdout, simulate(&zipped, &arguments).stdout);
}

#[test]
fn odd_traces_are_played() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("shorter than a start", "30\n".to_owned()),
        ("nothing comes", numbers((0..900).map(|_| 0))),
        (
            "more than all replicas can do",
            numbers((0..300).map(|second| second * 1000)),
        ),
        (
            "one spike",
            numbers((0..300).map(|second| if second == 100 { 100_000_000 } else { 0 })),
        ),
    ] {
        let trace = file(&folder, "trace", text.as_bytes());
        for start in ["0", "0.3", "600"] {
            let arguments = [
                "--policies",
                "every",
                "--format",
                "json",
                "--start-seconds",
                start,
            ];
            let rows = rows(&simulate(&trace, &arguments));
            assert_eq!(rows.len(), 9, "{name}");
            for row in rows {
                assert!(
                    row["slo_violations_percent"].as_f64().unwrap() <= 100.0 + 1e-6,
                    "{name}: {row}"
                );
                assert!(row["cost"].as_f64().unwrap() > 0.0, "{name}: {row}");
            }
        }
    }
}

#[test]
fn errors_name_what_is_at_fault() {
    let folder = tempfile::tempdir().unwrap();
    let good = file(&folder, "good.txt", b"10\n20\n");
    let bad = file(&folder, "bad.txt", b"10\nmany\n");
    let empty = file(&folder, "empty.txt", b"");
    let binary = file(&folder, "binary", &[0xff, 0xfe, 0x00]);
    for (trace, arguments, code, words) in [
        (&bad, &[][..], 1, "bad.txt: line 2: \"many\""),
        (&empty, &[], 1, "empty.txt: holds no numbers"),
        (&binary, &[], 1, "binary: is neither text nor gzip"),
        (&folder.path().join("absent"), &[], 1, "absent: "),
        (
            &good,
            &["--policies", "keda"],
            64,
            "there is no policy \"keda\"",
        ),
        (
            &good,
            &["--min", "9", "--max", "3"],
            64,
            "min 9 is above max 3",
        ),
        (&good, &["--min", "0"], 64, "min must be at least 1"),
        (&good, &["--start-seconds", "-1"], 64, "start-seconds -1"),
        (&good, &["--start-seconds=nan"], 64, "start-seconds"),
        (
            &good,
            &["--requests-per-replica", "0"],
            64,
            "requests-per-replica 0",
        ),
    ] {
        let output = simulate(trace, arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(words), "{words}: {said}");
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(output.stdout.is_empty(), "{words}");
    }
}

#[test]
fn people_get_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let trace = file(&folder, "trace", numbers((0..60).map(|_| 40)).as_bytes());
    let output = simulate(&trace, &["--policies", "knative,elb"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let words: Vec<&str> = text
        .lines()
        .map(|line| line.split_whitespace().next().unwrap())
        .collect();
    assert_eq!(words, ["policy", "knative", "elb"]);

    let image = folder.path().join("image.svg");
    let arguments = ["--policies", "knative", "--svg", image.to_str().unwrap()];
    assert!(simulate(&trace, &arguments).status.success());
    let image = fs::read_to_string(image).unwrap();
    assert!(image.starts_with("<svg") && image.contains("knative"));
}
