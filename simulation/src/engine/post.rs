//! What clients wrote, and the harm they did with it.

use std::time::Duration;

use serde_json::Value;

use super::service::{Service, UpdateState};
use super::spec::{self, Mode};
use super::{Engine, EngineError};

/// How many posts are kept.
const MAX_POSTS: usize = 10_000;

/// What became of a post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The spec was stored.
    Applied,
    /// The engine refused it.
    Refused(EngineError),
}

/// One `POST /services/{id}/update`.
#[derive(Clone, Debug)]
pub struct Post {
    /// When it came.
    pub at: Duration,
    /// The service's id.
    pub service: String,
    /// The service's name.
    pub name: String,
    /// The version index that the client named.
    pub version: u64,
    /// Replicas before; `None` for a global service.
    pub from: Option<u64>,
    /// Replicas that the client asked for.
    pub to: Option<u64>,
    /// JSON pointers of everything else that differs from the stored spec; empty for a well-behaved client.
    pub other_changes: Vec<String>,
    /// State of the service's update when the post came.
    pub update_state: Option<UpdateState>,
    /// What became of it.
    pub outcome: Outcome,
    /// The body.
    pub body: Value,
}

impl Post {
    pub(super) fn new(at: Duration, service: &Service, version: u64, body: &Value) -> Self {
        let to = match spec::mode(body) {
            Some(Mode::Replicated(replicas)) => Some(replicas),
            _ => None,
        };
        Self {
            at,
            service: service.id.clone(),
            name: service.name().to_owned(),
            version,
            from: service.replicas(),
            to,
            other_changes: spec::changes_besides_replicas(&service.spec, body),
            update_state: service.update_state(),
            outcome: Outcome::Applied,
            body: body.clone(),
        }
    }
}

/// Counters of what a scaler must never do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Harm {
    /// Writes that resumed a paused rollout.
    pub resumed_rollouts: u64,
    /// Writes while an update or a roll back was under way or paused (those above included).
    pub writes_during_rollout: u64,
    /// Writes that changed something besides the replica count.
    pub other_changes: u64,
    /// Writes that changed nothing at all.
    pub idle_writes: u64,
}

impl Harm {
    /// True if nothing bad was done.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn count(&mut self, post: &Post) {
        if post.outcome != Outcome::Applied {
            return;
        }
        let state = post.update_state;
        self.resumed_rollouts += u64::from(matches!(
            state,
            Some(UpdateState::Paused | UpdateState::RollbackPaused)
        ));
        self.writes_during_rollout += u64::from(state.is_some_and(UpdateState::forbids_scaling));
        self.other_changes += u64::from(!post.other_changes.is_empty());
        self.idle_writes += u64::from(post.other_changes.is_empty() && post.from == post.to);
    }
}

impl Engine {
    /// Returns the posts so far, oldest first (the last ten thousand).
    pub fn posts(&self) -> impl Iterator<Item = &Post> {
        self.posts.iter()
    }

    /// Returns what clients did that they must not do.
    #[must_use]
    pub fn harm(&self) -> Harm {
        self.harm
    }

    pub(super) fn log(&mut self, post: Post) {
        if self.posts.len() >= MAX_POSTS {
            self.posts.pop_front();
        }
        self.posts.push_back(post);
    }
}
