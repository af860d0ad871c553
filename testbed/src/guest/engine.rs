//! A real Docker Engine inside the guest, with a swarm of its own: for swarm's own load balancing, which this host's kernel
//! lacks. Slow: minutes on a busy machine.

use std::{
    fs,
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};

use super::program::Program;
use crate::wait_for;

/// What the engine needs of the guest before it starts.
const PREPARE: &str = "\
set -e
mkdir -p /var/lib/docker
mount -t tmpfs tmpfs /var/lib/docker
rm -f /etc/resolv.conf
# Nobody listens there: the look for a newer image fails at once.
echo 'nameserver 127.0.0.1' >/etc/resolv.conf
echo 1 >/proc/sys/net/ipv4/ip_forward
ip link add node type dummy
ip addr add 10.99.0.1/24 dev node
ip link set node up";

/// A running engine: one manager with the image of the archive.
#[derive(Debug)]
pub struct Engine {
    _daemon: Option<Program>,
}

impl Engine {
    /// The address of the guest as a swarm node.
    pub const ADDRESS: &str = "10.99.0.1";

    /// Starts it, makes a swarm, and loads an image (see `testbed/image`).
    ///
    /// # Errors
    ///
    /// When anything fails; its log goes to standard error.
    pub fn start(image: &Path) -> Result<Self> {
        prepare()?;
        let log = fs::File::create("/run/dockerd.log")?;
        let mut daemon = Command::new("dockerd");
        daemon
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        let engine = Self {
            _daemon: Some(Program::start(&mut daemon)?),
        };
        let up = wait_for("the engine answers", Duration::from_secs(120), || {
            ping().ok()
        });
        up.with_context(|| fs::read_to_string("/run/dockerd.log").unwrap_or_default())?;
        engine.with(image)
    }

    /// As [`Self::start`], where systemd is process 1: as the service that Debian's package brings.
    ///
    /// # Errors
    ///
    /// When anything fails.
    pub fn boot(image: &Path) -> Result<Self> {
        prepare()?;
        let started = Command::new("systemctl")
            .args(["start", "docker"])
            .status()?;
        ensure!(started.success(), "docker.service does not start");
        Self { _daemon: None }.with(image)
    }

    fn with(self, image: &Path) -> Result<Self> {
        let image = image.to_str().context("the path of the image")?;
        self.docker(&["load", "--quiet", "--input", image])?;
        self.docker(&["swarm", "init", "--advertise-addr", Self::ADDRESS])?;
        Ok(self)
    }

    /// Runs the `docker` command and returns what it prints.
    ///
    /// # Errors
    ///
    /// When it fails; the message has what it said.
    pub fn docker(&self, arguments: &[&str]) -> Result<String> {
        let output = Command::new("docker").args(arguments).output()?;
        ensure!(
            output.status.success(),
            "docker {}: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Creates a service whose port 8080 swarm's own ingress publishes. Returns at once.
    ///
    /// # Errors
    ///
    /// When the engine refuses it.
    pub fn publish(&self, name: &str, port: u16, replicas: u8) -> Result<()> {
        let (publish, count) = (format!("{port}:8080"), replicas.to_string());
        let name = ["--name", name, "--replicas", &count, "--publish", &publish];
        // The workload is pid 1 of its container, and each stop would otherwise wait for its signal to be believed.
        let quick = ["--detach", "--no-resolve-image", "--stop-signal", "SIGKILL"];
        let words = [
            &["service", "create"],
            &name[..],
            &quick[..],
            &["testbed/web:1"],
        ];
        self.docker(&words.concat()).map(drop)
    }
}

fn prepare() -> Result<()> {
    let prepared = Command::new("sh").args(["-c", PREPARE]).status()?;
    ensure!(
        prepared.success(),
        "the guest cannot be prepared for an engine"
    );
    Ok(())
}

/// Asks the engine whether it is there; much cheaper than the `docker` command.
fn ping() -> Result<()> {
    let mut stream = UnixStream::connect("/var/run/docker.sock")?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(b"GET /_ping HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    ensure!(answer.contains(" 200 OK"), "the engine says {answer:?}");
    Ok(())
}
