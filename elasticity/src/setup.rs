//! What is simulated besides the trace: the service, its bounds, how long its containers take.

use std::time::Duration;

/// Steps of the simulation in a second.
pub const STEPS_PER_SECOND: u64 = 4;

/// Length of a step, in seconds.
pub const STEP_SECONDS: f64 = 1.0 / STEPS_PER_SECOND as f64;

/// Longest time a container may take to start.
pub const START_MAX: Duration = Duration::from_secs(3600);

/// Most replicas that can be simulated.
pub const REPLICAS_MAX: u32 = 10_000;

/// One step of the simulation, as a time.
#[must_use]
pub const fn time_of(step: u64) -> Duration {
    Duration::from_millis(step * (1000 / STEPS_PER_SECOND))
}

/// The first step at or after `time`.
#[must_use]
pub fn step_of(time: Duration) -> u64 {
    let steps = time
        .as_millis()
        .saturating_mul(u128::from(STEPS_PER_SECOND))
        .div_ceil(1000);
    u64::try_from(steps).unwrap_or(u64::MAX)
}

/// The service that is simulated; its values are checked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Setup {
    start: Duration,
    requests_per_replica: f64,
    min: u32,
    max: u32,
    seed: u64,
}

/// Why a setup cannot be simulated.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum SetupError {
    /// The start time is not in `0..=3600` seconds.
    #[error("start-seconds {0} is not between 0 and 3600")]
    Start(f64),
    /// A replica's rate is not a number above 0.
    #[error("requests-per-replica {0} is not a number above 0 and at most 10^9")]
    Rate(f64),
    /// `min` is 0.
    #[error("min must be at least 1")]
    MinIsZero,
    /// `min` is above `max`.
    #[error("min {min} is above max {max}")]
    MinAboveMax {
        /// The minimum.
        min: u32,
        /// The maximum.
        max: u32,
    },
    /// `max` is above [`REPLICAS_MAX`].
    #[error("max {0} is above {REPLICAS_MAX}")]
    MaxTooLarge(u32),
}

impl Setup {
    /// A service whose containers take `start_seconds` to start and serve `requests_per_replica` a second each.
    ///
    /// # Errors
    /// [`SetupError`], naming the value at fault.
    pub fn new(
        start_seconds: f64,
        requests_per_replica: f64,
        bounds: (u32, u32),
        seed: u64,
    ) -> Result<Self, SetupError> {
        if !(0.0..=START_MAX.as_secs_f64()).contains(&start_seconds) {
            return Err(SetupError::Start(start_seconds));
        }
        if !(requests_per_replica > 0.0 && requests_per_replica <= 1e9) {
            return Err(SetupError::Rate(requests_per_replica));
        }
        let (min, max) = bounds;
        if min == 0 {
            return Err(SetupError::MinIsZero);
        }
        if min > max {
            return Err(SetupError::MinAboveMax { min, max });
        }
        if max > REPLICAS_MAX {
            return Err(SetupError::MaxTooLarge(max));
        }
        Ok(Self {
            start: Duration::from_secs_f64(start_seconds),
            requests_per_replica,
            min,
            max,
            seed,
        })
    }

    /// From the request for a container until it serves; rounded up to whole steps.
    #[must_use]
    pub const fn start(&self) -> Duration {
        self.start
    }

    /// Requests a second that one replica can serve.
    #[must_use]
    pub const fn requests_per_replica(&self) -> f64 {
        self.requests_per_replica
    }

    /// Least replicas.
    #[must_use]
    pub const fn min(&self) -> u32 {
        self.min
    }

    /// Most replicas.
    #[must_use]
    pub const fn max(&self) -> u32 {
        self.max
    }

    /// The seed of arrivals and of the noise in telemetry.
    #[must_use]
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// Least replicas that carry so many requests a second within the SLO; at least 1, and not limited by `max`.
    #[must_use]
    pub fn demand(&self, requests: f64) -> f64 {
        (requests / self.requests_per_replica).ceil().max(1.0)
    }

    /// `replicas` brought into the bounds.
    #[must_use]
    pub fn bounded(&self, replicas: f64) -> u32 {
        let bounded = replicas.clamp(f64::from(self.min), f64::from(self.max));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to bounds that are u32; NaN becomes 0 and then the minimum"
        )]
        let whole = bounded as u32;
        whole.max(self.min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_value_at_fault() {
        for (start, rate, bounds, expected) in [
            (-1.0, 10.0, (1, 2), SetupError::Start(-1.0)),
            (1e9, 10.0, (1, 2), SetupError::Start(1e9)),
            (8.0, 0.0, (1, 2), SetupError::Rate(0.0)),
            (8.0, 10.0, (0, 2), SetupError::MinIsZero),
            (
                8.0,
                10.0,
                (3, 2),
                SetupError::MinAboveMax { min: 3, max: 2 },
            ),
            (8.0, 10.0, (1, 10_001), SetupError::MaxTooLarge(10_001)),
        ] {
            assert_eq!(Setup::new(start, rate, bounds, 1), Err(expected));
        }
        assert!(Setup::new(f64::NAN, 10.0, (1, 2), 1).is_err());
        assert!(Setup::new(8.0, f64::NAN, (1, 2), 1).is_err());
        assert!(Setup::new(0.0, 0.5, (1, 1), 1).is_ok());
    }

    #[test]
    fn steps_round_up() {
        for (millis, step) in [(0, 0), (1, 1), (250, 1), (251, 2), (8000, 32)] {
            assert_eq!(step_of(Duration::from_millis(millis)), step, "{millis}");
        }
        assert_eq!(time_of(5), Duration::from_millis(1250));
    }
}
