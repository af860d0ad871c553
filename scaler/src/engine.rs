//! Many services over time: one tick decides about all of them, in the order of their names.
//!
//! The engine issues [`Command`]s and is told by [`Engine::completed`] how each ended; in between the service is held. It carries
//! nothing out itself.

mod aside;
mod entry;
mod foreign;
mod notice;
mod room;
mod stats;
mod status;

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use crate::{
    admin::{AdminError, AdminMode, AdminState, Effective},
    arbitration::{PoolState, Reservation},
    decide::{Decision, Situation, Verdict, decide},
    event::Event,
    hold::HoldReason,
    labels::Defaults,
    observation::{Leadership, Observation, ServiceId, ServiceName, SwarmCondition},
    outlier::{Outlier, Replica, ReplicaId},
    record::{DecisionRecord, Outcome},
    settings::Settings,
};

use entry::{Entry, Moment};
use notice::Events;
use room::Rooms;

pub use room::Resources;
pub use stats::{Counters, Stats};
pub use status::ServiceStatus;

/// The period of the change budget.
const MINUTE: Duration = Duration::from_secs(60);

/// One service as the shell sees it at a tick.
#[derive(Clone, Debug)]
pub struct ServiceInput<'a> {
    /// Its name.
    pub name: ServiceName,
    /// Its ID.
    pub id: ServiceId,
    /// Its labels, all of them.
    pub labels: &'a BTreeMap<String, String>,
    /// Its tasks and telemetry.
    pub observation: Observation,
    /// What the scheduler sets aside for one of its tasks.
    pub reservation: Reservation,
    /// Tasks that found no node with room for them.
    pub unplaced: u32,
    /// What each of its replicas does, as far as telemetry tells; all of them, those set aside too.
    pub replicas: Vec<Replica>,
}

/// Everything that a tick is decided from. The services are those of a complete view, opted in or not, in any order.
#[derive(Clone, Debug)]
pub struct Inputs<'a> {
    /// The swarm as a whole.
    pub swarm: SwarmCondition,
    /// Its services.
    pub services: Vec<ServiceInput<'a>>,
    /// What there is room for.
    pub resources: Resources,
}

/// A service's decision on its way through what concerns all services together.
#[derive(Debug)]
struct Prepared<'a> {
    input: &'a ServiceInput<'a>,
    admin: Effective,
    verdict: Verdict,
}

/// A write for the shell to carry out and then to report with [`Engine::completed`], whatever happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The service's name.
    pub service: ServiceName,
    /// The service's ID.
    pub id: ServiceId,
    /// Replicas that were decided from; the shell refuses when they differ by then.
    pub from: u32,
    /// Replicas to set.
    pub to: u32,
    /// The tick that issued it.
    pub tick: u64,
}

/// State of all services over time.
#[derive(Debug)]
pub struct Engine {
    settings: Settings,
    defaults: Defaults,
    admin: AdminState,
    services: BTreeMap<ServiceName, Entry>,
    leader_since: Option<Duration>,
    tick: u64,
    in_flight: usize,
    /// When the changes of the last minute were begun.
    issued: VecDeque<Duration>,
    /// The first service that the write budget held in the last tick: the next tick begins with it, so that none starves.
    first_held: Option<ServiceName>,
    rooms: Rooms,
    events: Events,
    stats: Stats,
}

impl Engine {
    /// An engine that knows no service yet. Take `admin` from where it was saved, [checked](AdminState::check).
    #[must_use]
    pub fn new(settings: Settings, defaults: Defaults, admin: AdminState) -> Self {
        Self {
            settings,
            defaults,
            admin,
            services: BTreeMap::new(),
            leader_since: None,
            tick: 0,
            in_flight: 0,
            issued: VecDeque::new(),
            first_held: None,
            rooms: Rooms::default(),
            events: Events::default(),
            stats: Stats::default(),
        }
    }

    /// Decides about every service and returns the writes to carry out, in the order of the services' names.
    ///
    /// `unix_ms` is wall-clock time: schedules and pauses go by it, and records show it. Neither clock has to be monotonic.
    pub fn tick(&mut self, inputs: &Inputs<'_>, now: Duration, unix_ms: u64) -> Vec<Command> {
        self.tick += 1;
        self.note_leadership(&inputs.swarm.leadership, now);
        let mut services: Vec<&ServiceInput<'_>> = inputs.services.iter().collect();
        services.sort_by(|left, right| left.name.cmp(&right.name));
        services.dedup_by(|next, kept| next.name == kept.name);
        self.stats.start_tick(services.len());
        let moment = Moment {
            tick: self.tick,
            now,
            unix_ms,
        };
        let mut prepared: Vec<Prepared<'_>> = Vec::with_capacity(services.len());
        for input in services {
            prepared.extend(self.prepare(input, &inputs.swarm, moment));
        }
        self.share_room(&mut prepared, &inputs.resources, moment);
        if let Some(first) = self.first_held.take() {
            let middle = prepared.partition_point(|prepared| prepared.input.name < first);
            prepared.rotate_left(middle);
        }
        let mut commands: Vec<Command> = Vec::new();
        for prepared in prepared {
            commands.extend(self.finish(prepared, moment));
        }
        commands.sort_by(|left, right| left.service.cmp(&right.service));
        self.note_events(moment);
        self.forget(now);
        self.stats.tracked = self.services.len();
        self.stats.in_flight = self.in_flight;
        commands
    }

    fn note_leadership(&mut self, leadership: &Leadership, now: Duration) {
        self.leader_since = match leadership {
            Leadership::Leader => Some(self.leader_since.unwrap_or(now)),
            Leadership::Follower { .. } | Leadership::Unknown { .. } => None,
        };
    }

    /// What a service by itself would do.
    fn prepare<'a>(
        &mut self,
        input: &'a ServiceInput<'a>,
        swarm: &SwarmCondition,
        moment: Moment,
    ) -> Option<Prepared<'a>> {
        let full = self.services.len() >= self.settings.services_max;
        let entry = match self.services.get_mut(&input.name) {
            Some(entry) => entry,
            None if !Entry::opted_in(&self.defaults, input.labels) => return None,
            None if full => {
                self.stats.over_limit += 1;
                return None;
            }
            None => self
                .services
                .entry(input.name.clone())
                .or_insert_with(|| Entry::new(input.id.clone(), &self.settings)),
        };
        if entry.replace_if_new(&input.id) {
            self.in_flight -= 1;
        }
        entry.read_labels(&self.defaults, input.labels);
        entry.follow_schedule(moment.unix_ms);
        if matches!(entry.policy(), Ok(None)) {
            return None;
        }
        let admin = self.admin.effective(&input.name);
        entry.look_for_resets(&input.observation, (swarm, admin), moment);
        let aside = entry.look_at_replicas(
            input,
            (admin, swarm, &self.settings),
            moment,
            &mut self.events,
        );
        let observation = aside.observation(&input.observation);
        entry.seen(&observation, swarm, (&self.settings, moment.time()));
        self.stats.decided += 1;
        let state = aside.state(entry.state());
        let situation = Situation {
            admin,
            state: &state,
            track: entry.track(),
            observation: &observation,
            swarm,
            leader_since: self.leader_since,
            settings: &self.settings,
        };
        let mut verdict = match entry.policy() {
            Ok(None) => return None,
            Ok(Some(policy)) => {
                let mut verdict = decide(&aside.policy(policy), &situation, moment.now);
                aside.all(&mut verdict, policy.bounds());
                verdict
            }
            Err(errors) => Verdict::hold(HoldReason::InvalidLabels {
                errors: errors.to_vec(),
            }),
        };
        let paused = self.admin.paused(&input.name);
        room::pause(&mut verdict, paused, moment.unix_ms);
        Some(Prepared {
            input,
            admin,
            verdict,
        })
    }

    /// Holds what the write budget has no place for, files the rest, and returns what is to be written.
    fn finish(&mut self, prepared: Prepared<'_>, moment: Moment) -> Option<Command> {
        let Prepared {
            input,
            admin,
            mut verdict,
        } = prepared;
        let budget_spent =
            self.in_flight >= self.settings.in_flight_max && admin.mode == AdminMode::Enabled;
        if budget_spent && matches!(verdict.decision, Decision::Scale { .. }) {
            let in_flight = u32::try_from(self.in_flight).unwrap_or(u32::MAX);
            verdict.decision = Decision::Hold(HoldReason::WriteBudget { in_flight });
            self.first_held.get_or_insert_with(|| input.name.clone());
        }
        if let Some(changes) = self.changes_spent(admin, moment.now)
            && matches!(verdict.decision, Decision::Scale { .. })
        {
            verdict.decision = Decision::Hold(HoldReason::ChangeBudget { changes });
            self.first_held.get_or_insert_with(|| input.name.clone());
        }
        if let Decision::Hold(reason) = &verdict.decision {
            *self.stats.holds.entry(reason.kind()).or_default() += 1;
        }
        let entry = self.services.get_mut(&input.name)?;
        let issued = entry.file(input, admin, verdict, moment)?;
        self.issued.push_back(moment.now);
        self.in_flight += 1;
        self.stats.commands += 1;
        Some(issued)
    }

    /// How many changes were begun within the last minute, if no more may be.
    fn changes_spent(&mut self, admin: Effective, now: Duration) -> Option<u32> {
        let old = |at: &Duration| now.saturating_sub(*at) >= MINUTE || now < *at;
        while self.issued.front().is_some_and(old) {
            self.issued.pop_front();
        }
        let spent = self.issued.len() >= self.settings.changes_per_minute_max;
        (spent && admin.mode == AdminMode::Enabled)
            .then(|| u32::try_from(self.issued.len()).unwrap_or(u32::MAX))
    }

    /// Tells how a command ended. One that is not under way (its service was removed or replaced meanwhile) is ignored and counted.
    ///
    /// Returns the record of the decision, with its outcome, for the log.
    pub fn completed(
        &mut self,
        command: &Command,
        outcome: Outcome,
        now: Duration,
        unix_ms: u64,
    ) -> Option<&DecisionRecord> {
        let known = self
            .services
            .get_mut(&command.service)
            .filter(|entry| entry.awaits(command));
        let Some(entry) = known else {
            self.stats.completed_unknown += 1;
            return None;
        };
        self.in_flight -= 1;
        self.stats.in_flight = self.in_flight;
        *self.stats.outcomes.entry(outcome.name()).or_default() += 1;
        let told = notice::completed(command, &outcome);
        if outcome == Outcome::Applied {
            let changes = if command.to > command.from {
                &mut self.stats.scale_ups
            } else {
                &mut self.stats.scale_downs
            };
            *changes += 1;
        }
        let moment = Moment {
            tick: command.tick,
            now,
            unix_ms,
        };
        let record = entry.complete(command, outcome, &self.settings, moment);
        let put_back = notice::reasserted(command, &told, record);
        for kind in [Some(told), put_back].into_iter().flatten() {
            self.events.tell(Event {
                unix_ms,
                service: Some(command.service.clone()),
                kind,
                words: record.map(DecisionRecord::explain).unwrap_or_default(),
            });
        }
        record
    }

    /// The replicas of a service that stand out.
    #[must_use]
    pub fn outliers(&self, service: &str) -> Vec<Outlier> {
        let entry = self.services.get(service);
        entry
            .map(|entry| entry.replicas().outliers())
            .unwrap_or_default()
    }

    /// The replicas of a service whose values are to be left out of its averages.
    #[must_use]
    pub fn left_out(&self, service: &str) -> Vec<ReplicaId> {
        let left_out = |entry: &Entry| {
            let policy = entry.policy().ok().flatten()?;
            Some(entry.replicas().left_out(policy.outliers()))
        };
        self.services
            .get(service)
            .and_then(left_out)
            .unwrap_or_default()
    }

    /// The replicas that shall get no new connections, at most one of a service.
    pub fn quarantined(&self) -> impl Iterator<Item = (&ServiceName, ReplicaId)> {
        self.services
            .iter()
            .filter_map(|(name, entry)| Some((name, entry.replicas().isolated()?)))
    }

    /// What happened since the last call, oldest first.
    pub fn take_events(&mut self) -> Vec<Event> {
        self.events.take()
    }

    /// Events that were dropped because nobody took them.
    #[must_use]
    pub const fn events_dropped(&self) -> u64 {
        self.events.dropped()
    }

    /// Whether the swarm needs nodes.
    #[must_use]
    pub const fn node_pool(&self) -> PoolState {
        self.rooms.pool()
    }

    /// Drops what is known of services that have been gone for long, unless a write for them is still under way.
    fn forget(&mut self, now: Duration) {
        let forget_after = self.settings.forget_after;
        self.services.retain(|_, entry| {
            entry.unseen(now) < forget_after || entry.state().in_flight.is_some()
        });
    }

    /// What people switched: to be saved whenever it changes.
    #[must_use]
    pub const fn admin(&self) -> &AdminState {
        &self.admin
    }

    /// Replaces everything that people switched, from the next tick on: what was saved is what holds.
    pub fn set_admin(&mut self, admin: AdminState) {
        self.admin = admin;
    }

    /// Sets the global mode, from the next tick on. A write under way is not called back.
    pub const fn set_global(&mut self, mode: AdminMode) {
        self.admin.set_global(mode);
    }

    /// Sets a service's own mode, from the next tick on; the service need not be known.
    ///
    /// # Errors
    /// [`AdminError::TooMany`].
    pub fn set_service(&mut self, service: ServiceName, mode: AdminMode) -> Result<(), AdminError> {
        self.admin.set_service(service, mode)
    }

    /// Counters over all services.
    #[must_use]
    pub const fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Every service with state, by name.
    pub fn services(&self) -> impl Iterator<Item = ServiceStatus<'_>> {
        self.services
            .iter()
            .map(|(name, entry)| entry.status(name, &self.admin))
    }

    /// One service with state.
    #[must_use]
    pub fn service_status(&self, name: &str) -> Option<ServiceStatus<'_>> {
        self.services
            .get_key_value(name)
            .map(|(name, entry)| entry.status(name, &self.admin))
    }

    /// A service's records, oldest first.
    #[must_use]
    pub fn records(&self, name: &str) -> Vec<&DecisionRecord> {
        self.services
            .get(name)
            .map(|entry| entry.history().records())
            .unwrap_or_default()
    }

    /// A service's record in effect at a wall-clock time.
    #[must_use]
    pub fn record_at(&self, name: &str, unix_ms: u64) -> Option<&DecisionRecord> {
        self.services
            .get(name)
            .and_then(|entry| entry.history().at(unix_ms))
    }

    /// The records that the last tick opened: what changed, for the log.
    pub fn changes(&self) -> impl Iterator<Item = &DecisionRecord> {
        self.services
            .values()
            .filter_map(|entry| entry.history().last())
            .filter(|record| record.tick == self.tick)
    }

    /// Estimated memory of state and history over all services, in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.services
            .iter()
            .map(|(name, entry)| name.as_str().len() + entry.bytes())
            .sum()
    }
}
