//! Series of the page: its streams, and the points of its charts.

use super::{
    Described, described,
    text::{head, line},
};
use crate::sidecar::Shared;

/// Every series of the page.
pub const PAGE_METRICS: &[Described] = &[
    described(
        "swarmtide_page_streams",
        "",
        "gauge",
        "Listeners to the page's streams",
    ),
    described(
        "swarmtide_page_streams_refused_total",
        "",
        "counter",
        "Listeners turned away because there were http.streams_max of them",
    ),
    described(
        "swarmtide_page_stream_bytes_total",
        "",
        "counter",
        "Bytes of rows given to listeners of the page's streams",
    ),
    described(
        "swarmtide_page_series_points",
        "",
        "gauge",
        "Points kept for the page's charts",
    ),
    described(
        "swarmtide_page_series_bytes",
        "",
        "gauge",
        "Memory of the points kept for the page's charts",
    ),
    described(
        "swarmtide_page_series_evicted_total",
        "",
        "counter",
        "Points given up before http.series_window was over, because http.series_limit was reached",
    ),
];

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
const fn float(count: u64) -> f64 {
    count as f64
}

/// Writes them.
pub(super) fn write(text: &mut String, shared: &Shared) {
    let streams = shared.overview.stats();
    let series = shared.series().stats();
    let values = [
        streams.open as u64,
        streams.refused,
        streams.sent_bytes,
        series.points as u64,
        series.memory_bytes as u64,
        series.evicted,
    ];
    for (metric, value) in PAGE_METRICS.iter().zip(values) {
        head(text, metric);
        line(text, metric.name, &[], float(value));
    }
}
