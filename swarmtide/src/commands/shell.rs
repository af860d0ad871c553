//! `completions` and `man`: made from the same declarations that the command line is read by.

use std::{fs, io::Write, path::Path};

use anyhow::Context as _;
use clap::{Command, CommandFactory as _};
use clap_complete::Shell;
use serde_json::{Value, json};

use crate::cli::{Cli, CompletionsArgs, ManArgs, ShellName};

/// Prints the completion script of a shell.
pub(super) fn completions(
    args: &CompletionsArgs,
    json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let (shell, name) = match args.shell {
        ShellName::Bash => (Shell::Bash, "bash"),
        ShellName::Zsh => (Shell::Zsh, "zsh"),
        ShellName::Fish => (Shell::Fish, "fish"),
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "swarmtide", &mut script);
    if json {
        let script = String::from_utf8_lossy(&script);
        print(out, &json!({"shell": name, "script": script}))
    } else {
        Ok(out.write_all(&script)?)
    }
}

/// Prints the manual page, or writes a page for every subcommand into a folder.
pub(super) fn man(args: &ManArgs, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut command = Cli::command().disable_help_subcommand(true);
    // Gives subcommands their full names.
    command.build();
    let Some(folder) = &args.folder else {
        let page = page(&command)?;
        return if json {
            print(out, &json!({"page": String::from_utf8_lossy(&page)}))
        } else {
            Ok(out.write_all(&page)?)
        };
    };
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let mut files = Vec::new();
    write_pages(&command, folder, &mut files)?;
    if json {
        print(out, &json!({"files": files}))?;
    }
    Ok(())
}

fn print(out: &mut dyn Write, document: &Value) -> anyhow::Result<()> {
    Ok(writeln!(
        out,
        "{}",
        serde_json::to_string_pretty(document)?
    )?)
}

fn write_pages(command: &Command, folder: &Path, files: &mut Vec<String>) -> anyhow::Result<()> {
    let name = command
        .get_display_name()
        .unwrap_or_else(|| command.get_name());
    let file = folder.join(format!("{name}.1"));
    fs::write(&file, page(command)?)
        .with_context(|| format!("{} cannot be written", file.display()))?;
    files.push(file.display().to_string());
    let below = command.get_subcommands();
    for below in below.filter(|below| below.get_name() != "help") {
        write_pages(below, folder, files)?;
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
