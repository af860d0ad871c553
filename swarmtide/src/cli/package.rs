//! Options of the commands that installations use: `health`, `completions`, `man`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Options of `health`.
#[derive(Debug, Args)]
pub struct HealthArgs {
    /// Whom to ask; by default the swarmtide that is process 1 here, as in a container, else by the configuration
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// Ask whether it is of use (/ready) instead of whether it lives (/live)
    #[arg(long)]
    pub ready: bool,
}

/// Options of `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: ShellName,
}

/// A shell that completions are made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ShellName {
    /// GNU bash.
    Bash,
    /// Z shell.
    Zsh,
    /// fish.
    Fish,
}

/// Options of `man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Folder to write a page for every subcommand into; without it swarmtide(1) is printed
    pub folder: Option<PathBuf>,
}
