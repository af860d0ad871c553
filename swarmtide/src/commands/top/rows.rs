//! What `top` shows: services as the API tells them, in an order.

use std::cmp::Ordering;

use serde::Deserialize;

use crate::cli::Order;

/// A service, as far as it is shown.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) state: String,
    pub(super) replicas: u32,
    pub(super) serving: u32,
    pub(super) min: Option<u32>,
    pub(super) max: Option<u32>,
    pub(super) hold: Option<String>,
    pub(super) explanation: Option<String>,
    pub(super) last_change: Option<String>,
    pub(super) last_change_unix_ms: Option<u64>,
    metrics: Metrics,
}

#[derive(Debug, Clone, Deserialize)]
struct Metrics {
    expected: u64,
    reporting: u64,
    cpu_of_limit: Option<Average>,
    memory_bytes: Option<Average>,
    bytes: Option<Average>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
struct Average {
    avg: f64,
}

impl Row {
    /// CPU as a share of the limit, average of the replicas.
    pub(super) fn cpu(&self) -> Option<f64> {
        self.metrics.cpu_of_limit.map(|one| one.avg)
    }

    /// Bytes a second in and out, average of the replicas.
    pub(super) fn traffic(&self) -> Option<f64> {
        self.metrics.bytes.map(|one| one.avg)
    }

    /// Bytes of memory, average of the replicas.
    pub(super) fn memory(&self) -> Option<f64> {
        self.metrics.memory_bytes.map(|one| one.avg)
    }

    /// Containers that report, and those expected.
    pub(super) fn coverage(&self) -> (u64, u64) {
        (self.metrics.reporting, self.metrics.expected)
    }

    fn compare(&self, other: &Self, order: Order) -> Ordering {
        let most = |a: Option<f64>, b: Option<f64>| {
            b.unwrap_or(f64::NEG_INFINITY)
                .total_cmp(&a.unwrap_or(f64::NEG_INFINITY))
        };
        match order {
            Order::Name => Ordering::Equal,
            Order::Replicas => other.replicas.cmp(&self.replicas),
            Order::Cpu => most(self.cpu(), other.cpu()),
            Order::Traffic => most(self.traffic(), other.traffic()),
            Order::Memory => most(self.memory(), other.memory()),
            Order::Change => other.last_change_unix_ms.cmp(&self.last_change_unix_ms),
        }
        .then_with(|| self.name.cmp(&other.name))
    }
}

/// Puts services in order.
pub(super) fn sort(rows: &mut [Row], order: Order, reverse: bool) {
    rows.sort_by(|a, b| {
        let ordering = a.compare(b, order);
        if reverse {
            ordering.reverse()
        } else {
            ordering
        }
    });
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn row(name: &str, replicas: u32, cpu: Option<f64>) -> Row {
        let average = |avg: f64| serde_json::json!({"avg": avg, "count": 1});
        serde_json::from_value(serde_json::json!({
            "name": name, "state": "enabled", "replicas": replicas, "serving": replicas, "min": 1, "max": 9,
            "hold": "within_band", "explanation": format!("Held at {replicas} replicas: all is well with {name}."),
            "last_change": null, "last_change_unix_ms": null,
            "metrics": {"expected": replicas, "reporting": replicas, "cpu_of_limit": cpu.map(average),
                "memory_bytes": average(5e7), "bytes": average(1.5e6)},
        }))
        .unwrap()
    }

    #[test]
    fn orders() {
        let mut rows = [
            row("b", 2, Some(0.5)),
            row("a", 2, None),
            row("c", 9, Some(0.9)),
        ];
        let names = |rows: &[Row]| rows.iter().map(|row| row.name.clone()).collect::<String>();
        for (order, reverse, expected) in [
            (Order::Name, false, "abc"),
            (Order::Name, true, "cba"),
            (Order::Replicas, false, "cab"),
            (Order::Cpu, false, "cba"),
            (Order::Change, false, "abc"),
        ] {
            sort(&mut rows, order, reverse);
            assert_eq!(names(&rows), expected, "{order:?} {reverse}");
        }
    }
}
