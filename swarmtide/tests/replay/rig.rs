//! A capture, a scripted engine and a real sidecar, taken through the capture's time step by step.

use std::{
    fmt::Write as _,
    net::{SocketAddr, UdpSocket},
    sync::Arc,
    time::Duration,
};

use scaler::{Decision, DecisionRecord, HoldKind, HoldReason, Metric, RecordOutcome, ScaleReason};
use swarmtide::{
    client,
    clock::{Clock, Hand},
    config::{Config, Listen, Span},
    sidecar::{Bound, DockerEnvironment, Shared, Sidecar},
};
use tempfile::TempDir;
use tokio::{task::JoinHandle, time::Instant};

use crate::{
    capture::Capture,
    engine::{self, Engine},
    swarm::{Post, Service, Swarm},
};

/// Wall time for one step of the sidecar. A step takes milliseconds; only a machine that stands still comes near this.
const PATIENCE: Duration = Duration::from_secs(60);

/// The capture's time between two looks at the swarm where nothing else happens.
const STEP: Duration = Duration::from_millis(500);

/// The capture's time that a write takes: what was measured when it was decided is then older than what it changed.
const WRITING: Duration = Duration::from_millis(3);

/// The smallest step of the clock: tells what was seen before from what was seen after.
const INSTANT: Duration = Duration::from_nanos(1);

pub(crate) struct Replay {
    engine: Arc<Engine>,
    sidecar: Sidecar,
    capture: Capture,
    sent: usize,
    next_step: Duration,
    hand: Arc<Hand>,
    socket: UdpSocket,
    server: JoinHandle<()>,
    _folder: TempDir,
}

/// What is left of a replay.
pub(crate) struct Outcome {
    pub(crate) posts: Vec<Post>,
    pub(crate) telemetry: collector::Stats,
    records: Vec<(String, Vec<DecisionRecord>)>,
    start_unix_ms: u64,
}

fn config(folder: &TempDir) -> Config {
    let mut config = Config::default();
    let any: SocketAddr = ([127, 0, 0, 1], 0).into();
    config.http.listen = Listen(any);
    let socket = folder.path().join("docker.sock");
    config.engine.host = Some(format!("unix://{}", socket.display()));
    config.collector.listen = vec![Listen(any)];
    config.state.directory = folder.path().join("state");
    // On real time, as often as can be: a step waits for a list and a tick.
    config.engine.interval = Span::from_millis(2);
    config.scaler.interval = Span::from_millis(2);
    // On the capture's time. The captures are too short for the default of a minute.
    config.scaler.warm_up = Span::from_millis(5_000);
    config.scaler.history_holds = 1_000;
    config.scaler.history_scales = 1_000;
    config
}

impl Replay {
    pub(crate) async fn start(name: &str, services: impl IntoIterator<Item = Service>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let capture = Capture::read(name);
        let engine = Arc::new(Engine::new(Swarm::new(services)));
        let server = engine::serve(folder.path(), Arc::clone(&engine));
        let config = config(&folder);
        let bound = Bound::bind(&config).await.unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(bound.sflow_addresses()[0]).unwrap();
        let (clock, hand) = Clock::by_hand(capture.start_unix_ms);
        let docker = DockerEnvironment::default();
        let sidecar = Sidecar::start_with(clock, config, &docker, bound).unwrap();
        let mut replay = Self {
            engine,
            sidecar,
            capture,
            sent: 0,
            next_step: STEP,
            hand,
            socket,
            server,
            _folder: folder,
        };
        replay.settle().await;
        replay
    }

    /// Goes on to `seconds` of the capture's time, all that is captured before included.
    pub(crate) async fn until(&mut self, seconds: f64) {
        self.go_on(Duration::from_secs_f64(seconds)).await;
    }

    /// Does something to the swarm, and lets the sidecar see it.
    pub(crate) async fn then(&mut self, change: impl FnOnce(&mut Swarm)) {
        change(&mut self.engine.swarm());
        self.settle().await;
    }

    async fn go_on(&mut self, until: Duration) {
        loop {
            let due = self.capture.datagrams.get(self.sent);
            let due = due.map_or(Duration::MAX, |(at, _)| *at);
            let next = due.min(self.next_step);
            if next > until {
                break;
            }
            self.hand.move_to(next);
            self.settle().await;
            if due == next {
                let datagram = &self.capture.datagrams[self.sent].1;
                self.socket.send(datagram).unwrap();
                self.sent += 1;
                let sent = self.sent as u64;
                self.wait("the datagram's arrival", |shared| {
                    shared.collector.stats().datagrams == sent
                })
                .await;
                self.settle().await;
            } else {
                self.next_step += STEP;
            }
        }
        self.hand.move_to(until);
        self.settle().await;
    }

    /// Lets the sidecar look and decide until nothing is under way: what it wrote, it has seen in a list, and decided on that.
    async fn settle(&mut self) {
        for _ in 0..10 {
            self.look_and_decide().await;
            let mut holds = true;
            for service in self.sidecar.shared().engine().services() {
                let kind = service.held().map(|(reason, _)| reason.kind());
                let passing = [HoldKind::WritePending, HoldKind::AwaitingView];
                holds &= kind.is_some_and(|kind| !passing.contains(&kind));
            }
            if holds {
                return;
            }
        }
        panic!("{:?}: it writes and writes", self.hand.elapsed());
    }

    /// Waits until the sidecar has listed the swarm as it is now, then decided on that, then written.
    async fn look_and_decide(&self) {
        let now = self.hand.elapsed();
        self.engine.swarm().advance(now);
        let listed = now + INSTANT;
        self.hand.move_to(listed);
        self.wait("a view", |shared| {
            shared.watch.view().is_some_and(|view| view.taken >= listed)
        })
        .await;
        let decided = listed + INSTANT;
        self.hand.move_to(decided);
        self.wait("a tick", |shared| {
            shared.last_tick.load().at.is_some_and(|at| at >= decided)
        })
        .await;
        self.answer_writes().await;
    }

    /// Lets the engine take the writes under way, once all have come in, a little later than they were decided.
    async fn answer_writes(&self) {
        self.wait("the end of every write", |shared| {
            let engine = shared.engine();
            let services = engine.services();
            let under_way = services
                .filter(|service| service.write_pending_to.is_some())
                .count();
            if under_way > 0 && self.engine.gate.waiting() == under_way {
                self.hand.move_to(self.hand.elapsed() + WRITING);
                self.engine.gate.open();
            }
            under_way == 0
        })
        .await;
    }

    async fn wait(&self, what: &str, done: impl Fn(&Shared) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !done(self.sidecar.shared()) {
            assert!(
                Instant::now() < deadline,
                "{:?} into the capture: waited for {what}; {:?}",
                self.hand.elapsed(),
                self.sidecar.shared().watch.observed()
            );
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// What the API answers.
    pub(crate) async fn get(&self, path: &str) -> serde_json::Value {
        let url = format!("http://{}", self.sidecar.http_address());
        let (status, body) = client::get(&url, path).await.unwrap();
        assert_eq!(status, 200, "{path}");
        serde_json::from_slice(&body).unwrap()
    }

    /// Replays the rest, stops the sidecar, and checks what holds for every replay.
    pub(crate) async fn finish(mut self) -> Outcome {
        self.go_on(self.capture.end()).await;
        let shared = Arc::clone(self.sidecar.shared());
        assert_eq!(self.sent, self.capture.datagrams.len());
        for socket in shared.listener.stats() {
            assert_eq!(socket.kernel_drops.unwrap_or_default(), 0);
        }
        self.sidecar.stop().await;
        self.server.abort();
        let posts = std::mem::take(&mut self.engine.swarm().posts);
        let engine = shared.engine();
        let names = engine.services().map(|service| service.name.to_string());
        let records = names
            .map(|name| {
                let records = engine.records(&name).into_iter().cloned().collect();
                (name, records)
            })
            .collect();
        let outcome = Outcome {
            posts,
            telemetry: shared.collector.stats(),
            records,
            start_unix_ms: self.capture.start_unix_ms,
        };
        outcome.check(self.sent as u64);
        outcome
    }
}

impl Outcome {
    /// Every datagram understood, every write harmless, and every decision to scale written once.
    fn check(&self, datagrams: u64) {
        let telemetry = &self.telemetry;
        assert!(telemetry.decode_errors.is_empty(), "{telemetry:?}");
        assert_eq!(
            (
                telemetry.datagrams,
                telemetry.datagrams_lost,
                telemetry.datagrams_duplicate,
                telemetry.agents
            ),
            (datagrams, 0, 0, 1),
            "{telemetry:?}"
        );
        let posts = &self.posts;
        assert!(
            posts.iter().all(|post| post.applied && post.only_replicas),
            "{posts:?}"
        );
        for (service, records) in &self.records {
            let decided: Vec<_> = records
                .iter()
                .filter_map(|record| self.written(record))
                .collect();
            let posted: Vec<_> = posts
                .iter()
                .filter(|post| post.service == *service)
                .map(|post| (post.at.as_millis(), post.from, post.to))
                .collect();
            assert_eq!(decided, posted, "{service}");
        }
    }

    /// When, from and to, of a decision that was written.
    fn written(&self, record: &DecisionRecord) -> Option<(u128, u64, u64)> {
        let Decision::Scale { from, to, .. } = record.decision else {
            return None;
        };
        let outcome = record.outcome.as_ref();
        assert!(
            matches!(outcome, Some(RecordOutcome::Applied { .. })),
            "{record:?}"
        );
        let at_ms = record.first_unix_ms - self.start_unix_ms;
        Some((at_ms.into(), from.into(), to.into()))
    }

    /// The one reading that a service's changes were decided on, which must all have been complete.
    pub(crate) fn reading_of_change(&self, service: &str) -> scaler::Reading {
        let mut changes = self
            .records(service)
            .iter()
            .filter(|record| matches!(record.decision, Decision::Scale { .. }));
        let (Some(change), None) = (changes.next(), changes.next()) else {
            panic!("not exactly one change:\n{}", self.timeline(service));
        };
        let [reading] = change.readings[..] else {
            panic!("not one metric: {change:?}");
        };
        assert_eq!(reading.reporting, change.replicas);
        assert_eq!(reading.expected, change.replicas);
        reading
    }

    fn records(&self, service: &str) -> &[DecisionRecord] {
        let found = self.records.iter().find(|(name, _)| name == service);
        &found.unwrap().1
    }

    /// The records of a service, a line each: when it began in the capture's seconds, replicas in the spec, and the decision.
    ///
    /// Of holds that began at the same time only the last is told: a list of services and a list of tasks on either side of a
    /// change give a moment of `not_serving`, as they do with a real engine.
    pub(crate) fn timeline(&self, service: &str) -> String {
        let mut lines = String::new();
        let records = self.records(service);
        let passing = |index: usize| {
            let next = records.get(index + 1);
            let same_time =
                next.is_some_and(|next| next.first_unix_ms == records[index].first_unix_ms);
            same_time && matches!(records[index].decision, Decision::Hold(_))
        };
        for (_, record) in records
            .iter()
            .enumerate()
            .filter(|(index, _)| !passing(*index))
        {
            let at_ms = record.first_unix_ms - self.start_unix_ms;
            let (seconds, millis, replicas) = (at_ms / 1_000, at_ms % 1_000, record.replicas);
            let decision = words(&record.decision);
            writeln!(lines, "{seconds:>3}.{millis:03} at {replicas}: {decision}").unwrap();
        }
        lines
    }
}

fn words(decision: &Decision) -> String {
    match decision {
        Decision::Scale { to, reason, .. } => match reason {
            ScaleReason::AboveHigh {
                metric,
                average,
                high,
            } => {
                let decimals = if *metric == Metric::Bytes { 0 } else { 3 };
                let name = metric.name();
                format!("scale to {to}, {name} {average:.decimals$} above {high}")
            }
            ScaleReason::Target { metric, demand, .. } => {
                format!("scale to {to}, {} {demand:.3} in all", metric.name())
            }
            ScaleReason::BelowLow => format!("scale to {to}, below low"),
            ScaleReason::BelowMinimum => format!("scale to {to}, below minimum"),
            ScaleReason::AboveMaximum => format!("scale to {to}, above maximum"),
            ScaleReason::Replaced { replica } => format!("scale to {to}, beside {replica}"),
            ScaleReason::GaveWay { wanted } => format!("scale to {to}, gave way from {wanted}"),
            ScaleReason::GivenBack => format!("scale to {to}, given back"),
            ScaleReason::Reasserted { was, .. } => format!("scale to {to}, was {was}"),
        },
        Decision::Hold(HoldReason::TelemetryPartial {
            reporting,
            expected,
            ..
        }) => format!("telemetry_partial {reporting}/{expected}"),
        Decision::Hold(reason) => reason.kind().name().to_owned(),
    }
}
