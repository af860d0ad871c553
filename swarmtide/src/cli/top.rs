//! Options of `top`.

use clap::{Args, ValueEnum};

use super::{Format, Remote};
use crate::config::Span;

/// Options of `top`.
#[derive(Debug, Args)]
pub struct TopArgs {
    /// Time between two looks
    #[arg(long, default_value = "2s", value_name = "TIME")]
    pub interval: Span,
    /// What services are ordered by
    #[arg(long, value_enum, default_value_t = Order::Name)]
    pub sort: Order,
    /// Look once and end, as where standard output is no terminal
    #[arg(long)]
    pub once: bool,
    /// Where the sidecar is.
    #[command(flatten)]
    pub remote: Remote,
    /// A view for people, or what was seen once as JSON
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// What services are ordered by; all but the name put the most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Order {
    /// Name.
    Name,
    /// Replicas in the spec.
    Replicas,
    /// CPU as a share of the limit.
    Cpu,
    /// Traffic of a replica.
    Traffic,
    /// Memory of a replica.
    Memory,
    /// Time since the last change, the newest first.
    Change,
}

impl Order {
    /// The one after it.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::Name => Self::Replicas,
            Self::Replicas => Self::Cpu,
            Self::Cpu => Self::Traffic,
            Self::Traffic => Self::Memory,
            Self::Memory => Self::Change,
            Self::Change => Self::Name,
        }
    }

    /// Its name.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Replicas => "replicas",
            Self::Cpu => "CPU",
            Self::Traffic => "traffic",
            Self::Memory => "memory",
            Self::Change => "last change",
        }
    }
}
