//! The executable: reads the command line, runs a subcommand, prints an error once.

use std::process::ExitCode;

use clap::Parser as _;
use swarmtide::{cli::Cli, commands};

#[expect(
    clippy::print_stderr,
    reason = "the one place where an error leaves the program"
)]
fn main() -> ExitCode {
    match commands::execute(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads our output has heard enough, as with `| head`.
        Err(error) if broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("swarmtide: {error:#}");
            ExitCode::from(commands::exit_code(&error))
        }
    }
}

fn broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe)
}
