//! The replicas of a service: asked for, waiting for room, starting, serving, stopping.

use std::collections::VecDeque;

/// Nodes that the replicas of a service are spread over, each with its agent.
pub const NODES: usize = 8;

/// A replica that serves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Replica {
    /// Step at which it began to serve.
    pub since: u64,
    /// The node that it runs on, below [`NODES`].
    pub node: usize,
    /// Counters and rates as its node's agent reported them.
    pub(crate) polled: crate::telemetry::Polled,
}

/// All replicas of a service.
#[derive(Clone, Debug, Default)]
pub struct Replicas {
    spec: u32,
    /// Those that were asked for where there is no room, when room is limited at all.
    unplaced: u32,
    rationed: bool,
    serving: Vec<Replica>,
    /// Steps at which starting ones will serve, oldest first.
    starting: VecDeque<u64>,
    /// Steps at which stopping ones will be gone, oldest first.
    stopping: VecDeque<u64>,
}

impl Replicas {
    /// So many that have served from before the beginning.
    pub(crate) fn serving_from_the_start(count: u32) -> Self {
        let mut replicas = Self {
            spec: count,
            ..Self::default()
        };
        for _ in 0..count {
            replicas.serve(0);
        }
        replicas
    }

    fn serve(&mut self, step: u64) {
        let mut load = [0_usize; NODES];
        for replica in &self.serving {
            if let Some(count) = load.get_mut(replica.node) {
                *count += 1;
            }
        }
        let node = (0..NODES).min_by_key(|node| load.get(*node)).unwrap_or(0);
        self.serving.push(Replica {
            since: step,
            node,
            polled: crate::telemetry::Polled::default(),
        });
    }

    /// Moves replicas on to where they are at `step`.
    pub(crate) fn advance(&mut self, step: u64) {
        while self.starting.front().is_some_and(|ready| *ready <= step) {
            self.starting.pop_front();
            self.serve(step);
        }
        while self.stopping.front().is_some_and(|gone| *gone <= step) {
            self.stopping.pop_front();
        }
    }

    /// Asks for another number. New ones serve at step `ready`; those taken away serve no longer and are gone at step `gone`.
    ///
    /// As in a swarm, those that do not serve yet go first, then those on the fullest node, the newest first.
    pub(crate) fn set(&mut self, replicas: u32, ready: u64, gone: u64) {
        if self.rationed {
            self.unplaced += replicas.saturating_sub(self.spec);
        } else {
            for _ in self.spec..replicas {
                self.starting.push_back(ready);
            }
        }
        for _ in replicas..self.spec {
            if self.unplaced > 0 {
                self.unplaced -= 1;
            } else if self.starting.pop_back().is_none() && self.serving.pop().is_some() {
                self.stopping.push_back(gone);
            }
        }
        self.spec = replicas;
    }

    /// From now on, what is asked for waits until [`Self::place`] gives it room.
    pub(crate) const fn ration(&mut self) {
        self.rationed = true;
    }

    /// Gives room to at most so many that wait for it; they serve at step `ready`.
    pub(crate) fn place(&mut self, replicas: u32, ready: u64) {
        for _ in 0..replicas.min(self.unplaced) {
            self.unplaced -= 1;
            self.starting.push_back(ready);
        }
    }

    /// Those that take up room: starting, serving and stopping ones.
    #[must_use]
    pub fn held(&self) -> u32 {
        count(self.starting.len() + self.serving.len() + self.stopping.len())
    }

    /// Those that wait for room.
    #[must_use]
    pub const fn unplaced(&self) -> u32 {
        self.unplaced
    }

    /// Replicas asked for.
    #[must_use]
    pub const fn spec(&self) -> u32 {
        self.spec
    }

    /// Those that serve.
    #[must_use]
    pub fn serving(&self) -> &[Replica] {
        &self.serving
    }

    pub(crate) fn serving_mut(&mut self) -> &mut [Replica] {
        &mut self.serving
    }

    /// How many serve.
    #[must_use]
    pub fn serving_count(&self) -> u32 {
        count(self.serving.len())
    }

    /// How many start, those that wait for room included.
    #[must_use]
    pub fn starting_count(&self) -> u32 {
        count(self.starting.len()) + self.unplaced
    }

    /// How many stop.
    #[must_use]
    pub fn stopping_count(&self) -> u32 {
        count(self.stopping.len())
    }
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(replicas: &Replicas) -> (u32, u32, u32, u32) {
        (
            replicas.spec(),
            replicas.serving_count(),
            replicas.starting_count(),
            replicas.stopping_count(),
        )
    }

    #[test]
    fn start_serve_stop() {
        let mut replicas = Replicas::serving_from_the_start(3);
        replicas.set(6, 40, 8);
        assert_eq!(counts(&replicas), (6, 3, 3, 0));
        replicas.advance(39);
        assert_eq!(counts(&replicas), (6, 3, 3, 0));
        replicas.set(5, 45, 45);
        assert_eq!(
            counts(&replicas),
            (5, 3, 2, 0),
            "one that starts goes first"
        );
        replicas.advance(40);
        assert_eq!(counts(&replicas), (5, 5, 0, 0));
        replicas.set(2, 90, 50);
        assert_eq!(counts(&replicas), (2, 2, 0, 3));
        replicas.advance(50);
        assert_eq!(counts(&replicas), (2, 2, 0, 0));
    }

    #[test]
    fn without_room_they_wait_and_go_first() {
        let mut replicas = Replicas::serving_from_the_start(2);
        replicas.ration();
        replicas.set(6, 40, 8);
        assert_eq!((replicas.held(), replicas.unplaced()), (2, 4));
        replicas.place(1, 41);
        assert_eq!((replicas.held(), replicas.unplaced()), (3, 3));
        replicas.set(4, 0, 9);
        assert_eq!((replicas.held(), replicas.unplaced()), (3, 1));
        assert_eq!(counts(&replicas), (4, 2, 2, 0));
        replicas.place(9, 42);
        replicas.advance(42);
        assert_eq!(counts(&replicas), (4, 4, 0, 0));
    }

    #[test]
    fn are_spread_over_the_nodes() {
        let replicas = Replicas::serving_from_the_start(17);
        for node in 0..NODES {
            let here = replicas.serving().iter().filter(|r| r.node == node).count();
            assert!((2..=3).contains(&here), "{node}: {here}");
        }
    }
}
