//! The demo as a process, and questions to its API.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
};

use serde_json::Value;

use super::browser::PATIENCE;

/// A running demo that ends with the test.
pub(crate) struct Demo {
    child: Child,
    pub(crate) port: u16,
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

impl Demo {
    /// The demo of three services.
    pub(crate) fn start() -> Self {
        Self::on(free_port(), &[])
    }

    /// A demo on that port, ready.
    pub(crate) fn on(port: u16, arguments: &[&str]) -> Self {
        let listen = format!("127.0.0.1:{port}");
        let child = Command::new(testbed::binary().unwrap())
            .args(["demo", "--format", "json", "--listen", &listen])
            .args(arguments)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let demo = Self { child, port };
        testbed::wait_for("the demo", PATIENCE, || demo.get("/ready")).unwrap();
        demo
    }

    /// Where something of it is.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// What the API answers, if it does.
    pub(crate) fn get(&self, path: &str) -> Option<String> {
        let output = Command::new("curl")
            .args(["-sf", "--max-time", "10", &self.url(path)])
            .output()
            .unwrap();
        output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The same as JSON.
    pub(crate) fn json(&self, path: &str) -> Value {
        self.get(path)
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or(Value::Null)
    }

    /// Waits until the API says so.
    pub(crate) fn until(&self, what: &str, path: &str, says: impl Fn(&Value) -> bool) {
        testbed::wait_for(what, PATIENCE, || says(&self.json(path)).then_some(())).unwrap();
    }
}
