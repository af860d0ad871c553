//! The life of a task: from new to running, and out again.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::schedule::Due;
use super::service::UpdateState;
use super::task::{Task, TaskPort, TaskState};
use super::{Engine, spec};

/// How many ended tasks of one slot are kept, as the swarm's task history limit does.
const HISTORY_PER_SLOT: usize = 4;

impl Engine {
    /// Makes a task of the service's present spec.
    pub(super) fn create_task(
        &mut self,
        service_id: &str,
        slot: Option<u64>,
        node: Option<String>,
    ) -> Option<String> {
        let index = self.next_index();
        let service = self.services.get(service_id)?;
        let [low, high] = self.next_address.to_be_bytes();
        let task = Task {
            id: self.random.object_id(),
            service: service_id.to_owned(),
            slot,
            node,
            state: TaskState::New,
            desired: TaskState::Running,
            error: None,
            container: None,
            ports: Vec::new(),
            address: Ipv4Addr::new(10, 0, low, high),
            state_since: self.now,
            running_since: None,
            created: self.now,
            updated: self.now,
            index,
            exit_code: 0,
            template: spec::template(&service.spec).clone(),
            generation: service.generation,
            waits_for: None,
        };
        self.next_address = self.next_address.checked_add(1).unwrap_or(0x0102);
        let id = task.id.clone();
        self.tasks.insert(id.clone(), task);
        self.schedule(Duration::from_millis(5), Due::Step(id.clone()));
        Some(id)
    }

    /// Ends a task and puts another in its slot, which starts when the old one is gone and `delay` is over.
    pub(super) fn replace(&mut self, old: &str, delay: Duration) {
        let Some(task) = self.tasks.get(old).filter(|task| task.is_wanted()) else {
            return;
        };
        let (service, slot, node) = (task.service.clone(), task.slot, task.node.clone());
        let reachable = self.task_is_reachable(old);
        let waits_for = (reachable && task.is_alive()).then(|| old.to_owned());
        self.stop_task(old, TaskState::Shutdown);
        let node = node.filter(|_| slot.is_none());
        if node.is_some() && !reachable {
            return; // a global service has no task for a dead node
        }
        let Some(new) = self.create_task(&service, slot, node) else {
            return;
        };
        if let Some(task) = self.tasks.get_mut(&new) {
            task.desired = TaskState::Ready;
            task.waits_for = waits_for;
        }
        self.schedule(delay, Due::Release(new));
    }

    /// Wants a task gone. On a dead node it becomes a phantom: its status stays as it was.
    pub(super) fn stop_task(&mut self, id: &str, desired: TaskState) {
        let reachable = self.task_is_reachable(id);
        let delay = self
            .random
            .between(self.timing.stop_delay_min, self.timing.stop_delay_max);
        let (index, now) = (self.next_index(), self.now);
        let Some(task) = self.tasks.get_mut(id) else {
            return;
        };
        (task.desired, task.index, task.updated) = (desired, index, now);
        if !task.is_alive() || (desired == TaskState::Remove && !reachable) {
            if desired == TaskState::Remove {
                self.tasks.remove(id);
            }
            return;
        }
        let started = task.state >= TaskState::Starting;
        if reachable {
            self.schedule(
                if started {
                    delay
                } else {
                    Duration::from_millis(50)
                },
                Due::Stopped(id.to_owned()),
            );
        }
    }

    pub(super) fn task_has_stopped(&mut self, id: &str) {
        let Some(task) = self.tasks.get(id) else {
            return;
        };
        if !self.task_is_reachable(id) || task.is_wanted() {
            return;
        }
        let service = task.service.clone();
        if task.desired == TaskState::Remove {
            self.tasks.remove(id);
        } else if task.is_alive() {
            self.end_task(id, TaskState::Shutdown, None);
        }
        self.start_those_waiting_for(id);
        self.schedule(Duration::from_millis(50), Due::Rollout(service));
    }

    pub(super) fn start_those_waiting_for(&mut self, old: &str) {
        let waiting: Vec<_> = self
            .tasks
            .values()
            .filter(|task| task.waits_for.as_deref() == Some(old))
            .map(|task| task.id.clone())
            .collect();
        for id in waiting {
            if let Some(task) = self.tasks.get_mut(&id) {
                task.waits_for = None;
            }
            self.schedule(Duration::ZERO, Due::Step(id));
        }
    }

    /// Puts a task into a state in which it has ended.
    pub(super) fn end_task(&mut self, id: &str, state: TaskState, error: Option<&str>) {
        self.set_task_state(id, state);
        let Some(task) = self.tasks.get_mut(id) else {
            return;
        };
        task.error = error.map(str::to_owned);
        task.exit_code = i64::from(state == TaskState::Failed);
        task.ports.clear();
        let (service, slot, node) = (task.service.clone(), task.slot, task.node.clone());
        let mut ended: Vec<_> = self
            .tasks
            .values()
            .filter(|task| {
                task.service == service
                    && task.slot == slot
                    && !task.is_alive()
                    && !task.is_wanted()
            })
            .filter(|task| slot.is_some() || task.node == node)
            .map(|task| (task.state_since, task.id.clone()))
            .collect();
        ended.sort();
        let surplus = ended.len().saturating_sub(HISTORY_PER_SLOT);
        for (_, id) in ended.drain(..surplus) {
            self.tasks.remove(&id);
        }
    }

    /// The restart delay of a task is over: it may run.
    pub(super) fn release(&mut self, id: &str) {
        let (index, now) = (self.next_index(), self.now);
        let Some(task) = self
            .tasks
            .get_mut(id)
            .filter(|task| task.desired == TaskState::Ready)
        else {
            return;
        };
        (task.desired, task.index, task.updated) = (TaskState::Running, index, now);
        if task.state == TaskState::Ready {
            self.schedule(Duration::ZERO, Due::Step(id.to_owned()));
        }
    }

    /// One step towards running, and the next one scheduled.
    pub(super) fn step(&mut self, id: &str) {
        let Some(task) = self.tasks.get(id).filter(|task| task.is_wanted()) else {
            return;
        };
        if task.state > TaskState::Pending && !self.task_is_reachable(id) {
            return;
        }
        let share = |tenths: u32| self.timing.start_delay * tenths / 10;
        let spread = share(2);
        let (next, wait) = match task.state {
            TaskState::New => (TaskState::Pending, None),
            TaskState::Pending => return self.place(id),
            TaskState::Assigned => (TaskState::Accepted, Some(share(1))),
            TaskState::Accepted => (TaskState::Preparing, Some(share(2))),
            TaskState::Preparing => (TaskState::Ready, Some(Duration::ZERO)),
            TaskState::Ready if task.desired == TaskState::Running && task.waits_for.is_none() => {
                (TaskState::Starting, Some(share(4)))
            }
            TaskState::Starting => return self.begin_to_run(id),
            _ => return,
        };
        self.set_task_state(id, next);
        if next == TaskState::Starting {
            let container = self.random.container_id();
            if let Some(task) = self.tasks.get_mut(id) {
                task.container = Some(container);
            }
        }
        match wait {
            Some(wait) => {
                let extra = if next == TaskState::Starting {
                    spread.mul_f64(self.random.unit())
                } else {
                    Duration::ZERO
                };
                self.schedule(wait + extra, Due::Step(id.to_owned()));
            }
            None => self.place(id),
        }
    }

    /// Gives a task that waits for one a node, if one fits now.
    pub(super) fn place(&mut self, id: &str) {
        let Some(task) = self.tasks.get(id) else {
            return;
        };
        let choice = match &task.node {
            Some(node) => Ok(node.clone()),
            None => self.choose_node(task),
        };
        let Some(task) = self.tasks.get_mut(id) else {
            return;
        };
        match choice {
            Ok(node) => {
                (task.node, task.error) = (Some(node), None);
                self.set_task_state(id, TaskState::Assigned);
                self.schedule(self.timing.start_delay / 10, Due::Step(id.to_owned()));
            }
            Err(reason) => task.error = Some(reason),
        }
    }

    fn begin_to_run(&mut self, id: &str) {
        let Some(task) = self.tasks.get(id) else {
            return;
        };
        let service_id = task.service.clone();
        let node = task.node.clone().unwrap_or_default();
        let Some(service) = self.services.get(&service_id) else {
            return;
        };
        if service.failing && task.generation == service.generation {
            return self.fail_task(id);
        }
        let wanted: Vec<_> = spec::ports(&service.spec)
            .into_iter()
            .filter(|port| port.host_mode)
            .collect();
        let mut ports = Vec::with_capacity(wanted.len());
        for port in wanted {
            let published = match port.published {
                Some(published) => published,
                None => self.free_port(&node),
            };
            ports.push(TaskPort {
                target: port.target,
                published,
                protocol: port.protocol,
            });
        }
        self.set_task_state(id, TaskState::Running);
        if let Some(task) = self.tasks.get_mut(id) {
            (task.ports, task.running_since) = (ports, Some(self.now));
        }
        self.schedule(Duration::from_millis(100), Due::Rollout(service_id));
    }

    /// The container of a task ends by itself with an error; the slot is filled again after the restart delay.
    pub(super) fn fail_task(&mut self, id: &str) {
        let delay = self.restart_delay(id);
        let Some(task) = self.tasks.get(id) else {
            return;
        };
        let service_id = task.service.clone();
        self.end_task(id, TaskState::Failed, Some("task: non-zero exit (1)"));
        if self
            .services
            .get(&service_id)
            .is_some_and(|service| service.update_state() == Some(UpdateState::Updating))
        {
            let message = format!("update paused due to failure or early termination of task {id}");
            self.enter_update_state(&service_id, UpdateState::Paused, &message);
        }
        self.replace(id, delay);
    }

    pub(super) fn set_task_state(&mut self, id: &str, state: TaskState) {
        let (index, now) = (self.next_index(), self.now);
        if let Some(task) = self.tasks.get_mut(id) {
            (task.state, task.index, task.updated, task.state_since) = (state, index, now, now);
        }
    }

    pub(super) fn restart_delay(&self, task: &str) -> Duration {
        let template = self.tasks.get(task).map(|task| &task.template);
        template
            .and_then(spec::restart_delay)
            .unwrap_or(self.timing.restart_delay)
    }

    /// True if the task's node, where it has one, has power.
    pub(super) fn task_is_reachable(&self, id: &str) -> bool {
        let node = self.tasks.get(id).and_then(|task| task.node.as_ref());
        node.and_then(|node| self.nodes.get(node))
            .is_none_or(|node| node.powered)
    }
}
