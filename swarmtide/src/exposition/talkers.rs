//! Series about sampled packets and the table of who talks to whom.

use super::{
    Described, described,
    text::{head, line},
};
use crate::sidecar::Shared;

/// Every series about sampled packets.
pub const TALKER_METRICS: &[Described] = &[
    described(
        "swarmtide_collector_flow_samples_total",
        "",
        "counter",
        "Samples of packets and of other flows",
    ),
    described(
        "swarmtide_collector_flow_samples_dropped_total",
        "reason",
        "counter",
        "Flow samples that count for no talker: no_packet (an application's), not_ip (or cut before the addresses), no_rate",
    ),
    described(
        "swarmtide_collector_talkers",
        "",
        "gauge",
        "Flows of the last minute that are kept",
    ),
    described(
        "swarmtide_collector_talkers_evicted_total",
        "",
        "counter",
        "Flows that made room for others because of collector.max_talkers",
    ),
];

/// Labels and value of a series.
type Series<'a> = (&'a [(&'a str, &'a str)], u64);

pub(super) fn write(text: &mut String, shared: &Shared) {
    let stats = shared.collector.stats();
    let values: [&[Series<'_>]; 4] = [
        &[(&[], stats.flow_samples)],
        &[
            (&[("reason", "no_packet")], stats.flows_without_packet),
            (&[("reason", "not_ip")], stats.flows_not_ip),
            (&[("reason", "no_rate")], stats.flows_without_rate),
        ],
        &[(&[], stats.talkers)],
        &[(&[], stats.talkers_evicted)],
    ];
    for (metric, values) in TALKER_METRICS.iter().zip(values) {
        head(text, metric);
        for (labels, value) in values {
            #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
            line(text, metric.name, labels, *value as f64);
        }
    }
}
