//! What holds for all services alike: ages, waits and limits of the engine.
//!
//! Per-service numbers are labels with [`crate::Defaults`].

use std::time::Duration;

use serde::Deserialize;

use crate::labels::read;

/// Engine-wide waits and limits, as a table of the configuration file. Durations are written as in labels: `30s`, `1m 30s`, `90`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Counters older than this are stale, whatever their source's interval; default 90 s.
    #[serde(deserialize_with = "read::duration")]
    pub telemetry_max_age: Duration,
    /// A view of the swarm older than this is stale; default 10 s.
    #[serde(deserialize_with = "read::duration")]
    pub view_max_age: Duration,
    /// No shrinking for so long after the start and after becoming leader; default 60 s.
    #[serde(deserialize_with = "read::duration")]
    pub warm_up: Duration,
    /// No shrinking for so long after a task of the service was seen to fail: load that falls then is no lack of demand; default 60 s.
    #[serde(deserialize_with = "read::duration")]
    pub failing_wait: Duration,
    /// Most writes in any minute over all services; default 600.
    pub changes_per_minute_max: usize,
    /// Wait after a write whose outcome is unknown, unless the view shows it done; default 30 s (a leaderless engine hangs for 20 s).
    #[serde(deserialize_with = "read::duration")]
    pub unknown_wait: Duration,
    /// First wait after a failed or refused write; doubles with each further one; default 4 s.
    #[serde(deserialize_with = "read::duration")]
    pub back_off_base: Duration,
    /// Longest wait after failed writes; default 5 min.
    #[serde(deserialize_with = "read::duration")]
    pub back_off_max: Duration,
    /// Telemetry that cannot be acted on for so long is told as lost; default 30 s. Nothing shrinks on it in the meantime either.
    #[serde(deserialize_with = "read::duration")]
    pub telemetry_lost_after: Duration,
    /// A replica is not judged against its siblings before it has been seen for so long; default 45 s.
    #[serde(deserialize_with = "read::duration")]
    pub outlier_settle: Duration,
    /// A replica stands out when it did much worse than its siblings for so long; default 60 s.
    #[serde(deserialize_with = "read::duration")]
    pub outlier_after: Duration,
    /// State and history of a service that is gone are kept for so long; default 10 min.
    #[serde(deserialize_with = "read::duration")]
    pub forget_after: Duration,
    /// Most services with state; further ones are not looked at; default 10,000.
    pub services_max: usize,
    /// Most writes in flight over all services; default 64.
    pub in_flight_max: usize,
    /// Records of changes kept for each service; default 32, at least 1.
    pub history_scales: usize,
    /// Records of holds kept for each service, equal ones in a row counting as one; default 16, at least 1.
    pub history_holds: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            telemetry_max_age: Duration::from_secs(90),
            view_max_age: Duration::from_secs(10),
            warm_up: Duration::from_secs(60),
            failing_wait: Duration::from_secs(60),
            changes_per_minute_max: 600,
            unknown_wait: Duration::from_secs(30),
            back_off_base: Duration::from_secs(4),
            back_off_max: Duration::from_secs(300),
            telemetry_lost_after: Duration::from_secs(30),
            outlier_settle: Duration::from_secs(45),
            outlier_after: Duration::from_secs(60),
            forget_after: Duration::from_secs(600),
            services_max: 10_000,
            in_flight_max: 64,
            history_scales: 32,
            history_holds: 16,
        }
    }
}
