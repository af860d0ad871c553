//! The sections about all services together: room, and what is told to people.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Bytes, Span, WebhookUrl};

/// `[capacity]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CapacityConfig {
    /// Whether the nodes' CPU and memory limit what services are scaled to, by their reservations.
    pub nodes: bool,
    /// Share of all CPU and memory that is kept free, in per cent.
    pub headroom_percent: u8,
    /// Most replicas of all services together.
    pub replicas: Option<u64>,
}

impl Default for CapacityConfig {
    fn default() -> Self {
        Self {
            nodes: true,
            headroom_percent: 0,
            replicas: None,
        }
    }
}

/// `[shadow]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ShadowConfig {
    /// Files with candidates that are evaluated beside the live policy.
    pub candidates: Vec<PathBuf>,
}

/// `[journal]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JournalConfig {
    /// Whether events are kept on disk, in `state.directory`.
    pub enabled: bool,
    /// Most that they may take there.
    pub limit: Bytes,
}

impl Default for JournalConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            limit: Bytes::new(16 << 20),
        }
    }
}

/// `[webhooks]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhooksConfig {
    /// Where events are posted to.
    pub urls: Vec<WebhookUrl>,
    /// File with the secret that they are signed with.
    pub secret_file: Option<PathBuf>,
    /// Kinds of events that are sent; empty sends all.
    pub events: Vec<String>,
    /// Events that wait for one URL at most.
    pub queue: usize,
    /// Attempts for one event.
    pub attempts: u32,
    /// Longest wait for one answer.
    pub timeout: Span,
    /// Certificates of the authorities that `https` servers are verified by.
    pub ca_file: PathBuf,
}

impl Default for WebhooksConfig {
    fn default() -> Self {
        Self {
            urls: Vec::new(),
            secret_file: None,
            events: Vec::new(),
            queue: 1_000,
            attempts: 8,
            timeout: Span::from_millis(10_000),
            ca_file: PathBuf::from("/etc/ssl/certs/ca-certificates.crt"),
        }
    }
}
