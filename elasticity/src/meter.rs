//! What every replica and the service as a whole did since the beginning, as counters that only grow.
//!
//! The load is shared evenly, so one pair of counters tells what any replica did between two moments at which it served.

/// Counters of a service.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Meter {
    /// Processor seconds of a replica that served all the time; in a second at most 1.
    pub busy: f64,
    /// Requests that came to a replica that served all the time, those that it turned away included.
    pub offered: f64,
    /// Requests that came to the service, those that it turned away included.
    pub offered_total: f64,
}

impl Meter {
    /// Counts one step.
    pub(crate) fn advance(&mut self, arrivals: f64, served: f64, capacity: f64, serving: f64) {
        if serving > 0.0 {
            self.busy += served / capacity;
            self.offered += arrivals / serving;
        }
        self.offered_total += arrivals;
    }
}
