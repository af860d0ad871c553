//! Destinations that swarm says serve: who is in, and with which weight.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use super::{Life, Look, ServiceLives, Strength, Target};
use crate::config::DestinationConfig;
use crate::data_plane::ListedService;
use crate::desired::{Origin, WARM_UP_STEPS};
use crate::key::{DestinationKey, VirtualServiceKey};
use crate::prober::{Health, Prober};
use crate::table::VirtualService;

/// A virtual service that is desired.
pub(super) struct Service<'a> {
    pub(super) key: VirtualServiceKey,
    pub(super) wanted: &'a VirtualService,
    pub(super) origin: Option<&'a Origin>,
    pub(super) listed: Option<&'a ListedService>,
    pub(super) lives: &'a mut ServiceLives,
    pub(super) look: &'a Look<'a>,
}

/// What a probe says of a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fitness {
    Fit,
    /// It has never been in; whether its last probe succeeded.
    Joining {
        promising: bool,
    },
    /// It failed; since when.
    Down(Duration),
}

impl Service<'_> {
    /// Adds the destinations that serve.
    pub(super) fn target(
        &mut self,
        destinations: &mut BTreeMap<DestinationKey, DestinationConfig>,
        target: &mut Target,
        prober: &mut Prober,
    ) {
        let established = self.lives.values().any(|life| life.is_established());
        let mut fitness = self.fitness(prober);
        self.admit_where_nothing_is_in(&mut fitness, prober);
        let held = self.held(&fitness);
        let mut strength = Strength {
            serving: fitness.len(),
            held: held.len(),
            ..Strength::default()
        };
        for (destination, fitness) in fitness {
            let Some(life) = self.lives.get_mut(&destination) else {
                continue;
            };
            life.held = held.contains(&destination);
            let listed = self
                .listed
                .and_then(|listed| listed.destinations.get(&destination));
            strength.healthy += usize::from(fitness == Fitness::Fit);
            strength.listed += usize::from(listed.is_some_and(|listed| listed.config.weight > 0));
            let Some(full) = self.wanted.destinations.get(&destination) else {
                continue;
            };
            let weight = match (fitness, life.held) {
                (Fitness::Fit, _) | (_, true) => {
                    let warm_up = self.origin.map_or(Duration::ZERO, |origin| origin.warm_up);
                    // Whoever is held has no strength to spare for the others.
                    let rises = established && !life.held && !warm_up.is_zero();
                    life.come_in(rises.then_some(self.look.now + warm_up));
                    life.weight(full.weight, warm_up, self.look.now, target)
                }
                (Fitness::Joining { .. }, false) if listed.is_none() => continue,
                (Fitness::Joining { .. } | Fitness::Down(_), false) => {
                    (life.out, life.full_at) = (true, None);
                    0
                }
            };
            destinations.insert(destination, DestinationConfig { weight, ..*full });
        }
        target.strength.insert(self.key, strength);
    }

    /// Leads on the lives of those that serve, and returns what their probes say.
    fn fitness(&mut self, prober: &mut Prober) -> Vec<(DestinationKey, Fitness)> {
        let now = self.look.now;
        let grace = self.origin.map(|origin| origin.stop_grace_period);
        let probe = self.origin.and_then(|origin| origin.probe.as_ref());
        let warm_up = self.origin.map_or(Duration::ZERO, |origin| origin.warm_up);
        let serving = self.wanted.destinations.iter();
        let mut all = Vec::new();
        for (destination, full) in serving.filter(|(_, config)| config.weight > 0) {
            let listed = self
                .listed
                .and_then(|listed| listed.destinations.get(destination));
            let life = self
                .lives
                .entry(*destination)
                .or_insert_with(|| match listed {
                    Some(found) => {
                        let mut life = Life::found(found, grace, self.look);
                        life.full_at =
                            rising_since_before(found.config.weight, full.weight, warm_up)
                                .map(|left| now + left);
                        life
                    }
                    None => Life::new(now),
                });
            life.grace = grace.unwrap_or(life.grace);
            if life.drain_until.take().is_some() {
                life.out = true;
            }
            let Some(spec) = probe else {
                all.push((*destination, Fitness::Fit));
                continue;
            };
            // What is remembered as out may have come in since, or never have gone out: the kernel knows.
            let is_in = listed.is_some_and(|listed| listed.config.weight > 0);
            if life.out && is_in && prober.health(&self.key, destination).is_none() {
                (life.out, life.admitted) = (false, true);
            }
            let (out, admitted) = (life.out, life.admitted);
            let initial = || match (out, admitted) {
                (false, _) => Health::Up,
                (true, true) => Health::down(now, "not probed since it was at weight 0"),
                (true, false) => Health::Joining { successes: 0 },
            };
            let fitness = match prober.want((self.key, *destination), spec, initial, now) {
                Health::Up => Fitness::Fit,
                Health::Joining { successes } => Fitness::Joining {
                    promising: *successes > 0,
                },
                Health::Down { since, .. } => Fitness::Down(*since),
            };
            all.push((*destination, fitness));
        }
        all
    }

    /// Where nothing is in that could serve instead, one success is enough to come in.
    fn admit_where_nothing_is_in(
        &self,
        fitness: &mut [(DestinationKey, Fitness)],
        prober: &mut Prober,
    ) {
        let is_joining =
            |(_, fitness): &(DestinationKey, Fitness)| matches!(fitness, Fitness::Joining { .. });
        if !fitness.iter().all(is_joining) {
            return;
        }
        for (destination, fitness) in fitness {
            if *fitness == (Fitness::Joining { promising: true }) {
                prober.admit(&(self.key, *destination));
                *fitness = Fitness::Fit;
            }
        }
    }

    /// Those that failed and stay in so that the floor is kept: the ones that failed last.
    fn held(&self, fitness: &[(DestinationKey, Fitness)]) -> Vec<DestinationKey> {
        let floor = self.origin.and_then(|origin| origin.floor);
        let floor = floor.unwrap_or(self.look.floor);
        let fit = fitness
            .iter()
            .filter(|(_, fitness)| *fitness == Fitness::Fit)
            .count();
        let mut down: Vec<_> = fitness
            .iter()
            .filter_map(|(destination, fitness)| match fitness {
                Fitness::Down(since) => Some((Reverse(*since), *destination)),
                Fitness::Fit | Fitness::Joining { .. } => None,
            })
            .collect();
        let lacking = floor.at_least(fit + down.len()).saturating_sub(fit);
        down.sort_unstable();
        down.into_iter()
            .take(lacking)
            .map(|(_, destination)| destination)
            .collect()
    }
}

/// What is left of the warm-up of a destination that was found at part of its weight.
fn rising_since_before(found: u32, full: u32, warm_up: Duration) -> Option<Duration> {
    if warm_up.is_zero() || found == 0 || found >= full {
        return None;
    }
    let step = u64::from(found) * u64::from(WARM_UP_STEPS) / u64::from(full);
    let step = u32::try_from(step).unwrap_or(WARM_UP_STEPS).max(1);
    Some(warm_up * (WARM_UP_STEPS + 1).saturating_sub(step) / WARM_UP_STEPS)
}

impl Life {
    /// True if others can lean on it while they warm up.
    fn is_established(&self) -> bool {
        !self.out && !self.held && self.drain_until.is_none()
    }

    /// Gives it connections from now on, its full share of them at that moment.
    fn come_in(&mut self, full_at: Option<Duration>) {
        if self.out {
            self.full_at = full_at;
        }
        (self.out, self.admitted) = (false, true);
    }

    fn weight(&mut self, full: u32, warm_up: Duration, now: Duration, target: &mut Target) -> u32 {
        let Some(full_at) = self.full_at.filter(|_| !warm_up.is_zero()) else {
            self.full_at = None;
            return full;
        };
        let step = warm_up / WARM_UP_STEPS;
        let left = full_at.saturating_sub(now).min(warm_up);
        // The last step begins a step's time before the end.
        let steps_left = (1..WARM_UP_STEPS)
            .filter(|steps| step * *steps < left)
            .count();
        let steps_left = u32::try_from(steps_left).unwrap_or(0);
        if steps_left == 0 {
            self.full_at = None;
            return full;
        }
        target.sooner(now + left.saturating_sub(step * steps_left));
        (full / WARM_UP_STEPS * (WARM_UP_STEPS - steps_left)).max(1)
    }
}
