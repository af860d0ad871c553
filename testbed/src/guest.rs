//! A guest whose kernel has IPVS, and what tests do inside it: a network of namespaces, programs that run in them, and a
//! simulated swarm whose containers are processes there.
//!
//! A test runs twice: on the host it calls [`in_guest`], which starts a guest and in it the same test again, alone.

mod balancer;
mod engine;
mod network;
mod program;
mod swarm;

pub use balancer::{Swarmtide, swarmtide};
pub use engine::Engine;
pub use network::{Network, Side};
pub use program::{Clients, Program, Server, command, run};
pub use swarm::{Published, Swarm};

use std::{
    env,
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
    process::{Command, ExitStatus, Stdio},
    thread,
};

use anyhow::Result;

/// Set in the guest.
const MARK: &str = "TESTBED_IN_GUEST";

/// How long the guest of one test may live, seconds.
const LIMIT_S: u32 = 400;

/// How long a whole machine may, seconds.
const MACHINE_LIMIT_S: u32 = 900;

/// Whether this process runs in the guest.
#[expect(
    clippy::disallowed_methods,
    reason = "the environment is how a test knows where it is"
)]
#[must_use]
pub fn is_guest() -> bool {
    env::var(MARK).is_ok()
}

/// Runs the body of the calling test in a guest of its own. What it prints is printed here.
///
/// `body` must be a closure written in the test function itself: the test's name is taken from its type.
///
/// # Panics
///
/// When the test fails in the guest, or the guest does.
pub fn in_guest<F: FnOnce()>(body: F) {
    within(body, &[], LIMIT_S);
}

/// As [`in_guest`], on a machine that systemd has booted, as process 1.
///
/// # Panics
///
/// When the test fails there, or the machine does.
pub fn on_machine<F: FnOnce()>(body: F) {
    within(body, &["--boot", "--memory", "2048"], MACHINE_LIMIT_S);
}

#[expect(clippy::print_stdout, reason = "a part of the test's own frame")]
fn within<F: FnOnce()>(body: F, options: &[&str], limit_s: u32) {
    if is_guest() {
        return body();
    }
    let path = std::any::type_name::<F>();
    let path = path.strip_suffix("::{{closure}}").unwrap_or(path);
    let name = path.split_once("::").map_or(path, |(_, name)| name);
    let arguments = ["--exact", name, "--nocapture", "--test-threads", "1"];
    let mut guest = again(options, &arguments, limit_s).expect("this program can be found");
    let mut guest = guest
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("testbed/guest can be started");
    let mut stderr = guest.stderr.take().expect("a pipe");
    let stderr = thread::spawn(move || {
        let mut bytes = Vec::new();
        stderr.read_to_end(&mut bytes).ok();
        bytes
    });
    let mut passed = false;
    for line in BufReader::new(guest.stdout.take().expect("a pipe")).split(b'\n') {
        let line = line.unwrap_or_default();
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        passed |= line.contains("1 passed");
    }
    let status = guest.wait().expect("a child can be waited for");
    let stderr = stderr.join().unwrap_or_default();
    assert!(
        status.success() && passed,
        "{name} in the guest: {status}\n{}",
        String::from_utf8_lossy(&stderr)
    );
}

/// Runs this program again in a guest, with these arguments; what it prints appears as it comes.
///
/// # Errors
///
/// When `testbed/guest` cannot be started.
pub fn run_again(arguments: &[&str], limit_s: u32) -> Result<ExitStatus> {
    Ok(again(&[], arguments, limit_s)?.status()?)
}

fn again(options: &[&str], arguments: &[&str], limit_s: u32) -> Result<Command> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("guest");
    let mut command = Command::new(script);
    command
        .args(options)
        .args(["--timeout", &limit_s.to_string(), "--"])
        .arg(env::current_exe()?)
        .args(arguments)
        .env(MARK, "1");
    Ok(command)
}
