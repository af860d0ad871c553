//! What the agent's parts share: names of containers, addresses of collectors, counters for `/metrics`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    net::SocketAddr,
    sync::{
        Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use agent::{ContainerId, Owners};
use arc_swap::ArcSwapOption;

use super::opted::Reason;
use crate::exposition::{Described, described};

/// What the engine says of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Container {
    pub(crate) name: String,
    /// ID and name of the service that it is a task of.
    pub(crate) service: Option<[String; 2]>,
    /// Its own label `swarmtide.enable`.
    pub(crate) opted: Option<bool>,
}

/// Containers by ID, as the engine lists them.
pub(crate) type Named = BTreeMap<ContainerId, Container>;

/// State of the agent.
#[derive(Debug)]
pub(crate) struct Shared {
    /// Whether containers are found by the engine.
    pub(crate) by_engine: bool,
    /// The engine's last list; none before the first.
    pub(crate) named: ArcSwapOption<Named>,
    /// IDs and names of services that opted in; none while nobody knows.
    pub(crate) opted: ArcSwapOption<BTreeSet<String>>,
    /// Name of the host, as the engine has it.
    pub(crate) host_name: ArcSwapOption<String>,
    /// Addresses of the collectors.
    pub(crate) collectors: ArcSwapOption<Vec<SocketAddr>>,
    /// Whose addresses are whose, where packets are sampled.
    pub(crate) owners: ArcSwapOption<Owners>,
    pub(crate) counters: Counters,
    wake: Mutex<Wake>,
    woken: Condvar,
    stopping: AtomicBool,
}

#[derive(Debug, Default)]
struct Wake {
    look: bool,
    drain: bool,
}

/// Counters for `/metrics`, written by the agent's thread.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) containers: AtomicU64,
    pub(crate) container_samples: AtomicU64,
    pub(crate) host_samples: AtomicU64,
    pub(crate) flow_samples: AtomicU64,
    pub(crate) samples_lost: AtomicU64,
    pub(crate) duplicates: AtomicU64,
    pub(crate) sampled_interfaces: AtomicU64,
    pub(crate) sampling_errors: AtomicU64,
    pub(crate) datagrams: AtomicU64,
    pub(crate) bytes: AtomicU64,
    pub(crate) send_errors: AtomicU64,
    pub(crate) polls_missed: AtomicU64,
    pub(crate) resets: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) engine_errors: AtomicU64,
    /// By [`super::opted::Reason`].
    pub(crate) sidecar_errors: [AtomicU64; 4],
    pub(crate) busy_us: AtomicU64,
}

/// Every series of `swarmtide agent`.
pub const AGENT_METRICS: &[Described] = &[
    described(
        "swarmtide_agent_containers",
        "",
        "gauge",
        "`swarmtide agent`: containers that are polled",
    ),
    described(
        "swarmtide_agent_samples_total",
        "kind",
        "counter",
        "`swarmtide agent`: samples by kind: container, host, packet",
    ),
    described(
        "swarmtide_agent_datagrams_total",
        "",
        "counter",
        "`swarmtide agent`: datagrams sent, each collector counted",
    ),
    described(
        "swarmtide_agent_bytes_total",
        "",
        "counter",
        "`swarmtide agent`: bytes of those datagrams",
    ),
    described(
        "swarmtide_agent_send_errors_total",
        "",
        "counter",
        "`swarmtide agent`: datagrams that could not be sent",
    ),
    described(
        "swarmtide_agent_polls_missed_total",
        "",
        "counter",
        "`swarmtide agent`: polls skipped because their time had passed",
    ),
    described(
        "swarmtide_agent_resets_total",
        "",
        "counter",
        "`swarmtide agent`: sequences begun anew because a counter fell",
    ),
    described(
        "swarmtide_agent_containers_refused_total",
        "",
        "counter",
        "`swarmtide agent`: containers not polled because of agent.max_containers",
    ),
    described(
        "swarmtide_agent_engine_errors_total",
        "",
        "counter",
        "`swarmtide agent`: requests to the engine that failed",
    ),
    described(
        "swarmtide_agent_sidecar_errors_total",
        "reason",
        "counter",
        "`swarmtide agent`: questions to agent.sidecars that failed: token (its file cannot be used), unreachable, refused (the token is wrong, or none was given), answer",
    ),
    described(
        "swarmtide_agent_busy_seconds_total",
        "",
        "counter",
        "`swarmtide agent`: time spent reading and sending",
    ),
    described(
        "swarmtide_agent_sampled_interfaces",
        "",
        "gauge",
        "`swarmtide agent`: interfaces whose packets are sampled",
    ),
    described(
        "swarmtide_agent_samples_lost_total",
        "",
        "counter",
        "`swarmtide agent`: packets chosen for which there was no room; the samples' own `drops` say it too",
    ),
    described(
        "swarmtide_agent_sample_duplicates_total",
        "",
        "counter",
        "`swarmtide agent`: packets chosen that another sampled interface has seen first",
    ),
    described(
        "swarmtide_agent_sampling_errors_total",
        "",
        "counter",
        "`swarmtide agent`: interfaces that could not be sampled or listed",
    ),
];

impl Shared {
    pub(crate) fn new(by_engine: bool) -> Self {
        Self {
            by_engine,
            named: ArcSwapOption::empty(),
            opted: ArcSwapOption::empty(),
            host_name: ArcSwapOption::empty(),
            collectors: ArcSwapOption::empty(),
            owners: ArcSwapOption::empty(),
            counters: Counters::default(),
            wake: Mutex::default(),
            woken: Condvar::new(),
            stopping: AtomicBool::new(false),
        }
    }

    /// Has the agent's thread look for containers at once.
    pub(crate) fn look(&self) {
        self.lock().look = true;
        self.woken.notify_one();
    }

    /// Has the agent's thread send what was sampled.
    pub(crate) fn drain(&self) {
        self.lock().drain = true;
        self.woken.notify_one();
    }

    /// Has the agent's thread end.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        self.look();
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Waits for so long, or until [`Self::look`] or [`Self::drain`] was called; says whether the first was.
    pub(crate) fn wait(&self, time: Duration) -> bool {
        let wake = self.lock();
        let (mut wake, _) = self
            .woken
            .wait_timeout_while(wake, time, |wake| !wake.look && !wake.drain)
            .unwrap_or_else(PoisonError::into_inner);
        wake.drain = false;
        std::mem::take(&mut wake.look)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Wake> {
        self.wake.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why the agent is of no use yet, if it is not.
    pub(crate) fn not_ready(&self) -> Option<&'static str> {
        if self.is_stopping() {
            Some("stopping")
        } else if self.by_engine && self.named.load().is_none() {
            Some("the engine has not listed its containers yet")
        } else if self
            .collectors
            .load()
            .as_ref()
            .is_none_or(|list| list.is_empty())
        {
            Some("no collector has an address")
        } else if self.counters.host_samples.load(Ordering::Relaxed) == 0 {
            Some("nothing was read yet")
        } else {
            None
        }
    }

    /// The text of `/metrics`.
    pub(crate) fn metrics(&self) -> String {
        let Counters {
            containers,
            container_samples,
            host_samples,
            flow_samples,
            samples_lost,
            duplicates,
            sampled_interfaces,
            sampling_errors,
            datagrams,
            bytes,
            send_errors,
            polls_missed,
            resets,
            refused,
            engine_errors,
            sidecar_errors,
            busy_us,
        } = &self.counters;
        let one = |counter: &AtomicU64| vec![("", counter.load(Ordering::Relaxed).to_string())];
        let samples = |counter: &AtomicU64| counter.load(Ordering::Relaxed).to_string();
        let values = [
            one(containers),
            vec![
                ("{kind=\"container\"}", samples(container_samples)),
                ("{kind=\"host\"}", samples(host_samples)),
                ("{kind=\"packet\"}", samples(flow_samples)),
            ],
            one(datagrams),
            one(bytes),
            one(send_errors),
            one(polls_missed),
            one(resets),
            one(refused),
            one(engine_errors),
            Reason::ALL
                .iter()
                .zip(sidecar_errors)
                .map(|(reason, count)| (reason.labels(), samples(count)))
                .collect(),
            vec![(
                "",
                Duration::from_micros(busy_us.load(Ordering::Relaxed))
                    .as_secs_f64()
                    .to_string(),
            )],
            one(sampled_interfaces),
            one(samples_lost),
            one(duplicates),
            one(sampling_errors),
        ];
        let mut text = String::new();
        for (metric, values) in AGENT_METRICS.iter().zip(values) {
            let Described {
                name, kind, help, ..
            } = metric;
            // Writing to a string does not fail.
            writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}").ok();
            for (labels, value) in values {
                writeln!(text, "{name}{labels} {value}").ok();
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_has_a_value() {
        let shared = Shared::new(false);
        shared.counters.host_samples.store(3, Ordering::Relaxed);
        let text = shared.metrics();
        for metric in AGENT_METRICS {
            let lines = text
                .lines()
                .filter(|line| line.starts_with(metric.name) && !line.starts_with('#'));
            assert!(lines.count() > 0, "{} is missing:\n{text}", metric.name);
        }
        assert!(text.contains("swarmtide_agent_samples_total{kind=\"host\"} 3"));
    }

    #[test]
    fn a_wait_ends_when_there_is_something_to_look_at() {
        let shared = Shared::new(true);
        assert!(!shared.wait(Duration::from_millis(1)));
        shared.look();
        assert!(shared.wait(Duration::from_secs(60)));
        assert_eq!(
            shared.not_ready(),
            Some("the engine has not listed its containers yet")
        );
    }
}
