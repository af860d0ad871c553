//! What a service's replicas did: who served when, how long new ones take to serve, and when the spec changed.

use std::{collections::VecDeque, time::Duration};

use crate::observation::Observation;

/// Most changes of either kind that are remembered.
const CHANGES_MAX: usize = 64;

/// Most groups of replicas on their way that are told apart.
const COHORTS_MAX: usize = 32;

/// A replica that has not come by then tells nothing about how long one takes.
const START_UP_MAX: Duration = Duration::from_secs(600);

/// How long a container is taken to need before one has been seen to start.
const START_UP_UNKNOWN: Duration = Duration::from_secs(8);

/// Replicas are not given up before.
const STUCK_AFTER: Duration = Duration::from_secs(60);

/// A number that held from a time on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Since {
    at: Duration,
    count: u32,
}

/// Replicas over time.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Replicas {
    serving: VecDeque<Since>,
    wanted: VecDeque<Since>,
    /// Replicas asked for that do not serve yet, oldest first.
    cohorts: VecDeque<Since>,
    start_up: Option<Duration>,
    reported: Option<Duration>,
    failed: Option<u32>,
    failed_at: Option<Duration>,
}

impl Replicas {
    /// Takes note of what the view shows.
    pub(super) fn note(&mut self, observation: &Observation, now: Duration) {
        if self
            .failed
            .replace(observation.failed)
            .is_some_and(|before| observation.failed > before)
        {
            self.failed_at = Some(now);
        }
        let wanted = observation.mode.replicas();
        let before = self.wanted.back().map_or(wanted, |since| since.count);
        let served = self
            .serving
            .back()
            .map_or(observation.serving, |since| since.count);
        self.reported = observation.start_up.filter(|took| *took <= START_UP_MAX);
        if wanted > before {
            self.expect(wanted - before, now);
        } else {
            self.give_up(before - wanted);
        }
        if observation.serving > served {
            self.arrive(observation.serving - served, now);
        }
        push(&mut self.wanted, wanted, now);
        push(&mut self.serving, observation.serving, now);
        if observation.serving >= wanted {
            self.cohorts.clear();
        }
    }

    fn expect(&mut self, count: u32, now: Duration) {
        if self.cohorts.len() >= COHORTS_MAX {
            self.cohorts.pop_front();
        }
        self.cohorts.push_back(Since { at: now, count });
    }

    /// The swarm takes those away first that do not run yet.
    fn give_up(&mut self, mut count: u32) {
        while count > 0 {
            let Some(last) = self.cohorts.back_mut() else {
                return;
            };
            let gone = last.count.min(count);
            last.count -= gone;
            count -= gone;
            if last.count == 0 {
                self.cohorts.pop_back();
            }
        }
    }

    fn arrive(&mut self, mut count: u32, now: Duration) {
        while count > 0 {
            let Some(first) = self.cohorts.front_mut() else {
                return;
            };
            let came = first.count.min(count);
            first.count -= came;
            count -= came;
            let took = now.saturating_sub(first.at);
            if first.count == 0 {
                self.cohorts.pop_front();
            }
            if took <= START_UP_MAX {
                // Rises at once by half of what was missing, falls slowly: a forecast that looks too far costs little.
                let known = self.start_up.unwrap_or(took);
                let weight = if took > known { 2 } else { 8 };
                self.start_up = Some(
                    known
                        .saturating_add(took.saturating_sub(known) / weight)
                        .saturating_sub(known.saturating_sub(took) / weight),
                );
            }
        }
    }

    /// When a task was last seen to have failed.
    pub(super) const fn failed_at(&self) -> Option<Duration> {
        self.failed_at
    }

    /// Whether replicas are on their way for so long that they will not come: nothing has room for them, or they do not start.
    pub(super) fn stuck(&self, now: Duration) -> bool {
        let patience = (self.start_up() * 4).max(STUCK_AFTER);
        self.cohorts
            .front()
            .is_some_and(|first| now.saturating_sub(first.at) > patience)
    }

    /// From a replica's being asked for to its serving, as measured, if it was.
    pub(super) fn measured(&self) -> Option<Duration> {
        self.start_up.max(self.reported)
    }

    /// From a replica's being asked for to its serving, as measured or as assumed.
    pub(super) fn start_up(&self) -> Duration {
        self.measured().unwrap_or(START_UP_UNKNOWN)
    }

    /// The least and the mean number that served between two times.
    pub(super) fn served(&self, from: Duration, to: Duration) -> (u32, f64) {
        let (mut least, mut sum, mut end) = (u32::MAX, 0.0, to);
        for since in self.serving.iter().rev() {
            if since.at >= to && self.serving.front() != Some(since) {
                continue;
            }
            let begin = since.at.max(from);
            least = least.min(since.count);
            sum += f64::from(since.count) * end.saturating_sub(begin).as_secs_f64();
            end = begin.min(end);
            if since.at <= from {
                break;
            }
        }
        let Some(first) = self.serving.front() else {
            return (0, 0.0);
        };
        // Before the first note as many served as then.
        sum += f64::from(first.count) * end.saturating_sub(from).as_secs_f64();
        let length = to.saturating_sub(from).as_secs_f64();
        if length > 0.0 {
            (least.min(first.count.max(least)), sum / length)
        } else {
            (least, f64::from(least))
        }
    }

    /// The replicas that the spec asked for at a time.
    pub(super) fn wanted_at(&self, at: Duration) -> u32 {
        let by_then = self.wanted.iter().rev().find(|since| since.at <= at);
        by_then
            .or(self.wanted.front())
            .map_or(0, |since| since.count)
    }

    /// Memory outside the value itself, in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        (self.serving.capacity() + self.wanted.capacity() + self.cohorts.capacity())
            * size_of::<Since>()
    }
}

fn push(history: &mut VecDeque<Since>, count: u32, now: Duration) {
    if history.back().is_some_and(|last| last.count == count) {
        return;
    }
    if history.len() >= CHANGES_MAX {
        history.pop_front();
    }
    history.push_back(Since { at: now, count });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Mode, Readings, Rollout};

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn seen(replicas: u32, serving: u32) -> Observation {
        Observation {
            mode: Mode::Replicated { replicas },
            serving,
            starting: replicas.saturating_sub(serving),
            draining: 0,
            failed: 0,
            start_up: None,
            rollout: Rollout::Idle,
            change: None,
            metrics: Readings::default(),
        }
    }

    #[test]
    fn start_up_is_measured_from_what_is_seen() {
        let mut replicas = Replicas::default();
        assert_eq!(replicas.measured(), None);
        for (second, wanted, serving) in [
            (0, 2, 2),
            (10, 5, 2),
            (12, 6, 2),
            (15, 6, 4),
            (16, 6, 5),
            (17, 6, 6),
        ] {
            replicas.note(&seen(wanted, serving), at(second));
        }
        let took = replicas.measured().unwrap();
        assert!((at(5)..=at(6)).contains(&took), "{took:?}");
        // Those taken away before they served say nothing.
        for (second, wanted, serving) in [(20, 9, 6), (22, 6, 6), (400, 7, 6), (430, 7, 7)] {
            replicas.note(&seen(wanted, serving), at(second));
        }
        let slower = replicas.measured().unwrap();
        assert!(slower > took && slower <= at(30), "{slower:?}");
    }

    #[test]
    fn the_mean_over_a_window_counts_each_number_for_its_time() {
        let mut replicas = Replicas::default();
        for (second, serving) in [(0, 4), (10, 8), (14, 6)] {
            replicas.note(&seen(serving, serving), at(second));
        }
        for (from, to, least, mean) in [
            (0, 5, 4, 4.0),
            (8, 12, 4, 6.0),
            (10, 18, 6, 7.0),
            (16, 16, 6, 6.0),
            (20, 30, 6, 6.0),
        ] {
            let (seen_least, seen_mean) = replicas.served(at(from), at(to));
            assert_eq!(seen_least, least, "{from}..{to}");
            assert!((seen_mean - mean).abs() < 1e-9, "{from}..{to}: {seen_mean}");
        }
        assert_eq!(replicas.wanted_at(at(12)), 8);
    }
}
