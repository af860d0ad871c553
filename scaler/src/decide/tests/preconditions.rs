//! One test for each precondition of a change.

use super::*;

#[test]
fn only_replicated_services() {
    for (mode, name) in [
        (Mode::Global, "global"),
        (Mode::ReplicatedJob, "replicated-job"),
        (Mode::GlobalJob, "global-job"),
        (Mode::Unknown, "unknown"),
    ] {
        busy(4)
            .with(|case| case.observation.mode = mode)
            .holds(&HoldReason::NotReplicated {
                mode: name.to_owned(),
            });
    }
}

#[test]
fn switched_off() {
    for by in [Scope::Global, Scope::Service] {
        let case = busy(4).with(|case| {
            case.admin = Effective {
                mode: AdminMode::Disabled,
                by,
            }
        });
        case.holds(&HoldReason::Disabled { by });
        // What it would do is recorded all the same.
        assert_eq!(
            case.verdict().proposal,
            Some(Proposal {
                to: 5,
                reason: cpu_above(0.9)
            })
        );
    }
    busy(4)
        .with(|case| case.admin.mode = AdminMode::DryRun)
        .scales(4, 5, cpu_above(0.9));
}

#[test]
fn the_swarm_has_to_be_known() {
    busy(4)
        .with(|case| case.swarm.view_age = None)
        .holds(&HoldReason::ViewStale { age_ms: None });
    busy(4)
        .with(|case| case.swarm.view_age = Some(at(11)))
        .holds(&HoldReason::ViewStale {
            age_ms: Some(11_000),
        });
    let leader = Some("m2".to_owned());
    busy(4)
        .with(|case| {
            case.swarm.leadership = Leadership::Follower {
                leader: leader.clone(),
            }
        })
        .holds(&HoldReason::NotLeader { leader });
    busy(4)
        .with(|case| {
            case.swarm.leadership = Leadership::Unknown {
                reason: "election".to_owned(),
            }
        })
        .holds(&HoldReason::LeadershipUnknown {
            why: "election".to_owned(),
        });
    busy(4)
        .with(|case| case.swarm.nodes = Nodes::Unknown { count: 3 })
        .holds(&HoldReason::NodesUnknown { count: 3 });
}

#[test]
fn rollouts_hold() {
    for state in [
        Rollout::Updating,
        Rollout::Paused,
        Rollout::RollbackStarted,
        Rollout::RollbackPaused,
        Rollout::Unknown,
    ] {
        busy(4)
            .with(|case| case.observation.rollout = state)
            .holds(&HoldReason::Rollout { state });
        idle(4)
            .with(|case| case.observation.rollout = state)
            .holds(&HoldReason::Rollout { state });
    }
}

fn wrote(seconds_ago: u64, to: u32, outcome: Outcome) -> ServiceState {
    ServiceState {
        last_write: Some(LastWrite {
            at: NOW - at(seconds_ago),
            to,
            outcome,
        }),
        ..ServiceState::default()
    }
}

#[test]
fn writes_have_to_be_settled() {
    busy(4)
        .with(|case| {
            case.state.in_flight = Some(InFlight {
                since: NOW - at(3),
                to: 5,
            })
        })
        .holds(&HoldReason::WritePending {
            to: 5,
            since_ms: 3000,
        });
    // The view is 100 ms old, so from before a write that ended now, and from after one that ended a second ago.
    busy(4)
        .with(|case| case.state = wrote(0, 5, Outcome::Applied))
        .holds(&HoldReason::AwaitingView { to: 5 });
    busy(4)
        .with(|case| case.state = wrote(0, 5, Outcome::Conflict))
        .holds(&HoldReason::Conflict);
    busy(4)
        .with(|case| case.state = wrote(1, 5, Outcome::Applied))
        .scales(4, 5, cpu_above(0.9));
    busy(4)
        .with(|case| case.state = wrote(1, 5, Outcome::Conflict))
        .scales(4, 5, cpu_above(0.9));
}

#[test]
fn an_unknown_outcome_waits_until_seen_or_over() {
    let unknown = || Outcome::Unknown {
        error: "timeout".to_owned(),
    };
    let hold = |remaining_ms| HoldReason::OutcomeUnknown {
        to: 5,
        remaining_ms,
    };
    busy(4)
        .with(|case| case.state = wrote(0, 5, unknown()))
        .holds(&hold(30_000));
    busy(4)
        .with(|case| case.state = wrote(12, 5, unknown()))
        .holds(&hold(18_000));
    busy(5)
        .with(|case| case.state = wrote(12, 5, unknown()))
        .scales(5, 6, cpu_above(0.9));
    busy(4)
        .with(|case| case.state = wrote(30, 5, unknown()))
        .scales(4, 5, cpu_above(0.9));
}

#[test]
fn failures_back_off() {
    let failed = |left| {
        let mut state = wrote(
            1,
            5,
            Outcome::Failed {
                error: "connection refused".to_owned(),
            },
        );
        state.failures = 2;
        state.back_off_until = Some(NOW + at(left));
        state
    };
    let last = "connection refused".to_owned();
    busy(4)
        .with(|case| case.state = failed(7))
        .holds(&HoldReason::BackOff {
            remaining_ms: 7000,
            failures: 2,
            last,
        });
    busy(4)
        .with(|case| case.state = failed(0))
        .scales(4, 5, cpu_above(0.9));
}

#[test]
fn every_replica_has_to_serve() {
    busy(4)
        .with(|case| {
            case.observation.serving = 3;
            case.observation.starting = 1;
        })
        .holds(&HoldReason::NotServing {
            serving: 3,
            starting: 1,
        });
    busy(4)
        .with(|case| case.observation.serving = 5)
        .holds(&HoldReason::Draining {
            serving: 5,
            draining: 0,
        });
}

#[test]
fn draining_tasks_hold_shrinking_only() {
    idle(4)
        .with(|case| case.observation.draining = 2)
        .holds(&HoldReason::Draining {
            serving: 4,
            draining: 2,
        });
    busy(4)
        .with(|case| case.observation.draining = 2)
        .scales(4, 5, cpu_above(0.9));
}

#[test]
fn telemetry_has_to_be_complete_fresh_and_sane() {
    let cpu = |change: fn(&mut MetricObservation)| {
        let mut seen = reading(0.9, 4);
        change(&mut seen);
        busy(4).with(|case| case.observation.metrics.insert(Metric::CpuOfLimit, seen))
    };
    let metric = Metric::CpuOfLimit;
    cpu(|seen| seen.reporting = 0).holds(&HoldReason::TelemetryMissing { metric });
    cpu(|seen| seen.reporting = 3).holds(&HoldReason::TelemetryPartial {
        metric,
        reporting: 3,
        expected: 4,
    });
    cpu(|seen| seen.reporting = 5).holds(&HoldReason::TelemetryPartial {
        metric,
        reporting: 5,
        expected: 4,
    });
    // Counters were asked for of three tasks though four serve.
    cpu(|seen| (seen.reporting, seen.expected) = (3, 3)).holds(&HoldReason::TelemetryPartial {
        metric,
        reporting: 3,
        expected: 4,
    });
    cpu(|seen| seen.oldest_age = at(91)).holds(&HoldReason::TelemetryStale {
        metric,
        age_ms: 91_000,
    });
    cpu(|seen| seen.average = f64::NAN).holds(&HoldReason::TelemetryInvalid { metric });
    cpu(|seen| seen.average = f64::INFINITY).holds(&HoldReason::TelemetryInvalid { metric });
    cpu(|seen| seen.average = -0.1).holds(&HoldReason::TelemetryInvalid { metric });
    // Every metric with marks counts, not only the one that is high.
    let no_bytes = Readings::default().with(Metric::CpuOfLimit, reading(0.9, 4));
    busy(4)
        .with(|case| case.observation.metrics = no_bytes)
        .holds(&HoldReason::TelemetryMissing {
            metric: Metric::Bytes,
        });
}

#[test]
fn counters_have_to_be_from_after_the_last_change() {
    let changed = |ago| busy(4).with(|case| case.state.changed_at = Some(NOW - at(ago)));
    changed(4).holds(&HoldReason::Settling {
        metric: Metric::CpuOfLimit,
        reach_ms: 9000,
        changed_ms: 4000,
    });
    // Counters from after the change whose interval began before it.
    changed(9).holds(&HoldReason::Settling {
        metric: Metric::CpuOfLimit,
        reach_ms: 9000,
        changed_ms: 9000,
    });
    changed(10).scales(4, 5, cpu_above(0.9));
}

#[test]
fn no_shrinking_while_warming_up() {
    idle(4)
        .with(|case| case.leader_since = Some(NOW - at(20)))
        .holds(&HoldReason::WarmUp {
            remaining_ms: 40_000,
        });
    idle(4)
        .with(|case| case.leader_since = None)
        .holds(&HoldReason::WarmUp {
            remaining_ms: 60_000,
        });
    idle(4)
        .with(|case| case.leader_since = Some(NOW - at(60)))
        .scales(4, 3, ScaleReason::BelowLow);
    busy(4)
        .with(|case| case.leader_since = Some(NOW))
        .scales(4, 5, cpu_above(0.9));
}

#[test]
fn cooldown_is_counted_for_each_direction() {
    let scaled = |case: Case, ago| case.with(|case| case.state.scaled_at = Some(NOW - at(ago)));
    scaled(busy(4), 6).holds(&HoldReason::Cooldown {
        direction: Direction::Up,
        remaining_ms: 4000,
    });
    scaled(busy(4), 10).scales(4, 5, cpu_above(0.9));
    scaled(idle(4), 10).holds(&HoldReason::Cooldown {
        direction: Direction::Down,
        remaining_ms: 50_000,
    });
    scaled(idle(4), 60).scales(4, 3, ScaleReason::BelowLow);
    // At the end of the range that is the better news.
    scaled(busy(8), 6).holds(&HoldReason::AtMaximum { wanted: 9 });
}

#[test]
fn a_clock_that_went_back_holds_and_does_not_panic() {
    let ahead = busy(4).with(|case| {
        case.state.scaled_at = Some(NOW + at(50));
        case.state.last_write = Some(LastWrite {
            at: NOW + at(50),
            to: 5,
            outcome: Outcome::Applied,
        });
    });
    ahead.holds(&HoldReason::AwaitingView { to: 5 });
}
