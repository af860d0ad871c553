//! Plain counters of what the collector saw and refused. Does not publish them.

use std::collections::BTreeMap;

use serde::Serialize;

/// Counts since the collector was made, and a few present sizes (`agents`, `data_sources`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Stats {
    /// Datagrams handed to `ingest`.
    pub datagrams: u64,
    /// Bytes of those datagrams.
    pub bytes: u64,
    /// Datagrams refused because their source is not in the allow list.
    pub sources_denied: u64,
    /// Datagrams, samples and records that could not be decoded, by reason.
    pub decode_errors: BTreeMap<&'static str, u64>,
    /// Datagrams seen twice in a row (same sequence number and uptime), ignored.
    pub datagrams_duplicate: u64,
    /// Datagrams that arrived a little late.
    pub datagrams_late: u64,
    /// Datagrams missing from the agents' sequences (an estimate).
    pub datagrams_lost: u64,
    /// Agent restarts noticed.
    pub agent_restarts: u64,
    /// Wraps of an agent's 32-bit uptime.
    pub uptime_wraps: u64,
    /// Agents told apart by source port, because two sent from one source with one agent address and sub-agent.
    pub agents_split: u64,
    /// Agents that appeared with an agent address and sub-agent already in use by another source.
    pub agents_duplicate: u64,
    /// Changes of the host UUID announced by one agent.
    pub host_uuid_changes: u64,
    /// Datagrams refused because `max_agents` was reached.
    pub agents_refused: u64,
    /// Samples refused because a limit on data sources was reached.
    pub data_sources_refused: u64,
    /// Names cut to `max_name_bytes`.
    pub names_truncated: u64,
    /// Counter samples decoded.
    pub counter_samples: u64,
    /// Counter samples of containers.
    pub container_samples: u64,
    /// Counter samples of hosts (data source 2:1).
    pub host_samples: u64,
    /// Flow samples.
    pub flow_samples: u64,
    /// Flow samples that tell of no packet, as those of applications.
    pub flows_without_packet: u64,
    /// Flow samples whose packet is no IP packet or was cut before its addresses.
    pub flows_not_ip: u64,
    /// Flow samples with a sampling rate of 0.
    pub flows_without_rate: u64,
    /// Flows in the table of talkers now.
    pub talkers: u64,
    /// Flows that made room for others in it.
    pub talkers_evicted: u64,
    /// Event, application and unknown samples, which the collector does not keep.
    pub other_samples: u64,
    /// Container samples that yielded rates.
    pub rates: u64,
    /// Container samples less than the minimum interval after their base (hsflowd's twins).
    pub intervals_too_short: u64,
    /// Container samples whose sequence number restarted or stood still.
    pub sequence_resets: u64,
    /// Container samples after too long a gap in the sequence.
    pub sequence_gaps: u64,
    /// Container samples whose base is from before an agent restart.
    pub base_outdated: u64,
    /// Container samples whose arrival contradicts the agent's uptime.
    pub interval_mismatches: u64,
    /// Container samples with an impossible change of a counter, taken as a reset.
    pub counters_implausible: u64,
    /// Wraps of the 32-bit processor time, accepted.
    pub cpu_time_wraps: u64,
    /// Container samples in a state other than running.
    pub not_running: u64,
    /// Data sources whose index was taken over by another container.
    pub data_sources_reused: u64,
    /// Containers whose owner data source changed.
    pub owner_changes: u64,
    /// Agents forgotten for their silence.
    pub agents_gone: u64,
    /// Data sources forgotten for their silence or end.
    pub data_sources_gone: u64,
    /// Agents known now.
    pub agents: u64,
    /// Container data sources known now.
    pub data_sources: u64,
}

impl Stats {
    pub(crate) fn count_error(&mut self, reason: &'static str) {
        *self.decode_errors.entry(reason).or_default() += 1;
    }

    /// Adds the event counters of `other`; sizes are added too, since shards are disjoint.
    pub(crate) fn add(&mut self, other: &Self) {
        for (reason, count) in &other.decode_errors {
            *self.decode_errors.entry(reason).or_default() += count;
        }
        macro_rules! add {
            ($($field:ident)*) => { $(self.$field += other.$field;)* };
        }
        add!(datagrams bytes sources_denied datagrams_duplicate datagrams_late datagrams_lost agent_restarts uptime_wraps
            agents_split agents_duplicate host_uuid_changes agents_refused data_sources_refused names_truncated
            counter_samples container_samples host_samples flow_samples flows_without_packet
            flows_not_ip flows_without_rate talkers talkers_evicted other_samples rates intervals_too_short sequence_resets
            sequence_gaps base_outdated interval_mismatches counters_implausible cpu_time_wraps not_running
            data_sources_reused owner_changes agents_gone data_sources_gone agents data_sources);
    }
}
