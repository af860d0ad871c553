//! The keys of the balancer.

use super::{
    Key,
    Kind::{Flag, List, Number, Text},
    key,
};

/// `lbsync.*`
pub(super) const LBSYNC: &[Key] = &[
    key(
        "lbsync.enabled",
        Flag,
        "true",
        "Keep the table of virtual services",
    ),
    key(
        "lbsync.resync",
        Text,
        "30s",
        "Time between two full comparisons of the table when nothing happens",
    ),
    key(
        "lbsync.ranges",
        List,
        "10.30.0.0/16",
        "Ranges that VIPs may lie in, and in which every virtual service is ours. Default: any VIP, and ours is what labels name",
    ),
    key(
        "lbsync.data_plane",
        Text,
        "memory",
        "What the table is written to: `ipvs` is the kernel, `memory` only keeps and shows it",
    ),
    key(
        "lbsync.netns",
        Text,
        "lb",
        "Network namespace of IPVS, VIPs and probes: a name under /run/netns, or a path; the Engine API and streams stay outside. Default: that of the process",
    ),
    key(
        "lbsync.sources",
        List,
        "http://10.0.0.11:8008",
        "Sidecars whose backend sets `swarmtide lbsync` follows, the newest wins. Default: this host's Engine API",
    ),
    key(
        "lbsync.source_token_file",
        Text,
        "/run/secrets/swarmtide-read-token",
        "File with the bearer token for those sidecars. Default: none",
    ),
    key(
        "lbsync.streams_max",
        Number,
        "64",
        "Most listeners to the backend set at once (1 to 400)",
    ),
    key(
        "lbsync.vips",
        Text,
        "leave",
        "`manage` puts VIPs on lbsync.interface and takes away those with fewer healthy destinations than the floor; `leave` leaves them to you",
    ),
    key(
        "lbsync.interface",
        Text,
        "lo",
        "Interface that VIPs are put on, where lbsync.vips is `manage`",
    ),
    key(
        "lbsync.drain_max",
        Text,
        "60s",
        "Longest time that connections of a destination without tasks are waited for, whatever the service's stop_grace_period",
    ),
    key(
        "lbsync.state_file",
        Text,
        "/var/lib/swarmtide/lbsync.json",
        "What the balancer knows over a restart: which entries are ours, and until when drains last. Default: none, all is read off the table",
    ),
    key(
        "lbsync.destination_series_max",
        Number,
        "2000",
        "Most destinations that have series of their own in /metrics (0 to 100,000)",
    ),
];
