//! The command line: what can be asked for, with examples.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};

mod at;
mod balancer;
mod json;
mod package;
mod top;

pub use at::At;
pub use balancer::{
    AuditArgs, DoctorArgs, Forward, LbArgs, LbCommand, LbRemote, LbStatusArgs, LbsyncArgs, Role,
};
pub use top::{Order, TopArgs};

pub use package::{CompletionsArgs, HealthArgs, ManArgs, ShellName};

use crate::{
    config::{Bytes, Discovery, Listen, Source, Span, Target},
    sflow_command::SflowArgs,
};

/// Elastic services and a load balancer for Docker Swarm.
#[derive(Debug, Parser)]
#[command(
    name = "swarmtide",
    version,
    about,
    after_help = "Examples:\n  swarmtide demo\n  swarmtide run --config /etc/swarmtide/swarmtide.toml\n  swarmtide why web\n  swarmtide sflow --listen 0.0.0.0:6343"
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Print JSON for programs, as `--format json` where a command has that
    #[arg(long, global = true)]
    pub json: bool,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the sidecar: receive sFlow, scale services, keep the balancer's table
    #[command(
        after_help = "Examples:\n  swarmtide run\n  swarmtide run --config swarmtide.toml\n  SWARMTIDE_SCALER_STATE=dry-run swarmtide run"
    )]
    Run(RunArgs),
    /// Run the sFlow agent of this node: every container's counters, each second, from the kernel
    #[command(
        after_help = "Examples:\n  swarmtide agent --collector 10.0.0.11\n  swarmtide agent --hsflowd-conf /etc/hsflowd.conf\n  swarmtide agent --discovery cgroup --listen 127.0.0.1:8009"
    )]
    Agent(AgentArgs),
    /// Run a balancer node: keep IPVS equal to the swarm's backend set
    #[command(
        after_help = "Examples:\n  swarmtide lbsync --config /etc/swarmtide/lbsync.toml\n  swarmtide lbsync --config lbsync.toml --netns lb\n  SWARMTIDE_LBSYNC_SOURCES=http://10.0.0.11:8008,http://10.0.0.12:8008 SWARMTIDE_LBSYNC_DATA_PLANE=ipvs swarmtide lbsync"
    )]
    Lbsync(LbsyncArgs),
    /// Show the balancer's table, or audit the kernel's
    #[command(
        after_help = "Examples:\n  swarmtide lb status\n  swarmtide lb status --format json\n  swarmtide lb audit; echo $?          # 0 no drift, 1 drift, 2 could not tell\n  swarmtide lb audit --swarm-ingress   # swarm's own tables on this node as well"
    )]
    Lb(LbArgs),
    /// Find what keeps services from being scaled or balanced: why it matters, and what helps
    #[command(
        after_help = "Examples:\n  swarmtide doctor                      # on a manager: engine, leader, sidecars, telemetry of every node, services\n  swarmtide doctor --json\n  swarmtide doctor --config lbsync.toml # on a balancer: its kernel and network\n  swarmtide doctor --role balancer --fix\n  swarmtide doctor --role node --vip 10.30.0.1 --forward droute"
    )]
    Doctor(DoctorArgs),
    /// Show the whole path at work on a simulated swarm; needs nothing installed
    #[command(
        after_help = "Examples:\n  swarmtide demo\n  swarmtide demo --duration 30s --seed 1 --listen 127.0.0.1:0 --format json\n  swarmtide demo --services 200 --containers 5000"
    )]
    Demo(DemoArgs),
    /// Explain a decision about a service in a person's words
    #[command(
        after_help = "Examples:\n  swarmtide why web\n  swarmtide why web --at 10:42\n  swarmtide why web --at '5m ago'\n  swarmtide why web --url http://10.0.0.11:8008 --format json"
    )]
    Why(WhyArgs),
    /// Show services, load and decisions in the terminal, and go on showing them
    #[command(
        after_help = "Examples:\n  swarmtide top\n  swarmtide top --url http://10.0.0.11:8008 --sort cpu\n  swarmtide top --once | sort -k 5\n  swarmtide top --json | jq .services[].name"
    )]
    Top(TopArgs),
    /// Switch scaling on, off or to dry run, for all services or one
    #[command(
        after_help = "Examples:\n  swarmtide state                    # show\n  swarmtide state dry-run            # everything\n  swarmtide state disabled web       # one service\n  swarmtide state --service web      # show one service"
    )]
    State(StateArgs),
    /// Run the sidecar and write all that its decisions depend on to a file
    #[command(
        after_help = "Examples:\n  swarmtide record --out monday.rec --config /etc/swarmtide/swarmtide.toml\n  swarmtide record --out hour.rec --duration 1h --dry-run"
    )]
    Record(RecordArgs),
    /// Play a recording again, with other policies beside the one that was live
    #[command(
        after_help = "Examples:\n  swarmtide replay monday.rec\n  swarmtide replay monday.rec --policy calmer.toml --svg monday.svg"
    )]
    Replay(ReplayArgs),
    /// Pause changes of one service, in one direction or both, for a while
    #[command(
        after_help = "Examples:\n  swarmtide pause web --for 30m\n  swarmtide pause web --direction down --until 2026-11-21T18:00:00Z\n  swarmtide pause web --end        # let it be scaled again"
    )]
    Pause(PauseArgs),
    /// Check the configuration and name file, line and key of what is wrong
    #[command(
        after_help = "Examples:\n  swarmtide check-config --config swarmtide.toml\n  swarmtide check-config --print     # the values in force\n  swarmtide check-config --list      # every key, as a Markdown table"
    )]
    CheckConfig(CheckConfigArgs),
    /// Play a trace of requests against this scaler and others, and print how each did
    #[command(
        after_help = "Examples:\n  swarmtide simulate --trace requests.txt\n  swarmtide simulate --trace requests.txt.gz --start-seconds 30 --policies swarmtide,hpa,knative\n  swarmtide simulate --trace requests.txt --format json | tail -n 1 | jq .\n  swarmtide simulate --trace requests.txt --policies swarmtide,knative --svg replicas.svg"
    )]
    Simulate(SimulateArgs),
    /// Print sFlow datagrams from a capture or from the wire
    #[command(
        after_help = "Examples:\n  swarmtide sflow --pcap traffic.pcap\n  swarmtide sflow --pcap traffic.pcap --format json | jq .records.virt_cpu\n  swarmtide sflow --listen 0.0.0.0:6343"
    )]
    Sflow(SflowArgs),
    /// Ask the swarmtide that runs here whether it lives: for health checks of containers
    #[command(
        after_help = "Examples:\n  swarmtide health\n  swarmtide health --ready\n  swarmtide health --url http://127.0.0.1:8009"
    )]
    Health(HealthArgs),
    /// Print a completion script for a shell
    #[command(
        after_help = "Examples:\n  . <(swarmtide completions bash)\n  swarmtide completions zsh > /usr/local/share/zsh/site-functions/_swarmtide\n  swarmtide completions fish > ~/.config/fish/completions/swarmtide.fish"
    )]
    Completions(CompletionsArgs),
    /// Print the manual page, or write one for every subcommand
    #[command(
        after_help = "Examples:\n  swarmtide man | man -l -\n  swarmtide man /usr/local/share/man/man1"
    )]
    Man(ManArgs),
    /// Print the OpenAPI document of the HTTP API
    #[command(after_help = "Examples:\n  swarmtide openapi > openapi.json")]
    Openapi,
    /// Print the labels that services are configured by, as a Markdown table
    #[command(after_help = "Examples:\n  swarmtide labels")]
    Labels,
}

/// Options of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Configuration file (TOML); every key can also be set by environment
    #[arg(long, short, env = "SWARMTIDE_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Options of `agent`; they win over the configuration.
#[derive(Debug, Args)]
pub struct AgentArgs {
    /// Configuration file (TOML); every key can also be set by environment
    #[arg(long, short, env = "SWARMTIDE_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where datagrams go; may be given several times
    #[arg(long = "collector", value_name = "HOST[:PORT]")]
    pub collectors: Vec<Target>,
    /// Polling interval of containers that may be scaled
    #[arg(long, value_name = "TIME")]
    pub interval: Option<Span>,
    /// Polling interval of the others
    #[arg(long, value_name = "TIME")]
    pub other_interval: Option<Span>,
    /// Address that the agent gives itself, or the interface that has it
    #[arg(long, value_name = "ADDRESS|INTERFACE")]
    pub address: Option<Source>,
    /// How containers are found: auto, engine or cgroup
    #[arg(long, value_name = "HOW")]
    pub discovery: Option<Discovery>,
    /// Address of /live, /ready and /metrics
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<Listen>,
    /// Sample one packet in so many; 0 is off
    #[arg(long, value_name = "N")]
    pub sampling: Option<u32>,
    /// Bridges and interfaces that are sampled, separated by commas; * stands for any run of characters
    #[arg(long, value_name = "PATTERN", value_delimiter = ',')]
    pub sampling_interfaces: Vec<String>,
    /// Take collector, polling, sampling, agent and agent.cidr from a file of hsflowd
    #[arg(long, value_name = "FILE")]
    pub hsflowd_conf: Option<PathBuf>,
}

/// Options of `check-config`.
#[derive(Debug, Args)]
pub struct CheckConfigArgs {
    /// Configuration file (TOML)
    #[arg(long, short, env = "SWARMTIDE_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print the values in force, from file, environment and defaults
    #[arg(long)]
    pub print: bool,
    /// List every key as a Markdown table instead of checking
    #[arg(long)]
    pub list: bool,
    /// Print a commented configuration file to start from
    #[arg(long)]
    pub example: bool,
}

/// How a subcommand prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Options of `demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// End by itself after this long; without it, run until Ctrl-C
    #[arg(long, value_name = "TIME")]
    pub duration: Option<Span>,
    /// Seed of the simulated swarm and its load
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Address of the HTTP API; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8008", value_name = "ADDRESS:PORT")]
    pub listen: SocketAddr,
    /// A larger swarm: so many services instead of three
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=2000))]
    pub services: Option<u32>,
    /// With --services: so many containers together; 25 for each service when absent
    #[arg(long, value_name = "NUMBER", requires = "services", value_parser = clap::value_parser!(u32).range(2..=20_000))]
    pub containers: Option<u32>,
    /// Live view for people, or one JSON object a second and a summary
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// Options of `simulate`.
#[derive(Debug, Args)]
pub struct SimulateArgs {
    /// Requests of each second, one whole number a line; may be gzipped, `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub trace: PathBuf,
    /// Seconds from the request for a container until it serves
    #[arg(
        long,
        default_value_t = 8.0,
        value_name = "SECONDS",
        allow_negative_numbers = true
    )]
    pub start_seconds: f64,
    /// Requests a second that one replica can serve
    #[arg(
        long,
        default_value_t = 10.0,
        value_name = "NUMBER",
        allow_negative_numbers = true
    )]
    pub requests_per_replica: f64,
    /// Least replicas
    #[arg(long, default_value_t = 2, value_name = "REPLICAS")]
    pub min: u32,
    /// Most replicas
    #[arg(long, default_value_t = 80, value_name = "REPLICAS")]
    pub max: u32,
    /// Seed of arrivals and of the noise in telemetry
    #[arg(long, default_value_t = 5)]
    pub seed: u64,
    /// Policies by name, with commas: swarmtide, elb, hpa, knative, nomad, aws (these six are `all`), hpa-15s, aws-step, amest
    /// (`every` has them too)
    #[arg(long, default_value = "all", value_name = "NAMES")]
    pub policies: String,
    /// Table for people, or a JSON array on one line
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Also draw what was needed and what each policy had into this file
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
}

/// Where the running sidecar is.
#[derive(Debug, Args)]
pub struct Remote {
    /// Address of the sidecar's API
    #[arg(
        long,
        env = "SWARMTIDE_URL",
        default_value = "http://127.0.0.1:8008",
        value_name = "URL"
    )]
    pub url: String,
    /// File with the bearer token, where the sidecar needs one
    #[arg(long, env = "SWARMTIDE_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}

/// Options of `why`.
#[derive(Debug, Args)]
pub struct WhyArgs {
    /// Name of the service
    pub service: String,
    /// The decision in effect at a time: `10:42`, `10:42:30`, `5m ago`, `2026-11-21T10:42:00Z`
    #[arg(long, value_name = "TIME")]
    pub at: Option<At>,
    /// Where the sidecar is.
    #[command(flatten)]
    pub remote: Remote,
    /// Words, or the decision records as JSON
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// Options of `record`.
#[derive(Debug, Args)]
pub struct RecordArgs {
    /// File to write; one that is there is not overwritten
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Configuration file (TOML)
    #[arg(long, short, env = "SWARMTIDE_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// End by itself after this long; without it, run until a signal
    #[arg(long, value_name = "TIME")]
    pub duration: Option<Span>,
    /// Longest file; the sidecar goes on without recording when it is reached
    #[arg(long, value_name = "SIZE", default_value = "1GiB")]
    pub limit: Bytes,
    /// Decide, but change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Options of `replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// The recording
    pub file: PathBuf,
    /// Policy to try beside the one that was live, as `shadow.candidates` has them; may be given several times
    #[arg(long, value_name = "FILE")]
    pub policy: Vec<PathBuf>,
    /// Picture of demand and replicas over time
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// Tables for people, or one JSON object
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// Options of `pause`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("end_of_pause").required(true))]
pub struct PauseArgs {
    /// Name of the service
    pub service: String,
    /// Which changes are paused
    #[arg(long, value_enum, default_value_t = PauseDirection::Both)]
    pub direction: PauseDirection,
    /// How long, as `30m` or `2h`
    #[arg(long = "for", value_name = "TIME", group = "end_of_pause")]
    pub lasting: Option<Span>,
    /// Until when: `18:00`, `2026-11-21T18:00:00Z`
    #[arg(long, value_name = "TIME", group = "end_of_pause")]
    pub until: Option<At>,
    /// End the pause now
    #[arg(long, group = "end_of_pause")]
    pub end: bool,
    /// Where the sidecar is.
    #[command(flatten)]
    pub remote: Remote,
}

/// Which changes a pause concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PauseDirection {
    /// Adding replicas.
    Up,
    /// Taking replicas away.
    Down,
    /// Either.
    Both,
}

impl PauseDirection {
    /// The word that the API uses.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Both => "both",
        }
    }
}

/// Options of `state`.
#[derive(Debug, Args)]
pub struct StateArgs {
    /// The new state; without it the present one is shown
    pub state: Option<StateChoice>,
    /// One service; without it the state holds for all
    pub service: Option<String>,
    /// One service, to show its state
    #[arg(long = "service", value_name = "SERVICE", conflicts_with = "service")]
    pub of: Option<String>,
    /// Where the sidecar is.
    #[command(flatten)]
    pub remote: Remote,
}

/// A state on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StateChoice {
    /// Decide and act.
    Enabled,
    /// Do nothing.
    Disabled,
    /// Decide and record, but do not act.
    DryRun,
}

impl StateChoice {
    /// The word that the API uses.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
            Self::DryRun => "dry-run",
        }
    }
}
