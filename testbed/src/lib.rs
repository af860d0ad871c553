//! Starts real components for tests: a Docker swarm of several nodes on this machine, and a guest whose kernel has IPVS.
//!
//! The work is done by the scripts beside this crate (`testbed/swarm`, `testbed/guest --help`), which a person can use alone
//! too. The swarm needs root. What is missing fails the test; `testbed/setup` and `testbed/guest --setup` install it.

mod agent;
pub mod documents;
pub mod guest;
pub mod load;
mod swarm;

pub use agent::{Agent, Ear, Heard, HeardFlow, binary, capture};
pub use swarm::{Swarm, SwarmGuard};

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

/// Asks every 50 ms until there is an answer. For use outside of async code.
///
/// # Errors
///
/// When there is none within `limit`; the message names `what`.
#[expect(
    clippy::disallowed_methods,
    reason = "a test against real components lives in real time"
)]
pub fn wait_for<T>(what: &str, limit: Duration, mut ask: impl FnMut() -> Option<T>) -> Result<T> {
    let begin = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return Ok(answer);
        }
        if begin.elapsed() > limit {
            bail!("not within {limit:?}: {what}");
        }
        thread::sleep(Duration::from_millis(50));
    }
}
