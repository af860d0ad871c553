//! `--json`: what every command that prints something understands.

use super::{Cli, Command, Format, LbCommand};
use crate::sflow_command;

impl Cli {
    /// The command, with `--json` taken for `--format json` by those that have formats, and whether it was given.
    #[must_use]
    pub fn into_command(self) -> (Command, bool) {
        let Self { mut command, json } = self;
        if json {
            match &mut command {
                Command::Demo(args) => args.format = Format::Json,
                Command::Why(args) => args.format = Format::Json,
                Command::Top(args) => args.format = Format::Json,
                Command::Replay(args) => args.format = Format::Json,
                Command::Simulate(args) => args.format = Format::Json,
                Command::Doctor(args) => args.format = Format::Json,
                Command::Sflow(args) => args.format = sflow_command::Format::Json,
                Command::Lb(args) => match &mut args.command {
                    LbCommand::Status(args) => args.format = Format::Json,
                    LbCommand::Audit(args) => args.format = Format::Json,
                },
                _ => {}
            }
        }
        (command, json)
    }
}
