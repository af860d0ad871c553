//! One service, one trace, one policy.

use crate::{
    autoscaler::Autoscaler,
    random::Random,
    score::Row,
    service::{Service, Totals},
    setup::{STEPS_PER_SECOND, Setup},
    trace::Trace,
};

/// [`STEPS_PER_SECOND`], as lengths are counted.
const STEPS: usize = 4;
const _: () = assert!(STEPS as u64 == STEPS_PER_SECOND);

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

    /// Each second with its number, the trace's requests and those of its steps.
    pub(crate) fn seconds<'a>(
        &'a self,
        trace: &'a Trace,
    ) -> impl Iterator<Item = (u64, u32, &'a [u32])> {
        let steps = self.steps.chunks_exact(STEPS);
        let seconds = (0..).zip(trace.seconds().iter().zip(steps));
        seconds.map(|(second, (requests, steps))| (second, *requests, steps))
    }
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
    let mut service = Service::new(*setup, trace, policy.polling());
    for (second, requests, arrivals) in arrivals.seconds(trace) {
        let demand = setup.demand(f64::from(requests));
        let before = service.totals();
        for arrivals in arrivals {
            service.advance();
            if let Some(wanted) = policy.tick(&service.view()) {
                service.set(wanted);
            }
            service.play(f64::from(*arrivals), demand);
        }
        let totals = service.totals();
        look(Sample {
            second,
            demand,
            spec: service.view().spec(),
            serving: service.view().replicas().serving_count(),
            bad: totals.late + totals.dropped - before.late - before.dropped,
        });
    }
    (service.row(name), service.totals())
}
