//! Readings of a growing counter at even intervals, the latest kept.

use std::collections::VecDeque;

/// The latest readings of a counter, oldest first.
#[derive(Clone, Debug)]
pub(super) struct Window {
    readings: VecDeque<f64>,
    length: usize,
}

impl Window {
    /// Keeps what is needed to look `length` intervals back, at least 1.
    pub(super) fn new(length: usize) -> Self {
        Self {
            readings: VecDeque::with_capacity(length + 1),
            length,
        }
    }

    /// Takes a reading.
    pub(super) fn push(&mut self, reading: f64) {
        if self.readings.len() > self.length {
            self.readings.pop_front();
        }
        self.readings.push_back(reading);
    }

    /// Growth an interval over the latest `intervals`, or over those that there are; `None` before the second reading.
    pub(super) fn growth(&self, intervals: usize) -> Option<f64> {
        let last = self.readings.len().checked_sub(1)?;
        let over = intervals.min(last);
        if over == 0 {
            return None;
        }
        let (now, then) = (self.readings.get(last)?, self.readings.get(last - over)?);
        Some((now - then) / over as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_over_what_there_is() {
        let mut window = Window::new(3);
        assert_eq!(window.growth(2), None);
        window.push(5.0);
        assert_eq!(window.growth(2), None);
        for reading in [6.0, 9.0, 9.0, 10.0] {
            window.push(reading);
        }
        assert_eq!(window.growth(1), Some(1.0));
        assert_eq!(window.growth(2), Some(0.5));
        assert_eq!(window.growth(9), Some(4.0 / 3.0), "3 intervals are kept");
    }
}
