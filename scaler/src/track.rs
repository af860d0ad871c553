//! What a policy remembers of a service: a plain value that its owner advances once a tick and hands to [`crate::decide()`].
//!
//! A shadow policy has a track of its own beside the live one. Nothing in it depends on what was decided, only on what was seen; it
//! is bounded whatever is seen.

mod budget;
mod demand;
mod recommend;
mod replicas;
mod rhythm;
mod season;
mod window;

use std::time::Duration;

use crate::{
    hold::HoldReason,
    metric::MetricObservation,
    observation::Observation,
    policy::{Direction, Policy, Predict, Target, Window},
    settings::Settings,
    time::millis,
};

use budget::{Budget, Entry};
use demand::Demand;
use recommend::Basis;
use replicas::Replicas;
use season::Season;
use window::Extremes;

pub use recommend::MetricProposal;

/// Replicas wanted, as a multiple of those that serve, from which on a burst is on.
const PANIC: f64 = 2.0;

/// The window before shrinking when it is left to the policy; never shorter than it takes to get replicas back.
const AUTO_WINDOW: Duration = Duration::from_secs(25);

/// The window is so many times as long where the budget allows it, and where it does not.
const AUTO_LONGER: f64 = 6.0;
const AUTO_SHORTER: f64 = 0.3;

/// A forecast is kept for as long as it looked ahead, and so much longer.
const FORECAST_KEPT: Duration = Duration::from_secs(4);

/// Share of the replicas that has to report for their sum to be taken for the whole demand.
const COMPLETE: f64 = 0.9;

/// Replicas that have no rate yet are taken to carry what the others do, up to so many times the last demand known for certain.
const UNSEEN_MAX: f64 = 1.15;

/// The season is asked about so far beyond the horizon, in milliseconds.
const SEASON_AHEAD_MS: u64 = 60_000;

/// The time of a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TickTime {
    /// Since the epoch that the shell chose.
    pub now: Duration,
    /// Wall-clock time, in Unix milliseconds.
    pub unix_ms: u64,
}

/// A policy's memory of one service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Track {
    replicas: Replicas,
    demands: Vec<(Target, Demand, Season)>,
    highest: Extremes,
    forecast: Extremes,
    lowest: Extremes,
    panic_until: Option<Duration>,
    budget: Budget,
    entry: Entry,
    latest: Recommendation,
}

/// What the targets of a policy ask for together.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Recommendation {
    /// Each target that can be judged.
    pub(crate) proposals: Vec<MetricProposal>,
    /// The largest proposal.
    pub(crate) wanted: Option<u32>,
    /// The same, if higher within the window of shrinking; and how long that still counts.
    pub(crate) highest: Option<(u32, Duration)>,
    /// The same, if lower within the window of growing; and how long that still counts.
    pub(crate) lowest: Option<(u32, Duration)>,
    /// Until when a burst forbids shrinking.
    pub(crate) panic_left: Option<Duration>,
    /// Why the service must not shrink by its telemetry.
    pub(crate) unsure: Option<HoldReason>,
}

impl Recommendation {
    /// The proposal that asks for most.
    pub(crate) fn leading(&self) -> Option<&MetricProposal> {
        let wanted = self.wanted?;
        self.proposals.iter().find(|proposal| proposal.to == wanted)
    }
}

impl Track {
    /// Takes note of one tick. The same sequence of calls gives the same track.
    pub fn advance(
        &mut self,
        policy: &Policy,
        observation: &Observation,
        settings: &Settings,
        time: TickTime,
    ) {
        self.replicas.note(observation, time.now);
        let targets = policy.targets();
        if !self.demands.iter().map(|(target, ..)| target).eq(targets) {
            let fresh = |target: &Target| (*target, Demand::default(), Season::default());
            self.demands = targets.iter().map(fresh).collect();
            self.highest = Extremes::default();
            self.forecast = Extremes::default();
            self.lowest = Extremes::default();
        }
        let mut latest = Recommendation::default();
        self.entry = Entry::default();
        for number in 0..self.demands.len() {
            match self.propose(number, policy, observation, (settings, time)) {
                Ok(proposal) => {
                    latest.wanted = latest.wanted.max(Some(proposal.to));
                    latest.proposals.push(proposal);
                }
                Err(hold) => latest.unsure = latest.unsure.or(Some(hold)),
            }
        }
        latest.unsure = latest.unsure.or_else(|| coverage(policy, observation));
        if let Some(wanted) = latest.wanted {
            self.stabilise(wanted, &mut latest, (policy, observation), time.now);
        }
        self.latest = latest;
    }

    /// What one target asks for now.
    fn propose(
        &mut self,
        number: usize,
        policy: &Policy,
        observation: &Observation,
        (settings, TickTime { now, unix_ms }): (&Settings, TickTime),
    ) -> Result<MetricProposal, HoldReason> {
        let horizon = self.replicas.start_up();
        let freedom = self.budget.freedom();
        let Some((target, demand, season)) = self.demands.get_mut(number) else {
            return Err(HoldReason::WithinBand);
        };
        let seen = usable(*target, observation, settings)?;
        let (from, to) = (seen.reach + seen.interval(), seen.oldest_age);
        // A replica has a rate from its second reading on.
        let (due, _) = self.replicas.served(now.saturating_sub(from), now);
        let (_, served) = self
            .replicas
            .served(now.saturating_sub(seen.reach), now.saturating_sub(to));
        let reported = seen.average * f64::from(seen.reporting);
        // Those that have gone took their part along; those that have just come have not told theirs yet.
        let most = if seen.reporting < observation.serving {
            demand.known() * UNSEEN_MAX
        } else {
            demand.known()
        };
        let sum = reported.max((seen.average * served).min(most));
        if f64::from(seen.reporting) >= COMPLETE * f64::from(observation.serving) {
            demand.know(sum);
        }
        demand.push(sum, seen.interval(), horizon, now);
        let capacity = target.value() * f64::from(observation.serving);
        demand.work_off(capacity, policy.tracking().wait() * 4, now);
        let outlook = demand.outlook(horizon);
        let predict = policy.tracking().predict() != Predict::Off;
        if predict {
            demand.note_rhythm(sum, now);
            season.note(outlook.level, unix_ms);
        }
        let season_end = unix_ms
            .saturating_add(millis(horizon))
            .saturating_add(SEASON_AHEAD_MS);
        let basis = Basis {
            target: *target,
            tracking: policy.tracking(),
            average: seen.average,
            serving: observation.serving,
            replicas: observation.mode.replicas(),
            missing: due.saturating_sub(seen.reporting),
            backlog: demand.backlog(),
            season: season.forecast(unix_ms, season_end).filter(|_| predict),
            rhythm: demand.rhythm(horizon).filter(|_| predict),
            freedom,
        };
        self.entry = self.entry.with(demand, *target, capacity);
        Ok(basis.propose(&outlook))
    }

    /// For how long replicas are kept once demand has fallen, where that is left to the policy, and for how long once a forecast has.
    fn kept(&self, latest: &Recommendation, start_up: Duration) -> (Duration, Duration) {
        let freedom = self.budget.freedom();
        // Where demand repeats, it is known when they are needed again. Of being frugal, this is the first half.
        let repeats = latest.leading().is_some_and(|it| it.rhythm.is_some());
        let thrift = if repeats {
            1.0
        } else {
            (-2.0 * freedom).clamp(0.0, 1.0)
        };
        let factor = if repeats || freedom < 0.0 {
            AUTO_SHORTER.powf(thrift)
        } else {
            AUTO_LONGER.powf(freedom)
        };
        let forecast = start_up.mul_f64(1.0 - thrift);
        (
            AUTO_WINDOW.max(start_up).mul_f64(factor),
            forecast.saturating_add(FORECAST_KEPT),
        )
    }

    /// Remembers a recommendation and looks at those of the windows.
    fn stabilise(
        &mut self,
        wanted: u32,
        latest: &mut Recommendation,
        (policy, observation): (&Policy, &Observation),
        now: Duration,
    ) {
        let start_up = self.replicas.start_up();
        let (auto, forecast) = self.kept(latest, start_up);
        let length = |direction| match policy.tracking().window(direction) {
            Window::Fixed(length) => length,
            Window::Auto => auto,
        };
        let sure = latest
            .proposals
            .iter()
            .map(|proposal| proposal.sure)
            .max()
            .unwrap_or(wanted);
        let higher = |new, old| new >= old;
        let in_window = self
            .highest
            .push(sure, length(Direction::Down), now, higher);
        let forecast_in_window = self.forecast.push(wanted, forecast, now, higher);
        latest.highest = in_window
            .max(forecast_in_window)
            .filter(|(highest, _)| *highest > wanted);
        latest.lowest = self
            .lowest
            .push(wanted, length(Direction::Up), now, |new, old| new <= old);
        let bounds = policy.bounds();
        let entry = Entry {
            asked: f64::from(wanted.max(latest.highest.map_or(0, |(highest, _)| highest))),
            start_up,
            ..self.entry
        };
        let bounds = (f64::from(bounds.min()), f64::from(bounds.max()));
        self.budget.note(entry, bounds, now);
        let serving = f64::from(observation.serving.max(1));
        if f64::from(wanted) >= serving * PANIC && wanted > observation.mode.replicas() {
            self.panic_until = Some(now.saturating_add(forecast));
        }
        let left = self.panic_until.map(|until| until.saturating_sub(now));
        latest.panic_left = left.filter(|left| !left.is_zero() && *left <= forecast);
    }

    /// What the targets ask for as of the last tick.
    pub(crate) const fn latest(&self) -> &Recommendation {
        &self.latest
    }

    /// What each target asks for as of the last tick, as far as its telemetry can be judged.
    #[must_use]
    pub fn proposals(&self) -> &[MetricProposal] {
        &self.latest.proposals
    }

    /// From asking for a replica to its serving, as measured; `None` until one was seen to start.
    #[must_use]
    pub fn start_up(&self) -> Option<Duration> {
        self.replicas.measured()
    }

    /// When a task was last seen to have failed.
    pub(crate) const fn failed_at(&self) -> Option<Duration> {
        self.replicas.failed_at()
    }

    /// Whether replicas are on their way for so long that they will not come.
    pub(crate) fn stuck(&self, now: Duration) -> bool {
        self.replicas.stuck(now)
    }

    /// The replicas that the spec asked for at a time.
    pub(crate) fn wanted_at(&self, at: Duration) -> u32 {
        self.replicas.wanted_at(at)
    }

    /// Memory outside the value itself, in bytes.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let each = |(_, demand, season): &(Target, Demand, Season)| {
            demand.heap_bytes() + season.heap_bytes()
        };
        let demands: usize = self.demands.iter().map(each).sum();
        self.demands.capacity() * size_of::<(Target, Demand, Season)>()
            + demands
            + self.forecast.heap_bytes()
            + self.replicas.heap_bytes()
            + self.highest.heap_bytes()
            + self.lowest.heap_bytes()
            + self.latest.proposals.capacity() * size_of::<MetricProposal>()
    }
}

/// The reading of a target's metric, if it says anything about now.
fn usable(
    target: Target,
    observation: &Observation,
    settings: &Settings,
) -> Result<MetricObservation, HoldReason> {
    let metric = target.metric();
    let seen = observation
        .metrics
        .get(metric)
        .filter(|seen| seen.reporting > 0);
    let Some(seen) = seen else {
        return Err(HoldReason::TelemetryMissing { metric });
    };
    if seen.oldest_age > settings.telemetry_max_age {
        let age_ms = millis(seen.oldest_age);
        return Err(HoldReason::TelemetryStale { metric, age_ms });
    }
    if !seen.average.is_finite() || seen.average < 0.0 {
        return Err(HoldReason::TelemetryInvalid { metric });
    }
    Ok(seen)
}

/// Whether too few replicas report, for any target, to shrink.
fn coverage(policy: &Policy, observation: &Observation) -> Option<HoldReason> {
    let floor = policy.tracking().coverage();
    policy.targets().iter().find_map(|target| {
        let metric = target.metric();
        let seen = observation.metrics.get(metric)?;
        let expected = seen.expected.max(observation.serving);
        (f64::from(seen.reporting) < f64::from(expected) * floor).then_some(
            HoldReason::TelemetryPartial {
                metric,
                reporting: seen.reporting,
                expected,
            },
        )
    })
}
