//! What no single value of the configuration can know.

use super::{Config, DataPlaneKind, DockerEnvironment, KEYS, Vips};

/// Values that do not fit, or do not fit each other.
#[derive(Debug)]
pub(super) struct Fault {
    /// The keys concerned; the one at fault is the first that somebody set.
    pub(super) keys: Vec<&'static str>,
    /// What is wrong.
    pub(super) message: String,
}

fn fault(key: &'static str, message: impl Into<String>) -> Fault {
    Fault {
        keys: vec![key],
        message: message.into(),
    }
}

/// Checks the whole.
pub(super) fn check(config: &Config, docker: &DockerEnvironment) -> Result<(), Fault> {
    ranges(config)?;
    series_window(config)?;
    collector(config)?;
    scaler(config)?;
    lbsync(config)?;
    agent(config)?;
    told(config)?;
    level(&config.log.level)?;
    if config.state.directory.as_os_str().is_empty() {
        return Err(fault("state.directory", "must not be empty"));
    }
    docker.endpoint(&config.engine).map_err(|error| {
        let words = error.to_string();
        let words = words.strip_prefix("DOCKER_HOST ").unwrap_or(&words);
        fault("engine.host", words)
    })?;
    Ok(())
}

fn ranges(config: &Config) -> Result<(), Fault> {
    let Config {
        collector, scaler, ..
    } = config;
    for (key, value, low, high) in [
        ("collector.sockets", collector.sockets, 1, 64),
        (
            "collector.receive_buffer",
            collector.receive_buffer.get(),
            1 << 16,
            1 << 30,
        ),
        ("collector.max_agents", collector.max_agents, 1, 10_000_000),
        (
            "collector.max_data_sources",
            collector.max_data_sources,
            1,
            100_000_000,
        ),
        (
            "engine.answer_limit",
            config.engine.answer_limit.get(),
            1 << 20,
            4 << 30,
        ),
        (
            "capacity.headroom_percent",
            usize::from(config.capacity.headroom_percent),
            0,
            90,
        ),
        (
            "agent.datagram_bytes",
            config.agent.datagram_bytes,
            576,
            8192,
        ),
        (
            "agent.max_containers",
            config.agent.max_containers,
            1,
            50_000,
        ),
        ("scaler.services_max", scaler.services_max, 1, 1_000_000),
        ("scaler.in_flight_max", scaler.in_flight_max, 1, 1024),
        (
            "scaler.changes_per_minute_max",
            scaler.changes_per_minute_max,
            1,
            100_000,
        ),
        ("scaler.history_scales", scaler.history_scales, 1, 10_000),
        ("scaler.history_holds", scaler.history_holds, 1, 10_000),
    ] {
        within(key, value, low, high)?;
    }
    ranges_of_listeners(config)
}

/// Of what is shown to those who ask.
fn ranges_of_listeners(config: &Config) -> Result<(), Fault> {
    for (key, value, low, high) in [
        (
            "metrics.containers_max",
            config.metrics.containers_max,
            0,
            1_000_000,
        ),
        ("lbsync.streams_max", config.lbsync.streams_max, 1, 400),
        ("http.streams_max", config.http.streams_max, 1, 100),
        (
            "http.series_limit",
            config.http.series_limit.get(),
            1 << 20,
            4 << 30,
        ),
        (
            "lbsync.destination_series_max",
            config.lbsync.destination_series_max,
            0,
            100_000,
        ),
    ] {
        within(key, value, low, high)?;
    }
    Ok(())
}

fn series_window(config: &Config) -> Result<(), Fault> {
    let window = config.http.series_window;
    if !(60..=24 * 3600).contains(&window.get().as_secs()) {
        let message = format!("{window} is outside 1min to 24h");
        return Err(fault("http.series_window", message));
    }
    Ok(())
}

fn within(key: &'static str, value: usize, low: usize, high: usize) -> Result<(), Fault> {
    if !(low..=high).contains(&value) {
        return Err(fault(key, format!("{value} is outside {low} to {high}")));
    }
    Ok(())
}

/// What is told to people, and what is tried beside the live policy.
fn told(config: &Config) -> Result<(), Fault> {
    for (key, value, low, high) in [
        (
            "journal.limit",
            config.journal.limit.get(),
            1 << 16,
            1 << 30,
        ),
        ("webhooks.queue", config.webhooks.queue, 1, 100_000),
        (
            "webhooks.attempts",
            config.webhooks.attempts as usize,
            1,
            100,
        ),
        (
            "shadow.candidates",
            config.shadow.candidates.len(),
            0,
            scaler::shadow::CANDIDATES_MAX,
        ),
    ] {
        within(key, value, low, high)?;
    }
    let known = scaler::EventKind::NAMES;
    let events = &config.webhooks.events;
    if let Some(event) = events.iter().find(|event| !known.contains(&event.as_str())) {
        let message = format!("{event:?} is none of {}", known.join(", "));
        return Err(fault("webhooks.events", message));
    }
    Ok(())
}

fn collector(config: &Config) -> Result<(), Fault> {
    let talkers = config.collector.max_talkers;
    within("collector.max_talkers", talkers, 16, 1_000_000)?;
    let key = "collector.listen";
    let listen = &config.collector.listen;
    if listen.is_empty() {
        return Err(fault(key, "at least one address is needed"));
    }
    for (index, address) in listen.iter().enumerate() {
        if address.0.port() != 0 && listen.iter().skip(index + 1).any(|other| other == address) {
            return Err(fault(key, format!("{address} is there twice")));
        }
    }
    Ok(())
}

fn agent(config: &Config) -> Result<(), Fault> {
    let agent = &config.agent;
    let rate = agent.sampling.map_or(0, |rate| rate as usize);
    within("agent.sampling", rate, 0, agent::RATE_MAX as usize)?;
    if agent.collectors.as_ref().is_some_and(Vec::is_empty) {
        return Err(fault(
            "agent.collectors",
            "at least one collector is needed",
        ));
    }
    let plain = |url: &&String| !url.starts_with("http://");
    match agent.sidecars.iter().find(plain) {
        Some(url) => Err(fault(
            "agent.sidecars",
            format!("{url:?} is not http://HOST:PORT"),
        )),
        None => Ok(()),
    }
}

fn scaler(config: &Config) -> Result<(), Fault> {
    let (age, interval) = (config.scaler.view_max_age, config.engine.interval);
    if age.get() < interval.get() * 2 {
        let message = format!(
            "scaler.view_max_age ({age}) is less than twice engine.interval ({interval}), so the view would always be too old to act on"
        );
        return Err(Fault {
            keys: vec!["engine.interval", "scaler.view_max_age"],
            message,
        });
    }
    config.scaler.defaults.check().map_err(|errors| {
        let keys = errors.iter().filter_map(|error| default_key(&error.label));
        let words: Vec<String> = errors
            .iter()
            .map(|error| error.problem.to_string())
            .collect();
        Fault {
            keys: keys
                .chain(["scaler.defaults.min", "scaler.defaults.max"])
                .collect(),
            message: words.join("; "),
        }
    })
}

/// What the balancer's values ask of each other.
fn lbsync(config: &Config) -> Result<(), Fault> {
    let lbsync = &config.lbsync;
    for (index, source) in lbsync.sources.iter().enumerate() {
        if lbsync
            .sources
            .iter()
            .skip(index + 1)
            .any(|other| other == source)
        {
            return Err(fault("lbsync.sources", format!("{source} is there twice")));
        }
    }
    if lbsync.netns.as_deref().is_some_and(str::is_empty) {
        return Err(fault("lbsync.netns", "must not be empty"));
    }
    if lbsync.vips == Vips::Leave {
        return Ok(());
    }
    let needs = |key: &'static str, message: &str| {
        Err(Fault {
            keys: vec![key, "lbsync.vips"],
            message: message.to_owned(),
        })
    };
    // IFNAMSIZ is 16, with the zero at the end.
    match &lbsync.interface {
        None => {
            return needs(
                "lbsync.interface",
                "lbsync.vips = \"manage\" needs lbsync.interface",
            );
        }
        Some(name) if name.is_empty() || name.len() > 15 || name.contains(['/', ' ']) => {
            return needs("lbsync.interface", "is no name of an interface");
        }
        Some(_) => {}
    }
    if lbsync.data_plane != DataPlaneKind::Ipvs {
        return needs(
            "lbsync.data_plane",
            "lbsync.vips = \"manage\" needs lbsync.data_plane = \"ipvs\": a VIP must not be up where nothing forwards",
        );
    }
    Ok(())
}

/// The key of the default for a label.
fn default_key(label: &str) -> Option<&'static str> {
    let name = label.strip_prefix(scaler::labels::PREFIX)?;
    let path = format!("scaler.defaults.{}", scaler::Defaults::key(name));
    KEYS.iter().map(|key| key.path).find(|key| *key == path)
}

/// A filter as `tracing-subscriber` reads it. That takes a word that is no level for the name of a module, and then logs nothing.
fn level(text: &str) -> Result<(), Fault> {
    let known = ["off", "error", "warn", "info", "debug", "trace"];
    let stray = text.split(',').map(str::trim).find(|part| {
        !part.contains(['=', '[']) && !known.contains(&part.to_ascii_lowercase().as_str())
    });
    if let Some(word) = stray {
        let message = format!(
            "{word:?} is no level; write one of {}, or MODULE=LEVEL",
            known.join(", ")
        );
        return Err(fault("log.level", message));
    }
    tracing_subscriber::EnvFilter::try_new(text)
        .map_err(|error| fault("log.level", format!("{text:?}: {error}")))?;
    Ok(())
}
