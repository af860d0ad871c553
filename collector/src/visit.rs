//! One look at every data source as it is now, for those who write it out themselves. Does not aggregate or allocate.

use std::{net::IpAddr, time::Duration};

use crate::{
    agent::Agent,
    config::millis,
    core::Collector,
    extra::Extra,
    host::Host,
    metric::Metric,
    reading::{Freshness, Reading},
    series::Series,
    uuid::ContainerUuid,
};

/// A container, or the host of an agent, as its newest sample described it.
#[derive(Clone, Copy, Debug)]
pub struct DataSource<'a> {
    agent: &'a Agent,
    subject: Subject<'a>,
    now_ms: u64,
}

#[derive(Clone, Copy, Debug)]
enum Subject<'a> {
    Container {
        reading: &'a Reading,
        series: &'a Series,
        extra: Option<&'a Extra>,
    },
    Host(&'a Host),
}

/// `ds_class` and `ds_index` of a host, as every agent known numbers it.
const HOST: (u32, u32) = (2, 1);

impl<'a> DataSource<'a> {
    /// The agent's own address, or where its datagrams come from when it does not say.
    #[must_use]
    pub fn agent(&self) -> IpAddr {
        self.agent.key.agent.unwrap_or(self.agent.key.source)
    }

    /// The host of the same agent; `None` before its first sample.
    #[must_use]
    pub fn host(&self) -> Option<Self> {
        let host = self.agent.host.as_deref()?;
        Some(Self {
            subject: Subject::Host(host),
            ..*self
        })
    }

    /// Whether this is a host rather than a container.
    #[must_use]
    pub const fn is_host(&self) -> bool {
        matches!(self.subject, Subject::Host(_))
    }

    /// `ds_class` and `ds_index`.
    #[must_use]
    pub const fn class_and_index(&self) -> (u32, u32) {
        match self.subject {
            Subject::Container { series, .. } => (series.class, series.index),
            Subject::Host(_) => HOST,
        }
    }

    /// The container's or the host's name; empty where it is not known.
    #[must_use]
    pub fn name(&self) -> &'a [u8] {
        match self.subject {
            Subject::Container { series, .. } => &series.name,
            Subject::Host(host) => &host.name,
        }
    }

    /// The container's or the host's UUID; `None` where it is not known.
    #[must_use]
    pub fn uuid(&self) -> Option<ContainerUuid> {
        let uuid = match self.subject {
            Subject::Container { reading, .. } => reading.uuid,
            Subject::Host(host) => host.uuid,
        };
        (!uuid.is_unknown()).then_some(uuid)
    }

    /// The operating system by its number in sFlow's host structures; `None` of a container, or where it is not known.
    #[must_use]
    pub fn os_number(&self) -> Option<u32> {
        match self.subject {
            Subject::Container { .. } => None,
            Subject::Host(host) => (host.os_name > 0).then_some(host.os_name),
        }
    }

    /// How current it is.
    #[must_use]
    pub fn freshness(&self) -> Freshness {
        match self.subject {
            Subject::Container { reading, .. } => reading.freshness(self.now_ms),
            Subject::Host(_) if self.agent.is_live(self.now_ms) => Freshness::Fresh,
            Subject::Host(_) => Freshness::Stale,
        }
    }

    /// Time since the newest sample, milliseconds.
    #[must_use]
    pub fn age_ms(&self) -> u64 {
        match self.subject {
            Subject::Container { reading, .. } => reading.age_ms(self.now_ms),
            Subject::Host(host) => self.now_ms.saturating_sub(host.seen_ms),
        }
    }

    /// A metric's value; `None` when it is not known, or is one of the other kind of data source.
    ///
    /// `limit_cores` is the container's processor limit; without it, its host's cores are the limit.
    #[must_use]
    pub fn metric(&self, metric: Metric, limit_cores: Option<f64>) -> Option<f64> {
        match self.subject {
            Subject::Host(host) => host.metric(metric),
            Subject::Container {
                reading,
                series,
                extra,
            } => extra
                .and_then(|extra| extra.metric(metric))
                .or_else(|| reading.metric(&series.rates, metric, limit_cores)),
        }
    }
}

impl Collector {
    /// Shows every container that speaks for itself, and every live agent's host, to `visitor`, in no particular order.
    ///
    /// The share of the state that is being read is locked meanwhile, so the visitor should only take notes.
    pub fn visit(&self, now: Duration, visitor: &mut dyn FnMut(&DataSource<'_>)) {
        let now_ms = millis(now);
        for number in self.shard_numbers() {
            let Some(shard) = self.shard(number) else {
                continue;
            };
            for agent in shard.agents.iter().flatten() {
                if let Some(host) = agent.host.as_deref()
                    && agent.is_live(now_ms)
                {
                    let subject = Subject::Host(host);
                    visitor(&DataSource {
                        agent,
                        subject,
                        now_ms,
                    });
                }
            }
            let all = shard.readings.iter().zip(&shard.series).zip(&shard.extras);
            for ((reading, series), extra) in all {
                let agent = shard.agents.get(series.agent as usize);
                if let (true, Some(Some(agent))) = (reading.is_visible(), agent) {
                    let subject = Subject::Container {
                        reading,
                        series,
                        extra: extra.as_deref(),
                    };
                    visitor(&DataSource {
                        agent,
                        subject,
                        now_ms,
                    });
                }
            }
        }
    }
}
