//! `check-config`, `openapi` and `labels`: what can be said without starting anything.

use std::io::Write;

use crate::{cli::CheckConfigArgs, config};

/// Checks the configuration, or prints it, or lists the keys.
pub(super) fn check_config(args: &CheckConfigArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    if args.list {
        write!(out, "{}", config::reference())?;
        return Ok(());
    }
    if args.example {
        write!(out, "{}", config::example())?;
        return Ok(());
    }
    let sources = config::Sources::of_process(args.config.clone())?;
    let config = config::load(&sources)?;
    if args.print {
        write!(out, "{}", toml::to_string(&config)?)?;
    } else {
        match &args.config {
            Some(file) => writeln!(out, "{}: good", file.display())?,
            None => writeln!(
                out,
                "the defaults and the environment are good; name a file with --config"
            )?,
        }
    }
    Ok(())
}

/// Prints the OpenAPI document.
pub(super) fn openapi(out: &mut dyn Write) -> anyhow::Result<()> {
    writeln!(out, "{}", crate::http::openapi().to_pretty_json()?)?;
    Ok(())
}

/// Prints the table of labels.
pub(super) fn labels(out: &mut dyn Write) -> anyhow::Result<()> {
    write!(out, "{}", crate::labels::reference())?;
    Ok(())
}
