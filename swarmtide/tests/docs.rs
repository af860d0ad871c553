//! The reference tables in `docs/` are those that the code makes. `UPDATE_DOCS=1 cargo test -p swarmtide --test docs` writes them anew.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{fs, path::PathBuf};

use swarmtide::{config, exposition, http, labels};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Compares a whole file.
fn check_file(path: &str, expected: &str) {
    let file = root().join(path);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&file, expected).unwrap();
    }
    let found = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        found == expected,
        "{path} is out of date: UPDATE_DOCS=1 cargo test -p swarmtide --test docs"
    );
}

/// Compares what stands between `<!-- begin NAME -->` and `<!-- end NAME -->`.
fn check_section(path: &str, name: &str, expected: &str) {
    let file = root().join(path);
    let text = fs::read_to_string(&file).unwrap();
    let (begin, end) = (
        format!("<!-- begin {name} -->\n"),
        format!("<!-- end {name} -->"),
    );
    let start = text.find(&begin).map(|at| at + begin.len());
    let start = start.unwrap_or_else(|| panic!("{path} has no {begin}"));
    let stop = text[start..].find(&end).map(|at| at + start);
    let stop = stop.unwrap_or_else(|| panic!("{path} has no {end}"));
    check_file(
        path,
        &format!("{}{expected}{}", &text[..start], &text[stop..]),
    );
}

#[test]
fn configuration() {
    check_section("docs/configuration.md", "keys", &config::reference());
    check_file("swarmtide.example.toml", &config::example());
}

#[test]
fn the_example_is_a_good_configuration_with_and_without_its_comments() {
    let uncommented: String = config::example()
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(key) if key.contains(" = ") && !key.starts_with(char::is_uppercase) => {
                format!("{key}\n")
            }
            _ => format!("{line}\n"),
        })
        .collect();
    for text in [config::example(), uncommented] {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), &text).unwrap();
        let sources = config::Sources {
            file: Some(file.path().to_owned()),
            ..config::Sources::default()
        };
        config::load(&sources).unwrap_or_else(|error| panic!("{error}\n{text}"));
    }
}

#[test]
fn label_tables() {
    check_section("docs/labels.md", "labels", &labels::reference());
}

#[test]
fn metrics() {
    check_section("docs/metrics.md", "metrics", &exposition::reference());
}

#[test]
fn openapi() {
    check_file(
        "docs/openapi.json",
        &format!("{}\n", http::openapi().to_pretty_json().unwrap()),
    );
}
