//! New connections of each service, as balancers count them: their counters to rates, summed over all balancers.
//!
//! Each balancer is asked over HTTP, this sidecar's own directly. A rate counts only while every balancer has answered lately:
//! half of the demand must never pass for all of it.

mod poll;

use std::{collections::BTreeMap, time::Duration};

use scaler::MetricObservation;
use serde::{Deserialize, Serialize};

pub(crate) use poll::{balancers, run};

/// Counters older than this tell nothing of now.
const AGE_MAX: Duration = Duration::from_secs(15);

/// Shorter intervals make rates of whole connections too coarse.
const INTERVAL_MIN: Duration = Duration::from_millis(500);

/// The balancers' counters, as `GET /v1/connections` of each gives them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Counted {
    /// Milliseconds since the counters were read from the data plane; null before that.
    pub listed_age_ms: Option<u64>,
    /// One for each service that is balanced.
    pub services: Vec<CountedService>,
}

/// The connections of one service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CountedService {
    /// The service's name.
    pub service: String,
    /// Connections scheduled so far, over all its virtual services.
    pub connections_total: u64,
}

impl Counted {
    /// Those of a balancer's table.
    pub(crate) fn of(status: &lbsync::Status) -> Self {
        let mut totals: BTreeMap<&str, u64> = BTreeMap::new();
        for virtual_service in &status.virtual_services {
            if let Some(service) = &virtual_service.service {
                let total = totals.entry(service).or_default();
                *total = total.saturating_add(virtual_service.traffic.connections);
            }
        }
        let service = |(service, connections_total): (&str, u64)| CountedService {
            service: service.to_owned(),
            connections_total,
        };
        Self {
            listed_age_ms: status.listed_age_ms,
            services: totals.into_iter().map(service).collect(),
        }
    }
}

/// A counter over time.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Counter {
    total: u64,
    at: Duration,
    /// Connections per second, and over how long.
    rate: Option<(f64, Duration)>,
}

/// One balancer.
#[derive(Clone, Debug, Default)]
struct Balancer {
    /// When its counters were read.
    at: Option<Duration>,
    services: BTreeMap<String, Counter>,
}

/// The counters of all balancers. The same sequence of calls gives the same rates.
#[derive(Clone, Debug)]
pub struct Rates {
    balancers: Vec<Balancer>,
}

impl Rates {
    /// Of so many balancers.
    #[must_use]
    pub fn new(balancers: usize) -> Self {
        Self {
            balancers: vec![Balancer::default(); balancers],
        }
    }

    /// Takes in what the balancer of that number said, counted from 0.
    pub fn note(&mut self, balancer: usize, counted: &Counted, now: Duration) {
        let (Some(balancer), Some(age_ms)) =
            (self.balancers.get_mut(balancer), counted.listed_age_ms)
        else {
            return;
        };
        let at = now.saturating_sub(Duration::from_millis(age_ms));
        let news = balancer.at.is_none_or(|before| at >= before + INTERVAL_MIN);
        if !news {
            return;
        }
        balancer.at = Some(at);
        let mut before = std::mem::take(&mut balancer.services);
        balancer.services = counted
            .services
            .iter()
            .map(|counted| {
                let before = before.remove(&counted.service);
                let counter = Counter::next(before, counted.connections_total, at);
                (counted.service.clone(), counter)
            })
            .collect();
    }

    /// The new connections per second and replica of a service; `None` while any balancer is unheard, or none counts it.
    #[must_use]
    pub fn reading(&self, service: &str, serving: u32, now: Duration) -> Option<MetricObservation> {
        if serving == 0 || self.balancers.is_empty() {
            return None;
        }
        let (mut sum, mut oldest, mut reach, mut counted) =
            (0.0, Duration::ZERO, Duration::ZERO, false);
        for balancer in &self.balancers {
            let age = now.saturating_sub(balancer.at?);
            if age > AGE_MAX {
                return None;
            }
            let Some(counter) = balancer.services.get(service) else {
                continue;
            };
            let (rate, interval) = counter.rate?;
            sum += rate;
            oldest = oldest.max(age);
            reach = reach.max(age + interval);
            counted = true;
        }
        counted.then(|| MetricObservation {
            average: sum / f64::from(serving),
            reporting: serving,
            expected: serving,
            oldest_age: oldest,
            reach,
        })
    }

    /// Age of the counters of each balancer; `None` where it has not answered yet.
    pub(crate) fn ages(&self, now: Duration) -> impl Iterator<Item = Option<Duration>> + '_ {
        let age = move |balancer: &Balancer| balancer.at.map(|at| now.saturating_sub(at));
        self.balancers.iter().map(age)
    }
}

impl Counter {
    fn next(before: Option<Self>, total: u64, at: Duration) -> Self {
        let rate = before.and_then(|before| {
            // A balancer that began anew counts from nothing.
            let connections = total.checked_sub(before.total)?;
            let interval = at.saturating_sub(before.at);
            let rate = connections as f64 / interval.as_secs_f64();
            rate.is_finite().then_some((rate, interval))
        });
        Self { total, at, rate }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn counted(total: u64, age_ms: u64) -> Counted {
        Counted {
            listed_age_ms: Some(age_ms),
            services: vec![CountedService {
                service: "web".to_owned(),
                connections_total: total,
            }],
        }
    }

    fn average(rates: &Rates, at: Duration) -> Option<f64> {
        rates.reading("web", 4, at).map(|reading| reading.average)
    }

    #[test]
    fn rates_are_summed_over_balancers_and_shared_by_replicas() {
        let mut rates = Rates::new(2);
        rates.note(0, &counted(1000, 200), 10 * SECOND);
        rates.note(0, &counted(1200, 200), 12 * SECOND);
        assert_eq!(average(&rates, 12 * SECOND), None, "the other is unheard");
        rates.note(1, &counted(50, 0), 10 * SECOND);
        rates.note(1, &counted(70, 0), 12 * SECOND);
        assert_eq!(average(&rates, 12 * SECOND), Some(110.0 / 4.0));
        let reading = rates.reading("web", 4, 13 * SECOND).unwrap();
        assert_eq!(reading.oldest_age, Duration::from_millis(1200));
        assert_eq!(reading.reach, Duration::from_millis(3200));
        assert_eq!(rates.reading("db", 4, 12 * SECOND), None);
        assert_eq!(rates.reading("web", 0, 12 * SECOND), None);
        assert_eq!(average(&rates, 30 * SECOND), None, "too old");
    }

    #[test]
    fn a_counter_that_fell_has_no_rate_and_one_that_was_not_read_anew_keeps_its() {
        let mut rates = Rates::new(1);
        rates.note(0, &counted(1000, 0), SECOND);
        rates.note(0, &counted(1400, 0), 3 * SECOND);
        assert_eq!(average(&rates, 3 * SECOND), Some(50.0));
        rates.note(0, &counted(1400, 2000), 5 * SECOND);
        assert_eq!(average(&rates, 5 * SECOND), Some(50.0), "the same reading");
        rates.note(0, &counted(7, 0), 6 * SECOND);
        assert_eq!(average(&rates, 6 * SECOND), None, "it began anew");
        rates.note(0, &counted(47, 0), 8 * SECOND);
        assert_eq!(average(&rates, 8 * SECOND), Some(5.0));
        rates.note(0, &Counted::default(), 9 * SECOND);
        rates.note(7, &counted(1, 0), 9 * SECOND);
        assert_eq!(average(&rates, 9 * SECOND), Some(5.0));
    }

    #[test]
    fn one_balancer_without_the_service_adds_nothing() {
        let mut rates = Rates::new(2);
        let empty = Counted {
            listed_age_ms: Some(0),
            services: Vec::new(),
        };
        for second in 1..4 {
            rates.note(0, &counted(100 * u64::from(second), 0), SECOND * second);
            rates.note(1, &empty, SECOND * second);
        }
        assert_eq!(average(&rates, 3 * SECOND), Some(25.0));
    }
}
