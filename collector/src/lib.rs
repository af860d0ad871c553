//! sFlow datagrams in, metrics per container and service out.
//!
//! [`Collector`] is the core: it takes datagrams with the time they came at, keeps state per agent and data source, and
//! answers queries. [`listener`] is the shell that receives from UDP. The crate does not know services or the Engine API:
//! callers name containers by [`ContainerUuid`].

mod agent;
mod cache;
mod config;
mod core;
mod extra;
mod extract;
mod host;
mod index;
pub mod listener;
mod listing;
mod metric;
mod name;
mod networks;
mod observe;
mod query;
mod reading;
mod series;
mod shard;
mod stats;
pub mod talkers;
mod uuid;
mod visit;

pub use crate::{
    config::Config,
    core::Collector,
    listing::{AgentInfo, ContainerInfo, Duplicate},
    metric::Metric,
    name::{NamePattern, TaskName},
    networks::{AllowList, Network, NetworkError},
    observe::{Each, GroupMetrics, Member, Summary},
    query::{Percentile, Query, QueryResult, Selection, Statistic},
    reading::Freshness,
    stats::Stats,
    uuid::ContainerUuid,
    visit::DataSource,
};
