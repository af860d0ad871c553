//! `health`: asks the swarmtide that runs here whether it lives, for health checks of containers: they have no shell and no curl.

use std::{fs, io::Write, net::SocketAddr};

use anyhow::{Context as _, bail};
use clap::Parser as _;
use serde::Serialize;

use super::ask::block_on;
use crate::{
    cli::{Cli, Command, HealthArgs},
    client,
    config::{self, Config, Listen, Sources},
};

/// What was asked, and what was heard.
#[derive(Debug, Serialize)]
struct Heard {
    /// Whether it is as it should be: the exit code.
    healthy: bool,
    /// Absent where what runs here has no listener.
    url: Option<String>,
    /// Status of the answer; absent without one.
    status: Option<u16>,
    /// The answer.
    answer: Option<String>,
    /// Why there is none.
    error: Option<String>,
}

/// Asks, and fails where the answer is not 200.
pub(super) fn health(args: &HealthArgs, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    let url = match &args.url {
        Some(url) => Some(url.clone()),
        None => address(&process_one())?.map(|address| format!("http://{address}")),
    };
    let path = if args.ready { "/ready" } else { "/live" };
    let url = url.map(|url| (format!("{url}{path}"), url));
    let asked = url
        .as_ref()
        .map(|(_, url)| block_on(client::get(url, path)))
        .transpose();
    let heard = heard(url.as_ref().map(|(whole, _)| whole), &asked);
    if json {
        writeln!(out, "{}", serde_json::to_string_pretty(&heard)?)?;
    }
    asked?;
    let Heard {
        healthy,
        url: Some(url),
        status: Some(status),
        answer: Some(answer),
        ..
    } = heard
    else {
        if !json {
            writeln!(out, "it runs, and has no listener to ask (agent.listen)")?;
        }
        return Ok(());
    };
    if !healthy {
        bail!("{url} answers {status}: {answer}");
    }
    if !json {
        writeln!(out, "{answer}")?;
    }
    Ok(())
}

fn heard(url: Option<&String>, asked: &anyhow::Result<Option<(u16, Vec<u8>)>>) -> Heard {
    let answer = asked.as_ref().ok().and_then(Option::as_ref);
    Heard {
        healthy: asked.is_ok() && answer.is_none_or(|(status, _)| *status == 200),
        url: url.cloned(),
        status: answer.map(|(status, _)| *status),
        answer: answer.map(|(_, body)| String::from_utf8_lossy(body).trim().to_owned()),
        error: asked.as_ref().err().map(|error| format!("{error:#}")),
    }
}

/// The command line of process 1: in a container that is what is asked about.
fn process_one() -> Vec<String> {
    let bytes = fs::read("/proc/1/cmdline").unwrap_or_default();
    let words = bytes.split(|byte| *byte == 0);
    words
        .filter(|word| !word.is_empty())
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect()
}

/// Where the swarmtide with that command line listens: none where it does not. A command line that is not ours is passed over,
/// and the configuration and environment of this process decide.
fn address(command_line: &[String]) -> anyhow::Result<Option<SocketAddr>> {
    let is_ours = |word: &String| word.rsplit('/').next() == Some("swarmtide");
    let ours = command_line.iter().position(is_ours);
    let command = ours
        .and_then(|at| Cli::try_parse_from(&command_line[at..]).ok())
        .map(|cli| cli.command);
    let load = |file| -> anyhow::Result<Config> {
        let sources = Sources::of_process(file)?;
        config::load(&sources).context("the configuration of what runs here")
    };
    let listens = match command {
        Some(Command::Agent(args)) => {
            let listen = args.listen.map_or_else(
                || load(args.config).map(|config| config.agent.listen),
                |listen| Ok(Some(listen)),
            );
            listen?
        }
        Some(Command::Demo(args)) => Some(Listen(args.listen)),
        Some(Command::Run(args)) => Some(load(args.config)?.http.listen),
        Some(Command::Lbsync(args)) => Some(load(args.config)?.http.listen),
        Some(Command::Record(args)) => Some(load(args.config)?.http.listen),
        _ => Some(load(None)?.http.listen),
    };
    Ok(listens.map(Listen::reachable))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_asks_where_process_one_listens() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "[http]\nlisten = \"0.0.0.0:9001\"\n").unwrap();
        let name = file.path().display().to_string();
        for (line, expected) in [
            ("/swarmtide run", Some("127.0.0.1:8008")),
            (
                "/sbin/docker-init -- /swarmtide run --config FILE",
                Some("127.0.0.1:9001"),
            ),
            (
                "swarmtide lbsync --netns lb -c FILE",
                Some("127.0.0.1:9001"),
            ),
            ("swarmtide agent --collector 10.0.0.1", None),
            ("swarmtide agent --listen [::]:8009", Some("[::1]:8009")),
            ("swarmtide demo --listen 0.0.0.0:80", Some("127.0.0.1:80")),
            ("/sbin/init", Some("127.0.0.1:8008")),
            ("", Some("127.0.0.1:8008")),
        ] {
            let words: Vec<String> = line
                .split_whitespace()
                .map(|word| word.replace("FILE", &name))
                .collect();
            let found = address(&words).unwrap().map(|address| address.to_string());
            assert_eq!(found.as_deref(), expected, "{line}");
        }
    }
}
