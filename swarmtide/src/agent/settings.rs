//! What the agent is to do, from the configuration and, where that is silent, from a file of hsflowd.

use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use agent::{AddressRule, Rates, Wanted, kernel::Roots};
use swarm::{Client, ClientOptions, Endpoint};

use crate::config::{Agent, Config, Discovery, DockerEnvironment, Source, Target};

/// What is wrong with a file of hsflowd.
#[derive(Debug, thiserror::Error)]
pub enum HsflowdError {
    /// It could not be read.
    #[error("{}: cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A line of it is wrong.
    #[error("{}:{error}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Line, key and what is wrong.
        error: agent::hsflowd::ParseError,
    },
}

/// What the agent is to do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where datagrams go.
    pub collectors: Vec<Target>,
    /// Polling interval of containers that may be scaled.
    pub interval: Duration,
    /// Polling interval of the others.
    pub other_interval: Duration,
    /// Polling interval of the host.
    pub host_interval: Duration,
    /// How the agent's address is chosen.
    pub address: AddressRule,
    /// Most bytes of a datagram.
    pub datagram_bytes: usize,
    /// Whether structures that sFlow does not have are sent.
    pub extensions: bool,
    /// Most containers.
    pub max_containers: usize,
    /// How often packets are sampled.
    pub rates: Rates,
    /// Where packets are sampled.
    pub sampled: Wanted,
    /// The engine, where containers are found by it.
    pub engine: Option<Client>,
    /// Sidecars that know which services opted in.
    pub sidecars: Vec<String>,
    /// File with the bearer token for those sidecars.
    pub sidecar_token_file: Option<PathBuf>,
    /// Where the kernel's file systems are.
    pub roots: Roots,
    /// Where `/live`, `/ready` and `/metrics` are served.
    pub listen: Option<SocketAddr>,
}

/// Makes a plan of a configuration.
///
/// # Errors
/// A file of hsflowd that is wrong; certificates that cannot be loaded.
pub fn plan(config: &Config, docker: &DockerEnvironment) -> anyhow::Result<Plan> {
    let Agent {
        collectors,
        interval,
        other_interval,
        ..
    } = &config.agent;
    let old = match &config.agent.hsflowd_conf {
        Some(path) => hsflowd(path)?,
        None => agent::hsflowd::Settings::default(),
    };
    let old_collectors: Vec<_> = old
        .collectors
        .iter()
        .map(|(host, port)| Target {
            host: host.clone(),
            port: *port,
        })
        .collect();
    let default = || {
        vec![Target {
            host: "127.0.0.1".to_owned(),
            port: sflow::DEFAULT_PORT,
        }]
    };
    let collectors = collectors
        .clone()
        .or_else(|| Some(old_collectors).filter(|old| !old.is_empty()))
        .unwrap_or_else(default);
    // hsflowd has one interval for all; 0 turns its counters off, which would leave nothing to do here.
    let old_interval = old
        .polling
        .filter(|polling| *polling > 0)
        .map(|polling| Duration::from_secs(polling.into()));
    let either = |ours: &Option<crate::config::Span>, default: u64| {
        ours.map(crate::config::Span::get)
            .or(old_interval)
            .unwrap_or(Duration::from_secs(default))
    };
    let address = address_rule(&config.agent, &old);
    Ok(Plan {
        collectors,
        interval: either(interval, 1),
        other_interval: either(other_interval, 10),
        host_interval: config.agent.host_interval.get(),
        address,
        datagram_bytes: config.agent.datagram_bytes,
        extensions: config.agent.extensions,
        max_containers: config.agent.max_containers,
        rates: rates(&config.agent, &old),
        sampled: Wanted {
            interfaces: config.agent.sampling_interfaces.clone(),
            overlay: config.agent.sampling_overlay,
        },
        engine: engine(config, docker)?,
        sidecars: config.agent.sidecars.clone(),
        sidecar_token_file: config.agent.sidecar_token_file.clone(),
        roots: Roots {
            proc: config.agent.proc.clone(),
            cgroup: config.agent.cgroup.clone(),
            sys: config.agent.sys.clone(),
        },
        listen: config.agent.listen.map(|listen| listen.0),
    })
}

/// Our own setting stands for all speeds. hsflowd's rates by speed go with its `sampling`; its ratio, which it has without being
/// told, holds here only where its file says so.
fn rates(agent: &Agent, old: &agent::hsflowd::Settings) -> Rates {
    match agent.sampling {
        Some(all) => Rates {
            all,
            ..Rates::default()
        },
        None => Rates {
            all: old.sampling.unwrap_or(0),
            by_speed: old.sampling_by_speed.clone(),
            bps_ratio: old.sampling_bps_ratio,
        },
    }
}

/// Our own settings first; of those of hsflowd the network before the interface.
fn address_rule(agent: &Agent, old: &agent::hsflowd::Settings) -> AddressRule {
    let network = agent
        .cidr
        .map(|cidr| cidr.to_string())
        .and_then(|text| {
            let (address, prefix) = text.split_once('/')?;
            Some((address.parse().ok()?, prefix.parse().ok()?))
        })
        .or(old.agent_cidr);
    match (&agent.address, network, &old.agent) {
        (Some(Source::Address(address)), _, _) => AddressRule::Fixed(*address),
        (Some(Source::Interface(name)), _, _) => AddressRule::Interface(name.clone()),
        (None, Some((address, prefix)), _) => AddressRule::Network(address, prefix),
        (None, None, Some(name)) => AddressRule::Interface(name.clone()),
        (None, None, None) => AddressRule::Route,
    }
}

fn hsflowd(path: &Path) -> Result<agent::hsflowd::Settings, HsflowdError> {
    let path = path.to_owned();
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(source) => return Err(HsflowdError::Read { path, source }),
    };
    agent::hsflowd::parse(&text).map_err(|error| HsflowdError::Line { path, error })
}

/// The engine, where containers are to be found by it.
fn engine(config: &Config, docker: &DockerEnvironment) -> anyhow::Result<Option<Client>> {
    let endpoint = docker.endpoint(&config.engine)?;
    let is_there = match &endpoint {
        Endpoint::Unix(path) => path.exists(),
        Endpoint::Tcp { .. } | Endpoint::Tls { .. } => true,
    };
    let wanted = match config.agent.discovery {
        Discovery::Engine => true,
        Discovery::Cgroup => false,
        Discovery::Auto => is_there,
    };
    if !wanted {
        return Ok(None);
    }
    let options = ClientOptions {
        timeout: config.engine.timeout.get(),
        limit_bytes: config.engine.answer_limit.get(),
    };
    Ok(Some(Client::new(endpoint, options)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sources;

    #[expect(
        clippy::unwrap_in_result,
        reason = "what the test prepares does not fail"
    )]
    fn planned(toml: &str, hsflowd: &str) -> Result<Plan, String> {
        let folder = tempfile::tempdir().unwrap();
        let conf = folder.path().join("hsflowd.conf");
        fs::write(&conf, hsflowd).unwrap();
        let file = folder.path().join("swarmtide.toml");
        let text = format!("[agent]\nhsflowd_conf = {conf:?}\ndiscovery = \"cgroup\"\n{toml}");
        fs::write(&file, text).unwrap();
        let sources = Sources {
            file: Some(file),
            ..Sources::default()
        };
        let config = crate::config::load(&sources).map_err(|error| error.to_string())?;
        plan(&config, &sources.docker()).map_err(|error| {
            let text = format!("{error:#}");
            text.replace(&conf.display().to_string(), "CONF")
        })
    }

    const CONF: &str = "sflow {\n polling = 7\n sampling = 300\n sampling.10G = 2000\n agent = eth7\n collector { ip = 10.0.0.5 udpport = 7000 }\n}\n";

    #[test]
    fn a_file_of_hsflowd_holds_where_nothing_else_is_said() {
        let old = planned("", CONF).unwrap();
        assert_eq!(old.collectors[0].to_string(), "10.0.0.5:7000");
        let seven = Duration::from_secs(7);
        assert_eq!((old.interval, old.other_interval), (seven, seven));
        assert_eq!(old.address, AddressRule::Interface("eth7".to_owned()));
        assert_eq!(old.rates.of(None), Some(300));
        assert_eq!(old.rates.of(Some(10_000_000_000)), Some(2_000));

        let ours = planned(
            "collectors = [\"10.0.0.9\"]\ninterval = \"2s\"\nsampling = 50\ncidr = \"10.0.0.0/8\"\n",
            CONF,
        )
        .unwrap();
        assert_eq!(ours.collectors[0].to_string(), "10.0.0.9:6343");
        assert_eq!(
            (ours.interval, ours.other_interval),
            (Duration::from_secs(2), seven)
        );
        assert_eq!(ours.address, AddressRule::Network([10, 0, 0, 0].into(), 8));
        assert_eq!(ours.rates.of(Some(10_000_000_000)), Some(50));
        assert_eq!(ours.sampled.interfaces[0], "docker0");

        let bare = planned("", "").unwrap();
        assert_eq!(bare.collectors[0].to_string(), "127.0.0.1:6343");
        assert_eq!(bare.interval, Duration::from_secs(1));
        assert!(!bare.rates.is_on(), "sampling is off by default");
    }

    #[test]
    fn a_file_that_is_wrong_is_named_with_line_and_key() {
        let error = planned("", "sflow {\n polling = often\n}\n").unwrap_err();
        assert_eq!(error, "CONF:2: key `polling`: \"often\" is no whole number");
    }
}
