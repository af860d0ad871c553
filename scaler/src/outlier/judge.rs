//! Who is far from the middle of its siblings.
//!
//! The middle is the median, and distances are measured in deviations from it: the median absolute deviation, which half of the
//! siblings would have to fake (Iglewicz and Hoaglin, "How to Detect and Handle Outliers", 1993). Where siblings are all but equal a
//! share of the median stands in for it, so that nothing is far that is not far in absolute terms as well.

use super::OutlierKind;

/// From the median absolute deviation to what the standard deviation of a normal distribution would be.
const NORMAL: f64 = 1.4826;

/// Deviations are taken to be at least this share of the median.
const DEVIATION_MIN: f64 = 0.05;

/// Traffic per replica in bytes per second below which nothing is told from it.
const TRAFFIC_MIN: f64 = 5_000.0;

/// Cores below which it does not matter how much is needed for a byte.
const CPU_MIN: f64 = 0.05;

/// Share of the median's traffic that a replica needs to have for its processor time to be set against it.
const SHARE_MIN: f64 = 0.1;

/// How sure it is that one is odd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Strictness {
    /// Odd enough to stay one that stands out.
    Still,
    /// Odd enough to become one.
    Clear,
}

/// How far from the middle is far.
struct Far {
    /// Times the median.
    ratio: f64,
    /// Deviations.
    deviations: f64,
    /// Share of time stolen.
    steal: f64,
    /// Share of the median's traffic that is none.
    idle: f64,
}

impl Strictness {
    const BOTH: [Self; 2] = [Self::Clear, Self::Still];

    const fn far(self) -> Far {
        match self {
            Self::Clear => Far {
                ratio: 2.0,
                deviations: 5.0,
                steal: 0.1,
                idle: 0.02,
            },
            Self::Still => Far {
                ratio: 1.5,
                deviations: 2.5,
                steal: 0.05,
                idle: 0.1,
            },
        }
    }
}

/// What is compared of one replica.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Value {
    /// In the kind's unit.
    pub(super) compared: f64,
    pub(super) cpu: f64,
    pub(super) bytes: f64,
}

impl Value {
    pub(super) const fn of(compared: f64) -> Self {
        Self {
            compared,
            cpu: 0.0,
            bytes: 0.0,
        }
    }
}

/// One replica's oddness.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Odd {
    pub(super) kind: OutlierKind,
    pub(super) strictness: Strictness,
    pub(super) value: f64,
    pub(super) median: f64,
}

/// The middle of all siblings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Middle {
    kind: OutlierKind,
    median: f64,
    /// Not below [`DEVIATION_MIN`] of the median.
    deviation: f64,
    /// What all but a third have at least.
    lower_third: f64,
    cpu: f64,
    bytes: f64,
}

impl Middle {
    /// Whether any of these can be far from any middle; spares finding it where none can.
    pub(super) fn is_needed<'a>(
        kind: OutlierKind,
        values: impl Iterator<Item = &'a Value>,
    ) -> bool {
        let far = Strictness::Still.far();
        let (mut least, mut most, mut cpu) = (f64::MAX, 0.0_f64, 0.0_f64);
        for value in values {
            least = least.min(value.compared);
            most = most.max(value.compared);
            cpu = cpu.max(value.cpu);
        }
        match kind {
            OutlierKind::Steal => most >= far.steal,
            OutlierKind::CpuPerByte => cpu >= CPU_MIN && most > far.ratio * least,
            OutlierKind::Idle => most >= TRAFFIC_MIN && least <= far.idle * most,
        }
    }

    /// The middle of these; `None` where there are too few, or nothing can be told.
    pub(super) fn of<'a>(
        kind: OutlierKind,
        values: impl Iterator<Item = &'a Value> + Clone,
    ) -> Option<Self> {
        let mut compared: Vec<f64> = values.clone().map(|value| value.compared).collect();
        if compared.len() < super::SIBLINGS_MIN {
            return None;
        }
        let median = median(&mut compared)?;
        let third = compared.len() / super::SHARE;
        let lower_third = *compared.select_nth_unstable_by(third, f64::total_cmp).1;
        let mut distances: Vec<f64> = compared
            .iter()
            .map(|value| (value - median).abs())
            .collect();
        let deviation = NORMAL * self::median(&mut distances)?.max(DEVIATION_MIN * median);
        let mut cpu: Vec<f64> = values.clone().map(|value| value.cpu).collect();
        let mut bytes: Vec<f64> = values.map(|value| value.bytes).collect();
        Some(Self {
            kind,
            median,
            deviation,
            lower_third,
            cpu: self::median(&mut cpu)?,
            bytes: self::median(&mut bytes)?,
        })
    }

    /// How odd one of them is.
    pub(super) fn judge(&self, value: &Value) -> Option<Odd> {
        let strictness = Strictness::BOTH
            .into_iter()
            .find(|strictness| self.is_far(value, &strictness.far()))?;
        Some(Odd {
            kind: self.kind,
            strictness,
            value: value.compared,
            median: self.median,
        })
    }

    fn is_far(&self, value: &Value, far: &Far) -> bool {
        let above = value.compared - self.median;
        match self.kind {
            OutlierKind::Steal => {
                value.compared >= far.steal && above >= far.steal / 2.0 && above > self.median
            }
            OutlierKind::CpuPerByte => {
                self.bytes >= TRAFFIC_MIN
                    && value.bytes >= SHARE_MIN * self.bytes
                    && value.cpu >= CPU_MIN
                    && value.cpu >= self.cpu
                    && value.compared > far.ratio * self.median
                    && above > far.deviations * self.deviation
            }
            OutlierKind::Idle => {
                self.median >= TRAFFIC_MIN
                    && self.lower_third >= self.median / 4.0
                    && value.compared <= far.idle * self.median
            }
        }
    }
}

/// The middle value; the mean of the middle two of an even number. Reorders.
pub(super) fn median(values: &mut [f64]) -> Option<f64> {
    let half = values.len() / 2;
    if values.is_empty() {
        return None;
    }
    let even = values.len().is_multiple_of(2);
    let (below, upper, _) = values.select_nth_unstable_by(half, f64::total_cmp);
    let lower = below.iter().copied().fold(f64::MIN, f64::max);
    Some(if even {
        f64::midpoint(lower, *upper)
    } else {
        *upper
    })
}
