//! What services did in the last hour, in memory, for the charts of the page: a ring of points per service.
//!
//! It keeps what the ticks show and nothing else: it is no archive (that is Prometheus' business), and nothing is decided from it.

mod answer;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use scaler::Metric;

pub use answer::SeriesAnswer;
pub(crate) use answer::rounded;

/// Points that a service has at most; the window over it is the interval between two.
pub const POINTS_MAX: usize = 900;

/// Fewest points that a service keeps, however many services there are.
const POINTS_MIN: usize = 60;

/// Candidates of one service that have series of their own at most.
const SHADOWS_MAX: usize = 2 * scaler::shadow::CANDIDATES_MAX;

/// Points that a ring grows by: doubling would leave up to half of it empty.
const GROWTH: usize = 64;

/// What a candidate's series holds where the candidate was not there.
const ABSENT: u32 = u32::MAX;

/// A service at one moment. NaN stands for unknown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Wall-clock time in milliseconds since 1970.
    pub unix_ms: u64,
    /// Replicas in the spec.
    pub replicas: u32,
    /// Tasks that serve.
    pub serving: u32,
    /// Replicas that the policy would have.
    pub wanted: u32,
    /// Least replicas; 0 while the labels are invalid.
    pub min: u32,
    /// Most replicas; 0 while the labels are invalid.
    pub max: u32,
    /// Load as a share of the mark or target that is nearest to being passed.
    pub load: f32,
    /// Share of the expected containers that reported.
    pub coverage: f32,
    /// The metrics' averages over replicas, in the order of [`Metric::ALL`].
    pub metrics: [f32; Metric::ALL.len()],
}

/// One service's ring.
#[derive(Debug, Default)]
struct Ring {
    points: VecDeque<Point>,
    /// Replicas that candidates would have: as many values each as there are points.
    shadows: BTreeMap<String, VecDeque<u32>>,
}

impl Ring {
    fn push(&mut self, point: Point, shadows: &[(String, u32)]) {
        grow(&mut self.points);
        for (name, _) in shadows {
            if !self.shadows.contains_key(name) && self.shadows.len() < SHADOWS_MAX {
                let before = VecDeque::from(vec![ABSENT; self.points.len()]);
                self.shadows.insert(name.clone(), before);
            }
        }
        self.points.push_back(point);
        self.shadows.retain(|name, values| {
            let now = shadows.iter().find(|(candidate, _)| candidate == name);
            grow(values);
            values.push_back(now.map_or(ABSENT, |(_, replicas)| *replicas));
            now.is_some() || values.iter().any(|value| *value != ABSENT)
        });
    }

    fn pop(&mut self) {
        self.points.pop_front();
        for values in self.shadows.values_mut() {
            values.pop_front();
        }
    }

    fn memory_bytes(&self) -> usize {
        let shadows: usize = self
            .shadows
            .iter()
            .map(|(name, values)| name.len() + values.capacity() * size_of::<u32>())
            .sum();
        self.points.capacity() * size_of::<Point>() + shadows
    }
}

fn grow<T>(ring: &mut VecDeque<T>) {
    if ring.len() == ring.capacity() {
        ring.reserve_exact(GROWTH);
    }
}

/// What the rings counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SeriesStats {
    /// Services with points.
    pub services: usize,
    /// Points of all of them.
    pub points: usize,
    /// Memory of the rings.
    pub memory_bytes: usize,
    /// Points given up before their time because all rings together were at their limit.
    pub evicted: u64,
}

/// The rings of all services.
#[derive(Debug)]
pub struct Series {
    window_ms: u64,
    limit_bytes: usize,
    rings: BTreeMap<String, Ring>,
    evicted: u64,
    last_unix_ms: Option<u64>,
}

impl Series {
    /// Rings that reach `window` back and take about `limit_bytes` together.
    #[must_use]
    pub fn new(window: Duration, limit_bytes: usize) -> Self {
        Self {
            window_ms: u64::try_from(window.as_millis()).unwrap_or(u64::MAX),
            limit_bytes,
            rings: BTreeMap::new(),
            evicted: 0,
            last_unix_ms: None,
        }
    }

    /// Time between two points in milliseconds.
    #[must_use]
    pub const fn interval_ms(&self) -> u64 {
        let interval = self.window_ms / POINTS_MAX as u64;
        if interval == 0 { 1 } else { interval }
    }

    /// Whether the interval is over since the last points; a clock that was set back is no reason to wait.
    #[must_use]
    pub fn is_due(&self, unix_ms: u64) -> bool {
        self.last_unix_ms.is_none_or(|last| {
            unix_ms < last || unix_ms / self.interval_ms() > last / self.interval_ms()
        })
    }

    /// Adds one point for each service, and lets go what is over: services that are not there any more keep theirs until then.
    pub fn push(
        &mut self,
        unix_ms: u64,
        points: impl Iterator<Item = (String, Point, Vec<(String, u32)>)>,
    ) {
        self.last_unix_ms = Some(unix_ms);
        for (name, point, shadows) in points {
            self.rings.entry(name).or_default().push(point, &shadows);
        }
        let oldest = unix_ms.saturating_sub(self.window_ms);
        let most = self.points_per_service();
        for ring in self.rings.values_mut() {
            let outdated = |point: &Point| point.unix_ms < oldest || point.unix_ms > unix_ms;
            while ring.points.front().is_some_and(outdated) {
                ring.pop();
            }
            while ring.points.len() > most {
                ring.pop();
                if most < POINTS_MAX {
                    self.evicted += 1;
                }
            }
        }
        self.rings.retain(|_, ring| !ring.points.is_empty());
    }

    /// What each service may keep so that all together stay within the limit.
    fn points_per_service(&self) -> usize {
        let services = self.rings.len().max(1);
        let fit = self.limit_bytes / services / size_of::<Point>();
        fit.clamp(POINTS_MIN, POINTS_MAX)
    }

    /// What a service did since `from_unix_ms`, in at most about `points` steps; `None` for a service without points.
    #[must_use]
    pub fn answer(&self, name: &str, from_unix_ms: u64, points: usize) -> Option<SeriesAnswer> {
        let ring = self.rings.get(name)?;
        let start = ring
            .points
            .partition_point(|point| point.unix_ms < from_unix_ms);
        let shadows = ring.shadows.iter().map(|(name, values)| {
            let values = values
                .iter()
                .skip(start)
                .map(|value| (*value != ABSENT).then_some(*value));
            (name.clone(), values.collect())
        });
        let chosen: Vec<Point> = ring.points.iter().skip(start).copied().collect();
        Some(SeriesAnswer::new(
            &chosen,
            shadows.collect(),
            self.interval_ms(),
            points,
        ))
    }

    /// The load of each service over the last points, oldest first, in per cent; -1 where it is not known.
    #[must_use]
    pub fn sparks(&self, points: usize) -> BTreeMap<&str, Vec<i32>> {
        let spark = |ring: &Ring| {
            let skip = ring.points.len().saturating_sub(points);
            ring.points
                .iter()
                .skip(skip)
                .map(|point| answer::percent(point.load))
                .collect()
        };
        self.rings
            .iter()
            .map(|(name, ring)| (name.as_str(), spark(ring)))
            .collect()
    }

    /// What they counted.
    #[must_use]
    pub fn stats(&self) -> SeriesStats {
        SeriesStats {
            services: self.rings.len(),
            points: self.rings.values().map(|ring| ring.points.len()).sum(),
            memory_bytes: self.rings.values().map(Ring::memory_bytes).sum(),
            evicted: self.evicted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1000;

    fn point(unix_ms: u64, replicas: u32) -> Point {
        Point {
            unix_ms,
            replicas,
            serving: replicas,
            wanted: replicas,
            min: 1,
            max: 9,
            load: 0.5,
            coverage: 1.0,
            metrics: [f32::NAN; Metric::ALL.len()],
        }
    }

    fn fill(series: &mut Series, services: usize, seconds: u64) {
        for second in 0..seconds {
            let at = second * SECOND;
            if series.is_due(at) {
                let all =
                    (0..services).map(|number| (format!("s{number}"), point(at, 2), Vec::new()));
                series.push(at, all);
            }
        }
    }

    #[test]
    fn an_hour_takes_a_point_every_four_seconds_and_no_more_than_it_says() {
        let mut series = Series::new(Duration::from_secs(3600), 64 << 20);
        assert_eq!(series.interval_ms(), 4000);
        fill(&mut series, 10, 5000);
        let stats = series.stats();
        assert_eq!((stats.services, stats.evicted), (10, 0));
        assert!((8990..=9000).contains(&stats.points), "{stats:?}");
        let most = 10 * (POINTS_MAX + GROWTH) * size_of::<Point>();
        assert!(stats.memory_bytes <= most, "{stats:?}");
    }

    #[test]
    fn at_the_limit_each_service_keeps_less_and_it_is_counted() {
        let limit = 20 * 100 * size_of::<Point>();
        let mut series = Series::new(Duration::from_secs(900), limit);
        fill(&mut series, 20, 300);
        let stats = series.stats();
        assert_eq!(stats.points, 20 * 100);
        assert_eq!(stats.evicted, 20 * 200);
        assert!(stats.memory_bytes <= limit + 20 * GROWTH * size_of::<Point>());
    }

    #[test]
    fn a_service_that_is_gone_goes_when_its_points_are_over() {
        let mut series = Series::new(Duration::from_secs(900), 1 << 20);
        series.push(
            SECOND,
            [("gone".to_owned(), point(SECOND, 1), Vec::new())].into_iter(),
        );
        series.push(500 * SECOND, std::iter::empty());
        assert_eq!(series.stats().services, 1);
        series.push(902 * SECOND, std::iter::empty());
        assert_eq!(series.stats(), SeriesStats::default());
    }

    #[test]
    fn a_clock_that_is_set_back_begins_anew() {
        let mut series = Series::new(Duration::from_secs(900), 1 << 20);
        series.push(
            9_000_000,
            [("a".to_owned(), point(9_000_000, 1), Vec::new())].into_iter(),
        );
        assert!(series.is_due(5_000));
        series.push(
            5_000,
            [("a".to_owned(), point(5_000, 2), Vec::new())].into_iter(),
        );
        let answer = series.answer("a", 0, 100).unwrap();
        assert_eq!(answer.unix_ms, [5_000]);
    }

    #[test]
    fn candidates_keep_step_with_the_points_and_go_when_nothing_is_left_of_them() {
        let mut series = Series::new(Duration::from_secs(900), 1 << 20);
        let calm = |replicas| vec![("calm".to_owned(), replicas)];
        series.push(
            SECOND,
            [("a".to_owned(), point(SECOND, 1), Vec::new())].into_iter(),
        );
        series.push(
            2 * SECOND,
            [("a".to_owned(), point(2 * SECOND, 2), calm(7))].into_iter(),
        );
        series.push(
            3 * SECOND,
            [("a".to_owned(), point(3 * SECOND, 2), Vec::new())].into_iter(),
        );
        let answer = series.answer("a", 0, 100).unwrap();
        assert_eq!(answer.shadows["calm"], [None, Some(7), None]);
        let late = 902 * SECOND + 500;
        series.push(
            late,
            [("a".to_owned(), point(late, 2), Vec::new())].into_iter(),
        );
        series.push(
            late + SECOND,
            [("a".to_owned(), point(late + SECOND, 2), Vec::new())].into_iter(),
        );
        assert!(series.answer("a", 0, 100).unwrap().shadows.is_empty());
    }
}
