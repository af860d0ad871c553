//! Policy and observation to decision, and the engine that keeps its state over time.
//!
//! A pure core: no I/O, no clock, no randomness. `now` is a [`std::time::Duration`] since an epoch that the shell chose; wall-clock
//! time comes beside it in Unix milliseconds and only ever ends up in records. The crate knows neither the Engine API nor sFlow:
//! the shell translates a swarm view and collected metrics into [`Inputs`] and carries out the [`Command`]s.
//!
//! The way of one tick: service labels become a [`Policy`] ([`labels`]); [`decide()`] turns policy, [`ServiceState`],
//! [`Track`], [`Observation`] and [`SwarmCondition`] into a [`Verdict`]; the [`Engine`] keeps state over time and files a [`DecisionRecord`] for each service,
//! which [`DecisionRecord::explain`] puts in a person's words.
//!
//! Rules that hold for every policy, each with a test of its name in `tests/scaler/laws.rs`: a decision never leaves `min..=max`; a
//! service inside its bounds never shrinks on partial telemetry; the same input gives the same decision; a service has at most
//! one write in flight.

pub mod admin;
pub mod arbitration;
pub mod decide;
pub mod engine;
pub mod event;
mod explain;
mod history;
pub mod hold;
pub mod labels;
pub mod metric;
pub mod observation;
pub mod outlier;
pub mod pause;
pub mod policy;
pub mod record;
pub mod settings;
pub mod shadow;
mod time;
pub mod track;

pub use admin::{AdminError, AdminMode, AdminState, Effective, Scope};
pub use decide::{
    Clamp, Decision, Proposal, Reset, ResetBy, ScaleReason, ServiceState, Situation, Verdict,
    decide,
};
pub use engine::{Command, Engine, Inputs, Resources, ServiceInput, ServiceStatus, Stats};
pub use event::{Event, EventKind};
pub use hold::{HoldKind, HoldReason};
pub use labels::{Defaults, LABELS, LabelError};
pub use metric::{Metric, MetricObservation, Readings};
pub use observation::{
    ChangeLooks, Leadership, Mode, Nodes, Observation, Rollout, ServiceId, ServiceName, SpecChange,
    SwarmCondition,
};
pub use outlier::{Outlier, OutlierKind, OutlierPolicy, Replica, ReplicaId};
pub use policy::{
    Aim, Bounds, Direction, Marks, PerDirection, Policy, PolicyError, Predict, Target, Tracking,
};
pub use record::{DecisionRecord, Outcome, Reading, RecordOutcome, STAGES};
pub use settings::Settings;
pub use track::{MetricProposal, TickTime, Track};
