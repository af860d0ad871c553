//! What every policy under test has to offer, and what it gets to see.

use std::time::Duration;

use crate::{
    meter::Meter,
    replicas::{Replica, Replicas},
    setup::{Setup, time_of},
    telemetry::{Agents, Seen},
};

/// A policy under test.
pub trait Autoscaler {
    /// Time between two polls of the sFlow agents under it; only those policies look at it that use sFlow.
    fn polling(&self) -> Duration {
        Duration::from_secs(2)
    }

    /// Called at every step; returns another number of replicas, or nothing.
    ///
    /// The policy keeps its own rhythm and its own windows. What it returns is brought into the service's bounds.
    fn tick(&mut self, view: &View<'_>) -> Option<u32>;
}

/// A service at one moment, before what happens in the step that begins.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    pub(crate) step: u64,
    pub(crate) setup: &'a Setup,
    pub(crate) replicas: &'a Replicas,
    pub(crate) meter: &'a Meter,
    pub(crate) agents: &'a Agents,
}

impl View<'_> {
    /// Time since the beginning.
    #[must_use]
    pub const fn now(&self) -> Duration {
        time_of(self.step)
    }

    /// The step that begins.
    #[must_use]
    pub const fn step(&self) -> u64 {
        self.step
    }

    /// Whether a period that began at `offset` seconds begins anew at this step.
    #[must_use]
    pub const fn every(&self, seconds: u64, offset: u64) -> bool {
        let period = seconds * crate::setup::STEPS_PER_SECOND;
        self.step % period == offset * crate::setup::STEPS_PER_SECOND % period
    }

    /// The service.
    #[must_use]
    pub const fn setup(&self) -> &Setup {
        self.setup
    }

    /// Replicas asked for.
    #[must_use]
    pub const fn spec(&self) -> u32 {
        self.replicas.spec()
    }

    /// Replicas that serve.
    #[must_use]
    pub fn serving(&self) -> &[Replica] {
        self.replicas.serving()
    }

    /// The replicas.
    #[must_use]
    pub const fn replicas(&self) -> &Replicas {
        self.replicas
    }

    /// What the service's own instruments count; a policy may only use what its real counterpart can read.
    #[must_use]
    pub const fn meter(&self) -> &Meter {
        self.meter
    }

    /// What sFlow tells.
    #[must_use]
    pub fn telemetry(&self) -> Seen {
        self.agents.seen(self.replicas.serving(), self.step)
    }
}
