//! `[agent]`: the sFlow agent of this node.

use std::{fmt, net::IpAddr, path::PathBuf, str::FromStr};

use serde::{Deserialize, Serialize};

use super::values::{Cidr, Listen, Span, text_value};

/// `[agent]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Agent {
    /// Where datagrams go.
    pub collectors: Option<Vec<Target>>,
    /// Polling interval of containers whose service opted in to scaling, or may have.
    pub interval: Option<Span>,
    /// Polling interval of the others.
    pub other_interval: Option<Span>,
    /// Polling interval of the host.
    pub host_interval: Span,
    /// The address that the agent gives itself, or the interface that has it.
    pub address: Option<Source>,
    /// A network that the agent's address lies in.
    pub cidr: Option<Cidr>,
    /// Most bytes of a datagram.
    pub datagram_bytes: usize,
    /// Whether structures that sFlow does not have are sent.
    pub extensions: bool,
    /// How containers are found.
    pub discovery: Discovery,
    /// Sidecars that know which services opted in.
    pub sidecars: Vec<String>,
    /// File with the bearer token for those sidecars.
    pub sidecar_token_file: Option<PathBuf>,
    /// Where `/proc` is mounted.
    pub proc: PathBuf,
    /// Where the cgroup tree is mounted.
    pub cgroup: PathBuf,
    /// Where `/sys` is mounted.
    pub sys: PathBuf,
    /// Address and port of `/live`, `/ready` and `/metrics`.
    pub listen: Option<Listen>,
    /// Settings of hsflowd that are taken over where there are none here.
    pub hsflowd_conf: Option<PathBuf>,
    /// Most containers.
    pub max_containers: usize,
    /// One packet in so many is sampled; 0 is off.
    pub sampling: Option<u32>,
    /// Names of bridges and other interfaces whose packets are sampled.
    pub sampling_interfaces: Vec<String>,
    /// Whether packets of overlay networks that come to the node are sampled.
    pub sampling_overlay: bool,
}

impl Default for Agent {
    fn default() -> Self {
        Self {
            collectors: None,
            interval: None,
            other_interval: None,
            host_interval: Span::from_millis(5000),
            address: None,
            cidr: None,
            datagram_bytes: 1400,
            extensions: true,
            discovery: Discovery::Auto,
            sidecars: Vec::new(),
            sidecar_token_file: None,
            proc: "/proc".into(),
            cgroup: "/sys/fs/cgroup".into(),
            sys: "/sys".into(),
            listen: None,
            hsflowd_conf: None,
            max_containers: 10_000,
            sampling: None,
            sampling_interfaces: ["docker0", "docker_gwbridge", "br-*"]
                .map(str::to_owned)
                .into(),
            sampling_overlay: true,
        }
    }
}

/// How the agent finds containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Discovery {
    /// From the engine where its socket is there, else from the cgroup tree alone.
    Auto,
    /// From the engine; there are none until it answers.
    Engine,
    /// From the cgroup tree alone; containers are named by their ID.
    Cgroup,
}

/// A collector: `HOST`, `HOST:PORT`, `[IPv6]:PORT`. The port is 6343 where none is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Name or address.
    pub host: String,
    /// UDP port.
    pub port: u16,
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("{text:?} is not HOST or HOST:PORT; write for example \"10.0.0.11:6343\"");
        let bare = |host: &str| Self {
            host: host.to_owned(),
            port: sflow::DEFAULT_PORT,
        };
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(bare(&address.to_string()));
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().ok().filter(|port| *port > 0)),
            None => (text, Some(sflow::DEFAULT_PORT)),
        };
        let host = host
            .strip_prefix('[')
            .and_then(|inner| inner.strip_suffix(']'))
            .filter(|inner| inner.parse::<IpAddr>().is_ok())
            .unwrap_or(host);
        let plain = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
        let good = host.parse::<IpAddr>().is_ok() || (!host.is_empty() && host.chars().all(plain));
        match port {
            Some(port) if good => Ok(Self {
                host: host.to_owned(),
                port,
            }),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// An address, or the name of an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The address itself.
    Address(IpAddr),
    /// The interface.
    Interface(String),
}

impl FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse() {
            return Ok(Self::Address(address));
        }
        // IFNAMSIZ leaves 15 bytes.
        let name = !text.is_empty() && text.len() < 16 && !text.contains([' ', '/', ':']);
        if name {
            Ok(Self::Interface(text.to_owned()))
        } else {
            Err(format!(
                "{text:?} is neither an address nor the name of an interface"
            ))
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Interface(name) => f.write_str(name),
        }
    }
}

text_value!(Target);
text_value!(Source);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collectors_as_people_write_them() {
        for (text, expected) in [
            ("10.0.0.11", "10.0.0.11:6343"),
            ("10.0.0.11:7000", "10.0.0.11:7000"),
            ("collector.example", "collector.example:6343"),
            ("fd00::1", "[fd00::1]:6343"),
            ("[fd00::1]:9", "[fd00::1]:9"),
        ] {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), expected);
        }
        for text in ["", ":1", "a b", "host:0", "host:x", "[x]:1"] {
            assert!(text.parse::<Target>().is_err(), "{text}");
        }
        assert_eq!("eth0".parse(), Ok(Source::Interface("eth0".to_owned())));
        assert!("no interface".parse::<Source>().is_err());
    }
}
