//! How target tracking behaves over time: how far back it looks, how fast it may go, how far ahead it looks.

use std::{num::NonZeroU32, time::Duration};

use serde::{Deserialize, Serialize};

use super::{Direction, PerDirection, PolicyError};
use crate::time::millis;

/// Longest stabilisation window and period of a rate.
pub const WINDOW_MAX: Duration = Duration::from_secs(3600);

/// Most rates for one direction.
pub const RATES_MAX: usize = 4;

/// How long recommendations are remembered: growing takes the lowest, shrinking the highest of the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Window {
    /// As long as said, at most [`WINDOW_MAX`].
    Fixed(#[serde(serialize_with = "as_millis")] Duration),
    /// Found from how soon the service's load came back after earlier lulls.
    Auto,
}

fn as_millis<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(millis(*duration))
}

/// How much replicas may change within a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Rate {
    /// How much.
    pub amount: Amount,
    /// Within how long: above 0, at most [`WINDOW_MAX`].
    #[serde(serialize_with = "as_millis", rename = "period_ms")]
    pub period: Duration,
}

/// An amount of replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Amount {
    /// Per cent of the replicas at the beginning of the period.
    Percent(NonZeroU32),
    /// So many.
    Replicas(NonZeroU32),
}

/// Which of several rates counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Select {
    /// The one that lets replicas change most.
    #[default]
    Max,
    /// The one that lets replicas change least.
    Min,
    /// None: replicas do not change in this direction.
    Disabled,
}

/// The rates of one direction; none at all is no limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rates {
    select: Select,
    rates: Vec<Rate>,
}

impl Rates {
    /// Checks and keeps rates.
    ///
    /// # Errors
    /// [`PolicyError::TooManyRates`], [`PolicyError::PeriodOutOfRange`].
    pub fn new(select: Select, rates: Vec<Rate>) -> Result<Self, PolicyError> {
        if rates.len() > RATES_MAX {
            return Err(PolicyError::TooManyRates);
        }
        if rates
            .iter()
            .any(|rate| rate.period.is_zero() || rate.period > WINDOW_MAX)
        {
            return Err(PolicyError::PeriodOutOfRange);
        }
        Ok(Self { select, rates })
    }

    /// Which of them counts.
    #[must_use]
    pub const fn select(&self) -> Select {
        self.select
    }

    /// The rates.
    #[must_use]
    pub fn rates(&self) -> &[Rate] {
        &self.rates
    }
}

/// What is done with forecasts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Predict {
    /// Nothing is forecast.
    Off,
    /// All is forecast and shown, nothing acts on it.
    ForecastOnly,
    /// The trend of the time that a container takes to start is acted on; the season is forecast and shown.
    #[default]
    Trend,
    /// Trend and season are acted on.
    Seasonal,
}

impl Predict {
    /// Whether the trend counts.
    #[must_use]
    pub const fn trend(self) -> bool {
        matches!(self, Self::Trend | Self::Seasonal)
    }
}

/// How target tracking behaves over time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tracking {
    tolerance: f64,
    coverage: f64,
    wait: Duration,
    window: PerDirection<Window>,
    rates: PerDirection<Rates>,
    predict: Predict,
}

impl Default for Tracking {
    /// No rates, no wait before growing, an adaptive one before shrinking, prediction by trend.
    fn default() -> Self {
        Self {
            tolerance: 0.1,
            coverage: 1.0,
            wait: Duration::from_millis(500),
            window: PerDirection {
                up: Window::Fixed(Duration::ZERO),
                down: Window::Auto,
            },
            rates: PerDirection {
                up: Rates::default(),
                down: Rates::default(),
            },
            predict: Predict::default(),
        }
    }
}

impl Tracking {
    /// Changes the tolerance: averages this near to their target, as a share of it, change nothing; from 0 to below 1.
    ///
    /// # Errors
    /// [`PolicyError::ToleranceOutOfRange`].
    pub fn with_tolerance(mut self, tolerance: f64) -> Result<Self, PolicyError> {
        if !(0.0..1.0).contains(&tolerance) {
            return Err(PolicyError::ToleranceOutOfRange);
        }
        self.tolerance = tolerance;
        Ok(self)
    }

    /// Changes the share of replicas that have to report before the service shrinks; from 0 to 1.
    ///
    /// # Errors
    /// [`PolicyError::CoverageOutOfRange`].
    pub fn with_coverage(mut self, coverage: f64) -> Result<Self, PolicyError> {
        if !(0.0..=1.0).contains(&coverage) {
            return Err(PolicyError::CoverageOutOfRange);
        }
        self.coverage = coverage;
        Ok(self)
    }

    /// Changes how long work may wait for a replica: the shorter, the more headroom above a capacity; above 0, at most [`WINDOW_MAX`].
    ///
    /// # Errors
    /// [`PolicyError::PeriodOutOfRange`].
    pub fn with_wait(mut self, wait: Duration) -> Result<Self, PolicyError> {
        if wait.is_zero() || wait > WINDOW_MAX {
            return Err(PolicyError::PeriodOutOfRange);
        }
        self.wait = wait;
        Ok(self)
    }

    /// Changes the stabilisation windows.
    ///
    /// # Errors
    /// [`PolicyError::PeriodOutOfRange`].
    pub fn with_window(mut self, window: PerDirection<Window>) -> Result<Self, PolicyError> {
        let long = |window| matches!(window, Window::Fixed(length) if length > WINDOW_MAX);
        if long(window.up) || long(window.down) {
            return Err(PolicyError::PeriodOutOfRange);
        }
        self.window = window;
        Ok(self)
    }

    /// Changes the rates.
    #[must_use]
    pub fn with_rates(mut self, rates: PerDirection<Rates>) -> Self {
        self.rates = rates;
        self
    }

    /// Changes what is done with forecasts.
    #[must_use]
    pub const fn with_predict(mut self, predict: Predict) -> Self {
        self.predict = predict;
        self
    }

    /// See [`Self::with_tolerance`].
    #[must_use]
    pub const fn tolerance(&self) -> f64 {
        self.tolerance
    }

    /// See [`Self::with_coverage`].
    #[must_use]
    pub const fn coverage(&self) -> f64 {
        self.coverage
    }

    /// See [`Self::with_wait`].
    #[must_use]
    pub const fn wait(&self) -> Duration {
        self.wait
    }

    /// See [`Self::with_window`].
    #[must_use]
    pub const fn window(&self, direction: Direction) -> Window {
        self.window.get(direction)
    }

    /// See [`Self::with_rates`].
    #[must_use]
    pub const fn rates(&self, direction: Direction) -> &Rates {
        match direction {
            Direction::Up => &self.rates.up,
            Direction::Down => &self.rates.down,
        }
    }

    /// See [`Self::with_predict`].
    #[must_use]
    pub const fn predict(&self) -> Predict {
        self.predict
    }
}
