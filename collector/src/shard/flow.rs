//! Flow samples: which container is at which end, by the data sources that this shard knows.

use std::net::IpAddr;

use sflow::{DataSource, FlowSample};

use super::{Arrival, Shard};
use crate::{
    agent::AgentKey,
    talkers::{Dropped, Flow, Place, flow},
    uuid::ContainerUuid,
};

/// Flows of one datagram, for the table of talkers once the shard's lock is free again.
#[derive(Debug, Default)]
pub(crate) struct Flows {
    pub(crate) agent: Option<AgentKey>,
    pub(crate) all: Vec<Flow>,
}

/// The agent of a flow sample.
struct Agents<'a> {
    shard: &'a Shard,
    agent: u32,
    host: IpAddr,
}

impl Place for Agents<'_> {
    fn container(&self, source: DataSource) -> Option<ContainerUuid> {
        let uuid = self
            .shard
            .uuid_of(self.agent, source.class.0, source.index)?;
        (!uuid.is_unknown()).then_some(uuid)
    }

    fn host(&self) -> IpAddr {
        self.host
    }
}

impl Shard {
    /// Takes in a flow sample.
    pub(crate) fn flow_sample(&mut self, arrival: &Arrival, sample: &FlowSample<'_>) {
        self.stats.flow_samples += 1;
        let agent = self.agents.get(arrival.agent as usize);
        let Some(key) = agent.and_then(Option::as_ref).map(|agent| agent.key) else {
            return;
        };
        let mut bad = Vec::new();
        let place = Agents {
            shard: self,
            agent: arrival.agent,
            host: key.source,
        };
        let read = flow(sample, &place, |reason| bad.push(reason));
        for reason in bad {
            self.stats.count_error(reason);
        }
        match read {
            Ok(flow) => {
                self.flows.agent = Some(key);
                self.flows.all.push(flow);
            }
            Err(Dropped::NoPacket) => self.stats.flows_without_packet += 1,
            Err(Dropped::NotIp) => self.stats.flows_not_ip += 1,
            Err(Dropped::NoRate) => self.stats.flows_without_rate += 1,
        }
    }

    fn uuid_of(&self, agent: u32, class: u32, index: u32) -> Option<ContainerUuid> {
        let hash = self.hash(agent, class, index);
        let slot = self
            .slots
            .find(hash, |slot| self.is_at(*slot, (agent, class, index)))?;
        Some(self.readings.get(*slot as usize)?.uuid)
    }
}
