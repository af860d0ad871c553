//! Service labels to a virtual service: `swarmtide.lb.*` under `deploy.labels`.
//!
//! What cannot be used is reported by label name, value and reason; nothing is guessed.

mod nearest;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use serde::Serialize;
use thiserror::Error;

use crate::config::{ForwardingMethod, Scheduler, VirtualServiceConfig};
use crate::key::{Protocol, VirtualServiceKey};
use nearest::nearest;

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
}

/// Every label that the load balancer reads.
pub const LABELS: &[Label] = &[
    Label {
        name: "vip",
        syntax: "IPv4 or IPv6 address",
        default: "none: the service gets no virtual service",
        example: "10.30.0.1",
        meaning: "virtual IP address that clients connect to",
    },
    Label {
        name: "port",
        syntax: "1 to 65535",
        default: "none: required with vip",
        example: "80",
        meaning: "port at the virtual IP address",
    },
    Label {
        name: "protocol",
        syntax: "tcp | udp | sctp",
        default: "tcp",
        example: "udp",
        meaning: "protocol of the virtual service",
    },
    Label {
        name: "target",
        syntax: "1 to 65535",
        default: "the only port of that protocol that the service publishes in host mode",
        example: "8080",
        meaning: "port inside the container; where nodes publish it is where connections go",
    },
    Label {
        name: "scheduler",
        syntax: "rr | wrr | lc | wlc | sh | dh | sed | nq | mh | lblc | lblcr | fo | ovf",
        default: "wrr",
        example: "mh",
        meaning: "IPVS scheduler that chooses the destination of a new connection; sh and mh get their fallback flag",
    },
    Label {
        name: "forward",
        syntax: "masq | droute | tunnel",
        default: "masq",
        example: "droute",
        meaning: "IPVS forwarding method; droute and tunnel need the published port to be the same as port",
    },
];

/// What a service's labels ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceLabels {
    /// The virtual service.
    pub virtual_service: VirtualServiceKey,
    /// The container port; `None` for the only one that is published in host mode.
    pub target: Option<u16>,
    /// How the virtual service behaves.
    pub config: VirtualServiceConfig,
    /// How packets get to its destinations.
    pub forward: ForwardingMethod,
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
        if reader.values.is_empty() && reader.errors.is_empty() {
            return Ok(None);
        }
        let vip = reader.required("vip", |text| text.parse::<IpAddr>().ok());
        let port = reader.required("port", read_port);
        let protocol = reader.named("protocol", &Protocol::ALL, |protocol| protocol.name());
        let target = reader.optional("target", read_port);
        let scheduler = reader.named("scheduler", &Scheduler::NAMED, |scheduler| scheduler.name());
        let forward = reader.named("forward", &ForwardingMethod::ALL, |forward| forward.name());
        if vip.is_some_and(|vip| !can_be_vip(vip)) {
            reader.error("vip", LabelProblem::NoVip);
        }
        let (Some(address), Some(port), true) = (vip, port, reader.errors.is_empty()) else {
            reader.errors.truncate(ERRORS_MAX);
            return Err(reader.errors);
        };
        Ok(Some(Self {
            virtual_service: VirtualServiceKey {
                address,
                port,
                protocol: protocol.unwrap_or(Protocol::Tcp),
            },
            target,
            config: VirtualServiceConfig::new(scheduler.unwrap_or_default()),
            forward: forward.unwrap_or_default(),
        }))
    }
}

fn read_port(text: &str) -> Option<u16> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| digits && *port != 0)
}

fn can_be_vip(address: IpAddr) -> bool {
    let broadcast = matches!(address, IpAddr::V4(address) if address.is_broadcast());
    !(address.is_unspecified() || address.is_multicast() || broadcast)
}

/// The labels of the family, and what is wrong with them so far.
struct Reader<'a> {
    values: BTreeMap<&'static str, &'a str>,
    errors: Vec<LabelError>,
}

impl<'a> Reader<'a> {
    fn new(labels: &'a BTreeMap<String, String>) -> Self {
        let mut reader = Self {
            values: BTreeMap::new(),
            errors: Vec::new(),
        };
        for (label, value) in labels {
            let Some(name) = family_name(label) else {
                continue;
            };
            let exact = label.starts_with(PREFIX);
            match LABELS.iter().find(|known| exact && known.name == name) {
                Some(known) => drop(reader.values.insert(known.name, value.trim())),
                None => {
                    let did_you_mean = nearest(name, LABELS.iter().map(|known| known.name));
                    let problem = LabelProblem::Unknown {
                        did_you_mean: did_you_mean.and_then(known_name),
                    };
                    reader.errors.push(LabelError {
                        label: cut(label),
                        value: cut(value),
                        problem,
                    });
                }
            }
        }
        reader
    }

    fn error(&mut self, name: &str, problem: LabelProblem) {
        let value = self
            .values
            .get(name)
            .map(|value| cut(value))
            .unwrap_or_default();
        self.errors.push(LabelError {
            label: format!("{PREFIX}{name}"),
            value,
            problem,
        });
    }

    fn optional<T>(&mut self, name: &'static str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        let value = self.values.get(name)?;
        let read = read(value);
        if read.is_none() {
            self.error(
                name,
                LabelProblem::Value {
                    expected: syntax(name),
                    did_you_mean: None,
                },
            );
        }
        read
    }

    fn required<T>(&mut self, name: &'static str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        if !self.values.contains_key(name) {
            self.error(name, LabelProblem::Missing);
        }
        self.optional(name, read)
    }

    fn named<T: Clone>(
        &mut self,
        name: &'static str,
        all: &[T],
        text: impl Fn(&T) -> &str,
    ) -> Option<T> {
        let value = *self.values.get(name)?;
        let found = all
            .iter()
            .find(|one| text(one).eq_ignore_ascii_case(value))
            .cloned();
        if found.is_none() {
            let did_you_mean = nearest(value, all.iter().map(&text)).map(str::to_owned);
            self.error(
                name,
                LabelProblem::Value {
                    expected: syntax(name),
                    did_you_mean,
                },
            );
        }
        found
    }
}

/// The name after the prefix, in whatever case the prefix is written.
fn family_name(label: &str) -> Option<&str> {
    let (start, name) = label.split_at_checked(PREFIX.len())?;
    start.eq_ignore_ascii_case(PREFIX).then_some(name)
}

fn known_name(name: &str) -> Option<&'static str> {
    LABELS
        .iter()
        .map(|label| label.name)
        .find(|known| *known == name)
}

fn syntax(name: &str) -> &'static str {
    LABELS
        .iter()
        .find(|label| label.name == name)
        .map_or("", |label| label.syntax)
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(TEXT_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
