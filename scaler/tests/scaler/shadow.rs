//! Candidates beside the live policy.

use std::{collections::BTreeMap, time::Duration};

use scaler::{
    Defaults, HoldKind, Inputs, Outcome, Readings, ServiceInput, Settings,
    shadow::{Candidate, Shadows},
};

use crate::world::{Service, World};

const LABELS: &[(&str, &str)] = &[
    ("enable", "true"),
    ("max", "20"),
    ("cpu.high", "70%"),
    ("cpu.low", "30%"),
    ("cooldown", "0"),
];

fn quick() -> Settings {
    Settings {
        warm_up: Duration::ZERO,
        ..Settings::default()
    }
}

fn overlay(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// A live engine and candidates beside it, under a load in replicas' worth of CPU.
struct Beside {
    world: World,
    shadows: Shadows,
}

impl Beside {
    fn new(candidates: Vec<Candidate>, labels: &[(&str, &str)]) -> Self {
        Self {
            world: World::with(quick(), vec![Service::new("web", 4, 0.5, labels)]),
            shadows: Shadows::new(candidates, quick(), Defaults::default()),
        }
    }

    fn tick(&mut self, load: f64) {
        let service = &mut self.world.services[0];
        let replicas = service.observation.serving;
        service.cpu((load / f64::from(replicas)).min(1.0));
        let commands = self.world.tick();
        self.look();
        for command in commands {
            self.world.complete(&command, Outcome::Applied);
        }
    }

    fn look(&mut self) {
        let service = &self.world.services[0];
        let inputs = Inputs {
            swarm: self.world.swarm.clone(),
            services: vec![ServiceInput {
                name: "web".into(),
                id: "id-web".into(),
                labels: &service.labels,
                observation: service.observation,
                reservation: service.reservation,
                unplaced: 0,
                replicas: Vec::new(),
            }],
            resources: self.world.resources,
        };
        let unix_ms = self.world.unix_ms();
        self.shadows.tick(&inputs, self.world.now, unix_ms);
    }

    fn replicas(&self, candidate: &str) -> u32 {
        let mut all = self.shadows.of_service("web");
        all.find(|status| status.candidate == candidate)
            .unwrap()
            .replicas
    }
}

#[test]
fn each_candidate_goes_its_own_way_on_the_same_load() {
    let bold = Candidate::new("bold", overlay(&[("step", "4"), ("cpu.high", "50%")]));
    let same = Candidate::new("same", overlay(&[]));
    let mut beside = Beside::new(vec![bold, same], LABELS);
    for _ in 0..30 {
        beside.tick(5.0);
    }
    let live = beside.world.services[0].observation.serving;
    assert_eq!(live, 8, "5.0 / 0.7 rounded up");
    assert_eq!(beside.replicas("same"), live);
    assert_eq!(
        beside.replicas("bold"),
        12,
        "4 at a time to 5.0 / 0.5 and more"
    );
    let statuses: Vec<_> = beside.shadows.of_service("web").collect();
    assert_eq!((statuses[0].scale_ups, statuses[1].scale_ups), (2, 4));
    assert!(statuses[0].replica_seconds > statuses[0].live_replica_seconds);
    assert!(statuses[0].above_live_seconds > 40.0);
    assert_eq!(beside.shadows.iter().count(), 2);
}

#[test]
fn a_label_names_a_candidate_for_one_service() {
    let mut labels = LABELS.to_vec();
    labels.push(("shadow.early", "cpu.high = 40%; cpu.low = 10%"));
    let mut beside = Beside::new(Vec::new(), &labels);
    for _ in 0..20 {
        beside.tick(2.0);
    }
    assert_eq!(beside.world.services[0].observation.serving, 4);
    assert_eq!(beside.replicas("early"), 5);
    beside.world.services[0]
        .labels
        .remove("swarmtide.shadow.early");
    for _ in 0..400 {
        beside.tick(2.0);
    }
    assert_eq!(beside.shadows.iter().count(), 0, "gone with its label");
}

#[test]
fn a_candidate_that_cannot_be_read_is_held_with_the_reason() {
    let wrong = Candidate::new("wrong", overlay(&[("cpu.hihg", "60%")]));
    let mut beside = Beside::new(vec![wrong], LABELS);
    beside.tick(5.0);
    let status = beside.shadows.of_service("web").next().unwrap();
    let said = status.last.unwrap().explain();
    assert!(said.contains("did you mean swarmtide.cpu.high"), "{said}");
}

#[test]
fn what_is_missing_for_the_live_policy_is_missing_for_candidates() {
    let small = Candidate::new("small", overlay(&[("max", "2"), ("min", "1")]));
    let mut beside = Beside::new(vec![small], LABELS);
    for _ in 0..5 {
        beside.tick(0.2);
    }
    let before = beside.replicas("small");
    let service = &mut beside.world.services[0];
    let reading = service
        .observation
        .metrics
        .get(scaler::Metric::CpuOfLimit)
        .unwrap();
    let partial = scaler::MetricObservation {
        reporting: reading.reporting.saturating_sub(1),
        ..reading
    };
    service.observation.metrics = Readings::default().with(scaler::Metric::CpuOfLimit, partial);
    beside.world.now += Duration::from_secs(2);
    beside.look();
    assert_eq!(beside.replicas("small"), before);
    let status = beside.shadows.of_service("web").next().unwrap();
    assert!(
        matches!(&status.last.unwrap().decision, scaler::Decision::Hold(reason)
            if matches!(reason.kind(), HoldKind::TelemetryMissing | HoldKind::TelemetryPartial)),
        "{:?}",
        status.last
    );
}
