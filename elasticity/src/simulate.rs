//! One service, one trace, one policy.

use crate::{
    autoscaler::{Autoscaler, View},
    meter::Meter,
    queue::Queue,
    random::Random,
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

/// [`STEPS_PER_SECOND`], as lengths are counted.
const STEPS: usize = 4;
const _: () = assert!(STEPS as u64 == STEPS_PER_SECOND);

/// Steps from a decision until the engine has carried it out.
pub(crate) const WRITE_STEPS: u64 = 1;

/// Requests of every step, the same for every policy: a Poisson process, given how many requests the trace has in each second.
///
/// The numbers of the trace are kept; when in its second each request comes is drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrivals {
    steps: Vec<u32>,
}

impl Arrivals {
    /// Draws them; equal traces and seeds give equal arrivals.
    #[must_use]
    pub fn draw(trace: &Trace, seed: u64) -> Self {
        let mut random = Random::new(seed, 1);
        let mut steps = Vec::with_capacity(trace.seconds().len() * STEPS);
        for requests in trace.seconds() {
            let mut left = *requests;
            for others in (1..STEPS_PER_SECOND).rev() {
                let here = random.binomial(left, 1.0 / (others + 1) as f64);
                steps.push(here);
                left -= here;
            }
            steps.push(left);
        }
        Self { steps }
    }
}

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
    /// Still waiting at the end.
    pub queued: f64,
}

/// One second of a run, for a plot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// The second, from 0.
    pub second: u64,
    /// Replicas that would have sufficed.
    pub demand: f64,
    /// Replicas asked for, at the end of the second.
    pub spec: u32,
    /// Replicas that served, at the end of the second.
    pub serving: u32,
    /// Requests that waited too long or were dropped in this second.
    pub bad: f64,
}

/// Plays `trace` against `policy`.
///
/// `arrivals` are those that [`Arrivals::draw`] made of the same trace; the shorter of the two ends the run.
#[must_use]
pub fn simulate(
    name: &str,
    setup: &Setup,
    trace: &Trace,
    arrivals: &Arrivals,
    policy: &mut dyn Autoscaler,
) -> (Row, Totals) {
    simulate_with((name, setup), trace, arrivals, policy, &mut |_| {})
}

/// [`simulate`], with a look at every second.
#[must_use]
pub fn simulate_with(
    (name, setup): (&str, &Setup),
    trace: &Trace,
    arrivals: &Arrivals,
    policy: &mut dyn Autoscaler,
    look: &mut dyn FnMut(Sample),
) -> (Row, Totals) {
    let mut run = Run::new(setup, trace, policy.polling());
    let steps = arrivals.steps.chunks_exact(STEPS);
    for (second, (requests, arrivals)) in (0..).zip(trace.seconds().iter().zip(steps)) {
        let demand = setup.demand(f64::from(*requests));
        let before = run.totals;
        for arrivals in arrivals {
            run.step(f64::from(*arrivals), demand, policy);
        }
        look(Sample {
            second,
            demand,
            spec: run.replicas.spec(),
            serving: run.replicas.serving_count(),
            bad: run.totals.late + run.totals.dropped - before.late - before.dropped,
        });
    }
    run.totals.queued = run.queue.backlog();
    (run.score.row(name, &run.totals, run.changes), run.totals)
}

/// A run under way.
struct Run<'a> {
    setup: &'a Setup,
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

impl<'a> Run<'a> {
    fn new(setup: &'a Setup, trace: &Trace, polling: std::time::Duration) -> Self {
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

    fn step(&mut self, arrivals: f64, demand: f64, policy: &mut dyn Autoscaler) {
        self.replicas.advance(self.step);
        let wanted = policy.tick(&View {
            step: self.step,
            setup: self.setup,
            replicas: &self.replicas,
            meter: &self.meter,
            agents: &self.agents,
        });
        if let Some(wanted) = wanted.map(|wanted| self.setup.bounded(f64::from(wanted)))
            && wanted != self.replicas.spec()
        {
            let at = self.step + WRITE_STEPS;
            self.replicas
                .set(wanted, at + self.start_steps, at + STOP_STEPS);
            self.changes += 1;
        }
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
        let held =
            serving + f64::from(self.replicas.starting_count() + self.replicas.stopping_count());
        self.score.step(demand, serving, held);
        self.step += 1;
    }
}
