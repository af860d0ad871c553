//! Laws of target tracking: what holds for any targets, any behaviour over time, any start-up time and any load.

use std::{num::NonZeroU32, time::Duration};

use proptest::{collection::vec, prelude::*};
use scaler::{
    AdminMode, Aim, Bounds, Decision, Effective, Leadership, Metric, MetricObservation, Nodes,
    PerDirection, Policy, Predict, ScaleReason, Scope, ServiceState, Settings, Situation,
    SwarmCondition, Target, Track, Tracking, Verdict, decide,
    policy::{Amount, Rate, Rates, Select, Window},
};

/// Any tracking that the constructors accept.
fn trackings() -> impl Strategy<Value = Tracking> {
    let window = || {
        prop_oneof![
            Just(Window::Auto),
            (0..120_u64).prop_map(|s| Window::Fixed(Duration::from_secs(s)))
        ]
    };
    let rate = (
        prop_oneof![
            (1..200_u32).prop_map(|n| Amount::Percent(NonZeroU32::new(n).unwrap())),
            (1..9_u32).prop_map(|n| Amount::Replicas(NonZeroU32::new(n).unwrap()))
        ],
        1..60_u64,
    )
        .prop_map(|(amount, seconds)| Rate {
            amount,
            period: Duration::from_secs(seconds),
        });
    let rates = vec(rate, 0..3).prop_map(|rates| Rates::new(Select::Max, rates).unwrap());
    let predict = prop::sample::select(vec![
        Predict::Off,
        Predict::ForecastOnly,
        Predict::Trend,
        Predict::Seasonal,
    ]);
    (
        0.0..0.9_f64,
        0.0..1.0_f64,
        1..5000_u64,
        (window(), window()),
        (rates.clone(), rates),
        predict,
    )
        .prop_map(|(tolerance, coverage, wait, windows, rates, predict)| {
            Tracking::default()
                .with_tolerance(tolerance)
                .and_then(|tracking| tracking.with_coverage(coverage))
                .and_then(|tracking| tracking.with_wait(Duration::from_millis(wait)))
                .and_then(|tracking| {
                    tracking.with_window(PerDirection {
                        up: windows.0,
                        down: windows.1,
                    })
                })
                .unwrap()
                .with_rates(PerDirection {
                    up: rates.0,
                    down: rates.1,
                })
                .with_predict(predict)
        })
}

/// Any targets that the constructor accepts.
fn targets() -> impl Strategy<Value = Vec<Target>> {
    let one = (
        prop::sample::select(&Metric::ALL[..]),
        any::<bool>(),
        0.01..20.0_f64,
    );
    vec(one, 1..4).prop_map(|all| {
        let target = |(metric, capacity, value): (Metric, bool, f64)| {
            let aim = if capacity {
                Aim::Capacity
            } else {
                Aim::Average
            };
            Target::new(metric, aim, value)
                .or_else(|_| Target::new(metric, Aim::Average, value.min(0.9)))
                .unwrap()
        };
        all.into_iter().map(target).collect()
    })
}

/// A service with targets and what its policy remembers, in a swarm that starts a container in `start` seconds.
struct Tracked {
    policy: Policy,
    track: Track,
    spec: u32,
    serving: u32,
    starting: Vec<(u64, u32)>,
    start: u64,
    second: u64,
}

impl Tracked {
    fn new(policy: Policy, replicas: u32, start: u64) -> Self {
        Self {
            policy,
            track: Track::default(),
            spec: replicas,
            serving: replicas,
            starting: Vec::new(),
            start,
            second: 1000,
        }
    }

    fn scale(&mut self, to: u32) {
        if to > self.spec {
            self.starting
                .push((self.second + self.start, to - self.spec));
        } else {
            // Those that do not serve yet go first.
            let mut gone = self.spec - to;
            while let Some(last) = self.starting.last_mut().filter(|_| gone > 0) {
                let some = last.1.min(gone);
                last.1 -= some;
                gone -= some;
                if last.1 == 0 {
                    self.starting.pop();
                }
            }
            self.serving -= gone;
        }
        self.spec = to;
    }

    /// Two seconds with a total load on every metric, of which so many replicas report; shares of a limit end at the limit.
    fn tick(&mut self, load: f64, silent: u32) -> Verdict {
        self.second += 2;
        let due: u32 = self
            .starting
            .iter()
            .filter(|(at, _)| *at <= self.second)
            .map(|(_, count)| count)
            .sum();
        self.starting.retain(|(at, _)| *at > self.second);
        self.serving += due;
        let mut observation = crate::world::observation(self.spec);
        (observation.serving, observation.starting) = (self.serving, self.spec - self.serving);
        let reporting = self.serving.saturating_sub(silent);
        for metric in Metric::ALL.into_iter().filter(|_| reporting > 0) {
            let average =
                (load / f64::from(self.serving)).min(metric.ceiling().unwrap_or(f64::MAX));
            let reach = Duration::from_secs(2);
            observation.metrics.insert(
                metric,
                MetricObservation {
                    average,
                    reporting,
                    expected: self.serving,
                    oldest_age: Duration::ZERO,
                    reach,
                },
            );
        }
        let now = Duration::from_secs(self.second);
        let settings = Settings::default();
        let time = scaler::TickTime {
            now,
            unix_ms: 1_800_000_000_000 + self.second * 1000,
        };
        self.track
            .advance(&self.policy, &observation, &settings, time);
        let swarm = SwarmCondition {
            leadership: Leadership::Leader,
            nodes: Nodes::Known,
            view_age: Some(Duration::ZERO),
        };
        let situation = Situation {
            admin: Effective {
                mode: AdminMode::Enabled,
                by: Scope::Global,
            },
            state: &ServiceState::default(),
            track: &self.track,
            observation: &observation,
            swarm: &swarm,
            leader_since: Some(Duration::ZERO),
            settings: &settings,
        };
        let verdict = decide(&self.policy, &situation, now);
        if let Decision::Scale { to, .. } = verdict.decision {
            self.scale(to);
        }
        verdict
    }
}

fn tracked() -> impl Strategy<Value = Policy> {
    (1..30_u32, 0..60_u32, targets(), trackings()).prop_map(|(min, more, targets, tracking)| {
        let none = PerDirection {
            up: Duration::ZERO,
            down: Duration::ZERO,
        };
        Policy::tracking_only(
            Bounds::new(min, min + more).unwrap(),
            none,
            targets,
            tracking,
        )
        .unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    /// Targets never leave the bounds, whatever load comes and however many replicas are silent; and the same input gives the same.
    #[test]
    fn targets_stay_within_the_bounds(policy in tracked(), start in 0..40_u64, loads in vec((0.0..400.0_f64, 0..3_u32), 1..120)) {
        let bounds = policy.bounds();
        let mut one = Tracked::new(policy.clone(), bounds.min(), start);
        let mut other = Tracked::new(policy, bounds.min(), start);
        for (load, silent) in loads {
            let verdict = one.tick(load, silent);
            prop_assert_eq!(&verdict, &other.tick(load, silent));
            prop_assert!((bounds.min()..=bounds.max()).contains(&one.spec));
        }
        prop_assert_eq!(one.track, other.track);
    }

    /// While any replica is silent that should report, a service that asks for full coverage does not shrink.
    #[test]
    fn targets_never_shrink_on_missing_telemetry(policy in tracked(), loads in vec(0.0..400.0_f64, 1..60), idle in 0.0..5.0_f64, silent in 1..4_u32) {
        let full = policy.tracking().clone().with_coverage(1.0).unwrap();
        let targets = policy.targets().to_vec();
        let mut service = Tracked::new(policy.with_targets(targets, full), 12, 8);
        for load in loads {
            service.tick(load, 0);
        }
        for _ in 0..200 {
            let before = service.spec;
            let verdict = service.tick(idle, silent);
            let beyond = matches!(verdict.decision, Decision::Scale { reason: ScaleReason::AboveMaximum, .. });
            prop_assert!(service.spec >= before || beyond, "{verdict:?}");
        }
    }

    /// Under constant load there is no limit cycle, for any parameters and start-up time, whatever came before: once it has settled, it
    /// never grows again; what it learnt of a livelier past may still let it shrink.
    #[test]
    fn targets_come_to_rest_under_constant_load(policy in tracked(), start in 0..40_u64, before in vec(0.0..400.0_f64, 0..60), load in 0.0..400.0_f64) {
        let mut service = Tracked::new(policy.clone(), policy.bounds().min(), start);
        for load in before {
            service.tick(load, 0);
        }
        // The slowest rate is one replica a minute.
        let way = policy.bounds().max() - policy.bounds().min();
        for _ in 0..1000 + 35 * way {
            service.tick(load, 0);
        }
        let mut changes = 0;
        for _ in 0..1000 {
            let spec = service.spec;
            let verdict = service.tick(load, 0);
            prop_assert!(service.spec <= spec, "grew from {spec}: {verdict:?}");
            changes += u32::from(service.spec != spec);
        }
        prop_assert!(changes <= way);
    }
}
