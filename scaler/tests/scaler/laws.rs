//! Laws: what holds for any policy, any state and any telemetry.

use std::{collections::BTreeMap, num::NonZeroU32, time::Duration};

use proptest::{collection::vec, prelude::*};
use scaler::{
    AdminMode, Bounds, Decision, Defaults, Direction, Effective, HoldKind, Leadership, Marks,
    Metric, MetricObservation, Mode, Nodes, Observation, Outcome, PerDirection, Policy, Readings,
    Rollout, ScaleReason, Scope, ServiceState, Settings, Situation, SwarmCondition, Track, Verdict,
    decide,
    decide::{InFlight, LastWrite, Reset, ResetBy},
};

use crate::world::{Service, World};

/// Everything that a decision depends on.
#[derive(Clone, Debug)]
struct Case {
    policy: Policy,
    state: ServiceState,
    observation: Observation,
    swarm: SwarmCondition,
    leader_since: Option<Duration>,
    now: Duration,
}

impl Case {
    fn verdict(&self) -> Verdict {
        let situation = Situation {
            admin: Effective {
                mode: AdminMode::Enabled,
                by: Scope::Global,
            },
            state: &self.state,
            track: &Track::default(),
            observation: &self.observation,
            swarm: &self.swarm,
            leader_since: self.leader_since,
            settings: &Settings::default(),
        };
        decide(&self.policy, &situation, self.now)
    }
}

fn policies() -> impl Strategy<Value = Policy> {
    let marks = (0.001..2.0_f64, 0.0..1.0_f64)
        .prop_map(|(high, share)| Marks::new(high, high * share * 0.999).unwrap());
    let step = || (1..20_u32).prop_map(|step| NonZeroU32::new(step).unwrap());
    let wait = || (0..100_u64).prop_map(Duration::from_secs);
    (
        1..30_u32,
        0..30_u32,
        step(),
        step(),
        ((wait(), wait()), any::<bool>()),
        vec((prop::sample::select(&Metric::ALL[..]), marks), 1..4),
    )
        .prop_map(|(min, more, up, down, (waits, reassert), marks)| {
            let bounds = Bounds::new(min, min + more).unwrap();
            let cooldown = PerDirection {
                up: waits.0,
                down: waits.1,
            };
            let policy = Policy::new(bounds, PerDirection { up, down }, cooldown, marks);
            policy.unwrap().with_reassert(reassert)
        })
}

/// Any number at all, and often one that decides something.
fn averages() -> impl Strategy<Value = f64> {
    prop_oneof![3 => 0.0..2.5_f64, 1 => any::<f64>()]
}

fn readings(replicas: u32) -> impl Strategy<Value = Readings> {
    let count = move || prop_oneof![5 => Just(replicas), 1 => 0..80_u32];
    let one = (averages(), count(), count(), 0..120_u64).prop_map(
        |(average, reporting, expected, age)| MetricObservation {
            average,
            reporting,
            expected,
            oldest_age: Duration::from_secs(age),
            reach: Duration::from_secs(age),
        },
    );
    vec(prop::option::weighted(0.95, one), 3).prop_map(|all| {
        let mut readings = Readings::default();
        for (metric, seen) in Metric::ALL.into_iter().zip(all) {
            if let Some(seen) = seen {
                readings.insert(metric, seen);
            }
        }
        readings
    })
}

fn observations() -> impl Strategy<Value = Observation> {
    let mode =
        |replicas| prop_oneof![9 => Just(Mode::Replicated { replicas }), 1 => Just(Mode::Global)];
    let rollout = prop_oneof![9 => Just(Rollout::Idle), 1 => Just(Rollout::Paused), 1 => Just(Rollout::Updating)];
    (0..70_u32, rollout).prop_flat_map(move |(replicas, rollout)| {
        let serving = prop_oneof![9 => Just(replicas), 1 => 0..80_u32];
        let draining = prop_oneof![4 => Just(0), 1 => 0..9_u32];
        (
            mode(replicas),
            serving,
            0..5_u32,
            draining,
            readings(replicas),
        )
            .prop_map(
                move |(mode, serving, starting, draining, metrics)| Observation {
                    mode,
                    serving,
                    starting,
                    draining,
                    failed: 0,
                    start_up: None,
                    rollout,
                    change: None,
                    metrics,
                },
            )
    })
}

fn states() -> impl Strategy<Value = ServiceState> {
    let time = || prop::option::weighted(0.3, (0..300_u64).prop_map(Duration::from_secs));
    let outcome = prop_oneof![
        Just(Outcome::Applied),
        Just(Outcome::Conflict),
        Just(Outcome::Failed {
            error: "no".to_owned()
        }),
        Just(Outcome::Unknown {
            error: "no".to_owned()
        })
    ];
    let reset = (time(), 0..80_u32, 0..80_u32).prop_map(|(at, was, to)| {
        at.map(|at| Reset {
            at,
            unix_ms: 0,
            was,
            to,
            by: ResetBy::StackDeploy,
        })
    });
    (
        (time(), (time(), outcome), time(), time(), time()),
        (reset, time()),
    )
        .prop_map(
            |(
                (in_flight, (ended, outcome), back_off_until, scaled_at, changed_at),
                (reset, reasserted_at),
            )| ServiceState {
                reset,
                reasserted_at,
                in_flight: in_flight.map(|since| InFlight { since, to: 3 }),
                last_write: ended.map(|at| LastWrite { at, to: 3, outcome }),
                failures: 1,
                back_off_until,
                scaled_at,
                changed_at,
            },
        )
}

fn cases() -> impl Strategy<Value = Case> {
    let leadership = prop_oneof![8 => Just(Leadership::Leader), 1 => Just(Leadership::Follower { leader: None })];
    let nodes = prop_oneof![8 => Just(Nodes::Known), 1 => Just(Nodes::Unknown { count: 1 })];
    let view_age = prop::option::weighted(0.95, (0..11_u64).prop_map(Duration::from_secs));
    let swarm =
        (leadership, nodes, view_age).prop_map(|(leadership, nodes, view_age)| SwarmCondition {
            leadership,
            nodes,
            view_age,
        });
    let since = prop::option::weighted(0.9, (0..300_u64).prop_map(Duration::from_secs));
    (
        policies(),
        states(),
        observations(),
        swarm,
        since,
        0..300_u64,
    )
        .prop_map(
            |(policy, state, observation, swarm, leader_since, now)| Case {
                policy,
                state,
                observation,
                swarm,
                leader_since,
                now: Duration::from_secs(now),
            },
        )
}

/// Whether a change needs no telemetry, because a person asked for it or it was decided before.
const fn by_a_word(reason: ScaleReason) -> bool {
    matches!(
        reason,
        ScaleReason::BelowMinimum | ScaleReason::AboveMaximum | ScaleReason::Reasserted { .. }
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, ..ProptestConfig::default() })]

    /// A decision never leaves `min..=max`, never stands still, and starts from what is there.
    #[test]
    fn decisions_stay_within_the_bounds(case in cases()) {
        if let Decision::Scale { from, to, .. } = case.verdict().decision {
            let bounds = case.policy.bounds();
            prop_assert!((bounds.min()..=bounds.max()).contains(&to));
            prop_assert_ne!(from, to);
            prop_assert_eq!(Mode::Replicated { replicas: from }, case.observation.mode);
        }
    }

    /// What a redeployed stack took away is put back where that was asked for, upwards only, never beyond what was there, unless the
    /// minimum is higher, and never to a service that is stopped.
    #[test]
    fn no_more_is_put_back_than_was_taken(case in cases()) {
        if let Decision::Scale { from, to, reason: ScaleReason::Reasserted { was, .. } } = case.verdict().decision {
            prop_assert!(case.policy.reassert());
            prop_assert!(0 < from && from < to && to <= was.max(case.policy.bounds().min()));
        }
    }

    /// A step is never larger than the policy's, except back into the bounds, or to what a redeployed stack took away.
    #[test]
    fn steps_are_kept(case in cases()) {
        if let Decision::Scale { from, to, reason } = case.verdict().decision
            && !by_a_word(reason)
        {
            let direction = if to > from { Direction::Up } else { Direction::Down };
            prop_assert!(from.abs_diff(to) <= case.policy.step(direction));
        }
    }

    /// Inside its bounds a service changes only on complete, fresh and sane telemetry for every metric of its policy.
    #[test]
    fn nothing_changes_on_partial_telemetry(case in cases()) {
        if let Decision::Scale { from, reason, .. } = case.verdict().decision
            && !by_a_word(reason)
        {
            for (metric, _) in case.policy.marks() {
                let seen = case.observation.metrics.get(metric).unwrap();
                prop_assert_eq!((seen.reporting, seen.expected, case.observation.serving), (from, from, from));
                prop_assert!(seen.average.is_finite() && seen.average >= 0.0);
                prop_assert!(seen.oldest_age <= Settings::default().telemetry_max_age);
            }
        }
    }

    /// Nobody but a leader that sees its nodes acts, and never during a rollout or with a write under way.
    #[test]
    fn preconditions_hold_for_every_change(case in cases()) {
        if matches!(case.verdict().decision, Decision::Scale { .. }) {
            prop_assert_eq!(&case.swarm.leadership, &Leadership::Leader);
            prop_assert_eq!(case.swarm.nodes, Nodes::Known);
            prop_assert!(case.swarm.view_age.is_some());
            prop_assert_eq!(case.observation.rollout, Rollout::Idle);
            prop_assert_eq!(case.state.in_flight, None);
        }
    }

    /// The same input gives the same decision, and its explanation can be written.
    #[test]
    fn the_same_input_gives_the_same_decision(case in cases()) {
        // NaN is not equal to itself, so the text is compared.
        prop_assert_eq!(format!("{:?}", case.verdict()), format!("{:?}", case.verdict()));
    }

    /// Under constant load there is no limit cycle: after the last change of direction it only shrinks, then stands still.
    #[test]
    fn constant_load_comes_to_rest(policy in policies(), start in 1..60_u32, load in 0.0..40.0_f64) {
        let mut replicas = start;
        let mut shrunk = false;
        for _ in 0..200 {
            let mut observation = crate::world::observation(replicas);
            for metric in Metric::ALL {
                let average = load / f64::from(replicas);
                observation.metrics.insert(
                    metric,
                    MetricObservation { average, reporting: replicas, expected: replicas, oldest_age: Duration::ZERO, reach: Duration::ZERO },
                );
            }
            let case = Case {
                policy: policy.clone(),
                state: ServiceState::default(),
                observation,
                swarm: SwarmCondition { leadership: Leadership::Leader, nodes: Nodes::Known, view_age: Some(Duration::ZERO) },
                leader_since: Some(Duration::ZERO),
                now: Duration::from_secs(1000),
            };
            let Decision::Scale { from, to, reason } = case.verdict().decision else {
                return Ok(());
            };
            if !matches!(reason, ScaleReason::AboveMaximum) {
                prop_assert!(to < from || !shrunk, "grew from {from} to {to} after it had shrunk");
                shrunk |= to < from;
            }
            replicas = to;
        }
        prop_assert!(false, "still changing at {replicas}");
    }

    /// Any labels at all give a policy, none, or bounded errors.
    #[test]
    fn any_labels_can_be_read(pairs in vec(("(enable|min|max|step|cpu\\.high|cpu\\.low|bytes\\.high|cooldown|.{0,9})", ".{0,9}|[0-9.]{1,4}[%a-zA-Z/]{0,6}"), 0..8)) {
        let labels: BTreeMap<_, _> = pairs.into_iter().map(|(name, value)| (format!("swarmtide.{name}"), value)).collect();
        if let Err(errors) = Policy::from_labels(&Defaults::default(), &labels) {
            prop_assert!(!errors.is_empty() && errors.len() <= 16);
        }
    }
}

/// What happens to an engine in one step.
#[derive(Clone, Debug)]
enum Step {
    Tick { back: bool },
    Complete(usize, Outcome),
    Replicas(usize, u32),
    Cpu(usize, f64),
    Recreate(usize),
    Switch(usize, AdminMode),
    Leader(bool),
    Hide(usize),
}

fn steps() -> impl Strategy<Value = Step> {
    let which = || 0..3_usize;
    let outcome = prop_oneof![
        4 => Just(Outcome::Applied),
        1 => Just(Outcome::Conflict),
        1 => Just(Outcome::Unknown { error: "late".to_owned() }),
        1 => Just(Outcome::Refused { reason: "paused".to_owned() })
    ];
    let mode = prop::sample::select(vec![
        AdminMode::Enabled,
        AdminMode::DryRun,
        AdminMode::Disabled,
    ]);
    prop_oneof![
        12 => prop::bool::weighted(0.1).prop_map(|back| Step::Tick { back }),
        6 => (which(), outcome).prop_map(|(which, outcome)| Step::Complete(which, outcome)),
        2 => (which(), 0..12_u32).prop_map(|(which, replicas)| Step::Replicas(which, replicas)),
        4 => (which(), averages()).prop_map(|(which, average)| Step::Cpu(which, average)),
        1 => which().prop_map(Step::Recreate),
        1 => (which(), mode).prop_map(|(which, mode)| Step::Switch(which, mode)),
        1 => any::<bool>().prop_map(Step::Leader),
        1 => which().prop_map(Step::Hide),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// Whatever happens in whatever order, with a clock that may go back: no service has two writes under way, no command leaves the
    /// bounds, nobody but an enabled leader issues one, histories stay bounded and every record can be explained.
    #[test]
    fn one_write_at_a_time(steps in vec(steps(), 1..200)) {
        let labels: &[(&str, &str)] = &[("enable", "true"), ("min", "2"), ("max", "8"), ("step", "2"), ("cooldown", "0")];
        let mut world = World::new((0..3).map(|number| Service::new(&format!("s{number}"), 3, 0.9, labels)).collect());
        let mut open = Vec::new();
        for step in steps {
            match step {
                Step::Tick { back } => {
                    if back {
                        world.now = world.now.saturating_sub(Duration::from_secs(30));
                    }
                    for command in world.tick() {
                        prop_assert!((2..=8).contains(&command.to));
                        prop_assert_eq!(&world.swarm.leadership, &Leadership::Leader);
                        prop_assert_eq!(world.engine.admin().effective(&command.service).mode, AdminMode::Enabled);
                        let id = &command.id;
                        prop_assert!(!open.iter().any(|open: &scaler::Command| open.id == *id), "second write for {}", id);
                        open.push(command);
                    }
                }
                Step::Complete(which, outcome) => {
                    if which < open.len() {
                        let command = open.remove(which);
                        world.complete(&command, outcome);
                    }
                }
                Step::Replicas(which, replicas) => world.services[which].replicas(replicas),
                Step::Cpu(which, average) => world.services[which].cpu(average),
                Step::Recreate(which) => world.services[which].id.push('+'),
                Step::Switch(which, mode) => world.engine.set_service(world.services[which].name.as_str().into(), mode).unwrap(),
                Step::Leader(true) => world.swarm.leadership = Leadership::Leader,
                Step::Leader(false) => world.swarm.leadership = Leadership::Unknown { reason: "election".to_owned() },
                Step::Hide(which) => world.services[which].observation.metrics = Readings::default(),
            }
        }
        for service in &world.services {
            let records = world.engine.records(&service.name);
            prop_assert!(records.len() <= 48);
            prop_assert!(records.iter().all(|record| !record.explain().is_empty()));
        }
    }
}

#[test]
fn every_kind_of_hold_has_a_name_of_its_own() {
    let names: std::collections::BTreeSet<_> =
        HoldKind::ALL.iter().map(|kind| kind.name()).collect();
    assert_eq!(names.len(), HoldKind::ALL.len());
    for kind in HoldKind::ALL {
        assert_eq!(
            serde_json::to_string(kind).unwrap(),
            format!("\"{}\"", kind.name())
        );
    }
}
