//! Programs in the guest's namespaces.

use std::{
    env,
    ffi::OsStr,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};

use crate::load::{Pace, Report};

/// A command that will run in a namespace, given by name or by path.
#[must_use]
pub fn command(namespace: &str, program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("nsenter");
    command
        .arg(format!(
            "--net={}",
            Path::new("/run/netns").join(namespace).display()
        ))
        .arg(program);
    command
}

/// Runs a command in a namespace and returns what it prints.
///
/// # Errors
///
/// When it cannot be started, or ends with a code other than zero; the message has what it said.
pub fn run(namespace: &str, words: &[&str]) -> Result<String> {
    let (program, arguments) = words.split_first().context("no command")?;
    let output = command(namespace, program).args(arguments).output()?;
    ensure!(
        output.status.success(),
        "{} in {namespace}: {}\n{}",
        words.join(" "),
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?)
}

/// The programs that belong to this crate and are built with its tests.
fn load() -> Result<PathBuf> {
    let own = env::current_exe()?;
    let mut folders = own.ancestors().skip(1).take(2);
    let found = folders.find_map(|folder| Some(folder.join("load")).filter(|path| path.exists()));
    found.context("the program `load` is not built: cargo build -p testbed")
}

/// A process that ends with this.
#[derive(Debug)]
pub struct Program(Child);

impl Program {
    /// Starts it.
    ///
    /// # Errors
    ///
    /// When that fails.
    pub fn start(command: &mut Command) -> Result<Self> {
        let child = command.spawn();
        Ok(Self(
            child.with_context(|| format!("cannot start {command:?}"))?,
        ))
    }

    /// The process, to signal or to wait for it.
    pub fn child(&mut self) -> &mut Child {
        &mut self.0
    }

    /// Ends it as a power failure would: SIGKILL, and waits until it is gone.
    ///
    /// # Errors
    ///
    /// When the process cannot be waited for.
    pub fn kill(&mut self) -> Result<()> {
        self.0.kill()?;
        self.0.wait()?;
        Ok(())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill().ok();
    }
}

/// A running `load serve`.
#[derive(Debug)]
pub struct Server(Program);

impl Server {
    /// Starts it on all addresses of the namespace, and waits until it listens.
    ///
    /// # Errors
    ///
    /// When it does not come up.
    pub fn start(namespace: &str, port: u16, name: &str) -> Result<Self> {
        let mut server = Self::start_soon(namespace, port, name)?;
        let stdout = server.0.child().stdout.take().context("no output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        ensure!(
            line == "ready\n",
            "{name} on port {port} in {namespace} does not come up"
        );
        Ok(server)
    }

    /// Starts it without waiting.
    ///
    /// # Errors
    ///
    /// When the program cannot be started.
    pub fn start_soon(namespace: &str, port: u16, name: &str) -> Result<Self> {
        let address = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
        let mut command = command(namespace, load()?);
        command
            .args(["serve", &address.to_string(), name])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        Program::start(&mut command).map(Self)
    }

    /// Tells it to leave, as SIGTERM tells a server that drains. Returns at once.
    pub fn leave(&mut self) {
        if let Some(stdin) = &mut self.0.child().stdin {
            stdin.write_all(b"leave\n").ok();
        }
    }

    /// Kills it.
    ///
    /// # Errors
    ///
    /// When it cannot be waited for.
    pub fn kill(&mut self) -> Result<()> {
        self.0.kill()
    }
}

/// Running clients: `load ask`.
#[derive(Debug)]
pub struct Clients(Program);

impl Clients {
    /// Starts them; they ask until [`Clients::finish`].
    ///
    /// # Errors
    ///
    /// When the program cannot be started.
    pub fn start(namespace: &str, target: SocketAddr, pace: Pace) -> Result<Self> {
        Self::with(namespace, target, pace, None)
    }

    /// Makes that many requests with each client, and says how it went.
    ///
    /// # Errors
    ///
    /// When the program fails.
    pub fn ask(namespace: &str, target: SocketAddr, pace: Pace, requests: u64) -> Result<Report> {
        Self::with(namespace, target, pace, Some(requests))?.finish()
    }

    fn with(
        namespace: &str,
        target: SocketAddr,
        pace: Pace,
        requests: Option<u64>,
    ) -> Result<Self> {
        let mut command = command(namespace, load()?);
        command
            .args(["ask", &target.to_string()])
            .args([pace.fresh, pace.kept].map(|count| count.to_string()))
            .arg(pace.rest.as_millis().to_string())
            .args(requests.map(|requests| requests.to_string()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        Program::start(&mut command).map(Self)
    }

    /// Lets the requests under way end, and says how it went.
    ///
    /// # Errors
    ///
    /// When the program fails.
    pub fn finish(mut self) -> Result<Report> {
        let child = self.0.child();
        drop(child.stdin.take());
        let mut text = String::new();
        child
            .stdout
            .take()
            .context("no output")?
            .read_to_string(&mut text)?;
        ensure!(child.wait()?.success(), "the clients fail");
        serde_json::from_str(&text).with_context(|| format!("the clients say {text:?}"))
    }
}
