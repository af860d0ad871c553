//! Service labels to a virtual service: `swarmtide.lb.*` under `deploy.labels`.
//!
//! What cannot be used is reported by label name, value and reason; nothing is guessed.

mod nearest;
mod reader;
mod table;
mod value;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;
use thiserror::Error;

use crate::config::{
    DestinationConfig, ForwardingMethod, Persistence, Scheduler, ServiceFlags, Thresholds, Tunnel,
    TunnelFlags, TunnelKind, VirtualServiceConfig,
};
use crate::key::{Protocol, VirtualServiceKey};
use crate::probe::{ProbeKind, ProbeSpec};
use crate::share::Share;
use reader::Reader;
pub use table::LABELS;

/// What all labels of the load balancer begin with.
pub const PREFIX: &str = "swarmtide.lb.";

/// Most errors reported for one service.
pub const ERRORS_MAX: usize = 16;

/// Longest label or value repeated in an error, characters.
const TEXT_MAX: usize = 64;

/// One label, for documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    /// Name without the prefix `swarmtide.lb.`.
    pub name: &'static str,
    /// What its value looks like.
    pub syntax: &'static str,
    /// Value when the label is absent.
    pub default: &'static str,
    /// A value that is accepted.
    pub example: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// Another label without which it has no effect.
    pub needs: Option<Needs>,
}

/// A label that another one needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// Its name without the prefix.
    pub label: &'static str,
    /// The values that it may have, its default included; empty where any will do.
    pub one_of: &'static [&'static str],
}

/// What a service's labels ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceLabels {
    /// The virtual service.
    pub virtual_service: VirtualServiceKey,
    /// The container port; `None` for the only one that is published in host mode.
    pub target: Option<u16>,
    /// How the virtual service behaves.
    pub config: VirtualServiceConfig,
    /// How its destinations behave; the weight is that of one task.
    pub destination: DestinationConfig,
    /// How its destinations are probed, if they are.
    pub probe: Option<ProbeSpec>,
    /// The share of its destinations that stays in whatever the probe says; `None` for the configured one.
    pub floor: Option<Share>,
    /// The time in which the weight of a destination that joins others rises; zero for at once.
    pub warm_up: Duration,
}

/// What is wrong with a label.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum LabelProblem {
    /// There is no such label.
    #[error("there is no such label{}", did_you_mean.map(|name| format!("; did you mean {PREFIX}{name}?")).unwrap_or_default())]
    Unknown {
        /// Name of the label that is nearest, without the prefix.
        did_you_mean: Option<&'static str>,
    },
    /// The value is not one of those allowed.
    #[error("must be {expected}{}", did_you_mean.as_ref().map(|name| format!("; did you mean {name}?")).unwrap_or_default())]
    Value {
        /// What values look like.
        expected: &'static str,
        /// The allowed value that is nearest.
        did_you_mean: Option<String>,
    },
    /// The label is missing although others are there.
    #[error("is missing, although the service has other {PREFIX}* labels")]
    Missing,
    /// Another label is missing, or has a value with which this one does nothing.
    #[error("has no effect without {needed}")]
    NoEffect {
        /// The other label, with its value where it matters.
        needed: String,
    },
    /// The address cannot be a virtual IP address.
    #[error("is unspecified, multicast or broadcast, and cannot be a virtual IP address")]
    NoVip,
}

/// A label that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LabelError {
    /// The label's full name.
    pub label: String,
    /// Its value, cut to 64 characters; empty when it has none.
    pub value: String,
    /// What is wrong.
    pub problem: LabelProblem,
}

impl fmt::Display for LabelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            label,
            value,
            problem,
        } = self;
        match value.is_empty() {
            true => write!(f, "{label}: {problem}"),
            false => write!(f, "{label}={value}: {problem}"),
        }
    }
}

impl std::error::Error for LabelError {}

impl ServiceLabels {
    /// Reads the labels of a service; `None` where none begins with [`PREFIX`].
    ///
    /// # Errors
    ///
    /// Everything wrong with them, at most [`ERRORS_MAX`].
    pub fn from_labels(labels: &BTreeMap<String, String>) -> Result<Option<Self>, Vec<LabelError>> {
        let mut reader = Reader::new(labels);
        if reader.is_empty() {
            return Ok(None);
        }
        let address = reader.required("vip", value::vip);
        let port = reader.required("port", value::port);
        let protocol = reader.named("protocol", &Protocol::ALL, |protocol| protocol.name());
        let target = reader.optional("target", value::port);
        if address.is_some_and(|vip| !can_be_vip(vip)) {
            reader.error("vip", LabelProblem::NoVip);
        }
        let address_bits = address.map_or(128, |vip| if vip.is_ipv4() { 32 } else { 128 });
        let config = read_service(&mut reader, address_bits);
        let destination = read_destination(&mut reader);
        let probe = read_probe(&mut reader);
        let floor = reader.optional("floor", value::share);
        let warm_up = reader.optional("warmup", value::duration);
        reader.check_needs();
        let errors = reader.errors();
        let (Some(address), Some(port), true) = (address, port, errors.is_empty()) else {
            return Err(errors);
        };
        Ok(Some(Self {
            virtual_service: VirtualServiceKey {
                address,
                port,
                protocol: protocol.unwrap_or(Protocol::Tcp),
            },
            target,
            config,
            destination,
            probe,
            floor,
            warm_up: warm_up.unwrap_or_default(),
        }))
    }
}

fn read_service(reader: &mut Reader<'_>, address_bits: u8) -> VirtualServiceConfig {
    let scheduler = reader.named("scheduler", &Scheduler::NAMED, |scheduler| scheduler.name());
    let mut config = VirtualServiceConfig::new(scheduler.unwrap_or_default());
    let flags = reader.optional("flags", |text| value::flags(text, config.scheduler.name()));
    config.flags = config.flags.with(flags.unwrap_or(ServiceFlags::NONE));
    let prefix_length = reader.optional("persistence.prefix", |text| {
        let length = value::within(text, 1, u32::from(address_bits))?;
        u8::try_from(length).ok()
    });
    let timeout = reader.optional("persistence", |text| {
        let timeout = value::duration(text)?.as_secs();
        u32::try_from(timeout).ok().filter(|timeout| *timeout > 0)
    });
    config.persistence = timeout.map(|timeout_s| Persistence {
        timeout_s,
        prefix_length: prefix_length.unwrap_or(address_bits),
    });
    let one_packet = reader.named("one-packet", &[true, false], |on| match on {
        true => "true",
        false => "false",
    });
    config.one_packet = one_packet.unwrap_or(false);
    config
}

fn read_destination(reader: &mut Reader<'_>) -> DestinationConfig {
    let forward = reader.named("forward", &ForwardingMethod::ALL, |forward| forward.name());
    let weight = reader.optional("weight", |text| value::within(text, 1, 100));
    let upper = reader.optional("threshold.upper", |text| value::within(text, 1, u32::MAX));
    let lower = reader.optional("threshold.lower", |text| {
        value::within(text, 1, upper.unwrap_or(u32::MAX))
    });
    DestinationConfig {
        forward: forward.unwrap_or_default(),
        weight: weight.unwrap_or(1),
        tunnel: read_tunnel(reader),
        thresholds: Thresholds {
            upper: upper.unwrap_or(0),
            lower: lower.unwrap_or(0),
        },
    }
}

/// Where the tunnel of a GUE destination ends unless a label says otherwise: its port at IANA.
const GUE_PORT: u16 = 6080;

fn read_tunnel(reader: &mut Reader<'_>) -> Tunnel {
    const CHECKSUMS: [(&str, TunnelFlags); 3] = [
        ("none", TunnelFlags::NONE),
        ("csum", TunnelFlags::CHECKSUM),
        ("remcsum", TunnelFlags::REMOTE_CHECKSUM),
    ];
    let kind = reader.named("tunnel", &TunnelKind::NAMED, |kind| kind.name());
    let kind = kind.unwrap_or_default();
    let port = reader.optional("tunnel.port", value::port);
    // GRE knows one checksum only.
    let offered = match kind {
        TunnelKind::Gre => CHECKSUMS.split_at(2).0,
        _ => &CHECKSUMS[..],
    };
    let flags = reader.named("tunnel.checksum", offered, |(name, _)| name);
    let gue_port = (kind == TunnelKind::Gue).then(|| port.unwrap_or(GUE_PORT));
    Tunnel {
        kind,
        port: gue_port.unwrap_or(0),
        flags: flags.map_or(TunnelFlags::NONE, |(_, flags)| flags),
    }
}

fn read_probe(reader: &mut Reader<'_>) -> Option<ProbeSpec> {
    const SHORTEST: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_secs(3600);
    let kind = reader.named("probe", &["none", "tcp", "http"], |kind| kind);
    let path = reader.optional("probe.path", value::path);
    let host = reader.optional("probe.host", value::host);
    let interval = reader.optional("probe.interval", |text| {
        value::duration_within(text, SHORTEST, LONGEST)
    });
    let interval = interval.unwrap_or(Duration::from_secs(2));
    let timeout = reader.optional("probe.timeout", |text| {
        value::duration_within(text, SHORTEST / 10, interval)
    });
    let rise = reader.optional("probe.rise", |text| value::within(text, 1, 100));
    let fall = reader.optional("probe.fall", |text| value::within(text, 1, 100));
    let kind = match kind? {
        "tcp" => ProbeKind::Tcp,
        "http" => ProbeKind::Http {
            path: path.unwrap_or_else(|| "/".to_owned()),
            host,
        },
        _ => return None,
    };
    Some(ProbeSpec {
        kind,
        interval,
        timeout: timeout.unwrap_or(interval.min(Duration::from_secs(1))),
        rise: rise.unwrap_or(2),
        fall: fall.unwrap_or(3),
    })
}

fn can_be_vip(address: IpAddr) -> bool {
    let broadcast = matches!(address, IpAddr::V4(address) if address.is_broadcast());
    !(address.is_unspecified() || address.is_multicast() || broadcast)
}

#[cfg(test)]
mod tests;
