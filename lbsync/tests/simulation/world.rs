//! The world around a reconciler: a swarm, a kernel, clients, a shell that keeps a state file, and what befalls them.

use std::collections::BTreeMap;
use std::time::Duration;

use lbsync::{
    BackendSet, Change, Completeness, Connections, DestinationConfig, DestinationKey, Errno,
    Existing, Failure, ForwardingMethod, Memory, MemoryDataPlane, Ownership, ProbeId, ProbeOutcome,
    Reconciler, ReconcilerConfig, Table, VirtualServiceKey, foreign_service,
};

use crate::dice::Dice;
use crate::kernel::{Kernel, LINGER_MAX};
use crate::swarm::{Swarm, TaskState, destination, vip};
use crate::told::Told;

/// "Exists" and "no such" come from the plane itself where they are true.
const ERRNOS: [Errno; 6] = [
    Errno::EPERM,
    Errno::EINVAL,
    Errno::EBUSY,
    Errno::ETIMEDOUT,
    Errno::ENOMEM,
    Errno::ENOBUFS,
];

/// Unix time at the zero of the clock.
const EPOCH_UNIX_MS: u64 = 1_700_000_000_000;

pub(crate) struct World {
    pub(crate) dice: Dice,
    pub(crate) now: Duration,
    pub(crate) swarm: Swarm,
    pub(crate) plane: MemoryDataPlane,
    pub(crate) reconciler: Reconciler,
    pub(crate) told: Told,
    /// What is there of others and must stay as it is.
    pub(crate) foreign: Table,
    ownership: Ownership,
    /// Outcomes of probes on their way back.
    answers: BTreeMap<(Duration, ProbeId), (DestinationKey, ProbeOutcome)>,
    /// The balancer's own network is broken: every probe fails.
    pub(crate) deaf: bool,
    /// Answers of a batch may be lost.
    pub(crate) lossy: bool,
    state_file: Option<Memory>,
    fault: Option<String>,
    lags: bool,
}

pub(crate) fn config() -> ReconcilerConfig {
    ReconcilerConfig {
        changes_per_pass: 6,
        linger_max: LINGER_MAX,
        ..ReconcilerConfig::default()
    }
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let existing = if dice.chance(50) {
            Existing::Adopt
        } else {
            Existing::LeaveAlone
        };
        let ranges = if dice.chance(50) {
            vec!["10.30.0.0/24".parse().unwrap()]
        } else {
            vec![]
        };
        let ours = existing == Existing::Adopt || !ranges.is_empty();
        let mut plane = MemoryDataPlane::new();
        // Far from our VIPs always; under their very keys where those are not ours to take.
        let mut foreign = vec![VirtualServiceKey {
            address: [192, 0, 2, 1].into(),
            ..vip(0)
        }];
        if !ours {
            foreign.extend([vip(0), VirtualServiceKey { port: 81, ..vip(1) }]);
        }
        for key in foreign {
            let there = DestinationConfig::new(ForwardingMethod::Masq, 7);
            for change in foreign_service(key, &[(destination(99, 0), there)]) {
                plane.meddle(&change).unwrap();
            }
        }
        let lags = dice.chance(30);
        if lags {
            plane.set_lag(usize::from(dice.byte(4)));
        }
        let ownership = Ownership::new(ranges, existing);
        Self {
            now: Duration::from_secs(dice.below(1000)),
            swarm: Swarm::new(&mut dice),
            foreign: plane.table(),
            plane,
            reconciler: Reconciler::new(config(), ownership.clone()),
            told: Told::default(),
            ownership,
            answers: BTreeMap::new(),
            deaf: false,
            lossy: dice.chance(30),
            state_file: None,
            fault: None,
            lags,
            dice,
        }
    }

    pub(crate) fn fault(&self) -> Result<(), String> {
        self.fault.clone().map_or(Ok(()), Err)
    }

    /// Something happens, and time passes.
    pub(crate) fn step(&mut self) -> &'static str {
        let what = match self.dice.below(22) {
            0..=6 => {
                let what = self.swarm.change(&mut self.dice, self.now);
                // A lost event: nobody said so.
                if self.dice.chance(85) {
                    self.observe();
                }
                what
            }
            7 => self.fail(),
            8 => {
                self.plane.fail_list(Errno::EINTR);
                "a listing is interrupted"
            }
            9 | 10 => self.restart(),
            11 | 12 => self.meddle(),
            13 | 14 => self.clients(),
            15 => {
                self.plane.heal();
                self.reconciler.wake();
                "the kernel heals"
            }
            16 => {
                self.reconciler.observe(None, self.now);
                "the source is away"
            }
            17 => self.observe_partial(),
            18 => {
                self.observe();
                self.observe();
                "events are repeated"
            }
            19 => {
                self.deaf = !self.deaf && self.dice.chance(70);
                "the balancer's network breaks or heals"
            }
            20 => self.flap(),
            _ => {
                self.now += Duration::from_secs(self.dice.below(100));
                "time jumps"
            }
        };
        let millis = self.dice.below(3000);
        self.run(Duration::from_millis(millis));
        what
    }

    /// The whole set is observed, and kept before anything is done about it.
    pub(crate) fn observe(&mut self) {
        let set = self.swarm.set();
        self.told.tell(&set, self.now);
        self.reconciler.observe(Some(&set), self.now);
        self.keep();
    }

    fn keep(&mut self) {
        self.state_file = Some(self.reconciler.memory(EPOCH_UNIX_MS));
    }

    fn observe_partial(&mut self) -> &'static str {
        let completeness = Completeness::Partial {
            reason: "a node is unknown".to_owned(),
        };
        let partial = BackendSet {
            completeness,
            services: Vec::new(),
            ..self.swarm.set()
        };
        self.reconciler.observe(Some(&partial), self.now);
        "the set is partial"
    }

    fn fail(&mut self) -> &'static str {
        let errno = ERRNOS[self.dice.index(ERRNOS.len())];
        let times = u32::from(self.dice.byte(6)) + 1;
        // Only an answer that leaves doubt may hide a success.
        let takes_effect = errno.leaves_doubt() && self.dice.chance(50);
        self.plane.fail(Failure {
            errno,
            entry: None,
            times,
            takes_effect,
        });
        match takes_effect {
            true => "changes fail after they were made",
            false => "changes fail",
        }
    }

    /// The process dies at once and comes back, with its state file or without.
    pub(crate) fn restart(&mut self) -> &'static str {
        let with_file = self.dice.chance(50);
        self.start_anew(with_file);
        // Without a word from the source nothing is known but what the file says.
        if !with_file || self.dice.chance(70) {
            self.observe();
        }
        match with_file {
            true => "restart with the state file",
            false => "restart without a state file",
        }
    }

    pub(crate) fn start_anew(&mut self, with_file: bool) {
        self.answers.clear();
        // Marks are kept by other means where there is no file: without them a foreign service cannot be told from ours.
        let ownership = self.ownership.clone();
        let file = self.state_file.as_ref().filter(|_| with_file);
        self.told.ignorant |= file.is_none();
        self.reconciler = match file {
            Some(memory) => {
                let text = serde_json::to_string(memory).unwrap();
                let memory = serde_json::from_str(&text).unwrap();
                Reconciler::restore(config(), ownership, memory, EPOCH_UNIX_MS, self.now)
            }
            None => {
                let marks: Vec<_> = self.reconciler.ownership().marks().collect();
                Reconciler::new(config(), ownership.with_marks(marks))
            }
        };
    }

    /// Somebody else changes what is ours.
    pub(crate) fn meddle(&mut self) -> &'static str {
        let service = vip(self.dice.byte(4));
        if self.foreign.contains_key(&service) || !self.reconciler.ownership().owns(&service) {
            return "nothing";
        }
        let destination = destination(self.dice.byte(5), self.dice.byte(4));
        let weight = u32::from(self.dice.byte(3));
        let config = DestinationConfig::new(ForwardingMethod::Masq, weight);
        let (change, what) = match self.dice.below(4) {
            0 => (
                Change::DeleteDestination {
                    service,
                    destination,
                },
                "somebody deletes a destination",
            ),
            1 => (
                Change::UpdateDestination {
                    service,
                    destination,
                    config,
                },
                "somebody changes a destination",
            ),
            2 => (
                Change::AddDestination {
                    service,
                    destination,
                    config,
                },
                "somebody adds a destination",
            ),
            _ => (
                Change::DeleteService { service },
                "somebody deletes a service",
            ),
        };
        if self.plane.meddle(&change).is_ok() {
            self.told.seen((service, destination), self.now);
        }
        what
    }

    /// Clients come to what has weight and answers, and go from anywhere.
    fn clients(&mut self) -> &'static str {
        for (service, found) in self.plane.table() {
            if self.foreign.contains_key(&service) {
                continue;
            }
            for (destination, config) in found.destinations {
                let answers = self.swarm.answers(&destination);
                let come = config.weight > 0 && answers && self.dice.chance(50);
                if come || self.dice.chance(30) {
                    let connections = Connections {
                        active: if come { 3 } else { 0 },
                        inactive: u32::from(self.dice.byte(2)),
                        persistent: u32::from(come),
                    };
                    self.plane
                        .set_connections(&service, &destination, connections);
                }
            }
        }
        "clients come and go"
    }

    /// Some tasks stop or begin to answer.
    fn flap(&mut self) -> &'static str {
        let services = self.swarm.services.iter_mut();
        for task in services.flat_map(|service| &mut service.tasks) {
            if self.dice.chance(40) {
                task.answers = !task.answers && task.state != TaskState::Unreachable;
            }
        }
        "tasks stop or begin to answer"
    }

    /// Lets the reconciler, its probes and the swarm go on for a while.
    pub(crate) fn run(&mut self, span: Duration) {
        let end = self.now + span;
        while self.fault.is_none() {
            let answer = self.answers.first_key_value().map(|((at, _), _)| *at);
            let next = [
                Some(self.reconciler.next_due()),
                self.reconciler.next_probe_due(),
                answer,
            ];
            let next = next.into_iter().flatten().min().unwrap_or(end);
            if next > end || self.now > end {
                break;
            }
            self.now = self.now.max(next);
            self.swarm.pass(self.now);
            self.answer_probes();
            self.probe();
            if self.reconciler.next_due() <= self.now {
                self.reconcile();
            }
            self.now += Duration::from_millis(1);
        }
        self.now = self.now.max(end);
        self.swarm.pass(self.now);
    }

    fn probe(&mut self) {
        for probe in self.reconciler.poll_probes(self.now) {
            let destination = DestinationKey {
                address: probe.target.ip(),
                port: probe.target.port(),
            };
            let outcome = match self.swarm.answers(&destination) && !self.deaf {
                true => ProbeOutcome::Status(200),
                false => ProbeOutcome::Failed("timed out".to_owned()),
            };
            if self.lossy && self.dice.chance(5) {
                self.told.probed(destination, None);
                continue;
            }
            let at = self.now + Duration::from_millis(1 + self.dice.below(400));
            self.answers.insert((at, probe.id), (destination, outcome));
        }
    }

    fn answer_probes(&mut self) {
        while let Some(first) = self.answers.first_entry() {
            if first.key().0 > self.now {
                break;
            }
            let ((_, id), (destination, outcome)) = first.remove_entry();
            self.told.probed(destination, Some(&outcome));
            self.reconciler.probe_finished(id, outcome, self.now);
        }
    }

    fn reconcile(&mut self) {
        let answers = match self.lossy && self.dice.chance(5) {
            true => self.dice.index(4),
            false => usize::MAX,
        };
        let mut kernel = Kernel {
            plane: &mut self.plane,
            told: &mut self.told,
            foreign: &self.foreign,
            grace: self.swarm.grace,
            now: self.now,
            lags: self.lags,
            answers,
            fault: None,
        };
        let pass = self.reconciler.reconcile(&mut kernel, self.now);
        self.fault = kernel.fault;
        let acted = pass.list_error.is_none() && !self.reconciler.target().is_empty();
        self.told.ignorant &= !acted;
        if self.fault.is_none() && acted {
            self.fault = self.judge();
        }
        self.keep();
    }

    /// Judges the table that the reconciler works towards.
    fn judge(&self) -> Option<String> {
        let table = self.plane.table();
        for (key, service) in &self.foreign {
            if table.get(key) != Some(service) {
                return Some(format!("the foreign {key} is not as it was"));
            }
        }
        for (key, service) in self.reconciler.target() {
            let destinations = service.destinations.iter();
            let is_in = |(destination, config): &(&DestinationKey, &DestinationConfig)| {
                config.weight > 0 && self.told.serves(&(*key, **destination))
            };
            let (is, least) = (destinations.filter(is_in).count(), self.told.floor(key));
            if is < least {
                return Some(format!(
                    "{key} has {is} destinations in, its floor is {least}"
                ));
            }
        }
        None
    }
}
