//! Traces with shapes of their own, seeded, so that nothing is fitted to one recording.

use std::{f64::consts::TAU, fmt, str::FromStr};

use crate::{
    random::Random,
    trace::{REQUESTS_MAX, Trace, TraceError},
};

/// A shape of demand over time. Levels are requests a second; the numbers of each second are Poisson around the shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shape {
    /// Two days, each squeezed into two hours: a night at 40, an evening at 300, a dent at noon.
    Diurnal,
    /// Calm at 50, then within 20 s to 500, slowly back; three times, the last one to 700 within 5 s.
    FlashCrowd,
    /// Rises from 20 to 320 in ten minutes and falls at once.
    Sawtooth,
    /// Rises from 20 to 400 in two hours and falls as slowly.
    SlowRamp,
    /// Five minutes of 250, seven of nothing.
    OnOff,
    /// Half a minute of 300 every three minutes over 60.
    PulseTrain,
    /// A random walk in the logarithm: half or twice as much within some ten minutes.
    RandomWalk,
    /// Bursts of Pareto length and height at exponential distances over 40.
    HeavyTail,
    /// No change at all: 150.
    Constant,
}

impl Shape {
    /// Every shape.
    pub const EVERY: &[Self] = &[
        Self::Diurnal,
        Self::FlashCrowd,
        Self::Sawtooth,
        Self::SlowRamp,
        Self::OnOff,
        Self::PulseTrain,
        Self::RandomWalk,
        Self::HeavyTail,
        Self::Constant,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Diurnal => "diurnal",
            Self::FlashCrowd => "flash-crowd",
            Self::Sawtooth => "sawtooth",
            Self::SlowRamp => "slow-ramp",
            Self::OnOff => "on-off",
            Self::PulseTrain => "pulse-train",
            Self::RandomWalk => "random-walk",
            Self::HeavyTail => "heavy-tail",
            Self::Constant => "constant",
        }
    }

    /// Makes a trace of so many seconds; equal arguments give equal traces.
    ///
    /// # Errors
    /// [`TraceError::Empty`] for no seconds, [`TraceError::TooLong`].
    pub fn trace(self, seconds: usize, seed: u64) -> Result<Trace, TraceError> {
        let mut own = Random::new(seed, 32 + self as u64);
        let mut level = Level::new(self);
        let stream = seed.wrapping_mul(31) ^ self as u64;
        poisson(seconds, stream, |second| level.at(second, &mut own))
    }
}

/// A trace of Poisson numbers around a level, which is asked for second by second.
///
/// # Errors
/// [`TraceError::Empty`] for no seconds, [`TraceError::TooLong`].
pub fn poisson(
    seconds: usize,
    seed: u64,
    mut level: impl FnMut(f64) -> f64,
) -> Result<Trace, TraceError> {
    let mut random = Random::new(seed, 16);
    let most = f64::from(REQUESTS_MAX) / 2.0;
    let draw = |second: usize| random.poisson(level(second as f64).min(most));
    Trace::new((0..seconds).map(draw).collect())
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Shape {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::EVERY
            .iter()
            .copied()
            .find(|shape| shape.name() == text)
            .ok_or_else(|| format!("there is no shape {text:?}"))
    }
}

/// A shape under way, with what the random ones remember.
#[derive(Clone, Copy, Debug)]
struct Level {
    shape: Shape,
    walk: f64,
    burst_until: f64,
    burst_height: f64,
    next_burst: f64,
}

impl Level {
    const fn new(shape: Shape) -> Self {
        Self {
            shape,
            walk: 0.0,
            burst_until: 0.0,
            burst_height: 0.0,
            next_burst: 0.0,
        }
    }

    /// Requests a second at this second; called once for each, in order.
    fn at(&mut self, second: f64, random: &mut Random) -> f64 {
        match self.shape {
            Shape::Diurnal => {
                let day = TAU * second / 7200.0;
                170.0 - 130.0 * day.cos() - 40.0 * (2.0 * day).cos() + 10.0
            }
            Shape::FlashCrowd => {
                let (since, rise, top) = match second % 10_800.0 {
                    at if at < 1800.0 => return 50.0,
                    at if at < 5400.0 => (at - 1800.0, 20.0, 500.0),
                    at if at < 7800.0 => (at - 5400.0, 20.0, 350.0),
                    at => (at - 7800.0, 5.0, 700.0),
                };
                let height = top - 50.0;
                50.0 + if since < rise {
                    height * since / rise
                } else {
                    height * (-(since - rise) / 500.0).exp()
                }
            }
            Shape::Sawtooth => 20.0 + 300.0 * (second % 600.0) / 600.0,
            Shape::SlowRamp => 20.0 + 380.0 * (1.0 - (second % 14_400.0 / 7200.0 - 1.0).abs()),
            Shape::OnOff => on(second % 720.0 < 300.0, 250.0, 0.0),
            Shape::PulseTrain => on(second % 180.0 < 30.0, 300.0, 60.0),
            Shape::RandomWalk => {
                // Drawn back to 100, so that it stays in reach.
                self.walk += 0.03 * random.normal() - 0.0015 * self.walk;
                100.0 * self.walk.clamp(-3.0, 2.0).exp()
            }
            Shape::HeavyTail => {
                if second >= self.next_burst {
                    let pareto = |random: &mut Random| (1.0 - random.unit()).powf(-1.0 / 1.5);
                    self.burst_until = second + (20.0 * pareto(random)).min(1200.0);
                    self.burst_height = (80.0 * pareto(random)).min(700.0);
                    self.next_burst = self.burst_until + 240.0 * random.exponential();
                }
                40.0 + on(second < self.burst_until, self.burst_height, 0.0)
            }
            Shape::Constant => 150.0,
        }
    }
}

const fn on(is: bool, high: f64, low: f64) -> f64 {
    if is { high } else { low }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_seeded_and_keep_their_levels() {
        for shape in Shape::EVERY {
            let trace = shape.trace(14_400, 1).unwrap();
            assert_eq!(trace, shape.trace(14_400, 1).unwrap(), "{shape}");
            assert_ne!(trace, shape.trace(14_400, 2).unwrap(), "{shape}");
            let mean = trace.mean_of_first(14_400);
            let most = trace.seconds().iter().max().copied().unwrap();
            assert!((40.0..260.0).contains(&mean), "{shape}: {mean}");
            assert!((150..900).contains(&most), "{shape}: {most}");
            assert_eq!(shape.name().parse(), Ok(*shape));
        }
    }
}
