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
    io::Write as _,
    path::Path,
    process::{Command, ExitStatus},
};

use anyhow::Result;

/// Set in the guest.
const MARK: &str = "TESTBED_IN_GUEST";

/// How long the guest of one test may live, seconds.
const LIMIT_S: u32 = 400;

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
#[expect(clippy::print_stdout, reason = "a part of the test's own frame")]
pub fn in_guest<F: FnOnce()>(body: F) {
    if is_guest() {
        return body();
    }
    let path = std::any::type_name::<F>();
    let path = path.strip_suffix("::{{closure}}").unwrap_or(path);
    let name = path.split_once("::").map_or(path, |(_, name)| name);
    let arguments = ["--exact", name, "--nocapture", "--test-threads", "1"];
    let output = again(&arguments, LIMIT_S).and_then(|mut command| Ok(command.output()?));
    let output = output.expect("testbed/guest can be started");
    let text = String::from_utf8_lossy(&output.stdout);
    print!("{text}");
    std::io::stdout().flush().ok();
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{name} in the guest: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Runs this program again in a guest, with these arguments; what it prints appears as it comes.
///
/// # Errors
///
/// When `testbed/guest` cannot be started.
pub fn run_again(arguments: &[&str], limit_s: u32) -> Result<ExitStatus> {
    Ok(again(arguments, limit_s)?.status()?)
}

fn again(arguments: &[&str], limit_s: u32) -> Result<Command> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("guest");
    let mut command = Command::new(script);
    command
        .args(["--timeout", &limit_s.to_string(), "--"])
        .arg(env::current_exe()?)
        .args(arguments)
        .env(MARK, "1");
    Ok(command)
}
