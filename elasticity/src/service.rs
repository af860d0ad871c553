//! A service under simulation: its replicas, its queue, its telemetry, and what is counted of it.

use std::time::Duration;

use crate::{
    autoscaler::View,
    meter::Meter,
    queue::Queue,
    replicas::Replicas,
    score::{Row, Score},
    setup::{STEP_SECONDS, STEPS_PER_SECOND, Setup, step_of},
    telemetry::Agents,
    trace::Trace,
};

/// The load at which a service is taken to run when the trace begins.
const LOAD_AT_START: f64 = 0.7;

/// Seconds of the trace that the replicas at its beginning are for.
const START_SECONDS: usize = 60;

/// Steps that a replica that was taken away still takes to end.
const STOP_STEPS: u64 = STEPS_PER_SECOND;

/// Steps from a decision until the engine has carried it out.
const WRITE_STEPS: u64 = 1;

/// What became of all requests.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Totals {
    /// Requests that came.
    pub arrived: f64,
    /// Served.
    pub served: f64,
    /// Turned away.
    pub dropped: f64,
    /// Taken in with too long a wait before them.
    pub late: f64,
    /// Still waiting.
    pub queued: f64,
}

/// One service at one moment. Each step is [`Self::advance`], then a look and perhaps [`Self::set`], then [`Self::play`].
#[derive(Clone, Debug)]
pub(crate) struct Service {
    setup: Setup,
    step: u64,
    start_steps: u64,
    replicas: Replicas,
    queue: Queue,
    meter: Meter,
    agents: Agents,
    score: Score,
    totals: Totals,
    changes: u64,
}

impl Service {
    /// A service that runs at an ordinary load when the trace begins.
    pub(crate) fn new(setup: Setup, trace: &Trace, polling: Duration) -> Self {
        let usual = trace.mean_of_first(START_SECONDS) / LOAD_AT_START;
        let initial = setup.bounded((usual / setup.requests_per_replica()).ceil());
        Self {
            setup,
            step: 0,
            start_steps: step_of(setup.start()),
            replicas: Replicas::serving_from_the_start(initial),
            queue: Queue::default(),
            meter: Meter::default(),
            agents: Agents::new(polling, setup.requests_per_replica(), setup.seed()),
            score: Score::default(),
            totals: Totals::default(),
            changes: 0,
        }
    }

    /// Begins a step: what was to start or to end by now has done so.
    pub(crate) fn advance(&mut self) {
        self.replicas.advance(self.step);
    }

    /// What there is to see.
    pub(crate) const fn view(&self) -> View<'_> {
        View {
            step: self.step,
            setup: &self.setup,
            replicas: &self.replicas,
            meter: &self.meter,
            agents: &self.agents,
        }
    }

    /// Asks for so many replicas, brought into the bounds.
    pub(crate) fn set(&mut self, replicas: u32) {
        let replicas = self.setup.bounded(f64::from(replicas));
        if replicas != self.replicas.spec() {
            self.changes += 1;
            let at = self.step + WRITE_STEPS;
            self.replicas
                .set(replicas, at + self.start_steps, at + STOP_STEPS);
        }
    }

    /// From now on, replicas wait until [`Self::place`] gives them room.
    pub(crate) const fn ration(&mut self) {
        self.replicas.ration();
    }

    /// Gives room to at most so many replicas that wait for it.
    pub(crate) fn place(&mut self, replicas: u32) {
        self.replicas
            .place(replicas, self.step + WRITE_STEPS + self.start_steps);
    }

    /// Ends a step in which so many requests come, where `demand` replicas would have sufficed.
    pub(crate) fn play(&mut self, arrivals: f64, demand: f64) {
        self.agents
            .poll(self.replicas.serving_mut(), &self.meter, self.step);
        let serving = f64::from(self.replicas.serving_count());
        let capacity = serving * self.setup.requests_per_replica();
        let flow = self.queue.advance(arrivals, capacity, STEP_SECONDS);
        self.meter.advance(arrivals, flow.served, capacity, serving);
        self.totals.arrived += arrivals;
        self.totals.served += flow.served;
        self.totals.dropped += flow.dropped;
        self.totals.late += flow.late;
        self.totals.queued = self.queue.backlog();
        self.score
            .step(demand, serving, f64::from(self.replicas.held()));
        self.step += 1;
    }

    /// What became of the requests so far.
    pub(crate) const fn totals(&self) -> Totals {
        self.totals
    }

    /// The result so far.
    pub(crate) fn row(&self, name: &str) -> Row {
        self.score.row(name, &self.totals, self.changes)
    }
}
