//! Rolling updates: one task at a time, stop first; paused when a new task fails.

use std::time::Duration;

use super::service::{UpdateState, UpdateStatus};
use super::task::TaskState;
use super::{Engine, EventKind};

impl Engine {
    /// Puts a service's update into a state, as a test wants it, and holds it there.
    ///
    /// [`UpdateState::Paused`] stands for a rollout whose new tasks fail: the tasks that run now are those it has not
    /// reached, and whoever changes the replica count resumes it and loses one of them. [`UpdateState::Updating`] and
    /// the roll back states stay until set otherwise. `None` and the completed states end whatever was going on.
    /// Returns false where there is no such service.
    pub fn set_update_state(&mut self, name: &str, state: Option<UpdateState>) -> bool {
        let Some(id) = self.service(name).map(|service| service.id.clone()) else {
            return false;
        };
        let Some(service) = self.services.get_mut(&id) else {
            return false;
        };
        service.generation += 1;
        service.failing = state == Some(UpdateState::Paused);
        service.held =
            state.is_some_and(|state| state.forbids_scaling() && state != UpdateState::Paused);
        let (failing, generation) = (service.failing, service.generation);
        if !failing {
            for task in self.tasks.values_mut().filter(|task| task.service == id) {
                task.generation = generation;
            }
        }
        match state {
            Some(state) => self.enter_update_state(&id, state, "set by the simulation"),
            None => {
                let index = self.next_index();
                if let Some(service) = self.services.get_mut(&id) {
                    (service.update, service.index) = (None, index);
                }
            }
        }
        true
    }

    /// Changes the update state, which moves the service's version index.
    pub(super) fn enter_update_state(&mut self, id: &str, state: UpdateState, message: &str) {
        let (index, now) = (self.next_index(), self.now);
        let Some(service) = self.services.get_mut(id) else {
            return;
        };
        let started = match &service.update {
            Some(update) if !state.is_running() => update.started,
            _ => now,
        };
        let completed = (!state.forbids_scaling()).then_some(now);
        let old = service.update_state();
        service.update = Some(UpdateStatus {
            state,
            started,
            completed,
            message: message.to_owned(),
        });
        (service.index, service.updated) = (index, now);
        if old != Some(state) {
            let mut attributes = vec![("updatestate.new", state.name().to_owned())];
            attributes.extend(old.map(|old| ("updatestate.old", old.name().to_owned())));
            self.record_event(EventKind::Service, "update", id, &attributes);
        }
    }

    pub(super) fn has_outdated_tasks(&self, id: &str) -> bool {
        self.outdated_task(id).is_some()
    }

    /// Replaces the next outdated task once those already replaced run; completes when none is left.
    pub(super) fn continue_rollout(&mut self, id: &str) {
        let Some(service) = self.services.get(id).filter(|service| !service.held) else {
            return;
        };
        if service.update_state() != Some(UpdateState::Updating) {
            return;
        }
        let generation = service.generation;
        let mut fresh = self
            .tasks
            .values()
            .filter(|task| task.service == id && task.is_wanted() && task.generation == generation);
        if fresh.any(|task| task.state != TaskState::Running) {
            return;
        }
        match self.outdated_task(id) {
            Some(task) => self.replace(&task, Duration::ZERO),
            None => self.enter_update_state(id, UpdateState::Completed, "update completed"),
        }
    }

    fn outdated_task(&self, id: &str) -> Option<String> {
        let generation = self.services.get(id)?.generation;
        let mut outdated = self
            .tasks
            .values()
            .filter(|task| task.service == id && task.is_wanted() && task.generation < generation);
        outdated.next().map(|task| task.id.clone())
    }
}
