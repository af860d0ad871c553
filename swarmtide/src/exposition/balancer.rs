//! Series of the balancer, written from its state: those of an entry that is gone vanish with it.
//!
//! Destinations come and go with every task, so the number of their series has a limit.

mod columns;

use lbsync::{DestinationStatus, Verdict, VirtualServiceStatus};

use super::{
    Described,
    text::{head, line},
};
use crate::balancer::{Balancer, SOURCES, latency::Latency};
pub use columns::balancer_metrics;
use columns::{
    BY_DESTINATION, BY_SERVICE, DESTINATIONS, HIDDEN, LATENCY, NUMBERS, SOURCE, SOURCE_AGE,
    SOURCE_CURRENT, VIPS, float, size,
};

/// Writes all of them.
pub(super) fn write(text: &mut String, balancer: &Balancer, series_max: usize) {
    let numbers = balancer.numbers();
    for (metric, value) in NUMBERS {
        head(text, metric);
        line(text, metric.name, &[], value(&numbers));
    }
    head(text, &DESTINATIONS);
    for (state, count) in [
        ("serving", numbers.serving),
        ("warming_up", numbers.warming_up),
        ("joining", numbers.joining),
        ("failing", numbers.failing),
        ("draining", numbers.draining),
    ] {
        line(text, DESTINATIONS.name, &[("state", state)], size(count));
    }
    head(text, &VIPS);
    for (state, count) in [
        ("announced", numbers.vips_announced),
        ("withdrawn", numbers.vips_withdrawn),
    ] {
        line(text, VIPS.name, &[("state", state)], size(count));
    }
    head(text, &SOURCE);
    for state in SOURCES {
        let value = f64::from(u8::from(state == numbers.source));
        line(text, SOURCE.name, &[("state", state)], value);
    }
    histogram(text, &LATENCY, &balancer.latency());
    let status = balancer.last_status();
    by_service(text, &status.virtual_services);
    by_destination(text, &status.virtual_services, series_max);
    sources(text, balancer);
}

fn histogram(text: &mut String, metric: &Described, latency: &Latency) {
    head(text, metric);
    let bucket = format!("{}_bucket", metric.name);
    for (bound, count) in latency.cumulative() {
        line(text, &bucket, &[("le", &bound.to_string())], float(count));
    }
    line(text, &bucket, &[("le", "+Inf")], float(latency.count));
    line(text, &format!("{}_sum", metric.name), &[], latency.sum);
    line(
        text,
        &format!("{}_count", metric.name),
        &[],
        float(latency.count),
    );
}

fn by_service(text: &mut String, services: &[VirtualServiceStatus]) {
    let keys: Vec<String> = services
        .iter()
        .map(|service| key(service).to_string())
        .collect();
    for (metric, value) in BY_SERVICE {
        head(text, metric);
        for (service, key) in services.iter().zip(&keys) {
            let name = service.service.as_deref().unwrap_or_default();
            let labels = [("service", name), ("virtual_service", key.as_str())];
            line(text, metric.name, &labels, value(service));
        }
    }
}

const fn key(service: &VirtualServiceStatus) -> lbsync::VirtualServiceKey {
    lbsync::VirtualServiceKey {
        address: service.address,
        port: service.port,
        protocol: service.protocol,
    }
}

fn by_destination(text: &mut String, services: &[VirtualServiceStatus], series_max: usize) {
    let all = || {
        services.iter().flat_map(|service| {
            let with = move |destination| (service, destination);
            service.destinations.iter().map(with)
        })
    };
    head(text, &HIDDEN);
    let hidden = all().count().saturating_sub(series_max);
    line(text, HIDDEN.name, &[], size(hidden));
    let rows: Vec<_> = all().take(series_max).map(Row::of).collect();
    for (metric, value) in BY_DESTINATION {
        head(text, metric);
        for row in &rows {
            line(text, metric.name, &row.labels(), value(row.destination));
        }
    }
}

struct Row<'a> {
    service: &'a str,
    virtual_service: String,
    name: String,
    node: &'a str,
    destination: &'a DestinationStatus,
}

impl<'a> Row<'a> {
    fn of((service, destination): (&'a VirtualServiceStatus, &'a DestinationStatus)) -> Self {
        let name = lbsync::DestinationKey {
            address: destination.address,
            port: destination.port,
        };
        Self {
            service: service.service.as_deref().unwrap_or_default(),
            virtual_service: key(service).to_string(),
            name: name.to_string(),
            node: destination
                .tasks
                .first()
                .map_or("", |task| task.node.as_str()),
            destination,
        }
    }

    fn labels(&self) -> [(&str, &str); 4] {
        [
            ("service", self.service),
            ("virtual_service", &self.virtual_service),
            ("destination", &self.name),
            ("node", self.node),
        ]
    }
}

/// Whether a source's sets can be gone by.
const fn is_current(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Chosen | Verdict::Standby)
}

fn sources(text: &mut String, balancer: &Balancer) {
    let sources = balancer.sources();
    head(text, &SOURCE_CURRENT);
    for source in sources.iter() {
        let labels = [("source", source.name.as_str())];
        let value = f64::from(u8::from(is_current(source.verdict)));
        line(text, SOURCE_CURRENT.name, &labels, value);
    }
    head(text, &SOURCE_AGE);
    for source in sources.iter() {
        if let Some(age_ms) = source.heard_ms_ago {
            let labels = [("source", source.name.as_str())];
            line(text, SOURCE_AGE.name, &labels, float(age_ms) / 1000.0);
        }
    }
}
