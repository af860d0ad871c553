//! Keys of the sections about all services together.

use super::{Flag, Key, List, Number, Text, key};

/// Every key of `[capacity]`, `[shadow]`, `[journal]`, `[webhooks]`, `[metrics]` and `[sflow_rt]`.
pub(super) const FLEET: &[Key] = &[
    key(
        "capacity.nodes",
        Flag,
        "true",
        "Let the nodes' CPU and memory limit what services are scaled to, by their reservations; in a shortage lower `swarmtide.priority` gives way",
    ),
    key(
        "capacity.headroom_percent",
        Number,
        "0",
        "Share of all nodes' CPU and memory that is kept free (0 to 90)",
    ),
    key(
        "capacity.replicas",
        Number,
        "500",
        "Most replicas of all scaled services together. No default",
    ),
    key(
        "shadow.candidates",
        List,
        "/etc/swarmtide/calmer.toml",
        "Files with policies that are evaluated beside the live one, at most 8. Default: none",
    ),
    key(
        "journal.enabled",
        Flag,
        "true",
        "Keep events on disk, under `state.directory`",
    ),
    key(
        "journal.limit",
        Text,
        "16MiB",
        "Most that events may take on disk (64 KiB to 1 GiB); the oldest go first",
    ),
    key(
        "webhooks.urls",
        List,
        "https://hooks.example.org/swarmtide",
        "Where events are posted to, `http` or `https`. Default: nowhere",
    ),
    key(
        "webhooks.secret_file",
        Text,
        "/run/secrets/swarmtide-webhook",
        "File with the secret that posts are signed with (HMAC-SHA256), at least 16 characters. No default: unsigned",
    ),
    key(
        "webhooks.events",
        List,
        "at_maximum",
        "Kinds of events that are posted. Default: all",
    ),
    key(
        "webhooks.queue",
        Number,
        "1000",
        "Events that wait for one URL at most (1 to 100000); further ones are dropped and counted",
    ),
    key(
        "webhooks.attempts",
        Number,
        "8",
        "Attempts for one event (1 to 100), the wait between them doubling from 1 s to 5 min",
    ),
    key(
        "webhooks.timeout",
        Text,
        "10s",
        "Longest wait for the answer to one post",
    ),
    key(
        "webhooks.ca_file",
        Text,
        "/etc/ssl/certs/ca-certificates.crt",
        "Certificates of the authorities that `https` receivers are verified by (PEM)",
    ),
    key(
        "metrics.containers",
        Flag,
        "false",
        "Give every container series of its own in /metrics; decisions do not need them",
    ),
    key(
        "metrics.containers_max",
        Number,
        "10000",
        "Most containers with series of their own, ten each (0 to 1,000,000); those left out are counted",
    ),
    key(
        "sflow_rt.toggle",
        Flag,
        "false",
        "Let `GET /script/elb.js/json?state=enabled` switch scaling, as the origin's script did. It writes on GET, so it is off",
    ),
];
