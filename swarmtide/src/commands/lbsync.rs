//! `lbsync`: a balancer node until a signal.

use super::{
    lifetime::{self, Lifetime},
    run::log_to_stderr,
};
use crate::{
    cli::LbsyncArgs,
    config::{self, Config, DataPlaneKind, DockerEnvironment, Sources},
    node::Node,
};

/// Runs the balancer node until SIGTERM or SIGINT.
pub(super) fn lbsync(args: &LbsyncArgs) -> anyhow::Result<()> {
    let sources = Sources::of_process(args.config.clone())?;
    let mut config = config::load(&sources)?;
    if let Some(netns) = &args.netns {
        config.lbsync.netns = Some(netns.clone());
    }
    log_to_stderr(&config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    lifetime::block_on(runtime, until_signal(config, sources.docker()))
}

async fn until_signal(config: Config, docker: DockerEnvironment) -> anyhow::Result<()> {
    let mut lifetime = Lifetime::begin()?;
    if config.lbsync.data_plane == DataPlaneKind::Memory {
        tracing::warn!(
            "lbsync.data_plane is memory: the table is kept and shown, and nothing is forwarded"
        );
    }
    let mut node = Node::start(config, &docker).await?;
    let config = &node.shared().config.lbsync;
    let sources: Vec<_> = config.sources.iter().map(ToString::to_string).collect();
    tracing::info!(http = %node.http_address(), data_plane = ?config.data_plane, netns = config.netns, ?sources, "lbsync runs");
    let broken = tokio::select! {
        () = lifetime.until_signal() => None,
        error = node.broken() => Some(error),
    };
    tracing::info!("stopping; the table stays");
    let stopped = lifetime.stop(node.stop()).await;
    broken.map_or(stopped, Err)
}
