//! A running `swarmtide run`.

use std::{
    fs::File,
    net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;

/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

pub(crate) struct Sidecar {
    child: Child,
    folder: TempDir,
    http: SocketAddr,
    pub(crate) sflow: SocketAddr,
}

/// The release binary beside this test's own.
fn binary() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let target = own.ancestors().nth(3).unwrap();
    let binary = target.join("release/swarmtide");
    assert!(
        binary.exists(),
        "{} is missing: cargo build --release",
        binary.display()
    );
    binary
}

fn free_tcp_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

fn free_udp_port() -> u16 {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

impl Sidecar {
    /// Starts one on an engine's socket.
    pub(crate) fn start(socket: &Path) -> Self {
        Self::start_with(&[("DOCKER_HOST", &format!("unix://{}", socket.display()))])
    }

    /// Starts one with that environment, besides what makes it quick.
    pub(crate) fn start_with(environment: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let http = SocketAddr::from((Ipv4Addr::LOCALHOST, free_tcp_port()));
        let sflow = SocketAddr::from((Ipv4Addr::LOCALHOST, free_udp_port()));
        let log = File::create(folder.path().join("log")).unwrap();
        let mut command = Command::new(binary());
        command
            .arg("run")
            .env_clear()
            .env("SWARMTIDE_HTTP_LISTEN", http.to_string())
            .env("SWARMTIDE_COLLECTOR_LISTEN", sflow.to_string())
            .env("SWARMTIDE_COLLECTOR_POLLING", "1s")
            .env("SWARMTIDE_STATE_DIRECTORY", folder.path().join("state"))
            .env("SWARMTIDE_SCALER_WARM_UP", "3s")
            .env("SWARMTIDE_SCALER_DEFAULTS_COOLDOWN", "2s")
            .env("SWARMTIDE_LOG_FORMAT", "json")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stderr(log);
        let child = command.spawn().unwrap();
        let sidecar = Self {
            child,
            folder,
            http,
            sflow,
        };
        testbed::wait_for("the sidecar's API answers", PATIENCE, || {
            sidecar.try_get("/live")
        })
        .unwrap();
        sidecar
    }

    fn try_get(&self, path: &str) -> Option<(u16, String)> {
        let url = format!("http://{}{path}", self.http);
        let output = Command::new("curl")
            .args(["-s", "--max-time", "5", "-w", "\n%{http_code}", &url])
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let (body, status) = text.rsplit_once('\n')?;
        output
            .status
            .success()
            .then(|| (status.parse().unwrap(), body.to_owned()))
    }

    /// What the API says, or null when it has nothing.
    pub(crate) fn get(&self, path: &str) -> Value {
        let (status, body) = self.try_get(path).unwrap();
        if status == 200 {
            serde_json::from_str(&body).unwrap_or(Value::String(body))
        } else {
            Value::Null
        }
    }

    pub(crate) fn put(&self, path: &str, body: &str) {
        let url = format!("http://{}{path}", self.http);
        let arguments = [
            "-sf",
            "-X",
            "PUT",
            "-H",
            "content-type: application/json",
            "-d",
            body,
            &url,
        ];
        assert!(
            Command::new("curl")
                .args(arguments)
                .stdout(Stdio::null())
                .status()
                .unwrap()
                .success()
        );
    }

    pub(crate) fn service(&self, name: &str) -> Value {
        self.get(&format!("/v1/services/{name}"))
    }

    /// Waits until the service is held for one of those reasons; says which.
    pub(crate) fn until_held(&self, name: &str, reasons: &[&str]) -> String {
        let held = testbed::wait_for(&format!("{name} held for {reasons:?}"), PATIENCE, || {
            let service = self.service(name);
            service["hold"]
                .as_str()
                .filter(|hold| reasons.contains(hold))
                .map(str::to_owned)
        });
        held.unwrap_or_else(|error| panic!("{error}\n{:#}\n{}", self.service(name), self.log()))
    }

    /// Reasons of all decisions in the service's records.
    pub(crate) fn reasons(&self, name: &str) -> Vec<String> {
        let records = self.decisions(name);
        records
            .iter()
            .filter_map(|record| record["decision"]["reason"].as_str().map(str::to_owned))
            .collect()
    }

    /// The service's decision records, the newest first.
    pub(crate) fn decisions(&self, name: &str) -> Vec<Value> {
        let records = self.get(&format!("/v1/services/{name}/decisions"));
        records.as_array().cloned().unwrap_or_default()
    }

    /// The newest record of a decision with that reason.
    #[track_caller]
    pub(crate) fn decision(&self, name: &str, reason: &str) -> Value {
        let records = self.decisions(name);
        let found = records
            .iter()
            .find(|record| record["decision"]["reason"] == reason);
        found
            .cloned()
            .unwrap_or_else(|| panic!("no {reason}: {records:#?}"))
    }

    /// What `swarmtide why` prints.
    pub(crate) fn why(&self, arguments: &[&str]) -> String {
        let url = format!("http://{}", self.http);
        let output = Command::new(binary())
            .args(["why", "--url", &url])
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The service's events of a kind in the journal, the newest first.
    pub(crate) fn journal(&self, service: &str, event: &str) -> Vec<Value> {
        let lines = self.get(&format!("/v1/journal?service={service}&event={event}"));
        lines.as_array().cloned().unwrap_or_default()
    }

    /// Waits until the journal has an event of a kind for a service.
    pub(crate) fn until_told(&self, service: &str, event: &str) -> Value {
        let told = testbed::wait_for(&format!("{service}: {event}"), PATIENCE, || {
            self.journal(service, event).into_iter().next()
        });
        told.unwrap_or_else(|error| panic!("{error}\n{:#}\n{}", self.service(service), self.log()))
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        if std::thread::panicking() {
            println!("--- log of the sidecar at {}\n{}", self.http, self.log());
        }
    }
}
