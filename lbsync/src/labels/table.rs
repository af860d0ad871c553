//! Every label of the load balancer, as documentation and as the rule by which names are known.

use super::{Label, Needs};

const DURATION: &str = "30s, 1m 30s, bare number = seconds; at most 24h";

/// Every label that the load balancer reads.
pub const LABELS: &[Label] = &[
    label("vip", "IPv4 or IPv6 address", "none: the service gets no virtual service", "10.30.0.1")
        .meaning("virtual IP address that clients connect to"),
    label("port", "1 to 65535", "none: required with vip", "80")
        .meaning("port at the virtual IP address"),
    label("protocol", "tcp | udp | sctp", "tcp", "udp").meaning("protocol of the virtual service"),
    label(
        "target",
        "1 to 65535",
        "the only port of that protocol that the service publishes in host mode",
        "8080",
    )
    .meaning("port inside the container; where nodes publish it is where connections go"),
    label(
        "scheduler",
        "rr | wrr | lc | wlc | sh | dh | sed | nq | mh | lblc | lblcr | fo | ovf",
        "wrr",
        "mh",
    )
    .meaning("IPVS scheduler that chooses the destination of a new connection; sh and mh get their fallback flag"),
    label(
        "flags",
        "mh-fallback | mh-port | sh-fallback | sh-port | flag-3, several with commas",
        "mh-fallback with mh, sh-fallback with sh",
        "flag-3",
    )
    .meaning("flags of the scheduler; mh-port and sh-port hash the client's port too, the fallback flags are always set"),
    label("forward", "masq | droute | tunnel", "masq", "droute")
        .meaning("IPVS forwarding method; droute and tunnel need the published port to be the same as port"),
    label("weight", "1 to 100", "1", "10")
        .meaning("weight that each task gives its destination, relative to others at the same virtual service"),
    label("persistence", "1s to 24h", "none: every connection is scheduled", "5m")
        .meaning("how long a client is sent where its last connection went"),
    label("persistence.prefix", "1 to 32 with an IPv4 VIP, 1 to 128 with an IPv6 one", "whole address", "24")
        .needs("persistence", &[])
        .meaning("leading bits by which clients are told apart"),
    label("one-packet", "true | false", "false", "true")
        .needs("protocol", &["udp"])
        .meaning("schedule every datagram by itself and keep no connection"),
    label("tunnel", "ipip | gue | gre", "ipip", "gre")
        .needs("forward", &["tunnel"])
        .meaning("what carries the packets of a tunnel"),
    label("tunnel.port", "1 to 65535", "6080", "6081")
        .needs("tunnel", &["gue"])
        .meaning("UDP port of the tunnel's end at the destination"),
    label("tunnel.checksum", "none | csum | remcsum", "none", "csum")
        .needs("tunnel", &["gue", "gre"])
        .meaning("checksum over the outer packet; remcsum (remote checksum offload) with gue only"),
    label("threshold.upper", "1 to 4294967295", "none", "1000")
        .meaning("connections with which a destination gets no new ones"),
    label("threshold.lower", "1 to threshold.upper", "three quarters of threshold.upper", "1")
        .needs("threshold.upper", &[])
        .meaning("connections below which it gets new ones again"),
    label("probe", "none | tcp | http", "none", "tcp")
        .needs("protocol", &["tcp"])
        .meaning("probe of our own, beside Docker's health check: a connection, or GET with a status of 200 to 399"),
    label("probe.path", "a path that begins with /", "/", "/healthz")
        .needs("probe", &["http"])
        .meaning("path that is asked for"),
    label("probe.host", "a host name, up to 255 letters", "address and port of the destination", "www.example.org")
        .needs("probe", &["http"])
        .meaning("Host header of the request"),
    label("probe.interval", "100ms to 1h", "2s", "5s")
        .needs("probe", &["tcp", "http"])
        .meaning("time between two probes of a destination"),
    label("probe.timeout", "10ms to probe.interval", "1s, or the interval if that is shorter", "500ms")
        .needs("probe", &["tcp", "http"])
        .meaning("longest wait for an answer"),
    label("probe.rise", "1 to 100", "2", "1")
        .needs("probe", &["tcp", "http"])
        .meaning("successes in a row after which a destination gets connections"),
    label("probe.fall", "1 to 100", "3", "2")
        .needs("probe", &["tcp", "http"])
        .meaning("failures in a row after which it gets no new ones (weight 0)"),
    label("floor", "0 to 100, with or without %", "lbsync.floor", "50%")
        .meaning("share of the destinations that stay in whatever the probe says; the VIP is withdrawn when fewer are healthy"),
    label("warmup", DURATION, "0s: at once", "30s")
        .needs("scheduler", &["wrr", "wlc", "sh", "sed", "nq", "mh", "lblc", "lblcr"])
        .meaning("time in which the weight of a destination that joins others rises to its full height"),
];

const fn label(
    name: &'static str,
    syntax: &'static str,
    default: &'static str,
    example: &'static str,
) -> Label {
    Label {
        name,
        syntax,
        default,
        example,
        meaning: "",
        needs: None,
    }
}

impl Label {
    const fn needs(self, label: &'static str, one_of: &'static [&'static str]) -> Self {
        Self {
            needs: Some(Needs { label, one_of }),
            ..self
        }
    }

    const fn meaning(self, meaning: &'static str) -> Self {
        Self { meaning, ..self }
    }
}
