//! Several streams of backend sets, and which of them to go by: the newest of those that speak.
//!
//! All balancers that hear the same sources go by the same set, and so agree on who drains.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Serialize;

use crate::backend::{BackendSet, Completeness, Generation};

/// How sources are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourcesConfig {
    /// How long a source that says nothing, not even that it is alive, is gone by.
    pub max_age: Duration,
}

impl Default for SourcesConfig {
    /// 10 s.
    fn default() -> Self {
        Self {
            max_age: Duration::from_secs(10),
        }
    }
}

/// What to go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice<'a> {
    /// This set.
    Set(&'a BackendSet),
    /// Sources speak, but what they have may be partial or older than what was gone by: the last table stays.
    Doubtful(&'a str),
    /// No source speaks: the last table stays.
    Away,
}

impl<'a> Choice<'a> {
    /// Returns the set for [`crate::Reconciler::observe`]; a doubtful one is partial and holds nothing.
    #[must_use]
    pub fn to_set(self) -> Option<BackendSet> {
        match self {
            Self::Set(set) => Some(set.clone()),
            Self::Doubtful(reason) => Some(BackendSet {
                cluster: String::new(),
                generation: Generation::default(),
                completeness: Completeness::Partial {
                    reason: reason.to_owned(),
                },
                services: Vec::new(),
                quarantined: BTreeSet::new(),
            }),
            Self::Away => None,
        }
    }

    /// Returns the set itself, where there is one to go by.
    #[must_use]
    pub fn set(self) -> Option<&'a BackendSet> {
        match self {
            Self::Set(set) => Some(set),
            Self::Doubtful(_) | Self::Away => None,
        }
    }
}

/// What is thought of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Its set is the one that is gone by.
    Chosen,
    /// It speaks, and its set is complete.
    Standby,
    /// What it has is older than what was gone by.
    Behind,
    /// Its set may be partial.
    Partial,
    /// It is of another swarm.
    OtherSwarm,
    /// It has said nothing for too long.
    Silent,
    /// It has never said anything.
    Unheard,
}

/// A source, for people and programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SourceState {
    /// Its name: a URL, or "engine".
    pub name: String,
    /// What is thought of it.
    pub verdict: Verdict,
    /// Generation of its last set.
    pub generation: Option<Generation>,
    /// Milliseconds since it last said that it is alive.
    pub heard_ms_ago: Option<u64>,
    /// Why it failed last, if it has not spoken since.
    pub error: Option<String>,
}

/// A stream of backend sets.
#[derive(Clone, Debug, Default)]
struct Source {
    name: String,
    set: Option<BackendSet>,
    heard: Option<Duration>,
    error: Option<String>,
    verdict: Option<Verdict>,
}

/// All sources.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    config: SourcesConfig,
    sources: Vec<Source>,
    chosen: Option<usize>,
    /// The swarm, and the generation that was gone by.
    accepted: Option<(String, Generation)>,
    /// Since when all that speak are behind that.
    behind_since: Option<Duration>,
}

impl Sources {
    /// Makes sources of those names. Nothing is known of them yet.
    pub fn new(names: impl IntoIterator<Item = String>, config: SourcesConfig) -> Self {
        let source = |name| Source {
            name,
            ..Source::default()
        };
        Self {
            config,
            sources: names.into_iter().map(source).collect(),
            ..Self::default()
        }
    }

    /// Takes in a set of the source with that number, counted from 0 in the order of their names.
    pub fn receive(&mut self, source: usize, set: BackendSet, now: Duration) {
        if let Some(source) = self.sources.get_mut(source) {
            (source.set, source.heard, source.error) = (Some(set), Some(now), None);
        }
    }

    /// Takes in that a source is alive and has nothing new.
    pub fn alive(&mut self, source: usize, now: Duration) {
        if let Some(source) = self.sources.get_mut(source)
            && source.set.is_some()
        {
            (source.heard, source.error) = (Some(now), None);
        }
    }

    /// Takes in that a source failed. What it said stands until it is too old.
    pub fn failed(&mut self, source: usize, why: impl Into<String>) {
        if let Some(source) = self.sources.get_mut(source) {
            source.error = Some(why.into());
        }
    }

    /// Chooses what to go by.
    ///
    /// Of the complete sets of sources that speak, the one of the greatest generation; of equal ones that of the source
    /// that was gone by before. A set that is older than what was gone by is taken only after nothing newer was heard
    /// for [`SourcesConfig::max_age`]: a manager that restarted has to count anew, and one that is cut off falls silent.
    /// A set of another swarm is taken only when every source's last word is of that swarm.
    pub fn choose(&mut self, now: Duration) -> Choice<'_> {
        let verdicts: Vec<_> = self
            .sources
            .iter()
            .map(|source| self.judge(source, now))
            .collect();
        for (source, verdict) in self.sources.iter_mut().zip(&verdicts) {
            source.verdict = Some(*verdict);
        }
        let any = |wanted: Verdict| verdicts.contains(&wanted);
        let mut fit = Verdict::Standby;
        if any(Verdict::Standby) || !any(Verdict::Behind) {
            self.behind_since = None;
        } else {
            let since = *self.behind_since.get_or_insert(now);
            if now.saturating_sub(since) < self.config.max_age {
                self.chosen = None;
                return Choice::Doubtful("all sources are behind what was known before");
            }
            fit = Verdict::Behind;
        }
        let candidates = self.sources.iter().enumerate().zip(&verdicts);
        let best = candidates
            .filter(|(_, verdict)| **verdict == fit)
            .filter_map(|((number, source), _)| Some((number, source.set.as_ref()?.generation)))
            .max_by_key(|(number, generation)| (*generation, self.chosen == Some(*number)));
        self.chosen = best.map(|(number, _)| number);
        let Some(number) = self.chosen else {
            return match (any(Verdict::Partial), any(Verdict::OtherSwarm)) {
                (true, _) => Choice::Doubtful(self.doubt(&verdicts)),
                (false, true) => Choice::Doubtful("only sources of another swarm speak"),
                (false, false) => Choice::Away,
            };
        };
        self.behind_since = None;
        match self.sources.get_mut(number) {
            Some(Source {
                set: Some(set),
                verdict,
                ..
            }) => {
                *verdict = Some(Verdict::Chosen);
                self.accepted = Some((set.cluster.clone(), set.generation));
                Choice::Set(set)
            }
            _ => Choice::Away,
        }
    }

    /// Tasks that any source that speaks wants to have no new connections: only the swarm's leader looks out for them, and the
    /// set that is gone by may be another manager's.
    #[must_use]
    pub fn quarantined(&self, now: Duration) -> BTreeSet<String> {
        let cluster = self.accepted.as_ref().map(|(cluster, _)| cluster);
        let speaks = |source: &&Source| {
            let heard = source.heard.map(|heard| now.saturating_sub(heard));
            heard.is_some_and(|age| age <= self.config.max_age)
        };
        self.sources
            .iter()
            .filter(speaks)
            .filter_map(|source| source.set.as_ref())
            .filter(|set| Some(&set.cluster) == cluster)
            .flat_map(|set| set.quarantined.iter().cloned())
            .collect()
    }

    /// Why the first of the partial sets is partial.
    fn doubt(&self, verdicts: &[Verdict]) -> &str {
        let sources = self.sources.iter().zip(verdicts);
        let mut partial = sources.filter(|(_, verdict)| **verdict == Verdict::Partial);
        let set = partial.next().and_then(|(source, _)| source.set.as_ref());
        match set.map(|set| &set.completeness) {
            Some(Completeness::Partial { reason }) => reason,
            Some(Completeness::Complete) | None => "the set may be partial",
        }
    }

    fn judge(&self, source: &Source, now: Duration) -> Verdict {
        let (Some(set), Some(heard)) = (&source.set, source.heard) else {
            return Verdict::Unheard;
        };
        if now.saturating_sub(heard) > self.config.max_age {
            return Verdict::Silent;
        }
        if set.completeness != Completeness::Complete {
            return Verdict::Partial;
        }
        match &self.accepted {
            Some((cluster, _)) if *cluster != set.cluster => {
                let all_moved = self.sources.iter().all(|other| {
                    let other = other.set.as_ref();
                    other.is_some_and(|other| other.cluster == set.cluster)
                });
                match all_moved {
                    true => Verdict::Standby,
                    false => Verdict::OtherSwarm,
                }
            }
            Some((_, accepted)) if set.generation.index < accepted.index => Verdict::Behind,
            _ => Verdict::Standby,
        }
    }

    /// Returns the sources as they were last judged.
    #[must_use]
    pub fn status(&self, now: Duration) -> Vec<SourceState> {
        let age = |heard: Duration| {
            u64::try_from(now.saturating_sub(heard).as_millis()).unwrap_or(u64::MAX)
        };
        let state = |source: &Source| SourceState {
            name: source.name.clone(),
            verdict: source.verdict.unwrap_or(Verdict::Unheard),
            generation: source.set.as_ref().map(|set| set.generation),
            heard_ms_ago: source.heard.map(age),
            error: source.error.clone(),
        };
        self.sources.iter().map(state).collect()
    }
}

#[cfg(test)]
mod tests;
