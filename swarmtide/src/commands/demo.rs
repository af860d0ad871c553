//! `demo`: a simulated swarm under a wave of load, with the real sidecar beside it, and a live view.
//!
//! Only the swarm and its nodes are simulated. Datagrams go over UDP, the Engine API over a unix socket, and the sidecar is the
//! one that `run` starts.

mod frame;
mod view;

use std::{
    collections::BTreeSet,
    io::{IsTerminal as _, Write},
    time::Duration,
};

use anyhow::Context as _;
use simulation::{Simulation, SimulationConfig, WorldConfig};
use tokio::{
    signal::unix::{SignalKind, signal},
    time::MissedTickBehavior,
};

use crate::{
    cli::{DemoArgs, Format},
    config::{Config, Listen, Span},
    sidecar::{Bound, DockerEnvironment, Shared, Sidecar},
};
use frame::Watcher;

const SECOND: Duration = Duration::from_secs(1);

/// Runs the demo until its time is up, or Ctrl-C.
pub(super) fn demo(args: &DemoArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(play(args, out))
}

async fn play(args: &DemoArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let folder = tempfile::tempdir().context("the demo needs a temporary folder")?;
    let config = config(args, folder.path())?;
    let bound = Bound::bind(&config)
        .await
        .context("choose another address with --listen, port 0 for a free one")?;
    let collector = bound.sflow_addresses().first().copied();
    let world = match args.services {
        None => WorldConfig::demo(args.seed),
        Some(services) => {
            let containers = args.containers.unwrap_or(services * 25);
            WorldConfig::fleet(args.seed, services, containers)
        }
    };
    let mut simulation = SimulationConfig::new(folder.path(), collector, world);
    if args.services.is_some() {
        simulation.step = simulation.world.longest_step;
    }
    let simulation = Simulation::start(simulation).await?;
    let mut sidecar = Sidecar::start(config, &DockerEnvironment::default(), bound)?;
    let live = args.format == Format::Text && std::io::stdout().is_terminal();
    let shown = watch(args, &simulation, &mut sidecar, out).await;
    if live {
        view::close(out)?;
    }
    let summary = shown.map(|watcher| watcher.summary(sidecar.shared()));
    sidecar.stop().await;
    simulation.shutdown().await;
    match args.format {
        Format::Json => writeln!(out, "{}", serde_json::to_string(&summary?)?)?,
        Format::Text => writeln!(out, "{}", summary?)?,
    }
    Ok(())
}

/// Shows the swarm once a second until the time is up.
async fn watch(
    args: &DemoArgs,
    simulation: &Simulation,
    sidecar: &mut Sidecar,
    out: &mut dyn Write,
) -> anyhow::Result<Watcher> {
    let terminal = std::io::stdout().is_terminal();
    let url = format!("http://{}", sidecar.http_address());
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut watcher = Watcher::new(url);
    let mut seconds = tokio::time::interval(SECOND);
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let end = args.duration.map(Span::get);
    let finish = tokio::time::sleep(end.unwrap_or(Duration::MAX / 4));
    tokio::pin!(finish);
    loop {
        tokio::select! {
            () = &mut finish, if end.is_some() => return Ok(watcher),
            _ = terminate.recv() => return Ok(watcher),
            _ = interrupt.recv() => return Ok(watcher),
            error = sidecar.broken() => return Err(error),
            _ = seconds.tick() => {
                obey(simulation, sidecar.shared());
                let frame = watcher.look(simulation, sidecar.shared());
                match args.format {
                    Format::Json => writeln!(out, "{}", serde_json::to_string(&frame)?)?,
                    Format::Text => view::draw(out, &frame, &watcher, terminal)?,
                }
                out.flush()?;
            }
        }
    }
}

/// Brings the simulated clients no longer to replicas in quarantine, as a balancer would.
fn obey(simulation: &Simulation, shared: &Shared) {
    let quarantined: BTreeSet<String> = shared
        .engine()
        .quarantined()
        .map(|(_, replica)| format!("{:032x}", replica.0))
        .collect();
    simulation.with(|world| world.drain(&quarantined));
}

/// The sidecar's configuration with everything quicker: agents that poll each second, decisions each second, short cooldowns,
/// outliers found within half a minute.
fn config(args: &DemoArgs, folder: &std::path::Path) -> anyhow::Result<Config> {
    let mut config = Config::default();
    config.http.listen = Listen(args.listen);
    config.engine.host = Some(format!("unix://{}", folder.join("docker.sock").display()));
    config.engine.tls_verify = Some(false);
    config.collector.listen = vec![Listen(([127, 0, 0, 1], 0).into())];
    config.collector.sockets = 1;
    config.collector.polling = Span::from_millis(1000);
    config.scaler.interval = Span::from_millis(1000);
    config.scaler.warm_up = Span::from_millis(3000);
    config.scaler.outlier_settle = Span::from_millis(8000);
    config.scaler.outlier_after = Span::from_millis(12_000);
    config.http.series_window = Span::from_millis(15 * 60 * 1000);
    let mut waits = [("cooldown.up", "2s"), ("cooldown.down", "3s")];
    if args.services.is_some() {
        // Many containers, in one process with those that watch them: a little less often.
        config.collector.polling = Span::from_millis(2000);
        config.scaler.interval = Span::from_millis(2000);
        config.engine.interval = Span::from_millis(2000);
        config.engine.timeout = Span::from_millis(30_000);
        config.scaler.view_max_age = Span::from_millis(60_000);
        config.scaler.outlier_settle = Span::from_millis(20_000);
        config.scaler.outlier_after = Span::from_millis(30_000);
        waits = [("cooldown.up", "15s"), ("cooldown.down", "15s")];
    }
    config.scaler.defaults = scaler::Defaults::new(waits).map_err(|errors| {
        let words: Vec<String> = errors.iter().map(ToString::to_string).collect();
        anyhow::anyhow!(words.join("; "))
    })?;
    config.metrics.containers = true;
    config.state.directory = folder.join("state");
    Ok(config)
}
