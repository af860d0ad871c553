//! Options of the balancer's commands: `lbsync`, `lb`, `doctor`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::Format;

/// Options of `lbsync`.
#[derive(Debug, Args)]
pub struct LbsyncArgs {
    /// Configuration file (TOML); every key can also be set by environment
    #[arg(long, short, env = "SWARMTIDE_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Network namespace of IPVS, VIPs and probes, instead of lbsync.netns
    #[arg(long, value_name = "NAME")]
    pub netns: Option<String>,
}

/// Options of `lb`.
#[derive(Debug, Args)]
pub struct LbArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: LbCommand,
}

/// The subcommands of `lb`.
#[derive(Debug, Subcommand)]
pub enum LbCommand {
    /// Show virtual services and destinations with names, drains, ages and counters
    #[command(
        after_help = "Examples:\n  swarmtide lb status\n  swarmtide lb status --url http://127.0.0.1:8009 --format json"
    )]
    Status(LbStatusArgs),
    /// Compare the kernel's table with what it should be: exit code 0 no drift, 1 drift, 2 could not tell
    #[command(
        after_help = "Examples:\n  swarmtide lb audit\n  swarmtide lb audit --format json | jq .findings[].words\n  swarmtide lb audit --swarm-ingress"
    )]
    Audit(AuditArgs),
}

/// Where the running balancer is.
#[derive(Debug, Args)]
pub struct LbRemote {
    /// Address of its API [default: where the configuration says that it listens]
    #[arg(long, env = "SWARMTIDE_URL", value_name = "URL")]
    pub url: Option<String>,
    /// File with the bearer token, where the balancer needs one
    #[arg(long, env = "SWARMTIDE_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}

/// Options of `lb status`.
#[derive(Debug, Args)]
pub struct LbStatusArgs {
    /// Where the balancer is.
    #[command(flatten)]
    pub remote: LbRemote,
    /// Configuration file of the balancer (TOML) [default: /etc/swarmtide/lbsync.toml, where that can be read]
    #[arg(long, short, env = "SWARMTIDE_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// A table for people, or all that is known as JSON
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// Options of `lb audit`.
#[derive(Debug, Args)]
pub struct AuditArgs {
    /// Where the balancer is.
    #[command(flatten)]
    pub remote: LbRemote,
    /// Audit swarm's own tables on this node as well; a node without a balancer of ours is then judged by those alone
    #[arg(long)]
    pub swarm_ingress: bool,
    /// Configuration file of the balancer (TOML), and of the Engine API for --swarm-ingress [default:
    /// /etc/swarmtide/lbsync.toml, where that can be read]
    #[arg(long, short, env = "SWARMTIDE_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where dockerd keeps network namespaces
    #[arg(long, default_value = "/run/docker/netns", value_name = "FOLDER")]
    pub docker_netns: PathBuf,
    /// Words, or findings as JSON
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// Options of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Configuration file of the sidecar or balancer (TOML) [default with --role balancer: /etc/swarmtide/lbsync.toml, where that
    /// can be read]
    #[arg(long, short, env = "SWARMTIDE_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What to look at: the swarm with its sidecars, agents and services, this host as a balancer, or as a node that one forwards
    /// to. Default: what the configuration is for
    #[arg(long, value_enum)]
    pub role: Option<Role>,
    /// A VIP to look for, besides those of the running balancer; may be given several times
    #[arg(long = "vip", value_name = "ADDRESS")]
    pub vips: Vec<std::net::IpAddr>,
    /// A forwarding method in use, besides those of the running balancer; may be given several times
    #[arg(long = "forward", value_enum, value_name = "METHOD")]
    pub forward: Vec<Forward>,
    /// Where the running sidecar or balancer is, if it runs.
    #[command(flatten)]
    pub remote: LbRemote,
    /// Set the kernel settings that are wrong, and say which; they last until the next boot
    #[arg(long)]
    pub fix: bool,
    /// Words, or findings as JSON
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// The same as --format json
    #[arg(long)]
    pub json: bool,
}

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// The swarm: engine, leader, sidecars, agents, services.
    Swarm,
    /// It has the IPVS table.
    Balancer,
    /// Containers run on it that the balancer forwards to.
    Node,
}

/// A forwarding method on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Forward {
    /// Masquerading.
    Masq,
    /// Direct routing.
    Droute,
    /// A tunnel.
    Tunnel,
}
