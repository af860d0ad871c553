//! A real swarm, and the means to hurt it.

use std::{
    fs::File,
    net::Ipv4Addr,
    ops::Deref,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
};

use anyhow::{Context as _, Result, anyhow, bail, ensure};

/// Where the scripts keep their state.
const ROOT: &str = "/tmp/swarmtide-testbed";

/// A running swarm. It is removed when this is dropped, and also when the process dies in any other way.
///
/// One process at a time may have swarms; others wait. Within a process there may be several.
#[derive(Debug)]
pub struct Swarm {
    name: String,
    subnet: [u8; 3],
    nodes: Vec<String>,
    /// Waits for the end of a pipe that only this process holds, then tears the swarm down.
    guard: Child,
}

/// The swarm that all tests of a process share, held by one of them. The next one waits until this is dropped.
#[derive(Debug)]
pub struct SwarmGuard(MutexGuard<'static, Swarm>);

impl Deref for SwarmGuard {
    type Target = Swarm;

    fn deref(&self) -> &Swarm {
        &self.0
    }
}

impl Swarm {
    /// Starts a swarm with nodes `m1`, `m2`, … (managers; `m1` leads) and `w1`, `w2`, … (workers). Takes 2 to 6 seconds.
    /// All have the images `testbed/web:1` and `testbed/web:2` (see `workload/web.rs`).
    ///
    /// # Errors
    ///
    /// When not root, when a program is missing, or when an engine does not come up; standard error says more.
    pub fn start(managers: u8, workers: u8) -> Result<Self> {
        lock_machine()?;
        static NEXT: AtomicU8 = AtomicU8::new(0);
        let index = NEXT.fetch_add(1, Ordering::Relaxed);
        let (name, subnet) = (format!("tb{index}"), [10, 87, index]);
        let owner = format!("{}-{index}", std::process::id());
        let managers_named = (1..=managers).map(|number| format!("m{number}"));
        let nodes = managers_named
            .chain((1..=workers).map(|number| format!("w{number}")))
            .collect();
        let mut guard = script(&name, subnet);
        guard
            .args(["guard", &owner])
            .stdin(Stdio::piped())
            .stdout(Stdio::null());
        // Not in the group that a terminal's Ctrl-C reaches.
        std::os::unix::process::CommandExt::process_group(&mut guard, 0);
        let guard = guard.spawn().context("cannot start testbed/swarm guard")?;
        let swarm = Self {
            name,
            subnet,
            nodes,
            guard,
        };
        let mut up = swarm.script();
        up.args(["up", &managers.to_string(), &workers.to_string()])
            .env("TESTBED_OWNER", &owner);
        ensure!(up.status()?.success(), "the swarm does not come up");
        Ok(swarm)
    }

    /// One manager and two workers, started by the first test that asks, removed when the process ends.
    ///
    /// # Errors
    ///
    /// As [`Swarm::start`].
    pub fn shared() -> Result<SwarmGuard> {
        static SHARED: OnceLock<Result<Mutex<Swarm>, String>> = OnceLock::new();
        let shared = SHARED.get_or_init(|| {
            Self::start(1, 2)
                .map(Mutex::new)
                .map_err(|error| format!("{error:#}"))
        });
        // A test that failed has not broken the swarm: the next one begins by removing its services.
        let mutex = shared.as_ref().map_err(|error| anyhow!("{error}"))?;
        Ok(SwarmGuard(
            mutex.lock().unwrap_or_else(PoisonError::into_inner),
        ))
    }

    /// The names of the nodes: managers, then workers.
    #[must_use]
    pub fn nodes(&self) -> &[String] {
        &self.nodes
    }

    /// The unix socket of a node's engine.
    #[must_use]
    pub fn socket(&self, node: &str) -> PathBuf {
        self.state().join(node).join("docker.sock")
    }

    /// The value of `DOCKER_HOST` for a node's engine on TCP with TLS.
    #[must_use]
    pub fn tls_host(&self, node: &str) -> String {
        format!("tcp://{}:2376", self.ip(node))
    }

    /// A directory with `ca.pem`, `cert.pem` and `key.pem` that the engines accept.
    #[must_use]
    pub fn certificates(&self) -> PathBuf {
        self.state().join("tls/client")
    }

    /// The same of a stranger: another authority, of which the engines know nothing.
    #[must_use]
    pub fn strange_certificates(&self) -> PathBuf {
        self.state().join("tls/stranger")
    }

    /// A node's address. This machine has `.1` on the same network.
    #[must_use]
    pub fn ip(&self, node: &str) -> Ipv4Addr {
        let (kind, number) = node.split_at(1);
        let base = if kind == "m" { 10 } else { 20 };
        let [a, b, c] = self.subnet;
        Ipv4Addr::new(
            a,
            b,
            c,
            number.parse::<u8>().map_or(0, |number| base + number),
        )
    }

    /// This machine's address on the nodes' network.
    #[must_use]
    pub fn host_ip(&self) -> Ipv4Addr {
        let [a, b, c] = self.subnet;
        Ipv4Addr::new(a, b, c, 1)
    }

    /// Runs the docker command against a node's engine; what it printed, without the end of the last line.
    ///
    /// # Errors
    ///
    /// When it fails, with what it printed on standard error.
    pub fn docker(&self, node: &str, arguments: &[&str]) -> Result<String> {
        output(self.script().args(["docker", node]).args(arguments))
    }

    /// Runs a command as if logged in on a node.
    ///
    /// # Errors
    ///
    /// As [`Swarm::docker`].
    pub fn exec(&self, node: &str, arguments: &[&str]) -> Result<String> {
        output(self.exec_command(node).args(arguments))
    }

    /// A command that begins with what logs in on a node: for programs that go on running.
    #[must_use]
    pub fn exec_command(&self, node: &str) -> Command {
        let mut command = self.script();
        command.args(["exec", node]);
        command
    }

    /// Gives the containers of all nodes precedence over everything else on this machine, for tests that measure them: they
    /// come to their limits whatever runs beside. Limits are needed, or nothing else runs. cgroup v1 only.
    ///
    /// # Errors
    ///
    /// When the weight cannot be set.
    pub fn favour_containers(&self) -> Result<()> {
        let folder = format!("/sys/fs/cgroup/cpu/testbed-{}", self.name);
        // It is there from the first container on.
        std::fs::create_dir_all(&folder)?;
        let file = format!("{folder}/cpu.shares");
        std::fs::write(&file, "262144").with_context(|| format!("cannot write {file}"))
    }

    /// Cuts a node's power: its engine and its containers die at once.
    ///
    /// # Errors
    ///
    /// When there is no such node.
    pub fn kill(&self, node: &str) -> Result<()> {
        self.run(&["kill", node])
    }

    /// Turns a node's power on, and waits until its engine answers.
    ///
    /// # Errors
    ///
    /// When it is on already, or does not come up.
    pub fn start_node(&self, node: &str) -> Result<()> {
        self.run(&["start", node])
    }

    /// Pulls a node's network cable. Its processes go on; its unix socket can still be reached.
    ///
    /// # Errors
    ///
    /// When there is no such node.
    pub fn cut(&self, node: &str) -> Result<()> {
        self.run(&["cut", node])
    }

    /// Plugs the cable in again.
    ///
    /// # Errors
    ///
    /// When there is no such node.
    pub fn heal(&self, node: &str) -> Result<()> {
        self.run(&["heal", node])
    }

    /// Creates a service from `docker service create` arguments; returns its identifier at once, before tasks run.
    ///
    /// # Errors
    ///
    /// When the engine of `m1` refuses.
    pub fn create_service(&self, arguments: &[&str]) -> Result<String> {
        let mut all = vec![
            "service",
            "create",
            "--quiet",
            "--detach",
            "--no-resolve-image",
        ];
        all.extend(arguments);
        self.docker("m1", &all)
    }

    /// Creates a service with every option that the docker command has: two replicas, healthy after some seconds.
    ///
    /// # Errors
    ///
    /// When the engine of `m1` refuses.
    pub fn create_every_option_service(&self, name: &str) -> Result<String> {
        let mut command = Command::new(directory().join("every-option-service"));
        output(command.arg(name).env(
            "DOCKER_HOST",
            format!("unix://{}", self.socket("m1").display()),
        ))
    }

    /// Removes all services.
    ///
    /// # Errors
    ///
    /// When the engine of `m1` does not answer.
    pub fn remove_services(&self) -> Result<()> {
        let services = self.docker("m1", &["service", "ls", "--quiet"])?;
        let mut arguments = vec!["service", "rm"];
        arguments.extend(services.lines());
        if arguments.len() > 2 {
            self.docker("m1", &arguments)?;
        }
        Ok(())
    }

    fn state(&self) -> PathBuf {
        Path::new(ROOT).join(&self.name)
    }

    fn run(&self, arguments: &[&str]) -> Result<()> {
        output(self.script().args(arguments)).map(drop)
    }

    fn script(&self) -> Command {
        script(&self.name, self.subnet)
    }
}

impl Drop for Swarm {
    fn drop(&mut self) {
        // The guard does the same in a moment if this fails.
        self.script().arg("down").status().ok();
        drop(self.guard.stdin.take());
        self.guard.wait().ok();
    }
}

/// Where the scripts are.
fn directory() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn script(name: &str, [a, b, c]: [u8; 3]) -> Command {
    let mut command = Command::new(directory().join("swarm"));
    command
        .env("TESTBED_NAME", name)
        .env("TESTBED_SUBNET", format!("{a}.{b}.{c}"))
        .env("TESTBED_ROOT", ROOT);
    command.stdin(Stdio::null());
    command
}

fn output(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("cannot run {command:?}"))?;
    if !output.status.success() {
        bail!(
            "{command:?}: {}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout)
        .trim_end()
        .to_owned())
}

/// Waits until no other process tests on this machine. The lock lasts as long as this process.
fn lock_machine() -> Result<()> {
    static LOCK: Mutex<Option<File>> = Mutex::new(None);
    let mut held = LOCK.lock().unwrap_or_else(PoisonError::into_inner);
    if held.is_none() {
        std::fs::create_dir_all(ROOT)?;
        let path = Path::new(ROOT).join("harness.lock");
        let file =
            File::create(&path).with_context(|| format!("cannot open {}", path.display()))?;
        if file.try_lock().is_err() {
            tell("another process tests on this machine; waiting for it to end");
            file.lock()
                .with_context(|| format!("cannot lock {}", path.display()))?;
        }
        *held = Some(file);
    }
    Ok(())
}

#[expect(
    clippy::print_stderr,
    reason = "this is test support, and a silent wait looks like a hang"
)]
fn tell(text: &str) {
    eprintln!("[testbed] {text}");
}
