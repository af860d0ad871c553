//! The last decision records of one service, bounded, so that "why did it scale five minutes ago" can be answered.
//!
//! Equal decisions in a row make one record with a count. Changes and holds have places of their own: holds that alternate never
//! push out the record of a change. Holds that wait for a write leave no trace once another hold follows: the record of the change
//! has its outcome.
//!
//! Worst case, all places of the default settings taken and one metric with marks: 29 kB for each service, 57 MB for 2,000 of them
//! (`memory_is_bounded` prints the figure). A service that is merely held costs one record, under 1 kB.

use std::collections::VecDeque;

use crate::{
    decide::Decision,
    record::{DecisionRecord, RecordOutcome},
};

/// The last records of one service.
#[derive(Clone, Debug)]
pub(crate) struct History {
    scales: VecDeque<DecisionRecord>,
    holds: VecDeque<DecisionRecord>,
    scales_max: usize,
    holds_max: usize,
    last_is_scale: bool,
}

impl History {
    /// An empty history for so many changes and holds, at least one of each.
    pub(crate) fn new(scales_max: usize, holds_max: usize) -> Self {
        Self {
            scales: VecDeque::new(),
            holds: VecDeque::new(),
            scales_max: scales_max.max(1),
            holds_max: holds_max.max(1),
            last_is_scale: false,
        }
    }

    /// Files a record; returns whether it opened a new stretch.
    pub(crate) fn push(&mut self, record: DecisionRecord) -> bool {
        let is_scale = matches!(record.decision, Decision::Scale { .. });
        if let Some(last) = self.last_mut().filter(|last| last.continues(&record)) {
            let (tick, first_unix_ms, count) =
                (last.tick, last.first_unix_ms, last.count.saturating_add(1));
            *last = DecisionRecord {
                tick,
                first_unix_ms,
                count,
                ..record
            };
            return false;
        }
        if !is_scale && !self.last_is_scale && self.holds.back().is_some_and(is_passing) {
            self.holds.pop_back();
        }
        let (ring, max) = if is_scale {
            (&mut self.scales, self.scales_max)
        } else {
            (&mut self.holds, self.holds_max)
        };
        if ring.len() >= max {
            ring.pop_front();
        }
        ring.push_back(record);
        self.last_is_scale = is_scale;
        true
    }

    /// The latest record.
    pub(crate) fn last(&self) -> Option<&DecisionRecord> {
        if self.last_is_scale {
            self.scales.back()
        } else {
            self.holds.back()
        }
    }

    fn last_mut(&mut self) -> Option<&mut DecisionRecord> {
        if self.last_is_scale {
            self.scales.back_mut()
        } else {
            self.holds.back_mut()
        }
    }

    /// Notes what became of the change decided at `tick`, if its record is still kept.
    pub(crate) fn settle(
        &mut self,
        tick: u64,
        outcome: impl FnOnce(&DecisionRecord) -> RecordOutcome,
    ) -> Option<&DecisionRecord> {
        let record = self
            .scales
            .iter_mut()
            .rev()
            .find(|record| record.tick == tick)?;
        record.outcome = Some(outcome(record));
        Some(record)
    }

    /// All records, oldest first.
    pub(crate) fn records(&self) -> Vec<&DecisionRecord> {
        let mut records: Vec<_> = self.scales.iter().chain(&self.holds).collect();
        records.sort_by_key(|record| record.tick);
        records
    }

    /// The record in effect at a wall-clock time: the latest that began by then.
    pub(crate) fn at(&self, unix_ms: u64) -> Option<&DecisionRecord> {
        self.records()
            .into_iter()
            .rev()
            .find(|record| record.first_unix_ms <= unix_ms)
    }

    /// Estimated memory, heap included, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let rings = (self.scales.capacity() + self.holds.capacity()) * size_of::<DecisionRecord>();
        let inner: usize = self
            .scales
            .iter()
            .chain(&self.holds)
            .map(DecisionRecord::heap_bytes)
            .sum();
        size_of::<Self>() + rings + inner
    }
}

fn is_passing(record: &DecisionRecord) -> bool {
    matches!(&record.decision, Decision::Hold(reason) if reason.kind().is_passing())
}
