//! `agent`: the sFlow agent of this node until a signal.

use super::lifetime::{self, Lifetime};
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
    agent.sampling = args.sampling.or(agent.sampling);
    if !args.sampling_interfaces.is_empty() {
        agent.sampling_interfaces = args.sampling_interfaces;
    }
    agent.hsflowd_conf = args.hsflowd_conf.or(agent.hsflowd_conf.take());
    super::run::log_to_stderr(&config)?;
    let plan = plan(&config, &sources.docker())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    lifetime::block_on(runtime, until_signal(plan))
}

async fn until_signal(plan: Plan) -> anyhow::Result<()> {
    let mut lifetime = Lifetime::begin()?;
    let mut running = Running::start(plan).await?;
    let broken = tokio::select! {
        () = lifetime.until_signal() => None,
        error = running.broken() => Some(error),
    };
    tracing::info!("stopping");
    let stopped = lifetime.stop(running.stop()).await;
    broken.map_or(stopped, Err)
}
