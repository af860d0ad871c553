//! A guest whose kernel has IPVS, and what tests do inside it: a network of namespaces, programs that run in them, and a
//! simulated swarm whose containers are processes there.
//!
//! A test runs twice: on the host it calls [`in_guest`], which starts a guest and in it the same test again, alone.

mod network;
mod program;
mod swarm;

pub use network::{Network, Side};
pub use program::{Clients, Program, Server, command, run};
pub use swarm::{Published, Swarm};

use std::{env, io::Write as _, path::Path, process::Command};

/// Set in the guest.
const MARK: &str = "TESTBED_IN_GUEST";

/// How long the guest of one test may live, seconds.
const LIMIT_S: u32 = 400;

/// Runs the body of the calling test in a guest of its own. What it prints is printed here.
///
/// `body` must be a closure written in the test function itself: the test's name is taken from its type.
///
/// # Panics
///
/// When the test fails in the guest, or the guest does.
#[expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a part of the test's own frame, which knows by the environment where it is"
)]
pub fn in_guest<F: FnOnce()>(body: F) {
    if env::var(MARK).is_ok() {
        return body();
    }
    let path = std::any::type_name::<F>();
    let path = path.strip_suffix("::{{closure}}").unwrap_or(path);
    let name = path.split_once("::").map_or(path, |(_, name)| name);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("guest");
    let own = env::current_exe().expect("the test knows its own path");
    let output = Command::new(script)
        .args(["--timeout", &LIMIT_S.to_string(), "--"])
        .arg(own)
        .args(["--exact", name, "--nocapture", "--test-threads", "1"])
        .env(MARK, "1")
        .output()
        .expect("testbed/guest can be started");
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
