//! A stretch of a ring as the page draws it: columns, in steps that are the same from call to call.

use std::collections::BTreeMap;

use scaler::Metric;
use serde::Serialize;
use utoipa::ToSchema;

use super::Point;

/// What a service did, in columns of equal length; `null` where it is not known.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SeriesAnswer {
    /// Time between two steps, milliseconds.
    pub step_ms: u64,
    /// When each step was, in milliseconds since 1970.
    pub unix_ms: Vec<u64>,
    /// Replicas in the spec, the last of each step.
    pub replicas: Vec<u32>,
    /// Tasks that served.
    pub serving: Vec<u32>,
    /// Replicas that the policy would have had.
    pub wanted: Vec<u32>,
    /// Least replicas.
    pub min: Vec<u32>,
    /// Most replicas.
    pub max: Vec<u32>,
    /// Load as a share of the mark or target that was nearest to being passed, the mean of each step.
    pub load: Vec<Option<f64>>,
    /// Share of the expected containers that reported.
    pub coverage: Vec<Option<f64>>,
    /// Averages over replicas by metric, the mean of each step; only metrics that were reported.
    pub metrics: BTreeMap<&'static str, Vec<Option<f64>>>,
    /// Replicas that each candidate would have had.
    pub shadows: BTreeMap<String, Vec<Option<u32>>>,
}

impl SeriesAnswer {
    /// Puts points into steps of the interval or a multiple of it, so that there are at most about `most`.
    pub(super) fn new(
        points: &[Point],
        shadows: BTreeMap<String, Vec<Option<u32>>>,
        interval_ms: u64,
        most: usize,
    ) -> Self {
        let factor = points.len().div_ceil(most.max(1)).max(1);
        let step_ms = interval_ms * factor as u64;
        let ends = ends(points, step_ms);
        let starts: Vec<usize> = std::iter::once(0).chain(ends.iter().copied()).collect();
        let steps: Vec<&[Point]> = starts
            .iter()
            .zip(&ends)
            .map(|(start, end)| points.get(*start..*end).unwrap_or_default())
            .collect();
        let lasts: Vec<&Point> = steps.iter().filter_map(|step| step.last()).collect();
        let count = |pick: fn(&Point) -> u32| lasts.iter().map(|point| pick(point)).collect();
        let average = |pick: &dyn Fn(&Point) -> f32| -> Vec<Option<f64>> {
            steps.iter().map(|step| mean(step, pick)).collect()
        };
        let metrics = Metric::ALL.iter().enumerate().map(|(index, metric)| {
            let values =
                average(&|point: &Point| point.metrics.get(index).copied().unwrap_or(f32::NAN));
            (metric.name(), values)
        });
        let at_ends = |values: Vec<Option<u32>>| {
            let last = |end: &usize| values.get(end.saturating_sub(1)).copied().flatten();
            ends.iter().map(last).collect()
        };
        Self {
            step_ms,
            unix_ms: lasts.iter().map(|point| point.unix_ms).collect(),
            replicas: count(|point| point.replicas),
            serving: count(|point| point.serving),
            wanted: count(|point| point.wanted),
            min: count(|point| point.min),
            max: count(|point| point.max),
            load: average(&|point: &Point| point.load),
            coverage: average(&|point: &Point| point.coverage),
            metrics: metrics
                .filter(|(_, values)| values.iter().any(Option::is_some))
                .collect(),
            shadows: shadows
                .into_iter()
                .map(|(name, values)| (name, at_ends(values)))
                .filter(|(_, values): &(_, Vec<Option<u32>>)| values.iter().any(Option::is_some))
                .collect(),
        }
    }
}

/// Where each step ends: steps lie on multiples of their length, so that they do not change as time goes on.
fn ends(points: &[Point], step_ms: u64) -> Vec<usize> {
    let of = |point: &Point| point.unix_ms / step_ms.max(1);
    let mut ends: Vec<usize> = points
        .windows(2)
        .enumerate()
        .filter(|(_, pair)| pair.first().map(of) != pair.last().map(of))
        .map(|(index, _)| index + 1)
        .collect();
    if !points.is_empty() {
        ends.push(points.len());
    }
    ends
}

/// The mean of what is known, to four digits: more would only be sent, not seen.
fn mean(step: &[Point], pick: &dyn Fn(&Point) -> f32) -> Option<f64> {
    let known = step.iter().map(pick).filter(|value| value.is_finite());
    let (count, sum) = known.fold((0_u32, 0.0), |(count, sum), value| {
        (count + 1, sum + f64::from(value))
    });
    (count > 0).then(|| rounded(sum / f64::from(count)))
}

/// A number to four digits.
pub(crate) fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return 0.0;
    }
    let magnitude = value.abs().log10().floor();
    let scale = 10_f64.powf(3.0 - magnitude);
    if scale.is_finite() && scale > 0.0 {
        (value * scale).round() / scale
    } else {
        value
    }
}

/// A share in whole per cent, at most 999; -1 when it is not known.
#[expect(clippy::cast_possible_truncation, reason = "it lies between 0 and 999")]
pub(crate) fn percent(share: f32) -> i32 {
    if share.is_finite() {
        (share * 100.0).round().clamp(0.0, 999.0) as i32
    } else {
        -1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(count: u64) -> Vec<Point> {
        (0..count)
            .map(|number| {
                let mut metrics = [f32::NAN; Metric::ALL.len()];
                metrics[0] = if number % 2 == 0 { 0.2 } else { f32::NAN };
                Point {
                    unix_ms: 10_000 + number * 1000,
                    replicas: u32::try_from(number).unwrap(),
                    serving: 1,
                    wanted: 1,
                    min: 1,
                    max: 2,
                    load: 0.5,
                    coverage: f32::NAN,
                    metrics,
                }
            })
            .collect()
    }

    #[test]
    fn columns_have_one_length_and_unknown_is_null() {
        let answer = SeriesAnswer::new(&points(6), BTreeMap::new(), 1000, 100);
        assert_eq!(answer.step_ms, 1000);
        assert_eq!(answer.replicas, [0, 1, 2, 3, 4, 5]);
        assert_eq!(answer.coverage, [None; 6]);
        let cpu = &answer.metrics["cpu_of_limit"];
        assert_eq!(cpu[..2], [Some(0.2), None]);
        assert_eq!(answer.metrics.len(), 1);
    }

    #[test]
    fn steps_are_the_same_wherever_a_stretch_begins() {
        let all = points(50);
        let whole = SeriesAnswer::new(&all, BTreeMap::new(), 1000, 10);
        assert_eq!(whole.step_ms, 5000);
        assert!(whole.unix_ms.len() <= 11);
        let part = SeriesAnswer::new(&all[5..], BTreeMap::new(), 1000, 9);
        assert_eq!(part.unix_ms, whole.unix_ms[1..]);
        assert_eq!(whole.replicas.last(), Some(&49));
    }

    #[test]
    fn numbers_are_as_long_as_they_need_to_be() {
        assert_eq!(rounded(0.123_456), 0.1235);
        assert_eq!(rounded(1_234_567.0), 1_235_000.0);
        assert_eq!(rounded(-3.0), -3.0);
        assert_eq!(rounded(f64::NAN), 0.0);
        assert_eq!(
            (percent(0.501), percent(f32::NAN), percent(1e9)),
            (50, -1, 999)
        );
    }

    #[test]
    fn nothing_is_an_answer() {
        let answer = SeriesAnswer::new(&[], BTreeMap::new(), 1000, 10);
        assert!(answer.unix_ms.is_empty() && answer.metrics.is_empty());
    }
}
