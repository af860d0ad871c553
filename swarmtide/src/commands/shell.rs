//! `completions` and `man`: made from the same declarations that the command line is read by.

use std::{fs, io::Write, path::Path};

use anyhow::Context as _;
use clap::{Command, CommandFactory as _};
use clap_complete::Shell;

use crate::cli::{Cli, CompletionsArgs, ManArgs, ShellName};

/// Prints the completion script of a shell.
pub(super) fn completions(args: &CompletionsArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let shell = match args.shell {
        ShellName::Bash => Shell::Bash,
        ShellName::Zsh => Shell::Zsh,
        ShellName::Fish => Shell::Fish,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "swarmtide", &mut script);
    out.write_all(&script)?;
    Ok(())
}

/// Prints the manual page, or writes a page for every subcommand into a folder.
pub(super) fn man(args: &ManArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut command = Cli::command().disable_help_subcommand(true);
    // Gives subcommands their full names.
    command.build();
    match &args.folder {
        None => out.write_all(&page(&command)?)?,
        Some(folder) => {
            fs::create_dir_all(folder)
                .with_context(|| format!("{} cannot be made", folder.display()))?;
            write_pages(&command, folder)?;
        }
    }
    Ok(())
}

fn write_pages(command: &Command, folder: &Path) -> anyhow::Result<()> {
    let name = command
        .get_display_name()
        .unwrap_or_else(|| command.get_name());
    let file = folder.join(format!("{name}.1"));
    fs::write(&file, page(command)?)
        .with_context(|| format!("{} cannot be written", file.display()))?;
    let below = command.get_subcommands();
    for below in below.filter(|below| below.get_name() != "help") {
        write_pages(below, folder)?;
    }
    Ok(())
}

fn page(command: &Command) -> std::io::Result<Vec<u8>> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone())
        .source(concat!("swarmtide ", env!("CARGO_PKG_VERSION")))
        .manual("Swarmtide")
        .render(&mut page)?;
    Ok(page)
}
