//! Our own programs in the guest: `swarmtide lbsync`, and sidecars that it follows.

use std::{
    env,
    ffi::OsStr,
    fs::{self, File, OpenOptions},
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use super::{Network, program::Program};
use crate::wait_for;

/// A running `swarmtide lbsync` or `swarmtide run`, with its configuration and its log in files.
#[derive(Debug)]
pub struct Swarmtide {
    program: Option<Program>,
    subcommand: &'static str,
    config: PathBuf,
    log: PathBuf,
    http: SocketAddr,
    environment: Vec<(String, String)>,
    builds: &'static [&'static str],
}

/// Builds of the binary under the target folder; the release is static, as it is packaged.
const BUILDS: &[&str] = &["release/swarmtide", "debug/swarmtide"];

impl Swarmtide {
    /// A balancer for namespace `lb`, not started yet: `lines` are TOML lines of the `[lbsync]` section besides those that every
    /// test needs, `sections` is whatever else the file has. It listens for HTTP on 127.0.0.1 and this port.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn balancer(folder: &Path, port: u16, lines: &str, sections: &str) -> Result<Self> {
        let ranges = Network::VIPS;
        let state = folder.join(format!("lbsync-{port}.json"));
        let lbsync = format!(
            "data_plane = \"ipvs\"\nnetns = \"lb\"\nranges = {ranges:?}\nresync = \"2s\"\nstate_file = {state:?}\n{lines}"
        );
        Self::new(
            folder,
            "lbsync",
            port,
            &format!("{sections}\n[lbsync]\n{lbsync}\n"),
        )
    }

    /// A sidecar that scales nothing and offers its backend set, not started yet.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn sidecar(folder: &Path, port: u16, docker_host: &str) -> Result<Self> {
        Self::sidecar_with(folder, port, docker_host, "")
    }

    /// As [`Self::sidecar`], with further sections of its configuration.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn sidecar_with(
        folder: &Path,
        port: u16,
        docker_host: &str,
        sections: &str,
    ) -> Result<Self> {
        let state = folder.join(format!("sidecar-{port}"));
        let text = format!(
            "[engine]\nhost = {docker_host:?}\ninterval = \"100ms\"\n[collector]\nlisten = [\"127.0.0.1:0\"]\n[state]\ndirectory = {state:?}\n{sections}\n"
        );
        Self::new(folder, "run", port, &text)
    }

    fn new(folder: &Path, subcommand: &'static str, port: u16, text: &str) -> Result<Self> {
        let config = folder.join(format!("{subcommand}-{port}.toml"));
        let http = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        fs::write(&config, format!("{text}\n[http]\nlisten = \"{http}\"\n"))?;
        Ok(Self {
            program: None,
            subcommand,
            log: config.with_extension("log"),
            config,
            http,
            environment: Vec::new(),
            builds: BUILDS,
        })
    }

    /// Loads a library into it from the next start on. It then runs the debug build, since nothing is loaded into a static one.
    #[must_use]
    pub fn preload(mut self, library: &str) -> Self {
        self.builds = &["debug/swarmtide"];
        self.env("LD_PRELOAD", library)
    }

    /// Adds a variable to its environment from the next start on.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        let value = value.as_ref().to_string_lossy().into_owned();
        self.environment.push((name.to_owned(), value));
        self
    }

    /// Starts it, again after [`Swarmtide::kill`]. Does not wait for anything.
    ///
    /// # Errors
    ///
    /// When the program is not built or cannot be started.
    pub fn start(&mut self) -> Result<()> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)?;
        let mut command = Command::new(binary(self.builds)?);
        command
            .arg(self.subcommand)
            .arg("--config")
            .arg(&self.config)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        self.program = Some(Program::start(&mut command)?);
        Ok(())
    }

    /// Starts it and waits until it is ready.
    ///
    /// # Errors
    ///
    /// When it is not within 30 s; the message has the end of its log.
    pub fn up(&mut self) -> Result<()> {
        self.start()?;
        let ready = wait_for("it is ready", Duration::from_secs(30), || {
            matches!(self.get("/ready"), Ok((200, _))).then_some(())
        });
        ready.with_context(|| self.log_end())
    }

    /// Ends it by SIGKILL.
    ///
    /// # Errors
    ///
    /// When it does not run any more: it has ended by itself.
    pub fn kill(&mut self) -> Result<()> {
        let mut program = self.program.take().context("it does not run")?;
        if let Some(status) = program.child().try_wait()? {
            bail!("it has ended by itself, {status}: {}", self.log_end());
        }
        program.kill()
    }

    /// The process.
    #[must_use]
    pub fn pid(&mut self) -> Option<u32> {
        Some(self.program.as_mut()?.child().id())
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.http)
    }

    /// Status code and body of a GET.
    ///
    /// # Errors
    ///
    /// When nobody answers.
    pub fn get(&self, path: &str) -> Result<(u16, String)> {
        let limit = Duration::from_secs(5);
        let mut stream = TcpStream::connect_timeout(&self.http, limit)?;
        stream.set_read_timeout(Some(limit))?;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            self.http
        )?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        let (head, body) = text
            .split_once("\r\n\r\n")
            .context("no end of the headers")?;
        let code = head.split(' ').nth(1).context("no status line")?.parse()?;
        Ok((code, body.to_owned()))
    }

    /// The JSON at a path.
    ///
    /// # Errors
    ///
    /// When the answer is anything but 200 with JSON.
    pub fn json(&self, path: &str) -> Result<Value> {
        let (code, body) = self.get(path)?;
        ensure!(code == 200, "{path}: {code} {body}");
        serde_json::from_str(&body).with_context(|| body)
    }

    /// The value of a series on `/metrics`: the sum of those whose line begins so.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn metric(&self, start: &str) -> Result<f64> {
        let (_, text) = self.get("/metrics")?;
        let lines = text.lines().filter(|line| line.starts_with(start));
        let values = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        values
            .reduce(|a, b| a + b)
            .with_context(|| format!("there is no {start}"))
    }

    /// The end of its log.
    #[must_use]
    pub fn log_end(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

/// Runs `swarmtide` with arguments: its exit code and what it prints to standard output.
///
/// # Errors
///
/// When it is not built, or ended by a signal.
pub fn swarmtide(arguments: &[&str]) -> Result<(i32, String)> {
    let output = Command::new(binary(BUILDS)?)
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()?;
    let code = output.status.code().context("swarmtide was killed")?;
    Ok((code, String::from_utf8(output.stdout)?))
}

/// The binary in the target folder of this test, release or debug, whichever is newer.
fn binary(builds: &[&str]) -> Result<PathBuf> {
    let own = env::current_exe()?;
    let target = own.ancestors().nth(3).context("no target folder")?;
    let built = builds.iter().map(|path| target.join(path));
    let age = |path: &PathBuf| {
        File::open(path)
            .and_then(|file| file.metadata()?.modified())
            .ok()
    };
    let newest = built.filter(|path| path.exists()).max_by_key(age);
    newest.with_context(|| {
        format!(
            "{} has none of {builds:?}: cargo build -p swarmtide, with --release or without",
            target.display()
        )
    })
}
