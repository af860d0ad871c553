//! Tasks and their states.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde_json::Value;

/// The engine's task states, in the order of a task's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TaskState {
    /// Created by the orchestrator.
    New,
    /// Waits for a node.
    Pending,
    /// Has a node.
    Assigned,
    /// The node knows of it.
    Accepted,
    /// The node prepares the image and the networks.
    Preparing,
    /// Prepared; waits for its desired state to become running.
    Ready,
    /// The container starts.
    Starting,
    /// The container runs.
    Running,
    /// Ended with exit code 0.
    Complete,
    /// Ended because the engine asked for it.
    Shutdown,
    /// Ended with a failure.
    Failed,
    /// Desired state only: will be removed.
    Remove,
}

impl TaskState {
    /// Returns the name as the API writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Pending => "pending",
            Self::Assigned => "assigned",
            Self::Accepted => "accepted",
            Self::Preparing => "preparing",
            Self::Ready => "ready",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Complete => "complete",
            Self::Shutdown => "shutdown",
            Self::Failed => "failed",
            Self::Remove => "remove",
        }
    }

    /// Returns the status message that the engine shows in this state.
    pub(crate) fn message(self) -> &'static str {
        match self {
            Self::New => "created",
            Self::Pending => "pending task scheduling",
            Self::Assigned => "scheduler assigned task to node",
            Self::Accepted => "accepted",
            Self::Preparing => "preparing",
            Self::Ready => "prepared",
            Self::Starting => "starting",
            Self::Running => "started",
            Self::Complete => "finished",
            Self::Shutdown => "shutdown",
            Self::Failed => "started",
            Self::Remove => "removed",
        }
    }
}

/// A port of a running task on its node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskPort {
    /// Port inside the container.
    pub target: u16,
    /// Port on the node.
    pub published: u16,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: String,
}

/// One task, as the simulation knows it.
#[derive(Clone, Debug)]
pub struct Task {
    /// 25 characters.
    pub id: String,
    /// The service's id.
    pub service: String,
    /// Slot of a replicated service's task, from 1 on; `None` for a global service's.
    pub slot: Option<u64>,
    /// Id of the node, once there is one.
    pub node: Option<String>,
    /// State as last reported by the node: that of a dead node's task stays `Running`.
    pub state: TaskState,
    /// State that the engine wants.
    pub desired: TaskState,
    /// Error text of the status.
    pub error: Option<String>,
    /// 64 hexadecimal digits, once the container exists.
    pub container: Option<String>,
    /// Host-mode ports, each once (the API lists each twice).
    pub ports: Vec<TaskPort>,
    /// Address in the overlay network, from the start of the container on.
    pub address: Ipv4Addr,
    /// When the state last changed.
    pub state_since: Duration,
    /// When the container began to run, if it ever did.
    pub running_since: Option<Duration>,
    pub(crate) created: Duration,
    pub(crate) updated: Duration,
    pub(crate) index: u64,
    pub(crate) exit_code: i64,
    /// The task template of the spec that this task was made from.
    pub(crate) template: Value,
    /// Which rollout this task belongs to.
    pub(crate) generation: u64,
    /// Id of the task that must be gone before this one may start.
    pub(crate) waits_for: Option<String>,
}

impl Task {
    /// True while the engine wants this task to run, or to be ready to run.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        matches!(self.desired, TaskState::Running | TaskState::Ready)
    }

    /// True while the status is one of a task that has not ended.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.state <= TaskState::Running
    }
}
