//! Keys of the section about the sFlow agent.

use super::{Flag, Key, List, Number, Text, key};

/// Every key of `[agent]`.
pub(super) const AGENT: &[Key] = &[
    key(
        "agent.collectors",
        List,
        "127.0.0.1:6343",
        "`swarmtide agent`: where datagrams go, `HOST` or `HOST:PORT`",
    ),
    key(
        "agent.interval",
        Text,
        "1s",
        "Polling interval of containers whose service opted in to scaling, or of which that is not known",
    ),
    key(
        "agent.other_interval",
        Text,
        "10s",
        "Polling interval of the other containers",
    ),
    key(
        "agent.host_interval",
        Text,
        "5s",
        "Polling interval of the host",
    ),
    key(
        "agent.address",
        Text,
        "eth0",
        "Address that the agent gives itself, or the interface that has it. Default: the one that leads to the first collector; where that is on this host, the first that others can reach and that is no VIP",
    ),
    key(
        "agent.cidr",
        Text,
        "10.0.0.0/8",
        "A network that the agent's address lies in; `agent.address` wins. No default",
    ),
    key(
        "agent.datagram_bytes",
        Number,
        "1400",
        "Most bytes of a datagram (576 to 8192); no more than the path's MTU carries",
    ),
    key(
        "agent.extensions",
        Flag,
        "true",
        "Send throttling, pressure, working set and accept queues, for which sFlow has no structure",
    ),
    key(
        "agent.discovery",
        Text,
        "auto",
        "`engine`, `cgroup` (no socket; containers are named by ID), or `auto`: the engine where its socket is there",
    ),
    key(
        "agent.sidecars",
        List,
        "http://10.0.0.11:8008",
        "Sidecars that say which services opted in, for nodes that are no managers. Default: none, and every task counts as opted in",
    ),
    key(
        "agent.sidecar_token_file",
        Text,
        "/run/secrets/swarmtide-read-token",
        "File with the bearer token for those sidecars, read at each request. Default: none",
    ),
    key(
        "agent.proc",
        Text,
        "/proc",
        "Where `/proc` of the host is mounted",
    ),
    key(
        "agent.cgroup",
        Text,
        "/sys/fs/cgroup",
        "Where the cgroup tree of the host is mounted",
    ),
    key(
        "agent.sys",
        Text,
        "/sys",
        "Where `/sys` of the host is mounted",
    ),
    key(
        "agent.listen",
        Text,
        "127.0.0.1:8009",
        "Address and port of the agent's `/live`, `/ready` and `/metrics`. Default: none",
    ),
    key(
        "agent.hsflowd_conf",
        Text,
        "/etc/hsflowd.conf",
        "File of hsflowd whose `collector`, `polling`, `sampling` (with its rates by speed), `agent` and `agent.cidr` hold where nothing else is said. No default",
    ),
    key(
        "agent.max_containers",
        Number,
        "10000",
        "Most containers polled (1 to 50,000)",
    ),
    key(
        "agent.sampling",
        Number,
        "0",
        "One packet in so many is sampled (up to 16,777,216); 0 is off. Needs CAP_NET_RAW",
    ),
    key(
        "agent.sampling_interfaces",
        List,
        "docker0,docker_gwbridge,br-*",
        "Bridges whose packets are sampled, each packet where it comes into the bridge; other interfaces, where it comes into the node. `*` stands for any run of characters",
    ),
    key(
        "agent.sampling_overlay",
        Flag,
        "true",
        "Where packets are sampled, also those that come to the node from another one on an overlay network",
    ),
];
