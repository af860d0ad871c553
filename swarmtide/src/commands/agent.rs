//! `agent`: the sFlow agent of this node until a signal.

use tokio::signal::unix::{SignalKind, signal};

use crate::{
    agent::{Plan, Running, plan},
    cli::AgentArgs,
    config::{self, Sources},
};

/// Runs the agent until SIGTERM or SIGINT.
pub(super) fn agent(args: AgentArgs) -> anyhow::Result<()> {
    let sources = Sources::of_process(args.config)?;
    let mut config = config::load(&sources)?;
    let agent = &mut config.agent;
    if !args.collectors.is_empty() {
        agent.collectors = Some(args.collectors);
    }
    agent.interval = args.interval.or(agent.interval);
    agent.other_interval = args.other_interval.or(agent.other_interval);
    agent.address = args.address.or(agent.address.take());
    agent.listen = args.listen.or(agent.listen);
    agent.discovery = args.discovery.unwrap_or(agent.discovery);
    agent.hsflowd_conf = args.hsflowd_conf.or(agent.hsflowd_conf.take());
    super::run::log_to_stderr(&config)?;
    let plan = plan(&config, &sources.docker())?;
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(until_signal(plan))
}

async fn until_signal(plan: Plan) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut running = Running::start(plan).await?;
    let broken = tokio::select! {
        _ = terminate.recv() => None,
        _ = interrupt.recv() => None,
        error = running.broken() => Some(error),
    };
    tracing::info!("stopping");
    running.stop().await;
    broken.map_or(Ok(()), Err)
}
