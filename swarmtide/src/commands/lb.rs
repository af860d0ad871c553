//! `lb`: the balancer's table for people and scripts, and audits of it and of swarm's own.

mod audit;
mod ingress;
mod status;

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::Value;

use super::ask::{answer, block_on, token};
use crate::{
    balancer::{
        Expected, TablePlace,
        kernel::{KernelPlane, Namespace},
    },
    cli::{LbCommand, LbRemote},
    client, config,
};

/// Runs a subcommand of `lb`.
pub(super) fn lb(command: &LbCommand, out: &mut dyn Write) -> anyhow::Result<()> {
    match command {
        LbCommand::Status(args) => status::status(args, out),
        LbCommand::Audit(args) => audit::audit(args, out),
    }
}

/// Why an audit does not end with 0.
#[derive(Debug, thiserror::Error)]
pub(super) enum Outcome {
    /// Something is not as it should be: exit code 1.
    #[error("{0} entries are not as they should be")]
    Drift(usize),
    /// It could not be told: exit code 2.
    #[error("it cannot be told whether the table is as it should be")]
    CouldNotTell(#[source] anyhow::Error),
}

/// What the running balancer says about its table.
#[derive(Debug, Deserialize)]
struct Told {
    enabled: bool,
    data_plane: String,
    source: SourceState,
    #[serde(flatten)]
    expected: Expected,
    #[serde(flatten)]
    place: TablePlace,
}

#[derive(Debug, Deserialize)]
struct SourceState {
    state: String,
}

/// The configuration that Debian's package gives the balancer.
const PACKAGED: &str = "/etc/swarmtide/lbsync.toml";

/// The balancer's configuration file: the one that was named, else the package's, where it can be read.
pub(super) fn file(named: Option<&Path>) -> Option<PathBuf> {
    let packaged = || fs::File::open(PACKAGED).is_ok().then(|| PACKAGED.into());
    named.map(Path::to_owned).or_else(packaged)
}

/// Where the balancer is: as told, else where its configuration says that it listens.
fn url(remote: &LbRemote, named: Option<&Path>) -> anyhow::Result<String> {
    if let Some(url) = &remote.url {
        return Ok(url.clone());
    }
    let config = config::load(&config::Sources::of_process(file(named))?)?;
    Ok(config.http.listen.url())
}

/// Asks the running balancer for its table, as JSON.
fn ask(url: &str, remote: &LbRemote) -> anyhow::Result<Value> {
    let token = token(remote.token_file.as_deref())?;
    block_on(client::get_with(url, "/v1/balancer", token.as_deref()))
        .and_then(answer)
        .with_context(|| format!("the balancer at {url} does not tell its table"))
}

/// Opens the kernel's table in a namespace.
fn open(netns: Option<&str>) -> anyhow::Result<KernelPlane> {
    KernelPlane::open(Namespace::of(netns)).context("the kernel's table cannot be read")
}
