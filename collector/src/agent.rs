//! One agent and sub-agent over time: sequence, uptime, restarts. Does not know its data sources.

use std::{
    hash::{Hash, Hasher},
    net::{IpAddr, SocketAddr},
};

use crate::{config::Rules, host::Host, stats::Stats};

/// What tells one agent from another.
///
/// The source address is part of it because agent addresses are not unique in practice: every node whose only address is
/// that of docker0 announces 172.17.0.1. The source port is not, since it changes with every agent restart, except where two
/// agents behind one address translation were caught sharing all the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AgentKey {
    pub(crate) source: IpAddr,
    /// `None` for sFlow's "unknown" address type.
    pub(crate) agent: Option<IpAddr>,
    pub(crate) sub_agent: u32,
    /// 0 unless told apart by port.
    pub(crate) port: u16,
}

impl Hash for AgentKey {
    /// Whole words instead of what is derived, which hashes addresses byte by byte; every datagram needs it.
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u128(address_bits(self.source));
        state.write_u128(self.agent.map_or(0, address_bits));
        state.write_u64(u64::from(self.sub_agent) << 16 | u64::from(self.port));
    }
}

/// An address as a number, for hashing: the two families may collide.
pub(crate) fn address_bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// The fields of a datagram's header that the agent's state depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    pub(crate) agent: Option<IpAddr>,
    pub(crate) sub_agent: u32,
    pub(crate) sequence: u32,
    pub(crate) uptime_ms: u32,
}

/// State of one agent and sub-agent.
#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) key: AgentKey,
    pub(crate) clock: Clock,
    pub(crate) ports: Ports,
    pub(crate) host: Option<Box<Host>>,
    /// The slot of the data source of its latest container sample.
    pub(crate) latest: u32,
    /// The slot of the data source whose sample followed that one last time; a guess, to be checked.
    pub(crate) expected: u32,
    /// Container data sources of this agent.
    pub(crate) data_sources: u32,
    /// Average interval of its containers' samples; 0 is unknown.
    pub(crate) interval_ms: u32,
    pub(crate) stale_after_ms: u32,
}

impl Agent {
    pub(crate) fn new(key: AgentKey, source: SocketAddr) -> Self {
        Self {
            key,
            clock: Clock::default(),
            ports: Ports {
                current: source.port(),
                previous: None,
            },
            host: None,
            latest: u32::MAX,
            expected: u32::MAX,
            data_sources: 0,
            interval_ms: 0,
            stale_after_ms: 0,
        }
    }

    /// The polling interval: that between the host's samples, else the configured one.
    pub(crate) fn polling_ms(&self, rules: &Rules) -> u32 {
        self.host
            .as_ref()
            .map_or(0, |host| host.polling_ms())
            .max(if self.has_polling() {
                0
            } else {
                rules.polling_ms
            })
    }

    fn has_polling(&self) -> bool {
        self.host.as_ref().is_some_and(|host| host.polling_ms() > 0)
    }

    pub(crate) fn host_cpus(&self) -> u32 {
        self.host.as_ref().map_or(0, |host| host.cpu_num)
    }

    pub(crate) fn is_live(&self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.clock.seen_ms) <= u64::from(self.stale_after_ms)
    }
}

/// The source ports an agent was seen with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ports {
    pub(crate) current: u16,
    previous: Option<u16>,
}

impl Ports {
    /// Notes the port of a datagram; true when it went back to the one before, which only two agents at once can do.
    pub(crate) fn note(&mut self, port: u16) -> bool {
        if port == self.current {
            return false;
        }
        let alternates = self.previous == Some(port);
        (self.previous, self.current) = (Some(self.current), port);
        alternates
    }
}

/// Where a datagram stands in its agent's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Position {
    /// The same datagram again.
    Duplicate,
    /// In order, or `late` when overtaken by a later one.
    At {
        uptime_ms: u64,
        run: u32,
        late: bool,
    },
}

/// Sequence number and uptime of an agent, from which loss, restarts and time between samples follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Clock {
    pub(crate) datagrams: u64,
    pub(crate) lost: u64,
    pub(crate) restarts: u64,
    pub(crate) seen_ms: u64,
    /// Uptime extended over wraps of the 32 bits.
    pub(crate) uptime_ms: u64,
    run: u32,
    sequence: u32,
    uptime_on_wire_ms: u32,
}

/// A datagram overtaken by later ones is at most this much older than the latest.
const LATE_UPTIME_MS: u32 = 2_000;
/// A datagram overtaken by later ones is at most this many before the latest.
const LATE_DATAGRAMS: u32 = 16;
/// How far uptime and arrival may differ for a step back of the uptime to be a wrap.
const WRAP_SLACK_MS: u64 = 10_000;

/// More datagrams than this are not lost in a row: the sequence began anew, or the number is damaged.
const MOST_LOST: u32 = 100_000;

impl Clock {
    /// Places a datagram: in order, late, repeated, after a wrap of the uptime or after a restart.
    pub(crate) fn advance(
        &mut self,
        sequence: u32,
        uptime_ms: u32,
        now_ms: u64,
        stats: &mut Stats,
    ) -> Position {
        let first = self.datagrams == 0;
        let ahead = sequence.wrapping_sub(self.sequence);
        let behind = self.sequence.wrapping_sub(sequence);
        let older_ms = self.uptime_on_wire_ms.saturating_sub(uptime_ms);
        let in_sequence = (1..=MOST_LOST).contains(&ahead);
        if !first && ahead == 0 && uptime_ms == self.uptime_on_wire_ms {
            stats.datagrams_duplicate += 1;
            return Position::Duplicate;
        }
        self.datagrams += 1;
        let overtaken = sequence != 1 && !in_sequence && (1..=LATE_DATAGRAMS).contains(&behind);
        if !first && overtaken && uptime_ms <= self.uptime_on_wire_ms && older_ms <= LATE_UPTIME_MS
        {
            stats.datagrams_late += 1;
            self.lost = self.lost.saturating_sub(1);
            let uptime_ms = self.uptime_ms.saturating_sub(u64::from(older_ms));
            return Position::At {
                uptime_ms,
                run: self.run,
                late: true,
            };
        }
        if first {
            self.uptime_ms = u64::from(uptime_ms);
        } else if in_sequence
            && (uptime_ms >= self.uptime_on_wire_ms || self.is_wrap(uptime_ms, now_ms))
        {
            stats.uptime_wraps += u64::from(uptime_ms < self.uptime_on_wire_ms);
            self.uptime_ms += u64::from(uptime_ms.wrapping_sub(self.uptime_on_wire_ms));
            self.lost += u64::from(ahead - 1);
            stats.datagrams_lost += u64::from(ahead - 1);
        } else {
            self.uptime_ms = u64::from(uptime_ms);
            self.run = self.run.wrapping_add(1);
            self.restarts += 1;
            stats.agent_restarts += 1;
        }
        self.sequence = sequence;
        self.uptime_on_wire_ms = uptime_ms;
        self.seen_ms = now_ms;
        Position::At {
            uptime_ms: self.uptime_ms,
            run: self.run,
            late: false,
        }
    }

    /// A wrap goes on at the pace of time; a restart does not.
    fn is_wrap(&self, uptime_ms: u32, now_ms: u64) -> bool {
        let by_uptime = u64::from(uptime_ms.wrapping_sub(self.uptime_on_wire_ms));
        let by_arrival = now_ms.saturating_sub(self.seen_ms);
        by_uptime.abs_diff(by_arrival) <= WRAP_SLACK_MS + by_arrival / 8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(uptime_ms: u64, run: u32, late: bool) -> Position {
        Position::At {
            uptime_ms,
            run,
            late,
        }
    }

    #[test]
    fn uptime_wrap_is_told_from_agent_restart() {
        let (mut clock, mut stats) = (Clock::default(), Stats::default());
        clock.advance(900, u32::MAX - 999, 0, &mut stats);
        assert_eq!(
            clock.advance(901, 4_000, 5_000, &mut stats),
            at((1 << 32) + 4_000, 0, false)
        );
        assert_eq!((stats.uptime_wraps, stats.agent_restarts), (1, 0));
        assert_eq!(clock.advance(902, 10, 10_000, &mut stats), at(10, 1, false));
        assert_eq!((stats.uptime_wraps, stats.agent_restarts), (1, 1));
    }

    #[test]
    fn a_restart_just_before_the_wrap_is_a_restart() {
        let (mut clock, mut stats) = (Clock::default(), Stats::default());
        clock.advance(900, u32::MAX - 999, 0, &mut stats);
        assert_eq!(
            clock.advance(1, 4_000, 5_000, &mut stats),
            at(4_000, 1, false)
        );
        assert_eq!(stats.agent_restarts, 1);
    }

    #[test]
    fn loss_duplicates_and_late_datagrams() {
        let (mut clock, mut stats) = (Clock::default(), Stats::default());
        clock.advance(10, 10_000, 0, &mut stats);
        assert_eq!(
            clock.advance(10, 10_000, 1, &mut stats),
            Position::Duplicate
        );
        assert_eq!(
            clock.advance(13, 13_000, 3_000, &mut stats),
            at(13_000, 0, false)
        );
        assert_eq!(clock.lost, 2);
        assert_eq!(
            clock.advance(12, 12_100, 3_000, &mut stats),
            at(12_100, 0, true)
        );
        assert_eq!(clock.lost, 1);
        assert_eq!(
            clock.advance(14, 14_000, 4_000, &mut stats),
            at(14_000, 0, false)
        );
        assert_eq!(
            (
                stats.datagrams_lost,
                stats.datagrams_late,
                stats.datagrams_duplicate
            ),
            (2, 1, 1)
        );
    }

    #[test]
    fn a_restart_that_outlived_the_old_uptime_is_noticed_by_its_sequence() {
        let (mut clock, mut stats) = (Clock::default(), Stats::default());
        clock.advance(500, 9_000, 0, &mut stats);
        assert_eq!(
            clock.advance(40, 60_000, 120_000, &mut stats),
            at(60_000, 1, false)
        );
    }

    #[test]
    fn a_port_that_comes_back_betrays_two_agents() {
        let mut ports = Ports {
            current: 5,
            previous: None,
        };
        assert!(!ports.note(5));
        assert!(!ports.note(6), "an agent that restarted has a new port");
        assert!(!ports.note(7));
        assert!(ports.note(6));
    }
}
