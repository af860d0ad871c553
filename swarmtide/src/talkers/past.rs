//! Tasks that were lately: what they said is in the window for a while after the swarm has stopped listing them, as it does at
//! once when a service shrinks.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use collector::{ContainerUuid, talkers::WINDOW};
use swarm::{Phase, View};

/// Longer than the window, since the newest view is a moment old.
const KEPT: Duration = Duration::from_secs(WINDOW.as_secs() + 15);

/// Most tasks that are kept. Of those beyond it the talkers are told by their addresses.
const TASKS_MAX: usize = 100_000;

/// The tasks of the last minute.
#[derive(Debug, Default)]
pub(crate) struct Past {
    /// Of the last view that was noted.
    taken: Option<Duration>,
    tasks: BTreeMap<ContainerUuid, Task>,
}

#[derive(Debug)]
struct Task {
    service: String,
    addresses: Vec<IpAddr>,
    seen: Duration,
}

impl Past {
    /// Takes note of the tasks of a view, once.
    pub(crate) fn note(&mut self, view: &View, now: Duration) {
        if self.taken.replace(view.taken) == Some(view.taken) {
            return;
        }
        for service in view.services.values() {
            for task in &service.tasks {
                let id = task.container_id.as_ref();
                let uuid = id.and_then(|id| ContainerUuid::from_container_id(id.as_str()));
                let Some(uuid) = uuid.filter(|_| view.phase(task) != Phase::Stopped) else {
                    continue;
                };
                if let Some(known) = self.tasks.get_mut(&uuid) {
                    known.seen = now;
                } else if self.tasks.len() < TASKS_MAX {
                    let addresses = task.addresses.iter().map(|address| address.address);
                    let task = Task {
                        service: service.name.clone(),
                        addresses: addresses.collect(),
                        seen: now,
                    };
                    self.tasks.insert(uuid, task);
                }
            }
        }
        self.tasks
            .retain(|_, task| now.saturating_sub(task.seen) <= KEPT);
    }

    /// Containers with their services' names and their addresses.
    pub(super) fn tasks(&self) -> impl Iterator<Item = (ContainerUuid, &str, &[IpAddr])> {
        self.tasks
            .iter()
            .map(|(uuid, task)| (*uuid, task.service.as_str(), task.addresses.as_slice()))
    }
}
