//! Kubernetes' horizontal pod autoscaler v2 on processor use (`pkg/controller/podautoscaler`), with the delays under it.
//!
//! A container's counters are read every 10 s (kubelet housekeeping), taken over every 15 s (metrics-server), and looked at every
//! 15 s (`--horizontal-pod-autoscaler-sync-period`): 27.5 s on average until a change of the load shows, 55 s at worst.

mod calculate;
mod limit;

use std::{collections::VecDeque, time::Duration};

use super::TARGET;
use crate::autoscaler::{Autoscaler, View};
use calculate::{Pods, replicas_for};
use limit::Limits;

const HOUSEKEEPING_SECONDS: u64 = 10;
const SCRAPE_SECONDS: u64 = 15;
const SYNC_SECONDS: u64 = 15;

/// Where in their periods housekeeping and scrapes fall; in the middle, as they do on average.
const HOUSEKEEPING_OFFSET: u64 = 3;
const SCRAPE_OFFSET: u64 = 7;

/// A reading of a container's counters: its step, and processor seconds of a replica that always served.
type Point = (u64, f64);

/// The autoscaler of one deployment.
#[derive(Clone, Debug)]
pub struct Hpa {
    housekept: Point,
    scraped: VecDeque<Point>,
    limits: Limits,
}

impl Hpa {
    /// With its defaults: shrinks to the highest recommendation of 300 s.
    #[must_use]
    pub fn defaults() -> Self {
        Self::with_window(Duration::from_secs(300))
    }

    /// Tuned: `behavior.scaleDown.stabilizationWindowSeconds: 15`, the length of one sync period.
    #[must_use]
    pub fn tuned() -> Self {
        Self::with_window(Duration::from_secs(15))
    }

    fn with_window(scale_down: Duration) -> Self {
        Self {
            housekept: (0, 0.0),
            scraped: VecDeque::new(),
            limits: Limits::new(scale_down),
        }
    }

    /// Pods by what is known of them at the newest scrape.
    fn pods(&self, view: &View<'_>) -> Option<Pods> {
        let [(from, busy_from), (to, busy_to)] = [*self.scraped.front()?, *self.scraped.get(1)?];
        if to <= from {
            return None;
        }
        let usage = (busy_to - busy_from) / crate::setup::time_of(to - from).as_secs_f64();
        // A sample counts once its whole window lies after the moment at which the pod became ready.
        let measured = view
            .serving()
            .iter()
            .filter(|replica| replica.since <= from)
            .count();
        let unready = view.serving().len() - measured + view.replicas().starting_count() as usize;
        Some(Pods {
            measured: measured as f64,
            usage,
            unready: unready as f64,
            missing: 0.0,
        })
    }
}

impl Autoscaler for Hpa {
    fn tick(&mut self, view: &View<'_>) -> Option<u32> {
        if view.every(HOUSEKEEPING_SECONDS, HOUSEKEEPING_OFFSET) {
            self.housekept = (view.step(), view.meter().busy);
        }
        if view.every(SCRAPE_SECONDS, SCRAPE_OFFSET) && self.scraped.back() != Some(&self.housekept)
        {
            self.scraped.push_back(self.housekept);
            if self.scraped.len() > 2 {
                self.scraped.pop_front();
            }
        }
        if !view.every(SYNC_SECONDS, 0) {
            return None;
        }
        let current = f64::from(view.spec());
        let wanted = replicas_for(&self.pods(view)?, current, TARGET)?;
        let wanted = f64::from(view.setup().bounded(wanted));
        let allowed = self.limits.apply(current, wanted, view.now());
        let allowed = view.setup().bounded(allowed);
        self.limits
            .changed(f64::from(allowed) - current, view.now());
        Some(allowed)
    }
}
