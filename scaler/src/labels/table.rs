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
const MEMORY: &str = "80% (of the memory limit) | 512MiB | off";
const EVENTS: &str = "a number per second: 200, 1.5k, 200/s | off";
const SHARE: &str = "per cent, such as 10%";
const WINDOW: &str = "30s, 5m, at most 1h | auto";
const RATE: &str = "amounts within periods: 100%/15s, 4/15s | off";
const SELECT: &str = "max | min | disabled";
const OUTLIERS: &str = "off | report | exclude | quarantine";
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
    label(
        "cpu.target",
        CPU,
        "off",
        "60%",
        "average CPU to hold; with any target, the default marks do not apply",
    ),
    label(
        "memory.target",
        MEMORY,
        "off",
        "75%",
        "average memory to hold",
    ),
    label(
        "bytes.target",
        BYTES,
        "off",
        "2MB/s",
        "average traffic per replica to hold, in plus out",
    ),
    label(
        "bytes.in.target",
        BYTES,
        "off",
        "500kB/s",
        "average traffic received per replica to hold",
    ),
    label(
        "bytes.out.target",
        BYTES,
        "off",
        "1MB/s",
        "average traffic sent per replica to hold",
    ),
    label(
        "packets.target",
        EVENTS,
        "off",
        "2k",
        "average packets per replica to hold, in plus out",
    ),
    label(
        "connections.target",
        EVENTS,
        "off",
        "50/s",
        "average new connections per replica to hold, as the load balancer counts them",
    ),
    label(
        "bytes.capacity",
        BYTES,
        "off",
        "4MB/s",
        "traffic that one replica carries at most; the headroom above is found from the service's own load",
    ),
    label(
        "bytes.in.capacity",
        BYTES,
        "off",
        "1MB/s",
        "traffic received that one replica carries at most",
    ),
    label(
        "bytes.out.capacity",
        BYTES,
        "off",
        "2MB/s",
        "traffic sent that one replica carries at most",
    ),
    label(
        "packets.capacity",
        EVENTS,
        "off",
        "4k",
        "packets that one replica carries at most",
    ),
    label(
        "connections.capacity",
        EVENTS,
        "off",
        "100/s",
        "new connections that one replica carries at most",
    ),
    label(
        "wait",
        TIME,
        "500ms",
        "1s",
        "how long work may wait for a free replica; the shorter, the more headroom above a capacity",
    ),
    label(
        "predict",
        "off | forecast-only | trend | seasonal",
        "trend",
        "forecast-only",
        "which forecasts targets act on: the trend over the time a container takes to start, that and the season, or none",
    ),
    label(
        "tolerance",
        SHARE,
        "10%",
        "5%",
        "averages this near to their target change nothing",
    ),
    label(
        "coverage",
        SHARE,
        "100%",
        "90%",
        "share of replicas that has to report before a target lets the service shrink; those missing count as on target",
    ),
    label(
        "window",
        WINDOW,
        "none for growing, auto for shrinking",
        "1m",
        "stabilisation window of targets, both directions",
    ),
    label(
        "window.up",
        WINDOW,
        "window",
        "10s",
        "grows to the least that was asked for within it",
    ),
    label(
        "window.down",
        WINDOW,
        "window",
        "5m",
        "shrinks to the most that was asked for within it; auto finds it from how soon load comes back",
    ),
    label(
        "rate.up",
        RATE,
        "off",
        "100%/15s, 4/15s",
        "how fast targets may add replicas",
    ),
    label(
        "rate.down",
        RATE,
        "off",
        "10%/1m",
        "how fast targets may take replicas away",
    ),
    label(
        "rate.up.select",
        SELECT,
        "max",
        "min",
        "which of several rates counts for growing",
    ),
    label(
        "rate.down.select",
        SELECT,
        "max",
        "min",
        "which of several rates counts for shrinking",
    ),
    label(
        "schedule",
        "cron-like beginnings with a length and bounds, separated by semicolons: minute hour day month weekday for TIME min=N max=N",
        "none",
        "0 8 * * mon-fri for 10h min=4 max=20",
        "other bounds at certain times; of entries that hold together the highest min and the lowest max count",
    ),
    label(
        "schedule.zone",
        "a time zone of the IANA database",
        "UTC",
        "Europe/Berlin",
        "the time zone of the schedule",
    ),
    label(
        "step",
        COUNT,
        "1",
        "2",
        "replicas that marks add or take at a time",
    ),
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
        "outliers",
        OUTLIERS,
        "exclude",
        "quarantine",
        "what becomes of a replica that does much worse than its siblings: it is told; left out of averages; given no new connections by the balancer, and another beside it",
    ),
    label(
        "priority",
        PRIORITY,
        "0",
        "100",
        "who gives way when the swarm is short of room: the lower, the sooner, down to its minimum",
    ),
    label(
        "reassert",
        BOOL,
        "false",
        "true",
        "puts back the replicas that a `docker stack deploy` took away by setting them to its file's number",
    ),
];
