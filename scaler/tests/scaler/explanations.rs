//! What a person reads, for every kind of decision.

use scaler::{
    Clamp, Decision, DecisionRecord, Direction, HoldKind, HoldReason, LabelError, Metric, Proposal,
    Reading, RecordOutcome, ResetBy, Rollout, ScaleReason, Scope, labels::Problem,
};

use crate::world::{Service, World};

/// Half an hour after the record that [`held`] gives.
const PAUSED_UNTIL: u64 = crate::world::EPOCH_MS + 114_000 + 1_800_000;

/// A service at 4 of 2 to 8 replicas, 62 % CPU and 500 kB/s, held within its band for 12 s.
fn held() -> DecisionRecord {
    let labels = &[
        ("enable", "true"),
        ("min", "2"),
        ("max", "8"),
        ("cpu.low", "30%"),
        ("bytes.high", "1MB"),
        ("bytes.low", "100k"),
    ];
    let mut world = World::new(vec![Service::new("web", 4, 0.62, labels)]);
    let traffic = scaler::MetricObservation {
        average: 500_000.0,
        ..world.services[0]
            .observation
            .metrics
            .get(Metric::CpuOfLimit)
            .unwrap()
    };
    world.services[0]
        .observation
        .metrics
        .insert(Metric::Bytes, traffic);
    (0..7).for_each(|_| world.quiet_tick());
    world.last()
}

fn set(record: &mut DecisionRecord, cpu: f64, bytes: f64) {
    for reading in &mut record.readings {
        reading.average = Some(if reading.metric == Metric::Bytes {
            bytes
        } else {
            cpu
        });
    }
}

fn with_hold(reason: HoldReason) -> DecisionRecord {
    let mut record = held();
    let (cpu, bytes, to) = match reason {
        HoldReason::AtMaximum { .. } => (0.82, 500_000.0, Some(9)),
        HoldReason::AtMinimum | HoldReason::WarmUp { .. } | HoldReason::WouldOvershoot { .. } => {
            (0.12, 20_000.0, Some(3))
        }
        HoldReason::Cooldown { .. }
        | HoldReason::Disabled { .. }
        | HoldReason::NotLeader { .. }
        | HoldReason::WriteBudget { .. } => (0.82, 500_000.0, Some(5)),
        _ => (0.62, 500_000.0, None),
    };
    set(&mut record, cpu, bytes);
    record.proposal = to.map(|to| Proposal {
        to,
        reason: ScaleReason::BelowLow,
    });
    match reason {
        HoldReason::AtMaximum { .. } => record.replicas = 8,
        HoldReason::AtMinimum => record.replicas = 2,
        HoldReason::ScaledToZero => record.replicas = 0,
        _ => {}
    }
    record.decision = Decision::Hold(reason);
    record
}

fn every_hold() -> Vec<HoldReason> {
    [swarm_holds(), service_holds()].concat()
}

fn swarm_holds() -> Vec<HoldReason> {
    let unknown = Problem::UnknownLabel {
        did_you_mean: Some("swarmtide.cpu.high".to_owned()),
    };
    vec![
        HoldReason::InvalidLabels {
            errors: vec![LabelError::new("swarmtide.cpu.hihg", "70%", unknown)],
        },
        HoldReason::NotReplicated {
            mode: "global".to_owned(),
        },
        HoldReason::Disabled { by: Scope::Service },
        HoldReason::ViewStale {
            age_ms: Some(14_000),
        },
        HoldReason::NotLeader {
            leader: Some("manager-2".to_owned()),
        },
        HoldReason::LeadershipUnknown {
            why: "the swarm has no leader".to_owned(),
        },
        HoldReason::NodesUnknown { count: 2 },
        HoldReason::WritePending {
            to: 5,
            since_ms: 3100,
        },
        HoldReason::AwaitingView { to: 5 },
        HoldReason::Conflict,
        HoldReason::OutcomeUnknown {
            to: 5,
            remaining_ms: 18_000,
        },
        HoldReason::BackOff {
            remaining_ms: 16_000,
            failures: 3,
            last: "connection refused".to_owned(),
        },
        HoldReason::Rollout {
            state: Rollout::Paused,
        },
    ]
}

fn service_holds() -> Vec<HoldReason> {
    let metric = Metric::CpuOfLimit;
    vec![
        HoldReason::ScaledToZero,
        HoldReason::NotServing {
            serving: 3,
            starting: 1,
        },
        HoldReason::Draining {
            serving: 4,
            draining: 1,
        },
        HoldReason::TelemetryMissing {
            metric: Metric::Bytes,
        },
        HoldReason::TelemetryPartial {
            metric,
            reporting: 3,
            expected: 4,
        },
        HoldReason::TelemetryStale {
            metric,
            age_ms: 120_000,
        },
        HoldReason::TelemetryInvalid { metric },
        HoldReason::Settling {
            metric,
            reach_ms: 8000,
            changed_ms: 5000,
        },
        HoldReason::WithinBand,
        HoldReason::Burst {
            remaining_ms: 20_000,
        },
        HoldReason::Stabilising {
            direction: Direction::Down,
            wanted: 9,
            remaining_ms: 31_000,
        },
        HoldReason::RateLimited {
            direction: Direction::Up,
        },
        HoldReason::AtMaximum { wanted: 9 },
        HoldReason::AtMinimum,
        HoldReason::WouldOvershoot { metric },
        HoldReason::WarmUp {
            remaining_ms: 41_000,
        },
        HoldReason::Failing {
            remaining_ms: 41_000,
        },
        HoldReason::Cooldown {
            direction: Direction::Up,
            remaining_ms: 4000,
        },
        HoldReason::WriteBudget { in_flight: 64 },
        HoldReason::ChangeBudget { changes: 300 },
        HoldReason::Paused {
            direction: Direction::Down,
            until_unix_ms: PAUSED_UNTIL,
        },
        HoldReason::Shortage {
            wanted: 6,
            granted: 4,
        },
    ]
}

#[test]
fn holds() {
    let all = every_hold();
    assert_eq!(
        all.iter().map(HoldReason::kind).collect::<Vec<_>>(),
        HoldKind::ALL,
        "in the order of the kinds, none left out"
    );
    let text: Vec<_> = all
        .into_iter()
        .map(|reason| format!("{}: {}", reason.kind().name(), with_hold(reason).explain()))
        .collect();
    insta::assert_snapshot!(text.join("\n"));
}

fn scaled(to: u32, reason: ScaleReason, outcome: RecordOutcome) -> DecisionRecord {
    let mut record = held();
    let from = match reason {
        ScaleReason::BelowMinimum => 1,
        ScaleReason::Reasserted { reset_to, .. } => reset_to,
        ScaleReason::AboveMaximum => 12,
        ScaleReason::AboveHigh { .. }
        | ScaleReason::BelowLow
        | ScaleReason::Target { .. }
        | ScaleReason::GaveWay { .. }
        | ScaleReason::GivenBack
        | ScaleReason::Replaced { .. } => 4,
    };
    record.decision = Decision::Scale { from, to, reason };
    record.outcome = Some(outcome);
    match reason {
        ScaleReason::BelowLow => set(&mut record, 0.12, 20_000.0),
        _ => set(&mut record, 0.82, 500_000.0),
    }
    record
}

const fn reasserted(by: ResetBy) -> ScaleReason {
    ScaleReason::Reasserted {
        was: 6,
        reset_to: 2,
        by,
    }
}

#[test]
fn a_reset_is_said_beside_whatever_was_decided() {
    let mut record = held();
    record.reset = Some(scaler::Reset {
        at: std::time::Duration::ZERO,
        unix_ms: record.last_unix_ms - 40_000,
        was: 6,
        to: 4,
        by: ResetBy::StackDeploy,
    });
    let said = record.explain();
    assert!(
        said.ends_with("Beside that, 40 s before, a stack deploy set it from 6 to 4 replicas; swarmtide.reassert=true would put that back."),
        "{said}"
    );
    record.limits.as_mut().unwrap().reassert = true;
    let said = record.explain();
    assert!(
        said.ends_with("that is put back when nothing stands in the way."),
        "{said}"
    );
}

#[test]
fn changes() {
    let above = ScaleReason::AboveHigh {
        metric: Metric::CpuOfLimit,
        average: 0.82,
        high: 0.7,
    };
    let error = || "timed out after 5 s".to_owned();
    let mut clamped = scaled(8, above, RecordOutcome::Pending);
    clamped.clamps = vec![Clamp::Maximum { wanted: 10, to: 8 }];
    let mut careful = scaled(
        3,
        ScaleReason::BelowLow,
        RecordOutcome::Applied { after_ms: 12 },
    );
    careful.clamps = vec![Clamp::Overshoot {
        metric: Metric::CpuOfLimit,
        wanted: 2,
        to: 3,
    }];
    let mut cores = scaled(
        5,
        ScaleReason::AboveHigh {
            metric: Metric::CpuCores,
            average: 1.7,
            high: 1.5,
        },
        RecordOutcome::DryRun,
    );
    cores.readings = vec![Reading {
        metric: Metric::CpuCores,
        ..cores.readings[0]
    }];
    let records = [
        scaled(5, above, RecordOutcome::Applied { after_ms: 9 }),
        clamped,
        careful,
        cores,
        scaled(2, ScaleReason::BelowMinimum, RecordOutcome::Conflict),
        scaled(
            8,
            ScaleReason::AboveMaximum,
            RecordOutcome::Refused {
                reason: "a rollout began".to_owned(),
            },
        ),
        scaled(
            2,
            ScaleReason::GaveWay { wanted: 4 },
            RecordOutcome::Applied { after_ms: 9 },
        ),
        scaled(
            8,
            ScaleReason::GivenBack,
            RecordOutcome::Applied { after_ms: 9 },
        ),
        scaled(
            6,
            reasserted(ResetBy::StackDeploy),
            RecordOutcome::Applied { after_ms: 9 },
        ),
        scaled(
            6,
            reasserted(ResetBy::PresumedStackDeploy),
            RecordOutcome::DryRun,
        ),
        scaled(5, above, RecordOutcome::Failed { error: error() }),
        scaled(5, above, RecordOutcome::Unknown { error: error() }),
    ];
    insta::assert_snapshot!(records.map(|record| record.explain()).join("\n"));
}

#[test]
fn a_first_hold_has_not_lasted() {
    let mut record = held();
    record.last_unix_ms = record.first_unix_ms;
    assert!(
        record
            .explain()
            .starts_with("Held at 4 replicas: CPU is 62 % of the limit, between"),
        "{}",
        record.explain()
    );
}

#[test]
fn what_would_change_a_service_with_a_target() {
    let said = |replicas, labels: &[(&str, &str)]| {
        let labels = [
            &[
                ("enable", "true"),
                ("min", "2"),
                ("max", "8"),
                ("cpu.target", "60%"),
            ],
            labels,
        ]
        .concat();
        let mut world = World::new(vec![Service::new("web", replicas, 0.6, &labels)]);
        for _ in 0..5 {
            world.quiet_tick();
        }
        world.last().explain()
    };
    for (replicas, labels, expected) in [
        (
            4,
            &[] as &[_],
            "With CPU expected over all replicas it would grow above 264 %, and shrink at 180 % or below.",
        ),
        (
            4,
            &[("tolerance", "30%")],
            "it would grow above 312 %, and shrink at 168 % or below.",
        ),
        (
            2,
            &[],
            "With CPU expected over all replicas it would grow above 132 %.",
        ),
        (
            8,
            &[],
            "With CPU expected over all replicas it would shrink at 420 % or below.",
        ),
    ] {
        let said = said(replicas, labels);
        assert!(said.ends_with(expected), "{said}");
    }
}
