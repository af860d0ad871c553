//! `run`: the sidecar until a signal.

use std::{fs, time::Duration};

use anyhow::Context as _;

use super::lifetime::{self, Lifetime};
use crate::{
    cli::{RecordArgs, RunArgs},
    clock::Clock,
    config::{self, Config, LogFormat, Sources, Span},
    recording::{Header, Recording},
    sidecar::{Bound, DockerEnvironment, Sidecar},
};

/// Runs the sidecar until SIGTERM or SIGINT.
pub(super) fn run(args: &RunArgs) -> anyhow::Result<()> {
    let sources = Sources::of_process(args.config.clone())?;
    let config = config::load(&sources)?;
    log_to_stderr(&config)?;
    start(config, sources.docker(), None, None)
}

/// Runs the sidecar as [`run`] does, with a recording of all that decisions depend on.
pub(super) fn record(args: &RecordArgs) -> anyhow::Result<()> {
    let sources = Sources::of_process(args.config.clone())?;
    let mut config = config::load(&sources)?;
    log_to_stderr(&config)?;
    let text = match &sources.file {
        None => String::new(),
        Some(path) => fs::read_to_string(path)
            .with_context(|| format!("{} cannot be read", path.display()))?,
    };
    let mut environment = sources.environment.clone();
    environment.retain(|name, _| name.starts_with("SWARMTIDE_"));
    if args.dry_run {
        config.scaler.state = scaler::AdminMode::DryRun;
        config.state.directory =
            std::env::temp_dir().join(format!("swarmtide-record-{}", std::process::id()));
    }
    let header = Header {
        program: env!("CARGO_PKG_VERSION").to_owned(),
        unix_ms: Clock::start().unix_ms(),
        config: text,
        environment,
    };
    let limit = args.limit.get() as u64;
    let recording = Recording::create(&args.out, limit, &header)
        .with_context(|| format!("{} cannot be made", args.out.display()))?;
    let lasting = args.duration.map(Span::get);
    start(config, sources.docker(), Some(recording), lasting)
}

fn start(
    config: Config,
    docker: DockerEnvironment,
    recording: Option<Recording>,
    lasting: Option<Duration>,
) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    lifetime::block_on(runtime, until_signal(config, docker, recording, lasting))
}

async fn until_signal(
    config: Config,
    docker: DockerEnvironment,
    recording: Option<Recording>,
    lasting: Option<Duration>,
) -> anyhow::Result<()> {
    let mut lifetime = Lifetime::begin()?;
    let mut bound = Bound::bind(&config).await?;
    if let Some(recording) = recording {
        bound = bound.with_recording(recording);
    }
    let sflow = bound.sflow_addresses();
    let mut sidecar = Sidecar::start(config, &docker, bound)?;
    let engine = sidecar.shared().client.endpoint().to_string();
    tracing::info!(http = %sidecar.http_address(), sflow = ?sflow, engine, "swarmtide runs");
    let end = tokio::time::sleep(lasting.unwrap_or(Duration::MAX / 4));
    let broken = tokio::select! {
        () = end => None,
        () = lifetime.until_signal() => None,
        error = sidecar.broken() => Some(error),
    };
    tracing::info!("stopping");
    let stopped = lifetime.stop(sidecar.stop()).await;
    broken.map_or(stopped, Err)
}

/// Sends log lines to standard error as the configuration says.
pub(super) fn log_to_stderr(config: &Config) -> anyhow::Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_new(&config.log.level)?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let installed = match config.log.format {
        LogFormat::Json => builder.json().try_init(),
        LogFormat::Text => {
            let ansi = super::look::Look::of_stderr().has_colour();
            builder.with_ansi(ansi).try_init()
        }
    };
    installed.map_err(|error| anyhow::anyhow!("the log cannot be set up: {error}"))
}
