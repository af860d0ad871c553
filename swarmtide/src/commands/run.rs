//! `run`: the sidecar until a signal.

use tokio::signal::unix::{SignalKind, signal};

use crate::{
    cli::RunArgs,
    config::{self, Config, LogFormat, Sources},
    sidecar::{Bound, DockerEnvironment, Sidecar},
};

/// Runs the sidecar until SIGTERM or SIGINT.
pub(super) fn run(args: &RunArgs) -> anyhow::Result<()> {
    let sources = Sources::of_process(args.config.clone())?;
    let config = config::load(&sources)?;
    log_to_stderr(&config)?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(until_signal(config, sources.docker()))
}

async fn until_signal(config: Config, docker: DockerEnvironment) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let bound = Bound::bind(&config).await?;
    let sflow = bound.sflow_addresses();
    let mut sidecar = Sidecar::start(config, &docker, bound)?;
    let engine = sidecar.shared().client.endpoint().to_string();
    tracing::info!(http = %sidecar.http_address(), sflow = ?sflow, engine, "swarmtide runs");
    let broken = tokio::select! {
        _ = terminate.recv() => None,
        _ = interrupt.recv() => None,
        error = sidecar.broken() => Some(error),
    };
    tracing::info!("stopping");
    sidecar.stop().await;
    broken.map_or(Ok(()), Err)
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
            let ansi = std::io::IsTerminal::is_terminal(&std::io::stderr());
            builder.with_ansi(ansi).try_init()
        }
    };
    installed.map_err(|error| anyhow::anyhow!("the log cannot be set up: {error}"))
}
