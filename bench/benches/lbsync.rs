//! lbsync on a real kernel: how soon a task's change is in its table, and what a full table costs.
//!
//! `cargo bench -p bench --bench lbsync`. It runs itself in the guest of `testbed/guest`, on one CPU of a kernel in user mode:
//! its times mean something beside each other only, so each stands beside a peer's in the same run. It needs the release
//! binary (`cargo build --release`) and testbed's programs (`cargo build --release -p testbed`).
//! With `-- --check` it ends with 1 when a goal is missed.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark talks, and ends on what it did not expect"
)]

#[path = "lbsync/latency.rs"]
mod latency;
#[path = "lbsync/measure.rs"]
mod measure;
#[path = "lbsync/peers.rs"]
mod peers;
#[path = "lbsync/table.rs"]
mod table;

use std::{env, process::ExitCode};

use testbed::guest::{Network, is_guest, run_again};

/// How long all of it may take, seconds.
const LIMIT_S: u32 = 900;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if !is_guest() {
        let status = run_again(&arguments, LIMIT_S).unwrap();
        return if status.success() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        };
    }
    let network = Network::new(20).unwrap();
    let small = table::measure(10, 10);
    let large = table::measure(100, 100);
    table::print(&[small, large]);
    let latency = latency::measure(&network);
    latency.print();
    let missed = [large.missed(&small), latency.missed()].concat();
    for goal in &missed {
        println!("missed: {goal}");
    }
    if bench::checks() && !missed.is_empty() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}
