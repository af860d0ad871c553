//! What hsflowd would tell: counters of each replica, read by its node's agent once in a polling interval, turned into rates.
//!
//! A replica has no rate before its second poll. Processor time ends at the whole of the replica; bytes, packets and connections are
//! those of requests count when they come, also when they then wait or are refused; those of answers when they are answered. Requests differ
//! in size, so bytes tell the load less exactly than connections. The queue, its waits and what lies ahead are never told.

use std::time::Duration;

use crate::{
    meter::Meter,
    random::Random,
    replicas::{NODES, Replica},
    setup::{step_of, time_of},
};

/// Bytes received when a request comes, on average: its handshake and the request itself.
pub const BYTES_IN_PER_REQUEST: f64 = 700.0;

/// Bytes received while it is answered: acknowledgements.
pub const BYTES_IN_PER_ANSWER: f64 = 300.0;

/// Bytes sent for an answer, on average.
pub const BYTES_OUT_PER_ANSWER: f64 = 12_000.0;

/// Packets in and out when a request comes.
pub const PACKETS_PER_REQUEST: f64 = 4.0;

/// Packets in and out while it is answered.
pub const PACKETS_PER_ANSWER: f64 = 16.0;

/// Standard deviation of a request's bytes, as a part of their mean.
const BYTES_SPREAD: f64 = 0.5;

/// Standard deviation of a request's packets, as a part of their mean.
const PACKETS_SPREAD: f64 = 0.2;

/// Standard deviation of processor time, as a part of its mean: the clock of the agent and whatever else runs.
const CPU_SPREAD: f64 = 0.02;

/// Rates of one replica, or their average over several.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rates {
    /// Share of the replica's processor limit, at most 1.
    pub cpu: f64,
    /// Bytes received a second.
    pub bytes_in: f64,
    /// Bytes sent a second.
    pub bytes_out: f64,
    /// Packets received and sent a second.
    pub packets: f64,
    /// New connections a second, one a request.
    pub connections: f64,
}

impl Rates {
    fn scaled(self, factor: f64) -> Self {
        Self {
            cpu: self.cpu * factor,
            bytes_in: self.bytes_in * factor,
            bytes_out: self.bytes_out * factor,
            packets: self.packets * factor,
            connections: self.connections * factor,
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            cpu: self.cpu + other.cpu,
            bytes_in: self.bytes_in + other.bytes_in,
            bytes_out: self.bytes_out + other.bytes_out,
            packets: self.packets + other.packets,
            connections: self.connections + other.connections,
        }
    }
}

/// What a replica's agent has reported so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Polled {
    counters: Option<(u64, Meter)>,
    rates: Option<Rates>,
}

/// All replicas of a service as telemetry shows them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Seen {
    /// Replicas with rates.
    pub reporting: u32,
    /// Their average; zero when there are none.
    pub average: Rates,
    /// Age of the oldest counters in it.
    pub oldest_age: Duration,
    /// Time between two polls.
    pub interval: Duration,
}

/// The agents of one service's nodes.
#[derive(Clone, Debug)]
pub(crate) struct Agents {
    interval: u64,
    requests_per_replica: f64,
    random: Random,
}

impl Agents {
    pub(crate) fn new(interval: Duration, requests_per_replica: f64, seed: u64) -> Self {
        Self {
            interval: step_of(interval).max(1),
            requests_per_replica,
            random: Random::new(seed, 2),
        }
    }

    /// Polls the replicas on nodes whose turn it is at `step`. Each node has its own moment in the interval.
    pub(crate) fn poll(&mut self, replicas: &mut [Replica], meter: &Meter, step: u64) {
        let turn = step % self.interval;
        for node in 0..NODES {
            if node as u64 * self.interval / NODES as u64 != turn {
                continue;
            }
            for replica in replicas.iter_mut().filter(|replica| replica.node == node) {
                let before = replica.polled.counters.replace((step, *meter));
                if let Some((at, before)) = before {
                    let seconds = time_of(step - at).as_secs_f64();
                    replica.polled.rates = Some(self.rates(&before, meter, seconds));
                }
            }
        }
    }

    fn rates(&mut self, before: &Meter, after: &Meter, seconds: f64) -> Rates {
        let busy = after.busy - before.busy;
        let came = after.offered - before.offered;
        let answered = busy * self.requests_per_replica;
        let mut noise = |spread: f64, requests: f64| {
            (1.0 + spread / requests.max(1.0).sqrt() * self.random.normal()).max(0.0)
        };
        let bytes_in = came * BYTES_IN_PER_REQUEST * noise(BYTES_SPREAD, came)
            + answered * BYTES_IN_PER_ANSWER;
        let bytes_out = answered * BYTES_OUT_PER_ANSWER * noise(BYTES_SPREAD, answered);
        let packets = (came * PACKETS_PER_REQUEST + answered * PACKETS_PER_ANSWER)
            * noise(PACKETS_SPREAD, came);
        Rates {
            cpu: (busy / seconds * noise(CPU_SPREAD, 1.0)).min(1.0),
            bytes_in: bytes_in / seconds,
            bytes_out: bytes_out / seconds,
            packets: packets / seconds,
            connections: came / seconds,
        }
    }

    /// The newest rates of all replicas.
    pub(crate) fn seen(&self, replicas: &[Replica], step: u64) -> Seen {
        let (mut sum, mut reporting, mut oldest) = (Rates::default(), 0_u32, step);
        for replica in replicas {
            if let Polled {
                counters: Some((at, _)),
                rates: Some(rates),
            } = replica.polled
            {
                sum = sum.plus(rates);
                reporting += 1;
                oldest = oldest.min(at);
            }
        }
        Seen {
            reporting,
            average: sum.scaled(1.0 / f64::from(reporting.max(1))),
            oldest_age: time_of(step - oldest),
            interval: time_of(self.interval),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replicas::Replicas;

    /// One replica that gets 20 requests a second and can serve 10, polled every 2 s.
    fn saturated(steps: u64) -> (Seen, Replicas) {
        let mut agents = Agents::new(Duration::from_secs(2), 10.0, 7);
        let mut replicas = Replicas::serving_from_the_start(16);
        let mut meter = Meter::default();
        for step in 0..steps {
            agents.poll(replicas.serving_mut(), &meter, step);
            meter.advance(16.0 * 5.0, 16.0 * 2.5, 160.0, 16.0);
        }
        (agents.seen(replicas.serving(), steps), replicas)
    }

    #[test]
    fn processor_time_ends_at_the_whole_and_what_comes_in_does_not() {
        let (seen, _) = saturated(40);
        assert_eq!(seen.reporting, 16);
        assert!((0.95..=1.0).contains(&seen.average.cpu), "{seen:?}");
        assert!((seen.average.connections - 20.0).abs() < 1e-9, "{seen:?}");
        let bytes = seen.average.bytes_in;
        let expected = 20.0 * BYTES_IN_PER_REQUEST + 10.0 * BYTES_IN_PER_ANSWER;
        assert!((bytes / expected - 1.0).abs() < 0.1, "{seen:?}");
        assert!((bytes - expected).abs() > 1.0, "requests differ in size");
        let out = seen.average.bytes_out / BYTES_OUT_PER_ANSWER;
        assert!((out - 10.0).abs() < 1.5, "{seen:?}");
        assert!(seen.oldest_age <= Duration::from_secs(2), "{seen:?}");
    }

    #[test]
    fn the_second_poll_brings_the_first_rate() {
        assert_eq!(saturated(8).0.reporting, 0);
        assert_eq!(saturated(9).0.reporting, 2, "the first of eight nodes");
        assert_eq!(saturated(16).0.reporting, 16);
    }
}
