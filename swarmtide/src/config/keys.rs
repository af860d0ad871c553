//! The table of keys: the one place that names each, from which the environment's names and the reference are made.

mod agent;
mod defaults;
mod fleet;
mod lbsync;

use agent::AGENT;
use defaults::DEFAULTS;
use fleet::FLEET;
use lbsync::LBSYNC;

/// How a key's value is written, which decides how its environment variable is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A string.
    Text,
    /// A number.
    Number,
    /// `true` or `false`.
    Flag,
    /// Strings; separated by commas in the environment.
    List,
}

/// One key of the configuration.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Dotted path.
    pub path: &'static str,
    /// How it is written.
    pub kind: Kind,
    /// A value that is accepted, the default where there is one.
    pub example: &'static str,
    /// What it means, with unit and range.
    pub meaning: &'static str,
}

const fn key(path: &'static str, kind: Kind, example: &'static str, meaning: &'static str) -> Key {
    Key {
        path,
        kind,
        example,
        meaning,
    }
}

use Kind::{Flag, List, Number, Text};

/// Every key.
pub const KEYS: &[Key] = &joined::<{ LENGTH }>();

/// Sections that stand in files of their own.
const TABLES: [&[Key]; 5] = [SPINE, AGENT, DEFAULTS, FLEET, LBSYNC];

const LENGTH: usize = SPINE.len() + AGENT.len() + DEFAULTS.len() + FLEET.len() + LBSYNC.len();

/// One table out of several.
const fn joined<const LENGTH: usize>() -> [Key; LENGTH] {
    let mut keys = [SPINE[0]; LENGTH];
    let (mut index, mut table) = (0, 0);
    while table < TABLES.len() {
        let mut row = 0;
        while row < TABLES[table].len() {
            keys[index] = TABLES[table][row];
            index += 1;
            row += 1;
        }
        table += 1;
    }
    keys
}

/// All but those with files of their own.
const SPINE: &[Key] = &[
    key(
        "http.listen",
        Text,
        "127.0.0.1:8008",
        "Address and port of the HTTP listener. Off loopback, writes need a token",
    ),
    key(
        "http.token_file",
        Text,
        "/run/secrets/swarmtide-token",
        "File with the bearer token for writes, at least 16 characters. No default",
    ),
    key(
        "http.read_token_file",
        Text,
        "/run/secrets/swarmtide-read-token",
        "File with a bearer token that reads then need too (the write token also reads); `/live` and `/ready` stay open. Default: reads are open",
    ),
    key(
        "http.streams_max",
        Number,
        "64",
        "Listeners to each of the page's streams (1 to 100); further ones get 503",
    ),
    key(
        "http.series_window",
        Text,
        "1h",
        "How far back the charts of the page reach (1min to 24h), in at most 900 points a service",
    ),
    key(
        "http.series_limit",
        Text,
        "64MiB",
        "Memory that the charts' points take (1 MiB to 4 GiB), about 65 kB a service; where it is not enough, charts reach back less far",
    ),
    key(
        "log.level",
        Text,
        "info",
        "Filter: `error`, `warn`, `info`, `debug`, `trace`, or per module as `collector=debug,info`",
    ),
    key("log.format", Text, "text", "`text` or `json`"),
    key(
        "engine.host",
        Text,
        "unix:///var/run/docker.sock",
        "Engine API: `unix://PATH` or `tcp://HOST:PORT`. Default: `DOCKER_HOST`, then this socket",
    ),
    key(
        "engine.cert_path",
        Text,
        "/etc/swarmtide/tls",
        "Folder with `ca.pem`, `cert.pem`, `key.pem`. Default: `DOCKER_CERT_PATH`",
    ),
    key(
        "engine.tls_verify",
        Flag,
        "true",
        "Speak TLS to a `tcp://` engine and verify it. Default: `DOCKER_TLS_VERIFY`",
    ),
    key(
        "engine.timeout",
        Text,
        "5s",
        "Longest wait for one answer of the engine (1ms to 24h)",
    ),
    key(
        "engine.interval",
        Text,
        "500ms",
        "Time between two full lists of services, tasks and nodes (1ms to 24h), or four times as long as a list took",
    ),
    key(
        "engine.answer_limit",
        Text,
        "256MiB",
        "Longest answer of the engine that is read (1 MiB to 4 GiB); a task takes about 3 kB, and past tasks count",
    ),
    key(
        "collector.listen",
        List,
        "[::]:6343",
        "UDP addresses to receive sFlow on; `[::]` takes IPv4 too",
    ),
    key(
        "collector.sockets",
        Number,
        "2",
        "Sockets per address, each with a thread (1 to 64)",
    ),
    key(
        "collector.receive_buffer",
        Text,
        "8MiB",
        "Receive buffer of each socket; more than net.core.rmem_max needs CAP_NET_ADMIN",
    ),
    key(
        "collector.allow",
        List,
        "10.0.0.0/8",
        "Networks that datagrams are accepted from. Default: all",
    ),
    key(
        "collector.polling",
        Text,
        "5s",
        "Polling interval of the agents; counters count as fresh for at least three of these",
    ),
    key(
        "collector.max_agents",
        Number,
        "10000",
        "Most agents kept (1 to 10,000,000)",
    ),
    key(
        "collector.max_data_sources",
        Number,
        "500000",
        "Most data sources kept: containers, hosts, interfaces (1 to 100,000,000)",
    ),
    key(
        "collector.max_talkers",
        Number,
        "10000",
        "Most flows kept of sampled packets (16 to 1,000,000); the smallest makes room for a new one",
    ),
    key(
        "scaler.interval",
        Text,
        "2s",
        "Longest time between two decisions (1ms to 24h); new counters make the next one come sooner, after a tenth of it",
    ),
    key(
        "scaler.state",
        Text,
        "enabled",
        "`enabled`, `disabled` or `dry-run`, until the API says otherwise",
    ),
    key(
        "scaler.telemetry_max_age",
        Text,
        "90s",
        "Counters older than this are stale, whatever the agent's interval",
    ),
    key(
        "scaler.view_max_age",
        Text,
        "10s",
        "A view of the swarm older than this is not acted on; at least twice engine.interval",
    ),
    key(
        "scaler.warm_up",
        Text,
        "60s",
        "Nothing shrinks for this long after a start or a change of leader",
    ),
    key(
        "scaler.failing_wait",
        Text,
        "60s",
        "A service does not shrink for this long after one of its tasks failed: load that falls then is no lack of demand",
    ),
    key(
        "scaler.unknown_wait",
        Text,
        "30s",
        "Wait after a write that was not answered, unless the swarm shows it done",
    ),
    key(
        "scaler.back_off_base",
        Text,
        "4s",
        "First wait after a failed or refused write; doubles with each further one",
    ),
    key(
        "scaler.back_off_max",
        Text,
        "300s",
        "Longest wait after failed writes",
    ),
    key(
        "scaler.telemetry_lost_after",
        Text,
        "30s",
        "Telemetry that cannot be acted on for this long is told as an event",
    ),
    key(
        "scaler.outlier_settle",
        Text,
        "45s",
        "A replica is not judged against its siblings before it has been seen for this long",
    ),
    key(
        "scaler.outlier_after",
        Text,
        "60s",
        "A replica stands out when it did much worse than its siblings for this long, and is one of them again after as long",
    ),
    key(
        "scaler.forget_after",
        Text,
        "600s",
        "State and history of a service that is gone are kept for this long",
    ),
    key(
        "scaler.services_max",
        Number,
        "10000",
        "Most services kept (1 to 1,000,000)",
    ),
    key(
        "scaler.in_flight_max",
        Number,
        "64",
        "Most replica changes under way at once (1 to 1024)",
    ),
    key(
        "scaler.changes_per_minute_max",
        Number,
        "600",
        "Most replica changes begun within a minute, over all services (1 to 100,000)",
    ),
    key(
        "scaler.balancers",
        List,
        "http://10.0.0.5:8008",
        "Balancers whose connection counts `connections` targets go by, all that carry the service; this sidecar's own counts too where its data plane is `ipvs`. Default: none",
    ),
    key(
        "scaler.balancers_token_file",
        Text,
        "/run/secrets/swarmtide-balancer-token",
        "File with the bearer token for those balancers. Default: none",
    ),
    key(
        "scaler.history_scales",
        Number,
        "32",
        "Records of changes kept per service (1 to 10,000)",
    ),
    key(
        "scaler.history_holds",
        Number,
        "16",
        "Records of holds kept per service, equal ones in a row as one (1 to 10,000)",
    ),
    key(
        "state.directory",
        Text,
        "/var/lib/swarmtide",
        "Folder that holds what the API set; made when missing",
    ),
];

/// The environment variable of a key: `SWARMTIDE_` and the path in capitals, dots as underscores.
#[must_use]
pub fn environment_name(path: &str) -> String {
    format!("SWARMTIDE_{}", path.replace('.', "_").to_uppercase())
}

/// The table of keys as Markdown, for the documentation.
#[must_use]
pub fn reference() -> String {
    let mut text =
        String::from("| key | environment | default or example | meaning |\n|---|---|---|---|\n");
    for key in KEYS {
        let variable = environment_name(key.path);
        text.push_str(&format!(
            "| `{}` | `{variable}` | `{}` | {} |\n",
            key.path, key.example, key.meaning
        ));
    }
    text
}

/// A configuration file with every key, commented out and explained.
#[must_use]
pub fn example() -> String {
    let mut text = String::from(
        "# Swarmtide's configuration. Every key is optional: what is commented out here is the default, or an example where there is none.\n\
         # Every key can also be set by environment: SWARMTIDE_ and the key in capitals, as SWARMTIDE_HTTP_LISTEN.\n\
         # `swarmtide check-config --config FILE` checks a file.\n",
    );
    let mut open = "";
    for key in KEYS {
        let (section, name) = key.path.rsplit_once('.').unwrap_or(("", key.path));
        if section != open {
            text.push_str(&format!("\n[{section}]\n"));
            open = section;
        }
        let value = match key.kind {
            Text => format!("{:?}", key.example),
            List => format!("{:?}", key.example.split(',').collect::<Vec<_>>()),
            Number | Flag => key.example.to_owned(),
        };
        text.push_str(&format!("# {}\n# {name} = {value}\n", key.meaning));
    }
    text
}
