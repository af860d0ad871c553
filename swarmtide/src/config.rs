//! The configuration: one TOML file, overridden key by key from the environment, checked before anything starts.
//!
//! It does not open sockets or look at the engine; `swarmtide check-config` runs just what is here.

mod agent;
mod check;
mod fleet;
mod interfaces;
mod keys;
mod lbsync;
mod load;
mod locate;
mod values;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use agent::{Agent, Discovery, Source, Target};
pub use fleet::{CapacityConfig, JournalConfig, ShadowConfig, WebhooksConfig};
pub use interfaces::{MetricsConfig, SflowRtConfig};
pub use keys::{KEYS, Key, Kind, environment_name, example, reference};
pub use lbsync::{DataPlaneKind, Lbsync, Vips};
pub use load::{ConfigError, DockerEnvironment, Sources, load, load_text};
pub use values::{Bytes, Cidr, Listen, SourceUrl, Span, VipRange, WebhookUrl};

/// The whole configuration, every key with its default.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The HTTP listener: API, metrics, health.
    pub http: Http,
    /// What is written to standard error.
    pub log: Log,
    /// The Docker Engine.
    pub engine: Engine,
    /// sFlow reception.
    pub collector: Collector,
    /// Decisions about replicas.
    pub scaler: Scaler,
    /// What services that are scaled may use together.
    pub capacity: CapacityConfig,
    /// Policies beside the live one.
    pub shadow: ShadowConfig,
    /// Events on disk.
    pub journal: JournalConfig,
    /// Events to other systems.
    pub webhooks: WebhooksConfig,
    /// Series of containers.
    pub metrics: MetricsConfig,
    /// What sFlow-RT's users find again.
    pub sflow_rt: SflowRtConfig,
    /// The load balancer's table.
    pub lbsync: Lbsync,
    /// What survives a restart.
    pub state: State,
    /// The sFlow agent of a node.
    pub agent: Agent,
}

/// `[http]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// Address and port of the one HTTP listener.
    pub listen: Listen,
    /// File that holds the bearer token for writes.
    pub token_file: Option<PathBuf>,
    /// File that holds the bearer token for reads; they are open when unset.
    pub read_token_file: Option<PathBuf>,
    /// Most listeners to each of the page's streams.
    pub streams_max: usize,
    /// How far back the charts of the page reach.
    pub series_window: Span,
    /// Memory that the points of the charts take at most.
    pub series_limit: Bytes,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: Listen(([127, 0, 0, 1], 8008).into()),
            token_file: None,
            read_token_file: None,
            streams_max: 64,
            series_window: Span::from_millis(3_600_000),
            series_limit: Bytes::new(64 << 20),
        }
    }
}

/// `[log]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// Filter as `tracing-subscriber` reads it: `info`, `swarmtide=debug,info`.
    pub level: String,
    /// How a line looks.
    pub format: LogFormat,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            level: "info".to_owned(),
            format: LogFormat::Text,
        }
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// `[engine]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Engine {
    /// `unix://PATH` or `tcp://HOST:PORT`; `DOCKER_HOST` when unset, then the standard socket.
    pub host: Option<String>,
    /// Folder with `ca.pem`, `cert.pem`, `key.pem`; `DOCKER_CERT_PATH` when unset.
    pub cert_path: Option<PathBuf>,
    /// Whether to speak TLS and verify the engine; `DOCKER_TLS_VERIFY` when unset.
    pub tls_verify: Option<bool>,
    /// Longest wait for one answer.
    pub timeout: Span,
    /// Time between two full lists of the swarm.
    pub interval: Span,
    /// Longest answer that is read.
    pub answer_limit: Bytes,
}

impl Default for Engine {
    fn default() -> Self {
        Self {
            host: None,
            cert_path: None,
            tls_verify: None,
            timeout: Span::from_millis(5000),
            interval: Span::from_millis(500),
            answer_limit: Bytes::new(256 << 20),
        }
    }
}

/// `[collector]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Collector {
    /// UDP addresses to receive sFlow on.
    pub listen: Vec<Listen>,
    /// Sockets (SO_REUSEPORT) per address, each with a thread of its own.
    pub sockets: usize,
    /// Receive buffer of each socket.
    pub receive_buffer: Bytes,
    /// Networks that datagrams are accepted from; empty accepts all.
    pub allow: Vec<Cidr>,
    /// The polling interval of the agents, the least that freshness is judged by.
    pub polling: Span,
    /// Most agents kept.
    pub max_agents: usize,
    /// Most data sources (containers, hosts, interfaces) kept.
    pub max_data_sources: usize,
    /// Most flows kept of sampled packets.
    pub max_talkers: usize,
}

impl Default for Collector {
    fn default() -> Self {
        Self {
            listen: vec![Listen(([0_u16; 8], 6343).into())],
            sockets: 2,
            receive_buffer: Bytes::new(8 << 20),
            allow: Vec::new(),
            polling: Span::from_millis(5000),
            max_agents: 10_000,
            max_data_sources: 500_000,
            max_talkers: 10_000,
        }
    }
}

/// `[scaler]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scaler {
    /// Longest time between two decisions; new counters make the next one come sooner, after a tenth of it.
    pub interval: Span,
    /// State of the whole scaler until the API says otherwise.
    pub state: scaler::AdminMode,
    /// Counters older than this are stale, whatever their source's interval.
    pub telemetry_max_age: Span,
    /// A view of the swarm older than this is not acted on.
    pub view_max_age: Span,
    /// After a start or a change of leader nothing shrinks for this long.
    pub warm_up: Span,
    /// After a task of a service failed it does not shrink for this long.
    pub failing_wait: Span,
    /// Wait after a write whose outcome is unknown.
    pub unknown_wait: Span,
    /// First wait after a failed write; doubles with each further one.
    pub back_off_base: Span,
    /// Longest wait after failed writes.
    pub back_off_max: Span,
    /// Telemetry that cannot be acted on for this long is told as lost.
    pub telemetry_lost_after: Span,
    /// A replica is not judged against its siblings before it has been seen for this long.
    pub outlier_settle: Span,
    /// A replica stands out when it did much worse than its siblings for this long.
    pub outlier_after: Span,
    /// State of a service that is gone is kept for this long.
    pub forget_after: Span,
    /// Most services kept.
    pub services_max: usize,
    /// Most writes to the engine under way at once.
    pub in_flight_max: usize,
    /// Most writes to the engine begun within a minute.
    pub changes_per_minute_max: usize,
    /// Records of changes kept per service.
    pub history_scales: usize,
    /// Records of holds kept per service.
    pub history_holds: usize,
    /// Balancers elsewhere whose connection counts are read.
    pub balancers: Vec<SourceUrl>,
    /// File with the bearer token for them.
    pub balancers_token_file: Option<PathBuf>,
    /// What labels leave open.
    #[serde(skip_serializing)]
    pub defaults: scaler::Defaults,
}

impl Default for Scaler {
    fn default() -> Self {
        Self {
            interval: Span::from_millis(2000),
            state: scaler::AdminMode::Enabled,
            telemetry_max_age: Span::from_millis(90_000),
            view_max_age: Span::from_millis(10_000),
            warm_up: Span::from_millis(60_000),
            failing_wait: Span::from_millis(60_000),
            unknown_wait: Span::from_millis(30_000),
            back_off_base: Span::from_millis(4000),
            back_off_max: Span::from_millis(300_000),
            telemetry_lost_after: Span::from_millis(30_000),
            outlier_settle: Span::from_millis(45_000),
            outlier_after: Span::from_millis(60_000),
            forget_after: Span::from_millis(600_000),
            services_max: 10_000,
            in_flight_max: 64,
            changes_per_minute_max: 600,
            history_scales: 32,
            history_holds: 16,
            balancers: Vec::new(),
            balancers_token_file: None,
            defaults: scaler::Defaults::default(),
        }
    }
}

impl Scaler {
    /// What the scaler's core is told.
    #[must_use]
    pub fn settings(&self) -> scaler::Settings {
        scaler::Settings {
            telemetry_max_age: self.telemetry_max_age.get(),
            view_max_age: self.view_max_age.get(),
            warm_up: self.warm_up.get(),
            failing_wait: self.failing_wait.get(),
            unknown_wait: self.unknown_wait.get(),
            back_off_base: self.back_off_base.get(),
            back_off_max: self.back_off_max.get(),
            telemetry_lost_after: self.telemetry_lost_after.get(),
            outlier_settle: self.outlier_settle.get(),
            outlier_after: self.outlier_after.get(),
            forget_after: self.forget_after.get(),
            services_max: self.services_max,
            in_flight_max: self.in_flight_max,
            changes_per_minute_max: self.changes_per_minute_max,
            history_scales: self.history_scales,
            history_holds: self.history_holds,
        }
    }
}

/// `[state]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct State {
    /// Folder that holds what the API set (enabled, disabled, dry run); made when missing.
    pub directory: PathBuf,
}

impl Default for State {
    fn default() -> Self {
        Self {
            directory: PathBuf::from("/var/lib/swarmtide"),
        }
    }
}
