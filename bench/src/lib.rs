//! Benchmarks against peers, by ratio in one run.
//!
//! With `TESTBED_BENCH_TRIAL` in the environment a benchmark is tried rather than measured: all of it runs, in as few rounds as will
//! do, and no goal is checked, for its figures mean nothing then.

/// Whether it is only tried.
#[must_use]
pub fn is_trial() -> bool {
    std::env::var_os("TESTBED_BENCH_TRIAL").is_some()
}

/// So many rounds, or a few.
#[must_use]
pub fn rounds(full: u32) -> u32 {
    if is_trial() { full.min(3) } else { full }
}

/// Whether the exit code is to say that goals were met: `--check`.
#[must_use]
pub fn checks() -> bool {
    std::env::args().any(|argument| argument == "--check") && !is_trial()
}
