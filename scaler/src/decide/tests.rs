//! Decisions by table: the policy here, each precondition in [`preconditions`].

mod preconditions;

use super::*;
use crate::{
    AdminMode, Defaults, Leadership, MetricObservation, Mode, Nodes, Outcome, Readings, Rollout,
    Scope, labels::tests::labels,
};

const NOW: Duration = Duration::from_secs(1000);

const fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Everything a decision depends on; `ready(4, cpu, bytes)` is a service that nothing holds but its metrics.
struct Case {
    labels: &'static [(&'static str, &'static str)],
    admin: Effective,
    state: ServiceState,
    observation: Observation,
    swarm: SwarmCondition,
    leader_since: Option<Duration>,
}

fn reading(average: f64, replicas: u32) -> MetricObservation {
    MetricObservation {
        average,
        reporting: replicas,
        expected: replicas,
        oldest_age: at(4),
        reach: at(9),
    }
}

fn ready(replicas: u32, cpu: f64, bytes: f64) -> Case {
    Case {
        labels: &[
            ("min", "2"),
            ("max", "8"),
            ("cpu.high", "70%"),
            ("cpu.low", "30%"),
            ("bytes.high", "1MB"),
            ("bytes.low", "100k"),
        ],
        admin: Effective {
            mode: AdminMode::Enabled,
            by: Scope::Global,
        },
        state: ServiceState::default(),
        observation: Observation {
            mode: Mode::Replicated { replicas },
            serving: replicas,
            starting: 0,
            draining: 0,
            failed: 0,
            start_up: None,
            rollout: Rollout::Idle,
            change: None,
            metrics: Readings::default()
                .with(Metric::CpuOfLimit, reading(cpu, replicas))
                .with(Metric::Bytes, reading(bytes, replicas)),
        },
        swarm: SwarmCondition {
            leadership: Leadership::Leader,
            nodes: Nodes::Known,
            view_age: Some(Duration::from_millis(100)),
        },
        leader_since: Some(at(10)),
    }
}

impl Case {
    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn verdict(&self) -> Verdict {
        let mut labels = labels(self.labels);
        labels.insert("swarmtide.enable".to_owned(), "true".to_owned());
        let policy = Policy::from_labels(&Defaults::default(), &labels)
            .unwrap()
            .unwrap();
        let situation = Situation {
            admin: self.admin,
            state: &self.state,
            track: &Track::default(),
            observation: &self.observation,
            swarm: &self.swarm,
            leader_since: self.leader_since,
            settings: &Settings::default(),
        };
        decide(&policy, &situation, NOW)
    }

    #[track_caller]
    fn holds(&self, expected: &HoldReason) {
        assert_eq!(self.verdict().decision, Decision::Hold(expected.clone()));
    }

    #[track_caller]
    fn scales(&self, from: u32, to: u32, reason: ScaleReason) {
        assert_eq!(
            self.verdict().decision,
            Decision::Scale { from, to, reason }
        );
    }
}

/// A service that wants to grow.
fn busy(replicas: u32) -> Case {
    ready(replicas, 0.9, 0.0)
}

/// A service that wants to shrink.
fn idle(replicas: u32) -> Case {
    ready(replicas, 0.1, 0.0)
}

fn cpu_above(average: f64) -> ScaleReason {
    ScaleReason::AboveHigh {
        metric: Metric::CpuOfLimit,
        average,
        high: 0.7,
    }
}

#[test]
fn thresholds() {
    busy(4).scales(4, 5, cpu_above(0.9));
    idle(4).scales(4, 3, ScaleReason::BelowLow);
    // Either metric lets it grow; the one furthest above its mark is named.
    let bytes = ScaleReason::AboveHigh {
        metric: Metric::Bytes,
        average: 5e6,
        high: 1e6,
    };
    ready(4, 0.1, 5e6).scales(4, 5, bytes);
    ready(4, 0.9, 5e6).scales(4, 5, bytes);
    // It takes both to shrink.
    ready(4, 0.1, 5e5).holds(&HoldReason::WithinBand);
    ready(4, 0.5, 0.0).holds(&HoldReason::WithinBand);
    // On a mark is within the band.
    ready(4, 0.7, 1e6).holds(&HoldReason::WithinBand);
    ready(4, 0.3, 1e5).holds(&HoldReason::WithinBand);
}

#[test]
fn steps_end_at_the_bounds() {
    const STEPS: &[(&str, &str)] = &[
        ("min", "2"),
        ("max", "8"),
        ("step", "3"),
        ("cpu.low", "30%"),
    ];
    let verdict = busy(7).with(|case| case.labels = STEPS).verdict();
    assert_eq!(verdict.clamps, [Clamp::Maximum { wanted: 10, to: 8 }]);
    assert_eq!(
        verdict.decision,
        Decision::Scale {
            from: 7,
            to: 8,
            reason: cpu_above(0.9)
        }
    );
    assert_eq!(
        verdict.proposal,
        Some(Proposal {
            to: 10,
            reason: cpu_above(0.9)
        })
    );
    let verdict = ready(4, 0.01, 0.0)
        .with(|case| case.labels = STEPS)
        .verdict();
    assert_eq!(verdict.clamps, [Clamp::Minimum { wanted: 1, to: 2 }]);
    assert_eq!(
        verdict.decision,
        Decision::Scale {
            from: 4,
            to: 2,
            reason: ScaleReason::BelowLow
        }
    );
}

#[test]
fn extremes_hold() {
    busy(8).holds(&HoldReason::AtMaximum { wanted: 9 });
    idle(2).holds(&HoldReason::AtMinimum);
}

#[test]
fn takes_no_more_than_the_rest_can_carry() {
    const CLOSE: &[(&str, &str)] = &[
        ("min", "1"),
        ("cpu.high", "70%"),
        ("cpu.low", "60%"),
        ("step", "5"),
    ];
    // 2 at 50 % are 1 at 100 %.
    ready(2, 0.5, 0.0)
        .with(|case| case.labels = CLOSE)
        .holds(&HoldReason::WouldOvershoot {
            metric: Metric::CpuOfLimit,
        });
    // Where the minimum forbids it already, that is the reason.
    ready(1, 0.5, 0.0)
        .with(|case| case.labels = CLOSE)
        .holds(&HoldReason::AtMinimum);
    // 8 at 50 % are 6 at 67 %, 5 at 80 %.
    let verdict = ready(8, 0.5, 0.0)
        .with(|case| case.labels = CLOSE)
        .verdict();
    assert_eq!(
        verdict.clamps,
        [Clamp::Overshoot {
            metric: Metric::CpuOfLimit,
            wanted: 3,
            to: 6
        }]
    );
    assert_eq!(
        verdict.decision,
        Decision::Scale {
            from: 8,
            to: 6,
            reason: ScaleReason::BelowLow
        }
    );
}

#[test]
fn bounds_are_kept_without_telemetry() {
    let blind = |replicas| {
        ready(replicas, f64::NAN, 0.0).with(|case| case.observation.metrics = Readings::default())
    };
    blind(1).scales(1, 2, ScaleReason::BelowMinimum);
    blind(30).scales(30, 8, ScaleReason::AboveMaximum);
    blind(4).holds(&HoldReason::TelemetryMissing {
        metric: Metric::CpuOfLimit,
    });
    // Zero is a person's doing.
    blind(0).holds(&HoldReason::ScaledToZero);
    // Neither warm-up nor cooldown stand in the way, a rollout does.
    blind(30)
        .with(|case| case.leader_since = Some(NOW))
        .scales(30, 8, ScaleReason::AboveMaximum);
    blind(1)
        .with(|case| case.state.scaled_at = Some(NOW))
        .scales(1, 2, ScaleReason::BelowMinimum);
    blind(1)
        .with(|case| case.observation.rollout = Rollout::Paused)
        .holds(&HoldReason::Rollout {
            state: Rollout::Paused,
        });
    blind(30)
        .with(|case| case.swarm.nodes = Nodes::Unknown { count: 2 })
        .holds(&HoldReason::NodesUnknown { count: 2 });
}
