//! Replicas that a redeployed stack takes away.

use std::time::Duration;

use proptest::{collection::vec, prelude::*};
use scaler::{
    AdminMode, ChangeLooks, Command, Decision, EventKind, Leadership, Outcome, Readings, ResetBy,
    Rollout, ScaleReason, SpecChange, hold::HoldKind,
};

use crate::world::{Service, World};

const REASSERTS: &[(&str, &str)] = &[
    ("enable", "true"),
    ("max", "8"),
    ("cpu.low", "30%"),
    ("step", "4"),
    ("cooldown", "0"),
    ("reassert", "true"),
];

/// A service that its file gives two replicas and that the scaler has taken to six.
fn at_six(labels: &[(&str, &str)]) -> World {
    let mut world = World::new(vec![Service::new("web", 2, 0.9, labels)]);
    let commands = world.tick();
    assert_eq!((commands[0].from, commands[0].to), (2, 6));
    apply(&mut world, &commands[0]);
    world.services[0].cpu(0.5);
    world.quiet_tick();
    world.engine.take_events();
    world
}

/// The swarm takes a write of ours: replicas of a service of a stack, and nothing else.
fn apply(world: &mut World, command: &Command) {
    world.complete(command, Outcome::Applied);
    changed(world, command.from, ChangeLooks::StackReplicas);
}

fn changed(world: &mut World, before: u32, looks: ChangeLooks) {
    world.services[0].observation.change = Some(SpecChange { before, looks });
}

/// Somebody sets replicas.
fn set(world: &mut World, replicas: u32, looks: ChangeLooks) {
    let before = world.services[0].observation.mode.replicas();
    world.services[0].replicas(replicas);
    changed(world, before, looks);
}

fn kinds(world: &mut World) -> Vec<&'static str> {
    let events = world.engine.take_events();
    events.iter().map(|event| event.kind.name()).collect()
}

#[test]
fn what_a_stack_deploy_took_away_is_put_back_in_one_go_without_telemetry() {
    let mut world = at_six(REASSERTS);
    set(&mut world, 2, ChangeLooks::Deployment);
    world.services[0].observation.metrics = Readings::default();
    let commands = world.tick();
    assert_eq!((commands[0].from, commands[0].to), (2, 6));
    let record = world.last();
    assert_eq!(
        serde_json::to_value(&record.decision).unwrap(),
        serde_json::json!({"action": "scale", "from": 2, "to": 6, "reason": "reasserted", "was": 6, "reset_to": 2, "by": "stack_deploy"})
    );
    let reset = record.reset.unwrap();
    assert_eq!(
        (reset.was, reset.to, reset.unix_ms),
        (6, 2, world.unix_ms())
    );
    apply(&mut world, &commands[0]);
    assert!(
        world.last().explain().starts_with("Scaled from 2 to 6 replicas: a stack deploy set it from 6 to 2 replicas, and swarmtide.reassert puts back what was decided before."),
        "{}",
        world.last().explain()
    );
    assert_eq!(
        kinds(&mut world),
        ["replicas_reset", "scaled", "reasserted"]
    );
    world.services[0].cpu(0.5);
    world.quiet_tick();
    assert_eq!(world.last().reset, None, "it is done");
    let status = world.engine.service_status("web").unwrap();
    assert_eq!(
        (status.counters.resets, status.counters.reassertions),
        (1, 1)
    );
}

#[test]
fn unless_asked_a_reset_is_only_reported() {
    let labels: Vec<_> = REASSERTS
        .iter()
        .copied()
        .filter(|(name, _)| *name != "reassert")
        .collect();
    let mut world = at_six(&labels);
    set(&mut world, 2, ChangeLooks::Deployment);
    world.services[0].cpu(0.5);
    for _ in 0..10 {
        world.quiet_tick();
    }
    let events = world.engine.take_events();
    let reset = EventKind::ReplicasReset {
        was: 6,
        to: 2,
        by: ResetBy::StackDeploy,
    };
    assert_eq!(
        events.iter().map(|event| &event.kind).collect::<Vec<_>>(),
        [&reset]
    );
    assert!(events[0].words.contains("a stack deploy set it from 6 to 2 replicas; swarmtide.reassert=true would put that back"), "{}", events[0].words);
    assert_eq!(world.last().reset.unwrap().was, 6);
    world.now += Duration::from_secs(900);
    world.quiet_tick();
    assert_eq!(world.last().reset, None, "old news");
}

#[test]
fn a_stack_of_one_service_that_is_deployed_as_it_was_is_known_by_its_files_number() {
    let mut world = at_six(REASSERTS);
    set(&mut world, 2, ChangeLooks::StackReplicas);
    let commands = world.tick();
    assert_eq!(commands[0].to, 6);
    let Decision::Scale { reason, .. } = world.last().decision else {
        panic!()
    };
    assert_eq!(
        reason,
        ScaleReason::Reasserted {
            was: 6,
            reset_to: 2,
            by: ResetBy::PresumedStackDeploy
        }
    );
    apply(&mut world, &commands[0]);
    world.quiet_tick();
    // Who says it again at once means it.
    set(&mut world, 2, ChangeLooks::StackReplicas);
    world.quiet_tick();
    assert_eq!(world.last().reset, None);
    // A deployment says nothing; it waits only until it cannot be a quarrel.
    set(&mut world, 6, ChangeLooks::StackReplicas);
    world.quiet_tick();
    set(&mut world, 2, ChangeLooks::Deployment);
    world.quiet_tick();
    assert_eq!(world.last().reset.unwrap().was, 6);
    world.now += Duration::from_secs(60);
    assert_eq!(world.tick()[0].to, 6);
}

#[test]
fn a_persons_scale_is_respected() {
    for (replicas, looks) in [
        (4, ChangeLooks::StackReplicas),
        (2, ChangeLooks::Other),
        (4, ChangeLooks::Other),
        (0, ChangeLooks::Deployment),
        (0, ChangeLooks::StackReplicas),
        (7, ChangeLooks::Deployment),
    ] {
        let mut world = at_six(REASSERTS);
        set(&mut world, replicas, looks);
        world.services[0].cpu(0.5);
        world.quiet_tick();
        assert_eq!(world.last().reset, None, "{replicas} {looks:?}");
        assert_eq!(
            kinds(&mut world),
            if replicas == 0 {
                vec!["held"]
            } else {
                Vec::new()
            }
        );
    }
    // From zero it comes back by a person's hand only, and then as that person says.
    let mut world = at_six(REASSERTS);
    set(&mut world, 0, ChangeLooks::Other);
    world.quiet_tick();
    set(&mut world, 2, ChangeLooks::Deployment);
    world.services[0].cpu(0.5);
    world.quiet_tick();
    // A person's word ends what a deployment began.
    let mut world = at_six(REASSERTS);
    set(&mut world, 2, ChangeLooks::Deployment);
    world.services[0].observation.rollout = Rollout::Updating;
    world.quiet_tick();
    set(&mut world, 3, ChangeLooks::Other);
    world.services[0].observation.rollout = Rollout::Idle;
    world.services[0].cpu(0.5);
    world.quiet_tick();
}

#[test]
fn it_waits_for_the_rollout_and_for_everything_else_that_forbids_a_change() {
    let mut world = at_six(REASSERTS);
    set(&mut world, 2, ChangeLooks::Deployment);
    world.services[0].observation.rollout = Rollout::Updating;
    for _ in 0..10 {
        world.quiet_tick();
    }
    assert_eq!(world.hold(), Some(HoldKind::Rollout));
    let said = world.last().explain();
    assert!(
        said.contains("that is put back when nothing stands in the way"),
        "{said}"
    );
    // The next release comes before the first is rolled out.
    changed(&mut world, 2, ChangeLooks::Deployment);
    world.services[0].observation.rollout = Rollout::Paused;
    world.quiet_tick();
    world.services[0].observation.rollout = Rollout::Idle;
    let commands = world.tick();
    assert_eq!(commands[0].to, 6);
    // A conflict is another change: it is looked at anew.
    world.complete(&commands[0], Outcome::Conflict);
    set(&mut world, 3, ChangeLooks::Deployment);
    assert_eq!(world.tick()[0].to, 6);
}

#[test]
fn what_was_written_just_before_the_deployment_counts() {
    let mut world = World::new(vec![Service::new("web", 2, 0.9, REASSERTS)]);
    let commands = world.tick();
    world.complete(&commands[0], Outcome::Applied);
    // No view ever showed the six.
    set(&mut world, 2, ChangeLooks::Deployment);
    assert_eq!(world.tick()[0].to, 6);
}

#[test]
fn bounds_hold_and_who_does_not_act_knows_nothing() {
    let mut world = at_six(REASSERTS);
    world.services[0]
        .labels
        .insert("swarmtide.max".to_owned(), "4".to_owned());
    set(&mut world, 2, ChangeLooks::Deployment);
    assert_eq!(world.tick()[0].to, 4);

    let mut world = at_six(REASSERTS);
    world.swarm.leadership = Leadership::Follower { leader: None };
    set(&mut world, 2, ChangeLooks::Deployment);
    world.quiet_tick();
    world.swarm.leadership = Leadership::Leader;
    world.services[0].cpu(0.5);
    world.quiet_tick();
    assert_eq!(world.last().reset, None);

    let mut world = at_six(REASSERTS);
    world.engine.set_global(AdminMode::Disabled);
    set(&mut world, 2, ChangeLooks::Deployment);
    world.quiet_tick();
    world.engine.set_global(AdminMode::Enabled);
    world.services[0].cpu(0.5);
    world.quiet_tick();
}

/// What happens to a service.
#[derive(Clone, Debug)]
enum Step {
    Tick,
    Wait(u64),
    Complete(Outcome),
    Set(u32, ChangeLooks),
    Cpu(f64),
    Rollout(Rollout),
    Leader(bool),
}

fn steps() -> impl Strategy<Value = Step> {
    let looks = prop::sample::select(vec![
        ChangeLooks::Deployment,
        ChangeLooks::Deployment,
        ChangeLooks::StackReplicas,
        ChangeLooks::Other,
    ]);
    let outcome = prop_oneof![
        6 => Just(Outcome::Applied),
        1 => Just(Outcome::Conflict),
        1 => Just(Outcome::Unknown { error: "late".to_owned() }),
        1 => Just(Outcome::Failed { error: "no".to_owned() })
    ];
    prop_oneof![
        10 => Just(Step::Tick),
        2 => (1..400_u64).prop_map(Step::Wait),
        6 => outcome.prop_map(Step::Complete),
        3 => (0..12_u32, looks).prop_map(|(replicas, looks)| Step::Set(replicas, looks)),
        2 => (0.0..1.5_f64).prop_map(Step::Cpu),
        1 => prop::sample::select(vec![Rollout::Idle, Rollout::Updating, Rollout::Paused]).prop_map(Step::Rollout),
        1 => prop::bool::weighted(0.8).prop_map(Step::Leader),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// Whatever happens in whatever order: each foreign change is answered at most once, no two re-assertions come within a minute,
    /// and none leaves the bounds, falls into a rollout, or wakes a service that was stopped.
    #[test]
    fn nobody_is_fought(steps in vec(steps(), 1..300)) {
        let mut world = World::new(vec![Service::new("web", 2, 0.5, REASSERTS)]);
        let (mut foreign, mut answers) = (0, Vec::<Duration>::new());
        let mut open: Option<(Command, bool)> = None;
        for step in steps {
            match step {
                Step::Tick => {
                    for command in world.tick() {
                        let observation = &world.services[0].observation;
                        prop_assert!((1..=8).contains(&command.to));
                        prop_assert_eq!(observation.rollout, Rollout::Idle);
                        prop_assert!(observation.mode.replicas() > 0);
                        let reason = world.last().decision;
                        let reasserts = matches!(reason, Decision::Scale { reason: ScaleReason::Reasserted { .. }, .. });
                        if reasserts {
                            prop_assert!(answers.last().is_none_or(|last| world.now - *last >= Duration::from_secs(60)));
                            prop_assert!(command.to > command.from);
                        }
                        open = Some((command, reasserts));
                    }
                }
                Step::Wait(seconds) => world.now += Duration::from_secs(seconds),
                Step::Complete(outcome) => {
                    let Some((command, reasserts)) = open.take() else { continue };
                    let stale = command.from != world.services[0].observation.mode.replicas();
                    let outcome = if stale && outcome == Outcome::Applied { Outcome::Conflict } else { outcome };
                    if reasserts && outcome == Outcome::Applied {
                        answers.push(world.now);
                    }
                    world.complete(&command, outcome.clone());
                    if outcome == Outcome::Applied {
                        changed(&mut world, command.from, ChangeLooks::StackReplicas);
                    }
                }
                Step::Set(replicas, looks) => {
                    foreign += 1;
                    set(&mut world, replicas, looks);
                }
                Step::Cpu(average) => world.services[0].cpu(average),
                Step::Rollout(rollout) => world.services[0].observation.rollout = rollout,
                Step::Leader(true) => world.swarm.leadership = Leadership::Leader,
                Step::Leader(false) => world.swarm.leadership = Leadership::Follower { leader: None },
            }
            prop_assert!(answers.len() <= foreign, "{} answers to {foreign} changes", answers.len());
        }
    }

    /// Somebody who deploys again at once, each time that replicas were put back, is answered once a minute at most.
    #[test]
    fn a_quarrel_is_no_loop(minutes in 1..20_u64) {
        let mut world = at_six(REASSERTS);
        set(&mut world, 2, ChangeLooks::Deployment);
        let (mut answers, begin) = (0, world.now);
        while world.now - begin < Duration::from_secs(60 * minutes) {
            for command in world.tick() {
                apply(&mut world, &command);
                answers += 1;
                set(&mut world, 2, ChangeLooks::Deployment);
                world.services[0].cpu(0.5);
            }
        }
        prop_assert!((1..=minutes + 1).contains(&answers), "{answers} in {minutes} minutes");
    }
}
