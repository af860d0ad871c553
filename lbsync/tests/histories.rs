//! Thousands of random histories: swarm events, kernel errors, restarts, foreign entries and foreign meddling.
//!
//! Whatever happens, the table converges once it is left alone, foreign entries are never touched, and no connection is
//! lost before its grace is over. A failure prints its seed, and [`history`] of that seed replays it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::time::Duration;

use lbsync::{
    Backend, BackendPort, BackendSet, BackendState, Change, Completeness, Connections, DataPlane,
    DestinationConfig, DestinationKey, Errno, Existing, Failure, ForwardingMethod, Generation,
    MemoryDataPlane, Ownership, Protocol, Reconciler, ReconcilerConfig, Service, Table,
    VirtualServiceKey, desired, foreign_service,
};

const HISTORIES: u64 = 3000;
const STEPS: usize = 40;
const ERRNOS: [Errno; 6] = [
    Errno::EINVAL,
    Errno::EEXIST,
    Errno::ENOENT,
    Errno::ESRCH,
    Errno::ETIMEDOUT,
    Errno::ENOMEM,
];

struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn byte(&mut self, bound: u64) -> u8 {
        u8::try_from(self.below(bound)).unwrap()
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

fn vip(last: u8) -> VirtualServiceKey {
    VirtualServiceKey {
        address: [10, 30, 0, last].into(),
        port: 80,
        protocol: Protocol::Tcp,
    }
}

fn destination(last: u8) -> DestinationKey {
    DestinationKey {
        address: [10, 0, 0, last].into(),
        port: 8080,
    }
}

/// The world around a reconciler.
struct World {
    dice: Dice,
    now: Duration,
    set: BackendSet,
    plane: MemoryDataPlane,
    reconciler: Reconciler,
    /// What is there of others and must stay as it is.
    foreign: Table,
    connections: bool,
}

fn config() -> ReconcilerConfig {
    ReconcilerConfig {
        changes_per_pass: 5,
        linger_max: Duration::from_secs(100_000),
        ..ReconcilerConfig::default()
    }
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let existing = if dice.chance(50) {
            Existing::Adopt
        } else {
            Existing::LeaveAlone
        };
        let ranges = if dice.chance(30) {
            vec!["10.30.0.0/24".parse().unwrap()]
        } else {
            vec![]
        };
        let ours = existing == Existing::Adopt || !ranges.is_empty();
        let mut plane = MemoryDataPlane::new();
        // Far from our VIPs always; under their very keys where those are not ours to take.
        let mut foreign: Vec<_> = vec![VirtualServiceKey {
            address: [192, 0, 2, 1].into(),
            ..vip(0)
        }];
        if !ours {
            foreign.extend([vip(0), VirtualServiceKey { port: 81, ..vip(1) }]);
        }
        for key in foreign {
            let there = DestinationConfig::new(ForwardingMethod::Masq, 7);
            for change in foreign_service(key, &[(destination(99), there)]) {
                plane.meddle(&change).unwrap();
            }
        }
        let connections = dice.chance(50);
        if !connections {
            plane.set_lag(usize::from(dice.byte(4)));
        }
        let foreign = plane.table();
        let set = BackendSet {
            cluster: String::new(),
            generation: Generation::default(),
            completeness: Completeness::Complete,
            services: Vec::new(),
        };
        let reconciler = Reconciler::new(config(), Ownership::new(ranges, existing));
        Self {
            dice,
            now: Duration::ZERO,
            set,
            plane,
            reconciler,
            foreign,
            connections,
        }
    }

    /// Something happens.
    fn step(&mut self) {
        match self.dice.below(12) {
            0..=3 => self.change_set(),
            4 => self.fail(),
            5 => self.plane.fail_list(Errno::EINTR),
            6 => self.restart(),
            7 => self.meddle(),
            8 => self.change_connections(),
            9 => {
                self.plane.heal();
                self.reconciler.wake();
            }
            10 => self.reconciler.observe(None, self.now),
            _ => self.observe_partial(),
        }
        let millis = self.dice.below(3000);
        self.run(Duration::from_millis(millis));
    }

    fn change_set(&mut self) {
        self.set.generation.index += 1;
        let services = self.dice.byte(4);
        self.set.services = (0..services).map(|number| self.service(number)).collect();
        // A lost event: the set changed, and nobody said so.
        if self.dice.chance(80) {
            self.reconciler.observe(Some(&self.set), self.now);
        }
    }

    fn service(&mut self, number: u8) -> Service {
        let scheduler = if self.dice.chance(90) { "wrr" } else { "mh" };
        let vip = format!("10.30.0.{}", self.dice.byte(3));
        let labels = [
            ("vip", vip.as_str()),
            ("port", "80"),
            ("scheduler", scheduler),
        ];
        let labels = labels.map(|(key, value)| (format!("swarmtide.lb.{key}"), value.to_owned()));
        let backends = (0..self.dice.byte(5)).map(|_| self.backend()).collect();
        Service {
            id: format!("id{number}"),
            name: format!("service{number}"),
            labels: labels.into(),
            created: u64::from(number),
            stop_grace_period: Duration::from_secs(50_000),
            backends,
        }
    }

    fn backend(&mut self) -> Backend {
        let node = self.dice.byte(5);
        let port = BackendPort {
            target: 8080,
            published: 8080,
            protocol: Protocol::Tcp,
        };
        Backend {
            task: format!("task{}", self.dice.below(1000)),
            node: format!("node{node}"),
            address: Some([10, 0, 0, node].into()),
            ports: vec![port, port],
            state: if self.dice.chance(70) {
                BackendState::Serving
            } else {
                BackendState::Draining
            },
        }
    }

    fn fail(&mut self) {
        let errno = ERRNOS[usize::from(self.dice.byte(6))];
        let times = u32::from(self.dice.byte(6)) + 1;
        // Only an answer that leaves doubt may hide a success.
        let takes_effect = errno.leaves_doubt() && self.dice.chance(50);
        self.plane.fail(Failure {
            errno,
            entry: None,
            times,
            takes_effect,
        });
    }

    /// The process dies and comes back; its marks were kept.
    fn restart(&mut self) {
        let old = self.reconciler.ownership();
        let marks: Vec<_> = old.marks().collect();
        let ownership = Ownership::new(old.ranges.clone(), old.existing).with_marks(marks);
        self.reconciler = Reconciler::new(config(), ownership);
        if self.dice.chance(70) {
            self.reconciler.observe(Some(&self.set), self.now);
        }
    }

    /// Somebody else changes what is ours.
    fn meddle(&mut self) {
        let (service, destination) = (vip(self.dice.byte(3)), destination(self.dice.byte(5)));
        if self.foreign.contains_key(&service) || !self.reconciler.ownership().owns(&service) {
            return;
        }
        let weight = u32::from(self.dice.byte(3));
        let config = DestinationConfig::new(ForwardingMethod::Masq, weight);
        let change = match self.dice.below(4) {
            0 => Change::DeleteDestination {
                service,
                destination,
            },
            1 => Change::UpdateDestination {
                service,
                destination,
                config,
            },
            2 => Change::AddDestination {
                service,
                destination,
                config,
            },
            _ => Change::DeleteService { service },
        };
        drop(self.plane.meddle(&change));
    }

    /// Clients come to what has weight, and go from anywhere.
    fn change_connections(&mut self) {
        if !self.connections {
            return;
        }
        for (service, found) in self.plane.table() {
            for (destination, config) in found.destinations {
                let come = config.weight > 0 && self.dice.chance(50);
                let active = if come { 3 } else { 0 };
                if come || self.dice.chance(30) {
                    let connections = Connections {
                        active,
                        inactive: 0,
                        persistent: 0,
                    };
                    self.plane
                        .set_connections(&service, &destination, connections);
                }
            }
        }
    }

    fn observe_partial(&mut self) {
        let completeness = Completeness::Partial {
            reason: "a node is unknown".to_owned(),
        };
        let partial = BackendSet {
            completeness,
            services: Vec::new(),
            ..self.set.clone()
        };
        self.reconciler.observe(Some(&partial), self.now);
    }

    /// Lets the reconciler work when it is due.
    fn run(&mut self, span: Duration) {
        let end = self.now + span;
        while self.reconciler.next_due() <= end {
            self.now = self.now.max(self.reconciler.next_due());
            self.reconciler.reconcile(&mut self.plane, self.now);
            self.now += Duration::from_millis(1);
            if self.now > end {
                break;
            }
        }
        self.now = end;
    }

    fn check(&self, seed: u64) {
        let table = self.plane.table();
        for (key, service) in &self.foreign {
            assert_eq!(
                table.get(key),
                Some(service),
                "seed {seed}: a foreign entry was touched"
            );
        }
        assert_eq!(
            self.plane.connections_lost(),
            0,
            "seed {seed}: a connection was lost before its grace"
        );
    }

    /// Leaves it alone, and looks whether it converges.
    fn settle(&mut self, seed: u64) {
        self.plane.heal();
        for (service, found) in self.plane.table() {
            for destination in found.destinations.keys() {
                self.plane
                    .set_connections(&service, destination, Connections::default());
            }
        }
        self.reconciler.observe(Some(&self.set), self.now);
        self.run(Duration::from_secs(200));
        self.check(seed);
        let mut expected = desired(&self.set).table;
        for service in expected.values_mut() {
            // Whoever drains has no connections left.
            service.destinations.retain(|_, config| config.weight > 0);
        }
        let mut actual: BTreeMap<_, _> = self.plane.table();
        for key in self.foreign.keys() {
            expected.remove(key);
            actual.remove(key);
        }
        assert_eq!(actual, expected, "seed {seed}: not as desired");
        assert!(self.reconciler.in_sync(), "seed {seed}");
        let changes = self.plane.journal().count();
        self.run(Duration::from_secs(200));
        assert_eq!(
            self.plane.journal().count(),
            changes,
            "seed {seed}: a change without need"
        );
        assert!(self.plane.list().is_ok());
    }
}

fn history(seed: u64) {
    let mut world = World::new(seed);
    for _ in 0..STEPS {
        world.step();
        world.check(seed);
    }
    world.settle(seed);
}

#[test]
fn every_history_converges_and_touches_nothing_foreign() {
    for seed in 0..HISTORIES {
        history(seed);
    }
}
