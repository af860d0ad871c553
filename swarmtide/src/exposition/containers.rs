//! Series per container, for those who ask for them: written straight from the collector's state.
//!
//! Labels are rendered once in a container's life and kept; a scrape copies them, and forgets those of containers that are gone.
//! Nothing here goes through the recorder, which would cost many times the memory and the time.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use collector::{Collector, ContainerUuid, DataSource, Freshness, Metric, TaskName};
use swarm::{Task, View};

use super::{
    Described,
    text::{escape, head, line},
};

/// What a column takes from a data source.
type Value = fn(&DataSource<'_>, limit_cores: Option<f64>) -> Option<f64>;

macro_rules! column {
    ($name:literal, $metric:ident, $help:literal) => {
        column!($name, $metric, 1.0, $help)
    };
    ($name:literal, $metric:ident, $factor:literal, $help:literal) => {
        (
            Described {
                name: concat!("swarmtide_container_", $name),
                labels: LABELS,
                kind: "gauge",
                help: $help,
            },
            |source, limit| {
                source
                    .metric(Metric::$metric, limit)
                    .map(|value| value * $factor)
            },
        )
    };
}

const LABELS: &str = "service, task, node, container";

/// Every series per container.
const COLUMNS: [(Described, Value); 10] = [
    column!(
        "cpu_cores",
        VirCpuCores,
        "`metrics.containers`: CPU used, in cores"
    ),
    column!(
        "cpu_utilization_ratio",
        VirCpuOfLimit,
        "`metrics.containers`: CPU used as a share of the limit, of the node's cores without one"
    ),
    column!(
        "memory_bytes",
        VirMemory,
        "`metrics.containers`: memory used, page cache included"
    ),
    column!(
        "memory_utilization_ratio",
        VirMemUtilization,
        0.01,
        "`metrics.containers`: memory used as a share of the limit"
    ),
    column!(
        "receive_bytes_per_second",
        VirBytesIn,
        "`metrics.containers`: network traffic in"
    ),
    column!(
        "transmit_bytes_per_second",
        VirBytesOut,
        "`metrics.containers`: network traffic out"
    ),
    column!(
        "receive_packets_per_second",
        VirPktsIn,
        "`metrics.containers`: packets in"
    ),
    column!(
        "transmit_packets_per_second",
        VirPktsOut,
        "`metrics.containers`: packets out"
    ),
    column!(
        "disk_read_bytes_per_second",
        VirBytesRead,
        "`metrics.containers`: bytes read from disk"
    ),
    column!(
        "disk_written_bytes_per_second",
        VirBytesWritten,
        "`metrics.containers`: bytes written to disk"
    ),
];

const WRITTEN: Described = Described {
    name: "swarmtide_container_series",
    labels: "",
    kind: "gauge",
    help: "`metrics.containers`: series of containers in this text",
};

const DROPPED: Described = Described {
    name: "swarmtide_container_series_dropped",
    labels: "",
    kind: "gauge",
    help: "`metrics.containers`: series left out because of metrics.containers_max",
};

/// Every series about containers.
pub const CONTAINER_METRICS: &[Described] = &{
    let mut all = [WRITTEN; COLUMNS.len() + 2];
    all[1] = DROPPED;
    let mut index = 0;
    while index < COLUMNS.len() {
        all[index + 2] = COLUMNS[index].0;
        index += 1;
    }
    all
};

/// The labels of containers, kept between scrapes.
#[derive(Debug, Default)]
pub struct ContainerSeries {
    known: Mutex<BTreeMap<ContainerUuid, Known>>,
}

/// What is kept of a container between scrapes.
#[derive(Debug)]
struct Known {
    /// `{service="web",task="web.1",…}`, ready to be copied.
    labels: Box<str>,
    limit_cores: Option<f64>,
    /// The swarm named it, so that the labels will not change any more.
    by_swarm: bool,
    seen: bool,
}

/// A container's values, and its labels' place.
struct Row {
    uuid: ContainerUuid,
    values: [f64; COLUMNS.len()],
}

impl ContainerSeries {
    /// Appends the series of at most `max` containers that report.
    pub fn write(
        &self,
        text: &mut String,
        (collector, view): (&Collector, Option<&View>),
        now: Duration,
        max: usize,
    ) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for one in known.values_mut() {
            one.seen = false;
        }
        if let Some(view) = view {
            by_swarm(&mut known, view);
        }
        let (rows, over) = rows(&mut known, collector, now, max);
        known.retain(|_, one| one.seen);
        let labels: Vec<&str> = rows
            .iter()
            .map(|row| known.get(&row.uuid).map_or("", |one| &*one.labels))
            .collect();
        let mut written = 0;
        for (index, (metric, _)) in COLUMNS.iter().enumerate() {
            head(text, metric);
            for (row, labels) in rows.iter().zip(&labels) {
                let value = row.values[index];
                if !value.is_nan() {
                    text.push_str(metric.name);
                    text.push_str(labels);
                    number(text, value);
                    written += 1;
                }
            }
        }
        head(text, &WRITTEN);
        line(text, WRITTEN.name, &[], super::float(written));
        head(text, &DROPPED);
        line(text, DROPPED.name, &[], super::float(over * COLUMNS.len()));
    }
}

/// Notes the values of fresh containers while the collector's state is locked, and counts those beyond `max`.
fn rows(
    known: &mut BTreeMap<ContainerUuid, Known>,
    collector: &Collector,
    now: Duration,
    max: usize,
) -> (Vec<Row>, usize) {
    let (mut rows, mut over) = (Vec::new(), 0);
    collector.visit(now, &mut |source| {
        let Some(uuid) = source.uuid().filter(|_| !source.is_host()) else {
            return;
        };
        if source.freshness() != Freshness::Fresh {
            return;
        }
        if rows.len() >= max {
            over += 1;
            return;
        }
        let one = known.entry(uuid).or_insert_with(|| by_name(uuid, source));
        one.seen = true;
        let limit_cores = one.limit_cores;
        let values = COLUMNS.map(|(_, value)| value(source, limit_cores).unwrap_or(f64::NAN));
        rows.push(Row { uuid, values });
    });
    (rows, over)
}

/// Labels by what the swarm says, for its running tasks that are not known yet.
fn by_swarm(known: &mut BTreeMap<ContainerUuid, Known>, view: &View) {
    for service in view.services.values() {
        for task in view.serving(service) {
            let id = task.container_id.as_ref();
            let Some(uuid) = id.and_then(|id| ContainerUuid::from_container_id(id.as_str())) else {
                continue;
            };
            if known.get(&uuid).is_some_and(|one| one.by_swarm) {
                continue;
            }
            let node = task.node_id.as_ref().and_then(|id| view.nodes.get(id));
            let node = node.map_or("", |node| node.hostname.as_str());
            let one = Known {
                labels: labels(
                    &service.name,
                    &task_name(&service.name, task, node),
                    node,
                    uuid,
                ),
                limit_cores: task.resources.cpu_limit_cores,
                by_swarm: true,
                seen: false,
            };
            known.insert(uuid, one);
        }
    }
}

/// `web.3` of a replicated service, `web.node` of a global one.
fn task_name(service: &str, task: &Task, node: &str) -> String {
    match task.slot {
        Some(slot) => format!("{service}.{slot}"),
        None => format!("{service}.{node}"),
    }
}

/// Labels by the container's name, for what the swarm does not (yet) list as serving.
fn by_name(uuid: ContainerUuid, source: &DataSource<'_>) -> Known {
    let name = String::from_utf8_lossy(source.name());
    let host = source.host();
    let node = host.map_or_else(
        || source.agent().to_string(),
        |host| String::from_utf8_lossy(host.name()).into_owned(),
    );
    let text = |part: &[u8]| String::from_utf8_lossy(part).into_owned();
    let (service, task) = match TaskName::parse(source.name()) {
        Some(parts) => {
            let service = text(parts.service);
            let slot = text(parts.slot);
            let last = if slot.len() < 25 { &slot } else { &node };
            let task = format!("{service}.{last}");
            (service, task)
        }
        None => (String::new(), name.into_owned()),
    };
    Known {
        labels: labels(&service, &task, &node, uuid),
        limit_cores: None,
        by_swarm: false,
        seen: false,
    }
}

fn labels(service: &str, task: &str, node: &str, uuid: ContainerUuid) -> Box<str> {
    let mut text = String::with_capacity(96);
    for (label, content) in [
        ("{service=\"", service),
        ("\",task=\"", task),
        ("\",node=\"", node),
        ("\",container=\"", &uuid.to_string()[..12]),
    ] {
        text.push_str(label);
        escape(&mut text, content);
    }
    text.push_str("\"}");
    text.into_boxed_str()
}

/// A value and the end of its line. Rates are kept in single precision, and written so: that is half the digits.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "whole numbers are checked to fit; digits beyond single precision mean nothing here"
)]
fn number(text: &mut String, value: f64) {
    use std::fmt::Write as _;
    // Writing to a String cannot fail.
    _ = if (0.0..9e15).contains(&value) && value.fract() == 0.0 {
        writeln!(text, " {}", value as u64)
    } else {
        writeln!(text, " {}", value as f32)
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_whole_ones_exact() {
        let mut text = String::new();
        for value in [0.0, 0.45184317, 56_957_359.0, 9_007_199_254.0, 1.0 / 3.0] {
            number(&mut text, value);
        }
        assert_eq!(
            text,
            " 0\n 0.45184317\n 56957359\n 9007199254\n 0.33333334\n"
        );
    }

    #[test]
    fn labels_are_escaped_and_the_container_is_cut_as_docker_cuts_it() {
        let uuid = ContainerUuid::from_container_id("0123456789abcdef0123456789abcdef").unwrap();
        assert_eq!(
            &*labels("a\"b", "a.1", "n\\1", uuid),
            r#"{service="a\"b",task="a.1",node="n\\1",container="0123456789ab"}"#
        );
    }
}
