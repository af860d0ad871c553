//! The only code that talks to the Docker Engine API: a view of the swarm and one write.
//!
//! The core is [`View`] (what is there) and [`ServiceDocument`] (one number changed in a specification, everything else
//! left as the engine sent it); both are pure. The shell is [`Client`] (requests), and [`Watch`] (a task that lists the
//! swarm again and again and publishes the newest [`View`]).
//!
//! It decides nothing: which service may be scaled, and when, is the caller's. It creates, removes and updates nothing
//! but the number of replicas.

mod client;
mod document;
mod endpoint;
mod error;
mod id;
mod model;
mod parse;
#[cfg(test)]
mod testing;
mod transport;
mod view;
mod watch;

pub use client::{
    Applied, Client, ClientOptions, ClientStats, EngineVersion, LocalContainer, ServiceLabels,
    SetReplicas,
};
pub use document::{DocumentError, ServiceDocument};
pub use endpoint::{Certificates, Endpoint, EndpointError};
pub use error::{ClientError, EngineError, ErrorKind, SetReplicasError};
pub use id::{ContainerId, NodeId, ServiceId, TaskId};
pub use model::{
    Availability, LastUpdate, Leadership, Mode, Node, NodeState, Phase, Protocol, PublishMode,
    Resources, Role, Service, ServicePort, Task, TaskAddress, TaskPort, TaskState, UpdateState,
};
pub use parse::{ListKind, ParseError, RawSwarm};
pub use view::{EngineInfo, View};
pub use watch::{Clock, Observed, Watch, WatchConfig, WatchStats};
