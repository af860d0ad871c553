//! One replica at a time without new connections, and another beside it.
//!
//! Swarm offers no way to take a particular replica away, and nothing but the replica count is ours to change. So the one that stands
//! out gets no new connections from the balancer, does not count as a replica as long as that lasts, and one more is asked for. After
//! a while it gets another chance; each further time it has to wait twice as long.

use std::time::Duration;

use super::{Outlier, ReplicaId};

/// How long the first quarantine lasts.
const FIRST: Duration = Duration::from_secs(600);

/// The longest.
const LONGEST: Duration = Duration::from_secs(2 * 3600);

/// After this long nobody asks for the other replica any more.
const REPLACING: Duration = Duration::from_secs(300);

/// Most replicas whose earlier quarantines are remembered.
const REMEMBERED_MAX: usize = 16;

/// What a quarantine has to keep to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// It is asked for, it would come about, and this sidecar may act.
    pub allowed: bool,
    /// Who is in it may stay, also while it is not known whether this sidecar may act.
    pub kept: bool,
    /// Replicas in the spec.
    pub replicas: u32,
    /// Tasks that serve.
    pub serving: u32,
    /// Least replicas by the policy.
    pub min: u32,
    /// Most replicas by the policy.
    pub max: u32,
}

/// Who is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Inmate {
    replica: ReplicaId,
    since: Duration,
    until: Duration,
    /// It gets no new connections; false while the others would be too few.
    isolated: bool,
    /// Replicas in the spec that make up for it; `None` once that was done, or given up.
    replace_to: Option<u32>,
}

/// The quarantine of one service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Quarantine {
    inmate: Option<Inmate>,
    /// How often each was in it before.
    earlier: Vec<(ReplicaId, u32)>,
}

impl Quarantine {
    /// Takes one in, lets it go, or leaves it at that. Returns who was let go to be judged anew.
    pub fn advance<'a>(
        &mut self,
        outliers: impl Iterator<Item = &'a Outlier>,
        serves: impl Fn(ReplicaId) -> bool,
        terms: Terms,
        now: Duration,
    ) -> Option<ReplicaId> {
        if let Some(inmate) = self.inmate {
            let served_out = now >= inmate.until;
            if !terms.kept || served_out || !serves(inmate.replica) {
                self.inmate = None;
                return served_out.then_some(inmate.replica);
            }
        } else if terms.allowed {
            self.take_in(outliers, terms, now);
        }
        if let Some(inmate) = &mut self.inmate {
            inmate.isolated = terms.serving.saturating_sub(1) >= terms.min
                && terms.replicas.saturating_sub(1) >= terms.min;
            inmate.replace_to = inmate.replace_to.filter(|wanted| {
                *wanted <= terms.max
                    && *wanted > terms.replicas
                    && now.saturating_sub(inmate.since) < REPLACING
            });
        }
        None
    }

    fn take_in<'a>(
        &mut self,
        outliers: impl Iterator<Item = &'a Outlier>,
        terms: Terms,
        now: Duration,
    ) {
        let Some(first) = outliers.min_by_key(|outlier| (outlier.since_unix_ms, outlier.replica))
        else {
            return;
        };
        let times = self.times(first.replica);
        let length = FIRST.saturating_mul(1 << times.min(8)).min(LONGEST);
        self.inmate = Some(Inmate {
            replica: first.replica,
            since: now,
            until: now.saturating_add(length),
            isolated: false,
            replace_to: Some(terms.replicas.saturating_add(1)),
        });
    }

    /// How often this one was in it; one more from now on.
    fn times(&mut self, replica: ReplicaId) -> u32 {
        let known = self.earlier.iter_mut().find(|(known, _)| *known == replica);
        if let Some((_, times)) = known {
            *times = times.saturating_add(1);
            return *times;
        }
        if self.earlier.len() >= REMEMBERED_MAX {
            self.earlier.remove(0);
        }
        self.earlier.push((replica, 0));
        0
    }

    /// Who gets no new connections.
    #[must_use]
    pub fn isolated(&self) -> Option<ReplicaId> {
        self.inmate
            .filter(|inmate| inmate.isolated)
            .map(|inmate| inmate.replica)
    }

    /// Replicas to ask for so that another takes its place, and whose.
    #[must_use]
    pub fn replacement(&self) -> Option<(u32, ReplicaId)> {
        let inmate = self.inmate?;
        Some((inmate.replace_to?, inmate.replica))
    }
}
