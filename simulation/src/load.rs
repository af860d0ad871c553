//! Offered load: how much work arrives for a service over time.

use std::time::Duration;

/// Work offered to one service at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Demand {
    /// Processor work, in cores that would be busy if there were enough of them.
    pub cores: f64,
    /// Network traffic that comes with that work, bytes per second in both directions together.
    pub bytes_per_second: f64,
}

impl Demand {
    /// Work of `cores` that brings `bytes_per_second` of traffic.
    #[must_use]
    pub fn new(cores: f64, bytes_per_second: f64) -> Self {
        Self {
            cores,
            bytes_per_second,
        }
    }

    fn towards(self, other: Self, share: f64) -> Self {
        let mix = |a: f64, b: f64| a + (b - a) * share;
        Self {
            cores: mix(self.cores, other.cores),
            bytes_per_second: mix(self.bytes_per_second, other.bytes_per_second),
        }
    }

    pub(crate) fn scaled(self, factor: f64) -> Self {
        Self {
            cores: self.cores * factor,
            bytes_per_second: self.bytes_per_second * factor,
        }
    }
}

/// Load as a function of time.
#[derive(Clone, Debug, PartialEq)]
pub enum Load {
    /// The same all the time.
    Constant(Demand),
    /// From each moment (since the simulation's start) on, that demand; nothing before the first.
    Steps(Vec<(Duration, Demand)>),
    /// Up, a plateau, down, a valley, again and again.
    Wave(Wave),
}

/// A repeating wave: valley, rise, plateau, fall.
#[derive(Clone, Debug, PartialEq)]
pub struct Wave {
    /// Demand in the valley.
    pub low: Demand,
    /// Demand on the plateau.
    pub high: Demand,
    /// How long one wave takes.
    pub period: Duration,
    /// Where in the wave the simulation starts.
    pub phase: Duration,
    /// How long the way up (and the way down) takes.
    pub ramp: Duration,
    /// How long the plateau lasts.
    pub plateau: Duration,
    /// Noise, as a share of the demand (0.05: up to five per cent either way).
    pub noise: f64,
}

impl Wave {
    /// A wave that fits a demonstration of thirty seconds: up within two seconds, high for fourteen, then low.
    ///
    /// With a sampling interval and a tick of one second and a cooldown of two to three, replicas rise at least
    /// twice and fall at least once. `phase` shifts services against each other.
    #[must_use]
    pub fn demo(low: Demand, high: Demand, phase: Duration) -> Self {
        Self {
            low,
            high,
            period: Duration::from_secs(30),
            phase,
            ramp: Duration::from_secs(2),
            plateau: Duration::from_secs(14),
            noise: 0.04,
        }
    }

    fn at(&self, since_start: Duration) -> Demand {
        let period = self.period.as_secs_f64().max(0.001);
        let at = (since_start + self.phase).as_secs_f64() % period;
        let ramp = self.ramp.as_secs_f64().max(0.001);
        let fall_starts = ramp + self.plateau.as_secs_f64();
        let share = if at < ramp {
            at / ramp
        } else {
            1.0 - (at - fall_starts) / ramp
        };
        self.low.towards(self.high, share.clamp(0.0, 1.0))
    }
}

impl Load {
    /// No work at all.
    #[must_use]
    pub fn idle() -> Self {
        Self::Constant(Demand::default())
    }

    /// Returns the demand at a moment since the simulation's start; `noise` is in `-1.0..=1.0`.
    #[must_use]
    pub fn at(&self, since_start: Duration, noise: f64) -> Demand {
        match self {
            Self::Constant(demand) => *demand,
            Self::Steps(steps) => steps
                .iter()
                .rev()
                .find(|(from, _)| *from <= since_start)
                .map(|(_, demand)| *demand)
                .unwrap_or_default(),
            Self::Wave(wave) => wave
                .at(since_start)
                .scaled((1.0 + wave.noise * noise).max(0.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wave_rises_stays_and_falls() {
        let wave = Load::Wave(Wave::demo(
            Demand::new(1.0, 0.0),
            Demand::new(5.0, 0.0),
            Duration::ZERO,
        ));
        let cores = |second| wave.at(Duration::from_secs(second), 0.0).cores;
        assert_eq!(cores(0), 1.0);
        assert_eq!(cores(1), 3.0);
        assert_eq!(cores(2), 5.0);
        assert_eq!(cores(15), 5.0);
        assert_eq!(cores(17), 3.0);
        assert_eq!(cores(25), 1.0);
        assert_eq!(cores(33), 5.0);
    }

    #[test]
    fn steps_hold_until_the_next() {
        let steps = Load::Steps(vec![
            (Duration::from_secs(1), Demand::new(1.0, 10.0)),
            (Duration::from_secs(5), Demand::new(2.0, 20.0)),
        ]);
        let cores = |second| steps.at(Duration::from_secs(second), 1.0).cores;
        assert_eq!(
            (cores(0), cores(1), cores(4), cores(9)),
            (0.0, 1.0, 1.0, 2.0)
        );
    }
}
