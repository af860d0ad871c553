//! Services: their specs, the one write clients make, and the number of their tasks.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use super::node::NodeState;
use super::post::{Outcome, Post};
use super::spec::{self, Mode};
use super::task::TaskState;
use super::{Engine, EngineError, EventKind};

/// No simulated service gets more tasks than this, whatever a client posts.
const MAX_REPLICAS: u64 = 10_000;

/// State of a service's last update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateState {
    /// Tasks are being replaced.
    Updating,
    /// A task failed during the update; the rest stays as it is.
    Paused,
    /// All tasks are replaced.
    Completed,
    /// Tasks are being replaced by the previous spec.
    RollbackStarted,
    /// A task failed during the roll back.
    RollbackPaused,
    /// All tasks run the previous spec.
    RollbackCompleted,
}

impl UpdateState {
    /// Returns the name as the API writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Updating => "updating",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::RollbackStarted => "rollback_started",
            Self::RollbackPaused => "rollback_paused",
            Self::RollbackCompleted => "rollback_completed",
        }
    }

    /// True where a change of the replica count does harm.
    #[must_use]
    pub fn forbids_scaling(self) -> bool {
        !matches!(self, Self::Completed | Self::RollbackCompleted)
    }

    pub(crate) fn is_running(self) -> bool {
        matches!(self, Self::Updating | Self::RollbackStarted)
    }
}

/// The engine's record of a service's last update.
#[derive(Clone, Debug)]
pub struct UpdateStatus {
    /// Where it stands.
    pub state: UpdateState,
    /// When it began, or last began again.
    pub started: Duration,
    /// When it was complete.
    pub completed: Option<Duration>,
    /// The engine's words.
    pub message: String,
}

/// One service, as the simulation knows it.
#[derive(Clone, Debug)]
pub struct Service {
    /// 25 characters.
    pub id: String,
    /// The version index that a write must name.
    pub index: u64,
    /// The spec exactly as it was posted.
    pub spec: Value,
    /// The spec before the last write: what a roll back returns to.
    pub previous_spec: Option<Value>,
    /// The last update, where there was one.
    pub update: Option<UpdateStatus>,
    pub(crate) created: Duration,
    pub(crate) updated: Duration,
    /// Counts changes of the task template; a task of an older one is outdated.
    pub(crate) generation: u64,
    /// Tasks of the present generation fail when they start.
    pub(crate) failing: bool,
    /// A test holds the update in its state.
    pub(crate) held: bool,
    pub(crate) virtual_address: u16,
}

impl Service {
    /// Returns the service's name.
    #[must_use]
    pub fn name(&self) -> &str {
        spec::name(&self.spec).unwrap_or("")
    }

    /// Returns how many tasks the service wants; `None` for a global service.
    #[must_use]
    pub fn replicas(&self) -> Option<u64> {
        match spec::mode(&self.spec) {
            Some(Mode::Replicated(replicas)) => Some(replicas),
            _ => None,
        }
    }

    /// Returns the state of the last update.
    #[must_use]
    pub fn update_state(&self) -> Option<UpdateState> {
        self.update.as_ref().map(|update| update.state)
    }
}

impl Engine {
    /// Creates a service from a spec as `POST /services/create` takes it, and returns its id.
    ///
    /// # Errors
    ///
    /// Where the spec has no name or mode, or the name is taken.
    pub fn create_service(&mut self, spec: Value) -> Result<String, EngineError> {
        let name = spec::name(&spec)
            .ok_or_else(|| EngineError::invalid("name must be provided"))?
            .to_owned();
        spec::mode(&spec).ok_or_else(|| EngineError::invalid("Unrecognized service mode"))?;
        if self.services.values().any(|service| service.name() == name) {
            return Err(EngineError::name_taken(&name));
        }
        self.next_virtual_address = self.next_virtual_address.wrapping_add(1);
        let service = Service {
            id: self.random.object_id(),
            index: self.next_index(),
            spec,
            previous_spec: None,
            update: None,
            created: self.now,
            updated: self.now,
            generation: 1,
            failing: false,
            held: false,
            virtual_address: self.next_virtual_address,
        };
        let id = service.id.clone();
        self.services.insert(id.clone(), service);
        self.record_event(EventKind::Service, "create", &id, &[]);
        self.orchestrate(&id);
        Ok(id)
    }

    /// Removes a service and its tasks. Returns false where there is none of that name or id.
    pub fn remove_service(&mut self, name: &str) -> bool {
        let Some(id) = self.service(name).map(|service| service.id.clone()) else {
            return false;
        };
        self.record_event(EventKind::Service, "remove", &id, &[]);
        self.services.remove(&id);
        let tasks: Vec<_> = self
            .tasks
            .values()
            .filter(|task| task.service == id)
            .map(|task| task.id.clone())
            .collect();
        for task in tasks {
            self.stop_task(&task, TaskState::Remove);
        }
        true
    }

    /// Does what `POST /services/{id}/update?version=` does, and logs it.
    ///
    /// # Errors
    ///
    /// Where there is no such service, the version index is not the present one, or the spec is refused.
    pub fn update_service(
        &mut self,
        name: &str,
        version: u64,
        posted: Value,
    ) -> Result<(), EngineError> {
        let service = self
            .service(name)
            .ok_or_else(|| EngineError::no_service(name))?;
        let mut post = Post::new(self.now, service, version, &posted);
        let id = service.id.clone();
        let result = self.check_update(&id, version, &posted);
        post.outcome = match &result {
            Ok(()) => Outcome::Applied,
            Err(error) => Outcome::Refused(error.clone()),
        };
        self.harm.count(&post);
        self.log(post);
        result?;
        self.apply_update(&id, posted);
        Ok(())
    }

    fn check_update(&self, id: &str, version: u64, posted: &Value) -> Result<(), EngineError> {
        let service = self
            .services
            .get(id)
            .ok_or_else(|| EngineError::no_service(id))?;
        let mode =
            spec::mode(posted).ok_or_else(|| EngineError::invalid("Unrecognized service mode"))?;
        if spec::name(posted).is_none() {
            return Err(EngineError::invalid("name must be provided"));
        }
        if version != service.index {
            return Err(EngineError::out_of_sequence());
        }
        if spec::name(posted) != Some(service.name()) {
            return Err(EngineError::unimplemented(
                "renaming services is not supported",
            ));
        }
        let was_replicated = service.replicas().is_some();
        if was_replicated != matches!(mode, Mode::Replicated(_)) {
            return Err(EngineError::unimplemented(
                "service mode change is not allowed",
            ));
        }
        Ok(())
    }

    pub(super) fn apply_update(&mut self, id: &str, posted: Value) {
        let (index, now) = (self.next_index(), self.now);
        let Some(service) = self.services.get_mut(id) else {
            return;
        };
        let before = service.replicas();
        let new_template = spec::template(&posted) != spec::template(&service.spec);
        service.previous_spec = Some(std::mem::replace(&mut service.spec, posted));
        (service.index, service.updated) = (index, now);
        if new_template {
            service.generation += 1;
            (service.failing, service.held) = (false, false);
        }
        let after = service.replicas();
        let held = service.held;
        if !held {
            service.update = None;
        }
        let mut attributes = Vec::new();
        if let (Some(before), Some(after)) = (before, after)
            && before != after
        {
            attributes = vec![
                ("replicas.old", before.to_string()),
                ("replicas.new", after.to_string()),
            ];
        }
        self.record_event(EventKind::Service, "update", id, &attributes);
        if self.has_outdated_tasks(id) || held {
            self.enter_update_state(id, UpdateState::Updating, "update in progress");
        }
        self.orchestrate(id);
        self.continue_rollout(id);
    }

    pub(super) fn orchestrate_all(&mut self) {
        let ids: Vec<_> = self.services.keys().cloned().collect();
        for id in ids {
            self.orchestrate(&id);
        }
        self.place_pending();
    }

    /// Makes the number of tasks what the service's mode asks for.
    pub(super) fn orchestrate(&mut self, id: &str) {
        match self
            .services
            .get(id)
            .map(|service| spec::mode(&service.spec))
        {
            Some(Some(Mode::Replicated(replicas))) => self.orchestrate_replicas(id, replicas),
            Some(Some(Mode::Global)) => self.orchestrate_global(id),
            _ => {}
        }
    }

    fn orchestrate_replicas(&mut self, id: &str, replicas: u64) {
        let mut slots: BTreeMap<u64, Vec<String>> = BTreeMap::new();
        for task in self
            .tasks
            .values()
            .filter(|task| task.service == id && task.is_wanted())
        {
            slots
                .entry(task.slot.unwrap_or(0))
                .or_default()
                .push(task.id.clone());
        }
        let present = u64::try_from(slots.len()).unwrap_or(u64::MAX);
        let mut slot = 0;
        for _ in 0..replicas.min(MAX_REPLICAS).saturating_sub(present) {
            slot = (slot + 1..)
                .find(|slot| !slots.contains_key(slot))
                .unwrap_or(u64::MAX);
            self.create_task(id, Some(slot), None);
        }
        let surplus = present.saturating_sub(replicas);
        for slot in self.victims(&slots, surplus) {
            for task in slots.get(&slot).into_iter().flatten() {
                self.stop_task(task, TaskState::Remove);
            }
        }
    }

    /// Which slots go: those that do not run first, then those on the node with the most tasks of the service.
    fn victims(&mut self, slots: &BTreeMap<u64, Vec<String>>, count: u64) -> Vec<u64> {
        let mut left: BTreeMap<u64, (bool, String, u64)> = BTreeMap::new();
        for (slot, tasks) in slots {
            let tasks: Vec<_> = tasks.iter().filter_map(|id| self.tasks.get(id)).collect();
            let running = tasks.iter().any(|task| task.state == TaskState::Running);
            let node = tasks
                .first()
                .and_then(|task| task.node.clone())
                .unwrap_or_default();
            left.insert(*slot, (running, node, self.random.next_u64()));
        }
        let mut chosen = Vec::new();
        for _ in 0..count {
            let mut per_node: BTreeMap<&str, usize> = BTreeMap::new();
            for (_, node, _) in left.values() {
                *per_node.entry(node).or_default() += 1;
            }
            let crowding = |node: &str| per_node.get(node).copied().unwrap_or(0);
            let next = left
                .iter()
                .max_by_key(|(_, (running, node, dice))| (!running, crowding(node), *dice));
            let Some(slot) = next.map(|(slot, _)| *slot) else {
                break;
            };
            left.remove(&slot);
            chosen.push(slot);
        }
        chosen
    }

    fn orchestrate_global(&mut self, id: &str) {
        let usable: BTreeSet<_> = self
            .nodes
            .values()
            .filter(|node| node.state != NodeState::Down && node.availability != "drain")
            .map(|node| node.id.clone())
            .collect();
        let taken: BTreeSet<_> = self
            .tasks
            .values()
            .filter(|task| task.service == id && task.is_wanted())
            .filter_map(|task| task.node.clone())
            .collect();
        for node in usable.difference(&taken) {
            self.create_task(id, None, Some(node.clone()));
        }
        let surplus: Vec<_> = self
            .tasks
            .values()
            .filter(|task| task.service == id && task.is_wanted())
            .filter(|task| {
                task.node
                    .as_ref()
                    .is_some_and(|node| !usable.contains(node))
            })
            .map(|task| task.id.clone())
            .collect();
        for task in surplus {
            self.stop_task(&task, TaskState::Shutdown);
        }
    }
}
