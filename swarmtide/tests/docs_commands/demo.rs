//! A running demo, and the documentation's commands run against it.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

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
    child: Child,
    url: String,
    folder: TempDir,
    programs: PathBuf,
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Demo {
    /// Starts the demo and waits until its services have been decided about.
    pub(crate) fn start() -> Self {
        let program = PathBuf::from(env!("CARGO_BIN_EXE_swarmtide"));
        let mut child = Command::new(&program)
            .args(["demo", "--json", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let frame = |line: std::io::Result<String>| -> serde_json::Value {
            serde_json::from_str(&line.unwrap()).unwrap()
        };
        let ready = lines.by_ref().map(frame).find(|frame| {
            let services = frame["services"].as_array().unwrap();
            services.len() == 3
                && services
                    .iter()
                    .all(|service| service["cpu_of_limit"].is_number())
        });
        let url = ready.unwrap()["url"].as_str().unwrap().to_owned();
        // Nobody reads on; the demo would stand still when the pipe is full.
        std::thread::spawn(move || lines.for_each(drop));
        let folder = tempfile::tempdir().unwrap();
        let example = Command::new(&program)
            .args(["check-config", "--example"])
            .output()
            .unwrap();
        fs::write(folder.path().join("swarmtide.toml"), &example.stdout).unwrap();
        let programs = program.parent().unwrap().to_owned();
        Self {
            child,
            url,
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
        let address = self.url.trim_start_matches("http://");
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
            .env("SWARMTIDE_URL", &self.url)
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
