//! What the page shows of all services and of the balancer: small rows, made once a second for everybody who looks on.
//!
//! Nothing is made while nobody does. It knows nothing of HTTP, and decides nothing.

mod balancer;
mod board;
mod points;
mod services;

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, time::MissedTickBehavior};

pub use board::{Board, BoardStats};
pub(crate) use points::note;

use crate::sidecar::Shared;

/// Time between two looks.
const INTERVAL: Duration = Duration::from_secs(1);

/// The boards of the page.
#[derive(Debug)]
pub struct Overview {
    /// A row for each service that opted in.
    pub services: Board,
    /// A row for each virtual service.
    pub balancer: Board,
}

impl Overview {
    /// Boards for at most so many listeners each.
    #[must_use]
    pub fn new(listeners_max: usize) -> Self {
        Self {
            services: Board::new(listeners_max),
            balancer: Board::new(listeners_max),
        }
    }

    /// Listeners, those turned away, and what was sent, of both boards together.
    #[must_use]
    pub fn stats(&self) -> BoardStats {
        let (one, other) = (self.services.stats(), self.balancer.stats());
        BoardStats {
            open: one.open + other.open,
            refused: one.refused + other.refused,
            sent_bytes: one.sent_bytes + other.sent_bytes,
        }
    }
}

/// Renews the boards that somebody listens to, until told to stop.
pub(crate) async fn run(shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut words = services::Words::default();
    loop {
        let overview = &shared.overview;
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            _ = ticks.tick() => {}
            () = overview.services.awaited() => {}
            () = overview.balancer.awaited() => {}
        }
        if overview.services.stats().open > 0 {
            let (head, rows) = services::board(&shared, &mut words);
            overview.services.publish(head, rows);
        }
        if overview.balancer.stats().open > 0 {
            let (head, rows) = balancer::board(&shared);
            overview.balancer.publish(head, rows);
        }
    }
    shared.overview.services.close();
    shared.overview.balancer.close();
}
