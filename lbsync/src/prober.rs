//! Which probes are due, and what their outcomes say about the health of destinations.
//!
//! It connects to nothing: a shell takes the [`Probe`]s of [`Prober::poll`] and hands their outcomes back.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;

use crate::key::{DestinationKey, VirtualServiceKey};
use crate::probe::{Probe, ProbeId, ProbeOutcome, ProbeSpec};

/// A destination of a virtual service.
pub(crate) type Place = (VirtualServiceKey, DestinationKey);

/// What is known about a destination that is probed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Health {
    /// It is new, and has to succeed before it comes in.
    Joining {
        /// Successes in a row.
        successes: u32,
    },
    /// It serves, or has not failed often enough to be taken for one that does not.
    Up,
    /// It failed, and has to succeed before it comes back.
    Down {
        /// Since when, on the shell's clock.
        #[serde(skip)]
        since: Duration,
        /// Successes in a row.
        successes: u32,
        /// Why the last probe failed.
        why: String,
    },
}

impl Health {
    /// A destination that was at weight 0 when it was first seen.
    pub(crate) fn down(since: Duration, why: &str) -> Self {
        Self::Down {
            since,
            successes: 0,
            why: why.to_owned(),
        }
    }
}

/// A destination that is probed.
#[derive(Clone, Debug)]
struct Target {
    spec: ProbeSpec,
    health: Health,
    /// Failures in a row while it is up.
    failures: u32,
    /// When the next probe begins, or the present one is given up.
    due: Duration,
    /// The probe under way, and when it began.
    asked: Option<(ProbeId, Duration)>,
    /// The round in which it was last wanted.
    round: u64,
}

/// Counters of probes. They only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ProbeStats {
    /// Probes handed out.
    pub probes_begun: u64,
    /// Probes that failed.
    pub probes_failed: u64,
    /// Probes whose outcome never came.
    pub probes_lost: u64,
    /// Times that a probe had to wait because too many were under way.
    pub probes_postponed: u64,
}

/// Keeps the timetable of probes, and the health that their outcomes add up to.
#[derive(Clone, Debug, Default)]
pub struct Prober {
    targets: BTreeMap<Place, Target>,
    due: BTreeSet<(Duration, Place)>,
    asked: BTreeMap<ProbeId, Place>,
    last_id: u64,
    round: u64,
    stats: ProbeStats,
}

impl Prober {
    /// Begins a round: what is not wanted until [`Prober::end_round`] is probed no more.
    pub(crate) fn begin_round(&mut self) {
        self.round += 1;
    }

    /// Probes a destination from now on, if that is not so already, and returns its health.
    pub(crate) fn want(
        &mut self,
        place: Place,
        spec: &ProbeSpec,
        initial: impl FnOnce() -> Health,
        now: Duration,
    ) -> &Health {
        let round = self.round;
        let due = &mut self.due;
        let target = self.targets.entry(place).or_insert_with(|| {
            let health = initial();
            // Those that are to come in are tried at once; those that serve are spread over the interval.
            let wait = match health {
                Health::Joining { .. } => Duration::ZERO,
                Health::Up | Health::Down { .. } => spread(&place, spec.interval),
            };
            due.insert((now + wait, place));
            Target {
                spec: spec.clone(),
                health,
                failures: 0,
                due: now + wait,
                asked: None,
                round,
            }
        });
        target.round = round;
        if target.spec != *spec {
            target.spec = spec.clone();
            if target.asked.is_none() && target.due > now + spec.interval {
                due.remove(&(target.due, place));
                target.due = now + spec.interval;
                due.insert((target.due, place));
            }
        }
        &target.health
    }

    /// Ends a round.
    pub(crate) fn end_round(&mut self) {
        let round = self.round;
        let (due, asked) = (&mut self.due, &mut self.asked);
        self.targets.retain(|place, target| {
            let keep = target.round == round;
            if !keep {
                due.remove(&(target.due, *place));
                if let Some((id, _)) = target.asked {
                    asked.remove(&id);
                }
            }
            keep
        });
    }

    /// Takes a destination for one that serves.
    pub(crate) fn admit(&mut self, place: &Place) {
        if let Some(target) = self.targets.get_mut(place) {
            (target.health, target.failures) = (Health::Up, 0);
        }
    }

    /// Returns the health of a destination; `None` where it is not probed.
    #[must_use]
    pub fn health(
        &self,
        service: &VirtualServiceKey,
        destination: &DestinationKey,
    ) -> Option<&Health> {
        let target = self.targets.get(&(*service, *destination))?;
        Some(&target.health)
    }

    /// Returns when [`crate::Reconciler::poll_probes`] should be called next; `None` where nothing is probed.
    #[must_use]
    pub fn next_due(&self) -> Option<Duration> {
        self.due.first().map(|(due, _)| *due)
    }

    /// Returns the counters.
    #[must_use]
    pub fn stats(&self) -> ProbeStats {
        self.stats
    }

    /// Returns the probes to begin now, so many that at most `most` are under way, and whether the loss of outcomes has
    /// changed the health of a destination.
    pub(crate) fn poll(&mut self, most: usize, now: Duration) -> (Vec<Probe>, bool) {
        let mut probes = Vec::new();
        let mut changed = false;
        while let Some((due, place)) = self.due.first().copied() {
            if due > now {
                break;
            }
            let Some(target) = self.targets.get_mut(&place) else {
                self.due.remove(&(due, place));
                continue;
            };
            if let Some((id, _)) = target.asked.take() {
                self.asked.remove(&id);
                self.stats.probes_lost += 1;
                changed |= target.failed("no outcome came".to_owned(), now);
            }
            if self.asked.len() >= most {
                self.stats.probes_postponed += 1;
                break;
            }
            self.last_id += 1;
            let id = ProbeId(self.last_id);
            self.asked.insert(id, place);
            self.stats.probes_begun += 1;
            target.asked = Some((id, now));
            self.due.remove(&(due, place));
            target.due = now + give_up_after(&target.spec);
            self.due.insert((target.due, place));
            probes.push(Probe {
                id,
                target: SocketAddr::new(place.1.address, place.1.port),
                kind: target.spec.kind.clone(),
                timeout: target.spec.timeout,
            });
        }
        (probes, changed)
    }

    /// Takes in how a probe ended, and returns whether that changes what may come in. An outcome that comes too late, or
    /// twice, is ignored.
    pub(crate) fn finished(&mut self, id: ProbeId, outcome: ProbeOutcome, now: Duration) -> bool {
        let Some(place) = self.asked.remove(&id) else {
            return false;
        };
        let Some(target) = self.targets.get_mut(&place) else {
            return false;
        };
        let began = target.asked.take().map_or(now, |(_, began)| began);
        self.due.remove(&(target.due, place));
        target.due = (began + target.spec.interval).max(now);
        self.due.insert((target.due, place));
        match outcome.judge(&target.spec.kind) {
            Ok(()) => target.succeeded(),
            Err(why) => {
                self.stats.probes_failed += 1;
                target.failed(why, now)
            }
        }
    }
}

impl Target {
    fn succeeded(&mut self) -> bool {
        let rise = self.spec.rise;
        match &mut self.health {
            Health::Up => {
                self.failures = 0;
                return false;
            }
            Health::Joining { successes } => {
                *successes = successes.saturating_add(1);
                if *successes < rise {
                    // The first may do where nothing else is in.
                    return *successes == 1;
                }
            }
            Health::Down { successes, .. } => {
                *successes = successes.saturating_add(1);
                if *successes < rise {
                    return false;
                }
            }
        }
        (self.health, self.failures) = (Health::Up, 0);
        true
    }

    fn failed(&mut self, reason: String, now: Duration) -> bool {
        match &mut self.health {
            Health::Up => {
                self.failures = self.failures.saturating_add(1);
                if self.failures < self.spec.fall {
                    return false;
                }
                self.health = Health::Down {
                    since: now,
                    successes: 0,
                    why: reason,
                };
                true
            }
            Health::Joining { successes } => {
                *successes = 0;
                false
            }
            Health::Down { successes, why, .. } => {
                (*successes, *why) = (0, reason);
                false
            }
        }
    }
}

/// When a probe without an outcome is given up: the shell had the timeout, and as long again to say so.
fn give_up_after(spec: &ProbeSpec) -> Duration {
    spec.timeout * 2 + Duration::from_secs(1)
}

/// A part of the interval that is the same for the same destination every time, and another for others.
fn spread(place: &Place, interval: Duration) -> Duration {
    let mut hasher = DefaultHasher::new();
    place.hash(&mut hasher);
    let thousandths = u32::try_from(hasher.finish() % 1000).unwrap_or(0);
    interval * thousandths / 1000
}

#[cfg(test)]
mod tests;
