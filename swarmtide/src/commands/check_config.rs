//! `check-config`, `openapi` and `labels`: what can be said without starting anything.

use std::io::Write;

use crate::{cli::CheckConfigArgs, config};

/// Checks the configuration, or prints it, or lists the keys.
pub(super) fn check_config(
    args: &CheckConfigArgs,
    json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    if args.list && json {
        let key = |key: &config::Key| {
            serde_json::json!({"key": key.path, "environment": config::environment_name(key.path),
                "example": key.example, "meaning": key.meaning})
        };
        let keys: Vec<_> = config::KEYS.iter().map(key).collect();
        writeln!(out, "{}", serde_json::to_string_pretty(&keys)?)?;
        return Ok(());
    }
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
    if json {
        // What is in force is the answer to either question; a fault leaves by the exit code, in words.
        writeln!(out, "{}", serde_json::to_string_pretty(&config)?)?;
    } else if args.print {
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
pub(super) fn labels(json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    if json {
        let labels = serde_json::to_string_pretty(&crate::labels::document())?;
        writeln!(out, "{labels}")?;
        return Ok(());
    }
    write!(out, "{}", crate::labels::reference())?;
    Ok(())
}
