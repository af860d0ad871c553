//! A running demo that ends with the test.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    thread,
};

use serde_json::Value;

pub(crate) struct Demo {
    child: Child,
    pub(crate) url: String,
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Demo {
    /// Starts it, and waits for a frame that will do.
    pub(crate) fn start(fits: impl Fn(&Value) -> bool) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_swarmtide"))
            .args(["demo", "--json", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut frames = lines
            .by_ref()
            .map(|line| -> Value { serde_json::from_str(&line.unwrap()).unwrap() });
        let url = frames.find(fits).unwrap()["url"]
            .as_str()
            .unwrap()
            .to_owned();
        // Nobody reads on; the demo would stand still when the pipe is full.
        thread::spawn(move || lines.for_each(drop));
        Self { child, url }
    }
}
