//! Traces that the defaults are judged on: families whose periods, heights and gaps are drawn from the seed.
//!
//! [`TUNING`] may be looked at while the policy is worked on. [`HELD_OUT`] has other seeds and, in half of its rows, families that the
//! tuning set does not have; it is for the end, so that what it shows was not fitted.

use std::f64::consts::TAU;

use crate::{
    random::Random,
    trace::{Trace, TraceError},
};

/// A kind of demand over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Levels of 10 to 600 that hold for two to fifteen minutes each.
    Ladder,
    /// High and low, each for a fixed time; period and heights drawn.
    Square,
    /// Bursts of Pareto height after Pareto gaps.
    ParetoBursts,
    /// A slow sine with spikes of 10 to 60 s.
    SineSpikes,
    /// Rises steadily and crashes.
    RampCrash,
    /// A trend, two slow sines and noise of minutes, with rushes now and then.
    Web,
    /// One to twenty requests a second: whole replicas matter.
    Low,
    /// Near what the most replicas can carry.
    High,
    /// Half an hour of nothing, then load, and so on.
    Silence,
    /// A weekday squeezed into two hours: night, morning rush, noon dent, evening.
    Weekday,
    /// States with levels of their own, each for an exponential time.
    Markov,
    /// A job every so many minutes over a calm base.
    Cron,
    /// Calm in the mean, but seconds differ by far more than a Poisson process lets them.
    Rough,
    /// Rushes that rise within 2 to 120 s and decay.
    Rushes,
    /// A random walk in the logarithm.
    Wander,
}

/// One trace of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    /// Its kind.
    pub family: Family,
    /// What its parameters are drawn from.
    pub seed: u64,
}

const fn case(family: Family, seed: u64) -> Case {
    Case { family, seed }
}

/// What may be looked at while the policy is worked on.
pub const TUNING: &[Case] = &[
    case(Family::Ladder, 1),
    case(Family::Ladder, 2),
    case(Family::Square, 1),
    case(Family::Square, 2),
    case(Family::Square, 3),
    case(Family::ParetoBursts, 1),
    case(Family::ParetoBursts, 2),
    case(Family::SineSpikes, 1),
    case(Family::SineSpikes, 2),
    case(Family::RampCrash, 1),
    case(Family::Web, 1),
    case(Family::Web, 2),
    case(Family::Low, 1),
    case(Family::High, 1),
    case(Family::Silence, 1),
    case(Family::Wander, 1),
    case(Family::Rough, 1),
];

/// What is looked at at the end.
pub const HELD_OUT: &[Case] = &[
    case(Family::Ladder, 71),
    case(Family::Square, 72),
    case(Family::Square, 73),
    case(Family::ParetoBursts, 74),
    case(Family::SineSpikes, 75),
    case(Family::RampCrash, 76),
    case(Family::Web, 77),
    case(Family::Low, 78),
    case(Family::Low, 79),
    case(Family::High, 80),
    case(Family::Silence, 81),
    case(Family::Wander, 82),
    case(Family::Weekday, 83),
    case(Family::Weekday, 84),
    case(Family::Markov, 85),
    case(Family::Markov, 86),
    case(Family::Markov, 87),
    case(Family::Cron, 88),
    case(Family::Cron, 89),
    case(Family::Rough, 90),
    case(Family::Rough, 91),
    case(Family::Rushes, 92),
    case(Family::Rushes, 93),
    case(Family::Rushes, 94),
];

impl Case {
    /// Its name in tables.
    #[must_use]
    pub fn name(self) -> String {
        format!("{:?}/{}", self.family, self.seed).to_lowercase()
    }

    /// The trace; equal arguments give equal traces.
    ///
    /// # Errors
    /// [`TraceError::Empty`] for no seconds, [`TraceError::TooLong`].
    pub fn trace(self, seconds: usize) -> Result<Trace, TraceError> {
        let mut random = Random::new(self.seed, 64 + self.family as u64);
        let levels = levels(self.family, seconds, &mut random);
        let rough = self.family == Family::Rough;
        let draw = |level: &f64| {
            // A Poisson process whose rate is itself drawn anew each second.
            let burst = if rough { random.exponential() } else { 1.0 };
            random.poisson((level * burst).min(2000.0))
        };
        Trace::new(levels.iter().map(draw).collect())
    }
}

/// A part of a trace, each number multiplied; beginning anew at the end.
///
/// # Errors
/// [`TraceError::Empty`] for no seconds.
pub fn cut(trace: &Trace, from: usize, seconds: usize, factor: f64) -> Result<Trace, TraceError> {
    let of = trace.seconds();
    let scaled = |second: usize| {
        let number = f64::from(of[(from + second) % of.len()]) * factor;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to what a u32 holds"
        )]
        let number = number.round().clamp(0.0, 1e6) as u32;
        number
    };
    Trace::new((0..seconds).map(scaled).collect())
}

/// A number between two, drawn evenly in the logarithm.
fn between(random: &mut Random, low: f64, high: f64) -> f64 {
    low * (high / low).powf(random.unit())
}

fn pareto(random: &mut Random, shape: f64) -> f64 {
    (1.0 - random.unit()).powf(-1.0 / shape)
}

/// Requests a second around which the numbers are drawn.
fn levels(family: Family, seconds: usize, random: &mut Random) -> Vec<f64> {
    let each = |level: &mut dyn FnMut(f64) -> f64| -> Vec<f64> {
        (0..seconds).map(|second| level(second as f64)).collect()
    };
    match family {
        Family::Ladder => steps(seconds, random, (120.0, 900.0), (10.0, 600.0)),
        Family::Markov => steps(seconds, random, (15.0, 400.0), (20.0, 500.0)),
        Family::Square => {
            let (period, duty) = (between(random, 60.0, 900.0), between(random, 0.15, 0.7));
            let (low, high) = (between(random, 10.0, 100.0), between(random, 150.0, 600.0));
            each(&mut |at| high_if((at / period).fract() < duty, high, low))
        }
        Family::Cron => {
            let (period, length) = (
                60.0 * between(random, 3.0, 12.0).round(),
                between(random, 8.0, 90.0),
            );
            let (low, high) = (between(random, 20.0, 150.0), between(random, 150.0, 500.0));
            each(&mut |at| low + high_if(at % period < length, high, 0.0))
        }
        Family::ParetoBursts => bursts(seconds, random),
        Family::SineSpikes => {
            let period = between(random, 900.0, 5400.0);
            let base = between(random, 80.0, 250.0);
            let spikes = spikes(seconds, random, (300.0, 60.0), (0.5, 3.0));
            let sine = |at: f64| base * (1.0 + 0.6 * (TAU * at / period).sin());
            each(&mut |at| sine(at) + base * at_second(&spikes, at))
        }
        Family::RampCrash => {
            let (period, top) = (
                between(random, 200.0, 1500.0),
                between(random, 150.0, 600.0),
            );
            each(&mut |at| 15.0 + top * (at / period).fract())
        }
        Family::Web | Family::Weekday => day(family, seconds, random),
        Family::Low => wander(seconds, random, 6.0, 0.04),
        Family::Wander => {
            let (base, pace) = (between(random, 60.0, 200.0), between(random, 0.015, 0.05));
            wander(seconds, random, base, pace)
        }
        Family::High => {
            let drift = wander(seconds, random, 1.0, 0.01);
            each(&mut |at| (560.0 * at_second(&drift, at).clamp(0.6, 1.25)).min(720.0))
        }
        Family::Silence => {
            let (period, high) = (
                between(random, 2000.0, 4000.0),
                between(random, 100.0, 500.0),
            );
            let noise = wander(seconds, random, 1.0, 0.01);
            each(&mut |at| {
                let on = (at / period).fract() > 0.5;
                high_if(on, high * at_second(&noise, at).clamp(0.5, 1.5), 0.2)
            })
        }
        Family::Rough => wander(seconds, random, 150.0, 0.005),
        Family::Rushes => rushes(seconds, random),
    }
}

/// Levels that each hold for a time.
fn steps(seconds: usize, random: &mut Random, holds: (f64, f64), heights: (f64, f64)) -> Vec<f64> {
    let (mut until, mut level) = (0.0, 0.0);
    let mut each = |at: f64| {
        if at >= until {
            until = at + between(random, holds.0, holds.1);
            level = between(random, heights.0, heights.1);
        }
        level
    };
    (0..seconds).map(|second| each(second as f64)).collect()
}

fn bursts(seconds: usize, random: &mut Random) -> Vec<f64> {
    let base = between(random, 20.0, 120.0);
    let (mut begin, mut end, mut height) = (200.0, 0.0, 0.0);
    let mut each = |at: f64| {
        if at >= begin {
            end = at + (10.0 * pareto(random, 1.3)).min(600.0);
            height = (60.0 * pareto(random, 1.4)).min(600.0);
            begin = end + (60.0 * pareto(random, 1.3)).min(2000.0);
        }
        base + high_if(at < end, height, 0.0)
    };
    (0..seconds).map(|second| each(second as f64)).collect()
}

/// Multiples of a base that stand for 10 to 60 s each, at exponential distances.
fn spikes(
    seconds: usize,
    random: &mut Random,
    (gap, longest): (f64, f64),
    heights: (f64, f64),
) -> Vec<f64> {
    let mut all = vec![0.0; seconds];
    let mut at = gap;
    while at < seconds as f64 {
        let (length, height) = (
            between(random, 10.0, longest),
            between(random, heights.0, heights.1),
        );
        for (second, value) in (0_u32..).zip(all.iter_mut()) {
            if (at..at + length).contains(&f64::from(second)) {
                *value = height;
            }
        }
        at += length + gap * random.exponential();
    }
    all
}

/// A random walk in the logarithm, drawn back to its base.
fn wander(seconds: usize, random: &mut Random, base: f64, pace: f64) -> Vec<f64> {
    let mut walk = 0.0_f64;
    let mut each = || {
        walk += pace * random.normal() - 0.0015 * walk;
        base * walk.clamp(-2.5, 1.5).exp()
    };
    (0..seconds).map(|_| each()).collect()
}

fn day(family: Family, seconds: usize, random: &mut Random) -> Vec<f64> {
    let noise = wander(seconds, random, 1.0, 0.008);
    let rush = spikes(seconds, random, (1500.0, 200.0), (0.3, 1.5));
    let phase = random.unit();
    let (top, length) = (
        between(random, 150.0, 400.0),
        between(random, 5000.0, 9000.0),
    );
    let weekday = |x: f64| {
        let hump = |middle: f64, width: f64| (-((x - middle) / width).powi(2)).exp();
        0.12 + 0.8 * hump(0.4, 0.08) + 0.6 * hump(0.58, 0.07) + 0.9 * hump(0.82, 0.08)
    };
    let web = |x: f64| 0.5 + 0.3 * (TAU * x).sin() + 0.15 * (TAU * 3.3 * x).sin() + 0.1 * x;
    (0..seconds)
        .map(|second| {
            let x = second as f64 / length + phase;
            let level = if family == Family::Web {
                web(x)
            } else {
                weekday(x.fract())
            };
            let rush = rush.get(second).copied().unwrap_or_default();
            let rush = if family == Family::Web { rush } else { 0.0 };
            top * (level.max(0.05) * noise.get(second).copied().unwrap_or(1.0) + 0.5 * rush)
        })
        .collect()
}

fn rushes(seconds: usize, random: &mut Random) -> Vec<f64> {
    let base = between(random, 30.0, 120.0);
    let (mut began, mut rise, mut decay, mut height) = (0.0, 1.0, 1.0, 0.0);
    let mut next = 400.0;
    let mut each = |at: f64| {
        if at >= next {
            (began, rise) = (at, between(random, 2.0, 120.0));
            (decay, height) = (between(random, 30.0, 500.0), between(random, 60.0, 600.0));
            next = at + rise + decay * 3.0 + 300.0 * random.exponential();
        }
        let since = at - began;
        base + height
            * if since < rise {
                since / rise
            } else {
                (-(since - rise) / decay).exp()
            }
    };
    (0..seconds).map(|second| each(second as f64)).collect()
}

fn at_second(values: &[f64], at: f64) -> f64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a second's number"
    )]
    let second = at as usize;
    values.get(second).copied().unwrap_or_default()
}

const fn high_if(is: bool, high: f64, low: f64) -> f64 {
    if is { high } else { low }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_seeded_and_differ() {
        let mut names = Vec::new();
        for case in TUNING.iter().chain(HELD_OUT) {
            let trace = case.trace(3600).unwrap();
            assert_eq!(trace, case.trace(3600).unwrap(), "{}", case.name());
            let mean = trace.mean_of_first(3600);
            assert!((1.0..800.0).contains(&mean), "{}: {mean}", case.name());
            assert!(!names.contains(&case.name()), "{}", case.name());
            names.push(case.name());
        }
    }

    #[test]
    fn a_cut_is_scaled_and_begins_anew() {
        let trace = Trace::new(vec![1, 2, 3]).unwrap();
        let cut = cut(&trace, 1, 4, 2.0).unwrap();
        assert_eq!(cut.seconds(), &[4, 6, 2, 4]);
    }
}
