//! A running demo, and the documentation's commands run against it.

#[path = "../support/demo.rs"]
mod support;

use std::{fs, path::PathBuf, process::Command};

use tempfile::TempDir;

use testbed::documents::{Documented, filled};

use super::NOT_HERE;

/// Whether the command asks for what the demo can answer.
pub(crate) fn can_answer(command: &Documented) -> bool {
    let asks_us = |words: &[String]| match words {
        [program, subcommand, rest @ ..] if program == "swarmtide" => {
            let elsewhere = rest
                .iter()
                .any(|word| word.starts_with("/etc/") && !word.ends_with("/swarmtide.toml"));
            !elsewhere && !NOT_HERE.contains(&subcommand.as_str())
        }
        [program, rest @ ..] if program == "curl" => rest
            .iter()
            .any(|word| filled(word).contains("127.0.0.1:8008")),
        _ => false,
    };
    command
        .parts()
        .first()
        .is_some_and(|part| asks_us(&part.words))
}

pub(crate) struct Demo {
    running: support::Demo,
    folder: TempDir,
    programs: PathBuf,
}

impl Demo {
    /// Starts the demo and waits until its services have been decided about.
    pub(crate) fn start() -> Self {
        let program = PathBuf::from(env!("CARGO_BIN_EXE_swarmtide"));
        let running = support::Demo::start(|frame| {
            let services = frame["services"].as_array().unwrap();
            services.len() == 3
                && services
                    .iter()
                    .all(|service| service["cpu_of_limit"].is_number())
        });
        let folder = tempfile::tempdir().unwrap();
        let example = Command::new(&program)
            .args(["check-config", "--example"])
            .output()
            .unwrap();
        fs::write(folder.path().join("swarmtide.toml"), &example.stdout).unwrap();
        let programs = program.parent().unwrap().to_owned();
        Self {
            running,
            folder,
            programs,
        }
    }

    /// Runs it with what the reader would put in; it has to end with 0.
    pub(crate) fn run(&self, command: &Documented) {
        let config = self
            .folder
            .path()
            .join("swarmtide.toml")
            .display()
            .to_string();
        let address = self.running.url.trim_start_matches("http://");
        let mut text = filled(&command.text)
            .replace("127.0.0.1:8008", address)
            .replace("10.0.0.11:8008", address)
            .replace("/etc/swarmtide/swarmtide.toml", "swarmtide.toml")
            .replace("swarmtide.toml", &config)
            // Times of the reader's day, as times of this demo's.
            .replace("5m ago", "1s ago")
            .replace(
                "--until 18:00",
                "--until \"$(date -u -d '1 hour' +%FT%TZ)\"",
            );
        let endless = text.contains("curl -N");
        text = text.replacen("curl ", "curl -sS --fail-with-body --max-time 3 ", 1);
        let path = format!(
            "{}:{}",
            self.programs.display(),
            std::env::var_os("PATH").unwrap_or_default().display()
        );
        let output = Command::new("bash")
            .args(["-o", "pipefail", "-c", &text])
            .current_dir(self.folder.path())
            .env("PATH", path)
            .env("SWARMTIDE_URL", &self.running.url)
            .output()
            .expect("bash is needed");
        // 28: curl's time was up, as it should be with a stream.
        let good = output.status.success() || endless && output.status.code() == Some(28);
        assert!(
            good && !output.stdout.is_empty(),
            "{}: {text}: {output:?}",
            command.place
        );
    }
}
