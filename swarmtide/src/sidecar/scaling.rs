//! The scaler's shell: a tick on the timer, the writes it asks for, and what became of them.

use std::{sync::Arc, time::Duration};

use collector::{Collector, GroupMetrics, Member};
use scaler::{Command, Engine, Inputs, Metric, Outcome, ServiceInput};
use swarm::{Service, View};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, timeout},
};

use crate::{config::CapacityConfig, overview};

use super::{
    Rates, capacity,
    shared::{LastTick, Seen, Shared},
    translate,
};

/// Longest wait for writes under way when the sidecar stops.
const DRAIN: Duration = Duration::from_secs(12);

/// The rhythm of ticks: on the timer, and sooner when telemetry has something new to say.
///
/// A step of the load then waits for the next counters, and not for the next timer as well.
struct Rhythm {
    interval: Duration,
    last: Option<Instant>,
    took: Duration,
    rates: u64,
}

impl Rhythm {
    /// Part of the interval that early ticks keep from the one before.
    const EARLIEST: u32 = 10;
    /// Early ticks take at most one part in so many of a core.
    const IDLE: u32 = 20;

    const fn new(interval: Duration) -> Self {
        Self {
            interval,
            last: None,
            took: Duration::ZERO,
            rates: 0,
        }
    }

    /// How often to ask whether a tick is due.
    fn beat(&self) -> Duration {
        (self.interval / (2 * Self::EARLIEST)).max(Duration::from_millis(1))
    }

    /// Whether a tick is due, by time or by counters that `rates` counts.
    fn is_due(&mut self, now: Instant, rates: impl FnOnce() -> u64) -> bool {
        let Some(last) = self.last else { return true };
        let since = now.saturating_duration_since(last);
        if since >= self.interval {
            return true;
        }
        let earliest = (self.interval / Self::EARLIEST).max(self.took * Self::IDLE);
        since >= earliest && rates() != self.rates
    }

    fn ticked(&mut self, began: Instant, took: Duration, rates: u64) {
        (self.last, self.took, self.rates) = (Some(began), took, rates);
    }
}

/// Ticks until told to stop, then waits for the writes in hand.
pub(crate) async fn run(shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let mut rhythm = Rhythm::new(shared.config.scaler.interval.get());
    let mut beats = interval(rhythm.beat());
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut writes = JoinSet::new();
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            began = beats.tick() => {
                let rates = || shared.collector.stats().rates;
                if rhythm.is_due(began, rates) {
                    let rates = rates();
                    for command in tick(&shared) {
                        writes.spawn(write(Arc::clone(&shared), command));
                    }
                    rhythm.ticked(began, shared.last_tick.load().took, rates);
                }
            }
            Some(ended) = writes.join_next(), if !writes.is_empty() => log_panic(ended),
        }
    }
    let drained = timeout(DRAIN, async {
        while let Some(ended) = writes.join_next().await {
            log_panic(ended);
        }
    });
    if drained.await.is_err() {
        tracing::warn!("stopping with a replica change still unanswered");
    }
}

/// Looks, decides, and returns what is to be written.
pub(crate) fn tick(shared: &Shared) -> Vec<Command> {
    let view = shared.watch.view();
    let Some(recording) = &shared.recording else {
        let (now, unix_ms) = (shared.clock.now(), shared.clock.unix_ms());
        return decide(shared, view.as_deref(), now, unix_ms);
    };
    recording.in_order(|frames| {
        let (now, unix_ms) = (shared.clock.now(), shared.clock.unix_ms());
        frames.tick(view.as_deref(), now, unix_ms);
        let commands = decide(shared, view.as_deref(), now, unix_ms);
        frames.decided(shared.engine().changes(), now);
        commands
    })
}

fn decide(shared: &Shared, view: Option<&View>, now: Duration, unix_ms: u64) -> Vec<Command> {
    let (commands, mut last) = {
        let mut engine = shared.engine();
        let senses = Senses {
            collector: &shared.collector,
            rates: &shared.rates(),
            engine: &engine,
            capacity: &shared.config.capacity,
        };
        let (inputs, last) = look(view, &senses, now);
        let commands = engine.tick(&inputs, now, unix_ms);
        engine.changes().for_each(log_change);
        shared.shadows().tick(&inputs, now, unix_ms);
        shared.told.tell(&engine.take_events());
        let quarantine = engine.quarantined().map(|(_, id)| translate::container(id));
        shared.balancer.set_quarantine(quarantine.collect());
        (commands, last)
    };
    if let Some(view) = view {
        shared.past().note(view, now);
        last.took = shared.clock.now().saturating_sub(now);
        shared.recorder.tick_took(last.took);
        overview::note(shared, &last, unix_ms);
        shared.last_tick.store(Arc::new(last));
    }
    commands
}

/// What a tick looks at, besides the view.
pub(crate) struct Senses<'a> {
    pub(crate) collector: &'a Collector,
    pub(crate) rates: &'a Rates,
    /// Who is left out of averages.
    pub(crate) engine: &'a Engine,
    pub(crate) capacity: &'a CapacityConfig,
}

/// What a tick decides from, and what of it is shown to those who ask: the same live and in a replay.
pub(crate) fn look<'a>(
    view: Option<&'a View>,
    senses: &Senses<'_>,
    now: Duration,
) -> (Inputs<'a>, LastTick) {
    let swarm = translate::condition(view, now);
    let mut last = LastTick {
        at: Some(now),
        ..LastTick::default()
    };
    let Some(view) = view else {
        let inputs = Inputs {
            swarm,
            services: Vec::new(),
            resources: scaler::Resources::default(),
        };
        return (inputs, last);
    };
    let ours = ours(view);
    let metrics = observe(view, &ours, senses, now);
    let mut services = Vec::with_capacity(view.services.len());
    let mut observed = ours.iter().zip(metrics).peekable();
    for service in view.services.values() {
        let metrics = observed
            .next_if(|(ours, _)| ours.id == service.id)
            .map(|(_, metrics)| metrics);
        let mut observation = translate::observation(view, service, metrics.as_ref());
        let rate = |_: &_| {
            senses
                .rates
                .reading(&service.name, observation.serving, now)
        };
        if let Some(reading) = metrics.as_ref().and_then(rate) {
            observation.metrics.insert(Metric::Connections, reading);
        }
        services.push(ServiceInput {
            name: service.name.as_str().into(),
            id: service.id.as_str().into(),
            labels: &service.labels,
            observation,
            reservation: capacity::reservation(service),
            unplaced: capacity::unplaced(service),
            replicas: metrics
                .as_ref()
                .map(translate::replicas)
                .unwrap_or_default(),
        });
        if let Some(metrics) = metrics {
            let seen = Seen {
                id: service.id.clone(),
                replicas: observation.mode.replicas(),
                serving: observation.serving,
                starting: observation.starting,
                draining: observation.draining,
                metrics,
            };
            last.services.insert(service.name.clone(), seen);
        }
    }
    let inputs = Inputs {
        swarm,
        services,
        resources: capacity::resources(view, senses.capacity),
    };
    (inputs, last)
}

/// The services that have labels of ours.
fn ours(view: &View) -> Vec<&Service> {
    let services = view.services.values();
    services
        .filter(|service| scaler::labels::relevant(&service.labels).next().is_some())
        .collect()
}

/// What the containers of each did.
fn observe(
    view: &View,
    ours: &[&Service],
    senses: &Senses<'_>,
    now: Duration,
) -> Vec<GroupMetrics> {
    let groups: Vec<Vec<Member>> = ours
        .iter()
        .map(|service| {
            let left_out = senses.engine.left_out(&service.name);
            translate::members(view, service, &left_out)
        })
        .collect();
    let groups: Vec<&[Member]> = groups.iter().map(Vec::as_slice).collect();
    senses.collector.observe(&groups, now)
}

/// Carries a command out and reports how it ended, also when the attempt itself breaks.
async fn write(shared: Arc<Shared>, command: Command) {
    let change = swarm::SetReplicas {
        service: command.id.as_str().into(),
        from: command.from,
        to: command.to,
    };
    let client = shared.client.clone();
    let attempt = tokio::spawn(async move { client.set_replicas(&change).await }).await;
    let outcome = match attempt {
        Ok(result) => {
            if let Ok(applied) = &result {
                for warning in &applied.warnings {
                    tracing::warn!(service = %command.service, warning, "the engine warns");
                }
            }
            translate::outcome(result)
        }
        Err(error) => Outcome::Unknown {
            error: error.to_string(),
        },
    };
    match &outcome {
        Outcome::Applied => {
            tracing::info!(service = %command.service, from = command.from, to = command.to, "replicas set");
        }
        other => {
            tracing::warn!(service = %command.service, from = command.from, to = command.to, outcome = other.name(), reason = other.message(), "replicas not set");
        }
    }
    let events = match &shared.recording {
        None => completed(&shared, &command, outcome),
        Some(recording) => recording.in_order(|frames| {
            let (now, unix_ms) = (shared.clock.now(), shared.clock.unix_ms());
            frames.completed(&command, &outcome, now, unix_ms);
            let mut engine = shared.engine();
            engine.completed(&command, outcome, now, unix_ms);
            engine.take_events()
        }),
    };
    shared.told.tell(&events);
    shared.watch.look_now();
}

fn completed(shared: &Shared, command: &Command, outcome: Outcome) -> Vec<scaler::Event> {
    let (now, unix_ms) = (shared.clock.now(), shared.clock.unix_ms());
    let mut engine = shared.engine();
    engine.completed(command, outcome, now, unix_ms);
    engine.take_events()
}

/// What is scaled is news; why others are held is for those who ask.
fn log_change(record: &scaler::DecisionRecord) {
    let (service, replicas, admin) = (&record.service, record.replicas, record.admin.mode.name());
    let (serving, tick) = (record.serving, record.tick);
    let proposed = record.proposal.map(|proposal| proposal.to);
    match &record.decision {
        scaler::Decision::Scale { from, to, .. } => {
            tracing::info!(%service, action = "scale", from, to, proposed, replicas, serving, admin, tick, "{}", record.explain());
        }
        scaler::Decision::Hold(reason) => {
            let reason = reason.kind().name();
            tracing::debug!(%service, action = "hold", reason, proposed, replicas, serving, admin, tick, "{}", record.explain());
        }
    }
}

fn log_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a write's task broke");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn ticks_come_on_time_and_sooner_with_news_but_not_too_soon() {
        let second = Duration::from_secs(1);
        let begin = Instant::now();
        let mut rhythm = Rhythm::new(second * 2);
        assert!(rhythm.is_due(begin, || 0), "the first comes at once");
        rhythm.ticked(begin, Duration::from_millis(1), 7);
        assert!(!rhythm.is_due(begin + second / 10, || 8), "too soon");
        assert!(rhythm.is_due(begin + second / 5, || 8), "there is news");
        assert!(!rhythm.is_due(begin + second, || 7), "there is none");
        assert!(rhythm.is_due(begin + second * 2, || 7), "it is time");
        rhythm.ticked(begin, second / 20, 7);
        assert!(!rhythm.is_due(begin + second / 2, || 8), "ticks are dear");
        assert!(rhythm.is_due(begin + second, || 8));
    }
}
