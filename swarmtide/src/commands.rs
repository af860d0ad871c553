//! The subcommands, one module each; they print, everything else they leave to the parts.

mod agent;
mod ask;
mod check_config;
mod demo;
mod doctor;
mod health;
mod lb;
mod lbsync;
mod lifetime;
mod look;
mod pause;
mod replay;
mod run;
mod shell;
mod simulate;
mod top;

use std::io;

use crate::{
    agent::HsflowdError,
    cli::{Cli, Command},
    config::ConfigError,
    http::TokenError,
};

/// Runs a subcommand to its end.
///
/// # Errors
/// Whatever kept it from doing what was asked; [`exit_code`] knows the code.
pub fn execute(cli: Cli) -> anyhow::Result<()> {
    let mut out = io::stdout();
    let (command, json) = cli.into_command();
    match command {
        Command::Run(args) => run::run(&args),
        Command::Record(args) => run::record(&args),
        Command::Replay(args) => replay::replay(&args, &mut out),
        Command::Agent(args) => agent::agent(args),
        Command::Lbsync(args) => lbsync::lbsync(&args),
        Command::Lb(args) => lb::lb(&args.command, &mut out),
        Command::Doctor(args) => doctor::doctor(&args, &mut out),
        Command::Demo(args) => demo::demo(&args, &mut out),
        Command::Why(args) => ask::why(&args, &mut out),
        Command::Top(args) => top::top(&args, &mut out),
        Command::Pause(args) => pause::pause(&args, json, &mut out),
        Command::State(args) => ask::state(&args, json, &mut out),
        Command::CheckConfig(args) => check_config::check_config(&args, json, &mut out),
        Command::Simulate(args) => simulate::simulate(&args, &mut out),
        Command::Sflow(args) => Ok(crate::sflow_command::run(
            &args,
            &mut out,
            &mut io::stderr(),
        )?),
        Command::Health(args) => health::health(&args, json, &mut out),
        Command::Completions(args) => shell::completions(&args, json, &mut out),
        Command::Man(args) => shell::man(&args, json, &mut out),
        Command::Openapi => check_config::openapi(&mut out),
        Command::Labels => check_config::labels(json, &mut out),
    }
}

/// The exit code for an error: 64 (EX_USAGE of sysexits.h) for a bad configuration, 2 where `lb audit` or `doctor` could not
/// tell, 1 for the rest.
#[must_use]
pub fn exit_code(error: &anyhow::Error) -> u8 {
    let bad_configuration = |cause: &(dyn std::error::Error + 'static)| {
        cause.is::<ConfigError>()
            || cause.is::<TokenError>()
            || cause.is::<elasticity::SetupError>()
            || cause.is::<elasticity::UnknownPolicy>()
            || cause.is::<HsflowdError>()
    };
    let could_not_tell = |cause: &(dyn std::error::Error + 'static)| {
        matches!(cause.downcast_ref(), Some(lb::Outcome::CouldNotTell(_)))
    };
    if error.chain().any(bad_configuration) {
        64
    } else if error.chain().any(could_not_tell) {
        2
    } else {
        1
    }
}
