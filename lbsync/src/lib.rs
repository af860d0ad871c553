//! Backend set to a table of virtual services, to a plan, to a data plane.
//!
//! ```text
//! streams --Sources--> BackendSet --desired()--> Desired --health, warm-up, drain--> target --+
//!                                                                                             +--> Plan --> DataPlane
//! DataPlane --list()--> Listing --------------------------------------------------------------+
//! ```
//!
//! [`Reconciler`] runs that circle. Everything that is diffed is a key and a configuration. The crate does no I/O and
//! reads no clock: a data plane that talks to a kernel implements [`DataPlane`] elsewhere, a shell connects for the
//! [`Probe`]s, brings up the VIPs of [`VipStatus`] and keeps the [`Memory`] over restarts. [`audit()`] and
//! [`ingress_audit`] only compare.

mod audit;
mod backend;
mod config;
mod data_plane;
mod desired;
mod diff;
mod ingress;
mod key;
mod labels;
mod memory;
mod ownership;
mod probe;
mod prober;
mod reconciler;
mod share;
mod sources;
mod table;

pub use audit::{Audit, ExpectedDestination, ExpectedService, Fault, Finding, audit};
pub use backend::{
    Backend, BackendPort, BackendSet, BackendState, Completeness, Generation, Service,
};
pub use config::{
    DestinationConfig, ForwardingMethod, Persistence, Scheduler, ServiceFlags, Thresholds, Tunnel,
    TunnelFlags, TunnelKind, VirtualServiceConfig,
};
pub use data_plane::{
    Attempt, Connections, DataPlane, DataPlaneError, Errno, ListedDestination, ListedService,
    Listing, Traffic,
};
pub use desired::{Desired, Origin, Problem, ProblemKind, TaskOrigin, desired};
pub use diff::{Plan, diff};
pub use ingress::{
    IngressFault, IngressFinding, IngressNetwork, IngressService, IngressTable, IngressTask,
    ingress_audit,
};
pub use key::{DestinationKey, EntryKey, Family, FirewallMarkKey, Protocol, VirtualServiceKey};
pub use labels::{
    ERRORS_MAX, LABELS, Label, LabelError, LabelProblem, Needs, PREFIX, ServiceLabels,
};
pub use memory::{Failure, MemoryDataPlane, foreign_service};
pub use ownership::{Existing, Ownership, Prefix, PrefixError};
pub use probe::{Probe, ProbeId, ProbeKind, ProbeOutcome, ProbeSpec};
pub use prober::{Health, ProbeStats, Prober};
pub use reconciler::{
    Announcement, Backoff, Counts, DestinationPhase, DestinationStatus, Memory, Pass, Reconciler,
    ReconcilerConfig, RememberedDestination, SourceStatus, Stats, Status, VipStatus,
    VirtualServiceStatus,
};
pub use share::Share;
pub use sources::{Choice, SourceState, Sources, SourcesConfig, Verdict};
pub use table::{Change, Step, Table, VirtualService, apply};
