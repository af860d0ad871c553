//! The table of labels, from which the reader works and documentation is made.

/// One label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    /// Name without the prefix `swarmtide.`.
    pub name: &'static str,
    /// What its value looks like.
    pub syntax: &'static str,
    /// Value when neither the label nor the configuration file names one.
    pub default: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// A value that is accepted.
    pub example: &'static str,
}

const fn label(
    name: &'static str,
    syntax: &'static str,
    default: &'static str,
    example: &'static str,
    meaning: &'static str,
) -> Label {
    Label {
        name,
        syntax,
        default,
        meaning,
        example,
    }
}

const BOOL: &str = "true | false";
const COUNT: &str = "whole number, at least 1";
const CPU: &str = "70% or 70 (per cent of the CPU limit) | 0.7cores | off";
const BYTES: &str = "bytes per second: 500000, 500k, 1.5MB, 1MiB/s | off";
const PRIORITY: &str = "whole number, 0 to 1000";
const TIME: &str = "30s, 1m 30s, bare number = seconds; at most 24h";

/// Every label that the scaler reads. Labels under `swarmtide.lb.` belong to the load balancer.
pub const LABELS: &[Label] = &[
    label(
        "enable",
        BOOL,
        "none: the service is left alone",
        "true",
        "opts the service in or out",
    ),
    label("min", COUNT, "1", "2", "least replicas"),
    label("max", COUNT, "10", "20", "most replicas"),
    label(
        "cpu.high",
        CPU,
        "70%",
        "80%",
        "grows when average CPU is above; of the container's CPU limit, or of its host's CPUs when it has none",
    ),
    label(
        "cpu.low",
        CPU,
        "half of cpu.high",
        "30%",
        "shrinks when average CPU is below, and so is every other metric that has marks",
    ),
    label(
        "bytes.high",
        BYTES,
        "off",
        "5MB/s",
        "grows when average traffic per replica, in plus out, is above",
    ),
    label(
        "bytes.low",
        BYTES,
        "half of bytes.high",
        "1MB/s",
        "shrinks when average traffic per replica is below, and so is every other metric that has marks",
    ),
    label("step", COUNT, "1", "2", "replicas added or taken at a time"),
    label("step.up", COUNT, "step", "4", "replicas added at a time"),
    label("step.down", COUNT, "step", "1", "replicas taken at a time"),
    label(
        "cooldown",
        TIME,
        "10s for growing, 60s for shrinking",
        "30s",
        "wait after a change, in either direction, before the next",
    ),
    label(
        "cooldown.up",
        TIME,
        "cooldown",
        "5s",
        "wait after a change before growing",
    ),
    label(
        "cooldown.down",
        TIME,
        "cooldown",
        "5m",
        "wait after a change before shrinking",
    ),
    label(
        "priority",
        PRIORITY,
        "0",
        "100",
        "who gives way when the swarm is short of room: the lower, the sooner, down to its minimum",
    ),
];
