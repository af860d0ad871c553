//! Benchmarks against peers, by ratio in one run.
